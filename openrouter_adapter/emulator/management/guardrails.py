"""`/guardrails`: made, changed, assigned and removed with the provisioning key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .. import catalog, clock
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


def wire(guardrail: Guardrail) -> dict[str, Any]:
    """Return a guardrail as `/guardrails` shows it."""
    updated = guardrail.updated_at
    shown = dict.fromkeys(
        (*_LISTS, *_ZDR, *_FLAGS, "description", "limit_usd", "reset_interval"), None
    )
    return {
        **shown,
        "enforce_zdr": None,
        "allowed_data_regions": None,
        "content_filters": None,
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
    return {"data": [wire(one) for one in call.page(found)], "total_count": len(found)}


def create(call: Call) -> dict[str, Any]:
    """Make a guardrail; it holds nobody until it is assigned."""
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
    return {"data": wire(find(call))}


def update(call: Call) -> dict[str, Any]:
    """Change what the request names of a guardrail."""
    guardrail, fields = find(call), call.given()
    changed = _checked(fields, guardrail.fields)
    if "name" in fields:
        guardrail.name = fields.name()
    guardrail.fields = changed
    guardrail.updated_at = call.state.now()
    return {"data": wire(guardrail)}


def delete(call: Call) -> dict[str, Any]:
    """Remove a guardrail; whom it held is free of it."""
    call.state.guardrails.remove(find(call))
    return {"deleted": True}


def find(call: Call) -> Guardrail:
    """Return the guardrail whose id is in the path.

    Raises:
        ApiError: 404 for none.
    """
    guardrail = call.state.guardrails.all.get(call.path[0])
    if guardrail is None:
        raise ApiError(404, "Guardrail not found")
    return guardrail


def assign_keys(call: Call) -> dict[str, Any]:
    """Put keys under a guardrail, in place of the one they had."""
    guardrail, hashes = find(call), _targets(call, "key_hashes")
    for digest in hashes:
        if call.state.keys.of_hash(digest) is None:
            raise ApiError(404, f"API key not found: {digest}")
    return {"assigned_count": _assign(call, guardrail, call.state.guardrails.of_keys, hashes)}


def assign_members(call: Call) -> dict[str, Any]:
    """Put members, and so all of their keys, under a guardrail."""
    guardrail, users = find(call), _targets(call, "member_user_ids")
    return {"assigned_count": _assign(call, guardrail, call.state.guardrails.of_members, users)}


def unassign_keys(call: Call) -> dict[str, Any]:
    """Take keys from under a guardrail."""
    assigned = call.state.guardrails.of_keys
    return {"unassigned_count": _unassign(find(call), assigned, _targets(call, "key_hashes"))}


def unassign_members(call: Call) -> dict[str, Any]:
    """Take members from under a guardrail."""
    assigned = call.state.guardrails.of_members
    return {"unassigned_count": _unassign(find(call), assigned, _targets(call, "member_user_ids"))}


def list_keys(call: Call) -> dict[str, Any]:
    """Return which keys are under a guardrail, or under any."""
    found = _assigned(call, call.state.guardrails.of_keys)
    rows = []
    for one in call.page(found):
        key = call.state.keys.once_known(one.target)
        named = {"key_hash": one.target, "key_name": key.name if key else ""}
        rows.append({**_wire(one), **named, "key_label": key.label if key else ""})
    return {"data": rows, "total_count": len(found)}


def list_members(call: Call) -> dict[str, Any]:
    """Return which members are under a guardrail, or under any."""
    found = _assigned(call, call.state.guardrails.of_members)
    rows = [
        {**_wire(one), "user_id": one.target, "organization_id": _ORGANIZATION}
        for one in call.page(found)
    ]
    return {"data": rows, "total_count": len(found)}


def _checked(fields: Fields, before: dict[str, Any]) -> dict[str, Any]:
    """Return a guardrail's fields after a request, checked."""
    told = dict(before)
    for name in _LISTS:
        if name in fields:
            told[name] = fields.texts(name)
    for name in ("allowed_models", "ignored_models"):
        if name in fields and told[name] is not None:
            told[name] = [_dated(model) for model in told[name]]
    for name in ("enforce_zdr", *_ZDR, *_FLAGS, "include_byok_in_budgets"):
        if name in fields:
            given = fields.body[name] is not None
            told[name] = fields.flag(name) if given else None
    for name in _ZDR:
        if "enforce_zdr" in fields and name not in fields:
            told[name] = told["enforce_zdr"]
    if "description" in fields:
        told["description"] = fields.text("description")
    _check_budget(fields, told)
    _check_regions(fields, told)
    _check_filters(fields, told)
    return told


def _check_budget(fields: Fields, told: dict[str, Any]) -> None:
    limit, reset = fields.usd("limit_usd"), fields.choice("reset_interval", clock.RESETS)
    if "limit_usd" in fields:
        told["limit_usd"] = None if limit is None else fields.body["limit_usd"]
    if "reset_interval" in fields:
        told["reset_interval"] = reset
    if (told.get("limit_usd") is None) != (told.get("reset_interval") is None):
        raise invalid_body("limit_usd and reset_interval must be provided together")


def _check_regions(fields: Fields, told: dict[str, Any]) -> None:
    regions = fields.texts("allowed_data_regions")
    if regions is not None and (not regions or not set(regions) <= set(_REGIONS)):
        known = "|".join(f'"{region}"' for region in _REGIONS)
        raise invalid_body(f"allowed_data_regions: Invalid option: expected some of {known}")
    if "allowed_data_regions" in fields:
        told["allowed_data_regions"] = regions


def _check_filters(fields: Fields, told: dict[str, Any]) -> None:
    if fields.body.get("content_filter_builtins"):
        raise ApiError(501, "The emulator has no builtin content filters; use content_filters")
    filters = fields.body.get("content_filters")
    for place, entry in enumerate(filters or ()):
        pattern = entry.get("pattern") if isinstance(entry, dict) else None
        if not isinstance(pattern, str) or entry.get("action") not in _ACTIONS:
            raise invalid_body(f"content_filters.{place}: Invalid input")
        try:
            re.compile(pattern)
        except re.error:
            raise invalid_body(f"content_filters.{place}: invalid_regex_pattern") from None
    if "content_filters" in fields:
        told["content_filters"] = filters


def _dated(model: str) -> str:
    if not catalog.knows(model):
        raise invalid_body(f"Invalid model: {model}")
    return catalog.find(model).canonical_slug


def _targets(call: Call, name: str) -> list[str]:
    targets = call.given().texts(name)
    if not targets:
        raise invalid_body(f"{name}: Invalid input: expected array with >=1 items")
    return targets


def _assign(
    call: Call, guardrail: Guardrail, assigned: dict[str, Assignment], targets: list[str]
) -> int:
    for target in targets:
        assigned[target] = Assignment(
            call.state.new_uuid("guardrail"), guardrail.id, target, call.state.now()
        )
    return len(targets)


def _unassign(guardrail: Guardrail, assigned: dict[str, Assignment], targets: list[str]) -> int:
    held = [one for one in targets if one in assigned and assigned[one].guardrail == guardrail.id]
    for target in held:
        del assigned[target]
    return len(held)


def _assigned(call: Call, assigned: dict[str, Assignment]) -> list[Assignment]:
    wanted = find(call).id if call.path else None
    return [one for one in assigned.values() if wanted in {None, one.guardrail}]


def _wire(assignment: Assignment) -> dict[str, Any]:
    return {
        "id": assignment.id,
        "guardrail_id": assignment.guardrail,
        "assigned_by": USER_ID,
        "created_at": clock.timestamp(assignment.created_at),
    }


ROUTES = (
    Route("GET", "/guardrails", list_all),
    Route("POST", "/guardrails", create, status=201),
    Route("GET", "/guardrails/assignments/keys", list_keys),
    Route("GET", "/guardrails/assignments/members", list_members),
    Route("GET", "/guardrails/{}", get),
    Route("PATCH", "/guardrails/{}", update),
    Route("DELETE", "/guardrails/{}", delete),
    Route("GET", "/guardrails/{}/assignments/keys", list_keys),
    Route("POST", "/guardrails/{}/assignments/keys", assign_keys),
    Route("POST", "/guardrails/{}/assignments/keys/remove", unassign_keys),
    Route("GET", "/guardrails/{}/assignments/members", list_members),
    Route("POST", "/guardrails/{}/assignments/members", assign_members),
    Route("POST", "/guardrails/{}/assignments/members/remove", unassign_members),
)
