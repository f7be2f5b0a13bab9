"""How long a request's answer is, in tokens, for each endpoint, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isfinite
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.catalog.estimates.prompt_tokens import Prompt
from openrouter_adapter.catalog.estimates.tokens import family
from openrouter_adapter.catalog.prices import ZERO, image_output_is_by_token

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from openrouter_adapter.catalog.models import Model
    from openrouter_adapter.catalog.prices import Rates

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
_ANSWER_COUNTS: Final = ("n", "best_of")
# A smaller limit is refused by some providers, and raised to this for them.
_LEAST_LIMIT: Final = 16
# A search of a rerank is over so many documents; longer ones count as several, of tokens each.
_PIECES_PER_SEARCH: Final = 100
_PIECE: Final = 500
# Claude thinks with this many tokens at least, whatever the limit.
_LEAST_THINKING: Final = 1024


@dataclass(frozen=True, slots=True)
class Kind:
    """An endpoint: how its prompt is counted, and what it answers with.

    Attributes:
        read: Adds what a body has to a prompt.
        answers: `text`, `images`, or `nothing` that is billed.
        ranks: Whether the price of a request is for so many documents.
    """

    read: Callable[[Prompt, Mapping[str, Any]], None]
    answers: str = "text"
    ranks: bool = False

    def prompt(self, body: Mapping[str, Any], model: Model | None) -> Prompt:
        """The size of a body's prompt for a model; None is one that a router will choose."""
        found = Prompt(family(model.tokenizer, model.id) if model else family("Router", ""))
        self.read(found, body)
        return found


_IMAGES: Final = Kind(Prompt.add_image_request, "images")
KINDS: Final = {
    "/chat/completions": Kind(Prompt.add_chat),
    "/completions": Kind(Prompt.add_completion),
    "/responses": Kind(Prompt.add_response),
    "/embeddings": Kind(Prompt.add_embedding, "nothing"),
    "/rerank": Kind(Prompt.add_rerank, "nothing", ranks=True),
    "/images/generations": _IMAGES,
    "/images": _IMAGES,
}
"""What can be estimated, by path."""


def repeats(body: Mapping[str, Any]) -> int:
    """How many answers are made to a prompt, also those that are thrown away."""
    return max([1, *_numbers(body, _ANSWER_COUNTS)])


def asked_limit(body: Mapping[str, Any]) -> int | None:
    """The limit of tokens that a request sets for each answer, None where it sets none.

    Of several the highest; one of 0 or less is none.
    """
    return max([limit for limit in _numbers(body, _LIMITS) if limit > 0], default=None)


def requests(kind: Kind, prompt: Prompt) -> int:
    """How often the price of a request is due at most."""
    if not kind.ranks:
        return 1
    pieces = prompt.inputs + prompt.worst // _PIECE
    return ceil(pieces / _PIECES_PER_SEARCH)


def _numbers(body: Mapping[str, Any], names: tuple[str, ...]) -> list[int]:
    """The numbers that a body has under some names, rounded up; what is no number is left out."""
    found = []
    for name in names:
        value = body.get(name)
        if value is None:
            continue
        if (isinstance(value, int) and not isinstance(value, bool)) or (
            isinstance(value, float) and isfinite(value)
        ):
            found.append(ceil(value))
    return found


def likely(body: Mapping[str, Any], kind: Kind, model: Model, prompt: Prompt) -> int:
    """Completion tokens over all answers, reasoning included: a guess within the limits."""
    if kind.answers == "nothing":
        return 0
    number = repeats(body) * prompt.inputs
    if draws(body, kind, model):
        return _IMAGE * number
    guess = _ANSWER + _thinking(body, model)
    for limit in (asked_limit(body), model.max_completion_tokens):
        if limit is not None:
            guess = min(guess, limit)
    return guess * number


def most_asked(body: Mapping[str, Any], kind: Kind, model: Model | None) -> int | None:
    """Tokens of each answer at worst, by the request alone; None where it sets no limit.

    Args:
        body: The request's body.
        kind: The endpoint.
        model: Who answers, None for whoever is chosen.
    """
    if kind.answers == "nothing":
        return 0
    limit = asked_limit(body)
    if limit is None or kind.answers == "images" or _may_draw(body, model):
        return None
    limit = max(limit, _LEAST_LIMIT)
    # A limit must be above the thinking's; one that is not may come on top.
    budget = _thinking_budget(body, model)
    return limit + budget if budget >= limit else limit


def _may_draw(body: Mapping[str, Any], model: Model | None) -> bool:
    """Whether an answer may hold images: their tokens are not held by `max_tokens`."""
    return _asks_for_images(body) or (model is not None and "image" in model.output_modalities)


def paints(kind: Kind, model: Model) -> bool:
    """Whether the answers are images alone, which the images API has its own prices for."""
    writes = model.output_modalities
    return "image" in writes and (kind.answers == "images" or "text" not in writes)


def draws(body: Mapping[str, Any], kind: Kind, model: Model) -> bool:
    """Whether the answers are likely to be images."""
    writes = model.output_modalities
    is_painter = "image" in writes and "text" not in writes
    return kind.answers == "images" or is_painter or _asks_for_images(body)


def likely_cost(tokens: int, are_images: bool, model: Model, rates: Rates) -> Decimal:
    """USD for so many completion tokens."""
    if are_images and "image_output" in rates:
        if not image_output_is_by_token(rates):
            return tokens // _IMAGE * rates["image_output"]
        return tokens * rates["image_output"]
    if "text" not in model.output_modalities and "audio_output" in rates:
        return tokens * rates["audio_output"]
    return tokens * rates.get("completion", ZERO)


def _asks_for_images(body: Mapping[str, Any]) -> bool:
    modalities = body.get("modalities")
    return isinstance(modalities, list) and "image" in modalities


def _reasoning(body: Mapping[str, Any]) -> Mapping[str, Any]:
    reasoning = body.get("reasoning")
    return reasoning if isinstance(reasoning, dict) else {}


def _thinking_budget(body: Mapping[str, Any], model: Model | None) -> int:
    """Tokens that the request sets apart for thinking, whatever its limit."""
    options = _reasoning(body)
    budget = options.get("max_tokens")
    if isinstance(budget, int):
        return budget
    effort = options.get("effort") or body.get("reasoning_effort")
    thinks = effort != "none" if isinstance(effort, str) else options.get("enabled")
    may_be_claude = model is None or model.tokenizer == "Claude"
    return _LEAST_THINKING if thinks is True and may_be_claude else 0


def _thinking(body: Mapping[str, Any], model: Model) -> int:
    options = _reasoning(body)
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
