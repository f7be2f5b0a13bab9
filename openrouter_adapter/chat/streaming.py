"""A stream of chat chunks as LiteLLM's callers, callbacks, Router and proxy expect it.

LiteLLM's own wrapper rebuilds each chunk several times, loses fields doing so, and hands each
to a thread. This one reads each chunk once (stream_reader.py), and notifies the callbacks once, at
the end, with the whole answer and its cost.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import itertools
import traceback
from typing import TYPE_CHECKING, Any, Final, NoReturn

import anyio
import httpx
import litellm
from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper
from litellm.litellm_core_utils.thread_pool_executor import executor

from openrouter_adapter import background, late_bills
from openrouter_adapter.chat.chunks import ChunksSoFar
from openrouter_adapter.chat.stream_reader import StreamReader
from openrouter_adapter.endpoint import tell_of_failure
from openrouter_adapter.wire import errors, midstream, usage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from litellm.types.utils import ModelResponse, ModelResponseStream

    from openrouter_adapter.admission import Attempt
    from openrouter_adapter.wire.sse import EventParser

# What LiteLLM's own streams put in the log in place of an answer.
_ORIGINAL_RESPONSE: Final = "first stream response received"

# Attribute of the log with the stream's answer; a Router's stream around it shares the log.
_RESPONSE: Final = "_openrouter_response"

# The number of pieces that are read after `[DONE]` to reach the end of the body.
_MOST_AFTER_DONE: Final = 8


class OpenRouterStream(CustomStreamWrapper, late_bills.Unbilled):
    """The stream that `litellm.completion(stream=True)` returns for an OpenRouter model.

    `response` is the whole answer after the last chunk, with its cost in the hidden params as on an
    unstreamed one; None before. `close()` and `aclose()` end the stream early and free the
    connection.
    """

    # LiteLLM's class has a property of this name while this package is registered.
    response: ModelResponse | None = None

    def __init__(
        self,
        http_response: httpx.Response,
        *,
        pieces: Iterator[bytes] | AsyncIterator[bytes],
        model: str,
        logging_obj: Any,
        attempt: Attempt,
        parser: EventParser | None = None,
    ) -> None:
        """Wraps an HTTP response whose body has not been read.

        Args:
            http_response: The answer; closed at the end of the stream.
            pieces: Its body in the pieces of the network.
            model: The model asked for.
            logging_obj: LiteLLM's logging object of the call.
            attempt: The request's attempt; it ends with the stream, or when the stream is left.
            parser: Reads the events; a chat's by default.
        """
        self._reader = StreamReader(http_response.headers, model, parser)
        self._accumulator = self._reader.accumulator
        super().__init__(
            completion_stream=pieces,
            model=model,
            custom_llm_provider=errors.PROVIDER,
            logging_obj=logging_obj,
            _response_headers=http_response.headers,
        )
        forwarded: Any = self._hidden_params["additional_headers"]
        forwarded.pop(usage.COST_HEADER, None)
        self._http_response = http_response
        self.chunks: list[ModelResponseStream] = ChunksSoFar(
            self._accumulator, http_response.headers, model
        )
        self._is_async = hasattr(pieces, "__anext__")
        self._attempt = attempt
        self._is_attempt_finished = False
        self._listeners = _stream_listeners(logging_obj)
        late_bills.watch(logging_obj, http_response, self._reader.bill)

    @property
    def response_uptil_now(self) -> str:
        """The text so far. LiteLLM reads it if a stream breaks."""
        return self._accumulator.text

    @response_uptil_now.setter
    def response_uptil_now(self, _: str) -> None:
        """Ignored: the accumulator has the text. LiteLLM's constructor sets it."""

    def __next__(self) -> ModelResponseStream:
        if self.completion_stream is None:
            raise StopIteration
        if self._is_async:
            raise TypeError("a stream of acompletion is read with `async for`")
        reader = self._reader
        try:
            self._check_max_streaming_duration()
            chunk = reader.next_chunk()
            while chunk is None and not reader.is_exhausted:
                reader.feed(next(self.completion_stream, None))
                chunk = reader.next_chunk()
            if chunk is not None:
                return self._given(chunk)
        except Exception as cause:  # noqa: BLE001 - every failure takes LiteLLM's way out
            if not reader.ends_well(cause):
                self._fail(cause)
        pieces = self.completion_stream
        try:
            response, logged = self._finish()
        except errors.MALFORMED as cause:
            self._fail(reader.no_answer(cause))
        self._succeed(pieces, response, logged)
        raise StopIteration

    async def __anext__(self) -> ModelResponseStream:
        if self.completion_stream is None:
            raise StopAsyncIteration
        if not self._is_async:
            return await self._next_of_sync_stream()
        reader = self._reader
        try:
            self._check_max_streaming_duration()
            chunk = reader.next_chunk()
            while chunk is None and not reader.is_exhausted:
                reader.feed(await anext(self.completion_stream, None))
                chunk = reader.next_chunk()
            if chunk is not None:
                return await self._agiven(chunk)
        except Exception as cause:  # noqa: BLE001 - every failure takes LiteLLM's way out
            if not reader.ends_well(cause):
                await self._afail(cause)
        pieces = self.completion_stream
        try:
            response, logged = self._finish()
        except errors.MALFORMED as cause:
            await self._afail(reader.no_answer(cause))
        await self._asucceed(pieces, response, logged)
        raise StopAsyncIteration

    async def _next_of_sync_stream(self) -> ModelResponseStream:
        """`async for` over a stream that `litellm.completion` made: LiteLLM allows it."""
        chunk = await asyncio.to_thread(next, self, None)
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    def _given(self, chunk: ModelResponseStream) -> ModelResponseStream:
        """LiteLLM's steps for each chunk before the caller gets it."""
        if not self.sent_first_chunk:
            self.response_id = chunk.id
            details = self.logging_obj.model_call_details
            if details.get("original_response") is self:
                # LiteLLM puts the stream there: a cycle, which would keep the connection of a
                # stream left by `break` until the next garbage collection.
                details["original_response"] = _ORIGINAL_RESPONSE
            if self.logging_obj.completion_start_time is None:
                now = datetime.datetime.now()  # noqa: DTZ005 - LiteLLM's clock is naive
                self.logging_obj.update_completion_start_time(completion_start_time=now)
            chunk = self._add_mcp_list_tools_to_first_chunk(chunk)
            self.sent_first_chunk = True
        if self.merge_reasoning_content_in_choices:
            self._optional_combine_thinking_block_in_choices(chunk)
        if litellm.post_call_rules:
            self.rules.post_call_rules(input=self.response_uptil_now, model=self.model)
        for listener in self._listeners:
            executor.submit(_notify_of_chunk, listener, self.logging_obj, chunk)
        if self._accumulator.usage is not None:
            chunk = self._add_mcp_metadata_to_final_chunk(chunk)
        return chunk

    async def _agiven(self, chunk: ModelResponseStream) -> ModelResponseStream:
        given = self._given(chunk)
        if self._accumulator.usage is None:
            return given
        hook: Any = self._call_post_streaming_deployment_hook
        return await hook(given)  # type: ignore[no-any-return]

    def _finish(self) -> tuple[ModelResponse, ModelResponse]:
        """The whole answer, twice: for the caller, and for the callbacks, which may change it.

        Raises:
            One of `errors.MALFORMED`: the chunks, each valid by itself, form no answer.
        """
        response = self._whole()
        logged = response.model_copy(deep=True)
        self.completion_stream = None
        self.sent_last_chunk = True
        self.response = self.logging_obj.__dict__[_RESPONSE] = response
        late_bills.forget(self.logging_obj)
        self._finish_attempt()
        return response, logged

    def _succeed(self, pieces: Any, response: ModelResponse, logged: ModelResponse) -> None:
        with contextlib.suppress(httpx.HTTPError, httpx.StreamError):
            # Reads the end of the body after [DONE], so that the connection can be reused.
            for _ in itertools.islice(pieces, _MOST_AFTER_DONE):
                pass
        self._http_response.close()
        if self.logging_obj.llm_caching_handler is not None:
            self.cache_streaming_response(response.model_copy(deep=True), cache_hit=False)
        executor.submit(self.logging_obj.success_handler, logged, None, None, False)
        self._restore_consumer_correlation_context()

    async def _asucceed(self, pieces: Any, response: ModelResponse, logged: ModelResponse) -> None:
        with contextlib.suppress(httpx.HTTPError, httpx.StreamError):
            for _ in range(_MOST_AFTER_DONE):
                if await anext(pieces, None) is None:
                    break
        await self._http_response.aclose()
        if self.logging_obj.llm_caching_handler is not None:
            copy = response.model_copy(deep=True)
            background.run(self.async_cache_streaming_response(copy, cache_hit=False))
        if getattr(self.logging_obj, "_on_deferred_stream_complete", None) is not None:
            # The proxy's guardrails call it themselves, after they have checked the whole answer.
            self.logging_obj.__dict__["_deferred_stream_complete_args"] = (logged, False)
        else:
            background.run(
                self.logging_obj.dispatch_success_handlers(
                    logged,
                    cache_hit=False,
                    start_time=None,
                    end_time=None,
                    prefer_async_handlers=True,
                )
            )
        self._restore_consumer_correlation_context()

    def _whole(self) -> ModelResponse:
        response = self._reader.whole()
        for name, value in self._hidden_params.items():
            response._hidden_params.setdefault(name, value)
        return response

    def _finish_attempt(self, failure: Exception | None = None) -> None:
        if not self._is_attempt_finished:
            self._is_attempt_finished = True
            self._attempt.finish(self._reader.bill(), failure)

    def _fail(self, cause: Exception) -> NoReturn:
        self.completion_stream = None
        self._http_response.close()
        exception = self._failure(cause)
        trace = traceback.format_exc()
        executor.submit(self.logging_obj.failure_handler, exception, trace)
        self._raise(exception)

    async def _afail(self, cause: Exception) -> NoReturn:
        self.completion_stream = None
        await self._http_response.aclose()
        exception = self._failure(cause)
        trace = traceback.format_exc()
        self._failure_logging = background.run(tell_of_failure(self.logging_obj, exception, trace))
        self._raise(exception)

    def _failure(self, cause: Exception) -> Exception:
        """The LiteLLM exception for the cause that broke the stream; the log gets the cost."""
        exception = self._reader.failure(cause)
        # A Router of LiteLLM 1.110 may continue text elsewhere, but nothing else.
        partial = exception.__dict__["partial_response"]
        self._emitted_disqualifying_content = _is_more_than_words(partial)
        usage.tell_failed(self.logging_obj.model_call_details, self._reader.bill())
        late_bills.forget(self.logging_obj)
        self._finish_attempt(exception)
        return exception

    def _raise(self, exception: Exception) -> NoReturn:
        """Raises as LiteLLM's own stream does, so a Router can fall back."""
        text = self.response_uptil_now
        try:
            self._handle_stream_fallback_error(exception)
        except Exception as raised:
            says_nothing = not text and not self._emitted_disqualifying_content
            if raised is exception and says_nothing and midstream.has_own_fallbacks(exception):
                midstream.raise_wrapped(
                    exception, self.model, text, is_pre_first_chunk=not self.sent_first_chunk
                )
            midstream.put_facts(raised, exception)
            raise

    def close(self) -> None:
        """Ends the stream and frees its connection. Its cost is reconciled later."""
        if self.completion_stream is not None:
            self.completion_stream = None
            self._finish_attempt()
            self._free()
        self._restore_consumer_correlation_context()

    async def aclose(self) -> None:
        """Like `close`, for a stream of `acompletion`; when it returns, the connection is free."""
        if not self._is_async:
            self.close()
        elif self.completion_stream is not None:
            self.completion_stream = None
            self._finish_attempt()
            # A cancelled task would be cancelled again at this await, and leak the connection.
            with anyio.CancelScope(shield=True):
                await self._http_response.aclose()
        self._restore_consumer_correlation_context()

    def __del__(self) -> None:
        # After a `break` out of the loop, only this ends the stream.
        with contextlib.suppress(Exception):
            if self.completion_stream is not None:
                self._finish_attempt()
                self._free()
            self._restore_consumer_correlation_context(guarded=True)

    def _free(self) -> None:
        if not self._is_async:
            self._http_response.close()
            return
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop()  # without a loop the connection is gone
            background.run(self._http_response.aclose())


def response_of(stream: Any) -> ModelResponse | None:
    """The whole answer of a stream that a Router has wrapped, like OpenRouterStream.response.

    A Router's stream shares its log with the stream inside. There is no answer before the last
    chunk, or if another deployment took over.
    """
    return getattr(stream.logging_obj, _RESPONSE, None)


def _stream_listeners(logging_obj: Any) -> list[Any]:
    """The callbacks that want each chunk: those that have a `log_stream_event` of their own."""
    import litellm
    from litellm.integrations.custom_logger import CustomLogger

    callbacks = (*litellm.callbacks, *litellm.success_callback)
    callbacks += tuple(getattr(logging_obj, "dynamic_success_callbacks", None) or ())
    found: list[Any] = []
    for callback in callbacks:
        if (
            isinstance(callback, CustomLogger)
            and type(callback).log_stream_event is not CustomLogger.log_stream_event
            and callback not in found
        ):
            found.append(callback)
    return found


def _notify_of_chunk(listener: Any, logging_obj: Any, chunk: Any) -> None:
    """LiteLLM's `log_stream_event` of one chunk."""
    now = datetime.datetime.now()  # noqa: DTZ005 - LiteLLM's clock is naive
    listener.log_stream_event(logging_obj.model_call_details, chunk, logging_obj.start_time, now)


def _is_more_than_words(partial: ModelResponse | None) -> bool:
    choices: Any = () if partial is None else partial.choices
    fields = (field for choice in choices for field in choice.message)
    return any(value for name, value in fields if name not in {"role", "content"})
