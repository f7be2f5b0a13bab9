"""What requests may cost, by the catalogue: for budgets and for `--dry-run`."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from openrouter_adapter import catalog, money

if TYPE_CHECKING:
    from openrouter_adapter.batch.requests import Request


@dataclass(slots=True)
class Expected:
    """What requests of one model, or all, will cost. Amounts are in USD.

    Attributes:
        requests: How many.
        likely: What those with a known price will probably cost.
        worst: What they can't pass.
        unknown: How many have no price or no bound.
        unknown_because: Why, of the first of them.
    """

    requests: int = 0
    likely: Decimal = Decimal(0)
    worst: Decimal = Decimal(0)
    unknown: int = 0
    unknown_because: str | None = None

    def add(self, estimate: catalog.Estimate) -> None:
        """Counts a request."""
        self.requests += 1
        self.likely += estimate.likely or 0
        self.worst += estimate.worst or 0
        if estimate.likely is None or estimate.worst is None:
            self.unknown += 1
            self.unknown_because = self.unknown_because or estimate.unknown_because

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values; amounts as exact texts."""
        return {
            "requests": self.requests,
            "likely_usd": format(self.likely, "f"),
            "worst_usd": format(self.worst, "f"),
            "unknown": self.unknown,
            "unknown_because": self.unknown_because,
        }


@dataclass(slots=True)
class Prices:
    """The catalogue as a job uses it; providers of each model are asked for once.

    Attributes:
        total: What all requests seen by `look` will cost.
        models: The same by model.
    """

    api_key: str | None = None
    api_base: str | None = None
    total: Expected = field(default_factory=Expected)
    models: dict[str, Expected] = field(default_factory=dict)
    _catalog: catalog.Catalog | None = None
    _known: set[str] = field(default_factory=set)

    def estimate(self, request: Request) -> catalog.Estimate:
        """What a request will cost.

        Raises:
            One of LiteLLM's exceptions: there is no catalogue, and none could be fetched.
        """
        if self._catalog is None:
            self._catalog = catalog.load(api_key=self.api_key, base_url=self.api_base)
        for name in catalog.names_of(request.body):
            if name not in self._known:
                self._known.add(name)
                # Not every name is a model, and a model's providers may not be told right now:
                # the estimate says so.
                with contextlib.suppress(Exception):
                    self._catalog = catalog.load_endpoints(
                        self._catalog, [name], api_key=self.api_key, base_url=self.api_base
                    )
        return catalog.bound(request.body, request.endpoint.path, self._catalog)

    def look(self, request: Request) -> str | None:
        """Adds a request to the totals; why a budget can't take it, None where it can."""
        estimate = self.estimate(request)
        self.total.add(estimate)
        self.models.setdefault(request.model, Expected()).add(estimate)
        if estimate.worst is not None:
            return None
        return (
            f"a budget needs to know what it can cost at most: {estimate.unknown_because}. "
            "Give max_tokens, or provider.max_price"
        )

    def worst(self, request: Request) -> int | None:
        """Picodollars that a request can't pass, None where there is no bound."""
        worst = self.estimate(request).worst
        return None if worst is None else money.picodollars_up(worst)
