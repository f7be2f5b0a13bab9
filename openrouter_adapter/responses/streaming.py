"""A stream of Responses events as LiteLLM's callers, callbacks, Router and proxy expect it.

LiteLLM's iterators skip lines that are not JSON, expect failures in another form and leave the
connection open; these handle all three themselves, and keep its logging, caching and ids.
"""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

import anyio
import httpx
import litellm
import orjson
from litellm.exceptions import APIConnectionError
from litellm.litellm_core_utils.asyncify import run_async_function
from litellm.responses.streaming_iterator import (
    BaseResponsesAPIStreamingIterator,
    ResponsesAPIStreamingIterator,
    SyncResponsesAPIStreamingIterator,
)

from openrouter_adapter import late_bills
from openrouter_adapter.responses import answers
from openrouter_adapter.responses.stream_reader import EventReader
from openrouter_adapter.wire import errors, midstream, usage
from openrouter_adapter.wire.sse import NotJSONError, TextParser

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from litellm.types.llms.openai import ResponseIncompleteEvent

    from openrouter_adapter.admission import Attempt


class _Stream(BaseResponsesAPIStreamingIterator):
    """The common part of both streams; `attempt` ends with the stream, or when it is left."""

    _reader: EventReader
    _attempt: Attempt
    _is_over: bool
    _has_failed: bool = False

    @classmethod
    def _of(cls, made: BaseResponsesAPIStreamingIterator, attempt: Attempt) -> Any:
        """The stream that replaces one of LiteLLM's, which has not been read."""
        reader = EventReader(made.response.headers, made.model)
        stream: Any = cls(
            response=made.response,
            model=made.model,
            responses_api_provider_config=reader,  # type: ignore[arg-type] # all it is asked
            logging_obj=made.logging_obj,
            litellm_metadata=made.litellm_metadata,
            custom_llm_provider=made.custom_llm_provider,
            request_data=made.request_data,
            call_type=made.call_type,
        )
        forwarded: Any = stream._hidden_params["additional_headers"]
        # Only usage.cost is the price: a header of this name would be of another origin.
        forwarded.pop(usage.COST_HEADER, None)
        stream._hidden_params["openrouter"] = usage.facts({}, reader.headers)
        stream._reader, stream._attempt, stream._is_over = reader, attempt, False
        return stream

    def _restore_provider_response_headers(self, logging_response: object) -> None:
        """Puts OpenRouter's facts on the callbacks' copy; LiteLLM omits them."""
        super()._restore_provider_response_headers(logging_response)
        copied: Any = getattr(logging_response, "response", None)
        given: Any = getattr(self.completed_response, "response", None)
        if copied is not None and given is not None and copied is not given:
            copied._hidden_params["openrouter"] = given._hidden_params.get("openrouter")

    def partial_response_on_disconnect(self) -> ResponseIncompleteEvent | None:
        """The event that LiteLLM's proxy passes to its success handlers if its client has left.

        It has no estimate of the tokens, unlike LiteLLM's. None for a stream that ended or failed.
        """
        if self.completed_response is not None or self._has_failed:
            return None
        late_bills.watch(self.logging_obj, self.response, lambda: self._reader.bill)
        return self._reader.incomplete_event

    @property
    def _is_json(self) -> bool:
        kind = str(self._reader.headers.get("content-type", ""))
        return kind.startswith("application/json")

    def _event_of_json(self, content: bytes) -> Any:
        """An answer that is not a stream, as its last event."""
        body = answers.parse(content, self._reader.headers, self.model)
        kind = answers.INCOMPLETE if body.get("status") == "incomplete" else answers.COMPLETED
        event = {"type": kind, "response": body, "sequence_number": 0}
        return SimpleNamespace(data=orjson.dumps(event).decode())

    def _take(self, data: str) -> Any:
        """LiteLLM's event of a line's data; None if it has none.

        Raises:
            One of LiteLLM's exceptions: it is not JSON, or the response failed.
        """
        self._check_max_streaming_duration()
        event = self._process_chunk(data)
        if event is None and data and not self.finished:
            # LiteLLM skips it: a lost delta would be a wrong answer.
            raise NotJSONError(data.encode("utf-8", "replace"))
        if self.completed_response is not None:
            self._finish_attempt()
        return event

    def _error(self, status: int, message: str) -> Exception:
        return errors.build(status, message, self._reader.headers, self.model)

    def _raise_if_cut(self) -> None:
        if self.completed_response is None:
            what = "early" if self._reader.has_output else "without an answer"
            raise self._error(503, f"the stream ended {what}: the answer is incomplete")

    def _finish_attempt(self, failure: BaseException | None = None) -> None:
        # The first of several counts.
        self._attempt.finish(self._reader.bill, failure)

    def _failure(self, cause: Exception) -> Exception:
        """The LiteLLM exception for the cause that broke the stream, with the partial answer."""
        self._has_failed = True
        exception = midstream.failure_of(cause, self._error, self.model) or cause
        if exception is cause and isinstance(cause, errors.MALFORMED):
            exception = self._error(503, f"the stream makes no answer ({type(cause).__name__})")
        known = exception.__dict__
        known["openrouter"] = {
            **usage.facts({"id": self._reader.bill.generation_id}, self._reader.headers),
            **(known.get("openrouter") or {}),
        }
        if known.get("partial_response") is None:
            known["partial_response"] = self._reader.partial_response
        self._finish_attempt(exception)
        self._handle_failure(exception)
        return exception

    def _raise(self, exception: Exception, cause: Exception) -> NoReturn:
        """Raises in the form that lets a Router fall back to another model."""
        if exception is not cause:
            exception.__cause__ = cause
        is_broken = isinstance(exception, APIConnectionError)
        if not midstream.may_fall_back(exception) or (is_broken and self._reader.has_output):
            raise exception
        partial = exception.__dict__.get("partial_response")
        text = partial.output_text if partial is not None else ""
        midstream.raise_wrapped(
            exception, self.model or "", text, is_pre_first_chunk=not self._reader.has_output
        )

    def _is_whole(self, cause: Exception) -> bool:
        """Whether the connection broke after the answer was complete."""
        return isinstance(cause, httpx.TransportError) and self.completed_response is not None


def _lines(response: httpx.Response) -> Iterator[Any]:
    """The data of a stream's events, in the form of LiteLLM's own decoder.

    LiteLLM's takes a byte-order mark for a part of the first field's name, and ends a line at
    characters that JSON may contain.
    """
    parser = TextParser()
    for piece in response.iter_bytes():
        for data in parser.feed(piece):
            yield SimpleNamespace(data=data)
    for data in parser.close():
        yield SimpleNamespace(data=data)


async def _alines(response: httpx.Response) -> AsyncIterator[Any]:
    """The asynchronous twin of `_lines`."""
    parser = TextParser()
    async for piece in response.aiter_bytes():
        for data in parser.feed(piece):
            yield SimpleNamespace(data=data)
    for data in parser.close():
        yield SimpleNamespace(data=data)


class OpenRouterResponsesStream(_Stream, SyncResponsesAPIStreamingIterator):
    """The stream that `litellm.responses(stream=True)` returns for an OpenRouter model.

    The whole answer is `stream.completed_response.response` after its event, with the cost in its
    hidden params. `close()` ends the stream early and frees the connection.
    """

    @classmethod
    def of(cls, made: Any, attempt: Attempt) -> OpenRouterResponsesStream:
        """The stream that replaces one of LiteLLM's."""
        stream: OpenRouterResponsesStream = cls._of(made, attempt)
        response = stream.response
        stream.stream_iterator = stream._json_events() if stream._is_json else _lines(response)
        return stream

    def _json_events(self) -> Iterator[Any]:
        yield self._event_of_json(self.response.read())

    def __next__(self) -> Any:
        if self._is_over:
            raise StopIteration
        try:
            event = self._next()
        except Exception as cause:  # noqa: BLE001 - every failure takes the same way out
            self.close(cause)
            if self._is_whole(cause):
                raise StopIteration from None
            self._raise(self._failure(cause), cause)
        if event is None:
            self.close()
            raise StopIteration
        return event

    def _next(self) -> Any:
        for line in self.stream_iterator:
            event = self._take(line.data)
            if self.finished:
                break
            if event is not None:
                return self._hooked(event)
        self.finished = True
        self._raise_if_cut()
        return None

    def _hooked(self, event: Any) -> Any:
        # LiteLLM starts an event loop for it, whether there is a hook or not.
        if litellm.callbacks:
            run: Any = run_async_function
            event = run(self._call_post_streaming_deployment_hook, chunk=event)
        return event

    def close(self, cause: BaseException | None = None) -> None:
        """Ends the stream and frees its connection. Its cost is reconciled later."""
        if not self._is_over:
            self._is_over = self.finished = True
            if cause is None:
                self._finish_attempt()
            self.response.close()

    def __del__(self) -> None:
        # After a `break` out of the loop, only this ends the stream.
        with contextlib.suppress(Exception):
            self.close()


class AsyncOpenRouterResponsesStream(_Stream, ResponsesAPIStreamingIterator):
    """The stream that `litellm.aresponses(stream=True)` returns for an OpenRouter model.

    Like `OpenRouterResponsesStream`; `aclose()` ends it early.
    """

    @classmethod
    def of(cls, made: Any, attempt: Attempt) -> AsyncOpenRouterResponsesStream:
        """The stream that replaces one of LiteLLM's."""
        stream: AsyncOpenRouterResponsesStream = cls._of(made, attempt)
        response = stream.response
        stream.stream_iterator = stream._json_events() if stream._is_json else _alines(response)
        return stream

    async def _json_events(self) -> AsyncIterator[Any]:
        yield self._event_of_json(await self.response.aread())

    async def __anext__(self) -> Any:
        if self._is_over:
            raise StopAsyncIteration
        try:
            event = await self._anext()
        except Exception as cause:  # noqa: BLE001 - every failure takes the same way out
            await self.aclose(cause)
            if self._is_whole(cause):
                raise StopAsyncIteration from None
            exception = self._failure(cause)
            await self._await_pending_logging()
            self._raise(exception, cause)
        if event is None:
            await self.aclose()
            raise StopAsyncIteration
        return event

    async def _anext(self) -> Any:
        async for line in self.stream_iterator:
            event = self._take(line.data)
            if self.finished:
                break
            if event is not None:
                hook: Any = self._call_post_streaming_deployment_hook
                return await hook(chunk=event)
        self.finished = True
        self._raise_if_cut()
        return None

    async def aclose(self, cause: BaseException | None = None) -> None:
        """Ends the stream and frees its connection. Its cost is reconciled later."""
        if not self._is_over:
            self._is_over = self.finished = True
            if cause is None:
                self._finish_attempt()
            # A cancelled task would be cancelled again at this await, and leak the connection.
            with anyio.CancelScope(shield=True):
                await self.response.aclose()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            if not self._is_over:
                self._finish_attempt()
