"""`/observability/destinations`: kept and shown; the emulator sends nothing to them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from . import clock
from .call import Route
from .errors import ApiError, invalid_body
from .keys import WORKSPACE

if TYPE_CHECKING:
    from .call import Call, Fields

_TYPES = (
    *("arize", "braintrust", "clickhouse", "datadog", "grafana", "langfuse", "langsmith"),
    *("newrelic", "opik", "otel-collector", "posthog", "ramp", "s3", "sentry", "snowflake"),
    *("weave", "webhook"),
)
_FLAGS = {
    "enabled": True,
    "privacy_mode": False,
    "broadcast_generation_cost": True,
    "broadcast_generation_cost_allocation": False,
    "broadcast_generation_identity": True,
    "broadcast_generation_request_context": True,
}


def list_all(call: Call) -> dict[str, Any]:
    """Return a page of destinations."""
    workspace = call.query.get("workspace_id")
    kept = call.state.destinations.values()
    found = [one for one in kept if workspace in {None, one["workspace_id"]}]
    return {"data": call.page(found), "total_count": len(found)}


def create(call: Call) -> dict[str, Any]:
    """Keep a destination."""
    fields, now = call.given(), clock.timestamp(call.state.now())
    if fields.choice("type", _TYPES) is None:
        raise invalid_body("type: Required")
    made: dict[str, Any] = {
        "id": str(uuid.UUID(call.state.new_secret("destination")[:32], version=4)),
        "type": fields.name("type"),
        "workspace_id": fields.text("workspace_id") or WORKSPACE,
        "created_at": now,
        "updated_at": now,
        **_FLAGS,
        "api_key_hashes": None,
        "filter_rules": None,
        "regions": ["global"],
        "sampling_rate": 1,
        "name": fields.name(),
        "config": {},
    }
    made = _changed(made, fields)
    call.state.destinations[made["id"]] = made
    return {"data": made}


def get(call: Call) -> dict[str, Any]:
    """Return one destination."""
    return {"data": _find(call)}


def update(call: Call) -> dict[str, Any]:
    """Change what the request names of a destination."""
    kept = _changed(_find(call), call.given())
    kept["updated_at"] = clock.timestamp(call.state.now())
    call.state.destinations[kept["id"]] = kept
    return {"data": kept}


def delete(call: Call) -> dict[str, Any]:
    """Forget a destination."""
    del call.state.destinations[_find(call)["id"]]
    return {"deleted": True}


def _find(call: Call) -> dict[str, Any]:
    kept = call.state.destinations.get(call.path[0])
    if kept is None:
        raise ApiError(404, "Observability destination not found")
    return kept


def _changed(kept: dict[str, Any], fields: Fields) -> dict[str, Any]:
    changed: dict[str, Any] = {name: fields.flag(name) for name in _FLAGS if name in fields}
    if "name" in fields:
        changed["name"] = fields.name()
    for name in ("api_key_hashes", "regions"):
        if name in fields:
            changed[name] = fields.texts(name)
    for name in ("config", "filter_rules"):
        given = fields.body.get(name)
        if name in fields and not isinstance(given, dict | None):
            raise invalid_body(f"{name}: Invalid input: expected object")
        if name in fields:
            changed[name] = given
    if "sampling_rate" in fields:
        rate = fields.usd("sampling_rate")
        if rate is None or not 0.0001 <= rate <= 1:
            raise invalid_body("sampling_rate: Invalid input: expected 0.0001 to 1")
        changed["sampling_rate"] = fields.body["sampling_rate"]
    return {**kept, **changed}


_PATH = "/observability/destinations"
ROUTES = (
    Route("GET", _PATH, list_all),
    Route("POST", _PATH, create, status=201),
    Route("GET", f"{_PATH}/{{}}", get),
    Route("PATCH", f"{_PATH}/{{}}", update),
    Route("DELETE", f"{_PATH}/{{}}", delete),
)
