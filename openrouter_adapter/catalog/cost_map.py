"""The catalogue as entries of LiteLLM's cost map, one for each name of each model.

LiteLLM looks names up exactly, so an id, its dated slug and each of their variants have a key.
See https://docs.litellm.ai/docs/providers/openrouter.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.catalog import prices
from openrouter_adapter.catalog.loading import load
from openrouter_adapter.wire import model_names

if TYPE_CHECKING:
    from openrouter_adapter.catalog.catalog import Catalog, Model

CostMapEntry = dict[str, Any]

# The wire's item, LiteLLM's field, and the item whose price counts if the wire has none.
_TOKEN_PRICES: Final = (
    ("prompt", "input_cost_per_token", ""),
    ("completion", "output_cost_per_token", ""),
    # Without a price of its own a cached token costs as much as any other.
    ("input_cache_read", "cache_read_input_token_cost", "prompt"),
    ("input_cache_write", "cache_creation_input_token_cost", "prompt"),
    ("input_cache_write_1h", "cache_creation_input_token_cost_above_1hr", ""),
    ("audio", "input_cost_per_audio_token", ""),
    ("input_audio_cache", "cache_read_input_audio_token_cost", ""),
    ("audio_output", "output_cost_per_audio_token", ""),
    ("image_token", "input_cost_per_image_token", ""),
    ("internal_reasoning", "output_cost_per_reasoning_token", ""),
)
# LiteLLM's cost map uses one name for the price of a request, its calculator the other.
_EACH_PRICES: Final = (
    ("request", "input_cost_per_request"),
    ("request", "input_cost_per_query"),
)
_BATCH_PRICES: Final = (
    ("prompt", "input_cost_per_token"),
    ("completion", "output_cost_per_token"),
)
# LiteLLM has fields for the prices of these above a threshold of tokens.
_TIERED: Final = frozenset(
    {"prompt", "completion", "input_cache_read", "input_cache_write", "input_cache_write_1h"}
)
_SEARCH_SIZES: Final = ("low", "medium", "high")

_MISSING: Final = object()
_lock = threading.RLock()
_ours: dict[str, CostMapEntry] = {}
_before: dict[str, Any] = {}
_listing_before: Any = _MISSING
_named: set[str] = set()


def register_prices(catalog: Catalog | None = None) -> int:
    """Registers the prices, limits and abilities of every model of the catalogue with LiteLLM.

    Afterwards `litellm.get_model_info`, `supports_vision`, `supports_function_calling`,
    `supports_reasoning`, `cost_per_token`, `completion_cost`, `get_max_tokens` and others know
    `openrouter/…` models. `litellm.get_valid_models` lists them, as does `/v1/models` of LiteLLM's
    proxy for a model `openrouter/*`. The cost of a response is still what OpenRouter billed. Only
    names that begin with `openrouter/` are added; entries that you registered yourself stay as they
    are. Another call updates the entries.

    Args:
        catalog: The models; None loads the catalogue (which may fetch it).

    Returns:
        The number of names that were added.

    Raises:
        One of LiteLLM's exceptions (see errors.py): there is no catalogue, and none could be
            fetched.
    """
    import litellm

    catalog = load() if catalog is None else catalog
    entries = entries_of(catalog)
    with _lock:
        _take_out()
        own = _registered_by_others()
        for key, entry in entries.items():
            if key in own:
                continue
            _before[key] = litellm.model_cost.get(key, _MISSING)
            litellm.model_cost[key] = _ours[key] = entry
        _list(catalog)
        _forget_lookups()
        return len(_ours)


def unregister_prices() -> None:
    """Removes from LiteLLM what `register_prices` added, and restores what was there before."""
    with _lock:
        _take_out()
        _forget_lookups()


def entries_of(catalog: Catalog) -> dict[str, CostMapEntry]:
    """LiteLLM's cost-map entries for every name of a catalogue, by LiteLLM's key."""
    entries: dict[str, CostMapEntry] = {}
    for name, model in catalog.names().items():
        entry = entry_of(model) | _batch_prices(catalog.in_batches(model))
        entries[f"openrouter/{name}"] = entry
        for variant in model_names.DYNAMIC:
            if f"{name}:{variant}" not in catalog.names():
                # A copy each, because LiteLLM changes an entry in place if its key is registered.
                entries.setdefault(f"openrouter/{name}:{variant}", dict(entry))
        if name.startswith("openrouter/"):
            # LiteLLM looks `openrouter/auto` up under both names.
            entries.setdefault(name, dict(entry))
    return entries


def entry_of(model: Model) -> CostMapEntry:
    """LiteLLM's cost-map entry for a model."""
    entry: CostMapEntry = {
        "litellm_provider": "openrouter",
        "mode": model.mode,
        "source": f"https://openrouter.ai/{model.id}",
        "supported_modalities": list(model.input_modalities),
        "supported_output_modalities": list(model.output_modalities),
    }
    limits = {
        "max_input_tokens": model.window,
        "max_output_tokens": model.max_completion_tokens or model.window,
        "max_tokens": model.max_completion_tokens or model.window,
    }
    entry |= {name: limit for name, limit in limits.items() if limit is not None}
    return entry | _prices(model.pricing) | _abilities(model)


def _prices(pricing: prices.Pricing) -> CostMapEntry:
    found: CostMapEntry = {}
    rates = pricing.rates()
    for item, field, otherwise in _TOKEN_PRICES:
        price = rates.get(item, rates.get(otherwise))
        if price is not None:
            found[field] = float(price)
    for item, field in _EACH_PRICES:
        if rates.get(item):
            found[field] = float(rates[item])
    found |= _image_prices(rates)
    if "web_search" in rates:
        search = float(rates["web_search"])
        found["search_context_cost_per_query"] = {
            f"search_context_size_{size}": search for size in _SEARCH_SIZES
        }
    for override in pricing.overrides:
        if override.min_prompt_tokens and not override.is_timed:
            found |= _tier(pricing.rates(override.min_prompt_tokens + 1), override)
    if pricing.overrides and rates.get("internal_reasoning") == rates.get("completion"):
        # With a price of its own, reasoning would keep the price of short prompts.
        found.pop("output_cost_per_reasoning_token", None)
    return found


def _batch_prices(model: Model | None) -> CostMapEntry:
    """LiteLLM's prices of a model in batches; empty if it has none."""
    rates = {} if model is None else model.pricing.rates()
    return {
        f"{field}_batches": float(rates[item]) for item, field in _BATCH_PRICES if item in rates
    }


def _image_prices(rates: prices.Rates) -> CostMapEntry:
    found: CostMapEntry = {}
    if "image" in rates:
        by_token = prices.image_is_by_token(rates)
        found["input_cost_per_image_token" if by_token else "input_cost_per_image"] = float(
            rates["image"]
        )
    if "image_output" in rates:
        by_token = prices.image_output_is_by_token(rates)
        found["output_cost_per_image_token" if by_token else "output_cost_per_image"] = float(
            rates["image_output"]
        )
    return found


def _tier(rates: prices.Rates, override: prices.Override) -> CostMapEntry:
    threshold = override.min_prompt_tokens
    size = f"{threshold // 1000}k" if threshold % 1000 == 0 else str(threshold)
    found: CostMapEntry = {}
    for item, field, otherwise in _TOKEN_PRICES:
        price = rates.get(item, rates.get(otherwise))
        if item in _TIERED and price is not None:
            found[f"{field}_above_{size}_tokens"] = float(price)
    return found


def _abilities(model: Model) -> CostMapEntry:
    parameters, rates = model.parameters, model.pricing.base
    inputs, outputs = model.input_modalities, model.output_modalities
    tools = "tools" in parameters
    thinks = bool(parameters & {"reasoning", "include_reasoning", "reasoning_effort"})
    return {
        "supports_function_calling": tools,
        "supports_parallel_function_calling": "parallel_tool_calls" in parameters,
        "supports_tool_choice": "tool_choice" in parameters,
        "supports_response_schema": "structured_outputs" in parameters,
        "supports_reasoning": thinks or isinstance(model.wire.get("reasoning"), dict),
        "supports_system_messages": model.mode == "chat",
        "supports_vision": "image" in inputs,
        # OpenRouter parses PDFs for models without file input.
        "supports_pdf_input": model.mode == "chat" or "file" in inputs,
        "supports_audio_input": "audio" in inputs,
        "supports_video_input": "video" in inputs,
        "supports_audio_output": "audio" in outputs or "speech" in outputs,
        "supports_prompt_caching": "input_cache_read" in rates,
        "supports_web_search": "web_search" in rates or "web_search_options" in parameters,
        "supports_native_streaming": model.mode in {"chat", "image_generation"},
    }


def _registered_by_others() -> set[str]:
    from litellm import utils

    return set(getattr(utils, "_runtime_registered_model_cost", ()))


def _take_out() -> None:
    import litellm

    own = _registered_by_others()
    for key, entry in _ours.items():
        if key in own or litellm.model_cost.get(key) is not entry:
            continue  # Since then it was registered again, or LiteLLM loaded another map.
        if _before[key] is _MISSING:
            del litellm.model_cost[key]
        else:
            litellm.model_cost[key] = _before[key]
    _ours.clear()
    _before.clear()
    _unlist()


def _list(catalog: Catalog) -> None:
    """Adds the models' ids to LiteLLM's list of OpenRouter's models.

    `models_by_provider` gets a new list, because the existing one, `litellm.openrouter_models`,
    also decides which provider a name without a prefix belongs to. LiteLLM 1.109 builds the list
    again from that set for each Router, so the ids, which all have the prefix, are added there too.
    """
    global _listing_before
    import litellm

    by_provider = litellm.models_by_provider
    _listing_before = by_provider.get("openrouter", _MISSING)
    listed = () if _listing_before is _MISSING else _listing_before
    ids = [f"openrouter/{model.id}" for model in catalog]
    by_provider["openrouter"] = list(dict.fromkeys([*listed, *ids]))
    _named.update(set(ids) - litellm.openrouter_models)
    litellm.openrouter_models.update(_named)


def _unlist() -> None:
    global _listing_before
    import litellm

    litellm.openrouter_models.difference_update(_named)
    _named.clear()
    if _listing_before is not _MISSING:
        litellm.models_by_provider["openrouter"] = _listing_before
        _listing_before = _MISSING


def _forget_lookups() -> None:
    """Clears LiteLLM's cache of found and missing names."""
    from litellm import utils

    forget = getattr(utils, "_invalidate_model_cost_lowercase_map", None)
    if forget is not None:
        forget()
