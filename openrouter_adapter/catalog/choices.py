"""Which prices a request may meet: the providers that its `provider` field lets serve it.

See https://openrouter.ai/docs/features/provider-routing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.catalog.prices import ZERO, Pricing, Rates, decimal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openrouter_adapter.catalog.lookup import Catalog, Found
    from openrouter_adapter.catalog.models import Endpoint

_MILLION: Final = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Choice:
    """One provider that may serve a request, or the model's row where providers are unknown.

    Attributes:
        pricing: USD.
        context_length: Tokens.
        max_completion_tokens: Tokens.
        ceilings: What the caller accepts at most of each base price, USD by item.
        knows_all: Whether the providers were known, so that all choices are there.
        service_tier: What it sells; None for the usual tier.
    """

    pricing: Pricing
    context_length: int | None
    max_completion_tokens: int | None
    ceilings: Rates
    knows_all: bool
    service_tier: str | None = None

    def rates(self, prompt_tokens: int) -> Rates:
        """The prices now, USD."""
        pricing = self.pricing
        is_timed = any(override.is_timed for override in pricing.overrides)
        moment = datetime.now(timezone.utc) if is_timed else None
        return self._held(pricing.rates(prompt_tokens, moment))

    def dearest(self, prompt_tokens: int) -> Rates:
        """The highest prices that the request can meet, USD."""
        return self._held(self.pricing.dearest(prompt_tokens))

    def _held(self, rates: Rates) -> Rates:
        if not self.ceilings or self.knows_all:
            return rates
        # Another provider than the known one may serve it, but none whose base price is above
        # the ceiling; what follows the base price (tiers, cache writes) shrinks with it.
        held = dict(rates)
        for item, ceiling in self.ceilings.items():
            base = self.pricing.base.get(item, ZERO)
            if base > ceiling:
                for part in _FOLLOWING.get(item, (item,)):
                    if part in held:
                        held[part] = held[part] * ceiling / base
        return held


_FOLLOWING: Final = {
    "prompt": (
        "prompt",
        "input_cache_read",
        "input_cache_write",
        "input_cache_write_1h",
    ),
    "completion": ("completion", "internal_reasoning"),
}


def ceilings_of(body: Mapping[str, Any]) -> Rates:
    """The request's `provider.max_price` as USD per token, request and image."""
    preferences = body.get("provider")
    given = preferences.get("max_price") if isinstance(preferences, dict) else None
    if not isinstance(given, dict):
        return {}
    found = {item: decimal(price) for item, price in given.items()}
    return {
        item: price / _MILLION if item in {"prompt", "completion"} else price
        for item, price in found.items()
        if price is not None
    }


def choices_of(found: Found, body: Mapping[str, Any], catalog: Catalog) -> list[Choice]:
    """Who may serve a request, the likeliest first; empty where nobody may."""
    endpoints = catalog.endpoints(found.model)
    ceilings = ceilings_of(body) if "provider" in body else {}
    if not endpoints:
        model = found.model
        return [
            Choice(
                model.pricing,
                model.longest,
                model.max_completion_tokens,
                ceilings,
                knows_all=False,
            )
        ]
    preferences = body.get("provider")
    wishes = preferences if isinstance(preferences, dict) else {}
    allowed = [
        endpoint
        for endpoint in endpoints
        if _is_allowed(endpoint, wishes, body) and _is_affordable(endpoint, ceilings)
    ]
    allowed = _in_order(allowed, wishes, found.variants)
    return [
        Choice(
            endpoint.pricing,
            endpoint.context_length,
            endpoint.max_completion_tokens,
            ceilings,
            knows_all=True,
            service_tier=endpoint.service_tier,
        )
        for endpoint in allowed
    ]


def _is_allowed(endpoint: Endpoint, wishes: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    only, ignored = wishes.get("only"), wishes.get("ignore") or ()
    quantizations = wishes.get("quantizations")
    tier = body.get("service_tier")
    return (
        (not only or any(endpoint.is_named(str(slug)) for slug in only))
        and not any(endpoint.is_named(str(slug)) for slug in ignored)
        and (not quantizations or (endpoint.quantization or "unknown") in quantizations)
        and (endpoint.service_tier is None or endpoint.service_tier == tier)
    )


def _is_affordable(endpoint: Endpoint, ceilings: Rates) -> bool:
    base = endpoint.pricing.base
    return all(base.get(item, ZERO) <= ceiling for item, ceiling in ceilings.items())


def _in_order(
    endpoints: list[Endpoint], wishes: Mapping[str, Any], variants: frozenset[str]
) -> list[Endpoint]:
    sort = wishes.get("sort")
    by = sort.get("by") if isinstance(sort, dict) else sort
    if by == "price" or "floor" in variants:
        endpoints = sorted(endpoints, key=_token_prices)
    order = wishes.get("order")
    if order and isinstance(order, list):
        first = [one for slug in order for one in endpoints if one.is_named(str(slug))]
        rest = [one for one in endpoints if one not in first]
        stays = wishes.get("allow_fallbacks") is False
        return first if stays else first + rest
    return endpoints


def _token_prices(endpoint: Endpoint) -> Decimal:
    base = endpoint.pricing.base
    return base.get("prompt", ZERO) + base.get("completion", ZERO)
