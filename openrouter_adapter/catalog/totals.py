"""What an OpenAI batch file will cost: its lines' estimates, added up by model."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from openrouter_adapter.catalog.estimates.estimate import Estimate, estimate
from openrouter_adapter.catalog.prices import ZERO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from decimal import Decimal

    from openrouter_adapter.catalog.catalog import Catalog


@dataclass(slots=True)
class ModelTotal:
    """The requests to one model.

    Attributes:
        requests: How many there are.
        likely: USD, of those whose likely cost is known.
        worst: USD, of those whose worst cost is known.
        without_likely: Requests whose likely cost is not known.
        without_worst: Requests whose worst cost is not known.
        batch: USD in OpenRouter's Batch API, of those whose cost there is known.
        without_batch: Requests whose cost there is not known.
    """

    requests: int = 0
    likely: Decimal = ZERO
    worst: Decimal = ZERO
    without_likely: int = 0
    without_worst: int = 0
    batch: Decimal = ZERO
    without_batch: int = 0

    def add(self, estimated: Estimate) -> None:
        """Adds one request."""
        self.requests += 1
        if estimated.likely is None:
            self.without_likely += 1
        else:
            self.likely += estimated.likely
        if estimated.worst is None:
            self.without_worst += 1
        else:
            self.worst += estimated.worst
        if estimated.batch is None:
            self.without_batch += 1
        else:
            self.batch += estimated.batch


@dataclass(slots=True)
class Totals:
    """A batch file's estimate.

    Attributes:
        models: By the model that the lines name.
        reasons: How many lines are unknown, by reason.
        broken: How many lines are no requests.
        first_broken: The number of the first of them, None where there is none.
    """

    models: dict[str, ModelTotal] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    broken: int = 0
    first_broken: int | None = None

    def total(self) -> ModelTotal:
        """All models together."""
        whole = ModelTotal()
        for one in self.models.values():
            whole.requests += one.requests
            whole.likely += one.likely
            whole.worst += one.worst
            whole.without_likely += one.without_likely
            whole.without_worst += one.without_worst
            whole.batch += one.batch
            whole.without_batch += one.without_batch
        return whole

    def add(self, request: Mapping[str, Any], catalog: Catalog) -> None:
        """Adds one line of the file."""
        estimated = estimate(request, catalog=catalog)
        name = next(iter(_models_of(request)), "(none)")
        self.models.setdefault(name, ModelTotal()).add(estimated)
        if estimated.unknown_because is not None:
            self.reasons[estimated.unknown_because] += 1


def estimate_lines(
    lines: Iterable[tuple[int, bytes]],
    catalog: Catalog,
    widen: Callable[[Catalog, list[str]], Catalog] | None = None,
) -> Totals:
    """The estimate of a file of requests, in constant memory.

    Args:
        lines: With their numbers: as OpenAI's batch API takes them, or bare bodies of chats.
        catalog: The models and prices.
        widen: Adds the providers of some models to a catalogue; None leaves them unknown.
    """
    totals = Totals()
    seen: set[str] = set()
    for number, line in lines:
        request = _request(line)
        if request is None:
            totals.broken += 1
            totals.first_broken = totals.first_broken or number
            continue
        if widen is not None:
            fresh = [name for name in _models_of(request) if name not in seen]
            seen.update(fresh)
            # A router has no providers of its own, and no price.
            named = [name for name in fresh if name in catalog and catalog[name].pricing.is_known]
            catalog = widen(catalog, named) if named else catalog
        totals.add(request, catalog)
    return totals


def _models_of(request: Mapping[str, Any]) -> list[str]:
    """The models that a request names, fallbacks among them, in its order."""
    body = request.get("body", request)
    fallbacks = body.get("models")
    names = [body.get("model"), *(fallbacks if isinstance(fallbacks, list) else ())]
    return [name for name in names if isinstance(name, str) and name]


def _request(line: bytes) -> dict[str, Any] | None:
    try:
        request = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(request, dict) or not isinstance(request.get("body", {}), dict):
        return None
    return request
