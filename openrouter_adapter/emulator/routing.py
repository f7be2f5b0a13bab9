"""The models and providers that a request may go to, in order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from . import catalog
from .errors import ApiError, invalid_body, no_endpoints, unknown_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .catalog import Endpoint, Model

# Request fields that are not parameters of a model.
_ROUTING_FIELDS = frozenset(
    re.findall(
        r"\w+",
        "model models messages prompt provider plugins stream stream_options usage user metadata "
        "transforms route preset session_id trace cache_control modalities image_config debug "
        "web_search_options service_tier prompt_cache_key reasoning include_reasoning "
        "reasoning_effort parallel_tool_calls max_completion_tokens verbosity",
    )
)


@dataclass(frozen=True, slots=True)
class Target:
    """A model to try, and the dynamic variants in its name."""

    name: str
    model: Model
    variants: tuple[str, ...] = ()


def names(body: dict[str, Any]) -> list[str]:
    """Return the models to try: `model`, then `models`, each once.

    Raises:
        ApiError: 400 if the request names no model.
    """
    found = [body["model"]] if body.get("model") else []
    found += [name for name in body.get("models") or () if name not in found]
    if not found:
        raise invalid_body("No models provided")
    return found


def target_of(name: str, *, in_batch: bool = False) -> Target:
    """Return the model and the variants of a name.

    Args:
        name: The name in the request.
        in_batch: Whether the Batch API asks, which alone may use a `:batch` model.

    Raises:
        ApiError: 404 if no provider serves it.
    """
    base, variants = catalog.split_variants(name)
    if not catalog.knows(base):
        raise unknown_model(name)
    model = catalog.find(base)
    if model.is_batch_only and not in_batch:
        raise ApiError(
            404,
            "This model is only available through the Batch API. Use the /api/beta/batches "
            "endpoint instead.",
            falls_back=True,
        )
    return Target(name, model, variants)


def endpoints(
    target: Target, body: dict[str, Any], permitted: Sequence[Endpoint]
) -> list[Endpoint]:
    """Return the endpoints that may serve a request, the first choice first.

    Args:
        target: The model.
        body: The request.
        permitted: The model's endpoints that the caller's guardrails allow.

    Raises:
        ApiError: 404 with the condition that excluded all of them.
    """
    preferences = body.get("provider")
    wishes: dict[str, Any] = preferences if isinstance(preferences, dict) else {}
    found = _discreet(target.model, _allowed(list(permitted), wishes), wishes)
    found = _capable(found, body, wishes)
    found = _affordable(found, wishes.get("max_price"))
    found = _sorted(found, wishes, target.variants)
    order = wishes.get("order") or ()
    if order:
        found = _ordered(found, order, fallbacks=wishes.get("allow_fallbacks") is not False)
    return found if wishes.get("allow_fallbacks") is not False or order else found[:1]


def check_modalities(model: Model, body: dict[str, Any]) -> None:
    """Check that a model has the input and output modalities of a chat.

    Raises:
        ApiError: 404 that names the modality.
    """
    wanted = body.get("modalities") or ([] if "image" in model.output else ["text"])
    if set(wanted) - set(model.output):
        raise no_endpoints(f"that support the requested output modalities: {', '.join(wanted)}")
    if "image" not in model.input and _shows_images(body["messages"]):
        raise no_endpoints("that support image input")


def _shows_images(messages: list[dict[str, Any]]) -> bool:
    return any(
        part.get("type") == "image_url"
        for message in messages
        if isinstance(message.get("content"), list)
        for part in message["content"]
    )


def matches(endpoint: Endpoint, slug: str) -> bool:
    """Return whether a slug of the request names an endpoint or its provider."""
    return slug.lower() in {endpoint.tag, endpoint.slug, endpoint.provider.lower()}


def _allowed(found: list[Endpoint], wishes: dict[str, Any]) -> list[Endpoint]:
    only, ignore = wishes.get("only"), wishes.get("ignore") or ()
    kept = [
        endpoint
        for endpoint in found
        if (not only or any(matches(endpoint, slug) for slug in only))
        and not any(matches(endpoint, slug) for slug in ignore)
    ]
    if not kept:
        raise _no_allowed_provider(found, only)
    quantizations = wishes.get("quantizations")
    if quantizations:
        kept = [one for one in kept if (one.quantization or "unknown") in quantizations]
        if not kept:
            raise no_endpoints(f"with quantizations {', '.join(quantizations)}")
    return kept


def _discreet(model: Model, found: list[Endpoint], wishes: dict[str, Any]) -> list[Endpoint]:
    """Return the endpoints that fit the request's data policy."""
    if wishes.get("zdr"):
        found = [endpoint for endpoint in found if catalog.has_zero_retention(endpoint)]
        if not found:
            raise _no_data_policy("Zero data retention")
    if wishes.get("data_collection") == "deny":
        found = [endpoint for endpoint in found if not catalog.trains(model, endpoint)]
        if not found:
            kind = "Free" if model.is_free else "Paid"
            raise _no_data_policy(f"{kind} model training")
    return found


def _no_data_policy(which: str) -> ApiError:
    return ApiError(
        404,
        f"No endpoints found matching your data policy ({which}). "
        "Configure: https://openrouter.ai/settings/privacy",
        falls_back=True,
    )


def _no_allowed_provider(found: list[Endpoint], requested: list[str] | None) -> ApiError:
    return ApiError(
        404,
        "No allowed providers are available for the selected model.",
        metadata={
            "available_providers": [endpoint.slug for endpoint in found],
            "requested_providers": list(requested or ()),
        },
        falls_back=True,
    )


def _capable(found: list[Endpoint], body: dict[str, Any], wishes: dict[str, Any]) -> list[Endpoint]:
    if has_function_tools(body):
        found = [endpoint for endpoint in found if "tools" in endpoint.parameters]
        if not found:
            raise no_endpoints("that support tool use")
    limit = output_limit(body)
    if limit is not None:
        found = [one for one in found if (one.max_completion_tokens or limit) >= limit]
        if not found:
            raise no_endpoints(f"that support {limit} max tokens")
    if wishes.get("require_parameters"):
        needed = {name for name in body if name not in _ROUTING_FIELDS and body[name] is not None}
        found = [endpoint for endpoint in found if needed <= endpoint.parameters]
        if not found:
            raise no_endpoints("that can handle the requested parameters")
    return found


def _affordable(found: list[Endpoint], max_price: Any) -> list[Endpoint]:
    if not isinstance(max_price, dict):
        return found
    # USD per million tokens for prompt and completion, USD each for the others.
    units = {"prompt": 1_000_000, "completion": 1_000_000, "request": 1, "image": 1}
    kept = [
        endpoint
        for endpoint in found
        if all(
            endpoint.price(item) * unit <= Decimal(str(max_price[item]))
            for item, unit in units.items()
            if max_price.get(item) is not None
        )
    ]
    if not kept:
        raise no_endpoints("that match the requested max price")
    return kept


def _sorted(
    found: list[Endpoint], wishes: dict[str, Any], variants: tuple[str, ...]
) -> list[Endpoint]:
    sort = wishes.get("sort")
    by = sort.get("by") if isinstance(sort, dict) else sort
    by = by or ("throughput" if "nitro" in variants else None)
    by = by or ("price" if "floor" in variants else None)
    if by == "price":
        return sorted(found, key=lambda one: one.price("prompt") + one.price("completion"))
    if by == "throughput":
        return sorted(found, key=lambda one: -one.throughput)
    if by == "latency":
        return sorted(found, key=lambda one: one.latency)
    return found


def _ordered(found: list[Endpoint], order: list[str], *, fallbacks: bool) -> list[Endpoint]:
    first = [one for slug in order for one in found if matches(one, slug)]
    first = list(dict.fromkeys(first))
    rest = [one for one in found if one not in first]
    kept = first + rest if fallbacks else first
    if not kept:
        raise _no_allowed_provider(found, order)
    return kept


def has_function_tools(body: dict[str, Any]) -> bool:
    """Return whether a request has functions of the caller, not only server tools."""
    return any(tool.get("type", "function") == "function" for tool in body.get("tools") or ())


def output_limit(body: dict[str, Any]) -> int | None:
    """Return the request's limit of completion tokens, None for no limit."""
    limit = body.get("max_completion_tokens")
    if limit is None:
        limit = body.get("max_tokens")
    return None if limit is None else int(limit)
