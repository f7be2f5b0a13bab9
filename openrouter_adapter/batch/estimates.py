"""What requests may cost, by the catalogue: for budgets and for `batch run --dry-run`."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openrouter_adapter import catalog, money
from openrouter_adapter.batch import validation
from openrouter_adapter.batch.exceptions import FaultyInput

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

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
        return catalog.bound(request.body, request.route.path, self._catalog)

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


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a job would be and cost. Amounts are in USD.

    Attributes:
        requests: How many it holds.
        total: What all will cost.
        models: The same by model.
    """

    requests: int
    total: Expected
    models: Mapping[str, Expected]

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values; amounts as exact texts."""
        return {
            **self.total.as_json(),
            "models": {name: one.as_json() for name, one in self.models.items()},
        }


def dry_run(
    source: str | os.PathLike[str],
    *,
    model: str | None = None,
    skip_faulty: bool = False,
    api_key: str | None = None,
    api_base: str | None = None,
) -> DryRun:
    """Checks a file and says what it would cost; sends nothing but asks for prices.

    Args:
        source: As `run` takes it.
        model: Takes the place of every line's own model.
        skip_faulty: Whether lines that can't be sent are left out.
        api_key: None to look for it as every call of the adapter does.
        api_base: The same.

    Raises:
        FaultyInput: it has lines that can't be sent.
        One of LiteLLM's exceptions: there is no catalogue, and none could be fetched.
    """
    prices = Prices(api_key, api_base)

    def look(request: Any) -> None:
        prices.look(request)

    checked = validation.check(Path(source), model, look=look)
    if checked.fault_count and not skip_faulty:
        raise FaultyInput(str(source), checked.faults, checked.fault_count)
    return DryRun(prices.total.requests, prices.total, prices.models)
