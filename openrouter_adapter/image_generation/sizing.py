"""OpenAI's image sizes and qualities in OpenRouter's terms: aspect ratios and tiers.

See https://openrouter.ai/docs/features/multimodal/image-generation.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

# The ratios that OpenRouter documents, with the pixels it says they make.
PIXELS: Final[Mapping[str, tuple[int, int]]] = {
    "1:1": (1024, 1024),
    "2:3": (832, 1248),
    "3:2": (1248, 832),
    "3:4": (864, 1184),
    "4:3": (1184, 864),
    "4:5": (896, 1152),
    "5:4": (1152, 896),
    "9:16": (768, 1344),
    "16:9": (1344, 768),
    "21:9": (1536, 672),
}

# OpenAI's words for quality, as LiteLLM's page maps them.
TIERS: Final[Mapping[str, str]] = {
    "low": "1K",
    "standard": "1K",
    "medium": "2K",
    "high": "4K",
    "hd": "4K",
}

# How far a size may lie from its nearest ratio. OpenRouter's own pixel sizes are up to 2.9 % off.
TOLERANCE: Final = 0.05

_SIZE = re.compile(r"(\d{1,6})\s*[xX\u00d7]\s*(\d{1,6})")
_RATIO = re.compile(r"\d{1,4}(?:\.\d+)?:\d{1,4}(?:\.\d+)?")
_TIER = re.compile(r"(?:\d{1,2}(?:\.\d+)?)[kK]")


def is_pixels(size: Any) -> bool:
    """Whether a size is a width and a height, such as `"2048x2048"`."""
    return isinstance(size, str) and _SIZE.fullmatch(size.strip()) is not None


def of_size(size: str, model: str = "") -> dict[str, str]:
    """The `image_config` fields that a size asks for.

    `"1536x1024"` gives the nearest ratio, a ratio or a tier (`"16:9"`, `"2K"`) is taken as it
    is, `"auto"` leaves the choice to the model.

    Raises:
        litellm.BadRequestError: no size, or pixels more than 5 % away from every ratio; names
            the nearest.
    """
    if size == "auto":
        return {}
    if isinstance(size, str):
        if _RATIO.fullmatch(size):
            return {"aspect_ratio": size}
        if _TIER.fullmatch(size):
            return {"image_size": size.upper()}
        pixels = _SIZE.fullmatch(size.strip())
        if pixels and 0 not in (sides := (int(pixels[1]), int(pixels[2]))):
            return {"aspect_ratio": _nearest_ratio(sides, size, model)}
    raise errors.bad_request(
        f"size={size!r} is not understood: give pixels ('1536x1024'), a ratio "
        f"({', '.join(PIXELS)}), a tier ('1K', '2K', '4K') or 'auto'",
        model,
    )


def of_quality(quality: str, model: str = "") -> dict[str, str]:
    """The `image_config` fields that a quality asks for; `"auto"` asks for none.

    Raises:
        litellm.BadRequestError: an unknown word; names the known ones.
    """
    if quality == "auto":
        return {}
    if isinstance(quality, str):
        if quality in TIERS:
            return {"image_size": TIERS[quality]}
        if _TIER.fullmatch(quality):
            return {"image_size": quality.upper()}
    raise errors.bad_request(
        f"quality={quality!r} is not understood: give {', '.join(map(repr, TIERS))}, 'auto' "
        "or a tier ('1K', '2K', '4K')",
        model,
    )


def of_both(fields: Mapping[str, Any], model: str = "") -> dict[str, str]:
    """The `image_config` fields that a request's `size` and `quality` ask for.

    Raises:
        litellm.BadRequestError: one of them is wrong.
    """
    config: dict[str, str] = {}
    if fields.get("size") is not None:
        config |= of_size(fields["size"], model)
    if fields.get("quality") is not None:
        config = of_quality(fields["quality"], model) | config
    return config


def _nearest_ratio(sides: tuple[int, int], size: str, model: str) -> str:
    wanted = math.log(sides[0] / sides[1])
    distance = {ratio: abs(wanted - _log(ratio)) for ratio in PIXELS}
    nearest = sorted(PIXELS, key=distance.__getitem__)
    if round(math.expm1(distance[nearest[0]]), 9) > TOLERANCE:
        width, height = sides[0] / math.gcd(*sides), sides[1] / math.gcd(*sides)
        raise errors.bad_request(
            f"size={size!r} is {width:g}:{height:g}, which OpenRouter does not make. The nearest "
            f"are {nearest[0]} ({_pixels(nearest[0])}) and {nearest[1]} ({_pixels(nearest[1])})",
            model,
        )
    return nearest[0]


def _log(ratio: str) -> float:
    width, height = ratio.split(":")
    return math.log(int(width) / int(height))


def _pixels(ratio: str) -> str:
    return "x".join(map(str, PIXELS[ratio]))
