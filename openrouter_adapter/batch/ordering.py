"""Puts results.jsonl into the order of the input, in memory that does not grow with it."""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
from typing import TYPE_CHECKING, Final

from openrouter_adapter.batch import results
from openrouter_adapter.batch.results import Attempt

if TYPE_CHECKING:
    from pathlib import Path

_PLACE: Final = struct.Struct("<Q")


def sort_by_line(path: Path, last_line: int) -> None:
    """Rewrites a result file by line of the input; a kill leaves the old one or the new one.

    An index of eight bytes a line is made on disk. Results come nearly in order, so reading
    them by it reads the file nearly from front to back.

    Raises:
        OSError: there is no room for a second copy.
    """
    if not path.exists():
        return
    new = path.with_name(f"{path.name}.new")
    with tempfile.TemporaryFile(dir=path.parent) as index_file:
        index_file.truncate((last_line + 1) * _PLACE.size)
        with mmap.mmap(index_file.fileno(), 0) as index, path.open("rb") as source:
            place = 0
            for line in results.whole_lines(path):
                number = Attempt.of_id(results.id_of(line)).line
                _PLACE.pack_into(index, number * _PLACE.size, place + 1)
                place += len(line)
            with new.open("wb", buffering=1024 * 1024) as file:
                for (place,) in _PLACE.iter_unpack(index):
                    if place:
                        source.seek(place - 1)
                        file.write(source.readline())
                file.flush()
                os.fsync(file.fileno())
    new.replace(path)
