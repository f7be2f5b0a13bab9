"""OpenRouter's models and prices: cached on disk, registered with LiteLLM, used for estimates.

>>> from openrouter_adapter import catalog
>>> catalog.register_prices()
>>> catalog.estimate({"model": "openai/gpt-4o-mini", "messages": […], "max_tokens": 100})
"""

from openrouter_adapter.catalog.catalog import Catalog, Endpoint, Found, Model
from openrouter_adapter.catalog.cost_map import register_prices, unregister_prices
from openrouter_adapter.catalog.estimates.batches import batch_bound, not_cheaper
from openrouter_adapter.catalog.estimates.estimate import (
    Details,
    Estimate,
    bound,
    estimate,
    names_of,
)
from openrouter_adapter.catalog.loading import (
    MAX_AGE,
    CatalogUnavailableError,
    load,
    load_endpoints,
    load_image_models,
    load_video_models,
)
from openrouter_adapter.catalog.prices import Pricing, cost

__all__ = [
    "MAX_AGE",
    "Catalog",
    "CatalogUnavailableError",
    "Details",
    "Endpoint",
    "Estimate",
    "Found",
    "Model",
    "Pricing",
    "batch_bound",
    "bound",
    "cost",
    "estimate",
    "load",
    "load_endpoints",
    "load_image_models",
    "load_video_models",
    "names_of",
    "not_cheaper",
    "register_prices",
    "unregister_prices",
]
