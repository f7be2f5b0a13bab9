"""The bill of endpoints that answer once, from one model: everything but chat."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from . import billing, limits, routing
from .billing import BillRow
from .errors import USER_ID, invalid_body, no_endpoints
from .faults import beside_error, error_object

if TYPE_CHECKING:
    from .billing import Cost, Usage
    from .catalog import Endpoint, Model
    from .faults import Fault
    from .state import State


@dataclass(frozen=True, slots=True)
class Served:
    """Who serves a request."""

    model: Model
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Charge:
    """A request on the bill.

    Attributes:
        row: Its row.
        cost: What the wire says it cost.
        error: The answer of a fault that puts an error into it, None for none.
    """

    row: BillRow
    cost: Cost
    error: bytes | None = None


def choose(state: State, body: dict[str, Any], modality: str, purpose: str) -> Served:
    """Return the first provider of a request's model.

    Args:
        state: Whose guardrails hold.
        body: The request.
        modality: What the model must answer with.
        purpose: Completes "No endpoints found that support …".

    Raises:
        ApiError: 400 without a model, 404 for one that can't.
    """
    name = body.get("model")
    if not isinstance(name, str) or not name:
        raise invalid_body("No models provided")
    target = routing.target_of(name)
    if modality not in target.model.output:
        raise no_endpoints(f"that support {purpose}")
    permitted = state.guardrails.permitted(state.key, target.model)
    return Served(target.model, routing.endpoints(target, body, permitted)[0])


def charge(
    state: State, path: str, prefix: str, served: Served, usage: Usage, fault: Fault | None
) -> Charge:
    """Put a request on the bill; an error as its answer is free.

    Args:
        state: Whose bill it is.
        path: The endpoint's path.
        prefix: Of the generation id.
        served: Who serves it.
        usage: Its tokens.
        fault: What spoils the answer, None for nothing.

    Raises:
        ApiError: 402 where the credits are not enough.
    """
    row, cost = bill(state, path, prefix, served, usage, fault)
    error = None
    if fault is not None and fault.name == "error-in-200":
        provider = served.endpoint.provider
        beside = beside_error(fault, served.model.id, provider)
        body = {"error": error_object(fault, provider), "user_id": USER_ID, **beside}
        error = orjson.dumps(body)
        row = replace(unpaid(row), status=fault.status)
        cost = billing.Cost(is_byok=cost.is_byok)
    return Charge(state.charge(row), cost, error)


def bill(
    state: State, path: str, prefix: str, served: Served, usage: Usage, fault: Fault | None
) -> tuple[BillRow, Cost]:
    """Return the row of a request and what the wire says it costs; nothing is charged yet.

    Args:
        state: Whose bill it is.
        path: The endpoint's path.
        prefix: Of the generation id.
        served: Who serves it.
        usage: Its tokens.
        fault: What spoils the answer, None for nothing.

    Raises:
        ApiError: 402 where the credits are not enough.
    """
    endpoint = served.endpoint
    cost = billing.price(usage, endpoint, is_byok=state.is_byok(served.model, endpoint))
    limits.check_cost(state, served.model, cost)
    row = BillRow(
        generation_id=state.new_id(prefix),
        endpoint=path,
        model=served.model.canonical_slug,
        provider=endpoint.provider,
        tokens_prompt=usage.prompt,
        tokens_completion=usage.completion,
        tokens_image=usage.images,
        cost=cost.total,
        upstream_cost=cost.upstream,
        is_byok=cost.is_byok,
        finish_reason=None,
        native_finish_reason=None,
        fault=fault.name if fault else None,
        created_at=state.now(),
        model_id=served.model.id,
    )
    return row, cost


def unpaid(row: BillRow, *, cancelled: bool = False) -> BillRow:
    """Return a row that costs nothing: it failed, or its caller left."""
    return replace(row, cost=billing.ZERO, upstream_cost=billing.ZERO, cancelled=cancelled)
