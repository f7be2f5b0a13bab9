"""Which requests can go to OpenRouter's Batch API, at a lower price.

See https://openrouter.ai/docs/batch-quickstart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import catalog
from openrouter_adapter.batches import wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openrouter_adapter.batch.estimates import Prices
    from openrouter_adapter.batch.requests import Request
    from openrouter_adapter.catalog import Model

# The fields of `provider` that a batch takes: they apply to all of its requests.
_OF_PROVIDER: Final = frozenset({"only", "allow_fallbacks"})


class Eligibility:
    """Decides for each request whether a batch takes it and saves money.

    Models that OpenRouter itself refuses in batches can be added while a job runs.
    """

    def __init__(self, prices: Prices) -> None:
        """Takes the catalogue's prices."""
        self._prices = prices
        self._models: dict[str, str | None] = {}

    def refusal(self, request: Request) -> str | None:
        """The reason why a request can't go into a batch, without full stop; None if it can.

        Raises:
            One of LiteLLM's exceptions: there is no catalogue, and none could be fetched.
        """
        endpoint = request.route.in_batches
        if endpoint is None:
            return "the Batch API can't generate images"
        if request.model not in self._models:
            self._models[request.model] = self._of_model(request.model)
        return (
            self._models[request.model]
            or wire.refusal(endpoint, request.body)
            or _of_provider(request.body)
        )

    def refuse_model(self, model: str, reason: str) -> None:
        """Notes that OpenRouter takes no batches for a model."""
        self._models[model] = reason

    def row(self, name: str) -> Model | None:
        """The catalogue's row with a model's prices in batches; None if there is none."""
        found = self._prices.known.find(name)
        return None if found is None else self._prices.known.in_batches(found.model)

    def _of_model(self, name: str) -> str | None:
        found = self._prices.known.find(name)
        if found is None:
            return f"model {name} is not in the catalogue, so its price in batches is not known"
        if found.variants:
            variants = ", ".join(f":{one}" for one in sorted(found.variants))
            return f"model {name}: the Batch API doesn't accept {variants}"
        return catalog.not_cheaper(found.model, self._prices.known.in_batches(found.model))


def _of_provider(body: Mapping[str, Any]) -> str | None:
    given = body.get("provider")
    if not isinstance(given, dict) or given.keys() <= _OF_PROVIDER:
        return None
    others = ", ".join(sorted(given.keys() - _OF_PROVIDER))
    return f"provider has {others}; in a batch, it accepts the fields only and allow_fallbacks"
