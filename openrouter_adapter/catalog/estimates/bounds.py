"""The most that a request can cost at one provider."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from openrouter_adapter.catalog.prices import ZERO, image_is_by_token, image_output_is_by_token

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openrouter_adapter.catalog.estimates.prompt_tokens import Prompt
    from openrouter_adapter.catalog.estimates.surcharges import Surcharge
    from openrouter_adapter.catalog.models import Endpoint
    from openrouter_adapter.catalog.prices import Pricing, Rates

# What writing to a cache for an hour costs of the prompt's price, where no price says so.
CACHE_WRITE_1H: Final = Decimal(2)
# The answer to which a loop's limit was passed, and the one that is asked for without tools.
_STEPS_BEYOND_LIMIT: Final = 2


@dataclass(frozen=True, slots=True)
class Demand:
    """What a request asks for at most.

    Attributes:
        prompt: Its prompt.
        prompt_tokens: Of each time that the prompt is read.
        repeats: How often it is answered.
        requests: How often the price of a request is due each time.
        extra: What comes beside tokens.
    """

    prompt: Prompt
    prompt_tokens: int
    repeats: int
    requests: int
    extra: Surcharge


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


def dearest(
    demand: Demand, endpoints: Iterable[Endpoint], asked: int | None
) -> tuple[Decimal, int] | None:
    """The most of what providers can charge for a request, USD, and of the tokens they answer.

    Args:
        demand: What it asks for.
        endpoints: The providers' offers.
        asked: Tokens that it allows each answer, 0 where none is billed, None for no limit.

    Returns:
        None where nothing limits an answer.
    """
    prompt = demand.prompt
    worst, most = ZERO, 0
    for endpoint in endpoints:
        limit = endpoint.max_completion_tokens or endpoint.context_length
        if limit is None or (asked is not None and asked < limit):
            limit = asked
        if limit is None:
            return None
        # What was predicted and not used comes on top of what was written.
        tokens = (limit + prompt.predicted) * demand.repeats * prompt.inputs
        worst = max(worst, _cost(demand, endpoint, tokens))
        most = max(most, tokens)
    return worst, most


def _cost(demand: Demand, endpoint: Endpoint, completion_tokens: int) -> Decimal:
    """USD that a request can cost at most at a provider, with so many tokens of answers."""
    prompt, extra = demand.prompt, demand.extra
    window = endpoint.context_length or demand.prompt_tokens
    longest = demand.prompt_tokens if extra.loop_limit is None else window
    terms = _terms(endpoint.pricing, longest, prompt)
    each = demand.prompt_tokens * terms.input + demand.requests * terms.request
    if prompt.images:
        each += prompt.images * terms.image
    if prompt.searches:
        each += prompt.searches * window * terms.again
    answers = completion_tokens * terms.output
    if completion_tokens:
        answers += demand.repeats * prompt.inputs * terms.drawing
    total = demand.repeats * each + answers + extra.worst
    if extra.loop_limit is not None:
        # OpenRouter looks at the sum after each answer, and asks for a last one after that.
        total += extra.loop_limit + _STEPS_BEYOND_LIMIT * (window * terms.input + answers)
    return total


def _terms(pricing: Pricing, prompt_tokens: int, prompt: Prompt) -> _Terms:
    # Worked out once a provider and kind of prompt: models have up to thirty providers, and a
    # batch asks for each line; 3 µs instead of 8 a provider.
    takes = sum(override.takes(prompt_tokens) for override in pricing.overrides)
    kind = (takes, prompt.lives_an_hour, prompt.most_audio > 0, prompt.images > 0)
    found = pricing.terms.get(kind)
    if found is None:
        rates = pricing.dearest(prompt_tokens)
        found = pricing.terms[kind] = _of_rates(rates, prompt)
    return found


def _of_rates(rates: Rates, prompt: Prompt) -> _Terms:
    image, drawing = rates.get("image", ZERO), rates.get("image_output", ZERO)
    outputs = [
        rates.get(item, ZERO) for item in ("completion", "internal_reasoning", "audio_output")
    ]
    draws_by_token = image_output_is_by_token(rates)
    return _Terms(
        input=_dearest_input(rates, prompt),
        again=rates.get("input_cache_read", rates.get("prompt", ZERO)),
        output=max([*outputs, drawing] if draws_by_token else outputs),
        request=rates.get("request", ZERO),
        image=ZERO if image_is_by_token(rates) else image,
        drawing=ZERO if draws_by_token else drawing,
    )


def _dearest_input(rates: Rates, prompt: Prompt) -> Decimal:
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
