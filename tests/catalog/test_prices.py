"""Price strings as decimals, their conditions, and price times usage."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from openrouter_adapter.catalog import prices

SONNET = {
    "prompt": "0.000003",
    "completion": "0.000015",
    "input_cache_read": "0.0000003",
    "input_cache_write": "0.00000375",
    "overrides": [{"min_prompt_tokens": 200000, "prompt": "0.000006", "completion": "0.0000225"}],
}


def usd(text: str) -> Decimal:
    return Decimal(text)


def test_prices_are_exact() -> None:
    assert prices.parse({"prompt": "0.00000008333333333333334"}).base == {
        "prompt": usd("0.00000008333333333333334")
    }


@pytest.mark.parametrize("wire", [None, [], "x", {"prompt": None, "completion": "many"}, {"a": {}}])
def test_what_is_no_price_is_left_out(wire: Any) -> None:
    assert prices.parse(wire).base == {}
    assert not prices.parse(wire).is_known


def test_a_router_s_price_of_minus_one_is_no_price() -> None:
    assert not prices.parse({"prompt": "-1", "completion": "-1"}).is_known


@pytest.mark.parametrize("wire", [{"prompt": "1"}, {"prompt": "1", "completion": "-1"}])
def test_half_a_price_is_not_known(wire: Any) -> None:
    assert not prices.parse(wire).is_known


def test_free_is_known_and_nothing() -> None:
    assert prices.parse({"prompt": "0", "completion": "0"}).is_free
    assert not prices.parse({"prompt": "0", "completion": "0", "request": "0.1"}).is_free
    assert not prices.parse(SONNET).is_free


def test_long_prompts_have_their_own_prices_strictly_above_the_threshold() -> None:
    pricing = prices.parse(SONNET)
    assert pricing.rates(200_000)["prompt"] == usd("0.000003")
    assert pricing.rates(200_001)["prompt"] == usd("0.000006")
    assert pricing.rates(200_001)["input_cache_read"] == usd("0.0000003")
    assert pricing.highest_rates(200_000) == pricing.base
    assert pricing.highest_rates(200_001)["completion"] == usd("0.0000225")


def test_the_later_of_two_tiers_wins() -> None:
    wire = {
        "prompt": "1",
        "overrides": [
            {"min_prompt_tokens": 10, "prompt": "2"},
            {"min_prompt_tokens": 20, "prompt": "3"},
        ],
    }
    pricing = prices.parse(wire)
    assert [int(pricing.rates(size)["prompt"]) for size in (5, 15, 25)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("start", "end", "hour", "holds"),
    [(100, 400, 2, True), (100, 400, 4, False), (2200, 600, 23, True), (2200, 600, 12, False)],
)
def test_prices_by_the_hour(start: int, end: int, hour: int, holds: bool) -> None:
    wire = {
        "prompt": "2",
        "overrides": [{"utc_start": start, "utc_end": end, "prompt": "1"}],
    }
    pricing = prices.parse(wire)
    moment = datetime(2026, 1, 5, hour, 0, tzinfo=timezone.utc)
    assert pricing.rates(0, moment)["prompt"] == (1 if holds else 2)
    assert pricing.rates(0)["prompt"] == 2
    assert pricing.highest_rates()["prompt"] == 2


def test_prices_by_the_day() -> None:
    wire = {"prompt": "2", "overrides": [{"utc_days": ["Saturday", "sun"], "prompt": "1"}]}
    pricing = prices.parse(wire)
    assert pricing.rates(0, datetime(2026, 1, 3, tzinfo=timezone.utc))["prompt"] == 1
    assert pricing.rates(0, datetime(2026, 1, 5, tzinfo=timezone.utc))["prompt"] == 2


def test_a_discount_is_taken_off_but_not_at_worst() -> None:
    pricing = prices.parse({"prompt": "1", "discount": 0.25})
    assert pricing.rates()["prompt"] == usd("0.75")
    assert pricing.highest_rates()["prompt"] == 1


def test_price_times_usage_of_every_kind() -> None:
    pricing = prices.parse(
        {
            "prompt": "1",
            "completion": "10",
            "internal_reasoning": "20",
            "request": "5000",
            "audio": "3",
            "audio_output": "40",
            "image_output": "0.0005",
            "input_cache_read": "0.1",
            "input_cache_write": "2",
            "web_search": "100000",
        }
    )
    usage = {
        "prompt_tokens": 100,
        "prompt_tokens_details": {
            "cached_tokens": 10,
            "cache_write_tokens": 20,
            "audio_tokens": 30,
        },
        "completion_tokens": 50,
        "completion_tokens_details": {
            "reasoning_tokens": 10,
            "image_tokens": 20,
            "audio_tokens": 5,
        },
        "server_tool_use_details": {"web_search_requests": 2},
    }
    prompt = 40 + 30 * 3 + 10 * usd("0.1") + 20 * 2
    completion = 15 * 10 + 10 * 20 + 20 * usd("0.0005") + 5 * 40
    assert prices.cost(usage, pricing) == prompt + completion + 5000 + 200_000


def test_tokens_that_were_read_and_stored_are_counted_once_as_prompt() -> None:
    pricing = prices.parse({"prompt": "10", "input_cache_read": "1", "input_cache_write": "2"})
    details = {"cached_tokens": 90, "cache_write_tokens": 90}
    usage = {"prompt_tokens": 100, "prompt_tokens_details": details}
    assert prices.cost(usage, pricing) == 10 * 10 + 90 + 180


def test_usage_of_a_rerank_has_only_a_total() -> None:
    assert prices.cost({"total_tokens": 17}, prices.parse({"prompt": "2"})) == 34


@pytest.mark.parametrize(
    ("image", "by_token"), [("0.0000003", True), ("0.001238", False), ("0", True)]
)
def test_an_image_s_price_is_of_a_token_or_of_an_image(image: str, by_token: bool) -> None:
    rates = prices.parse({"prompt": "0.0000003", "image": image}).base
    assert prices.image_is_by_token(rates) is by_token


@pytest.mark.parametrize(("price", "by_token"), [("0.00003", True), ("0.04", False)])
def test_so_is_a_generated_image_s(price: str, by_token: bool) -> None:
    assert prices.image_output_is_by_token({"image_output": usd(price)}) is by_token
