"""The lines of a job's input, and sets of them.

The input is JSONL, a JSON array of what would be lines, or a body builder's answer, each gzipped
or not. Other formats that people have are refused, with a sentence about what to do.

Lines are numbered from 1 as an editor numbers them. Blank lines are left out, and so are a
byte-order mark and the carriage return of Windows line ends.
"""

from __future__ import annotations

import contextlib
import gzip
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

import orjson

from openrouter_adapter.batch.exceptions import BatchError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
# UTF-16, which Windows calls Unicode and PowerShell's `>` writes.
UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
PARQUET: Final = b"PAR1"
_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"
# Excel's format until 2007.
_XLS: Final = b"\xd0\xcf\x11\xe0"
_TABLES: Final = (".csv", ".tsv")
# Bytes of the longest file that is read as one JSON value.
_LONGEST_VALUE: Final = 64 * 1024 * 1024
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

    Elements of an array are numbered in their order. Requests of a body builder's answer come as
    lines of a batch file, with the ids `request-1`, `request-2`, ….

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
        whole = _whole(source)
        if whole is None:
            yield from _plain(source, first_line, first_byte)
            return
    except (OSError, EOFError, zlib.error) as failure:
        reason = getattr(failure, "strerror", None) or str(failure)
        raise BatchError(f"{source} can't be read: {reason}.") from None
    yield from ((number, 0, line) for number, line in enumerate(whole, 1))


def _plain(source: Path, first_line: int, first_byte: int) -> Iterator[tuple[int, int, bytes]]:
    with _opened(source) as file:
        place = first_byte
        is_packed = isinstance(file, gzip.GzipFile)
        if place:
            file.seek(place)
        for number, line in enumerate(file, first_line if first_byte else 1):
            text = line.strip()
            if number == 1:
                text = text.removeprefix(BYTE_ORDER_MARK).lstrip()
            if text:
                yield number, 0 if is_packed else place, text
            place += len(line)


def unpacked(source: Path) -> IO[bytes]:
    """A file opened for reading, decompressed if it is gzip.

    Raises:
        BatchError: it is a workbook, or another archive.
        OSError: it can't be read.
    """
    file = source.open("rb", buffering=_BUFFER)
    mark = file.read(4)
    file.seek(0)
    if mark.startswith(_GZIP):
        file.close()
        return gzip.open(source, "rb")  # type: ignore[return-value] # reads bytes all the same
    if mark in {_ZIP, _XLS}:
        file.close()
        raise BatchError(_archive(source, mark))
    return file


def is_gzip(source: Path) -> bool:
    """Whether a file is gzip, by its first bytes."""
    with source.open("rb") as file:
        return file.read(2) == _GZIP


def _archive(source: Path, mark: bytes) -> str:
    """Why a workbook or an archive can't be read."""
    names: list[str] = []
    with contextlib.suppress(zipfile.BadZipFile):
        names = zipfile.ZipFile(source).namelist() if mark == _ZIP else ["xl/"]
    if any(name.startswith("xl/") for name in names):
        return (
            f"{source} is an Excel workbook. Save its sheet as CSV: in Excel, File, Save As, and "
            "the type “CSV UTF-8”."
        )
    if "content.xml" in names:
        return f"{source} is an OpenDocument file. Save its sheet as CSV, in UTF-8."
    return f"{source} is a zip archive. Unpack it, and give the file that was in it."


def _opened(source: Path) -> IO[bytes]:
    """An input, opened; refuses other kinds of file."""
    file = unpacked(source)
    # Both kinds of file can look ahead.
    mark = file.peek(4)[:4]  # type: ignore[attr-defined]
    is_table = mark == PARQUET or source.name.lower().removesuffix(".gz").endswith(_TABLES)
    if is_table or mark[:2] in UTF_16:
        file.close()
        raise BatchError(
            f"{source} is a table. Give --prompt and --model to send a request for each row, or "
            "make a job of it with `batch make`."
            if is_table
            else f"{source} is UTF-16. Save it as UTF-8."
        )
    return file


def _whole(source: Path) -> list[bytes] | None:
    """The lines of a file that is one JSON value; None for any other file."""
    with _opened(source) as file:
        head = file.readline(_LONGEST_VALUE).removeprefix(BYTE_ORDER_MARK)
        while head and not head.strip():
            head = file.readline(_LONGEST_VALUE)
        found = _parsed(head)
        is_array = head.lstrip().startswith(b"[")
        if found is None and (is_array or head.strip() == b"{" or b'"requests"' in head):
            found = _parsed(head + file.read(_LONGEST_VALUE))
            if found is None and is_array:
                raise BatchError(_broken_array(source, is_long=bool(file.read(1))))
    if isinstance(found, list):
        return [orjson.dumps(line) for line in found]
    if not isinstance(found, dict) or "custom_id" in found:
        return None
    built = found.get("requests")
    if not isinstance(built, list):
        return None
    return [
        orjson.dumps({"custom_id": f"request-{number}", **_BUILT, "body": body})
        for number, body in enumerate(built, 1)
    ]


def _broken_array(source: Path, *, is_long: bool) -> str:
    what = (
        f"longer than {_LONGEST_VALUE // 1024**2} MB"
        if is_long
        else "not valid JSON: an array must end with ], and have commas between its requests"
    )
    return (
        f"{source} begins as a JSON array, and is {what}. Write each request on a line of its own "
        f"instead; jq -c '.[]' {source} does that."
    )


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

    def update(self, lines: Iterable[int]) -> None:
        """Adds lines."""
        for line in lines:
            self.add(line)

    def __contains__(self, line: int) -> bool:
        place = line >> 3
        return place < len(self._bytes) and bool(self._bytes[place] & 1 << (line & 7))
