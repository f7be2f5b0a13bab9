"""What an OpenAI batch file will cost: its lines' estimates, added up by model."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from openrouter_adapter.catalog.estimation import Estimate, estimate
from openrouter_adapter.catalog.prices import ZERO

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

    from openrouter_adapter.catalog.lookup import Catalog


@dataclass(slots=True)
class ModelTotal:
    """The requests to one model.

    Attributes:
        requests: How many there are.
        likely: USD, of those whose likely cost is known.
        worst: USD, of those whose worst cost is known.
        without_likely: Requests whose likely cost is not known.
        without_worst: Requests whose worst cost is not known.
    """

    requests: int = 0
    likely: Decimal = ZERO
    worst: Decimal = ZERO
    without_likely: int = 0
    without_worst: int = 0

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


@dataclass(slots=True)
class Totals:
    """A batch file's estimate.

    Attributes:
        models: By the model that the lines name.
        reasons: How many lines are unknown, by reason.
        broken: Lines that are no requests.
    """

    models: dict[str, ModelTotal] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    broken: int = 0

    def total(self) -> ModelTotal:
        """All models together."""
        whole = ModelTotal()
        for one in self.models.values():
            whole.requests += one.requests
            whole.likely += one.likely
            whole.worst += one.worst
            whole.without_likely += one.without_likely
            whole.without_worst += one.without_worst
        return whole

    def add(self, line: bytes, catalog: Catalog) -> None:
        """Adds one line of the file; an empty one is nothing."""
        if not line.strip():
            return
        request = _request(line)
        if request is None:
            self.broken += 1
            return
        body = request.get("body", request)
        model = str(body.get("model") or "(none)")
        estimated = estimate(request, catalog=catalog)
        self.models.setdefault(model, ModelTotal()).add(estimated)
        if estimated.unknown_because is not None:
            self.reasons[estimated.unknown_because] += 1


def estimate_file(file: Path, catalog: Catalog) -> Totals:
    """The estimate of a JSONL file of requests, in constant memory.

    Args:
        file: Lines as OpenAI's batch API takes them, or bare bodies of chats.
        catalog: The models and prices.

    Raises:
        OSError: the file can't be read.
    """
    totals = Totals()
    with file.open("rb") as lines:
        for line in lines:
            totals.add(line, catalog)
    return totals


def models_in(file: Path) -> list[str]:
    """The models that the requests of a file name, fallbacks among them, each once.

    Raises:
        OSError: the file can't be read.
    """
    names: dict[str, None] = {}
    with file.open("rb") as lines:
        for line in lines:
            request = _request(line)
            body = request.get("body", request) if request else {}
            models = body.get("models")
            for name in (body.get("model"), *(models if isinstance(models, list) else ())):
                if isinstance(name, str):
                    names[name] = None
    return list(names)


def _request(line: bytes) -> dict[str, Any] | None:
    try:
        request = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(request, dict) or not isinstance(request.get("body", {}), dict):
        return None
    return request
