"""`/batches`: submission of requests that are answered later, for about half the price."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import orjson

from . import batch_bodies, batch_jobs, catalog, routing
from .batch_jobs import FORMS, TERMINAL, Batch
from .bodies import invalid_option
from .call import Route
from .errors import CREDITS_PAGE, ApiError, invalid_body
from .sending import send_json

if TYPE_CHECKING:
    from aiohttp import web

    from .call import Call
    from .catalog import Model

PATH = "/batches"
# The list's own names: there, a batch that is being finalized or cancelled is in progress.
_LISTED = ("validating", "in_progress", "completed", "failed", "expired", "cancelled")
_FEW, _MANY = 20, 100
# Providers that can delete a batch of their own.
_DELETING = ("anthropic", "mistral")


async def _submit(call: Call) -> web.StreamResponse:
    """Accept a batch."""
    state = call.state
    size = len(await call.request.read())
    body = batch_bodies.check_submission(call.body, size)
    twin = _twin(body["model"])
    if body["endpoint"] not in FORMS:
        raise ApiError(501, f"The emulator has no batches for {body['endpoint']}")
    is_embedding = FORMS[body["endpoint"]] is None
    if is_embedding != ("embeddings" in twin.output):
        raise invalid_body(f"Model '{body['model']}' does not support {body['endpoint']}")
    batch = Batch(
        id=state.new_id("batch"),
        key=state.key,
        endpoint=body["endpoint"],
        model=body["model"],
        twin=twin,
        served_by=batch_jobs.choose(state, body, twin),
        requests=body["requests"],
        created_at=state.now(),
        takes=state.settings.batch_seconds,
        faults=call.faults,
        fault=call.faults.take("batch", twin.id),
        total=len(body["requests"]),
    )
    state.batches[batch.id] = batch
    sent = orjson.dumps(batch.wire(batch.created_at, "validating"))
    return await send_json(call.request, sent, {}, _fault(call), status=202)


def _twin(name: str) -> Model:
    base, variants = catalog.split_variants(name.removesuffix(":batch"))
    twin = f"{catalog.find(base).id}:batch" if catalog.knows(base) else ""
    if variants or not catalog.knows(twin):
        raise invalid_body(f"Model '{name}' does not have a :batch endpoint.")
    return routing.target_of(twin, in_batch=True).model


def _fault(call: Call) -> Any:
    return call.faults.take("answer")


def _found(call: Call) -> Batch:
    batch = call.state.batches.get(call.path[0])
    if batch is None:
        raise ApiError(404, f"Batch job {call.path[0]} not found.")
    if batch.is_gone(call.state.now()):
        raise ApiError(410, f"Batch job {batch.id} was deleted.")
    return batch


async def _get(call: Call) -> web.StreamResponse:
    """Answer with a batch, and its results if it has any."""
    batch = _found(call)
    wire, status = batch.wire(call.state.now()), 200
    if not batch.is_paid:
        status = 402
        wire["error"] = {
            "code": 402,
            "message": "Insufficient credits: the results of this batch are available once its "
            f"charge is covered. Add more using {CREDITS_PAGE}",
        }
    elif batch.results is not None:
        wire["results"] = orjson.Fragment(batch.results)
    return await send_json(call.request, orjson.dumps(wire), {}, _fault(call), status=status)


async def _list(call: Call) -> web.StreamResponse:
    """Answer with a page of batches, the newest first."""
    query, now = call.request.query, call.state.now()
    limit = call.whole("limit", _FEW, 1)
    if limit > _MANY:
        raise invalid_body(f"limit: Too big: expected number to be <={_MANY}")
    wanted = set(query.getall("status", []))
    for status in sorted(wanted - set(_LISTED)):
        raise invalid_option(f"status '{status}'", _LISTED)
    since = _moment("created_after", query.get("created_after"))
    until = _moment("created_before", query.get("created_before"))
    rows = []
    for batch in reversed(list(call.state.batches.values())):
        status = batch.status(now)
        status = status if status in _LISTED else "in_progress"
        fits = not wanted or status in wanted
        fits = fits and (since is None or int(batch.created_at) > since)
        fits = fits and (until is None or int(batch.created_at) < until)
        if fits and not batch.is_gone(now):
            rows.append(batch.wire(now, status))
    after = query.get("after")
    if after:
        ids = [row["id"] for row in rows]
        if after not in call.state.batches:
            raise invalid_body(f"after: Batch job {after} not found.")
        rows = rows[ids.index(after) + 1 :] if after in ids else []
    page = rows[:limit]
    listed = {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": len(rows) > limit,
    }
    return await send_json(call.request, orjson.dumps(listed), {}, _fault(call))


def _moment(name: str, text: str | None) -> float | None:
    """Return seconds since 1970 of a query's Unix seconds or ISO time."""
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise invalid_body(f"{name}: Invalid timestamp: {text}") from None
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()


def _delete(call: Call) -> dict[str, Any]:
    """Delete a batch that is over, and its results."""
    batch = _found(call)
    if not batch.is_over:
        status = batch.status(call.state.now())
        raise ApiError(
            409,
            f"Batch job {batch.id} is {status}: only a batch in a terminal status "
            f"({', '.join(TERMINAL)}) can be deleted.",
        )
    batch.is_deleted, batch.results = True, None
    reached = batch.outcome != "failed"
    can = "deleted" if batch.served_by.slug in _DELETING else "unsupported"
    upstream = {
        "provider": batch.served_by.provider,
        "status": can if reached else "not_applicable",
    }
    return {
        "id": batch.id,
        "object": "batch",
        "deletion": {"openrouter": "deleted", "upstream": upstream},
    }


ROUTES = tuple(
    route
    # The beta has the same routes, but its address is not below the base URL.
    for base in (PATH, "/api/beta/batches")
    for route in (
        Route("POST", base, _submit, "inference"),
        Route("GET", base, _list, "any key"),
        Route("GET", base + "/{}", _get, "any key"),
        Route("DELETE", base + "/{}", _delete, "any key"),
    )
)
