"""Price times usage against what OpenRouter billed for recorded requests, and the worst case."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from openrouter_adapter import catalog as package
from openrouter_adapter.emulator import models as emulated_models
from tests.conformance import recordings

if TYPE_CHECKING:
    from tests.conformance.recordings import Exchange

KINDS = (
    "chat-completions",
    "chat-completions-stream",
    "embeddings",
    "images",
    "rerank",
    "responses",
    "responses-stream",
    "audio-transcriptions",
)
PICODOLLAR = Decimal("1e-12")

# What no catalogue prices, by a piece of the recording's name: USD that the bill has on top.
EXPLAINED = {
    "openrouter_advisor_tool": (
        Decimal("0.015885"),
        "the advisor, a server tool, asked another model and billed it",
    ),
    "openrouter_web_search_annotations": (
        Decimal("0.007"),
        "one search by OpenRouter's own engine for a model without search of its own",
    ),
    "openrouter_file_annotation": (Decimal("0.002"), "one page of PDF read by mistral-ocr"),
    "citations_with_openrouter_perplexity": (
        Decimal("-0.000003"),
        "Perplexity bills 233 tokens where OpenRouter counts 236",
    ),
}
# Why a recorded request has no worst case; it is then refused by a budget, not let through.
UNBOUNDED = {
    "openrouter_advisor_tool": "openrouter:advisor",
    "openrouter_web_search_annotations": "openrouter:web_search",
    "chat_web_search_with_openrouter": "openrouter:web_search",
    "transcription_basic": "/audio/transcriptions",
}


def exchanges(named: str = "") -> list[Any]:
    found = [
        one
        for kind in KINDS
        for one in recordings.load(kind)
        if one.billed is not None and named in one.name
    ]
    if not found:
        folder = recordings.recordings_folder()
        reason = f"no recordings in {folder}; set OPENROUTER_ADAPTER_RECORDED to their folder"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason))]
    return [pytest.param(one, id=f"{one.kind}/{one.label}") for one in found]


@lru_cache(maxsize=1)
def real_catalog() -> package.Catalog:
    """Real prices: the recorded lists', the emulator's, and those that recorded bills show."""
    rows = {row["id"]: row for row in emulated_models.listing()["data"]}
    rows |= {row["id"]: row for row in orjson.loads(REAL_PRICES.read_bytes())}
    for listing in recordings.load("models"):
        rows |= {row["id"]: row for row in listing.body["data"]}
    return package.Catalog(rows.values())


REAL_PRICES = Path(__file__).with_name("real_prices.json")


def billed_part(exchange: Exchange) -> dict[str, Any]:
    """The last part of an answer that has a bill: the body, an event, or what is in one."""
    parts = exchange.answer if isinstance(exchange.answer, list) else [exchange.answer]
    for part in reversed(parts):
        for holder in (part, part.get("response")):
            if isinstance(holder, dict) and (holder.get("usage") or {}).get("cost") is not None:
                return dict(holder)
    raise AssertionError(exchange.name)


def served_model(exchange: Exchange) -> package.Model:
    asked = exchange.request.get("model") or "openai/gpt-4o-mini-transcribe"
    for name in (billed_part(exchange).get("model"), asked):
        found = real_catalog().find(name) if name else None
        if found is not None:
            return found.model
    raise AssertionError(f"{asked} is in no catalogue")


def explanation(table: dict[str, Any], exchange: Exchange) -> Any:
    return next((found for piece, found in table.items() if piece in exchange.name), None)


@pytest.mark.parametrize("exchange", exchanges())
def test_price_times_usage_is_the_bill(exchange: Exchange) -> None:
    computed = package.cost(billed_part(exchange)["usage"], served_model(exchange).pricing)
    beyond, _reason = explanation(EXPLAINED, exchange) or (Decimal(0), "")
    assert exchange.billed is not None
    assert abs(computed + beyond - exchange.billed) < PICODOLLAR


def worst_case(exchange: Exchange) -> package.Estimate:
    path = exchange.path.removeprefix("/api/v1")
    return package.estimate(exchange.request, path, real_catalog())


@pytest.mark.parametrize("exchange", exchanges())
def test_the_worst_case_is_never_below_the_bill(exchange: Exchange) -> None:
    estimated = worst_case(exchange)
    reason = explanation(UNBOUNDED, exchange)
    if reason is not None:
        assert estimated.worst is None
        assert reason in str(estimated.unknown_because)
        return
    assert exchange.billed is not None
    assert estimated.unknown_because is None
    assert estimated.worst is not None
    assert estimated.worst >= exchange.billed
    assert estimated.details is not None
    usage = billed_part(exchange)["usage"]
    prompt = usage.get("prompt_tokens", usage.get("input_tokens", usage["total_tokens"]))
    if billed_part(exchange).get("model") != "x-ai/grok-4":  # A fallback; details are the first's.
        assert estimated.details.most_prompt_tokens >= prompt
        output = usage.get("completion_tokens", usage.get("output_tokens", 0))
        assert estimated.details.most_completion_tokens >= output


@pytest.mark.parametrize("exchange", exchanges("web_search"))
def test_the_worst_case_of_a_recorded_search_holds_when_its_loop_is_limited(
    exchange: Exchange,
) -> None:
    """A limit that the first search already passes: what was billed beyond it must be in it."""
    stop = [{"type": "max_cost", "max_cost_in_dollars": 0.000001}]
    body = {**exchange.request, "stop_server_tools_when": stop}
    estimated = package.estimate(body, "/chat/completions", real_catalog())
    assert exchange.billed is not None
    assert estimated.worst is not None
    assert estimated.worst >= exchange.billed


@pytest.mark.parametrize("exchange", exchanges())
def test_the_worst_case_holds_with_a_tight_limit_too(exchange: Exchange) -> None:
    """With `max_tokens` at what was used, only the prompt's bound is left to hold."""
    usage = billed_part(exchange)["usage"]
    output = usage.get("completion_tokens", usage.get("output_tokens", 0))
    if explanation(UNBOUNDED, exchange) or exchange.kind not in KINDS[:2]:
        pytest.skip("has no worst case, or no limit")
    body = {**exchange.request, "max_tokens": output}
    body.pop("max_completion_tokens", None)
    estimated = package.estimate(body, "/chat/completions", real_catalog())
    assert exchange.billed is not None
    assert estimated.worst is not None
    assert estimated.worst >= exchange.billed
