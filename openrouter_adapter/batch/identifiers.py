"""Finds ids that two lines share, in memory that does not grow with the input.

Each id's digest goes to one of 256 files by its first byte; the files are then searched one
after another. Two digests of 16 bytes are equal by chance in no input that fits on a disk.
"""

from __future__ import annotations

import struct
import tempfile
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

_ENTRY: Final = struct.Struct("<16sQ")
PREFIX: Final = "batch-ids-"
_PARTS: Final = 256
# Bytes of a part that wait to be written: 4 MB for all.
_WAITING: Final = 16 * 1024


class Identifiers:
    """The ids of an input; a context manager, whose files are gone afterwards."""

    def __init__(self, folder: Path | None = None) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix=PREFIX, dir=folder)
        self._waiting = [bytearray() for _ in range(_PARTS)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._temporary.cleanup()

    def add(self, custom_id: str, line: int) -> None:
        """Notes the id of a line."""
        digest = blake2b(custom_id.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        waiting = self._waiting[digest[0]]
        waiting += _ENTRY.pack(digest, line)
        if len(waiting) >= _WAITING:
            self._write(digest[0])

    def doubled(self) -> Iterator[tuple[int, int]]:
        """Each line whose id an earlier one has, with the number of that one."""
        for part in range(_PARTS):
            first: dict[bytes, int] = {}
            for digest, line in _ENTRY.iter_unpack(self._entries(part)):
                earlier = first.setdefault(digest, line)
                if earlier != line:
                    yield line, earlier

    def _entries(self, part: int) -> bytes:
        path = self._path(part)
        written = path.read_bytes() if path.exists() else b""
        return written + bytes(self._waiting[part])

    def _write(self, part: int) -> None:
        with self._path(part).open("ab") as file:
            file.write(self._waiting[part])
        self._waiting[part].clear()

    def _path(self, part: int) -> Path:
        return Path(self._temporary.name) / str(part)
