"""Reads a stream's bytes as they pass: the usage, the end, or the failure that broke it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.anthropic_messages import answers
from openrouter_adapter.wire import errors
from openrouter_adapter.wire.sse import EventParser, NotJSONError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openrouter_adapter.wire.usage import Bill

# Bytes of the events that say something about the whole message. All others, which are most, pass
# unread: with orjson each would take 1 µs, and finding these takes a hundredth of that.
_OF_MESSAGE: Final = (b'"usage"', b'"error"', b"message_st")
_DELTA: Final = b"content_block_delta"
_ENDS: Final = (b"\n\n", b"\r\n\r\n", b"\r\r")
_LONGEST_END: Final = 4
# OpenRouter's own end of a stream, which Anthropic's client takes for a broken event.
_DONE: Final = b"data: [DONE]"


class StreamReader:
    """Takes the stream's bytes piece by piece, and returns them cut between events.

    Attributes:
        headers: The response headers.
        model: The model asked for.
        has_output: Whether something of the answer has arrived.
        is_complete: Whether the message has ended.
        failure: The exception of an error event; None if there was none.
    """

    def __init__(self, headers: Mapping[str, str], model: str) -> None:
        """Takes the response headers, and the model asked for."""
        self.headers = headers
        self.model = model
        self.has_output = False
        self.is_complete = False
        self.failure: Exception | None = None
        self._has_begun = False
        self._message: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._stop_reason: Any = None
        # Pieces of an event that has not ended: joined once, however many they are.
        self._rest: list[bytes] = []
        self._last = b""

    def feed(self, piece: bytes) -> bytes:
        """The events that a piece completes, unchanged; empty if it completes none.

        Raises:
            NotJSONError: an event that is read is not JSON.
            One of LiteLLM's exceptions: an event has an unexpected form.
        """
        window = self._last + piece
        end = max(window.rfind(mark) + len(mark) if mark in window else 0 for mark in _ENDS)
        end -= len(self._last)
        if end <= 0:
            self._rest.append(piece)
            self._last = window[1 - _LONGEST_END :]
            return b""
        block = piece[:end]
        if self._rest:
            block = b"".join((*self._rest, block))
        rest = piece[end:]
        self._rest = [rest] if rest else []
        self._last = rest[1 - _LONGEST_END :]
        self._read(block)
        return _without_done(block) if _DONE in block else block

    def close(self) -> bytes:
        """The event that the end of the stream completes, if there is one; raises as `feed`."""
        return self.feed(b"\n\n") if self._rest else b""

    def bill(self) -> Bill:
        """What the stream cost, as far as it is known."""
        return answers.read_bill(self._so_far(), self.headers, self._stop_reason)

    def facts(self) -> dict[str, Any]:
        """The message so far in the form of a chat's answer, without its content."""
        return answers.facts(self._so_far())

    def _so_far(self) -> dict[str, Any]:
        return {**self._message, "usage": self._usage} if self._usage else self._message

    def _read(self, block: bytes) -> None:
        if self._has_begun and not any(mark in block for mark in _OF_MESSAGE):
            self.has_output = self.has_output or _DELTA in block
            return
        try:
            for event in EventParser().feed(block):
                self._take(event)
        except NotJSONError:
            raise
        except errors.MALFORMED as cause:
            what = f"an event of the stream is malformed ({type(cause).__name__})"
            raise errors.build(503, what, self.headers, self.model) from cause

    def _take(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        self._has_begun = self._has_begun or kind is not None
        if kind == "content_block_delta":
            self.has_output = True
            return
        message = event.get("message") if kind == "message_start" else None
        if isinstance(message, dict):
            self._message = {name: one for name, one in message.items() if name != "usage"}
            self._add_usage(message.get("usage"))
        self._add_usage(event.get("usage"))
        if kind == "message_delta":
            self._stop_reason = event["delta"].get("stop_reason") or self._stop_reason
        elif kind == "message_stop":
            self.is_complete = True
        elif (kind == "error" or event.get("error")) and self.failure is None:
            error = event.get("error") or {"message": "the stream failed"}
            body = {**self.facts(), **event, "error": error}
            self.failure = errors.from_body(body, self.headers, self.model)

    def _add_usage(self, usage: Any) -> None:
        if isinstance(usage, dict):
            self._usage |= {name: value for name, value in usage.items() if value is not None}


def _without_done(block: bytes) -> bytes:
    """The events before OpenRouter's `[DONE]` line."""
    at = 0 if block.startswith(_DONE) else block.find(b"\n" + _DONE) + 1
    if not at:
        return b"" if block.startswith(_DONE) else block
    return block[
        : max(block.rfind(mark, 0, at) + len(mark) if mark in block[:at] else 0 for mark in _ENDS)
    ]
