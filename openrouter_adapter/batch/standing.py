"""How a job stands, in a file: `batch status` need not read millions of results for it.

A run writes the file every few seconds, and when it has ended. It is believed while the run goes
on, and afterwards as long as results, failures and journal are as the run has left them. A killed
run leaves them otherwise: then they are read.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import orjson

from openrouter_adapter.batch.summary import Summary

if TYPE_CHECKING:
    from openrouter_adapter.batch.folder import Folder

# Seconds between two writings of a run.
INTERVAL: Final = 5.0
# A run that has not written for so long may hang: its results tell more, seconds.
_TOO_OLD: Final = 60.0


def content(folder: Folder, summary: Summary) -> dict[str, Any]:
    """What is written for a summary, as JSON values."""
    return {
        "summary": summary.as_json(),
        "latencies": summary.latencies.as_json(),
        "files": None if summary.running else _files(folder),
    }


def read(folder: Folder) -> Summary | None:
    """How a job stands by its file; None where that says nothing sure."""
    is_running = folder.is_in_use()
    try:
        found = orjson.loads(folder.standing.read_bytes())
        age = time.time() - folder.standing.stat().st_mtime
        if found["files"] is None:
            is_sure = is_running and age < _TOO_OLD
        else:
            is_sure = found["files"] == _files(folder)
        fields = found["summary"] | {"running": is_running}
        return Summary.of_json(folder.path, fields, found["latencies"]) if is_sure else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _files(folder: Folder) -> list[list[int]]:
    """Size and time of each file that a run appends to."""
    states = [file.stat() for file in (folder.results, folder.failures, folder.journal)]
    return [[state.st_size, state.st_mtime_ns] for state in states]
