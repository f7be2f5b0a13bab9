"""The lines of a job's input, and sets of them.

The input is JSONL, gzipped or not, or a body builder's answer.

Lines are numbered from 1 as an editor numbers them. Blank lines are left out, and so are a
byte-order mark and the carriage return of Windows line ends.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

import orjson

from openrouter_adapter.batch.exceptions import BatchError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_GZIP: Final = b"\x1f\x8b"
# UTF-16, which Windows calls Unicode and PowerShell's `>` writes.
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
# A body builder's answer was written by a model; a longer file is something else.
_LONGEST_ANSWER: Final = 64 * 1024 * 1024
_BUFFER: Final = 1024 * 1024

# OpenRouter's body builder writes chat requests without ids:
# https://openrouter.ai/docs/features/body-builder
_BUILT: Final = {"method": "POST", "url": "/v1/chat/completions"}


@dataclass(frozen=True, slots=True)
class Part:
    """A range of an input.

    Attributes:
        first_line: The first line.
        last_line: The last line.
        first_byte: Where the first line begins; 0 if only reading from the start finds it.
        requests: Number of lines that aren't blank.
    """

    first_line: int
    last_line: int
    first_byte: int
    requests: int


def lines(source: Path, first_line: int = 1, first_byte: int = 0) -> Iterator[tuple[int, bytes]]:
    """Each line that isn't blank, with its number.

    Requests of a body builder's answer come as lines of a batch file, with the ids `request-1`,
    `request-2`, … in their order.

    Args:
        source: The file.
        first_line: The line to begin with.
        first_byte: Where it begins; 0 reads from the start of the file.

    Raises:
        BatchError: the file can't be read, isn't UTF-8, or is damaged or incomplete gzip.
    """
    for number, _, text in _places(source, first_line, first_byte):
        yield number, text


def parts(source: Path, last_line: int, count: int) -> list[Part]:
    """Divides an input into ranges of the same number of lines, give or take one.

    Args:
        source: The file.
        last_line: Number of its last line.
        count: Number of ranges.

    Raises:
        BatchError: the file can't be read.
    """
    lasts = [last_line * number // count for number in range(1, count + 1)]
    firsts = [(last + 1, 0) for last in lasts]
    requests = [0] * count
    part = 0
    for number, place, _ in _places(source):
        if number > last_line:
            break
        while number > lasts[part]:
            part += 1
        if not requests[part]:
            firsts[part] = number, place
        requests[part] += 1
    return [
        Part(first, last, byte, number)
        for (first, byte), last, number in zip(firsts, lasts, requests, strict=True)
    ]


def _places(
    source: Path, first_line: int = 1, first_byte: int = 0
) -> Iterator[tuple[int, int, bytes]]:
    """Each line that isn't blank: number, byte offset (0 if it can't be sought), content."""
    try:
        built = _built(source)
        if built is None:
            yield from _plain(source, first_line, first_byte)
            return
    except (OSError, EOFError, zlib.error) as failure:
        reason = getattr(failure, "strerror", None) or str(failure)
        raise BatchError(f"{source} can't be read: {reason}.") from None
    for number, body in enumerate(built, 1):
        line = {"custom_id": f"request-{number}", **_BUILT, "body": body}
        yield number, 0, orjson.dumps(line)


def _plain(source: Path, first_line: int, first_byte: int) -> Iterator[tuple[int, int, bytes]]:
    with _opened(source) as file:
        place = first_byte
        is_packed = isinstance(file, gzip.GzipFile)
        if place:
            file.seek(place)
        for number, line in enumerate(file, first_line if first_byte else 1):
            text = line.strip()
            if number == 1:
                text = text.removeprefix(_BYTE_ORDER_MARK).lstrip()
            if text:
                yield number, 0 if is_packed else place, text
            place += len(line)


def _opened(source: Path) -> IO[bytes]:
    file = source.open("rb", buffering=_BUFFER)
    mark = file.read(2)
    if mark == _GZIP:
        file.close()
        return gzip.open(source, "rb")  # type: ignore[return-value] # reads bytes all the same
    if mark in _UTF_16:
        file.close()
        raise BatchError(f"{source} is UTF-16. Save it as UTF-8.")
    file.seek(0)
    return file


def _built(source: Path) -> list[Any] | None:
    """The requests of a body builder's answer; None for any other file."""
    with _opened(source) as file:
        head = file.readline(_LONGEST_ANSWER).removeprefix(_BYTE_ORDER_MARK)
        first = _parsed(head)
        if isinstance(first, dict) and "requests" not in first:
            return None
        if first is None:
            if not head.lstrip().startswith(b"{") or b'"custom_id"' in head:
                return None
            first = _parsed(head + file.read(_LONGEST_ANSWER))
    found = first.get("requests") if isinstance(first, dict) else None
    is_batch_line = isinstance(first, dict) and "custom_id" in first
    return found if isinstance(found, list) and not is_batch_line else None


def _parsed(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None


class LineSet:
    """A set of line numbers, of one bit each."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def add(self, line: int) -> None:
        """Adds a line."""
        place, bit = line >> 3, 1 << (line & 7)
        if place >= len(self._bytes):
            self._bytes.extend(bytes(max(place + 1 - len(self._bytes), 4096)))
        self._bytes[place] |= bit

    def __contains__(self, line: int) -> bool:
        place = line >> 3
        return place < len(self._bytes) and bool(self._bytes[place] & 1 << (line & 7))
