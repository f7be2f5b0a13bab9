"""Video models: what each takes, and its prices, as read from OpenRouter's list.

Requests are built in layers below the catalogue, which therefore passes the list that it reads to
`learn`; nothing here reads a file or the network. See
https://openrouter.ai/docs/guides/overview/multimodal/video-generation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# The field of a request, and the model's list of its values.
_LISTED: Final = {
    "aspect_ratio": "supported_aspect_ratios",
    "duration": "supported_durations",
    "resolution": "supported_resolutions",
    "size": "supported_sizes",
}

_models: dict[str, VideoModel] = {}


@dataclass(frozen=True, slots=True)
class VideoModel:
    """A model that makes videos.

    Attributes:
        id: Its name in requests, such as `google/veo-3.1`.
        wire: Its row in `GET /videos/models`.
    """

    id: str
    wire: Mapping[str, Any]

    @property
    def skus(self) -> Mapping[str, Any]:
        """The prices, by the name of what is sold; empty if they are unknown."""
        found = self.wire.get("pricing_skus")
        return found if isinstance(found, dict) else {}

    def values(self, name: str) -> list[Any] | None:
        """A list of values, such as `supported_durations`; None if the model has none."""
        found = self.wire.get(name)
        return found if isinstance(found, list) else None


def learn(rows: Iterable[Mapping[str, Any]]) -> None:
    """Stores the rows of `GET /videos/models`."""
    for row in rows:
        model_id = row.get("id")
        if isinstance(model_id, str):
            known = VideoModel(model_id, row)
            _models[str(row.get("canonical_slug") or model_id)] = known
            _models[model_id] = known


def find(model: str) -> VideoModel | None:
    """The entry of a model, by its name with or without `openrouter/`; None if it is not known."""
    return _models.get(model.removeprefix("openrouter/"))


def forget() -> None:
    """Forgets everything that was read."""
    _models.clear()


def faults(body: Mapping[str, Any], model: VideoModel) -> Iterator[str]:
    """The values in a request that a model does not take, each with what it takes instead."""
    for name, descriptor in _LISTED.items():
        allowed = model.values(descriptor)
        if body.get(name) is not None and allowed is not None and body[name] not in allowed:
            yield f"{name}={body[name]!r}: {model.id} accepts {_shown(allowed)}"
    kinds = model.values("supported_frame_images") or []
    for frame in body.get("frame_images") or ():
        if frame.get("frame_type") not in kinds:
            yield f"frame_type={frame.get('frame_type')!r}: {model.id} accepts {_shown(kinds)}"
    if body.get("generate_audio") and model.wire.get("generate_audio") is False:
        yield f"generate_audio=True: {model.id} doesn't generate audio"
    levels = model.values("creativity") or []
    if body.get("creativity") is not None and body["creativity"] not in levels:
        yield f"creativity={body['creativity']!r}: {model.id} accepts {_shown(levels)}"
    if body.get("upscale_factor") is not None:
        yield from _factor_faults(body["upscale_factor"], model)


def _factor_faults(factor: float, model: VideoModel) -> Iterator[str]:
    limits = model.wire.get("upscale_factor")
    if not isinstance(limits, dict):
        yield f"upscale_factor={factor!r}: {model.id} does not upscale videos"
        return
    least, most = limits.get("min"), limits.get("max")
    if (least is not None and factor < least) or (most is not None and factor > most):
        yield f"upscale_factor={factor!r}: {model.id} accepts {least} to {most}"


def _shown(values: list[Any]) -> str:
    return " | ".join(map(repr, values)) if values else "none"
