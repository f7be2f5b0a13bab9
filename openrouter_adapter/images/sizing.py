"""OpenAI's image sizes and qualities in OpenRouter's terms: aspect ratios and tiers.

See https://openrouter.ai/docs/guides/overview/multimodal/image-generation.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.images import models
from openrouter_adapter.wire import errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# The ratios of OpenRouter's first image models, with their documented pixels.
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
# `aspect_ratio` of ImageGenerationRequest: the guide's ratios, and those that few models accept.
COMMON_RATIOS: Final = (*PIXELS, "1:2", "2:1", "1:4", "4:1", "1:8", "8:1", "9:21")
RARE_RATIOS: Final = ("5:7", "7:5", "9:19.5", "19.5:9", "9:20", "20:9", "2.35:1", "5:2")

# OpenAI's values of quality, as LiteLLM's page maps them.
TIERS: Final[Mapping[str, str]] = {
    "low": "1K",
    "standard": "1K",
    "medium": "2K",
    "high": "4K",
    "hd": "4K",
}
# The number of pixels from which a size means a higher tier than usual: 4K from 3840 by 2160, 2K
# from what is clearly nearer to 2048 by 2048 than to 1024 by 1024.
_TIER_FROM: Final = (("4K", 8_000_000), ("2K", 3_000_000))

# The largest deviation of a size from its nearest ratio. OpenRouter's own sizes deviate by 2.9 %.
TOLERANCE: Final = 0.05

_SIZE = re.compile(r"(\d{1,6})\s*[xX\u00d7]\s*(\d{1,6})")
_RATIO = re.compile(r"\d{1,4}(?:\.\d+)?:\d{1,4}(?:\.\d+)?")
_TIER = re.compile(r"\d{1,2}(?:\.\d+)?[kK]|512|768")
# A ratio without documented pixels gets sides of this area that are multiples of this step.
_AREA: Final = 1024 * 1024
_STEP: Final = 16


def is_pixels(size: Any) -> bool:
    """Whether a size is a width and a height, such as `"2048x2048"`."""
    return isinstance(size, str) and _SIZE.fullmatch(size.strip()) is not None


def of_size(size: str, model: str = "", ratios: Sequence[str] | None = None) -> dict[str, str]:
    """The `image_config` fields that a size asks for.

    `"1536x1024"` gives the nearest ratio, and from 3 megapixels on a tier too (`"2048x2048"` is
    2K); a ratio or a tier (`"16:9"`, `"2K"`) is kept; `"auto"` leaves the choice to the model.

    Args:
        size: Pixels, a ratio, a tier or `"auto"`.
        model: For the message of an error.
        ratios: Those that the model accepts; None for all that OpenRouter documents.

    Raises:
        litellm.BadRequestError: it is not a size, or deviates more than 5 % from every ratio; the
            message names the nearest.
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
            return {"aspect_ratio": _nearest_ratio(sides, size, model, ratios)} | _tier(sides)
    raise errors.bad_request(
        f"size={size!r} is invalid: give pixels ('1536x1024'), a ratio "
        f"({', '.join(ratios or COMMON_RATIOS)}), a tier ('1K', '2K', '4K') or 'auto'",
        model,
    )


def of_quality(quality: str, model: str = "") -> dict[str, str]:
    """The `image_config` fields that a quality asks for; `"auto"` asks for none.

    Raises:
        litellm.BadRequestError: an unknown value; the message names the known ones.
    """
    if quality == "auto":
        return {}
    if isinstance(quality, str):
        if quality in TIERS:
            return {"image_size": TIERS[quality]}
        if _TIER.fullmatch(quality):
            return {"image_size": quality.upper()}
    raise errors.bad_request(
        f"quality={quality!r} is invalid: give {', '.join(map(repr, TIERS))}, 'auto' "
        "or a tier ('1K', '2K', '4K')",
        model,
    )


def of_both(fields: Mapping[str, Any], model: str = "") -> dict[str, str]:
    """The `image_config` fields that a request's `size` and `quality` ask for.

    The tier of the size takes precedence over the quality's. If the model's own ratios were read,
    pixels become the nearest of those.

    Raises:
        litellm.BadRequestError: one of them is invalid.
    """
    config: dict[str, str] = {}
    if fields.get("size") is not None:
        known = models.find(model)
        config |= of_size(fields["size"], model, known.aspect_ratios if known else None)
    if fields.get("quality") is not None:
        config = of_quality(fields["quality"], model) | config
    return config


def _tier(sides: tuple[int, int]) -> dict[str, str]:
    area = sides[0] * sides[1]
    tier = next((name for name, least in _TIER_FROM if area >= least), None)
    return {} if tier is None else {"image_size": tier}


def _nearest_ratio(
    sides: tuple[int, int], size: str, model: str, ratios: Sequence[str] | None
) -> str:
    """The ratio of a size: its own, else the nearest common one within tolerance, else the nearest.

    Without that order, OpenRouter's own 1184x864, which is its 4:3, would be 7:5.
    """
    wanted = math.log(sides[0] / sides[1])
    known = tuple(ratios or (*COMMON_RATIOS, *RARE_RATIOS))
    distance = {ratio: abs(wanted - _log(ratio)) for ratio in known}
    nearest = sorted(known, key=distance.__getitem__)
    if distance[nearest[0]] < 1e-9:  # its own ratio
        return nearest[0]
    within = [r for r in nearest if round(math.expm1(distance[r]), 9) <= TOLERANCE]
    if not within:
        width, height = sides[0] / math.gcd(*sides), sides[1] / math.gcd(*sides)
        raise errors.bad_request(
            f"size={size!r} is {width:g}:{height:g}, which "
            f"{model if ratios and model else 'OpenRouter'} does not make. The nearest are "
            + " and ".join(f"{ratio} ({_pixels(ratio)})" for ratio in nearest[:2]),
            model,
        )
    return next((ratio for ratio in within if ratio in COMMON_RATIOS), within[0])


def _log(ratio: str) -> float:
    width, height = ratio.split(":")
    return math.log(float(width) / float(height))


def _pixels(ratio: str) -> str:
    if ratio in PIXELS:
        return "x".join(map(str, PIXELS[ratio]))
    wide = math.sqrt(_AREA * math.exp(_log(ratio)))
    return "x".join(str(round(side / _STEP) * _STEP) for side in (wide, _AREA / wide))
