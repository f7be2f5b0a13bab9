"""What a request will cost, before it is sent: likely, and at worst.

The worst is a bound under these conditions: the catalogue's prices hold, the providers that may
be chosen are known (`load_endpoints`) or cost no more than the first, and the assumptions of
tokens.py, prompts.py and surcharges.py, each a named constant there, hold for the prompt.
docs/prices.md says it in full.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.catalog import outputs, prompts, surcharges
from openrouter_adapter.catalog.choices import Choice, ceilings_of, choices_of
from openrouter_adapter.catalog.loading import load
from openrouter_adapter.catalog.prices import ZERO, image_is_by_token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openrouter_adapter.catalog.lookup import Catalog, Found
    from openrouter_adapter.catalog.prices import Rates
    from openrouter_adapter.catalog.prompts import Prompt
    from openrouter_adapter.catalog.surcharges import Surcharge

_FREE_MODELS: Final = frozenset({"openrouter/bodybuilder"})
# What a model that nobody knows yet may take beyond the ceiling that was set for its base price:
# writing to a cache, and long prompts.
_CACHE_WRITE: Final = Decimal("1.25")
_CACHE_WRITE_1H: Final = Decimal(2)
_LONG_PROMPT: Final = Decimal(2)
_LONG_PROMPT_TOKENS: Final = 100_000
_STANDARD_TIERS: Final = frozenset({None, "auto", "default", "standard", "standard_only", "flex"})


@dataclass(frozen=True, slots=True)
class Details:
    """How an estimate came about.

    Attributes:
        model: The id of the model that is likely to answer.
        prompt_tokens: Likely.
        most_prompt_tokens: At worst.
        completion_tokens: Likely, over all choices, reasoning included.
        most_completion_tokens: At worst.
        surcharge: USD for plugins, searches and pages, likely.
        most_surcharge: The same at worst.
        knows_endpoints: Whether all providers that may serve it were looked at, or only the
            one that is asked first.
    """

    model: str
    prompt_tokens: int
    most_prompt_tokens: int
    completion_tokens: int
    most_completion_tokens: int
    surcharge: Decimal = ZERO
    most_surcharge: Decimal = ZERO
    knows_endpoints: bool = False


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a request will cost, in USD.

    Attributes:
        likely: What it will probably be; None where nothing is known.
        worst: What it can't pass; None where that is not known.
        unknown_because: Why one of them is None; None where both are there.
        details: The tokens behind it, None where nothing was counted.
    """

    likely: Decimal | None
    worst: Decimal | None
    unknown_because: str | None = None
    details: Details | None = None


def estimate(
    request: Mapping[str, Any],
    endpoint: str = "/chat/completions",
    catalog: Catalog | None = None,
) -> Estimate:
    """What a request will cost in USD, likely and at worst, or why that can't be known.

    Sends nothing. A short chat takes less than 0.1 ms.

    Args:
        request: The body that would be sent, or a line of an OpenAI batch file; its `url` is
            then the endpoint.
        endpoint: The path: `/chat/completions`, `/completions`, `/responses`, `/embeddings`,
            `/images/generations`, `/rerank`.
        catalog: The models and prices; None loads them (which may fetch them, once).

    Raises:
        One of LiteLLM's exceptions (see errors.py): there is no catalogue, and none could be
            fetched.
    """
    body = request
    if isinstance(request.get("body"), dict) and "url" in request:
        body, endpoint = request["body"], str(request["url"])
    if "extra_body" in body and isinstance(body["extra_body"], dict):
        body = {**body, **body["extra_body"]}
    kind = outputs.KINDS.get(endpoint.rstrip("/").removeprefix("/v1"))
    if kind is None:
        return _unknown(f"endpoint {endpoint}: its price is no price of tokens")
    names = _names(body)
    reason = _hidden(body, names)
    if reason is not None:
        return _unknown(reason)
    if catalog is None:
        catalog = load()
    estimates = [_of_model(name, body, kind, catalog) for name in names]
    return estimates[0] if len(estimates) == 1 else _dearest(estimates)


def _names(body: Mapping[str, Any]) -> list[str]:
    names = [body["model"]] if isinstance(body.get("model"), str) and body["model"] else []
    fallbacks = body.get("models")
    if isinstance(fallbacks, list):
        names += [name for name in fallbacks if isinstance(name, str) and name not in names]
    return names


def _hidden(body: Mapping[str, Any], names: list[str]) -> str | None:
    """Why the request doesn't say what would be sent, None where it does."""
    if body.get("preset") or any("@preset/" in name for name in names):
        return "a preset: it hides the model, the prompt and the plugins"
    if not names:
        return "no model"
    return None


def _unknown(reason: str) -> Estimate:
    return Estimate(None, None, reason)


def _dearest(estimates: list[Estimate]) -> Estimate:
    """Of a request with fallback models: the first one's likely cost, the dearest one's worst."""
    reasons = [one.unknown_because for one in estimates if one.worst is None]
    worst = None if reasons else max(one.worst for one in estimates if one.worst is not None)
    reason = next(filter(None, reasons), None)
    return replace(
        estimates[0], worst=worst, unknown_because=reason or estimates[0].unknown_because
    )


def _of_model(name: str, body: Mapping[str, Any], kind: outputs.Kind, catalog: Catalog) -> Estimate:
    if name in _FREE_MODELS or name.removeprefix("openrouter/") in _FREE_MODELS:
        return Estimate(ZERO, ZERO)
    found = catalog.find(name)
    if found is None and name.startswith("openrouter/") and name.count("/") == 1:
        return _of_router(name, body, kind)
    if found is None:
        return _unknown(f"model {name}: it is not in the catalogue")
    if not found.model.pricing.is_known:
        return _of_router(name, body, kind)
    tier = body.get("service_tier")
    choices = choices_of(found, body, catalog)
    if not choices:
        return _unknown(f"model {name}: none of its providers fits the request's `provider`")
    if tier not in _STANDARD_TIERS and tier not in {choice.service_tier for choice in choices}:
        return _unknown(f"service_tier {tier}: its price is not in the catalogue")
    return _of_choices(found, body, kind, choices)


def _of_choices(
    found: Found, body: Mapping[str, Any], kind: outputs.Kind, choices: list[Choice]
) -> Estimate:
    prompt = kind.prompt(prompts.counter(found.model), body)
    first = choices[0]
    extra = surcharges.of_request(
        body, found.model, found.variants, prompt, first.pricing.dearest(prompt.worst)
    )
    window = found.model.longest
    most_prompt = _most_prompt(prompt, window)
    rates = first.rates(prompt.likely)
    output = outputs.likely(body, kind, found.model)
    likely = (
        prompt.likely * rates.get("prompt", ZERO)
        + prompt.audio * rates.get("audio", rates.get("prompt", ZERO))
        + outputs.likely_cost(output, kind, found.model, rates)
        + rates.get("request", ZERO)
        + extra.likely
    )
    worst: Decimal | None = None
    most_output = 0
    for choice in choices:
        most = outputs.most(body, kind, choice.max_completion_tokens or choice.context_length)
        if most is None or most_prompt is None:
            return Estimate(likely, None, f"model {found.model.id}: it has no limit of length")
        cost = _worst_of(choice, prompt, (most_prompt, most), extra, body, kind)
        worst = cost if worst is None else max(worst, cost)
        most_output = max(most_output, most)
    if extra.unknown_because is not None:
        worst = None
    details = Details(
        found.model.id,
        prompt.likely + prompt.audio,
        most_prompt or 0,
        output,
        most_output,
        extra.likely,
        extra.worst,
        first.knows_all,
    )
    return Estimate(likely, worst, extra.unknown_because, details)


def _most_prompt(prompt: Prompt, window: int | None) -> int | None:
    """Tokens of the prompt at worst; a longer one than the model takes is refused, not billed."""
    if prompt.fills_window:
        return window
    most = prompt.worst + prompt.most_audio
    return most if window is None else min(most, window)


def _worst_of(
    choice: Choice,
    prompt: Prompt,
    tokens: tuple[int, int],
    extra: Surcharge,
    body: Mapping[str, Any],
    kind: outputs.Kind,
) -> Decimal:
    most_prompt, most_output = tokens
    rates = choice.dearest(most_prompt)
    repeats = outputs.repeats(body)
    cost = (
        most_prompt * repeats * _dearest_input(rates, prompt)
        + outputs.worst_cost(most_output, kind, rates, repeats)
        + repeats * rates.get("request", ZERO)
        + extra.worst
    )
    if "image" in rates and not image_is_by_token(rates):
        cost += repeats * prompt.images * rates["image"]
    if extra.loop_limit is not None:
        # OpenRouter looks at the sum after each step: it may be passed by the last one.
        step = (choice.context_length or most_prompt) * _dearest_input(rates, prompt)
        cost += extra.loop_limit + step
    return cost


def _dearest_input(rates: Rates, prompt: Prompt) -> Decimal:
    """USD for an input token at its dearest: of any kind that is in the prompt, and cached."""
    items = ["prompt", "input_cache_write"]
    if prompt.lives_an_hour:
        items.append("input_cache_write_1h")
    if prompt.most_audio or prompt.fills_window:
        items.append("audio")
    if prompt.images:
        items.append("image_token")
        if image_is_by_token(rates):
            items.append("image")
    return max([rates[item] for item in items if item in rates], default=ZERO)


def _of_router(name: str, body: Mapping[str, Any], kind: outputs.Kind) -> Estimate:
    """Of a model that chooses another one: a bound only where the caller set ceilings."""
    ceilings = ceilings_of(body)
    if "prompt" not in ceilings or "completion" not in ceilings:
        return _unknown(
            f"model {name}: whom it chooses is not known beforehand (provider.max_price with "
            "prompt and completion sets a limit)"
        )
    most_output = outputs.asked_limit(body)
    if most_output is None:
        return _unknown(f"model {name}: max_tokens is missing, and so is a limit of length")
    prompt = kind.prompt(prompts.counter(None), body)
    extra = surcharges.of_request(body, None, frozenset(), prompt, {})
    if prompt.fills_window:
        return _unknown(f"model {name}: a part of the prompt has no known length")
    most_prompt = prompt.worst + prompt.most_audio
    factor = _CACHE_WRITE_1H if prompt.lives_an_hour else _CACHE_WRITE
    if most_prompt > _LONG_PROMPT_TOKENS:
        factor *= _LONG_PROMPT
    repeats = outputs.repeats(body)
    worst = (
        repeats
        * (
            most_prompt * ceilings["prompt"] * factor
            + most_output * ceilings["completion"] * factor
            + ceilings.get("request", ZERO)
            + prompt.images * ceilings.get("image", ZERO)
        )
        + extra.worst
    )
    if extra.unknown_because is not None:
        return _unknown(extra.unknown_because)
    details = Details(name, prompt.likely, most_prompt, 0, most_output * repeats)
    return Estimate(None, worst, f"model {name}: only the limit is known", details)
