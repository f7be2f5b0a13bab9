"""The organization: its members, who are the owners of its keys, and its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openrouter_adapter.emulator.call import Route
from openrouter_adapter.emulator.errors import USER_ID, invalid_body

from .guardrails import ORGANIZATION

if TYPE_CHECKING:
    from openrouter_adapter.emulator.call import Call


def list_members(call: Call) -> dict[str, Any]:
    """Return a page of members, the administrator first."""
    users = [USER_ID, *(key.creator for key in reversed(call.state.keys.all()) if key.creator)]
    members = [_member(user) for user in dict.fromkeys(users)]
    return {"data": call.page(members), "total_count": len(members)}


def get_settings(call: Call) -> dict[str, Any]:
    """Return the organization's settings."""
    return {"data": {"id": ORGANIZATION, **call.state.organization}}


def update_settings(call: Call) -> dict[str, Any]:
    """Change the organization's settings, which the emulator only keeps."""
    fields = call.given()
    if "is_filtered_model_catalog_enabled" not in fields:
        raise invalid_body("is_filtered_model_catalog_enabled: Required")
    enabled = fields.flag("is_filtered_model_catalog_enabled")
    call.state.organization["is_filtered_model_catalog_enabled"] = enabled
    return get_settings(call)


def _member(user: str) -> dict[str, Any]:
    return {
        "id": user,
        "email": f"{user}@example.com",
        "first_name": None,
        "last_name": None,
        "role": "org:admin" if user == USER_ID else "org:member",
    }


ROUTES = (
    Route("GET", "/organization/members", list_members),
    Route("GET", "/organization/settings", get_settings),
    Route("PATCH", "/organization/settings", update_settings),
)
