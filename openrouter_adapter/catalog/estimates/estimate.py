"""The cost of a request before it is sent: the likely cost, and the worst case.

The worst case is an upper bound if the catalogue's prices are right, the providers that may be
chosen are known (`load_endpoints`) or cost no more than the first, and the assumptions of
prompt_tokens.py, attachments.py and surcharges.py, each a named constant there, are right.
docs/prices.md has the details.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import options
from openrouter_adapter.catalog.estimates import (
    completion_tokens,
    images,
    providers,
    surcharges,
    videos,
)
from openrouter_adapter.catalog.estimates.kinds import KINDS
from openrouter_adapter.catalog.loading import load, load_video_models
from openrouter_adapter.catalog.prices import ZERO
from openrouter_adapter.video_generation import models as video_models
from openrouter_adapter.wire import model_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openrouter_adapter.catalog.catalog import Catalog, Found, Model
    from openrouter_adapter.catalog.estimates.kinds import Kind
    from openrouter_adapter.catalog.estimates.prompt_tokens import Prompt
    from openrouter_adapter.catalog.estimates.providers import Providers
    from openrouter_adapter.catalog.estimates.surcharges import Surcharge
    from openrouter_adapter.catalog.prices import Pricing, Rates

_FREE_MODELS: Final = frozenset({"bodybuilder", "openrouter/bodybuilder"})
_SURCHARGED: Final = ("plugins", "tools", "web_search_options")
# Factors by which an unknown model may exceed the ceiling of its base price: for writing to a
# cache, and for long prompts.
_CACHE_WRITE: Final = Decimal("1.25")
_LONG_PROMPT: Final = Decimal(2)
_LONG_PROMPT_TOKENS: Final = 100_000
# The ceilings that limit the cost of a request whose providers are unknown.
_CEILINGS: Final = frozenset({"prompt", "completion"})
_NOT_LOADED: Final = "is not in the list of models, and was not loaded (load_endpoints)"
_NOT_FIRM: Final = "the providers that may serve it, and their prices, could not be loaded"
_STANDARD_TIERS: Final = (None, "auto", "default", "standard", "standard_only", "flex")
VIDEOS: Final = "/videos"


@dataclass(frozen=True, slots=True)
class Details:
    """How an estimate was calculated.

    Attributes:
        model: The id of the model that is likely to answer.
        prompt_tokens: Likely tokens of the prompt.
        most_prompt_tokens: The same in the worst case.
        completion_tokens: Likely tokens of all choices, reasoning included.
        most_completion_tokens: The same in the worst case.
        surcharge: Likely cost of plugins, searches and pages, USD.
        most_surcharge: The same in the worst case.
        knows_endpoints: Whether all providers that may serve the request are known, or only the
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
    """The cost of a request before it is sent, in USD.

    Attributes:
        likely: The likely cost; None if it is unknown.
        worst: The cost in the worst case, an upper bound; None if it is unknown.
        batch: The likely cost in OpenRouter's Batch API; None if that has no price for the model,
            or if the request names several models.
        unknown_because: Why `likely` or `worst` is None; None if both are known.
        details: The tokens that were counted; None if there are none.
    """

    likely: Decimal | None
    worst: Decimal | None
    unknown_because: str | None = None
    details: Details | None = None
    batch: Decimal | None = None


def estimate(
    request: Mapping[str, Any],
    endpoint: str = "/chat/completions",
    catalog: Catalog | None = None,
) -> Estimate:
    """The likely cost and the worst case of a request in USD, or the reason why they are unknown.

    Nothing is sent. A short chat takes less than 0.1 ms.

    Args:
        request: The body that would be sent, or a line of an OpenAI batch file, whose `url` is the
            endpoint.
        endpoint: The path: `/chat/completions`, `/completions`, `/responses`, `/embeddings`,
            `/images/generations`, `/messages`, `/rerank`, `/videos`.
        catalog: The models and prices; None loads them (which may fetch them, once). Those of
            videos are always loaded.

    Raises:
        One of LiteLLM's exceptions (see errors.py): there is no catalogue, and it can't be
            fetched.
    """
    body = request
    if isinstance(request.get("body"), dict):
        body, endpoint = request["body"], str(request.get("url", endpoint))
    if isinstance(body.get("extra_body"), dict):
        body = options.with_extra(dict(body), body["extra_body"])
    path = endpoint.rstrip("/").removeprefix("/v1")
    if path == VIDEOS:
        return _of_video(body)
    kind = KINDS.get(path)
    if kind is None:
        return _unknown(f"endpoint {endpoint}: its cost is not estimated")
    names = names_of(body)
    reason = _hidden(body, names)
    if reason is not None:
        return _unknown(reason)
    if catalog is None:
        catalog = load()
    estimates = [_of_model(name, body, kind, catalog) for name in names]
    return estimates[0] if len(estimates) == 1 else _of_fallbacks(estimates)


def bound(
    body: Mapping[str, Any], endpoint: str = "/chat/completions", catalog: Catalog | None = None
) -> Estimate:
    """Like `estimate`, for budgets: has a worst case only if it holds for all possible providers.

    It does if all providers are known (`load_endpoints`), or if the request's `provider.max_price`
    limits those that aren't.

    Args:
        body: The body that would be sent.
        endpoint: The path.
        catalog: As for `estimate`.

    Raises:
        One of LiteLLM's exceptions: as for `estimate`.
    """
    found = estimate(body, endpoint, catalog)
    are_known = found.details is not None and found.details.knows_endpoints
    if not found.worst or are_known or providers.ceilings_of(body).keys() >= _CEILINGS:
        return found
    return replace(found, worst=None, unknown_because=_NOT_FIRM)


def names_of(body: Mapping[str, Any]) -> list[str]:
    """The models that a request names: its own, and its fallbacks."""
    names = [body["model"]] if isinstance(body.get("model"), str) and body["model"] else []
    fallbacks = body.get("models")
    if isinstance(fallbacks, list):
        names += [name for name in fallbacks if isinstance(name, str) and name not in names]
    # The fallbacks of Messages.
    further = body.get("fallbacks")
    for one in further if isinstance(further, list) else ():
        name = one.get("model") if isinstance(one, dict) else None
        if isinstance(name, str) and name not in names:
            names.append(name)
    return names


def _hidden(body: Mapping[str, Any], names: list[str]) -> str | None:
    """Why the request doesn't show what would be sent; None if it does."""
    if body.get("preset") or any("@preset/" in name for name in names):
        return "a preset: it hides the model, the prompt and the plugins"
    if not names:
        return "no model"
    reasoning = body.get("reasoning")
    if any(edit.get("type", "").startswith("compact") for edit in _edits(body)):
        return "context_management compact: how long its summary is is not known in advance"
    if isinstance(reasoning, dict) and reasoning.get("mode") not in (None, "standard"):
        return f"reasoning.mode {reasoning['mode']}: how often it thinks is not known in advance"
    return None


def _edits(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The changes that a Messages request lets the provider make to the conversation."""
    management = body.get("context_management")
    edits = management.get("edits") if isinstance(management, dict) else None
    return [one for one in edits if isinstance(one, dict)] if isinstance(edits, list) else []


def _unknown(reason: str) -> Estimate:
    return Estimate(None, None, reason)


def _of_fallbacks(estimates: list[Estimate]) -> Estimate:
    """The estimate of a request with fallback models, from the estimates of its models.

    The likely cost is that of the first model, the worst case that of the most expensive one.
    """
    first = estimates[0]
    reasons = [one.unknown_because for one in estimates if one.worst is None]
    worst = None if reasons else max(one.worst for one in estimates if one.worst is not None)
    details = first.details
    if details is not None:
        knows = all(one.details is None or one.details.knows_endpoints for one in estimates)
        details = replace(details, knows_endpoints=knows)
    reason = next(filter(None, reasons), None) or first.unknown_because
    return Estimate(first.likely, worst, reason, details)


def _of_model(name: str, body: Mapping[str, Any], kind: Kind, catalog: Catalog) -> Estimate:
    if name.removeprefix("openrouter/") in _FREE_MODELS and not any(map(body.get, _SURCHARGED)):
        return Estimate(ZERO, ZERO)
    found = catalog.find(name)
    if found is None and model_names.is_batch_only(name):
        return _unknown(f"model is {model_names.batch_only(name)}")
    if found is None and name.startswith("openrouter/") and name.count("/") == 1:
        return _of_router(name, body, kind)
    if found is None:
        return _unknown(f"model {name}: it is not in the catalogue")
    if not found.model.pricing.is_known:
        return _of_router(name, body, kind)
    if kind.makes_images_alone(found.model):
        estimated = _of_images(found, body, kind, catalog)
        if estimated is not None:
            return estimated
    serving = providers.allowed(found, body, catalog)
    if serving is None:
        return _unknown(f"model {name}: none of its providers fits the request's `provider`")
    if body.get("speed") not in (None, "standard"):
        return _unknown(f"speed {body['speed']}: its price is not in the catalogue")
    tier = body.get("service_tier")
    if tier not in _STANDARD_TIERS:
        sold = {endpoint.service_tier for endpoint in serving.endpoints}
        if not providers.tiers_of(body) & sold:
            return _unknown(f"service_tier {tier}: its price is not in the catalogue")
    return of_text(found, body, kind, serving, catalog.in_batches(found.model))


def _of_images(
    named: Found, body: Mapping[str, Any], kind: Kind, catalog: Catalog
) -> Estimate | None:
    """The estimate by the images API's prices; None if those in the list of models are enough."""
    model = named.model
    endpoints = catalog.image_endpoints(model)
    if not endpoints:
        is_sold = any(model.pricing.base.values()) or model.id.endswith(":free")
        return (
            None
            if is_sold
            else _unknown(f"model {model.id}: the price of its images {_NOT_LOADED}")
        )
    preferences = providers.preferences_of(body)
    allowed = [one for one in endpoints if providers.may_serve(one.endpoint, preferences)]
    is_by_token = any(one.is_sold_by_token for one in allowed)
    if is_by_token and "image_output" in model.pricing.base:
        # The list of models has more prices of tokens: of text next to an image, and of caches.
        return None
    prompt = kind.prompt(body, model)
    extra = _surcharges(body, named, prompt, model.pricing)
    number = completion_tokens.of_request(body, kind, model, prompt).per_prompt
    found = images.cost(allowed, images.read(body, prompt, number, model.window))
    if isinstance(found, str) or extra.unknown_because or extra.loop_limit is not None:
        reason = extra.unknown_because or (found if isinstance(found, str) else None)
        return _unknown(f"model {model.id}: {reason or 'a loop of server tools'}")
    likely, worst = found[0] + extra.likely, found[1] + extra.worst
    details = Details(
        model.id, prompt.likely, prompt.worst, 0, 0, likely, worst, knows_endpoints=True
    )
    return Estimate(min(likely, worst), worst, None, details)


def _of_video(body: Mapping[str, Any]) -> Estimate:
    """The estimate by the video models' own list of prices."""
    model = video_models.find(str(body.get("model")))
    if model is None:
        load_video_models()
        model = video_models.find(str(body.get("model")))
    if model is None:
        return _unknown(f"model {body.get('model')}: OpenRouter lists no such video model")
    found = videos.cost(body, model)
    if isinstance(found, str):
        return _unknown(f"model {model.id}: {found}")
    likely, worst = found
    return Estimate(likely, worst, None, Details(model.id, 0, 0, 0, 0, knows_endpoints=True))


def of_text(
    found: Found,
    body: Mapping[str, Any],
    kind: Kind,
    serving: Providers,
    in_batches: Model | None,
) -> Estimate:
    """The estimate of a request that is billed by the token, at some providers."""
    model = found.model
    prompt = kind.prompt(body, model)
    extra = _surcharges(body, found, prompt, serving)
    completion = completion_tokens.of_request(body, kind, model, prompt)

    def cost(rates: Rates) -> Decimal:
        return (
            prompt.likely * rates.get("prompt", ZERO)
            + prompt.audio * rates.get("audio", rates.get("prompt", ZERO))
            + completion.likely_cost(model, rates)
            + rates.get("request", ZERO)
            + extra.likely
        )

    likely, batch = cost(serving.rates(prompt.likely)), None
    if in_batches is not None:
        batch = cost(replace(serving, pricing=in_batches.pricing).rates(prompt.likely))
    most_prompt = prompt.most
    highest = providers.highest_cost(serving.endpoints, prompt, completion, extra)
    if most_prompt is None or highest is None:
        reason = f"model {model.id}: it has no limit of length"
        return Estimate(likely, None, reason, batch=batch)
    worst, most_output = highest
    details = Details(
        model.id,
        prompt.likely + prompt.audio,
        most_prompt,
        completion.likely,
        most_output,
        extra.likely,
        extra.worst,
        serving.are_known,
    )
    if extra.unknown_because is not None:
        return Estimate(likely, None, extra.unknown_because, details, batch)
    return Estimate(min(likely, worst), worst, None, details, batch)


def _surcharges(
    body: Mapping[str, Any], found: Found, prompt: Prompt, prices: Providers | Pricing
) -> Surcharge:
    """The costs besides tokens. Most requests have none."""
    if (
        prompt.pages
        or found.variants
        or body.get("plugins")
        or body.get("tools")
        or body.get("web_search_options") is not None
        or found.model.author in surcharges.SEARCHING_AUTHORS
    ):
        rates = prices.highest_rates()
        return surcharges.of_request(body, found.model, found.variants, prompt, rates)
    return surcharges.NONE


def _of_router(name: str, body: Mapping[str, Any], kind: Kind) -> Estimate:
    """The estimate for a router; it has a worst case if the caller set ceilings."""
    ceilings = providers.ceilings_of(body)
    if "prompt" not in ceilings or "completion" not in ceilings:
        return _unknown(
            f"model {name}: its choice is not known in advance (provider.max_price with "
            "prompt and completion sets a limit)"
        )
    prompt = kind.prompt(body, None)
    modalities = body.get("modalities")
    completion = completion_tokens.of_request(body, kind, None, prompt)
    if completion.most_each is None or (
        isinstance(modalities, list) and set(modalities) - {"text"}
    ):
        return _unknown(f"model {name}: its answer has no limit (text has one by max_tokens)")
    variants = frozenset(name.split(":")[1:])
    extra = surcharges.of_request(body, None, variants, prompt, {})
    if extra.unknown_because is not None:
        return _unknown(extra.unknown_because)
    if prompt.fills_window or extra.loop_limit is not None:
        return _unknown(f"model {name}: a part of the prompt has no known length")
    for item, amount in (("audio", prompt.most_audio), ("image", prompt.images)):
        if amount and item not in ceilings:
            return _unknown(f"model {name}: provider.max_price has no limit for {item}")
    most_prompt = prompt.worst + prompt.most_audio
    factor = providers.CACHE_WRITE_1H if prompt.lives_an_hour else _CACHE_WRITE
    if most_prompt > _LONG_PROMPT_TOKENS:
        factor *= _LONG_PROMPT
    worst = extra.worst + completion.per_prompt * (
        prompt.worst * ceilings["prompt"] * factor
        + prompt.most_audio * ceilings.get("audio", ZERO)
        + prompt.images * ceilings.get("image", ZERO)
        + ceilings.get("request", ZERO)
    )
    most_each = completion.most_each + prompt.predicted
    most_output = most_each * completion.per_prompt * prompt.inputs
    worst += most_output * ceilings["completion"] * factor
    details = Details(name, prompt.likely, most_prompt, 0, most_output)
    return Estimate(None, worst, f"model {name}: only the limit is known", details)
