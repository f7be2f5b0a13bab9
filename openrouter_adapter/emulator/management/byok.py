"""`/byok`: the account's own provider keys; requests that use one cost only a fee."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import clock
from ..bodies import TEXTS
from ..call import Route
from ..errors import invalid_body
from ..keys import WORKSPACE, ProviderKey

if TYPE_CHECKING:
    from ..call import Call, Fields

_FLAGS = ("disabled", "is_byok_only", "is_fallback", "is_required")
_REGIONS = ("global", "europe", "us")
_SHAPES: dict[str, Any] = {
    **dict.fromkeys(_FLAGS, bool),
    **dict.fromkeys(("allowed_api_key_hashes", "allowed_models", "allowed_user_ids"), TEXTS),
    **dict.fromkeys(("name", "declared_region"), str),
    "declared_zdr": bool,
}


def wire(kept: ProviderKey) -> dict[str, Any]:
    """Return a provider key as `/byok` shows it: without its secret."""
    return {
        **dict.fromkeys(_SHAPES),
        **dict.fromkeys(_FLAGS, False),
        **kept.fields,
        "id": kept.id,
        "provider": kept.provider,
        "label": kept.label,
        "sort_order": kept.order,
        "workspace_id": kept.workspace,
        "created_at": clock.timestamp(kept.created_at),
    }


def list_keys(call: Call) -> dict[str, Any]:
    """Return a page of provider keys."""
    provider, workspace = call.query.get("provider"), call.query.get("workspace_id")
    found = [
        one
        for one in call.state.provider_keys.values()
        if provider in {None, one.provider} and workspace in {None, one.workspace}
    ]
    return call.listing(found, wire)


def create(call: Call) -> dict[str, Any]:
    """Add a provider key."""
    fields, kept = call.given(), call.state.provider_keys
    provider = fields.name("provider")
    made = ProviderKey(
        call.state.new_uuid("byok"),
        provider,
        _label(fields.name("key")),
        fields.text("workspace_id") or WORKSPACE,
        call.state.now(),
        sum(one.provider == provider for one in kept.values()),
        _checked(fields, {}),
    )
    kept[made.id] = made
    return {"data": wire(made)}


def get(call: Call) -> dict[str, Any]:
    """Return one provider key."""
    return {"data": wire(_find(call))}


def update(call: Call) -> dict[str, Any]:
    """Change the given fields of a provider key."""
    kept, fields = _find(call), call.given()
    kept.fields = _checked(fields, kept.fields)
    if "key" in fields:
        kept.label = _label(fields.name("key"))
    return {"data": wire(kept)}


def delete(call: Call) -> dict[str, Any]:
    """Delete a provider key."""
    del call.state.provider_keys[_find(call).id]
    return {"deleted": True}


def _find(call: Call) -> ProviderKey:
    return call.kept(call.state.provider_keys, "BYOK key not found")


def _checked(fields: Fields, before: dict[str, Any]) -> dict[str, Any]:
    changed = fields.changed(before, _SHAPES)
    changed |= {name: bool(changed[name]) for name in (*_FLAGS, "declared_zdr") if name in changed}
    fields.choice("declared_region", _REGIONS)
    if changed.get("is_fallback") and changed.get("is_byok_only"):
        raise invalid_body("is_fallback: cannot be combined with is_byok_only")
    return changed


def _label(secret: str) -> str:
    return f"{secret[:3]}...{secret[-4:]}"


ROUTES = (
    Route("GET", "/byok", list_keys),
    Route("POST", "/byok", create, status=201),
    Route("GET", "/byok/{}", get),
    Route("PATCH", "/byok/{}", update),
    Route("DELETE", "/byok/{}", delete),
)
