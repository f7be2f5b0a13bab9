"""How an answer leaves: whole or as a stream, intact or spoiled by a fault."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from . import chat, chat_stream, faults
from . import completion as completions
from .errors import USER_ID

if TYPE_CHECKING:
    from .billing import BillRow
    from .completion import Completion
    from .faults import Fault
    from .state import State

# Without delay, events leave in groups: one write each would halve the rate.
_EVENTS_A_WRITE = 64
_DRIP_BYTES = 16
_LOOK_EVERY = 0.05


class Writer:
    """Writes a body piece by piece, and breaks off, stalls or drips where a fault says so."""

    def __init__(
        self, request: web.BaseRequest, response: web.StreamResponse, fault: Fault | None
    ) -> None:
        self._request, self._response = request, response
        self._left = math.inf
        self._drip = 0.0
        if fault is not None and fault.name == "cut":
            self._left = int(fault.value or 0)
        if fault is not None and fault.name == "slow-drip":
            self._drip = float(fault.value or 0.01)

    async def write(self, data: bytes) -> None:
        """Write some bytes.

        Raises:
            ConnectionError: The caller left, or the fault cut the connection.
        """
        if self._drip:
            for start in range(0, len(data), _DRIP_BYTES):
                await self.pause(self._drip)
                await self._response.write(data[start : start + _DRIP_BYTES])
            return
        if len(data) < self._left:
            await self._response.write(data)
            self._left -= len(data)
            return
        await self._response.write(data[: int(self._left)])
        self.hang_up()

    def hang_up(self) -> None:
        """End the connection without ending the answer.

        Raises:
            ConnectionError: Always.
        """
        if self._request.transport is not None:
            self._request.transport.close()
        raise ConnectionResetError("the fault cut the connection")

    async def pause(self, seconds: float) -> None:
        """Wait, but not for a caller who left.

        Raises:
            ConnectionError: The caller left.
        """
        while seconds > 0:
            await asyncio.sleep(min(seconds, _LOOK_EVERY))
            seconds -= _LOOK_EVERY
            if self._request.transport is None or self._request.transport.is_closing():
                raise ConnectionResetError("the caller left")


async def send_json(
    request: web.BaseRequest, body: bytes, headers: dict[str, str], fault: Fault | None
) -> web.StreamResponse:
    """Send a body, JSON by default, spoiled on its way where a fault says so."""
    headers = {"Content-Type": "application/json", **headers}
    if fault is None or fault.name not in {"cut", "stall", "slow-drip", "bad-json"}:
        return web.Response(body=body, headers=headers)
    if fault.name == "bad-json":
        return web.Response(body=body[: len(body) * 2 // 3], headers=headers)
    response = web.StreamResponse(headers={**headers, "Content-Length": str(len(body))})
    writer = Writer(request, response, fault)
    if fault.name == "stall":
        await writer.pause(float(fault.value or math.inf))
    await response.prepare(request)
    await writer.write(body)
    await response.write_eof()
    return response


def spoiled_body(finished: Completion, fault: Fault | None) -> bytes:
    """Return the JSON of a completion, in the shape that a fault gives it."""
    if fault is None:
        return orjson.dumps(completions.body(finished))
    if fault.name == "error-in-200":
        error = faults.error_object(fault, finished.endpoint.provider)
        return orjson.dumps({"error": error, "user_id": USER_ID, **_beside(finished, fault)})
    if fault.name == "comments-only":
        return b""
    body = completions.body(finished)
    if fault.name in {"null-choices", "empty-choices"}:
        body["choices"] = None if fault.name == "null-choices" else []
    if fault.name in {"choice-error", "error-chunk"}:
        choice = body["choices"][0]
        choice["error"] = faults.error_object(fault, finished.endpoint.provider)
        native = choice.get("native_finish_reason")
        choice["native_finish_reason"] = fault.options.get("native", native)
        body |= _beside(finished, fault)
    if fault.name == "nested-body":
        empty = dict.fromkeys(("id", "choices", "created", "model", "object", "usage"))
        body = {**empty, "provider": body}
    return orjson.dumps(body)


def spoiled_events(
    finished: Completion, fault: Fault | None, chunk_tokens: int
) -> tuple[list[bytes], bytes]:
    """Return a stream's events, and what ends it: usage and `[DONE]`, or less."""
    end = chat_stream.usage_event(finished) + chat_stream.DONE
    events = chat_stream.events(finished, chunk_tokens)
    if fault is None:
        return events, end
    kept = events[: int(fault.number("after", 1))]
    if fault.name == "comments-only":
        return [chat_stream.COMMENT] * int(fault.value or 3), b""
    if fault.name == "error-in-200":
        error = faults.error_object(fault, finished.endpoint.provider)
        beside = _beside(finished, fault)
        return [chat_stream.data({"error": error, "user_id": USER_ID, **beside})], b""
    if fault.name in {"null-choices", "empty-choices"}:
        frame = chat_stream.frame(finished)
        frame["choices"] = None if fault.name == "null-choices" else []
        return [chat_stream.data(frame)], end
    if fault.name in {"error-chunk", "choice-error"}:
        error = faults.error_object(fault, finished.endpoint.provider)
        in_choice = fault.name == "choice-error"
        beside, native = _beside(finished, fault), fault.options.get("native")
        event = chat_stream.error_event(finished, error, beside, native, in_choice=in_choice)
        return ([*kept, event], end) if in_choice else (kept, event + chat_stream.DONE)
    if fault.name == "bad-json":
        broken = events[len(kept)] if len(events) > len(kept) else events[-1]
        return [*kept, broken[: len(broken) // 2] + b"\n\n", *events[len(kept) + 1 :]], end
    if fault.name == "no-finish":
        return (kept if "after" in fault.options else events), b""
    return events, end


def _beside(finished: Completion, fault: Fault) -> dict[str, Any]:
    return faults.beside_error(fault, finished.model.id, finished.endpoint.provider)


def _stall(fault: Fault | None) -> tuple[int, float] | None:
    """Return after how many events a stream stalls, and for how many seconds."""
    if fault is None or fault.name != "stall":
        return None
    return int(fault.number("after", 1)), float(fault.value or math.inf)


def named(row: BillRow, fault: Fault | None) -> BillRow:
    """Return a row that names its fault, with the status that the fault put into the answer."""
    if fault is None:
        return row
    says_error = fault.name in {"error-in-200", "error-chunk", "choice-error"}
    return replace(row, fault=fault.name, status=fault.status if says_error else row.status)


def _cut_short(state: State, finished: Completion, fault: Fault | None, share: float) -> BillRow:
    if fault is not None and fault.name == "cut":
        # The model had said it all; only the network failed.
        return named(chat.bill_row(finished, state.now(), streamed=True), fault)
    return named(chat.cut_row(finished, state.now(), share), fault)


async def send_stream(
    request: web.BaseRequest,
    state: State,
    finished: Completion,
    fault: Fault | None,
    spoiled: tuple[list[bytes], bytes] | None = None,
    headers: dict[str, str] | None = None,
) -> web.StreamResponse:
    """Send a completion as a stream and bill it, in full or for what a caller took who left.

    Args:
        request: The request.
        state: Whose bill it is.
        finished: The completion.
        fault: What goes wrong.
        spoiled: The events and what ends them, where they are not a chat's.
        headers: Further headers.
    """
    settings = state.settings
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-cache",
            "X-Generation-Id": finished.id,
            **(headers or {}),
        }
    )
    events, end = spoiled or spoiled_events(finished, fault, settings.chunk_tokens)
    writer = Writer(request, response, fault)
    stall = _stall(fault)
    sent = 0
    try:
        await response.prepare(request)
        await writer.write(chat_stream.COMMENT * settings.comments)
        alone = settings.chunk_delay or stall is not None
        group = 1 if alone else _EVENTS_A_WRITE
        for start in range(0, len(events), group):
            if stall is not None and start == stall[0]:
                await writer.pause(stall[1])
            if settings.chunk_delay:
                await writer.pause(settings.chunk_delay)
            await writer.write(b"".join(events[start : start + group]))
            sent = start + group
    except (ConnectionError, asyncio.CancelledError):
        share = min(1.0, sent / len(events)) if events else 0.0
        state.charge(_cut_short(state, finished, fault, share))
        raise
    # The bill is written before the last event, so that who reads it finds the row.
    state.charge(named(chat.bill_row(finished, state.now(), streamed=True), fault))
    await writer.write(end)
    await response.write_eof()
    return response
