"""The cost of images by the prices of the images API: per image, megapixel, token or request.

See https://openrouter.ai/docs/guides/overview/multimodal/image-generation.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.catalog.prices import ZERO

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from openrouter_adapter.catalog.catalog import ImageEndpoint
    from openrouter_adapter.catalog.estimates.prompt_tokens import Prompt
    from openrouter_adapter.catalog.prices import ImagePrice

_MILLION: Final = Decimal(1_000_000)
# Sides of a square image of each tier in pixels, and its megapixels.
_SIDES: Final = {"512": 512, "0.5k": 512, "768": 768, "1k": 1024, "1.5k": 1536, "2k": 2048}
_TIERS: Final = {
    tier: Decimal(side * side) / _MILLION for tier, side in {**_SIDES, "4k": 4096}.items()
}
_USUAL: Final = _TIERS["1k"]
# The most megapixels of an image if the request names no size: 2048 by 2048, the largest of the
# models that are priced by the megapixel. The sides that a provider derives from a ratio differ
# by up to 3 %.
_LARGEST: Final = _TIERS["2k"]
_ROUNDED: Final = Decimal("1.1")
_TOKENS: Final = 1300  # Likely tokens of an image.
_QUALITIES: Final = frozenset({"low", "medium", "high", "xhigh", "max", "standard", "hd"})
_INPUT_IMAGES: Final = frozenset({"input_image", "input_reference"})
_ONE: Final = Decimal(1)


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """A request for images.

    Attributes:
        prompt: The prompt, input images included.
        number: The number of images.
        window: The most tokens of one image; None if unknown.
        fonts: The number of input fonts.
        tier: The size tier, such as `2k`; empty if it names none.
        quality: Such as `high`; empty if it names none.
        megapixels: The size in megapixels, if it names one in pixels.
    """

    prompt: Prompt
    number: int
    window: int | None
    fonts: int = 0
    tier: str = ""
    quality: str = ""
    megapixels: Decimal | None = None

    def allows(self, price: ImagePrice) -> bool:
        """Whether the variant of a price fits the request, so that the price may be billed."""
        words = price.variant.split("_") if price.variant else []
        return all(
            (word not in _TIERS or not self.tier or word == self.tier)
            and (word not in _QUALITIES or not self.quality or word == self.quality)
            for word in words
        )


def read(body: Mapping[str, Any], prompt: Prompt, number: int, window: int | None) -> ImageRequest:
    """The request in a body of either route; the other arguments are those of `ImageRequest`."""
    config = body.get("image_config")
    fields = {**(config if isinstance(config, dict) else {}), **body}
    size = str(fields.get("size") or "").strip().lower()
    tier = str(fields.get("resolution") or fields.get("image_size") or "").lower()
    quality = str(fields.get("quality") or "").lower()
    width, cross, height = size.replace("\u00d7", "x").partition("x")
    megapixels = None
    if cross and width.strip().isdigit() and height.strip().isdigit():
        megapixels = Decimal(int(width) * int(height)) / _MILLION
    elif not tier and size in _TIERS:
        tier = size
    return ImageRequest(prompt, number, window, _fonts(body), tier, quality, megapixels)


def cost(
    endpoints: Iterable[ImageEndpoint], request: ImageRequest
) -> tuple[Decimal, Decimal] | str:
    """The cost of a request's images, USD: likely at the first provider, the worst case at any.

    Args:
        endpoints: The providers that may serve it, the likeliest first.
        request: The request.

    Returns:
        The likely cost and the worst case, or why they are unknown.
    """
    likely, worst = None, ZERO
    for endpoint in endpoints:
        if not endpoint.lines:
            return "OpenRouter lists no price of its images"
        found = _at(endpoint, request)
        if isinstance(found, str):
            return found
        likely = found[0] if likely is None else likely
        worst = max(worst, found[1])
    if likely is None:
        return "none of its providers fits the request's `provider`"
    return min(likely, worst), worst


def _at(endpoint: ImageEndpoint, request: ImageRequest) -> tuple[Decimal, Decimal] | str:
    likely = worst = ZERO
    for billable, unit in dict.fromkeys((line.billable, line.unit) for line in endpoint.lines):
        lines = [one for one in endpoint.lines if (one.billable, one.unit) == (billable, unit)]
        # All of them if none seems to fit.
        possible = [line for line in lines if request.allows(line)] or lines
        amounts = _amounts(billable, unit, request)
        if amounts is None:
            return f"{billable} by the {unit}: its cost is not estimated"
        usual, most = amounts
        likely += usual * _likely_price(possible, request)
        worst += most * max(line.usd for line in possible)
    return likely, worst


def _amounts(billable: str, unit: str, request: ImageRequest) -> tuple[Decimal, Decimal] | None:
    """The number of units that are billed, likely and at most; None if it is unknown."""
    prompt, number = request.prompt, request.number
    if billable == "output_image":
        each = _each_output(unit, request)
        return each and (number * each[0], number * each[1])
    # It is not documented whether inputs are billed once, or again for each image of a request.
    if billable in _INPUT_IMAGES and unit in {"image", "megapixel"}:
        usual, most = (_ONE, _ONE) if unit == "image" else (_USUAL, _LARGEST * _ROUNDED)
        return prompt.images * usual, number * prompt.images * most
    if unit == "token" and billable in {"input_text", *_INPUT_IMAGES}:
        return Decimal(prompt.likely), Decimal(number * prompt.worst)
    if unit == "request":
        times = Decimal(billable not in _INPUT_IMAGES or prompt.images > 0)
        return times, number * times
    if billable == "input_font":
        return Decimal(request.fonts), Decimal(number * request.fonts)
    return None


def _each_output(unit: str, request: ImageRequest) -> tuple[Decimal, Decimal] | None:
    """The number of units of one generated image, likely and at most; None if it is unknown."""
    if unit in {"image", "request"}:
        return _ONE, _ONE
    if unit == "megapixel":
        size = request.megapixels or _TIERS.get(request.tier)
        return size or _USUAL, max(_USUAL, size or _LARGEST) * _ROUNDED
    if unit == "token" and request.window is not None:
        return Decimal(min(_TOKENS, request.window)), Decimal(request.window)
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


def _likely_price(possible: Sequence[ImagePrice], request: ImageRequest) -> Decimal:
    """The price of the request's tier or quality, else that without a variant, else the lowest."""
    asked = {request.tier, request.quality} - {""}
    exact = [line for line in possible if line.variant and asked & set(line.variant.split("_"))]
    plain = [line for line in possible if not line.variant]
    return min(line.usd for line in exact or plain or possible)
