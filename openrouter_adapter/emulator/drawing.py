"""`/images`: the dedicated images API."""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING, Any

import orjson

from . import billing, charging, images, tokens
from .billing import Usage
from .errors import invalid_body

if TYPE_CHECKING:
    from .faults import Fault
    from .service import Service

_FORMATS = ("png", "jpeg", "webp", "svg")
_BACKGROUNDS = ("auto", "transparent", "opaque")
_MOST = 10


def draw(
    service: Service, body: dict[str, Any], fault: Fault | None = None
) -> tuple[bytes, dict[str, str]]:
    """Answer an image request and bill it; returns the body and its headers.

    Raises:
        ApiError: 400 for a bad body, 404 for a model that does not draw.
    """
    number = _check(body)
    served = charging.choose(service, body, "image", "image generation")
    config = _config(body)
    each = images.image_tokens(config, served.model.image_tokens)
    given = len(body.get("input_references") or ()) * tokens.TOKENS_PER_IMAGE
    used = Usage(
        prompt=tokens.count(body["prompt"]) + given, completion=number * each, images=number * each
    )
    charged = charging.charge(service, "/images", "gen-img", served, used, fault)
    headers = {"X-Generation-Id": charged.row.generation_id}
    if charged.error is not None:
        return charged.error, headers
    wire = billing.chat_usage(used, charged.cost)
    del wire["completion_tokens_details"]["audio_tokens"]
    empty = fault is not None and fault.name == "empty-choices"
    answer = {
        "created": int(service.now()),
        "data": [] if empty else [_image(body, config, place) for place in range(number)],
        "usage": wire,
    }
    return orjson.dumps(answer), headers


def _image(body: dict[str, Any], config: dict[str, str], place: int) -> dict[str, str]:
    seed = zlib.crc32(body["prompt"].encode()) + (body.get("seed") or 0) + place * 0x9E3779B1
    width, height = images.pixel_size(config)
    if body.get("output_format") == "svg":
        drawn = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"/>'
        return {
            "b64_json": base64.b64encode(drawn.encode()).decode(),
            "media_type": "image/svg+xml",
        }
    # The emulator draws PNG whatever is asked for, and says so.
    png = images.png(width, height, seed)
    return {"b64_json": base64.b64encode(png).decode(), "media_type": "image/png"}


def _config(body: dict[str, Any]) -> dict[str, str]:
    """Return what a chat would have in `image_config`."""
    size = str(body.get("size") or "")
    tier = body.get("resolution") or (size if size.upper().endswith("K") else "1K")
    ratio = body.get("aspect_ratio") or "1:1"
    if "x" in size.lower():
        ratio = size.lower().replace("x", ":")
    return {"aspect_ratio": ratio, "image_size": str(tier)}


def _check(body: dict[str, Any]) -> int:
    """Check a body and return how many images it asks for."""
    if not isinstance(body.get("prompt"), str) or not body["prompt"]:
        raise invalid_body("prompt: Invalid input: expected string")
    number = body.get("n")
    number = 1 if number is None else number
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= _MOST:
        raise invalid_body(f"n: Invalid input: expected 1 to {_MOST}")
    for name, known in (("output_format", _FORMATS), ("background", _BACKGROUNDS)):
        if body.get(name) not in {None, *known}:
            options = "|".join(f'"{word}"' for word in known)
            raise invalid_body(f"{name}: Invalid option: expected one of {options}")
    if body.get("background") == "transparent" and body.get("output_format") == "jpeg":
        raise invalid_body("background: transparent requires output_format png or webp")
    for place, part in enumerate(body.get("input_references") or ()):
        if not isinstance(part, dict) or part.get("type") != "image_url":
            raise invalid_body(f"input_references.{place}: Invalid input")
    return number
