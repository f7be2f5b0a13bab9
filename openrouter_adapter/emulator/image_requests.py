"""Requests to `/images`, checked against OpenRouter's schema and the model's parameters."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from . import images
from .bodies import invalid_option
from .errors import ApiError, invalid_body

if TYPE_CHECKING:
    from .catalog import Model

_CHOICES = {
    "aspect_ratio": (
        *("1:1", "1:2", "1:4", "1:8", "2:1", "2:3", "2.35:1", "3:2", "3:4", "4:1", "4:3", "4:5"),
        *("5:2", "5:4", "5:7", "7:5", "8:1", "9:16", "16:9", "9:19.5", "19.5:9", "9:20", "20:9"),
        *("9:21", "21:9", "auto"),
    ),
    "background": ("auto", "transparent", "opaque"),
    "output_format": ("png", "jpeg", "webp", "svg"),
    "quality": ("auto", "low", "medium", "high", "xhigh", "max"),
    "resolution": ("512", "768", "1K", "1.5K", "2K", "4K"),
}
_MOST = 10
_MOST_REFERENCES = 16
# Fields that are ignored if the model has no descriptor for them.
_IGNORED = {"output_compression", "quality"}
_SIZE = re.compile(r"(\d+)[xX](\d+)")
_TIER = re.compile(r"512|768|\d(\.\d)?K", re.IGNORECASE)
_CLOSE = 1.05  # The factor within which ratios are the same.
_NEAR = 1.5  # The same for the sides of a tier and of a square as large as the image.


def number_of(body: dict[str, Any]) -> int:
    """Check a body against OpenRouter's schema and return its number of images.

    Raises:
        ApiError: 400 that names the field and what was expected.
    """
    if not isinstance(body.get("prompt"), str) or not body["prompt"]:
        raise invalid_body("prompt: Invalid input: expected string")
    number = body.get("n")
    number = 1 if number is None else number
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= _MOST:
        raise invalid_body(f"n: Invalid input: expected 1 to {_MOST}")
    for name, known in _CHOICES.items():
        if body.get(name) not in {None, *known}:
            raise invalid_option(name, known)
    if body.get("background") == "transparent" and body.get("output_format") == "jpeg":
        raise invalid_body("background: transparent requires output_format png or webp")
    references = body.get("input_references") or ()
    if len(references) > _MOST_REFERENCES:
        raise invalid_body(f"input_references: Too big: expected <={_MOST_REFERENCES} items")
    for place, part in enumerate(references):
        if not isinstance(part, dict) or part.get("type") != "image_url":
            raise invalid_body(f"input_references.{place}: Invalid input")
    _check_size(body)
    return number


def check_model(body: dict[str, Any], model: Model) -> None:
    """Check that a model has the parameters and values of a body.

    Raises:
        ApiError: 400 that names the field.
    """
    if model.image_api is None:
        return
    parameters = model.image_api.supported_parameters
    asked = {name: body.get(name) for name in (*_CHOICES, "n", "output_compression", "seed")}
    asked["input_references"] = len(body.get("input_references") or ())
    if body.get("size") is not None and "x" not in str(body["size"]).lower():
        asked["resolution"] = body["size"].upper()
    for name, value in asked.items():
        descriptor = parameters.get(name)
        if value is None or (descriptor is None and (value == 0 or name in _IGNORED)):
            continue
        if descriptor is None and (name, value) == ("n", 1):
            continue
        if descriptor is None or not _takes(descriptor, value):
            raise ApiError(400, f"No provider of {model.id} supports {name}: {value}")


def _takes(descriptor: dict[str, Any], value: Any) -> bool:
    if descriptor["type"] == "enum":
        return value in descriptor["values"]
    if descriptor["type"] == "range":
        return bool(descriptor["min"] <= value <= descriptor["max"])
    return True


def _check_size(body: dict[str, Any]) -> None:
    size = body.get("size")
    if size is None:
        return
    if not isinstance(size, str) or not (_SIZE.fullmatch(size) or _TIER.fullmatch(size)):
        raise invalid_body("size: Invalid input: expected a tier or pixels")
    sides = _SIZE.fullmatch(size)
    if sides is None:
        if body.get("resolution") not in {None, size.upper()}:
            raise invalid_body(f"size: {size} contradicts resolution {body['resolution']}")
        return
    width, height = int(sides[1]), int(sides[2])
    if not width or not height:
        raise invalid_body("size: Invalid input: expected pixels above 0")
    ratio = body.get("aspect_ratio")
    if ratio not in {None, "auto"}:
        wide, high = map(float, ratio.split(":"))
        if not _is_near(width / height, wide / high, _CLOSE):
            raise invalid_body(f"size: {size} contradicts aspect_ratio {ratio}")
    tier = body.get("resolution")
    if tier is not None:
        side = 1024 * images.TIERS[tier]
        if not _is_near(math.sqrt(width * height), side, _NEAR):
            raise invalid_body(f"size: {size} contradicts resolution {tier}")


def _is_near(one: float, other: float, factor: float) -> bool:
    return max(one, other) / min(one, other) <= factor


def shape(body: dict[str, Any]) -> dict[str, str]:
    """Return the `image_config` of a chat that asks for the same."""
    size = str(body.get("size") or "")
    tier = body.get("resolution") or (size.upper() if _TIER.fullmatch(size) else "1K")
    ratio = body.get("aspect_ratio") or "1:1"
    pixels = _SIZE.fullmatch(size)
    if pixels:
        width, height = int(pixels[1]), int(pixels[2])
        ratio = f"{width}:{height}"
        side = math.sqrt(width * height) / 1024
        tier = min(images.TIERS, key=lambda name: abs(math.log(images.TIERS[name] / side)))
    return {"aspect_ratio": "1:1" if ratio == "auto" else ratio, "image_size": str(tier)}
