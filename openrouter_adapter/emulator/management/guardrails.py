"""`/guardrails` and their assignments to keys and members."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .. import catalog, clock
from ..bodies import TEXTS
from ..call import Route
from ..errors import USER_ID, ApiError, invalid_body
from ..guardrails import Assignment, Guardrail
from ..keys import WORKSPACE

if TYPE_CHECKING:
    from ..call import Call, Fields

_ORGANIZATION = "org_emulator0000000000000000000"
_ZDR = tuple(f"enforce_zdr_{group}" for group in ("anthropic", "openai", "google", "xai", "other"))
_FLAGS = (
    *("enable_free_model_training", "enable_paid_model_training", "enable_free_model_publication"),
    *("allow_safety_retention_google", "allow_safety_retention_other"),
)
_LISTS = ("allowed_models", "ignored_models", "allowed_providers", "ignored_providers")
_REGIONS = ("global", "europe", "us")
_ACTIONS = ("block", "redact", "flag")
_SHAPES: dict[str, Any] = {
    **dict.fromkeys((*_LISTS, "allowed_data_regions"), TEXTS),
    **dict.fromkeys(("enforce_zdr", *_ZDR, *_FLAGS, "include_byok_in_budgets"), bool),
    "description": str,
    "limit_usd": float,
    "reset_interval": str,
    "content_filters": [dict],
}


def wire(guardrail: Guardrail) -> dict[str, Any]:
    """Return a guardrail as `/guardrails` shows it."""
    updated = guardrail.updated_at
    return {
        **dict.fromkeys(_SHAPES),
        "content_filter_builtins": None,
        "include_byok_in_budgets": False,
        **guardrail.fields,
        "id": guardrail.id,
        "name": guardrail.name,
        "workspace_id": guardrail.workspace,
        "created_at": clock.timestamp(guardrail.created_at),
        "updated_at": None if updated is None else clock.timestamp(updated),
    }


def list_all(call: Call) -> dict[str, Any]:
    """Return a page of guardrails."""
    wanted = call.query.get("workspace_id")
    found = [one for one in call.state.guardrails.all.values() if wanted in {None, one.workspace}]
    return call.listing(found, wire)


def create(call: Call) -> dict[str, Any]:
    """Create a guardrail; it applies to nothing until it is assigned."""
    fields = call.given()
    made = Guardrail(
        call.state.new_uuid("guardrail"),
        fields.name(),
        fields.text("workspace_id") or WORKSPACE,
        call.state.now(),
        fields=_checked(fields, {}),
    )
    call.state.guardrails.all[made.id] = made
    return {"data": wire(made)}


def get(call: Call) -> dict[str, Any]:
    """Return one guardrail."""
    return {"data": wire(_find(call))}


def update(call: Call) -> dict[str, Any]:
    """Change the given fields of a guardrail."""
    guardrail, fields = _find(call), call.given()
    changed = _checked(fields, guardrail.fields)
    if "name" in fields:
        guardrail.name = fields.name()
    guardrail.fields = changed
    guardrail.updated_at = call.state.now()
    return {"data": wire(guardrail)}


def delete(call: Call) -> dict[str, Any]:
    """Delete a guardrail and its assignments."""
    call.state.guardrails.remove(_find(call))
    return {"deleted": True}


def _find(call: Call) -> Guardrail:
    return call.kept(call.state.guardrails.all, "Guardrail not found")


def assign(call: Call) -> dict[str, Any]:
    """Assign a guardrail to keys or members, in place of the one that they have."""
    guardrail, state, assigned = _find(call), call.state, _assigned(call)
    targets = _targets(call)
    for target in targets:
        if call.path[1] == "keys" and state.keys.of_hash(target) is None:
            raise ApiError(404, f"API key not found: {target}")
    for target in targets:
        made = Assignment(state.new_uuid("guardrail"), guardrail.id, target, state.now())
        assigned[target] = made
    return {"assigned_count": len(targets)}


def unassign(call: Call) -> dict[str, Any]:
    """Remove a guardrail from keys or members."""
    guardrail, assigned = _find(call), _assigned(call)
    removed = [
        target
        for target in _targets(call)
        if target in assigned and assigned[target].guardrail == guardrail.id
    ]
    for target in removed:
        del assigned[target]
    return {"unassigned_count": len(removed)}


def list_assignments(call: Call) -> dict[str, Any]:
    """Return a page of the keys or members with a guardrail, or with any."""
    wanted = _find(call).id if len(call.path) == 2 else None
    found = [one for one in _assigned(call).values() if wanted in {None, one.guardrail}]
    return call.listing(found, lambda one: _assignment_wire(call, one))


def _assigned(call: Call) -> dict[str, Assignment]:
    """Return the assignments of the kind in the path, `keys` or `members`."""
    kept = {"keys": call.state.guardrails.of_keys, "members": call.state.guardrails.of_members}
    if call.path[-1] not in kept:
        raise ApiError(404, f"Not Found: assignments of {call.path[-1]}")
    return kept[call.path[-1]]


def _targets(call: Call) -> list[str]:
    name = "key_hashes" if call.path[1] == "keys" else "member_user_ids"
    targets = call.given().texts(name)
    if not targets:
        raise invalid_body(f"{name}: Invalid input: expected array with >=1 items")
    return targets


def _assignment_wire(call: Call, assignment: Assignment) -> dict[str, Any]:
    shown = {
        "id": assignment.id,
        "guardrail_id": assignment.guardrail,
        "assigned_by": USER_ID,
        "created_at": clock.timestamp(assignment.created_at),
    }
    if call.path[-1] == "members":
        return {**shown, "user_id": assignment.target, "organization_id": _ORGANIZATION}
    key = call.state.keys.even_deleted(assignment.target)
    return {
        **shown,
        "key_hash": assignment.target,
        "key_name": key.name if key else "",
        "key_label": key.label if key else "",
    }


def _checked(fields: Fields, before: dict[str, Any]) -> dict[str, Any]:
    """Return a guardrail's fields with the changes of a request, which are checked."""
    changed = fields.changed(before, _SHAPES)
    for name in ("allowed_models", "ignored_models"):
        if fields.body.get(name):
            changed[name] = [_dated(model) for model in changed[name]]
    if "enforce_zdr" in fields:
        changed |= {name: changed["enforce_zdr"] for name in _ZDR if name not in fields}
    fields.usd("limit_usd")
    fields.choice("reset_interval", clock.RESETS)
    if (changed.get("limit_usd") is None) != (changed.get("reset_interval") is None):
        raise invalid_body("limit_usd and reset_interval must be provided together")
    regions = fields.texts("allowed_data_regions")
    if regions is not None and (not regions or not set(regions) <= set(_REGIONS)):
        known = "|".join(f'"{region}"' for region in _REGIONS)
        raise invalid_body(f"allowed_data_regions: Invalid option: expected some of {known}")
    if fields.body.get("content_filter_builtins"):
        raise ApiError(501, "The emulator has no builtin content filters; use content_filters")
    for place, entry in enumerate(fields.body.get("content_filters") or ()):
        _check_filter(f"content_filters.{place}", entry)
    return changed


def _check_filter(path: str, entry: dict[str, Any]) -> None:
    pattern = entry.get("pattern")
    if not isinstance(pattern, str) or entry.get("action") not in _ACTIONS:
        raise invalid_body(f"{path}: Invalid input")
    try:
        re.compile(pattern)
    except re.error:
        raise invalid_body(f"{path}: invalid_regex_pattern") from None


def _dated(model: str) -> str:
    if not catalog.knows(model):
        raise invalid_body(f"Invalid model: {model}")
    return catalog.find(model).canonical_slug


ROUTES = (
    Route("GET", "/guardrails", list_all),
    Route("POST", "/guardrails", create, status=201),
    Route("GET", "/guardrails/assignments/{}", list_assignments),
    Route("GET", "/guardrails/{}", get),
    Route("PATCH", "/guardrails/{}", update),
    Route("DELETE", "/guardrails/{}", delete),
    Route("GET", "/guardrails/{}/assignments/{}", list_assignments),
    Route("POST", "/guardrails/{}/assignments/{}", assign),
    Route("POST", "/guardrails/{}/assignments/{}/remove", unassign),
)
