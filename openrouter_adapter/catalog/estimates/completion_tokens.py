"""The length of a request's answers in tokens: likely, and the limit that the request sets."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isfinite
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.catalog.prices import ZERO, image_output_is_by_token

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from openrouter_adapter.catalog.catalog import Model
    from openrouter_adapter.catalog.estimates.kinds import Kind
    from openrouter_adapter.catalog.estimates.prompt_tokens import Prompt
    from openrouter_adapter.catalog.prices import Rates

# Guesses, for the likely cost only: tokens of an answer, a generated image and thinking.
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
# Some providers refuse a smaller limit, and OpenRouter raises it to this for them.
_LEAST_LIMIT: Final = 16
# Claude thinks with at least this many tokens, whatever the limit.
_LEAST_THINKING: Final = 1024


@dataclass(frozen=True, slots=True)
class Completion:
    """The length of a request's answers.

    Attributes:
        per_prompt: The number of answers to each prompt, including those that are thrown away.
        likely: Likely tokens of all answers, reasoning included.
        most_each: The limit of tokens that the request sets for each answer; None if it sets none.
        are_images: Whether the answers are likely to be images.
    """

    per_prompt: int
    likely: int = 0
    most_each: int | None = 0
    are_images: bool = False

    def likely_cost(self, model: Model, rates: Rates) -> Decimal:
        """Cost of the likely tokens, USD."""
        if self.are_images and "image_output" in rates:
            by_token = image_output_is_by_token(rates)
            return (self.likely if by_token else self.likely // _IMAGE) * rates["image_output"]
        if "text" not in model.output_modalities and "audio_output" in rates:
            return self.likely * rates["audio_output"]
        return self.likely * rates.get("completion", ZERO)


def of_request(
    body: Mapping[str, Any], kind: Kind, model: Model | None, prompt: Prompt
) -> Completion:
    """The length of a request's answers.

    Args:
        body: The request's body.
        kind: The kind of endpoint.
        model: The model; None if a router chooses it: then no tokens are likely.
        prompt: The request's prompt.
    """
    per_prompt = max([1, *_numbers(body, _ANSWER_COUNTS)])
    if kind.answers == "nothing":
        return Completion(per_prompt)
    # Of several limits the highest counts; a limit of 0 or less is ignored.
    limit = max([limit for limit in _numbers(body, _LIMITS) if limit > 0], default=None)
    modalities, writes = body.get("modalities"), model.output_modalities if model else ()
    asks_for_images = isinstance(modalities, list) and "image" in modalities
    are_images = kind.answers == "images" or asks_for_images
    # `max_tokens` doesn't limit the tokens of images.
    is_text = not are_images and "image" not in writes
    most_each = _most_text(body, limit, model) if is_text and limit is not None else None
    if model is None:
        return Completion(per_prompt, 0, most_each)
    are_images = are_images or ("image" in writes and "text" not in writes)
    each = _IMAGE if are_images else _likely_text(body, limit, model)
    return Completion(per_prompt, each * per_prompt * prompt.inputs, most_each, are_images)


def _numbers(body: Mapping[str, Any], names: tuple[str, ...]) -> list[int]:
    """The numbers in some fields of a body, rounded up; other values are left out."""
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


def _likely_text(body: Mapping[str, Any], limit: int | None, model: Model) -> int:
    guess = _ANSWER + _likely_thinking(body, model)
    return min([guess, *(one for one in (limit, model.max_completion_tokens) if one is not None)])


def _most_text(body: Mapping[str, Any], limit: int, model: Model | None) -> int:
    limit = max(limit, _LEAST_LIMIT)
    # A thinking budget must be below the limit; one that isn't may be added to it.
    budget = _thinking_budget(body, model)
    return limit + budget if budget >= limit else limit


def _reasoning(body: Mapping[str, Any]) -> tuple[Mapping[str, Any], str | None]:
    """The body's `reasoning`, and the effort that it or `reasoning_effort` names."""
    given = body.get("reasoning")
    reasoning = given if isinstance(given, dict) else _of_messages(body)
    effort = reasoning.get("effort") or body.get("reasoning_effort")
    return reasoning, effort if isinstance(effort, str) else None


def _of_messages(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of a Messages request as the `reasoning` of a chat."""
    thinking, output = body.get("thinking"), body.get("output_config")
    found: dict[str, Any] = {}
    if isinstance(thinking, dict):
        found["enabled"] = thinking.get("type") != "disabled"
        # Between tool calls a model may think with more tokens than the limit.
        found["max_tokens"] = thinking.get("budget_tokens")
    if isinstance(output, dict) and found.get("enabled") is not False:
        found["effort"] = output.get("effort")
    return {name: value for name, value in found.items() if value is not None}


def _thinking_budget(body: Mapping[str, Any], model: Model | None) -> int:
    """Tokens that the request reserves for thinking, whatever its limit."""
    reasoning, effort = _reasoning(body)
    budget = reasoning.get("max_tokens")
    if isinstance(budget, int):
        return budget
    thinks = reasoning.get("enabled") is True if effort is None else effort != "none"
    may_be_claude = model is None or model.tokenizer == "Claude"
    return _LEAST_THINKING if thinks and may_be_claude else 0


def _likely_thinking(body: Mapping[str, Any], model: Model) -> int:
    reasoning, effort = _reasoning(body)
    if reasoning.get("enabled") is False:
        return 0
    if effort is not None:
        return _THINKING_BY_EFFORT.get(effort, _THINKING)
    budget = reasoning.get("max_tokens")
    if isinstance(budget, int):
        return budget // 2
    about = model.wire.get("reasoning")
    thinks = isinstance(about, dict) and (about.get("mandatory") or about.get("default_enabled"))
    return _THINKING if thinks or reasoning else 0
