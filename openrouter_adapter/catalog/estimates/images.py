"""What images cost, by the lines that the images API lists: image, megapixel, token, request.

See https://openrouter.ai/docs/guides/overview/multimodal/image-generation.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.catalog.prices import ZERO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openrouter_adapter.catalog.estimates.prompt_tokens import Prompt
    from openrouter_adapter.catalog.models import ImageEndpoint, ImagePrice

_MILLION: Final = Decimal(1_000_000)
# The pixels of a tier's square, in megapixels.
_SIDES: Final = {"512": 512, "0.5k": 512, "768": 768, "1k": 1024, "1.5k": 1536, "2k": 2048}
_TIERS: Final = {
    tier: Decimal(side * side) / _MILLION for tier, side in {**_SIDES, "4k": 4096}.items()
}
_USUAL: Final = _TIERS["1k"]
# What an image has at most where the request names no size: 2048 by 2048, as large as the models
# go that are sold by the megapixel. The sides that a provider makes of a ratio are up to 3 % off.
_LARGEST: Final = _TIERS["2k"]
_ROUNDED: Final = Decimal("1.1")
_TOKENS: Final = 1300  # Of an image, likely.
_QUALITIES: Final = frozenset({"low", "medium", "high", "xhigh", "max", "standard", "hd"})
_INPUT_IMAGES: Final = frozenset({"input_image", "input_reference"})


@dataclass(frozen=True, slots=True)
class Cost:
    """USD for a request's images, likely and at worst."""

    likely: Decimal
    worst: Decimal


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a request says of its images.

    Attributes:
        tier: Such as `2k`; empty where it says none.
        quality: Such as `high`; empty where it says none.
        megapixels: Of pixels that it names, None where it names none.
    """

    tier: str = ""
    quality: str = ""
    megapixels: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Demand:
    """What a request asks for at most.

    Attributes:
        prompt: Its prompt, with the images that it shows.
        number: Images.
        window: Tokens that the model can write for each, None where that is not known.
    """

    prompt: Prompt
    number: int
    window: int | None = None


def cost(offers: Sequence[ImageEndpoint], body: Mapping[str, Any], demand: Demand) -> Cost | str:
    """USD for a request's images: likely at the first provider, at worst at any.

    Args:
        offers: The providers that may serve it, the likeliest first.
        body: The request's body, of either route.
        demand: What it asks for.

    Returns:
        Why it is not known, where it is not.
    """
    wish = _wish(body)
    likely, worst = None, ZERO
    for offer in offers:
        if not offer.lines:
            return "OpenRouter lists no price of its images"
        found = _of_offer(offer, body, wish, demand)
        if isinstance(found, str):
            return found
        likely = found.likely if likely is None else likely
        worst = max(worst, found.worst)
    if likely is None:
        return "none of its providers fits the request's `provider`"
    return Cost(min(likely, worst), worst)


def _of_offer(
    offer: ImageEndpoint, body: Mapping[str, Any], wish: _Wish, demand: Demand
) -> Cost | str:
    likely = worst = ZERO
    for kind in dict.fromkeys((line.billable, line.unit) for line in offer.lines):
        lines = [line for line in offer.lines if (line.billable, line.unit) == kind]
        amounts = _amounts(*kind, body, wish, demand)
        if amounts is None:
            return f"{kind[0]} by the {kind[1]}: what it costs is not estimated"
        usual, most = amounts
        likely += usual * _likely_line(lines, wish).usd
        worst += most * max(line.usd for line in _possible(lines, wish))
    return Cost(likely, worst)


def _amounts(
    billable: str, unit: str, body: Mapping[str, Any], wish: _Wish, demand: Demand
) -> tuple[Decimal, Decimal] | None:
    """How many units of a line are billed, likely and at most; None where nobody can say."""
    prompt, number = demand.prompt, demand.number
    if billable == "output_image":
        amounts = _each_output(unit, wish, demand)
        return amounts and (number * amounts[0], number * amounts[1])
    # Whether several images of one request are charged for what was given once is not told.
    if billable in _INPUT_IMAGES and unit in {"image", "megapixel"}:
        each = Decimal(1) if unit == "image" else _USUAL
        most = Decimal(1) if unit == "image" else _LARGEST * _ROUNDED
        return prompt.images * each, number * prompt.images * most
    if unit == "token" and billable in {"input_text", *_INPUT_IMAGES}:
        return Decimal(prompt.likely), number * Decimal(prompt.worst)
    if unit == "request":
        times = Decimal(billable not in _INPUT_IMAGES or prompt.images > 0)
        return times, number * times
    if billable == "input_font":
        fonts = Decimal(_fonts(body))
        return fonts, number * fonts
    return None


def _each_output(unit: str, wish: _Wish, demand: Demand) -> tuple[Decimal, Decimal] | None:
    """The same of one generated image."""
    if unit in {"image", "request"}:
        return Decimal(1), Decimal(1)
    if unit == "megapixel":
        size = wish.megapixels or _TIERS.get(wish.tier)
        return size or _USUAL, max(_USUAL, size or _LARGEST) * _ROUNDED
    if unit == "token" and demand.window is not None:
        return Decimal(min(_TOKENS, demand.window)), Decimal(demand.window)
    return None


def _fonts(body: Mapping[str, Any]) -> int:
    preferences = body.get("provider")
    options = preferences.get("options") if isinstance(preferences, dict) else None
    given = [
        settings.get("font_inputs")
        for settings in (options.values() if isinstance(options, dict) else ())
        if isinstance(settings, dict)
    ]
    return sum(len(fonts) for fonts in given if isinstance(fonts, list))


def _wish(body: Mapping[str, Any]) -> _Wish:
    config = body.get("image_config")
    fields = {**(config if isinstance(config, dict) else {}), **body}
    size = str(fields.get("size") or "").strip().lower()
    tier = str(fields.get("resolution") or fields.get("image_size") or "").lower()
    quality = str(fields.get("quality") or "").lower()
    width, cross, height = size.replace("\u00d7", "x").partition("x")
    if cross and width.strip().isdigit() and height.strip().isdigit():
        return _Wish(tier, quality, Decimal(int(width) * int(height)) / _MILLION)
    return _Wish(tier or (size if size in _TIERS else ""), quality)


def _possible(lines: Sequence[ImagePrice], wish: _Wish) -> Sequence[ImagePrice]:
    """The lines that a request may be billed by; all of them where none seems to fit."""
    return [line for line in lines if _may_be(line, wish)] or lines


def _may_be(line: ImagePrice, wish: _Wish) -> bool:
    words = line.variant.split("_") if line.variant else []
    return all(
        (word not in _TIERS or not wish.tier or word == wish.tier)
        and (word not in _QUALITIES or not wish.quality or word == wish.quality)
        for word in words
    )


def _likely_line(lines: Sequence[ImagePrice], wish: _Wish) -> ImagePrice:
    """The line of what was asked for, else the one for anything, else the cheapest."""
    possible = _possible(lines, wish)
    asked = {wish.tier, wish.quality} - {""}
    exact = [line for line in possible if line.variant and asked & set(line.variant.split("_"))]
    plain = [line for line in possible if not line.variant]
    return min(exact or plain or possible, key=lambda line: line.usd)
