"""`/models` with its filters, and the other lists of models, endpoints and providers."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from . import catalog
from .call import Route
from .catalog import PROVIDERS, models
from .clock import SECONDS_A_DAY
from .errors import ApiError, invalid_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .call import Call
    from .catalog import Endpoint, Model, Provider, Reasoning

_SAMPLING = (
    *("temperature", "top_p", "top_k"),
    *("frequency_penalty", "presence_penalty", "repetition_penalty"),
)
_OPENAI_EFFORTS = ("high", "medium", "low", "minimal")


def listing(shown: Sequence[Model] | None = None, total: int | None = None) -> dict[str, Any]:
    """Return a list of models as `/models` answers, of all listed ones by default.

    Args:
        shown: The models of a page, None for all listed ones.
        total: The number of models on all pages.
    """
    if shown is None:
        shown = listed()
    rows = [model_object(model) for model in shown]
    total = len(rows) if total is None else total
    return {"data": rows, "total_count": total, "links": {"next": None}}


def model_object(model: Model) -> dict[str, Any]:
    """Return one model as `/models` has it."""
    top = model.endpoints[0]
    wire: dict[str, Any] = {
        "id": model.id,
        "canonical_slug": model.canonical_slug,
        "hugging_face_id": None,
        "name": model.name,
        "created": model.created,
        "description": f"{model.name}, as the emulator serves it.",
        "context_length": model.context_length,
        "architecture": _architecture(model),
        "pricing": model.pricing,
        "top_provider": {
            "context_length": top.context_length,
            "max_completion_tokens": top.max_completion_tokens,
            "is_moderated": model.is_moderated,
        },
        "per_request_limits": None,
        "supported_parameters": sorted(model.parameters),
        "default_parameters": dict.fromkeys(_SAMPLING) if model.reasoning else {},
        "supported_voices": None,
        "knowledge_cutoff": None,
        "expiration_date": None,
        "links": {"details": f"/api/v1/models/{model.canonical_slug}/endpoints"},
    }
    if model.reasoning is not None:
        wire["reasoning"] = _reasoning(model.reasoning)
    return wire


def _reasoning(reasoning: Reasoning) -> dict[str, Any]:
    wire: dict[str, Any] = {"mandatory": reasoning.when == "always"}
    if reasoning.format == "openai-responses-v1":
        wire |= {"supported_efforts": list(_OPENAI_EFFORTS), "default_effort": "medium"}
    return wire


def endpoints_object(model: Model) -> dict[str, Any]:
    """Return the body of `GET /models/{author}/{slug}/endpoints`."""
    return {
        "data": {
            "id": model.id,
            "name": model.name,
            "created": model.created,
            "description": f"{model.name}, as the emulator serves it.",
            "architecture": _architecture(model),
            "endpoints": [endpoint_object(model, endpoint) for endpoint in model.endpoints],
        }
    }


def _architecture(model: Model) -> dict[str, Any]:
    return {
        "modality": f"{'+'.join(model.input)}->{'+'.join(model.output)}",
        "input_modalities": list(model.input),
        "output_modalities": list(model.output),
        "tokenizer": model.tokenizer,
        "instruct_type": None,
    }


def endpoint_object(model: Model, endpoint: Endpoint) -> dict[str, Any]:
    """Return one provider's offer of a model."""
    tool_choice = "tool_choice" in endpoint.parameters
    return {
        "name": f"{endpoint.provider} | {model.canonical_slug}",
        "model_id": model.id,
        "model_name": model.name,
        "context_length": endpoint.context_length,
        "pricing": {**endpoint.pricing, "discount": 0},
        "provider_name": endpoint.provider,
        "tag": endpoint.tag,
        "quantization": endpoint.quantization or "unknown",
        "max_completion_tokens": endpoint.max_completion_tokens,
        "max_prompt_tokens": None,
        "supported_parameters": sorted(endpoint.parameters),
        "supports_implicit_caching": False,
        "supports_diarization": False,
        "supports_tool_choice": dict.fromkeys(
            ("none", "auto", "required", "function"), tool_choice
        ),
        "native_tools": {},
        "service_tier": None,
        "status": 0,
        "uptime_last_5m": 100,
        "uptime_last_30m": 100,
        "uptime_last_1d": 100,
        "latency_last_30m": _percentiles(endpoint.latency * 1000),  # Milliseconds.
        "throughput_last_30m": _percentiles(endpoint.throughput),
    }


def _percentiles(median: float) -> dict[str, float]:
    return {"p50": median, "p75": median, "p90": median, "p99": median}


_MOST = 1000
_MILLION = 1_000_000


def _price(model: Model, item: str) -> Decimal:
    """Return USD per million tokens."""
    return Decimal(model.pricing.get(item, "0")) * _MILLION


# Values of a model, by the name of the filter; commas separate alternatives.
_ANY_OF: dict[str, Callable[[Model], Iterable[str]]] = {
    "input_modalities": lambda model: model.input,
    "output_modalities": lambda model: (*model.output, "all"),
    "model_authors": lambda model: [model.author],
    "providers": lambda model: (
        name.lower() for one in model.endpoints for name in (one.provider, one.slug)
    ),
    "arch": lambda model: [model.tokenizer.lower()],
}
# Values with bounds, by the name of the filter without min_ or max_.
_BOUNDS: dict[str, Callable[[Model, float], Decimal]] = {
    "price": lambda model, _: _price(model, "prompt"),
    "output_price": lambda model, _: _price(model, "completion"),
    "age_days": lambda model, now: Decimal(int(now) - model.created) / SECONDS_A_DAY,
}
_SORTS: dict[str, Callable[[Model], Any]] = {
    "newest": lambda model: -model.created,
    "pricing-low-to-high": lambda model: _price(model, "prompt"),
    "pricing-high-to-low": lambda model: -_price(model, "prompt"),
    "context-high-to-low": lambda model: -model.context_length,
    "throughput-high-to-low": lambda model: -max(one.throughput for one in model.endpoints),
    "latency-low-to-high": lambda model: min(one.latency for one in model.endpoints),
}


def listed() -> list[Model]:
    """Return the models that the lists show."""
    return [model for model in models() if model.listed]


def list_models(call: Call) -> dict[str, Any]:
    """Return the body of `GET /models`."""
    return _list(call, listed())


def list_user_models(call: Call) -> dict[str, Any]:
    """Return the body of `GET /models/user`: the models that the key's guardrails allow."""
    return _list(call, [model for model in listed() if _open_to(call, model)])


def list_embedding_models(call: Call) -> dict[str, Any]:
    """Return the body of `GET /embeddings/models`."""
    return _list(call, [model for model in listed() if "embeddings" in model.output])


def count(call: Call) -> dict[str, Any]:
    """Return the body of `GET /models/count`."""
    return {"data": {"count": len([model for model in listed() if _fits(call, model)])}}


def get_model(call: Call) -> dict[str, Any]:
    """Return the body of `GET /model/{author}/{slug}`."""
    return {"data": model_object(catalog.find("/".join(call.path)))}


def list_endpoints(call: Call) -> dict[str, Any]:
    """Return the body of `GET /models/{author}/{slug}/endpoints`."""
    return endpoints_object(catalog.find("/".join(call.path)))


def list_zdr_endpoints(_: Call) -> dict[str, Any]:
    """Return the body of `GET /endpoints/zdr`."""
    kept = [
        endpoint_object(model, endpoint)
        for model in listed()
        for endpoint in model.endpoints
        if catalog.has_zero_retention(endpoint)
    ]
    return {"data": kept}


def _list(call: Call, found: list[Model]) -> dict[str, Any]:
    found = [model for model in found if _fits(call, model)]
    sort = call.query.get("sort")
    if sort in _SORTS:
        found.sort(key=_SORTS[sort])
    return listing(call.page(found, _MOST), len(found))


def _open_to(call: Call, model: Model) -> bool:
    try:
        return bool(call.state.guardrails.permitted(call.state.key, model))
    except ApiError:
        return False


def _fits(call: Call, model: Model) -> bool:
    asked = call.query
    needed = set(filter(None, asked.get("supported_parameters", "").split(",")))
    words = asked.get("q", "").lower()
    return (
        all(_one_of(asked[name], has(model)) for name, has in _ANY_OF.items() if asked.get(name))
        and needed <= model.parameters
        and (words in model.id.lower() or words in model.name.lower())
        and model.context_length >= call.whole("context", 0, 0)
        and (not call.flag("zdr") or any(map(catalog.has_zero_retention, model.endpoints)))
        and all(_inside(call, name, has(model, call.state.now())) for name, has in _BOUNDS.items())
    )


def _one_of(wanted: str, has: Iterable[str]) -> bool:
    return not {word.strip().lower() for word in wanted.split(",")}.isdisjoint(has)


def _inside(call: Call, name: str, value: Decimal) -> bool:
    low, high = _bound(call, f"min_{name}"), _bound(call, f"max_{name}")
    return (low is None or value >= low) and (high is None or value <= high)


def _bound(call: Call, name: str) -> Decimal | None:
    given = call.query.get(name)
    try:
        return None if not given else Decimal(given)
    except InvalidOperation:
        raise invalid_body(f"{name}: Invalid input: expected number, received {given}") from None


def list_providers(_: Call) -> dict[str, Any]:
    """Return the body of `GET /providers`."""
    names = {one.slug: one.provider for model in models() for one in model.endpoints}
    return {
        "data": [_provider_object(one, names[one.slug]) for one in PROVIDERS if one.slug in names]
    }


def _provider_object(provider: Provider, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "slug": provider.slug,
        "headquarters": provider.country,
        "datacenters": [provider.country],
        "privacy_policy_url": f"https://{provider.site}/privacy",
        "terms_of_service_url": f"https://{provider.site}/terms",
        "status_page_url": f"https://status.{provider.site}",
    }


ROUTES = (
    Route("GET", "/models", list_models, "anybody"),
    Route("GET", "/models/count", count, "anybody"),
    Route("GET", "/models/user", list_user_models, "any key"),
    Route("GET", "/embeddings/models", list_embedding_models, "anybody"),
    Route("GET", "/model/{}/{}", get_model, "anybody"),
    Route("GET", "/models/{}/{}/endpoints", list_endpoints, "anybody"),
    Route("GET", "/endpoints/zdr", list_zdr_endpoints, "anybody"),
    Route("GET", "/providers", list_providers, "anybody"),
)
