"""Models are chosen by name, ability, context and price, and what is not there is said."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from openrouter_adapter import routing
from openrouter_adapter.catalog import Catalog
from openrouter_adapter.catalog.filters import per_million

if TYPE_CHECKING:
    from typing import Any


def names(chosen: list[routing.Chosen]) -> list[str]:
    return [one.name for one in chosen]


def test_no_pattern_is_every_model(models: Catalog) -> None:
    assert sorted(names(routing.select(catalog=models))) == sorted(one.id for one in models)


def test_patterns_names_and_variants_are_taken_as_requests_call_them(models: Catalog) -> None:
    chosen = routing.select(
        "openrouter/anthropic/claude-opus-*",
        "openai/gpt-4o-mini:nitro",
        "openai/gpt-5-mini-2025-08-07",
        catalog=models,
    )
    assert names(chosen) == [
        "anthropic/claude-opus-4.5",
        "openai/gpt-4o-mini:nitro",
        "openai/gpt-5-mini-2025-08-07",
    ]


@pytest.mark.parametrize(
    ("need", "has", "lacks"),
    [
        ("vision", "openai/gpt-4o", "deepseek/deepseek-chat"),
        ("audio", "google/gemini-2.5-pro", "openai/gpt-4o"),
        ("tools", "openai/gpt-4o", "openai/text-embedding-3-small"),
        ("reasoning", "openai/gpt-5-mini", "openai/gpt-4o"),
        ("structured_outputs", "openai/gpt-4o", "gryphe/mythomax-l2-13b"),
        ("image_output", "google/gemini-2.5-flash-image", "google/gemini-2.5-flash"),
        ("embeddings", "qwen/qwen3-embedding-8b", "openai/gpt-4o"),
    ],
)
def test_a_need_is_had_by_all_that_are_chosen(
    models: Catalog, need: str, has: str, lacks: str
) -> None:
    chosen = names(routing.select(needs=[need], catalog=models))
    assert has in chosen
    assert lacks not in chosen


def test_prices_and_context_are_limits(models: Catalog) -> None:
    chosen = routing.select(
        max_prompt=0.3, max_completion=Decimal(1), min_context=200_000, catalog=models
    )
    assert "openai/gpt-5-nano" in names(chosen)
    for one in chosen:
        prompt, completion = (per_million(one.model, item) for item in ("prompt", "completion"))
        assert prompt is not None
        assert completion is not None
        assert prompt <= Decimal("0.3")
        assert completion <= 1
        assert (one.model.window or 0) >= 200_000


def test_the_first_of_an_order_are_taken(models: Catalog) -> None:
    chosen = routing.select("openai/gpt-4*", order="prompt", most=2, catalog=models)
    assert names(chosen) == ["openai/gpt-4o-mini", "openai/gpt-4.1-mini"]


def test_names_that_come_too_need_nothing(models: Catalog) -> None:
    chosen = routing.select(
        "openai/gpt-4o", needs=["vision"], also=["z-ai/glm-4.6"], catalog=models
    )
    assert names(chosen) == ["openai/gpt-4o", "z-ai/glm-4.6"]


@pytest.mark.parametrize(
    ("patterns", "limits", "words"),
    [
        (("openai/gpt-4o-minni",), {}, ["openai/gpt-4o-minni", "Nearest: openai/gpt-4o-mini"]),
        (("openai/gpt-4o", "mistral/*"), {}, ["no model mistral/*", "mistralai/"]),
        (
            ("anthropic/*",),
            {"max_prompt": 0.5, "needs": ["tools"]},
            [
                "anthropic/*",
                "tools",
                "at most 0.5 USD",
                "anthropic/claude-haiku-4.5 (prompt 1 USD)",
            ],
        ),
        (
            (),
            {"needs": ["image_output"], "min_context": 10**6},
            ["image_output", "1000000 tokens", "openai/gpt-5-image-mini (a context of 400000)"],
        ),
    ],
)
def test_nothing_found_says_what_was_asked_and_what_is_nearest(
    models: Catalog, patterns: tuple[str, ...], limits: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(routing.NothingSelectedError) as caught:
        routing.select(*patterns, **limits, catalog=models)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("asked", [{"needs": ["visions"]}, {"order": "cheap"}])
def test_a_word_that_is_none_names_those_there_are(models: Catalog, asked: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"vision|prompt"):
        routing.select(**asked, catalog=models)


def test_a_price_that_is_not_known_fits_no_limit() -> None:
    unpriced = Catalog([{"id": "a/b", "pricing": {"prompt": "-1", "completion": "-1"}}])
    with pytest.raises(routing.NothingSelectedError, match="no known prompt price"):
        routing.select(max_prompt=1000, catalog=unpriced)


def test_openrouters_own_routers_keep_their_prefix() -> None:
    listed = Catalog([{"id": "openrouter/auto"}, {"id": "openai/gpt-4o"}])
    for name in ("openrouter/auto", "openrouter/openrouter/auto"):
        chosen = routing.select(name, catalog=listed)
        (row,) = routing.model_list(chosen)
        assert row["model_name"] == "openrouter/auto"
        assert row["litellm_params"]["model"] == "openrouter/openrouter/auto"
