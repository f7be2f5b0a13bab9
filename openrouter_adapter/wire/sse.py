"""Server-sent events → JSON objects, whatever pieces the network cuts them into.

Follows https://html.spec.whatwg.org/multipage/server-sent-events.html, and knows OpenRouter's
closing `[DONE]`. It is stricter in one point: a line that can't be a field is an error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.wire import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

DONE: Final = b"[DONE]"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
# A comment, or a field; the standard requires unknown fields to be skipped.
_SKIPPED: Final = re.compile(rb"[A-Za-z0-9_.-]{0,40}(?::|\Z)")


class NotJSONError(ValueError):
    """A data line that is not a JSON object.

    `line` has its first 2,000 characters; the message has none of them, for they may be an answer,
    and repeat the prompt.
    """

    def __init__(self, line: bytes) -> None:
        self.line = line[: errors.MOST_RECEIVED].decode("utf-8", "replace")
        super().__init__(f"a line of {len(line):,} bytes is not a JSON object")


class EventParser:
    """Takes the stream's bytes piece by piece and yields the JSON object of each event.

    `done` turns True at `[DONE]`; what comes after it is ignored. Comments (OpenRouter sends
    `: OPENROUTER PROCESSING` for as long as a provider thinks) are skipped.
    """

    __slots__ = ("_data", "_rest", "_skip_line_feed", "done")

    def __init__(self) -> None:
        self.done = False
        # Pieces of a line that has not ended: joined once, so a long line (an image) that comes
        # in thousands of pieces costs its length and not the square of it.
        self._rest: list[bytes] = []
        self._data: list[bytes] = []
        self._skip_line_feed = False

    def feed(self, piece: bytes) -> Iterator[Any]:
        """Yields the events that `piece` completes.

        Raises:
            NotJSONError: a data line is not a JSON object. Nothing is skipped: a lost delta
                would be a wrong answer.
        """
        for line in self._lines(piece):
            if self.done:
                return
            if line[:5] == b"data:":
                self._data.append(line[6:] if line[5:6] == b" " else line[5:])
            elif not line:
                if self._data:
                    event = self._event()
                    if event is not None:
                        yield event
            elif line[:1] != b":":
                self._take_odd(line)

    def close(self) -> Iterator[Any]:
        """Yields the event that the end of the stream completes, if there is one."""
        if self._rest:
            yield from self.feed(b"\n\n")
        elif self._data and not self.done:
            event = self._event()
            if event is not None:
                yield event

    def _take_odd(self, line: bytes) -> None:
        """Takes a line that is neither data nor a comment: a bare JSON object counts as data.

        Gateways that fail answer with one.
        """
        line = line.removeprefix(_BYTE_ORDER_MARK)
        if line[:5] == b"data:":
            self._data.append(line[5:])
        elif line[:1] == b"{":
            self._data.append(line)
        elif not _SKIPPED.match(line):
            raise NotJSONError(line)

    def _event(self) -> Any:
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        self._data.clear()
        stripped = data.strip()
        if stripped == DONE:
            self.done = True
            return None
        return self._decode(data) if stripped else None

    def _decode(self, data: bytes) -> Any:
        try:
            event = errors.loads(data)
        except ValueError:
            raise NotJSONError(data) from None
        if not isinstance(event, dict):
            raise NotJSONError(data)
        return event

    def _lines(self, piece: bytes) -> list[bytes]:
        """The lines that `piece` completes; CR LF, LF and CR end one, also across pieces."""
        if self._skip_line_feed and piece:
            self._skip_line_feed = False
            if piece[:1] == b"\n":
                piece = piece[1:]
        if b"\r" in piece:
            # A CR at the very end may be half of a CR LF: the LF, if it comes, is not a line.
            self._skip_line_feed = piece[-1:] == b"\r"
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        end = piece.rfind(b"\n")
        if end < 0:
            if piece:
                self._rest.append(piece)
            return []
        block = piece[:end]
        if self._rest:
            block = b"".join((*self._rest, block))
            self._rest.clear()
        if end + 1 < len(piece):
            self._rest.append(piece[end + 1 :])
        return block.split(b"\n")


class TextParser(EventParser):
    """Yields the text of each event's data, for LiteLLM, which parses the JSON itself."""

    __slots__ = ()

    def _decode(self, data: bytes) -> Any:
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise NotJSONError(data) from None
