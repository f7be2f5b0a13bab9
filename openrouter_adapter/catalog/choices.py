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
        found = pricing.rates(prompt_tokens, moment)
        if self.knows_all or not self.ceilings:
            return found
        base = pricing.base
        lower = {
            item: ceiling
            for item, ceiling in self.ceilings.items()
            if base.get(item, ZERO) > ceiling
        }
        return _scaled(found, base, lower)

    def dearest(self, prompt_tokens: int) -> Rates:
        """The highest prices that the request can meet, USD."""
        found = self.pricing.dearest(prompt_tokens)
        if self.knows_all or not self.ceilings or self.pricing.is_free:
            return found
        # Another provider than the known one may serve it, up to the ceiling.
        return _scaled(found, self.pricing.base, self.ceilings)


def _scaled(rates: Rates, base: Rates, ceilings: Rates) -> Rates:
    """The rates of a provider whose base prices are at the ceilings.

    What follows the base price (tiers, cache writes) grows and shrinks with it.
    """
    found = dict(rates)
    for item, ceiling in ceilings.items():
        usual = base.get(item)
        if not usual:
            found[item] = ceiling
            continue
        for part in _FOLLOWING.get(item, (item,)):
            if part in found:
                found[part] = found[part] * ceiling / usual
    return found


_FOLLOWING: Final = {
    "prompt": (
        "prompt",
        "input_cache_read",
        "input_cache_write",
        "input_cache_write_1h",
    ),
    "completion": ("completion", "internal_reasoning"),
}
# The tiers that may serve a request for another one: "fast" is OpenRouter's other word.
_TIERS: Final = {
    "fast": frozenset({"priority"}),
    "ultrafast": frozenset({"priority", "ultrafast"}),
}


def tiers_of(body: Mapping[str, Any]) -> frozenset[str]:
    """The `service_tier`s, beside the usual one, of providers that may serve a request."""
    tier = body.get("service_tier")
    if not isinstance(tier, str):
        return frozenset()
    return _TIERS.get(tier, frozenset({tier}))


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
    tiers = tiers_of(body)
    allowed = [
        endpoint
        for endpoint in endpoints
        if endpoint.service_tier in {None, *tiers}
        and (not wishes or _is_allowed(endpoint, wishes))
        and _is_affordable(endpoint, ceilings)
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


def _is_allowed(endpoint: Endpoint, wishes: Mapping[str, Any]) -> bool:
    only, ignored = _words(wishes, "only"), _words(wishes, "ignore")
    quantizations = _words(wishes, "quantizations")
    return (
        (not only or any(map(endpoint.is_named, only)))
        and not any(map(endpoint.is_named, ignored))
        and (not quantizations or (endpoint.quantization or "unknown") in quantizations)
    )


def _words(wishes: Mapping[str, Any], name: str) -> list[str]:
    words = wishes.get(name)
    return [str(word) for word in words] if isinstance(words, list | tuple) else []


def _is_affordable(endpoint: Endpoint, ceilings: Rates) -> bool:
    """Whether its price is below the ceilings at some hour and length: then it may be chosen."""
    if not ceilings:
        return True
    cheapest = endpoint.pricing.cheapest()
    return all(cheapest.get(item, ZERO) <= ceiling for item, ceiling in ceilings.items())


def _in_order(
    endpoints: list[Endpoint], wishes: Mapping[str, Any], variants: frozenset[str]
) -> list[Endpoint]:
    sort = wishes.get("sort")
    by = sort.get("by") if isinstance(sort, dict) else sort
    if by == "price" or "floor" in variants:
        endpoints = sorted(endpoints, key=_token_prices)
    order = _words(wishes, "order")
    if order:
        first = [one for slug in order for one in endpoints if one.is_named(slug)]
        rest = [one for one in endpoints if one not in first]
        stays = wishes.get("allow_fallbacks") is False
        return first if stays else first + rest
    return endpoints


def _token_prices(endpoint: Endpoint) -> Decimal:
    base = endpoint.pricing.base
    return base.get("prompt", ZERO) + base.get("completion", ZERO)
