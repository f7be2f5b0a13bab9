"""What requests will cost, by the catalogue: for budgets, `batch run --dry-run` and `estimate`."""

from __future__ import annotations

import contextlib
import functools
import itertools
from array import array
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from openrouter_adapter import catalog, money
from openrouter_adapter.batch import validation
from openrouter_adapter.batch.inspection import Inspection
from openrouter_adapter.batch.model_check import ModelCheck
from openrouter_adapter.catalog.lazy import LazyCatalog

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping

    from openrouter_adapter.batch.requests import Request
    from openrouter_adapter.catalog import Catalog, Estimate

# Picodollars that fit into 8 bytes.
_MOST_KEPT: Final = 2**63 - 1


@dataclass(slots=True)
class Total:
    """What requests of one model, or all, will cost. Amounts are in USD.

    Attributes:
        requests: Number of requests.
        likely: Likely cost of those whose likely cost is known.
        worst: Cost at worst of those whose worst case is known.
        batch: Likely cost in OpenRouter's Batch API of those whose cost there is known.
        without_likely: Number of requests whose likely cost isn't known.
        without_worst: Number of requests whose worst case isn't known.
        without_batch: Number of requests whose cost in the Batch API isn't known.
        unknown: Number of requests whose likely cost or worst case isn't known.
        unknown_because: The reason for the first of them.
    """

    requests: int = 0
    likely: Decimal = Decimal(0)
    worst: Decimal = Decimal(0)
    batch: Decimal = Decimal(0)
    without_likely: int = 0
    without_worst: int = 0
    without_batch: int = 0
    unknown: int = 0
    unknown_because: str | None = None

    def add(self, estimate: Estimate) -> None:
        """Adds a request."""
        self.requests += 1
        self.likely += estimate.likely or 0
        self.worst += estimate.worst or 0
        self.batch += estimate.batch or 0
        self.without_likely += estimate.likely is None
        self.without_worst += estimate.worst is None
        self.without_batch += estimate.batch is None
        if estimate.likely is None or estimate.worst is None:
            self.unknown += 1
            self.unknown_because = self.unknown_because or estimate.unknown_because

    def as_json(self) -> dict[str, Any]:
        """The values for JSON; amounts as exact text."""
        return {
            "requests": self.requests,
            "likely_usd": format(self.likely, "f"),
            "worst_usd": format(self.worst, "f"),
            "unknown": self.unknown,
            "unknown_because": self.unknown_because,
        }


@dataclass(slots=True)
class Totals:
    """What the requests of a file will cost.

    Attributes:
        total: All requests.
        models: Those of each model.
        reasons: Number of requests with an unknown cost, by reason.
        broken: Number of lines that are not requests.
        first_broken: Number of the first of these lines.
    """

    total: Total = field(default_factory=Total)
    models: dict[str, Total] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    broken: int = 0
    first_broken: int | None = None

    def add(self, model: str, estimate: Estimate) -> None:
        """Adds a request."""
        self.total.add(estimate)
        self.models.setdefault(model, Total()).add(estimate)
        if estimate.unknown_because is not None:
            self.reasons[estimate.unknown_because] += 1


@dataclass
class Prices:
    """The catalogue as a job uses it; the providers of each model are fetched once.

    Attributes:
        totals: The sums of all requests that were looked at.
        at_half_price: Likely cost of a new job in OpenRouter's Batch API, in USD, if it goes the
            usual way although all of its requests could go there; otherwise None.
    """

    api_key: str | None = None
    api_base: str | None = None
    totals: Totals = field(default_factory=Totals)
    at_half_price: Decimal | None = None
    _catalog: LazyCatalog | None = None
    # What `look_in_batch` found by line, in picodollars, -1 for nothing: 8 bytes a line.
    _worst_by_line: array[int] = field(default_factory=lambda: array("q"))

    def estimate(self, request: Request) -> Estimate:
        """What a request will cost.

        Raises:
            One of LiteLLM's exceptions: there is no catalogue, and none could be fetched.
        """
        found = self._lazy().of_request(request.body)
        return catalog.bound(request.body, request.route.path, found)

    def _lazy(self) -> LazyCatalog:
        if self._catalog is None:
            self._catalog = LazyCatalog(self.known, self._load_endpoints)
        return self._catalog

    @functools.cached_property
    def known(self) -> Catalog:
        """The models and prices.

        Raises:
            One of LiteLLM's exceptions: there is no catalogue, and none could be fetched.
        """
        return catalog.load(api_key=self.api_key, base_url=self.api_base)

    def _load_endpoints(self, known: Catalog, models: list[str]) -> Catalog:
        # The providers may not be available now: the estimate says so.
        with contextlib.suppress(Exception):
            return catalog.load_endpoints(
                known, models, api_key=self.api_key, base_url=self.api_base
            )
        return known

    def look(self, request: Request) -> str | None:
        """Adds a request to the totals; returns why a budget can't allow it, None if it can."""
        estimate = self.estimate(request)
        self.totals.add(request.model, estimate)
        if estimate.worst is not None:
            return None
        return (
            f"a budget needs a bound to its cost: {estimate.unknown_because}. "
            "Give max_tokens, or provider.max_price"
        )

    def look_in_batch(self, request: Request) -> str | None:
        """Like `look`, for a request that goes to OpenRouter's Batch API."""
        estimate = self._in_batch(request)
        self.totals.add(request.model, estimate)
        if estimate.worst is not None:
            self._keep_worst(request.line, money.picodollars_up(estimate.worst))
            return None
        return f"a budget needs a bound to its cost: {estimate.unknown_because}. Give max_tokens"

    def worst(self, request: Request) -> int | None:
        """The most that a request can cost, in picodollars; None if there is no bound."""
        worst = self.estimate(request).worst
        return None if worst is None else money.picodollars_up(worst)

    def worst_in_batch(self, request: Request) -> int | None:
        """Like `worst`, in OpenRouter's Batch API; not calculated again after `look_in_batch`."""
        kept = self._worst_by_line
        if request.line < len(kept) and kept[request.line] >= 0:
            return kept[request.line]
        worst = self._in_batch(request).worst
        return None if worst is None else money.picodollars_up(worst)

    def _keep_worst(self, line: int, worst: int) -> None:
        kept = self._worst_by_line
        if len(kept) <= line and worst <= _MOST_KEPT:
            kept.extend(itertools.repeat(-1, line - len(kept)))
            kept.append(worst)

    def likely_in_batch(self, request: Request) -> Decimal | None:
        """The likely cost of a request in OpenRouter's Batch API, in USD; None if not known."""
        return self._in_batch(request).likely

    def _in_batch(self, request: Request) -> Estimate:
        return catalog.batch_bound(request.body, request.route.path, self.known)


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a job would cost. Amounts are in USD.

    Attributes:
        requests: Number of requests.
        total: What all requests will cost.
        models: What those of each model will cost.
        at_half_price: Likely cost in OpenRouter's Batch API, if all requests could go there and
            `half_price` was not asked for; otherwise None.
    """

    requests: int
    total: Total
    models: Mapping[str, Total]
    at_half_price: Decimal | None = None

    def as_json(self) -> dict[str, Any]:
        """The values for JSON; amounts as exact text."""
        return {
            **self.total.as_json(),
            "at_half_price_usd": (
                None if self.at_half_price is None else format(self.at_half_price, "f")
            ),
            "models": {name: one.as_json() for name, one in self.models.items()},
        }


def dry_run(
    source: str | os.PathLike[str],
    *,
    model: str | None = None,
    skip_faulty: bool = False,
    keep_going: bool = False,
    half_price: bool = False,
    rest: str | None = None,
    api_key: str | None = None,
    api_base: str | None = None,
) -> DryRun:
    """Checks a file and calculates what it would cost. Sends nothing; fetches prices.

    Args:
        source: As for `run`.
        model: Replaces every line's own model.
        skip_faulty: Whether invalid lines are left out.
        keep_going: Whether names of models that OpenRouter doesn't have are allowed.
        half_price: Whether requests would go to OpenRouter's Batch API.
        rest: "send" if those that can't go there would be sent the usual way.
        api_key: The API key; None looks for it as every call of the adapter does.
        api_base: The API's base URL; None likewise.

    Raises:
        FaultyInput: the file has invalid lines.
        One of LiteLLM's exceptions: there is no catalogue, and none could be fetched.
    """
    prices = Prices(api_key, api_base)
    inspection = Inspection(
        prices,
        None if keep_going else ModelCheck(api_key, api_base),
        half_price=half_price,
        sends_rest=rest == "send",
        estimates=True,
        needs_bound=False,
    )
    checked = validation.check(Path(source), model, inspect=inspection)
    if checked.fault_count and not skip_faulty:
        checked.refuse(Path(source))
    found = prices.totals
    return DryRun(found.total.requests, found.total, found.models, inspection.at_half_price)


def of_lines(
    lines: Iterable[tuple[int, bytes]],
    known: Catalog,
    widen: Callable[[Catalog, list[str]], Catalog] | None = None,
) -> Totals:
    """What the lines of a file will cost, whether or not a job could send them.

    Args:
        lines: Numbered lines, as OpenAI's batch API takes them or just the bodies of chats.
        known: The models and prices.
        widen: Adds the providers of some models to a catalogue; None leaves them unknown.
    """

    def load(found: Catalog, models: list[str]) -> Catalog:
        # A router has no providers of its own, and no price.
        priced = [name for name in models if found[name].pricing.is_known]
        return widen(found, priced) if widen is not None and priced else found

    totals, lazy = Totals(), LazyCatalog(known, load)
    for number, line in lines:
        request = _request(line)
        if request is None:
            totals.broken += 1
            totals.first_broken = totals.first_broken or number
            continue
        body = request.get("body", request)
        names, found = catalog.names_of(body), lazy.of_request(body)
        totals.add(names[0] if names else "(none)", catalog.estimate(request, catalog=found))
    return totals


def _request(line: bytes) -> dict[str, Any] | None:
    try:
        request = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(request, dict) or not isinstance(request.get("body", {}), dict):
        return None
    return request
