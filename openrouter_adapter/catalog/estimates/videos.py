"""The cost of a video by its model's SKUs: per second, per image, and the least for a video.

OpenRouter documents no vocabulary of SKUs. Those in its list of October 2026 have the forms
`duration_seconds_with_audio_4k`, `image_to_video_duration_seconds_720p`,
`cents_per_second_output_1080p`, `per-video-second-1080p`, `reference_images` and others. A request
may be billed by an SKU with an unknown form, so if the model has one, there is no bound.
See https://openrouter.ai/docs/guides/overview/multimodal/video-generation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.catalog.prices import ZERO
from openrouter_adapter.money import decimal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openrouter_adapter.video_generation.models import VideoModel

_CENT: Final = Decimal("0.01")
_SECOND: Final = re.compile(
    r"(?:(?P<mode>text|image)_to_video_)?duration_seconds(?:_(?P<audio>with|without)_audio)?"
    r"(?:_(?P<resolution>\d+[pk]))?"
    r"|cents_per_(?:second_output|video_output_second|second_video_(?P<continued>continuation))"
    r"(?:_(?P<tier>\d+[pk]))?"
    r"|per[-_]video[-_]second(?:[-_](?P<size>\d+[pk]))?"
)
_IMAGE: Final = frozenset({"reference_images", "cents_per_image_input"})
_LEAST: Final = "minimum_cents_per_generation"
# The resolution by the shorter side in pixels; for any other side, all prices may apply.
_OF_SIDE: Final = {
    360: "360p",
    480: "480p",
    720: "720p",
    768: "768p",
    1024: "1k",
    1080: "1080p",
    1440: "2k",
    2160: "4k",
}


@dataclass(frozen=True, slots=True)
class _PerSecond:
    """A price of a second, and the requests that it is for; None stands for all.

    Attributes:
        usd: The price.
        resolution: Such as `720p` or `4k`.
        audio: Whether the video has sound.
        has_images: Whether it is made from images.
        continues: Whether it continues another video.
    """

    usd: Decimal
    resolution: str | None
    audio: bool | None
    has_images: bool | None
    continues: bool

    @property
    def conditions(self) -> int:
        """The number of its conditions: OpenRouter bills by the most specific price."""
        fixed = (self.resolution, self.audio, self.has_images)
        return sum(one is not None for one in fixed) + self.continues


def cost(body: Mapping[str, Any], model: VideoModel) -> tuple[Decimal, Decimal] | str:
    """The likely cost of a video and the worst case, USD, or why they are unknown.

    The worst case is the highest price of a second that the request does not exclude, the longest
    video of the model if the request names no length, and every image that is given.

    Args:
        body: The request.
        model: The model.
    """
    if not model.skus:
        return "OpenRouter lists no price"
    per_second, images, least = [], ZERO, ZERO
    for name, price in model.skus.items():
        usd = decimal(price)
        if usd is None:
            return f"the price of {name} is not a number"
        if "cents" in name:
            usd *= _CENT
        if name in _IMAGE:
            images = max(images, usd)
        elif name == _LEAST:
            least = usd
        elif (found := _SECOND.fullmatch(name.lower())) is not None:
            per_second.append(_read(found, usd))
        else:
            return f"its price of {name} has a unit that is not documented"
    seconds = _seconds(body, model)
    if isinstance(seconds, str):
        return seconds
    if (body.get("provider") or {}).get("options"):
        return "provider.options may change what is made"
    possible = [price for price in per_second if _may_apply(price, body)]
    if not possible:
        return "none of its prices fits the request"
    references, frames = (len(body.get(n) or ()) for n in ("input_references", "frame_images"))
    worst = max(price.usd for price in possible) * seconds[1] + images * (references + frames)
    most = max(price.conditions for price in possible)
    usual = min(price.usd for price in possible if price.conditions == most) * seconds[0]
    usual += images * references
    return min(max(usual, least), max(worst, least)), max(worst, least)


def _read(found: re.Match[str], usd: Decimal) -> _PerSecond:
    audio, mode = found["audio"], found["mode"]
    return _PerSecond(
        usd,
        found["resolution"] or found["tier"] or found["size"],
        None if audio is None else audio == "with",
        None if mode is None else mode == "image",
        found["continued"] is not None,
    )


def _seconds(body: Mapping[str, Any], model: VideoModel) -> tuple[int, int] | str:
    """The likely and the longest length in seconds, or why they are unknown."""
    asked = body.get("duration")
    if isinstance(asked, int) and asked > 0:
        return asked, asked
    if body.get("previous_job_id"):
        return "the length of a video that continues another is not known: give seconds"
    lengths = [one for one in model.values("supported_durations") or () if isinstance(one, int)]
    if not lengths:
        return "the length of the video is not known: give seconds"
    return min(lengths), max(lengths)


def _may_apply(price: _PerSecond, body: Mapping[str, Any]) -> bool:
    resolution = _resolution(body)
    if None not in (resolution, price.resolution) and resolution != price.resolution:
        return False
    audio = body.get("generate_audio")
    if None not in (audio, price.audio) and audio != price.audio:
        return False
    has_images = bool(body.get("frame_images") or body.get("input_references"))
    if price.has_images is not None and price.has_images != has_images:
        return False
    return not price.continues or bool(body.get("previous_job_id"))


def _resolution(body: Mapping[str, Any]) -> str | None:
    """The resolution that a request names, in the form of an SKU; None if it names none."""
    if body.get("resolution"):
        return str(body["resolution"]).lower()
    sides = str(body.get("size") or "").lower().split("x")
    if len(sides) == 2 and all(side.isdecimal() for side in sides):
        return _OF_SIDE.get(min(map(int, sides)))
    return None
