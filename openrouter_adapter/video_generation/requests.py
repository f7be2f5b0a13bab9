"""Bodies of requests to `/videos`.

See https://openrouter.ai/docs/guides/overview/multimodal/video-generation.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from litellm.types.videos.utils import extract_original_video_id

from openrouter_adapter import options
from openrouter_adapter.images import inputs, sizing
from openrouter_adapter.video_generation import models
from openrouter_adapter.wire import errors, model_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FIELDS: Final = frozenset(
    {
        *("aspect_ratio", "callback_url", "creativity", "duration", "frame_images"),
        *("generate_audio", "input_references", "previous_job_id", "provider", "resolution"),
        *("seed", "session_id", "size", "trace", "upscale_factor", "user"),
    }
)
"""The fields of OpenRouter's VideoGenerationRequest besides model and prompt."""

OPENAI_FIELDS: Final = frozenset({"input_reference", "seconds"})
"""OpenAI's fields with other names: `input_reference` and `seconds`."""

_RESOLUTIONS: Final = ("360p", "480p", "720p", "768p", "1080p", "1K", "2K", "4K")
# By the shorter side in pixels.
_OF_SIDE: Final = {
    360: "360p",
    480: "480p",
    720: "720p",
    768: "768p",
    1024: "1K",
    1080: "1080p",
    1440: "2K",
    2160: "4K",
}
_RATIO: Final = re.compile(r"\d{1,2}:\d{1,2}")
_FRAMES: Final = ("first_frame", "last_frame")
_REFERENCES: Final = ("image_url", "audio_url", "video_url")
_ENDINGS: Final = {
    "audio_url": (".mp3", ".wav", ".m4a", ".ogg", ".flac", ".aac"),
    "video_url": (".mp4", ".mov", ".webm", ".mkv", ".m4v"),
}


def _is_whole(value: Any, least: int = 0) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


_CHECKS: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "aspect_ratio": (
        lambda value: isinstance(value, str) and _RATIO.fullmatch(value) is not None,
        "a ratio such as '16:9'",
    ),
    "creativity": (_is_whole, "a whole number"),
    "duration": (lambda value: _is_whole(value, 1), "whole seconds from 1"),
    "generate_audio": (lambda value: isinstance(value, bool), "True or False"),
    "previous_job_id": (_is_text, "the id of a completed video"),
    "resolution": (_is_text, ", ".join(map(repr, _RESOLUTIONS))),
    "seed": (lambda value: isinstance(value, int) and not isinstance(value, bool), "a number"),
    "upscale_factor": (
        lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value > 0,
        "a number above 0",
    ),
    "user": (_is_text, "a text"),
}


def build_body(model: str, prompt: Any, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a request for a video.

    Args:
        model: As OpenRouter names it.
        prompt: What to show; empty if the model makes a video from images alone.
        keywords: OpenRouter's fields, and OpenAI's: `seconds` is `duration`, a number or a text;
            `size` is pixels, a ratio, a resolution or `"auto"`; `input_reference` is an image (or
            a list) in any form of images/inputs.py: the first frame if the model takes one, else
            a reference. Others are sent unchecked.

    Raises:
        litellm.BadRequestError: a field is invalid; the message names what is allowed.
    """
    fields, extra = options.body_fields(keywords, ("extra_headers", "max_retries"))
    if prompt is not None and not isinstance(prompt, str):
        raise errors.bad_request(f"prompt={prompt!r:.100}: give a text", model)
    _put_seconds(fields, model)
    _put_size(fields, model)
    _put_reference(fields, model)
    for name, (is_valid, allowed) in _CHECKS.items():
        value = fields.get(name)
        if value is not None and not is_valid(value):
            raise errors.bad_request(f"{name}={value!r:.100}: give {allowed}", model)
    _check_frames(fields.get("frame_images"), model)
    if "input_references" in fields:
        fields["input_references"] = _references(fields["input_references"], model)
    _check_callback(fields.get("callback_url"), model)
    if "previous_job_id" in fields:
        fields["previous_job_id"] = extract_original_video_id(fields["previous_job_id"])
    options.check(fields, model)
    known = models.find(model)
    wrong = list(models.faults(fields, known)) if known is not None else []
    if wrong:
        raise errors.bad_request("; ".join(wrong), model)
    shows = any(fields.get(name) for name in ("frame_images", "input_references"))
    if not (prompt and prompt.strip()) and not shows:
        raise errors.bad_request(f"prompt={prompt!r}: give a text, or images", model)
    said = {"prompt": prompt} if prompt else {}
    named = {"model": model_names.wire_model(model), **said, **fields}
    return options.with_extra(named, extra, model=model)


def _put_seconds(fields: dict[str, Any], model: str) -> None:
    """Replaces OpenAI's `seconds`, mostly a text, by `duration`."""
    seconds = fields.pop("seconds", None)
    if seconds is None:
        return
    if isinstance(seconds, str) and seconds.strip().isdecimal():
        seconds = int(seconds)
    if not _is_whole(seconds, 1):
        raise errors.bad_request(f"seconds={seconds!r:.100}: give whole seconds from 1", model)
    if fields.get("duration", seconds) != seconds:
        named = f"duration={fields['duration']!r}"
        raise options.contradiction(f"seconds={seconds!r}", named, model)
    fields["duration"] = seconds


def _put_size(fields: dict[str, Any], model: str) -> None:
    """Replaces a `size` that is not pixels, or not among the model's sizes, by what it means."""
    size = fields.pop("size", None)
    if size is None or size == "auto":
        return
    found = _of_size(size, model)
    for name, value in found.items():
        if fields.get(name, value) != value:
            raise options.contradiction(f"size={size!r}", f"{name}={fields[name]!r}", model)
    fields.update(found)


def _of_size(size: Any, model: str) -> dict[str, str]:
    text = size.strip() if isinstance(size, str) else ""
    if _RATIO.fullmatch(text):
        return {"aspect_ratio": text}
    for resolution in _RESOLUTIONS:
        if text.lower() == resolution.lower():
            return {"resolution": resolution}
    if not sizing.is_pixels(size):
        raise errors.bad_request(
            f"size={size!r:.100}: give pixels ('1280x720'), a ratio ('16:9'), a resolution "
            f"({', '.join(map(repr, _RESOLUTIONS))}) or 'auto'",
            model,
        )
    pixels = re.sub(r"\s*[xX\u00d7]\s*", "x", text)
    known = models.find(model)
    sizes = known.values("supported_sizes") if known is not None else None
    if known is None or sizes is None or pixels in sizes:
        return {"size": pixels}
    resolution = _OF_SIDE.get(min(map(int, pixels.split("x"))), "")
    if resolution not in (known.values("supported_resolutions") or ()):
        allowed = " | ".join(map(repr, sizes))
        raise errors.bad_request(f"size={size!r}: {known.id} accepts {allowed}", model)
    ratios = known.values("supported_aspect_ratios")
    shape = sizing.of_size(pixels, model, ratios)
    return {"resolution": resolution, "aspect_ratio": shape["aspect_ratio"]}


def _put_reference(fields: dict[str, Any], model: str) -> None:
    """Replaces OpenAI's `input_reference` by the first frame, or by references."""
    given = fields.pop("input_reference", None)
    if given is None:
        return
    parts = _references(given, model, "input_reference")
    known = models.find(model)
    takes_frame = known is None or _FRAMES[0] in (known.values("supported_frame_images") or ())
    is_image = [part["type"] for part in parts] == ["image_url"]
    if is_image and takes_frame:
        frame = {**parts[0], "frame_type": _FRAMES[0]}
        fields["frame_images"] = [frame, *(fields.get("frame_images") or ())]
    else:
        fields["input_references"] = [*parts, *(fields.get("input_references") or ())]


def _references(given: Any, model: str, field: str = "input_references") -> list[dict[str, Any]]:
    """References in the wire's form: objects are kept, links and images become objects."""
    found = []
    for place, one in enumerate(given if isinstance(given, list) else [given]):
        if isinstance(one, dict):
            kind = one.get("type")
            if kind not in _REFERENCES or not isinstance(one.get(kind), dict):
                raise errors.bad_request(
                    f"{field}[{place}].type={kind!r:.100}: give {', '.join(_REFERENCES)} with a "
                    "`url`",
                    model,
                )
            found.append(one)
        else:
            kind = _kind(one)
            url = one if kind != "image_url" else inputs.to_urls(one, model, field)[0]
            found.append({"type": kind, kind: {"url": url}})
    return found


def _kind(reference: Any) -> str:
    """The type of a reference: a link to audio or to a video; anything else is an image."""
    if isinstance(reference, str):
        path = urlsplit(reference).path.lower()
        for kind, endings in _ENDINGS.items():
            if reference.startswith(f"data:{kind.removesuffix('_url')}/") or path.endswith(endings):
                return kind
    return "image_url"


def _check_frames(frames: Any, model: str) -> None:
    if frames is None:
        return
    if not isinstance(frames, list):
        raise errors.bad_request(f"frame_images={frames!r:.100}: give a list of objects", model)
    for place, frame in enumerate(frames):
        image = frame.get("image_url") if isinstance(frame, dict) else None
        if not isinstance(image, dict) or frame.get("frame_type") not in _FRAMES:
            raise errors.bad_request(
                f"frame_images[{place}]={frame!r:.100}: give {{'type': 'image_url', 'image_url': "
                "{'url': …}, 'frame_type': 'first_frame' or 'last_frame'}",
                model,
            )


def _check_callback(url: Any, model: str) -> None:
    """Raises unless OpenRouter would call a URL: https, or this machine, for an emulator."""
    if url is None:
        return
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or not (
        (parts.scheme == "https" and parts.hostname) or _is_this_machine(parts.hostname)
    ):
        # Not shown: its query may hold a secret.
        raise errors.bad_request("callback_url: give an https:// address", model)


def _is_this_machine(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
