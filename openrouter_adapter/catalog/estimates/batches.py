"""Prices in OpenRouter's Batch API: the bound of a request's cost, and whether it is cheaper there.

A model's prices there are those of the catalogue's row `author/model:batch`. They are typically
half of the standard ones, but not for every kind of token or every model. See
https://openrouter.ai/docs/batch-quickstart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import money
from openrouter_adapter.catalog.catalog import Found
from openrouter_adapter.catalog.estimates import estimate as estimates
from openrouter_adapter.catalog.estimates import kinds
from openrouter_adapter.catalog.estimates.providers import Providers
from openrouter_adapter.catalog.prices import ZERO

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openrouter_adapter.catalog.catalog import Catalog, Model
    from openrouter_adapter.catalog.estimates.estimate import Estimate

# The kinds of tokens whose prices are compared, each with its substitute if a row lacks it.
_TOKENS: Final = {
    "prompt": None,
    "completion": None,
    "input_cache_read": "prompt",
    "input_cache_write": "prompt",
    "internal_reasoning": "completion",
    "audio": "prompt",
    "image_output": "completion",
}
_MILLION: Final = 1_000_000
_NO_PRICE: Final = "it has no price in OpenRouter's Batch API"


def batch_bound(body: Mapping[str, Any], endpoint: str, catalog: Catalog) -> Estimate:
    """The likely cost and the worst case of a request in a batch, in USD.

    Args:
        body: The body that would be sent.
        endpoint: The path, such as `/chat/completions`.
        catalog: The models and prices.
    """
    found = catalog.find(str(body.get("model")))
    row = None if found is None else catalog.in_batches(found.model)
    kind = kinds.KINDS.get(endpoint)
    if row is None or kind is None:
        return estimates.Estimate(None, None, f"model {body.get('model')}: {_NO_PRICE}")
    serving = Providers((row.first_endpoint,), row.pricing, are_known=True)
    return estimates.of_text(Found(row), body, kind, serving, None)


def not_cheaper(model: Model, in_batches: Model | None) -> str | None:
    """The reason why batches save nothing for a model, None if they do.

    At least one kind of token must cost less in batches, and none may cost more. A free model's
    batches are accepted, too.

    Args:
        model: The row of the catalogue with the standard prices.
        in_batches: The row with the Batch API's prices; None if there is none.
    """
    if in_batches is None:
        return f"{model.id} has no price in OpenRouter's Batch API"
    standard, batch = model.pricing.rates(), in_batches.pricing.rates()
    saves = False
    for kind, otherwise in _TOKENS.items():
        usual, there = (
            rates.get(kind, rates.get(otherwise or "", ZERO)) for rates in (standard, batch)
        )
        if there > usual:
            return (
                f"{in_batches.id} is more expensive than {model.id}: {kind} costs USD "
                f"{money.plain(there * _MILLION)} in batches and {money.plain(usual * _MILLION)} "
                "otherwise, for a million tokens"
            )
        saves = saves or there < usual
    if saves or not any(standard.values()):
        return None
    return f"{in_batches.id} costs as much as {model.id}"
