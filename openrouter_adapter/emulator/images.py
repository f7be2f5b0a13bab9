"""Images: sizes, tokens, prices, and small PNGs that are the same for the same prompt."""

from __future__ import annotations

import base64
import struct
import zlib
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .catalog import ImageApi

# The pixel sizes of OpenRouter's page on image generation, by aspect ratio.
PIXELS = {
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
TIERS = {"0.5K": 0.5, "512": 0.5, "768": 0.75, "1K": 1, "1.5K": 1.5, "2K": 2, "4K": 4}
# Tokens by quality, relative to the default one; about as OpenAI's.
QUALITIES = {"low": 0.25, "high": 4, "xhigh": 6, "max": 8}
# Images are this many times smaller than asked for, to be quick.
SCALE = 8
_MEGAPIXEL = 1024 * 1024


def pixel_size(image_config: Any, scale: int = SCALE) -> tuple[int, int]:
    """Return the width and height that an `image_config` asks for, scaled down."""
    config = image_config if isinstance(image_config, dict) else {}
    width, height = PIXELS.get(config.get("aspect_ratio", "1:1")) or _other_ratio(
        str(config["aspect_ratio"])
    )
    tier = TIERS.get(str(config.get("image_size", "1K")), 1)
    return max(1, round(width * tier / scale)), max(1, round(height * tier / scale))


def _other_ratio(ratio: str) -> tuple[int, int]:
    wide, _, high = ratio.partition(":")
    try:
        share = float(wide) / float(high)
    except (ValueError, ZeroDivisionError):
        return PIXELS["1:1"]
    return round(1024 * share**0.5), round(1024 / share**0.5)


def image_tokens(image_config: Any, base: int, quality: Any = None) -> int:
    """Return the completion tokens of one image, `base` at 1K and more with the larger tiers."""
    config = image_config if isinstance(image_config, dict) else {}
    tier = TIERS.get(str(config.get("image_size", "1K")), 1)
    return round(base * max(tier, 1) * QUALITIES.get(str(quality), 1))


def price(
    api: ImageApi | None, fields: dict[str, Any], shape: dict[str, str], *, number: int, given: int
) -> Decimal:
    """Return USD for generated images; 0 if the model charges by the token.

    Args:
        api: The model's prices, None if they are unknown.
        fields: The request's fields; `quality` chooses among prices.
        shape: Ratio and tier, as a chat's `image_config` has them.
        number: Images to generate.
        given: Images in the request.
    """
    if api is None or api.is_sold_by_token:
        return Decimal(0)
    width, height = pixel_size(shape, scale=1)
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
    """Return the price that applies: the variant's, else one without a variant, else the first."""
    tier = shape["image_size"].lower()
    names = {tier, f"{fields.get('quality') or 'low'}_{tier}"}
    for line in lines:
        if line.get("variant") in names:
            return line
    return next((line for line in lines if "variant" not in line), lines[0])


def data_url(prompt: str, image_config: Any) -> str:
    """Return a PNG as a data URL; the prompt determines its colours."""
    width, height = pixel_size(image_config)
    return _data_url(width, height, zlib.crc32(prompt.encode()))


@lru_cache(maxsize=128)
def _data_url(width: int, height: int, seed: int) -> str:
    return f"data:image/png;base64,{base64.b64encode(png(width, height, seed)).decode()}"


def png(width: int, height: int, seed: int) -> bytes:
    """Return an RGB PNG with a gradient between two colours and a disc in a third."""
    top, bottom, disc = (_colour(seed >> shift) for shift in (0, 5, 11))
    centre_x, centre_y, radius = width / 2, height * 0.45, min(width, height) * 0.3
    rows = bytearray()
    for y in range(height):
        share = y / max(1, height - 1)
        sky = bytes(round(a + (b - a) * share) for a, b in zip(top, bottom, strict=True))
        half = max(0.0, radius**2 - (y - centre_y) ** 2) ** 0.5
        left, right = max(0, round(centre_x - half)), min(width, round(centre_x + half))
        # Each row starts with its filter: 0, none.
        rows += b"\0" + sky * left + bytes(disc) * (right - left) + sky * (width - right)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(bytes(rows)))
        + _chunk(b"IEND", b"")
    )


def _colour(seed: int) -> tuple[int, int, int]:
    return (64 + seed * 37 % 192, 64 + seed * 59 % 192, 64 + seed * 83 % 192)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
