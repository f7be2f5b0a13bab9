"""What a job has come to: for summary.json, for `batch status`, and as the value of `run`."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from openrouter_adapter.batch.accounting import JobBudget
    from openrouter_adapter.batch.journal import JournalState
    from openrouter_adapter.batch.results import Attempt

# Latencies are counted in steps of 2 %.
_STEP: Final = math.log(1.02)
_PERCENTILES: Final = (50, 90, 95, 99)

# The fields that JSON has under the same name and with the same value.
_PLAIN: Final = (
    *("requests", "done", "failed", "retries", "runs", "unsettled", "in_the_air"),
    *("prompt_tokens", "completion_tokens", "models", "providers", "failures"),
    *("seconds", "stopped", "running"),
)


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


_COUNTS: Final = (
    *("done", "failed", "retries", "unsettled", "prompt_tokens", "completion_tokens"),
)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a job has come to, over all its runs. Amounts are in USD.

    Attributes:
        folder: Where its files are.
        requests: How many there are.
        done: How many were answered.
        failed: How many failed for good.
        retries: Attempts that failed and were followed by another.
        runs: How often it was started.
        cost: What was charged, failed attempts included.
        unsettled: How many attempts' costs aren't known.
        unsettled_cost: What they may have cost at worst, as far as the budget knows.
        in_the_air: Attempts that a killed run had sent and whose outcome is lost, by their id.
        budget: The limit, None for none.
        prompt_tokens: Tokens of all prompts that were answered.
        completion_tokens: Tokens of all answers.
        models: Requests, tokens and cost by model.
        providers: The same by provider.
        failures: How many failures of each class.
        latency: Percentiles, seconds.
        latencies: What they are read from.
        seconds: How long this run took; None where none ran.
        stopped: Why this run ended early, None where it did not.
        running: Whether a run works on it right now.
    """

    folder: Path
    requests: int
    done: int
    failed: int
    retries: int
    runs: int
    cost: Decimal
    unsettled: int
    unsettled_cost: Decimal
    in_the_air: list[str]
    budget: Decimal | None
    prompt_tokens: int
    completion_tokens: int
    models: dict[str, Any] = field(default_factory=dict)
    providers: dict[str, Any] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    latency: dict[str, float | None] = field(default_factory=dict)
    seconds: float | None = None
    stopped: str | None = None
    running: bool = False
    latencies: Latencies = field(default_factory=Latencies, repr=False, compare=False)

    @property
    def left(self) -> int:
        """Requests that have no outcome yet."""
        return self.requests - self.done - self.failed

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values; amounts as exact texts."""
        return {
            "requests": self.requests,
            "done": self.done,
            "failed": self.failed,
            "left": self.left,
            "retries": self.retries,
            "runs": self.runs,
            "cost_usd": format(self.cost, "f"),
            "unsettled": self.unsettled,
            "unsettled_cost_usd": format(self.unsettled_cost, "f"),
            "in_the_air": self.in_the_air,
            "budget_usd": None if self.budget is None else format(self.budget, "f"),
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "models": self.models,
            "providers": self.providers,
            "failures": self.failures,
            "latency_s": self.latency,
            "seconds": self.seconds,
            "stopped": self.stopped,
            "running": self.running,
        }

    @classmethod
    def of_json(
        cls, folder: Path, fields: Mapping[str, Any], latencies: Mapping[str, Any]
    ) -> Summary:
        """The same back, with the latencies that `as_json` leaves out."""
        budget = fields["budget_usd"]
        return cls(
            folder=folder,
            cost=Decimal(fields["cost_usd"]),
            unsettled_cost=Decimal(fields["unsettled_cost_usd"]),
            budget=None if budget is None else Decimal(budget),
            latency=fields["latency_s"],
            latencies=Latencies.of_json(latencies),
            **{name: fields[name] for name in _PLAIN},
        )


def summarize(
    folder: Path,
    requests: int,
    tally: Tally,
    state: JournalState,
    budget: JobBudget,
    *,
    retries: int,
    in_the_air: list[Attempt],
    seconds: float | None = None,
    stopped: str | None = None,
    running: bool = False,
) -> Summary:
    """Puts a summary together; `seconds` and `stopped` are of the run that ended."""
    return Summary(
        folder=folder,
        requests=requests,
        done=tally.done,
        failed=tally.failed,
        retries=retries,
        runs=state.runs,
        cost=money.to_usd(budget.spent),
        unsettled=len(state.open),
        unsettled_cost=money.to_usd(state.unknown),
        in_the_air=[str(attempt) for attempt in in_the_air],
        budget=None if budget.limit is None else money.to_usd(budget.limit),
        prompt_tokens=tally.all.prompt_tokens,
        completion_tokens=tally.all.completion_tokens,
        models={name: share.summary() for name, share in sorted(tally.models.items())},
        providers={name: share.summary() for name, share in sorted(tally.providers.items())},
        failures=dict(tally.failures.most_common()),
        latency=tally.latencies.summary(),
        seconds=None if seconds is None else round(seconds, 3),
        stopped=stopped,
        running=running,
        latencies=tally.latencies,
    )


def together(
    folder: Path,
    requests: int,
    summaries: Sequence[Summary],
    *,
    budget: Decimal | None = None,
    seconds: float | None = None,
    stopped: str | None = None,
    running: bool = False,
) -> Summary:
    """The summary of a job whose parts have one each.

    Args:
        folder: The job's.
        requests: How many it has.
        summaries: Of its parts.
        budget: What they share, USD.
        seconds: How long this run took; None where none ran.
        stopped: Why this run ended early.
        running: Whether a run works on it right now.
    """
    failures: Counter[str] = Counter()
    latencies = Latencies()
    for one in summaries:
        failures.update(one.failures)
        latencies.add_all(one.latencies)
    return Summary(
        folder=folder,
        requests=requests,
        runs=max((one.runs for one in summaries), default=0),
        cost=sum((one.cost for one in summaries), Decimal(0)),
        unsettled_cost=sum((one.unsettled_cost for one in summaries), Decimal(0)),
        in_the_air=[name for one in summaries for name in one.in_the_air],
        budget=budget,
        models=_shares([one.models for one in summaries]),
        providers=_shares([one.providers for one in summaries]),
        failures=dict(failures.most_common()),
        latency=latencies.summary(),
        seconds=None if seconds is None else round(seconds, 3),
        stopped=stopped,
        running=running,
        latencies=latencies,
        **{name: sum(getattr(one, name) for one in summaries) for name in _COUNTS},
    )


def _shares(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Shares of models or providers added up, by name."""
    shares: dict[str, Share] = {}
    for part in parts:
        for name, fields in part.items():
            share = shares.setdefault(name, Share())
            share.requests += fields["requests"]
            share.prompt_tokens += fields["prompt_tokens"]
            share.completion_tokens += fields["completion_tokens"]
            share.cost += Decimal(fields["cost_usd"])
    return {name: share.summary() for name, share in sorted(shares.items())}
