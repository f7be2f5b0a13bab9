"""Reads a stream's bytes: chunks, the whole answer, or the failure that broke it.

Connections, callbacks and callers are left to streaming.py.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import httpx
from litellm.exceptions import APIConnectionError

from openrouter_adapter.chat.accumulator import Accumulator
from openrouter_adapter.chat.chunks import ChunkBuilder
from openrouter_adapter.chat.response import model_response, put_partial
from openrouter_adapter.wire import completion, errors, midstream, usage
from openrouter_adapter.wire.sse import EventParser

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from litellm.types.utils import ModelResponse, ModelResponseStream


class StreamReader:
    """Reads one stream: `feed` takes bytes from the network, `next_chunk` returns what is ready.

    Attributes:
        accumulator: The answer so far.
        is_exhausted: Whether the stream has ended: `[DONE]` arrived, or the body ended.
    """

    __slots__ = (
        "_builder",
        "_events",
        "_headers",
        "_json_pieces",
        "_model",
        "_parser",
        "accumulator",
        "is_exhausted",
    )

    def __init__(
        self, headers: Mapping[str, str], model: str, parser: EventParser | None = None
    ) -> None:
        """Takes the response headers, the model asked for, and the parser of the events."""
        self.accumulator = Accumulator()
        self.is_exhausted = False
        self._headers = headers
        self._model = model
        self._builder = ChunkBuilder(self.accumulator, headers, model)
        self._parser = parser or EventParser()
        self._events: Iterator[dict[str, Any]] = iter(())
        # The body, if it is not a stream.
        self._json_pieces: list[bytes] | None = [] if _is_json(headers) else None

    def feed(self, piece: bytes | None) -> None:
        """Takes the next piece of the body, None at its end.

        Raises:
            One of LiteLLM's exceptions: the body is not a stream, but an error or no answer.
        """
        if piece is None:
            self.is_exhausted = True
        if self._json_pieces is None:
            self._events = self._parser.close() if piece is None else self._parser.feed(piece)
        elif piece is not None:
            self._json_pieces.append(piece)
        else:
            content = b"".join(self._json_pieces)
            self._events = iter([_as_event(content, self._headers, self._model)])

    def next_chunk(self) -> ModelResponseStream | None:
        """The next chunk of the bytes so far, or one that ends the answer; None if there is none.

        Raises:
            NotJSONError: a line is not a JSON object.
            One of LiteLLM's exceptions: an error arrived, or the answer is cut.
        """
        event = next(self._events, None)
        if event is not None:
            return self._take(event)
        if self._parser.done:
            self.is_exhausted = True
        if not self.is_exhausted or self.accumulator.is_finished:
            return None
        closing = self.accumulator.finish_tool_calls()
        if closing:
            return self._builder.build({"choices": closing})
        is_begun = self.accumulator.has_choices
        what = "before its finish reason" if is_begun else "without an answer"
        raise self._error(503, f"the stream ended {what}: the answer is incomplete")

    def whole(self) -> ModelResponse:
        """The answer so far, with cost and facts in the hidden params.

        Raises:
            One of `errors.MALFORMED`: the chunks, each valid by itself, form no answer.
        """
        return model_response(self.accumulator.completion(), self._headers)

    def bill(self) -> usage.Bill:
        """The bill of the stream so far."""
        return usage.read_bill(self.accumulator.head, self._headers)

    def ends_well(self, cause: Exception) -> bool:
        """Whether the connection broke after the answer was complete."""
        return isinstance(cause, httpx.TransportError) and self.accumulator.is_finished

    def no_answer(self, cause: Exception) -> Exception:
        """The exception for chunks that form no answer."""
        return self._error(503, f"the stream makes no answer ({type(cause).__name__})")

    def failure(self, cause: Exception) -> Exception:
        """The LiteLLM exception for the cause that broke the stream, with the partial answer."""
        exception = self._exception_of(cause)
        put_partial(exception, self._headers)
        exception.__dict__.setdefault("openrouter", {})
        if exception.__dict__.get("partial_response") is None:
            exception.__dict__["partial_response"] = self._partial_response()
        return exception

    def _exception_of(self, cause: Exception) -> Exception:
        line_is = "cut" if self.is_exhausted else "not JSON"
        found = midstream.failure_of(cause, self._error, self._model, line_is=line_is)
        if isinstance(found, APIConnectionError):
            found.__dict__["openrouter"] = usage.facts(self.accumulator.head, self._headers)
        return found or cause

    def _partial_response(self) -> ModelResponse | None:
        if self.accumulator.has_choices:
            # The partial answer may have any form; the failure matters more.
            with contextlib.suppress(*errors.MALFORMED):
                return self.whole()
        return None

    def _take(self, event: dict[str, Any]) -> ModelResponseStream:
        try:
            if not event.get("choices") and isinstance(event.get("provider"), dict):
                event = event["provider"]
            if not isinstance(event.get("choices"), list):
                event["choices"] = []
            self.accumulator.add(event)
            self._raise_for(event)
            return self._builder.build(event)
        except errors.MALFORMED as cause:
            what = f"a chunk of the stream is malformed ({type(cause).__name__})"
            raise self._error(503, what) from cause

    def _raise_for(self, event: dict[str, Any]) -> None:
        error, choices = event.get("error"), event["choices"]
        if not error:
            for choice in event["choices"]:
                if choice.get("error"):
                    error, choices = choice["error"], [choice]
                elif choice.get("finish_reason") == "error":
                    error = {"code": 502, "message": "the provider broke off with an error"}
                    choices = [choice]
        if error:
            raise self._error_of(error, choices)

    def _error(self, status: int, message: str) -> Exception:
        return self._error_of({"code": status, "message": message})

    def _error_of(self, error: Any, choices: Sequence[Any] = ()) -> Exception:
        """The exception of an error, with the facts and the cost of the stream so far."""
        body = {**self.accumulator.head, "error": error, "choices": choices}
        return errors.from_body(body, self._headers, self._model)


def _is_json(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").lower().startswith("application/json")


def _as_event(content: bytes, headers: Mapping[str, str], model: str) -> dict[str, Any]:
    """A completion that is not streamed, as the only event of its stream."""
    body = completion.parse(content, headers, model)
    for choice in body["choices"]:
        choice["delta"] = choice.pop("message")
    return body
