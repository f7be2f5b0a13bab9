"""The providers that a request's `provider` field allows, and the highest cost at any of them.

See https://openrouter.ai/docs/features/provider-routing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.catalog.prices import ZERO, image_is_by_token, image_output_is_by_token
from openrouter_adapter.money import decimal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from openrouter_adapter.catalog.catalog import Catalog, Endpoint, Found, Model
    from openrouter_adapter.catalog.estimates.completion_tokens import Completion
    from openrouter_adapter.catalog.estimates.prompt_tokens import Prompt
    from openrouter_adapter.catalog.estimates.surcharges import Surcharge
    from openrouter_adapter.catalog.prices import Pricing, Rates

_MILLION: Final = Decimal(1_000_000)
# Price of writing to a cache for an hour as a factor of the prompt's price, if none is listed.
CACHE_WRITE_1H: Final = Decimal(2)
# The answer that exceeds the limit of a loop of tools, and the last one, which has no tools.
_STEPS_BEYOND_LIMIT: Final = 2


@dataclass(frozen=True, slots=True)
class Providers:
    """The providers that may serve a request.

    Attributes:
        endpoints: The model at each of them, the likeliest first; if they are unknown, one endpoint
            that represents all of them.
        pricing: The likely prices.
        are_known: Whether the providers are known.
    """

    endpoints: Sequence[Endpoint]
    pricing: Pricing
    are_known: bool

    def rates(self, prompt_tokens: int) -> Rates:
        """The likely prices now, USD."""
        is_timed = any(override.is_timed for override in self.pricing.overrides)
        return self.pricing.rates(prompt_tokens, datetime.now(timezone.utc) if is_timed else None)

    def highest_rates(self) -> Rates:
        """The highest price of each item at any of them, for short prompts, USD."""
        found: Rates = {}
        for endpoint in self.endpoints:
            for item, price in endpoint.pricing.highest_rates().items():
                found[item] = max(found.get(item, ZERO), price)
        return found


# Tiers that serve a request for another tier: "fast" is OpenRouter's name for "priority".
_TIERS: Final = {
    "fast": frozenset({"priority"}),
    "ultrafast": frozenset({"priority", "ultrafast"}),
}


def tiers_of(body: Mapping[str, Any]) -> frozenset[str]:
    """The tiers, besides the usual one, that a request's `service_tier` allows."""
    tier = body.get("service_tier")
    if not isinstance(tier, str):
        return frozenset()
    return _TIERS.get(tier, frozenset({tier}))


def preferences_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The request's `provider`; empty if it has none."""
    preferences = body.get("provider")
    return preferences if isinstance(preferences, dict) else {}


def ceilings_of(body: Mapping[str, Any]) -> Rates:
    """The request's `provider.max_price` as USD per token, request and image."""
    given = preferences_of(body).get("max_price")
    if not isinstance(given, dict):
        return {}
    found = {item: decimal(price) for item, price in given.items()}
    return {
        item: price / _MILLION if item in {"prompt", "completion"} else price
        for item, price in found.items()
        if price is not None
    }


def allowed(found: Found, body: Mapping[str, Any], catalog: Catalog) -> Providers | None:
    """The providers that may serve a request; None if none may."""
    endpoints = catalog.endpoints(found.model)
    preferences = preferences_of(body)
    ceilings = ceilings_of(body) if preferences else {}
    if not endpoints:
        return _of_first(found.model, ceilings)
    tiers = tiers_of(body)
    serving = [one for one in endpoints if one.service_tier is None or one.service_tier in tiers]
    if preferences:
        serving = [one for one in serving if _is_allowed(one, preferences, ceilings)]
    if preferences or found.variants:
        serving = _in_order(serving, preferences, found.variants)
    return Providers(serving, serving[0].pricing, are_known=True) if serving else None


def may_serve(endpoint: Endpoint, preferences: Mapping[str, Any]) -> bool:
    """Whether the `only` and `ignore` of a request's `provider` let an endpoint serve it."""
    only, ignored = _words(preferences, "only"), _words(preferences, "ignore")
    return (not only or any(map(endpoint.may_be, only))) and not any(
        map(endpoint.is_named, ignored)
    )


def _of_first(model: Model, ceilings: Rates) -> Providers:
    """The provider that is asked first, with the ceilings as prices for unknown others."""
    usual = model.first_endpoint
    pricing = usual.pricing
    if not ceilings or pricing.is_free:
        return Providers((usual,), pricing, are_known=False)
    lower = {
        item: price for item, price in ceilings.items() if pricing.base.get(item, ZERO) > price
    }
    # Another provider than the known one may serve it, at prices up to the ceilings.
    highest = replace(usual, pricing=pricing.with_ceilings(ceilings))
    return Providers(
        (highest,), pricing.with_ceilings(lower) if lower else pricing, are_known=False
    )


def _is_allowed(endpoint: Endpoint, preferences: Mapping[str, Any], ceilings: Rates) -> bool:
    quantizations = _words(preferences, "quantizations")
    return (
        may_serve(endpoint, preferences)
        and (not quantizations or (endpoint.quantization or "unknown") in quantizations)
        and (not ceilings or _is_affordable(endpoint, ceilings))
    )


def _words(preferences: Mapping[str, Any], name: str) -> list[str]:
    words = preferences.get(name)
    return [str(word) for word in words] if isinstance(words, list | tuple) else []


def _is_affordable(endpoint: Endpoint, ceilings: Rates) -> bool:
    """Whether an endpoint may be chosen: its prices fit the ceilings at some hour and length."""
    cheapest = endpoint.pricing.lowest_rates()
    return all(cheapest.get(item, ZERO) <= ceiling for item, ceiling in ceilings.items())


def _in_order(
    endpoints: list[Endpoint], preferences: Mapping[str, Any], variants: frozenset[str]
) -> list[Endpoint]:
    sort = preferences.get("sort")
    by = sort.get("by") if isinstance(sort, dict) else sort
    if by == "price" or "floor" in variants:
        endpoints = sorted(endpoints, key=_token_prices)
    order = _words(preferences, "order")
    if order:
        first = [one for slug in order for one in endpoints if one.may_be(slug)]
        rest = [one for one in endpoints if one not in first]
        stays = preferences.get("allow_fallbacks") is False
        return first if stays else first + rest
    return endpoints


def _token_prices(endpoint: Endpoint) -> Decimal:
    base = endpoint.pricing.base
    return base.get("prompt", ZERO) + base.get("completion", ZERO)


@dataclass(frozen=True, slots=True)
class _HighestPrices:
    """A provider's highest prices for a kind of prompt, USD.

    Attributes:
        input: Price of a token of any kind in the prompt, including its writing to a cache.
        again: Price of a token of the prompt that is read again.
        output: Price of a token of an answer, of any kind.
        request: Price of a request.
        image: Price of an input image, if images are not priced by the token.
        output_image: The same for a generated image.
    """

    input: Decimal
    again: Decimal
    output: Decimal
    request: Decimal
    image: Decimal
    output_image: Decimal


def highest_cost(
    endpoints: Iterable[Endpoint], prompt: Prompt, completion: Completion, extra: Surcharge
) -> tuple[Decimal, int] | None:
    """The highest cost of a request, USD, and the most tokens of its answers.

    Args:
        endpoints: The endpoints that may serve it.
        prompt: The request's prompt.
        completion: The request's answers.
        extra: The cost of everything besides tokens.

    Returns:
        None if nothing limits the prompt or an answer.
    """
    prompt_tokens = prompt.most
    if prompt_tokens is None:
        return None
    worst, most = ZERO, 0
    for endpoint in endpoints:
        limit = endpoint.max_completion_tokens or endpoint.context_length
        asked = completion.most_each
        if limit is None or (asked is not None and asked < limit):
            limit = asked
        if limit is None:
            return None
        # Unused tokens of a prediction are billed in addition to the answer.
        tokens = (limit + prompt.predicted) * completion.per_prompt * prompt.inputs
        cost = _cost(endpoint, prompt, prompt_tokens, completion.per_prompt, tokens, extra)
        worst, most = max(worst, cost), max(most, tokens)
    return worst, most


def _cost(
    endpoint: Endpoint,
    prompt: Prompt,
    prompt_tokens: int,
    repeats: int,
    completion_tokens: int,
    extra: Surcharge,
) -> Decimal:
    """The highest cost of a request at one endpoint, USD, for `completion_tokens` of answers."""
    window = endpoint.context_length or prompt_tokens
    longest = prompt_tokens if extra.loop_limit is None else window
    terms = _highest_prices(endpoint.pricing, longest, prompt)
    each = prompt_tokens * terms.input + prompt.requests * terms.request
    if prompt.images:
        each += prompt.images * terms.image
    if prompt.searches:
        each += prompt.searches * window * terms.again
    answers = completion_tokens * terms.output
    if completion_tokens:
        answers += repeats * prompt.inputs * terms.output_image
    total = repeats * each + answers + extra.worst
    if extra.loop_limit is not None:
        # OpenRouter checks the sum after each answer, and then asks for a last one.
        total += extra.loop_limit + _STEPS_BEYOND_LIMIT * (window * terms.input + answers)
    return total


def _highest_prices(pricing: Pricing, prompt_tokens: int, prompt: Prompt) -> _HighestPrices:
    # Calculated once for each endpoint and kind of prompt: a model has up to thirty endpoints, and
    # each line of a batch needs them; 3 µs instead of 8 per endpoint.
    takes = sum(override.applies_to(prompt_tokens) for override in pricing.overrides)
    kind = (takes, prompt.lives_an_hour, prompt.most_audio > 0, prompt.images > 0)
    found = pricing.highest.get(kind)
    if found is None:
        rates = pricing.highest_rates(prompt_tokens)
        found = pricing.highest[kind] = _calculated(rates, prompt)
    return found


def _calculated(rates: Rates, prompt: Prompt) -> _HighestPrices:
    image, output_image = rates.get("image", ZERO), rates.get("image_output", ZERO)
    outputs = [
        rates.get(item, ZERO) for item in ("completion", "internal_reasoning", "audio_output")
    ]
    image_by_token = image_output_is_by_token(rates)
    return _HighestPrices(
        input=_highest_input(rates, prompt),
        again=rates.get("input_cache_read", rates.get("prompt", ZERO)),
        output=max([*outputs, output_image] if image_by_token else outputs),
        request=rates.get("request", ZERO),
        image=ZERO if image_is_by_token(rates) else image,
        output_image=ZERO if image_by_token else output_image,
    )


def _highest_input(rates: Rates, prompt: Prompt) -> Decimal:
    """The highest price of an input token, USD: of any kind that is in the prompt, and cached."""
    fresh, write = rates.get("prompt", ZERO), rates.get("input_cache_write", ZERO)
    # A price of cache writes below the prompt's is added to it: it is a price of storage.
    found = [fresh + write if write < fresh else write]
    if prompt.lives_an_hour and write:
        found.append(rates.get("input_cache_write_1h", fresh * CACHE_WRITE_1H))
    if prompt.most_audio:
        found.append(rates.get("audio", ZERO))
    if prompt.images:
        found.append(rates.get("image_token", ZERO))
        if image_is_by_token(rates):
            found.append(rates.get("image", ZERO))
    return max(found)
