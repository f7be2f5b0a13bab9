"""Savings by caches: LiteLLM's exactly, providers' in tokens, and in USD if prices are known."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from openrouter_adapter.ledger import breakdowns

if TYPE_CHECKING:
    from openrouter_adapter.catalog import Catalog
    from openrouter_adapter.ledger import Spend
    from openrouter_adapter.ledger.database import Database
    from openrouter_adapter.report.window import Window


@dataclass(frozen=True, slots=True)
class Saving:
    """Savings by caches on one model.

    Attributes:
        model: The model asked for.
        hits: Requests that LiteLLM's cache, or OpenRouter's, answered.
        saved: USD that those would have cost.
        prompt_tokens: Tokens of all prompts.
        cached_tokens: Of them, those read from providers' caches.
        cache_write_tokens: Of them, those written to them.
        estimate: USD that reading saved, minus what writing cost on top of a plain prompt, at the
            catalogue's prices; negative if writing cost more. None if a price is not known.
    """

    model: str
    hits: int
    saved: Decimal
    prompt_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    estimate: Decimal | None


def of_caches(database: Database, window: Window, prices: Catalog | None) -> list[Saving]:
    """Savings by caches, by model; the largest first.

    Raises:
        LedgerError: the ledger can't be read.
    """
    found = [
        _saving(model, one, prices if via == "openrouter" else None)
        for (model, via), one in breakdowns.combined(
            database, ("model", "via"), since=window.since, until=window.until
        )
        if one.cache_hits or one.cached_tokens or one.cache_write_tokens
    ]
    return sorted(
        found,
        key=lambda one: (-(one.saved + (one.estimate or 0)), -one.cached_tokens, one.model),
    )


def _saving(model: str, one: Spend, prices: Catalog | None) -> Saving:
    return Saving(
        model=model,
        hits=one.cache_hits,
        saved=one.saved,
        prompt_tokens=one.prompt_tokens,
        cached_tokens=one.cached_tokens,
        cache_write_tokens=one.cache_write_tokens,
        estimate=_estimate(model, one, prices) if prices is not None else None,
    )


def _estimate(model: str, one: Spend, prices: Catalog) -> Decimal | None:
    if not one.cached_tokens and not one.cache_write_tokens:
        return Decimal(0)
    known = prices.find(model)
    rates = known.model.pricing.rates() if known is not None else {}
    prompt, read = rates.get("prompt"), rates.get("input_cache_read")
    if prompt is None or (read is None and one.cached_tokens):
        return None
    saved = one.cached_tokens * (prompt - (prompt if read is None else read))
    return saved - one.cache_write_tokens * (rates.get("input_cache_write", prompt) - prompt)
