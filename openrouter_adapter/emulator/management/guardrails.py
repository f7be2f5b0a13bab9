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
    return call.listing(found, wire)


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
    return {"data": wire(_find(call))}


def update(call: Call) -> dict[str, Any]:
    """Change what the request names of a guardrail."""
    guardrail, fields = _find(call), call.given()
    changed = _checked(fields, guardrail.fields)
    if "name" in fields:
        guardrail.name = fields.name()
    guardrail.fields = changed
    guardrail.updated_at = call.state.now()
    return {"data": wire(guardrail)}


def delete(call: Call) -> dict[str, Any]:
    """Remove a guardrail; whom it held is free of it."""
    call.state.guardrails.remove(_find(call))
    return {"deleted": True}


def _find(call: Call) -> Guardrail:
    return call.kept(call.state.guardrails.all, "Guardrail not found")


def assign(call: Call) -> dict[str, Any]:
    """Put keys or members, and so all of their keys, under a guardrail, in place of theirs."""
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
    """Take keys or members from under a guardrail."""
    guardrail, assigned = _find(call), _assigned(call)
    held = [
        target
        for target in _targets(call)
        if target in assigned and assigned[target].guardrail == guardrail.id
    ]
    for target in held:
        del assigned[target]
    return {"unassigned_count": len(held)}


def list_assignments(call: Call) -> dict[str, Any]:
    """Return which keys or members are under a guardrail, or under any."""
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
    key = call.state.keys.once_known(assignment.target)
    return {
        **shown,
        "key_hash": assignment.target,
        "key_name": key.name if key else "",
        "key_label": key.label if key else "",
    }


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
