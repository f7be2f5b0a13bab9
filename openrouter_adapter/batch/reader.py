"""The lines of a job's input: JSONL, gzipped or not, or a body builder's answer.

Lines are numbered from 1 as an editor numbers them. Blank lines are left out, and so are a
byte-order mark and the carriage return of Windows line ends.
"""

from __future__ import annotations

import gzip
from typing import IO, TYPE_CHECKING, Any, Final

import orjson

from openrouter_adapter.batch.exceptions import BatchError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_GZIP: Final = b"\x1f\x8b"
# A body builder's answer is what a model wrote: longer than this it is something else.
_LONGEST_ANSWER: Final = 64 * 1024 * 1024
_BUFFER: Final = 1024 * 1024

# OpenRouter's body builder writes chats without ids:
# https://openrouter.ai/docs/features/body-builder
_BUILT: Final = {"method": "POST", "url": "/v1/chat/completions"}


def lines(source: Path) -> Iterator[tuple[int, bytes]]:
    """Each line that isn't blank, with its number.

    Requests of a body builder's answer come as lines of a batch file, with the ids
    `request-1`, `request-2`, … in its order.

    Raises:
        BatchError: the file isn't there, can't be read, or ends within its compression.
    """
    try:
        built = _built(source)
        if built is None:
            yield from _plain(source)
            return
    except (OSError, EOFError) as failure:
        reason = getattr(failure, "strerror", None) or str(failure)
        raise BatchError(f"{source} can't be read: {reason}.") from None
    for number, body in enumerate(built, 1):
        line = {"custom_id": f"request-{number}", **_BUILT, "body": body}
        yield number, orjson.dumps(line)


def _plain(source: Path) -> Iterator[tuple[int, bytes]]:
    with _opened(source) as file:
        for number, line in enumerate(file, 1):
            text = line.strip()
            if number == 1:
                text = text.removeprefix(_BYTE_ORDER_MARK).lstrip()
            if text:
                yield number, text


def _opened(source: Path) -> IO[bytes]:
    file = source.open("rb", buffering=_BUFFER)
    if file.read(2) == _GZIP:
        file.close()
        return gzip.open(source, "rb")  # type: ignore[return-value] # reads bytes all the same
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
