"""Endpoints that cost money: from a request to its answer and its row of the bill.

Two kinds of endpoints share this module. A conversation is a chat completion in a form of its own:
a `Form` says how its body becomes a chat's, and how a completion becomes its answer and its stream.
A single answer comes whole, from one model: its function calls `choose` and `charge`.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from . import billing, chat, faults, limits, routing
from .bodies import check_object
from .call import Route
from .errors import invalid_body, no_endpoints
from .sending import COMMENT, Writer, event_stream, send_json, sse

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web
    from multidict import MultiDictProxy

    from .billing import BillRow, Cost, Usage
    from .call import Call
    from .catalog import Endpoint, Model
    from .completion import Completion
    from .faults import Fault
    from .state import Settings, State

# Without delay, events leave in groups: one write each would halve the rate.
_EVENTS_A_WRITE = 64
Body = dict[str, Any]
Answered = tuple[bytes, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Form:
    """How an endpoint asks for a completion, and how it answers with one.

    `whole` and `stream` apply the faults of an answer, except those that replace all of it.

    Attributes:
        path: The endpoint.
        chat_body: Returns the body of a chat that asks for the same as the endpoint's body.
        whole: Makes the answer from a completion, the body and the answer's fault.
        stream: Makes a stream's events and its end from the same, and from the settings.
        is_cached: Whether `X-OpenRouter-Cache` keeps its answers.
        error: Makes the body of an answer that is only an error from fault, model and provider.
        event: Returns a server-sent event with such a body.
    """

    path: str
    chat_body: Callable[[Body], Body]
    whole: Callable[[Completion, Body, Fault | None], bytes]
    stream: Callable[[Completion, Body, Fault | None, Settings], tuple[list[bytes], bytes]]
    is_cached: bool = True
    error: Callable[[Fault, str, str], Body] = faults.error_body
    event: Callable[[Body], bytes] = sse


def conversation(form: Form) -> Route:
    """Return the route of an endpoint that answers with a completion in its own form."""

    async def answer(call: Call) -> web.StreamResponse:
        body, state = check_object(call.body), call.state
        cached = state.look(call.request.headers, form.path, body) if form.is_cached else None
        hit = cached.completion(state.new_id) if cached else None
        completion = hit or chat.complete(state, form.chat_body(body), call.faults)
        fault = call.faults.take("answer", completion.model.id, completion.endpoint.provider)
        if fault is not None:
            completion = completion.under(fault)
        headers = cached.headers() if cached else {}
        if body.get("stream"):
            sent = await send_stream(
                call,
                completion.id,
                _stream(form, completion, body, fault, state.settings),
                fault,
                whole_row=lambda: completion.bill_row(state.now(), streamed=True),
                cut_row=lambda share: _cut_row(completion, state.now(), share, fault),
                headers=headers,
            )
        else:
            state.charge(named(completion.bill_row(state.now(), streamed=False), fault))
            headers["X-Generation-Id"] = completion.id
            whole = _whole(form, completion, body, fault)
            sent = await send_json(call.request, whole, headers, fault)
        if cached and fault is None:
            cached.keep(completion.id, completion)
        return sent

    return Route("POST", form.path, answer, "inference")


def _whole(form: Form, completion: Completion, body: Body, fault: Fault | None) -> bytes:
    if fault is not None and fault.name == "comments-only":
        return b""
    if fault is not None and fault.name == "error-in-200":
        return orjson.dumps(_error_body(form, completion, fault))
    return form.whole(completion, body, fault)


def _stream(
    form: Form, completion: Completion, body: Body, fault: Fault | None, settings: Settings
) -> tuple[list[bytes], bytes]:
    if fault is not None and fault.name == "comments-only":
        return [COMMENT] * int(fault.value or 3), b""
    if fault is not None and fault.name == "error-in-200":
        return [form.event(_error_body(form, completion, fault))], b""
    return form.stream(completion, body, fault, settings)


def _error_body(form: Form, completion: Completion, fault: Fault) -> Body:
    return form.error(fault, completion.model.id, completion.endpoint.provider)


def _cut_row(completion: Completion, now: float, share: float, fault: Fault | None) -> BillRow:
    if fault is not None and fault.name == "cut":
        # The model had answered in full; only the network failed.
        return completion.bill_row(now, streamed=True)
    return completion.cut_row(now, share)


async def send_stream(
    call: Call,
    generation_id: str,
    made: tuple[list[bytes], bytes],
    fault: Fault | None,
    *,
    whole_row: Callable[[], BillRow],
    cut_row: Callable[[float], BillRow],
    headers: dict[str, str] | None = None,
) -> web.StreamResponse:
    """Send a stream and add its row to the bill.

    Args:
        call: The request.
        generation_id: The id of the answer.
        made: The events and the end of the stream.
        fault: The answer's fault, if any.
        whole_row: Returns the row of a stream that was sent to its end.
        cut_row: Returns the row of a stream whose caller left after a share of the events.
        headers: Further headers.
    """
    state, settings = call.state, call.state.settings
    response = event_stream(generation_id, headers)
    writer = Writer(call.request, response, fault)
    events, end = made
    stalls = fault is not None and fault.name == "stall"
    group = 1 if settings.chunk_delay or stalls else _EVENTS_A_WRITE
    sent = 0
    try:
        await response.prepare(call.request)
        await writer.write(COMMENT * settings.comments)
        for start in range(0, len(events), group):
            if fault is not None and stalls and start == int(fault.number("after", 1)):
                await writer.pause(float(fault.value or math.inf))
            if settings.chunk_delay:
                await writer.pause(settings.chunk_delay)
            await writer.write(b"".join(events[start : start + group]))
            sent = start + group
    except (ConnectionError, asyncio.CancelledError):
        share = min(1.0, sent / len(events)) if events else 0.0
        state.charge(named(cut_row(share), fault))
        raise
    # The row is added before the last event, so that a caller who has read it all finds the row.
    state.charge(named(whole_row(), fault))
    await writer.write(end)
    await response.write_eof()
    return response


def single(
    path: str,
    answer: Callable[[State, Body, Fault | None], Answered],
    read_form: Callable[[MultiDictProxy[Any]], Body] | None = None,
) -> Route:
    """Return the route of an endpoint that answers whole, from one model.

    Args:
        path: The endpoint.
        answer: Bills the request, and returns the answer with its headers.
        read_form: Returns the body of a multipart form, None for an endpoint without forms.
    """

    async def send(call: Call) -> web.StreamResponse:
        fault = call.faults.take("answer", check_object(call.body).get("model") or "")
        answered, headers = answer(call.state, call.body, fault)
        return await send_json(call.request, answered, headers, fault)

    return Route("POST", path, send, "inference", read_form=read_form)


@dataclass(frozen=True, slots=True)
class Served:
    """The model and the endpoint that serve a request."""

    model: Model
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Charge:
    """A request on the bill.

    Attributes:
        row: Its row.
        cost: The cost in the answer.
        error: The whole answer if a fault makes it an error, else None.
    """

    row: BillRow
    cost: Cost
    error: bytes | None = None


def choose(
    state: State, body: dict[str, Any], modality: str, purpose: str, *, in_batch: bool = False
) -> Served:
    """Return the first endpoint of a request's model.

    Args:
        state: The account and the caller's key.
        body: The request.
        modality: The output modality that the model must have.
        purpose: Completes "No endpoints found that support …".
        in_batch: Whether it is a request of a batch.

    Raises:
        ApiError: 400 without a model, 404 if the model lacks the modality.
    """
    name = body.get("model")
    if not isinstance(name, str) or not name:
        raise invalid_body("No models provided")
    target = routing.target_of(name, in_batch=in_batch)
    if modality not in target.model.output:
        raise no_endpoints(f"that support {purpose}")
    permitted = state.guardrails.permitted(state.key, target.model)
    return Served(target.model, routing.endpoints(target, body, permitted)[0])


def charge(
    state: State, path: str, prefix: str, served: Served, usage: Usage, fault: Fault | None
) -> Charge:
    """Add a request to the bill; it is free if its answer is an error.

    Args:
        state: The account and the caller's key.
        path: The endpoint's path.
        prefix: The prefix of the generation id.
        served: The model and the endpoint.
        usage: Its tokens.
        fault: The answer's fault, if any.

    Raises:
        ApiError: 402 if the credits are not enough.
    """
    row, cost = bill(state, path, prefix, served, usage, fault)
    error = None
    if fault is not None and fault.name == "error-in-200":
        error = orjson.dumps(faults.error_body(fault, served.model.id, served.endpoint.provider))
        row = replace(unpaid(row), status=fault.status)
        cost = billing.Cost(is_byok=cost.is_byok)
    return Charge(state.charge(row), cost, error)


def bill(
    state: State, path: str, prefix: str, served: Served, usage: Usage, fault: Fault | None
) -> tuple[BillRow, Cost]:
    """Return the row of a request and the cost in its answer, without charging it.

    Args:
        state: The account and the caller's key.
        path: The endpoint's path.
        prefix: The prefix of the generation id.
        served: The model and the endpoint.
        usage: Its tokens.
        fault: The answer's fault, if any.

    Raises:
        ApiError: 402 if the credits are not enough.
    """
    endpoint = served.endpoint
    cost = billing.price(usage, endpoint, is_byok=state.is_byok(served.model, endpoint))
    limits.check_cost(state, served.model, cost)
    row = billing.row(
        state.new_id(prefix),
        path,
        served.model,
        endpoint,
        usage,
        cost,
        finish_reason=None,
        native_finish_reason=None,
        fault=fault.name if fault else None,
        created_at=state.now(),
    )
    return row, cost


def unpaid(row: BillRow) -> BillRow:
    """Return a row without its costs, for a request that failed or whose caller left."""
    return replace(row, cost=billing.ZERO, upstream_cost=billing.ZERO)


def named(row: BillRow, fault: Fault | None) -> BillRow:
    """Return a row with its fault's name, and with the status of the error in the answer."""
    if fault is None:
        return row
    says_error = fault.name in {"error-in-200", "error-chunk", "choice-error"}
    return replace(row, fault=fault.name, status=fault.status if says_error else row.status)
