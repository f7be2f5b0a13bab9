"""Who may serve a request, by its `provider` field, and the most that they can charge for it.

See https://openrouter.ai/docs/features/provider-routing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.catalog.prices import (
    ZERO,
    decimal,
    image_is_by_token,
    image_output_is_by_token,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from openrouter_adapter.catalog.catalog import Catalog, Endpoint, Found, Model
    from openrouter_adapter.catalog.estimates.completion_tokens import Completion
    from openrouter_adapter.catalog.estimates.prompt_tokens import Prompt
    from openrouter_adapter.catalog.estimates.surcharges import Surcharge
    from openrouter_adapter.catalog.prices import Pricing, Rates

_MILLION: Final = Decimal(1_000_000)
# What writing to a cache for an hour costs of the prompt's price, where no price says so.
CACHE_WRITE_1H: Final = Decimal(2)
# The answer to which a loop's limit was passed, and the one that is asked for without tools.
_STEPS_BEYOND_LIMIT: Final = 2


@dataclass(frozen=True, slots=True)
class Providers:
    """Who may serve a request.

    Attributes:
        endpoints: The providers' offers, the likeliest first; where they are not known, one that
            stands for all of them.
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
        """The highest price of each item that any of them has, of short prompts, USD."""
        found: Rates = {}
        for endpoint in self.endpoints:
            for item, price in endpoint.pricing.highest_rates().items():
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
    """Who may serve a request; None where nobody may."""
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
    """What is known of the provider that is asked first, and of others by the ceilings."""
    usual = model.first_endpoint
    pricing = usual.pricing
    if not ceilings or pricing.is_free:
        return Providers((usual,), pricing, are_known=False)
    lower = {
        item: price for item, price in ceilings.items() if pricing.base.get(item, ZERO) > price
    }
    # Another provider than the known one may serve it, up to the ceiling.
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
    """Whether its price is below the ceilings at serving hour and length: then it may be chosen."""
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
class _Terms:
    """A provider's dearest prices for a kind of prompt, USD.

    Attributes:
        input: A token of the prompt, of whatever kind is in it, written to a cache.
        again: A token of it that is read once more.
        output: A token of an answer, of whatever kind.
        request: A request.
        image: An input image, where images are sold one by one.
        drawing: The same of a generated one.
    """

    input: Decimal
    again: Decimal
    output: Decimal
    request: Decimal
    image: Decimal
    drawing: Decimal


def highest_cost(
    endpoints: Iterable[Endpoint], prompt: Prompt, completion: Completion, extra: Surcharge
) -> tuple[Decimal, int] | None:
    """The most that providers can charge for a request, USD, and the most tokens they answer.

    Args:
        endpoints: The providers' endpoints.
        prompt: The request's prompt.
        completion: The request's answers.
        extra: What is billed besides tokens.

    Returns:
        None where nothing limits the prompt or an answer.
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
        # What was predicted and not used comes on top of what was written.
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
    """USD that a request can cost at most at a provider, with so many tokens of answers."""
    window = endpoint.context_length or prompt_tokens
    longest = prompt_tokens if extra.loop_limit is None else window
    terms = _terms(endpoint.pricing, longest, prompt)
    each = prompt_tokens * terms.input + prompt.requests * terms.request
    if prompt.images:
        each += prompt.images * terms.image
    if prompt.searches:
        each += prompt.searches * window * terms.again
    answers = completion_tokens * terms.output
    if completion_tokens:
        answers += repeats * prompt.inputs * terms.drawing
    total = repeats * each + answers + extra.worst
    if extra.loop_limit is not None:
        # OpenRouter looks at the sum after each answer, and asks for a last one after that.
        total += extra.loop_limit + _STEPS_BEYOND_LIMIT * (window * terms.input + answers)
    return total


def _terms(pricing: Pricing, prompt_tokens: int, prompt: Prompt) -> _Terms:
    # Worked out once a provider and kind of prompt: models have up to thirty providers, and a
    # batch asks for each line; 3 µs instead of 8 a provider.
    takes = sum(override.applies_to(prompt_tokens) for override in pricing.overrides)
    kind = (takes, prompt.lives_an_hour, prompt.most_audio > 0, prompt.images > 0)
    found = pricing.terms.get(kind)
    if found is None:
        rates = pricing.highest_rates(prompt_tokens)
        found = pricing.terms[kind] = _of_rates(rates, prompt)
    return found


def _of_rates(rates: Rates, prompt: Prompt) -> _Terms:
    image, drawing = rates.get("image", ZERO), rates.get("image_output", ZERO)
    outputs = [
        rates.get(item, ZERO) for item in ("completion", "internal_reasoning", "audio_output")
    ]
    draws_by_token = image_output_is_by_token(rates)
    return _Terms(
        input=_highest_input(rates, prompt),
        again=rates.get("input_cache_read", rates.get("prompt", ZERO)),
        output=max([*outputs, drawing] if draws_by_token else outputs),
        request=rates.get("request", ZERO),
        image=ZERO if image_is_by_token(rates) else image,
        drawing=ZERO if draws_by_token else drawing,
    )


def _highest_input(rates: Rates, prompt: Prompt) -> Decimal:
    """USD for an input token at its dearest: of any kind that is in the prompt, and cached."""
    fresh, write = rates.get("prompt", ZERO), rates.get("input_cache_write", ZERO)
    # A price of writing below the prompt's is that of keeping what was read at full price.
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
