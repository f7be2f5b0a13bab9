"""Sizes and qualities in OpenRouter's words, and errors that name what there is."""

from __future__ import annotations

import litellm
import pytest

from openrouter_adapter.image_generation.sizing import PIXELS, of_quality, of_size


@pytest.mark.parametrize("ratio", PIXELS)
def test_each_documented_pixel_size_is_its_ratio(ratio: str) -> None:
    width, height = PIXELS[ratio]
    assert of_size(f"{width}x{height}") == {"aspect_ratio": ratio}


@pytest.mark.parametrize(
    ("size", "ratio"),
    [
        ("1024x1024", "1:1"),
        ("1536x1024", "3:2"),
        ("1024x1536", "2:3"),
        ("1792x1024", "16:9"),
        ("1024x1792", "9:16"),
        ("256x256", "1:1"),
        ("1920x1080", "16:9"),
        ("1080X1920", "9:16"),
        ("1024 x 1024", "1:1"),
        ("1024\u00d71024", "1:1"),
        ("1050x1000", "1:1"),
        ("2520x1080", "21:9"),
    ],
)
def test_pixels_are_the_nearest_ratio(size: str, ratio: str) -> None:
    assert of_size(size) == {"aspect_ratio": ratio}


@pytest.mark.parametrize("size", ["2000x1000", "1000x2000", "1000x940", "3000x500"])
def test_pixels_too_far_from_every_ratio_are_an_error(size: str) -> None:
    with pytest.raises(litellm.BadRequestError, match=size):
        of_size(size)


def test_the_error_names_the_nearest_ratios() -> None:
    with pytest.raises(litellm.BadRequestError) as caught:
        of_size("2000x1000")
    assert "16:9 (1344x768)" in str(caught.value)
    assert "21:9 (1536x672)" in str(caught.value)
    assert "2:1" in str(caught.value)


@pytest.mark.parametrize("ratio", ["16:9", "1:1", "1:4", "2.35:1"])
def test_a_ratio_is_sent_as_it_is(ratio: str) -> None:
    assert of_size(ratio) == {"aspect_ratio": ratio}


@pytest.mark.parametrize(("tier", "sent"), [("1K", "1K"), ("2k", "2K"), ("0.5K", "0.5K")])
def test_a_tier_is_sent_as_it_is(tier: str, sent: str) -> None:
    assert of_size(tier) == {"image_size": sent}


def test_auto_leaves_the_choice_to_the_model() -> None:
    assert of_size("auto") == {}
    assert of_quality("auto") == {}


@pytest.mark.parametrize("size", ["large", "", "1024", "0x1024", "1024x", "-1x1", 1024, None])
def test_what_is_no_size_is_an_error(size: object) -> None:
    with pytest.raises(litellm.BadRequestError, match="is not understood"):
        of_size(size)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("quality", "tier"),
    [
        ("low", "1K"),
        ("standard", "1K"),
        ("medium", "2K"),
        ("high", "4K"),
        ("hd", "4K"),
        ("2K", "2K"),
        ("4k", "4K"),
    ],
)
def test_a_quality_is_a_tier(quality: str, tier: str) -> None:
    assert of_quality(quality) == {"image_size": tier}


@pytest.mark.parametrize("quality", ["ultra", "", 4, None])
def test_an_unknown_quality_is_an_error_that_names_the_known(quality: object) -> None:
    with pytest.raises(litellm.BadRequestError, match="'standard'"):
        of_quality(quality)  # type: ignore[arg-type]
