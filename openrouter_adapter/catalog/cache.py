"""OpenRouter's lists on disk, each in a JSON file of its own.

A file is replaced in one step, so another process reads the old list or the new one, never a part.
If two processes write it, the last one wins; both have what OpenRouter sent.
"""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from openrouter_adapter import files

FOLDER_VARIABLE: Final = "OPENROUTER_ADAPTER_CACHE"
_FORMAT: Final = 1

_logger = logging.getLogger("openrouter_adapter")


@dataclass(frozen=True, slots=True)
class CachedList:
    """A list as it was fetched.

    Attributes:
        rows: The wire's rows.
        fetched_at: When OpenRouter last confirmed them, seconds since 1970.
        etag: The list's ETag; None if it had none.
    """

    rows: list[dict[str, Any]]
    fetched_at: float
    etag: str | None = None


def folder() -> Path:
    """The folder of the files: `OPENROUTER_ADAPTER_CACHE`, else the user's cache folder."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("openrouter-adapter", appauthor=False))


def path(name: str, base_url: str) -> Path:
    """The file of a list. Lists of different servers are in different files."""
    server = hashlib.sha256(base_url.encode()).hexdigest()[:12]
    safe = "".join(letter if letter.isalnum() or letter in "-._" else "_" for letter in name)
    if safe != name:
        safe = f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return folder() / f"{safe}-{server}.json"


def read(file: Path) -> CachedList | None:
    """The list in a file; None if there is none. A file that can't be read logs a warning."""
    try:
        stored = orjson.loads(file.read_bytes())
        if stored["format"] != _FORMAT:
            return None
        rows = [dict(row) for row in stored["rows"]]
        etag = stored.get("etag")
        return CachedList(
            rows, float(stored["fetched_at"]), etag if isinstance(etag, str) else None
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as cause:
        _logger.warning("The cache file %s can't be read and is ignored: %s", file, cause)
        return None


def write(file: Path, entry: CachedList) -> None:
    """Writes a list to disk. A failure is only logged, because the list can be fetched again."""
    stored = {
        "format": _FORMAT,
        "fetched_at": entry.fetched_at,
        "etag": entry.etag,
        "rows": entry.rows,
    }
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with files.write_atomically(file, mode=0o600) as opened:
            opened.write(orjson.dumps(stored))
    except OSError as cause:
        _logger.warning("The cache file %s can't be written: %s", file, cause)
