"""Presets: named parameters, which a request's own ones override."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import clock
from .errors import USER_ID, ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

_MARK = "@preset/"


@dataclass(slots=True)
class Preset:
    """A preset and its versions, the latest last."""

    id: str
    slug: str
    created_at: float
    versions: list[dict[str, Any]] = field(default_factory=list)

    def parameters(self) -> dict[str, Any]:
        """Return the latest version's parameters."""
        latest = self.versions[-1]
        prompt = latest["system_prompt"]
        return {**latest["config"], **({"system_prompt": prompt} if prompt else {})}

    def add_version(self, version_id: str, parameters: Mapping[str, Any], now: float) -> None:
        """Add a version, which is in use from now on."""
        config = {name: parameters[name] for name in parameters if name != "system_prompt"}
        self.versions.append(
            {
                "id": version_id,
                "preset_id": self.id,
                "version": len(self.versions) + 1,
                "creator_id": USER_ID,
                "config": config,
                "system_prompt": parameters.get("system_prompt"),
                "created_at": clock.timestamp(now),
                "updated_at": clock.timestamp(now),
            }
        )


def applied(body: dict[str, Any], presets: Mapping[str, Preset]) -> dict[str, Any]:
    """Return a request with its preset's parameters under its own, merged one level deep.

    A preset is named by the model `@preset/name`, after a model as `author/slug@preset/name`,
    or by the field `preset`. Its `system_prompt` comes before the messages.

    Raises:
        ApiError: 404 for an unknown preset.
    """
    model, mark, name = str(body.get("model") or "").partition(_MARK)
    name = name or str(body.get("preset") or "")
    if not name:
        return body
    if name not in presets:
        raise ApiError(404, f"Preset {name} not found")
    kept_parameters = presets[name].parameters()
    own = {key: value for key, value in body.items() if key != "preset"}
    if mark:
        del own["model"]
    if model:
        own["model"] = model
    merged = {**kept_parameters, **own}
    for key, value in own.items():
        kept = kept_parameters.get(key)
        if isinstance(value, dict) and isinstance(kept, dict):
            merged[key] = {**kept, **value}
    system_prompt = merged.pop("system_prompt", None)
    if system_prompt and isinstance(merged.get("messages"), list):
        opening = {"role": "system", "content": system_prompt}
        merged["messages"] = [opening, *merged["messages"]]
    return merged
