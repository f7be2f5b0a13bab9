"""`/keys`: the account's keys that call models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import clock
from ..call import Route
from ..errors import USER_ID, ApiError, invalid_body
from ..keys import WORKSPACE, Key

if TYPE_CHECKING:
    from ..call import Call, Fields


def wire(key: Key, now: float) -> dict[str, Any]:
    """Return a key as `/keys` shows it, without its secret."""
    return {
        "hash": key.hash,
        "name": key.name,
        "label": key.label,
        "disabled": key.disabled,
        **key.limits(now),
        **key.usage(now),
        "creator_user_id": key.creator,
        "external_user": key.external_user,
        "workspace_id": key.workspace,
        "created_at": clock.timestamp(key.created_at),
        "updated_at": None if key.updated_at is None else clock.timestamp(key.updated_at),
        "last_used_at": None if key.last_used_at is None else clock.instant(key.last_used_at),
    }


def list_keys(call: Call) -> dict[str, Any]:
    """Return a page of keys, the newest first."""
    now = call.state.now()
    workspace = call.query.get("workspace_id", WORKSPACE)
    shown = [
        key
        for key in call.state.keys.all()
        if key.workspace == workspace
        and (call.flag("include_disabled") or not key.disabled)
        and (call.flag("include_expired") or not key.expired(now))
    ]
    return {"data": [wire(key, now) for key in call.page(shown)]}


def create(call: Call) -> dict[str, Any]:
    """Create a key; only this answer has its secret."""
    fields, now = call.given(), call.state.now()
    external = fields.body.get("external")
    secret = f"sk-or-v1-{call.state.new_secret('key')}"
    key = Key(
        secret,
        fields.name(),
        now,
        expires_at=fields.moment("expires_at"),
        creator=fields.text("creator_user_id") or USER_ID,
        external_user=external.get("user") if isinstance(external, dict) else None,
        workspace=fields.text("workspace_id") or WORKSPACE,
    )
    if key.expired(now):
        raise invalid_body("expires_at: Invalid input: expected a time in the future")
    _limit(key, fields)
    call.state.keys.add(key)
    return {"data": wire(key, now), "key": key.secret}


def get(call: Call) -> dict[str, Any]:
    """Return one key."""
    return {"data": wire(find(call), call.state.now())}


def update(call: Call) -> dict[str, Any]:
    """Change the given fields of a key."""
    key, fields, now = find(call), call.given(), call.state.now()
    if "name" in fields:
        key.name = fields.name()
    key.disabled = fields.flag("disabled", default=key.disabled)
    key.workspace = fields.text("workspace_id") or key.workspace
    _limit(key, fields)
    key.updated_at = now
    return {"data": wire(key, now)}


def delete(call: Call) -> dict[str, Any]:
    """Delete a key."""
    find(call).removed = True
    return {"deleted": True}


def find(call: Call) -> Key:
    """Return the key whose hash is in the path.

    Raises:
        ApiError: 404 if there is none.
    """
    key = call.state.keys.of_hash(call.path[0])
    if key is None or key.manages:
        raise ApiError(404, "API key not found")
    return key


def _limit(key: Key, fields: Fields) -> None:
    limit, reset = fields.usd("limit"), fields.choice("limit_reset", clock.RESETS)
    if "limit" in fields:
        key.limit = limit
    if "limit_reset" in fields:
        key.limit_reset = reset
    byok = key.include_byok_in_limit
    key.include_byok_in_limit = fields.flag("include_byok_in_limit", default=byok)


ROUTES = (
    Route("GET", "/keys", list_keys),
    Route("POST", "/keys", create, status=201),
    Route("GET", "/keys/{}", get),
    Route("PATCH", "/keys/{}", update),
    Route("DELETE", "/keys/{}", delete),
)
