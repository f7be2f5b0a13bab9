"""Checks a whole input before its first request is sent."""

from __future__ import annotations

import hashlib
import struct
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from openrouter_adapter.batch import inputs, requests
from openrouter_adapter.batch.exceptions import Fault, FaultyInput, LineFault
from openrouter_adapter.batch.folder import ID_INDEX_PREFIX
from openrouter_adapter.batch.inputs import LineSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Self

    from openrouter_adapter.batch.requests import Request

# Faults that are kept: of each message, and in all.
_MOST_EQUAL: Final = 100
_MOST_KEPT: Final = 1000

_ENTRY: Final = struct.Struct("<16sQ")
_PARTS: Final = 256
# Bytes of a part that may wait to be written: 4 MB for all parts.
_WAITING: Final = 16 * 1024


@dataclass(slots=True)
class Checked:
    """The result of a check.

    Attributes:
        requests: Number of lines with a request, invalid ones included.
        last_line: Number of the last line that isn't blank.
        fingerprint: Hash of the content.
        faults: The first hundred faults of each message, a thousand at most, by line.
        fault_count: Number of all faults.
        counts: Number of all faults by message, of the messages in `faults`.
        duplicates: Lines with the custom_id of an earlier line.
    """

    requests: int = 0
    last_line: int = 0
    fingerprint: str = ""
    faults: list[Fault] = field(default_factory=list)
    fault_count: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    duplicates: LineSet = field(default_factory=LineSet)

    def note(self, line: int, message: str) -> None:
        """Notes a fault."""
        self.fault_count += 1
        if message not in self.counts and len(self.faults) >= _MOST_KEPT:
            return
        self.counts[message] += 1
        if self.counts[message] <= _MOST_EQUAL and len(self.faults) < _MOST_KEPT:
            self.faults.append(Fault(line, message))

    def refuse(self, source: Path) -> NoReturn:
        """Raises the exception of an invalid input."""
        raise FaultyInput(str(source), self.faults, self.fault_count, self.counts)


def check(
    source: Path,
    model: str | None = None,
    *,
    inspect: Callable[[Request], str | None] | None = None,
    folder: Path | None = None,
) -> Checked:
    """Reads an input from end to end and says what is wrong with it.

    Args:
        source: The input.
        model: Replaces every line's own model.
        inspect: Called with each request; the text that it returns is a fault of the line.
        folder: Where the index of ids is kept in the meantime; None for the temporary folder.

    Raises:
        BatchError: the input can't be read.
    """
    found = Checked()
    content = hashlib.blake2b(digest_size=16)
    with CustomIds(folder) as identifiers:
        for number, text in inputs.lines(source):
            content.update(text)
            content.update(b"\n")
            found.requests += 1
            found.last_line = number
            try:
                request = requests.parse(number, text, model)
            except LineFault as fault:
                found.note(number, str(fault))
                continue
            identifiers.add(request.custom_id, number)
            complaint = inspect(request) if inspect is not None else None
            if complaint:
                found.note(number, complaint)
        for number, earlier in identifiers.duplicates():
            found.duplicates.add(number)
            found.note(number, f"custom_id is already used in line {earlier}; it must be unique")
    if not found.requests:
        found.note(0, f"{source} is empty: write a request on each line, or use `batch make`")
    found.fingerprint = content.hexdigest()
    found.faults.sort()
    return found


class CustomIds:
    """Finds ids that two lines share, in memory that does not grow with the input.

    A context manager, whose files are deleted afterwards. The digest of each id goes to one of 256
    files by its first byte; the files are then searched one after another. No input that fits on a
    disk has two different ids with the same digest of 16 bytes by chance.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix=ID_INDEX_PREFIX, dir=folder)
        self._waiting = [bytearray() for _ in range(_PARTS)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._temporary.cleanup()

    def add(self, custom_id: str, line: int) -> None:
        """Adds the id of a line."""
        digest = blake2b(custom_id.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        waiting = self._waiting[digest[0]]
        waiting += _ENTRY.pack(digest, line)
        if len(waiting) >= _WAITING:
            self._write(digest[0])

    def duplicates(self) -> Iterator[tuple[int, int]]:
        """Each line with the id of an earlier line, and the number of that line."""
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
