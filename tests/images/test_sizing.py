"""Sizes and qualities in OpenRouter's words, and errors that name what there is."""

from __future__ import annotations

import litellm
import pytest

from openrouter_adapter.images.sizing import (
    COMMON_RATIOS,
    PIXELS,
    RARE_RATIOS,
    of_both,
    of_quality,
    of_size,
)


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


# What OpenRouter's ImageGenerationRequest lists, but for "auto".
LISTED = (
    *("1:1", "1:2", "1:4", "1:8", "2:1", "2:3", "2.35:1", "3:2", "3:4", "4:1", "4:3", "4:5"),
    *("5:2", "5:4", "5:7", "7:5", "8:1", "9:16", "16:9", "9:19.5", "19.5:9", "9:20", "20:9"),
    *("9:21", "21:9"),
)


def test_the_ratios_are_those_that_openrouter_lists() -> None:
    assert sorted((*COMMON_RATIOS, *RARE_RATIOS)) == sorted(LISTED)


@pytest.mark.parametrize("ratio", LISTED)
def test_pixels_of_a_listed_ratio_are_that_ratio(ratio: str) -> None:
    width, height = (round(float(side) * 100) for side in ratio.split(":"))
    assert of_size(f"{width}x{height}") == {"aspect_ratio": ratio}


@pytest.mark.parametrize(
    ("size", "ratio"),
    [("512x2048", "1:4"), ("2048x512", "4:1"), ("256x2048", "1:8"), ("2048x256", "8:1")],
)
def test_long_and_narrow_pixels_are_no_longer_refused(size: str, ratio: str) -> None:
    assert of_size(size) == {"aspect_ratio": ratio}


@pytest.mark.parametrize(
    ("size", "ratio", "tier"),
    [
        ("2048x2048", "1:1", "2K"),
        ("5504x3072", "16:9", "4K"),
        ("3072x5504", "9:16", "4K"),
        ("4096x4096", "1:1", "4K"),
        ("3840x2160", "16:9", "4K"),
        ("2560x1440", "16:9", "2K"),
        ("2752x1536", "16:9", "2K"),
        ("3168x1344", "21:9", "2K"),
        ("6336x2688", "21:9", "4K"),
    ],
)
def test_large_pixels_name_a_tier_too(size: str, ratio: str, tier: str) -> None:
    assert of_size(size) == {"aspect_ratio": ratio, "image_size": tier}


def test_the_tier_of_the_pixels_wins_over_the_qualitys() -> None:
    assert of_both({"size": "2048x2048", "quality": "high"})["image_size"] == "2K"
    assert of_both({"size": "1536x1024", "quality": "high"}) == {
        "aspect_ratio": "3:2",
        "image_size": "4K",
    }


@pytest.mark.parametrize("tier", ["512", "768", "1.5K"])
def test_the_newer_tiers_are_sent_as_they_are(tier: str) -> None:
    assert of_size(tier) == of_quality(tier) == {"image_size": tier}


def test_pixels_are_the_nearest_of_a_models_own_ratios() -> None:
    own = ["1:1", "16:9"]
    assert of_size("1792x1024", "a/b", own) == {"aspect_ratio": "16:9"}
    with pytest.raises(litellm.BadRequestError, match="is 3:2, which a/b does not make"):
        of_size("1536x1024", "a/b", own)


@pytest.mark.parametrize("size", ["3000x1000", "1000x3000", "1000x940", "10000x1000"])
def test_pixels_too_far_from_every_ratio_are_an_error(size: str) -> None:
    with pytest.raises(litellm.BadRequestError, match=size):
        of_size(size)


def test_the_error_names_the_nearest_ratios() -> None:
    with pytest.raises(litellm.BadRequestError) as caught:
        of_size("1000x940")
    assert "1:1 (1024x1024)" in str(caught.value)
    assert "5:4 (1152x896)" in str(caught.value)
    assert "50:47" in str(caught.value)


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
    with pytest.raises(litellm.BadRequestError, match="is invalid"):
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
