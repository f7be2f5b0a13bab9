"""A stream of Anthropic's events as LiteLLM's callers, callbacks, Router and proxy expect it.

LiteLLM's own iterator estimates the cost, and reads to its end a stream that its caller has left;
this one passes the bytes on as they come, and reads what they cost on the way.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import functools
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import anyio
import httpx

from openrouter_adapter import background, late_bills
from openrouter_adapter.anthropic_messages import answers, logged
from openrouter_adapter.anthropic_messages.stream_reader import StreamReader
from openrouter_adapter.endpoint import is_read, tell_of_failure
from openrouter_adapter.wire import errors, midstream, usage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from concurrent.futures import Future

    from typing_extensions import Self

    from openrouter_adapter.admission import Attempt
    from openrouter_adapter.wire.usage import Bill

_JSON: Final = "application/json"
# Seconds before each question for a bill. The first is early: a reservation waits for it.
_PAUSES: Final = (0.5, 2, 4, 8, 16, 32, 64)


def check_installed(model: str = "") -> None:
    """Raises if LiteLLM would fail after the request was sent: its streams import its proxy.

    Raises:
        litellm.BadRequestError: a package of the proxy is missing. Nothing was sent.
    """
    missing = _missing()
    if missing:
        raise errors.bad_request(
            f"to stream Messages, LiteLLM needs packages of its proxy ({missing}): install "
            "litellm[proxy], or leave out stream, or set openrouter_messages_route='chat'",
            model,
        )


@functools.cache
def _missing() -> str:
    try:
        import litellm.proxy.pass_through_endpoints.success_handler  # noqa: F401
    except ImportError as cause:
        return str(cause)
    return ""


class OpenRouterMessagesStream(late_bills.Unbilled):
    """The stream of `litellm.anthropic_messages(stream=True)`: bytes, cut between events.

    A failure before anything of the answer has arrived is raised, so that a Router can fall back.
    After that it is Anthropic's `error` event, the last one. `aclose()` ends the stream early and
    frees the connection.
    """

    def __init__(
        self, http_response: httpx.Response, *, model: str, logging_obj: Any, attempt: Attempt
    ) -> None:
        """Wraps an HTTP response whose body has not been read.

        Args:
            http_response: The answer; closed at the end of the stream.
            model: The model asked for.
            logging_obj: LiteLLM's logging object of the call.
            attempt: The request's attempt; it ends with the stream, or when the stream is left.
        """
        from litellm.litellm_core_utils.core_helpers import process_response_headers

        headers = http_response.headers
        self.logging_obj = logging_obj
        self._http_response = http_response
        self._pieces: AsyncIterator[bytes] = http_response.aiter_bytes()
        self._reader = StreamReader(headers, model)
        self._attempt = attempt
        self._is_over = False
        # The callbacks get the whole answer, which nobody else needs.
        self._kept: list[bytes] | None = [] if is_read(logging_obj) else None
        forwarded = process_response_headers(dict(headers.items()))
        forwarded.pop(usage.COST_HEADER, None)
        self._hidden_params: dict[str, Any] = {
            "additional_headers": forwarded,
            "openrouter": usage.facts({}, headers),
        }

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._is_over:
            raise StopAsyncIteration
        try:
            block = await self._next()
        except Exception as cause:  # noqa: BLE001 - every failure takes the same way out
            if self._reader.is_complete and isinstance(cause, httpx.TransportError):
                block = b""
            else:
                return await self._failed(cause)
        if not block:
            await self._end()
            raise StopAsyncIteration
        return block

    async def _next(self) -> bytes:
        """The next events; empty at the end."""
        reader = self._reader
        while True:
            piece = await anext(self._pieces, None)
            if self._is_json:
                raise await self._not_a_stream(piece or b"")
            block = reader.close() if piece is None else reader.feed(piece)
            if reader.failure is not None:
                if not reader.has_output:
                    raise reader.failure
                # As OpenRouter said it.
                await self._fail(reader.failure)
                return block
            if block:
                self._note(block)
                return block
            if piece is None:
                if not reader.is_complete:
                    what = "early" if reader.has_output else "without an answer"
                    raise self._error(503, f"the stream ended {what}: the answer is incomplete")
                return b""

    def _note(self, block: bytes) -> None:
        log = self.logging_obj
        if log.completion_start_time is None:
            now = datetime.datetime.now()  # noqa: DTZ005 - LiteLLM's clock is naive
            log.update_completion_start_time(completion_start_time=now)
        if self._kept is not None:
            self._kept.append(block)

    @property
    def _is_json(self) -> bool:
        return str(self._reader.headers.get("content-type", "")).startswith(_JSON)

    async def _not_a_stream(self, begun: bytes) -> Exception:
        """The exception of an answer in one piece: an error, as a rule."""
        content = begun + b"".join([piece async for piece in self._pieces])
        reader = self._reader
        try:
            body = answers.parse(content, reader.headers, reader.model)
        except Exception as failure:  # noqa: BLE001 - it is what was looked for
            return failure
        what = "the answer is not a stream"
        return errors.no_answer(answers.facts(body), what, reader.headers, reader.model, status=503)

    async def _failed(self, cause: Exception) -> bytes:
        """The last event of a stream that broke in the middle of the answer.

        Raises:
            One of LiteLLM's exceptions: nothing of the answer has arrived.
        """
        exception = self._exception(cause)
        await self._fail(exception)
        if self._reader.has_output:
            return answers.error_event(exception)
        if exception is not cause:
            exception.__cause__ = cause
        if midstream.may_fall_back(exception):
            midstream.raise_wrapped(exception, self._reader.model, "", is_pre_first_chunk=True)
        raise exception

    def _exception(self, cause: Exception) -> Exception:
        """The LiteLLM exception for the cause that broke the stream, with OpenRouter's facts."""
        exception = midstream.failure_of(cause, self._error, self._reader.model) or cause
        known = exception.__dict__
        facts = usage.facts(self._reader.facts(), self._reader.headers)
        known["openrouter"] = {**facts, **(known.get("openrouter") or {})}
        return exception

    def _error(self, status: int, message: str) -> Exception:
        return errors.build(status, message, self._reader.headers, self._reader.model)

    async def _fail(self, exception: Exception) -> None:
        self._is_over = True
        bill = self._reader.bill()
        usage.tell_failed(self.logging_obj.model_call_details, bill)
        self._attempt.finish(bill, exception)
        await self._free()
        trace = "".join(traceback.format_exception(exception))
        background.run(tell_of_failure(self.logging_obj, exception, trace))

    async def _end(self) -> None:
        self._finish()
        await self._free()

    def _finish(self) -> None:
        """Finishes the attempt, and notifies the callbacks, when the cost is known."""
        self._is_over = True
        bill, asked = self._reader.bill(), None
        is_whole = self._reader.is_complete
        if is_whole and bill.cost is None and bill.generation_id and self._is_awaited:
            # In a thread of its own: the caller's event loop may end with the stream.
            asked = background.start(self._finish_later(bill))
        else:
            self._attempt.finish(bill)
        # LiteLLM's proxy counts a stream that its client has left in the key's spend.
        if not is_whole and self._kept is None:
            return
        log, notified = self.logging_obj, self._notify(bill, asked)
        if is_whole and getattr(log, "_on_deferred_stream_complete", None) is not None:
            # The proxy's guardrails call it themselves, after they have checked the whole answer.
            log.__dict__["_deferred_stream_complete_args"] = (notified,)
        else:
            background.run(notified)

    @property
    def _is_awaited(self) -> bool:
        """Whether a gate, a callback or a log waits for the cost."""
        return self._attempt.has_ticket or self._kept is not None

    async def _finish_later(self, bill: Bill) -> dict[str, Any] | None:
        """Finishes the attempt with the bill of `GET /generation`; returns its answer.

        Until it answers, a budget's reservation stays.
        """
        body = None
        try:
            generation_id = str(bill.generation_id)
            body = await late_bills.ask(generation_id, self._http_response.request, _PAUSES)
            if body is not None:
                late = usage.read_bill(body)
                bill = replace(
                    bill,
                    cost=late.cost,
                    upstream=late.upstream,
                    is_byok=late.is_byok,
                    provider=bill.provider or late.provider,
                )
        finally:
            self._attempt.finish(bill)
        return body

    async def _notify(self, bill: Bill, asked: Future[Any] | None) -> None:
        log = self.logging_obj
        response = logged.response_of(
            self._kept or (), self._reader.facts(), bill.finish_reason, self._reader.headers
        )
        handlers = functools.partial(
            log.dispatch_success_handlers,
            response,
            cache_hit=False,
            start_time=None,
            end_time=None,
            prefer_async_handlers=True,
        )
        # The end of this event loop must not end the request for the bill.
        answer = None if asked is None else asyncio.shield(asyncio.wrap_future(asked))
        if bill.cost is None and (answer is not None or self._kept is not None):
            await late_bills.price(log, response, self._http_response, bill, handlers, answer)
            return
        if bill.cost is None:
            late_bills.leave_unpriced(log)
        await handlers()

    async def aclose(self) -> None:
        """Ends the stream and frees its connection. Its cost is reconciled later."""
        if not self._is_over:
            self._finish()
            await self._free()

    async def _free(self) -> None:
        # A cancelled task would be cancelled again at this await, and leak the connection.
        with anyio.CancelScope(shield=True):
            await self._http_response.aclose()

    def __del__(self) -> None:
        # After a `break` out of the loop, only this ends the stream.
        with contextlib.suppress(Exception):
            if not self._is_over:
                asyncio.get_running_loop()  # without a loop the connection is gone
                background.run(self._http_response.aclose())
                self._finish()
