"""`/presets`: made from the body of a request, each time a new version, the latest one in use."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from openrouter_adapter.emulator import clock
from openrouter_adapter.emulator.answers import text_of
from openrouter_adapter.emulator.bodies import check_object
from openrouter_adapter.emulator.call import Route
from openrouter_adapter.emulator.errors import USER_ID, ApiError, invalid_body
from openrouter_adapter.emulator.keys import WORKSPACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openrouter_adapter.emulator.call import Call
    from openrouter_adapter.emulator.state import State

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]*$")
# What a preset keeps of a request; the rest, such as its messages, is left out.
_KEPT = (
    *("model", "models", "provider", "plugins", "reasoning", "response_format", "route"),
    *("temperature", "top_p", "top_k", "top_a", "min_p", "seed", "stop", "max_tokens"),
    *("max_completion_tokens", "frequency_penalty", "presence_penalty", "repetition_penalty"),
    *("tools", "tool_choice", "verbosity", "transforms"),
)


@dataclass(slots=True)
class Preset:
    """A preset and its versions, the latest last."""

    id: str
    slug: str
    created_at: float
    versions: list[dict[str, Any]] = field(default_factory=list)

    def parameters(self) -> dict[str, Any]:
        """Return what a request gets of the latest version."""
        latest = self.versions[-1]
        prompt = latest["system_prompt"]
        return {**latest["config"], **({"system_prompt": prompt} if prompt else {})}

    def wire(self) -> dict[str, Any]:
        """Return it as the list shows it."""
        latest = self.versions[-1]
        return {
            "id": self.id,
            "slug": self.slug,
            "name": self.slug,
            "description": None,
            "status": "active",
            "status_updated_at": None,
            "creator_user_id": USER_ID,
            "workspace_id": WORKSPACE,
            "designated_version_id": latest["id"],
            "created_at": clock.timestamp(self.created_at),
            "updated_at": latest["created_at"],
        }

    def whole(self) -> dict[str, Any]:
        """Return it with its latest version."""
        return {**self.wire(), "designated_version": self.versions[-1]}


def keep(state: State, slug: str, parameters: Mapping[str, Any]) -> Preset:
    """Make a preset, or the next version of one."""
    preset = state.presets.get(slug)
    if preset is None:
        preset = Preset(_new_id(state), slug, state.now())
        state.presets[slug] = preset
    now = clock.timestamp(state.now())
    preset.versions.append(
        {
            "id": _new_id(state),
            "preset_id": preset.id,
            "version": len(preset.versions) + 1,
            "creator_id": USER_ID,
            "config": {key: told for key, told in parameters.items() if key != "system_prompt"},
            "system_prompt": parameters.get("system_prompt"),
            "created_at": now,
            "updated_at": now,
        }
    )
    return preset


def list_all(call: Call) -> dict[str, Any]:
    """Return a page of presets, the one that was changed last first."""
    kept = [preset.wire() for preset in call.state.presets.values()]
    kept.sort(key=lambda preset: str(preset["updated_at"]), reverse=True)
    return {"data": call.page(kept), "total_count": len(kept)}


def get(call: Call) -> dict[str, Any]:
    """Return a preset with its latest version."""
    return {"data": _find(call).whole()}


def list_versions(call: Call) -> dict[str, Any]:
    """Return a page of a preset's versions, the latest first."""
    versions = _find(call).versions[::-1]
    return {"data": call.page(versions), "total_count": len(versions)}


def get_version(call: Call) -> dict[str, Any]:
    """Return one version of a preset."""
    for version in _find(call).versions:
        if str(version["version"]) == call.path[1]:
            return {"data": version}
    raise ApiError(404, f"Preset {call.path[0]} has no version {call.path[1]}")


def create(call: Call) -> dict[str, Any]:
    """Make a preset, or its next version, from the body of an inference request."""
    slug, body = call.path[0], check_object(call.body)
    if not _SLUG.match(slug):
        raise invalid_body(f"slug: Invalid input: expected a-z, 0-9 and -, received {slug}")
    config = {name: body[name] for name in _KEPT if body.get(name) is not None}
    if body.get("max_output_tokens") is not None:
        config["max_tokens"] = body["max_output_tokens"]
    prompt = _system_prompt(body)
    preset = keep(call.state, slug, {**config, "system_prompt": prompt})
    return {"data": preset.whole()}


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
    preset = call.state.presets.get(call.path[0])
    if preset is None:
        raise ApiError(404, f"Preset {call.path[0]} not found")
    return preset


def _new_id(state: State) -> str:
    return str(uuid.UUID(state.new_secret("preset")[:32], version=4))


ROUTES = (
    Route("GET", "/presets", list_all, "any key"),
    Route("GET", "/presets/{}", get, "any key"),
    Route("GET", "/presets/{}/versions", list_versions, "any key"),
    Route("GET", "/presets/{}/versions/{}", get_version, "any key"),
    Route("POST", "/presets/{}/chat/completions", create, "any key"),
    Route("POST", "/presets/{}/responses", create, "any key"),
    Route("POST", "/presets/{}/messages", create, "any key"),
)
