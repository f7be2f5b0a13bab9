"""`/presets`: created from the body of a request; the latest version is the one in use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .. import clock
from ..answers import text_of
from ..bodies import check_object
from ..call import Route
from ..errors import USER_ID, ApiError, invalid_body
from ..keys import WORKSPACE

if TYPE_CHECKING:
    from ..call import Call
    from ..presets import Preset

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]*$")
# The fields of a request that a preset keeps.
_KEPT = (
    *("model", "models", "provider", "plugins", "reasoning", "response_format", "route"),
    *("temperature", "top_p", "top_k", "top_a", "min_p", "seed", "stop", "max_tokens"),
    *("max_completion_tokens", "frequency_penalty", "presence_penalty", "repetition_penalty"),
    *("tools", "tool_choice", "verbosity", "transforms"),
)


def wire(preset: Preset) -> dict[str, Any]:
    """Return a preset as the list shows it."""
    latest = preset.versions[-1]
    return {
        "id": preset.id,
        "slug": preset.slug,
        "name": preset.slug,
        "description": None,
        "status": "active",
        "status_updated_at": None,
        "creator_user_id": USER_ID,
        "workspace_id": WORKSPACE,
        "designated_version_id": latest["id"],
        "created_at": clock.timestamp(preset.created_at),
        "updated_at": latest["created_at"],
    }


def _whole(preset: Preset) -> dict[str, Any]:
    return {**wire(preset), "designated_version": preset.versions[-1]}


def list_all(call: Call) -> dict[str, Any]:
    """Return a page of presets, the most recently changed first."""
    kept = [wire(preset) for preset in call.state.presets.values()]
    kept.sort(key=lambda preset: str(preset["updated_at"]), reverse=True)
    return call.listing(kept)


def get(call: Call) -> dict[str, Any]:
    """Return a preset with its latest version."""
    return {"data": _whole(_find(call))}


def list_versions(call: Call) -> dict[str, Any]:
    """Return a page of a preset's versions, the latest first."""
    return call.listing(_find(call).versions[::-1])


def get_version(call: Call) -> dict[str, Any]:
    """Return one version of a preset."""
    for version in _find(call).versions:
        if str(version["version"]) == call.path[1]:
            return {"data": version}
    raise ApiError(404, f"Preset {call.path[0]} has no version {call.path[1]}")


def create(call: Call) -> dict[str, Any]:
    """Create a preset, or its next version, from the body of an inference request."""
    slug, body = call.path[0], check_object(call.body)
    if not _SLUG.match(slug):
        raise invalid_body(f"slug: Invalid input: expected a-z, 0-9 and -, received {slug}")
    config = {name: body[name] for name in _KEPT if body.get(name) is not None}
    if body.get("max_output_tokens") is not None:
        config["max_tokens"] = body["max_output_tokens"]
    prompt = _system_prompt(body)
    preset = call.state.keep_preset(slug, {**config, "system_prompt": prompt})
    return {"data": _whole(preset)}


def _system_prompt(body: dict[str, Any]) -> str | None:
    """Return the system prompt of a chat's, a response's or a message's body."""
    if body.get("instructions") or body.get("system"):
        return text_of(body.get("instructions") or body["system"])
    messages = body.get("messages")
    opening = messages[0] if isinstance(messages, list) and messages else None
    if isinstance(opening, dict) and opening.get("role") in {"system", "developer"}:
        return text_of(opening.get("content"))
    return None


def _find(call: Call) -> Preset:
    return call.kept(call.state.presets, f"Preset {call.path[0]} not found")


ROUTES = (
    Route("GET", "/presets", list_all, "any key"),
    Route("GET", "/presets/{}", get, "any key"),
    Route("GET", "/presets/{}/versions", list_versions, "any key"),
    Route("GET", "/presets/{}/versions/{}", get_version, "any key"),
    Route("POST", "/presets/{}/chat/completions", create, "any key"),
    Route("POST", "/presets/{}/responses", create, "any key"),
    Route("POST", "/presets/{}/messages", create, "any key"),
)
