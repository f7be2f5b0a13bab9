"""What images cost that are sold by the image, the megapixel or the request."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from . import images

if TYPE_CHECKING:
    from .catalog import ImageApi

_MEGAPIXEL = 1024 * 1024


def price(
    api: ImageApi | None, fields: dict[str, Any], shape: dict[str, str], *, number: int, given: int
) -> Decimal:
    """Return USD for drawn images; 0 for those that are sold by the token.

    Args:
        api: What the model costs, None for what is not known.
        fields: The request's: `quality` chooses among prices.
        shape: Ratio and tier, as a chat's `image_config` has them.
        number: Images that are drawn.
        given: Images that were given.
    """
    if api is None or api.is_sold_by_token:
        return Decimal(0)
    width, height = images.pixel_size(shape, scale=1)
    counts = {
        ("output_image", "image"): Decimal(number),
        ("output_image", "megapixel"): number * Decimal(width * height) / _MEGAPIXEL,
        ("input_image", "image"): Decimal(given),
        ("input_reference", "image"): Decimal(given),
        ("input_reference", "request"): Decimal(given > 0),
    }
    total = Decimal(0)
    for sold in dict.fromkeys((line["billable"], line["unit"]) for line in api.pricing):
        lines = [line for line in api.pricing if (line["billable"], line["unit"]) == sold]
        cost = Decimal(repr(_chosen(lines, fields, shape)["cost_usd"]))
        total += counts.get(sold, Decimal(0)) * cost
    return total


def _chosen(
    lines: list[dict[str, Any]], fields: dict[str, Any], shape: dict[str, str]
) -> dict[str, Any]:
    """Return the line of a request: its variant's, else the one without, else the first."""
    tier = shape["image_size"].lower()
    names = {tier, f"{fields.get('quality') or 'low'}_{tier}"}
    for line in lines:
        if line.get("variant") in names:
            return line
    return next((line for line in lines if "variant" not in line), lines[0])
