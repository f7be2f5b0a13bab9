"""Puts results.jsonl into the order of the input, in memory that does not grow with it."""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
from typing import IO, TYPE_CHECKING, Final

from openrouter_adapter.batch import results
from openrouter_adapter.batch.results import Attempt

if TYPE_CHECKING:
    from pathlib import Path

_PLACE: Final = struct.Struct("<Q")
_BUFFER: Final = 1024 * 1024


def sort_by_line(path: Path, new: Path, first_line: int, last_line: int) -> None:
    """Rewrites a result file by line of the input; a kill leaves the old one or the new one.

    An index of eight bytes a line is made on disk. Results come nearly in order, so reading
    them by it reads the file nearly from front to back.

    Args:
        path: The result file.
        new: Where it is written anew.
        first_line: The first line of the input that may have a result.
        last_line: The last one.

    Raises:
        OSError: there is no room for a second copy.
    """
    count = last_line - first_line + 1
    if not path.exists() or count < 1:
        return
    try:
        with tempfile.TemporaryFile(dir=path.parent) as index_file:
            _fill(index_file, count * _PLACE.size)
            with mmap.mmap(index_file.fileno(), 0) as index, path.open("rb") as source:
                _note_places(path, index, first_line)
                with new.open("wb", buffering=_BUFFER) as file:
                    for (place,) in _PLACE.iter_unpack(index):
                        if place:
                            source.seek(place - 1)
                            file.write(source.readline())
                    file.flush()
                    os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def _fill(file: IO[bytes], size: int) -> None:
    """Makes a file of zeros. Of a sparse one a full disk is found out by a bus error."""
    zeros = bytes(_BUFFER)
    for start in range(0, size, _BUFFER):
        file.write(zeros[: size - start])
    file.flush()


def _note_places(path: Path, index: mmap.mmap, first_line: int) -> None:
    """Writes where each line's result begins, from 1; 0 stays for none."""
    place = 0
    for line in results.whole_lines(path):
        number = Attempt.of_id(results.id_of(line)).line - first_line
        _PLACE.pack_into(index, number * _PLACE.size, place + 1)
        place += len(line)
