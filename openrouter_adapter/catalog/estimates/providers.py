"""Which prices a request may meet: the providers that its `provider` field lets serve it.

See https://openrouter.ai/docs/features/provider-routing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.catalog.prices import ZERO, decimal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openrouter_adapter.catalog.catalog import Catalog, Found
    from openrouter_adapter.catalog.models import Endpoint, Model
    from openrouter_adapter.catalog.prices import Pricing, Rates

_MILLION: Final = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Choices:
    """Who may serve a request.

    Attributes:
        endpoints: The providers' offers, the likeliest first; where they are not known, one that
            stands for all of them.
        pricing: The likely prices.
        knows_all: Whether the providers are known.
    """

    endpoints: Sequence[Endpoint]
    pricing: Pricing
    knows_all: bool

    def rates(self, prompt_tokens: int) -> Rates:
        """The likely prices now, USD."""
        is_timed = any(override.is_timed for override in self.pricing.overrides)
        return self.pricing.rates(prompt_tokens, datetime.now(timezone.utc) if is_timed else None)

    def dearest(self) -> Rates:
        """The highest price of each item that any of them has, of short prompts, USD."""
        found: Rates = {}
        for endpoint in self.endpoints:
            for item, price in endpoint.pricing.dearest().items():
                found[item] = max(found.get(item, ZERO), price)
        return found


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


def choices_of(found: Found, body: Mapping[str, Any], catalog: Catalog) -> Choices | None:
    """Who may serve a request; None where nobody may."""
    endpoints = catalog.endpoints(found.model)
    preferences = body.get("provider")
    wishes = preferences if isinstance(preferences, dict) else {}
    ceilings = ceilings_of(body) if wishes else {}
    if not endpoints:
        return _of_first(found.model, ceilings)
    tiers = tiers_of(body)
    allowed = [one for one in endpoints if one.service_tier is None or one.service_tier in tiers]
    if wishes:
        allowed = [one for one in allowed if _is_allowed(one, wishes, ceilings)]
    if wishes or found.variants:
        allowed = _in_order(allowed, wishes, found.variants)
    return Choices(allowed, allowed[0].pricing, knows_all=True) if allowed else None


def may_serve(endpoint: Endpoint, body: Mapping[str, Any]) -> bool:
    """Whether a request's `provider.only` and `ignore` let a provider serve it."""
    preferences = body.get("provider")
    wishes = preferences if isinstance(preferences, dict) else {}
    only, ignored = _words(wishes, "only"), _words(wishes, "ignore")
    return (not only or any(map(endpoint.may_be, only))) and not any(
        map(endpoint.is_named, ignored)
    )


def _of_first(model: Model, ceilings: Rates) -> Choices:
    """What is known of the provider that is asked first, and of others by the ceilings."""
    usual = model.first_endpoint
    pricing = usual.pricing
    if not ceilings or pricing.is_free:
        return Choices((usual,), pricing, knows_all=False)
    lower = {
        item: price for item, price in ceilings.items() if pricing.base.get(item, ZERO) > price
    }
    # Another provider than the known one may serve it, up to the ceiling.
    dearest = replace(usual, pricing=pricing.held(ceilings))
    return Choices((dearest,), pricing.held(lower) if lower else pricing, knows_all=False)


def _is_allowed(endpoint: Endpoint, wishes: Mapping[str, Any], ceilings: Rates) -> bool:
    quantizations = _words(wishes, "quantizations")
    return (
        may_serve(endpoint, {"provider": wishes})
        and (not quantizations or (endpoint.quantization or "unknown") in quantizations)
        and (not ceilings or _is_affordable(endpoint, ceilings))
    )


def _words(wishes: Mapping[str, Any], name: str) -> list[str]:
    words = wishes.get(name)
    return [str(word) for word in words] if isinstance(words, list | tuple) else []


def _is_affordable(endpoint: Endpoint, ceilings: Rates) -> bool:
    """Whether its price is below the ceilings at some hour and length: then it may be chosen."""
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
        first = [one for slug in order for one in endpoints if one.may_be(slug)]
        rest = [one for one in endpoints if one not in first]
        stays = wishes.get("allow_fallbacks") is False
        return first if stays else first + rest
    return endpoints


def _token_prices(endpoint: Endpoint) -> Decimal:
    base = endpoint.pricing.base
    return base.get("prompt", ZERO) + base.get("completion", ZERO)
