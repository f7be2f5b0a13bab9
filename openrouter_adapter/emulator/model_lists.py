"""The lists of models: `/models` with its filters, and the ones beside it."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from . import catalog, providers
from .call import Route
from .clock import SECONDS_A_DAY
from .errors import ApiError, invalid_body
from .models import endpoint_object, endpoints_object, listing, model_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .call import Call
    from .catalog import Model

_MOST = 1000
_MILLION = 1_000_000


def _price(model: Model, item: str) -> Decimal:
    """Return USD per million tokens."""
    return Decimal(model.pricing.get(item, "0")) * _MILLION


# What a model must have, by the name of the parameter that asks; commas part alternatives.
_ANY_OF: dict[str, Callable[[Model], Iterable[str]]] = {
    "input_modalities": lambda model: model.input,
    "output_modalities": lambda model: (*model.output, "all"),
    "model_authors": lambda model: [model.author],
    "providers": lambda model: (
        name.lower() for one in model.endpoints for name in (one.provider, one.slug)
    ),
    "arch": lambda model: [model.tokenizer.lower()],
}
# Bounds, by the name of the parameter without its min_ or max_.
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
    return [model for model in catalog.models() if model.listed]


def list_models(call: Call) -> dict[str, Any]:
    """Return the body of `GET /models`."""
    return _list(call, listed())


def list_user_models(call: Call) -> dict[str, Any]:
    """Return the body of `GET /models/user`: what the key's guardrails leave."""
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
        if providers.keeps_nothing(endpoint)
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
        and (not call.flag("zdr") or any(map(providers.keeps_nothing, model.endpoints)))
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


ROUTES = (
    Route("GET", "/models", list_models, "anybody"),
    Route("GET", "/models/count", count, "anybody"),
    Route("GET", "/models/user", list_user_models, "any key"),
    Route("GET", "/embeddings/models", list_embedding_models, "anybody"),
    Route("GET", "/model/{}/{}", get_model, "anybody"),
    Route("GET", "/models/{}/{}/endpoints", list_endpoints, "anybody"),
    Route("GET", "/endpoints/zdr", list_zdr_endpoints, "anybody"),
)
