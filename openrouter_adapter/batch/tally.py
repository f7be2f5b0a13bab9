"""What a job has come to so far: counts, tokens, cost and latencies, in memory of fixed size."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# Latencies are counted in steps of 2 %.
_STEP: Final = math.log(1.02)
_PERCENTILES: Final = (50, 90, 95, 99)


class Latencies:
    """A count for each 2 % step of latency, from which percentiles are read."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.longest = 0.0

    def add(self, seconds: float) -> None:
        """Counts one."""
        self._counts[math.floor(math.log(max(seconds, 1e-4)) / _STEP)] += 1
        self.longest = max(self.longest, seconds)

    def add_all(self, other: Latencies) -> None:
        """Counts what another has counted."""
        self._counts.update(other._counts)
        self.longest = max(self.longest, other.longest)

    def percentile(self, percent: float) -> float | None:
        """Seconds that so many percent took at most, to within 2 %; None for no latencies."""
        left = self._counts.total() * percent / 100
        for step in sorted(self._counts):
            left -= self._counts[step]
            if left <= 0:
                return min(math.exp((step + 1) * _STEP), self.longest)
        return None

    def as_json(self) -> dict[str, Any]:
        """All that is known, as JSON values."""
        return {"longest": self.longest, "counts": list(self._counts.items())}

    @classmethod
    def of_json(cls, fields: Mapping[str, Any]) -> Latencies:
        """The same back."""
        found = cls()
        found.longest, found._counts = fields["longest"], Counter(dict(fields["counts"]))
        return found

    def summary(self) -> dict[str, float | None]:
        """Percentiles by name, seconds."""
        found = {f"p{percent}": self.percentile(percent) for percent in _PERCENTILES}
        found["max"] = self.longest or None
        return {name: None if s is None else round(s, 3) for name, s in found.items()}


@dataclass(slots=True)
class Share:
    """What fell to one model or provider. Cost is in USD."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: Decimal = Decimal(0)

    def summary(self) -> dict[str, Any]:
        """The same for JSON, the cost as exact text."""
        return {
            "requests": self.requests,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "cost_usd": format(self.cost, "f"),
        }


@dataclass(slots=True)
class Tally:
    """Counts of what is in the result files.

    Attributes:
        done: Answers.
        failed: Requests that failed for good.
        all: Everything together; `models` and `providers` split it.
        failures: How many of each exception class.
        latencies: Of the answers, seconds.
    """

    done: int = 0
    failed: int = 0
    all: Share = field(default_factory=Share)
    models: dict[str, Share] = field(default_factory=dict)
    providers: dict[str, Share] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)
    latencies: Latencies = field(default_factory=Latencies)

    def add_result(
        self,
        model: str | None,
        provider: str | None,
        tokens: tuple[int, int],
        cost: Decimal | None,
        latency: float,
    ) -> None:
        """Counts an answer; cost in USD, latency in seconds."""
        self.done += 1
        self.latencies.add(latency)
        for share in (self.all, *self._shares(model, provider)):
            share.requests += 1
            share.prompt_tokens += tokens[0]
            share.completion_tokens += tokens[1]
            if cost is not None:
                share.cost += cost

    def add_failure(self, kind: str, cost: Decimal | None) -> None:
        """Counts a failure; one that was charged counts for the whole cost only."""
        self.failed += 1
        self.failures[kind] += 1
        if cost is not None:
            self.all.cost += cost

    def add_head(self, fields: Mapping[str, Any], cost: Decimal | None) -> None:
        """Counts a line of a result file, by the fields before its response."""
        if fields.get("error"):
            self.add_failure(fields["error"]["code"], cost)
            return
        tokens = fields["prompt_tokens"], fields["completion_tokens"]
        self.add_result(fields["model"], fields["provider"], tokens, cost, fields["latency_s"])

    def _shares(self, model: str | None, provider: str | None) -> tuple[Share, Share]:
        return (
            self.models.setdefault(model or "unknown", Share()),
            self.providers.setdefault(provider or "unknown", Share()),
        )
