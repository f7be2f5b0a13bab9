"""Requests to `/videos`: OpenRouter's schema, what a model takes, pixels and prices."""

from __future__ import annotations

import ipaddress
import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .billing import ZERO
from .bodies import check, invalid_option
from .errors import ApiError, invalid_body

if TYPE_CHECKING:
    from .catalog import Model, VideoApi

_CHOICES = {
    "aspect_ratio": ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9", "9:21"),
    "resolution": ("360p", "480p", "720p", "768p", "1080p", "1K", "2K", "4K"),
}
_SHAPES: dict[str, Any] = {
    "callback_url": str,
    "creativity": int,
    "duration": int,
    "frame_images": [{"type": str, "image_url": {"url": str}, "frame_type": str}],
    "generate_audio": bool,
    "input_references": [dict],
    "previous_job_id": str,
    "prompt": str,
    "provider": {"options": dict},
    "seed": int,
    "session_id": str,
    "size": str,
    "trace": dict,
    "upscale_factor": float,
    "user": str,
}
_REFERENCES = ("image_url", "audio_url", "video_url")
# The shorter side of each resolution, in pixels.
_SIDES = {
    "360p": 360,
    "480p": 480,
    "720p": 720,
    "768p": 768,
    "1080p": 1080,
    "1K": 1024,
    "2K": 1440,
    "4K": 2160,
}
_SIZE = re.compile(r"(\d{2,5})x(\d{2,5})")
# The model's descriptor of each field with a list of values.
_LISTED = {
    "aspect_ratio": "supported_aspect_ratios",
    "creativity": "creativity",
    "duration": "supported_durations",
    "resolution": "supported_resolutions",
    "size": "supported_sizes",
}
_USUAL_SECONDS = 5
_FRAMES_A_SECOND = 24
_CENT = Decimal("0.01")


def check_body(body: dict[str, Any]) -> None:
    """Check a body against OpenRouter's schema.

    Raises:
        ApiError: 400 that names the field and what was expected.
    """
    for name, shape in _SHAPES.items():
        check(name, body.get(name), shape)
    for name, known in _CHOICES.items():
        if body.get(name) not in {None, *known}:
            raise invalid_option(name, known)
    if (body.get("duration") or 1) < 1:
        raise invalid_body("duration: Too small: expected number to be >=1")
    if body.get("size") is not None and not _SIZE.fullmatch(body["size"]):
        raise invalid_body("size: Invalid size: expected WIDTHxHEIGHT")
    for place, frame in enumerate(body.get("frame_images") or ()):
        if frame.get("frame_type") not in {"first_frame", "last_frame"}:
            raise invalid_option(f"frame_images.{place}.frame_type", ("first_frame", "last_frame"))
    for place, reference in enumerate(body.get("input_references") or ()):
        if reference.get("type") not in _REFERENCES:
            raise invalid_option(f"input_references.{place}.type", _REFERENCES)
    url = body.get("callback_url")
    if url is not None and not url.startswith("https://") and not is_loopback(url):
        raise invalid_body("callback_url: Invalid URL: must use HTTPS")


def check_model(body: dict[str, Any], model: Model) -> None:
    """Check that a model takes what a body asks for.

    Raises:
        ApiError: 400 that names the field.
    """
    api = _api(model)
    images = bool(body.get("frame_images") or body.get("input_references"))
    if not body.get("prompt") and not images:
        raise invalid_body("prompt: Required")
    for name, descriptor in _LISTED.items():
        values = getattr(api, descriptor)
        if body.get(name) is not None and values is not None and body[name] not in values:
            raise _not_taken(name, f"{name} {body[name]} is not supported", values)
    if body.get("generate_audio") and not api.generate_audio:
        raise _not_taken("generate_audio", "Audio is not supported", [False])
    for frame in body.get("frame_images") or ():
        kinds = api.supported_frame_images or []
        if frame["frame_type"] not in kinds:
            raise _not_taken("frame_images", f"{frame['frame_type']} is not supported", kinds)
    if body.get("previous_job_id") and not api.continues:
        raise ApiError(400, f"{model.id} does not support previous_job_id")


def _not_taken(field: str, problem: str, values: list[Any]) -> ApiError:
    allowed = ", ".join(map(str, values)) or "none"
    return invalid_body(f"{field}: {problem} for this model. Supported: {allowed}")


def _api(model: Model) -> VideoApi:
    assert model.video_api is not None  # noqa: S101 - every model with the output "video" has one
    return model.video_api


def seconds(body: dict[str, Any], model: Model) -> int:
    """Return the length of the video that a body asks for."""
    usual = (_api(model).supported_durations or [_USUAL_SECONDS])[0]
    return int(body.get("duration") or usual)


def pixels(body: dict[str, Any], model: Model) -> tuple[int, int]:
    """Return the width and height of the video that a body asks for."""
    if body.get("size"):
        width, _, height = body["size"].partition("x")
        return int(width), int(height)
    side = _SIDES[_resolution(body, model)]
    wide, _, high = str(body.get("aspect_ratio") or "16:9").partition(":")
    share = int(wide) / int(high)
    longer = math.floor(side * max(share, 1 / share) / 2) * 2
    return (longer, side) if share >= 1 else (side, longer)


def _resolution(body: dict[str, Any], model: Model) -> str:
    if body.get("resolution"):
        return str(body["resolution"])
    if body.get("size"):
        side = min(map(int, body["size"].split("x")))
        return next((name for name, most in _SIDES.items() if side <= most), "4K")
    return (_api(model).supported_resolutions or ["720p"])[0]


def price(body: dict[str, Any], model: Model) -> Decimal:
    """Return the price of the video in USD, by the model's SKUs."""
    api = _api(model)
    skus = {name: Decimal(value) for name, value in api.pricing_skus.items()}
    length = seconds(body, model)
    references = len(body.get("input_references") or ())
    frames = len(body.get("frame_images") or ())
    total = skus.get("reference_images", ZERO) * references
    total += skus.get("cents_per_image_input", ZERO) * _CENT * (references + frames)
    for name in _names(body, model, has_images=bool(references or frames)):
        if name in skus:
            total += _of_sku(name, skus[name], length, pixels(body, model))
            break
    return max(total, skus.get("minimum_cents_per_generation", ZERO) * _CENT)


def _of_sku(name: str, rate: Decimal, length: int, size: tuple[int, int]) -> Decimal:
    if name.startswith("video_tokens"):
        return rate * size[0] * size[1] * _FRAMES_A_SECOND * length / 1024
    return rate * length * (_CENT if name.startswith("cents_") else 1)


def _names(body: dict[str, Any], model: Model, *, has_images: bool) -> list[str]:
    """Return the SKUs that may be charged by the second or the token, the most specific first."""
    suffix = _resolution(body, model).lower()
    asked = body.get("generate_audio")
    loud = bool(_api(model).generate_audio) if asked is None else asked
    audio = "with_audio" if loud else "without_audio"
    mode = "image_to_video" if has_images else "text_to_video"
    names = [
        f"{mode}_duration_seconds_{suffix}",
        f"duration_seconds_{audio}_{suffix}",
        f"duration_seconds_{suffix}",
        f"duration_seconds_{audio}",
        "duration_seconds",
        f"cents_per_second_output_{suffix}",
        "cents_per_second_output",
        *([] if loud else ["video_tokens_without_audio"]),
        "video_tokens",
    ]
    if body.get("previous_job_id"):
        names.insert(0, f"cents_per_second_video_continuation_{suffix}")
    return names


def is_loopback(url: str) -> bool:
    """Return whether a URL names this machine."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return False
    if parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return False
