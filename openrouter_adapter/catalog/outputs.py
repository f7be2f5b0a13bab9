"""How long a request's answer is, in tokens, for each endpoint, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.catalog.prices import ZERO, image_output_is_by_token

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from openrouter_adapter.catalog.models import Model
    from openrouter_adapter.catalog.prices import Rates
    from openrouter_adapter.catalog.prompts import Counter, Prompt

# Guesses for the likely cost only: what an answer, a generated image and thinking take.
_ANSWER: Final = 250
_IMAGE: Final = 1300
_THINKING: Final = 750
_THINKING_BY_EFFORT: Final = {
    "none": 0,
    "minimal": 100,
    "low": 300,
    "medium": 750,
    "high": 2000,
    "xhigh": 4000,
    "max": 6000,
}
_LIMITS: Final = ("max_completion_tokens", "max_tokens", "max_output_tokens")


@dataclass(frozen=True, slots=True)
class Kind:
    """An endpoint: how its prompt is counted, and what it answers with.

    Attributes:
        prompt: Counts a body's prompt.
        answers: `text`, `images`, or `nothing` that is billed.
    """

    prompt: Callable[[Counter, Mapping[str, Any]], Prompt]
    answers: str = "text"


_IMAGES: Final = Kind(lambda counter, body: counter.completion(body), "images")
KINDS: Final = {
    "/chat/completions": Kind(lambda counter, body: counter.chat(body)),
    "/completions": Kind(lambda counter, body: counter.completion(body)),
    "/responses": Kind(lambda counter, body: counter.responses(body)),
    "/embeddings": Kind(lambda counter, body: counter.texts(body.get("input")), "nothing"),
    "/rerank": Kind(lambda counter, body: counter.rerank(body), "nothing"),
    "/images/generations": _IMAGES,
    "/images": _IMAGES,
}
"""What can be estimated, by path."""


def repeats(body: Mapping[str, Any]) -> int:
    """How many answers a request asks for."""
    number = body.get("n")
    return number if isinstance(number, int) and number > 1 else 1


def asked_limit(body: Mapping[str, Any]) -> int | None:
    """The limit of tokens that a request sets for each answer, None where it sets none."""
    for name in _LIMITS:
        limit = body.get(name)
        if isinstance(limit, int | float) and not isinstance(limit, bool):
            return max(0, int(limit))
    return None


def likely(body: Mapping[str, Any], kind: Kind, model: Model) -> int:
    """Completion tokens over all answers, reasoning included: a guess within the limits."""
    if kind.answers == "nothing":
        return 0
    if kind.answers == "images" or _paints(body):
        return _IMAGE * repeats(body)
    guess = _ANSWER + _thinking(body, model)
    for limit in (asked_limit(body), model.max_completion_tokens):
        if limit is not None:
            guess = min(guess, limit)
    return guess * repeats(body)


def most(body: Mapping[str, Any], kind: Kind, longest: int | None) -> int | None:
    """Completion tokens over all answers at worst; None where nothing limits them.

    Args:
        body: The request's body.
        kind: The endpoint.
        longest: The longest answer that the provider gives, tokens.
    """
    if kind.answers == "nothing":
        return 0
    limits = [longest]
    if kind.answers == "text":
        limits.append(asked_limit(body))
    known = [limit for limit in limits if limit is not None]
    return min(known) * repeats(body) if known else None


def likely_cost(tokens: int, kind: Kind, model: Model, rates: Rates) -> Decimal:
    """USD for so many completion tokens."""
    if "image_output" in rates and (kind.answers == "images" or tokens == _IMAGE):
        if not image_output_is_by_token(rates):
            return tokens // _IMAGE * rates["image_output"]
        return tokens * rates["image_output"]
    if "text" not in model.output_modalities and "audio_output" in rates:
        return tokens * rates["audio_output"]
    return tokens * rates.get("completion", ZERO)


def worst_cost(tokens: int, kind: Kind, rates: Rates, number: int) -> Decimal:
    """USD for so many completion tokens of the dearest sort.

    Args:
        tokens: Over all answers.
        kind: The endpoint.
        rates: The dearest prices, USD.
        number: The answers.
    """
    if kind.answers == "nothing":
        return ZERO
    dearest = max(
        rates.get(item, ZERO) for item in ("completion", "internal_reasoning", "audio_output")
    )
    image = rates.get("image_output", ZERO)
    if image_output_is_by_token(rates):
        return tokens * max(dearest, image)
    return tokens * dearest + number * image


def _paints(body: Mapping[str, Any]) -> bool:
    modalities = body.get("modalities")
    return isinstance(modalities, list) and "image" in modalities


def _thinking(body: Mapping[str, Any], model: Model) -> int:
    reasoning = body.get("reasoning")
    options: Mapping[str, Any] = reasoning if isinstance(reasoning, dict) else {}
    if options.get("enabled") is False:
        return 0
    effort = options.get("effort") or body.get("reasoning_effort")
    if isinstance(effort, str):
        return _THINKING_BY_EFFORT.get(effort, _THINKING)
    budget = options.get("max_tokens")
    if isinstance(budget, int):
        return budget // 2
    about = model.wire.get("reasoning")
    thinks = isinstance(about, dict) and (about.get("mandatory") or about.get("default_enabled"))
    return _THINKING if thinks or options else 0
