"""Counts and cost of a job: for summary.json, for `batch status`, and as the result of `run`."""

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
    from openrouter_adapter.batch.journal import JournalState, SubmittedBatch
    from openrouter_adapter.batch.results import Attempt

# Latencies are counted in steps of 2 %.
_STEP: Final = math.log(1.02)
_PERCENTILES: Final = (50, 90, 95, 99)

# Different messages of failures that are counted; any further one counts by its class alone.
_MOST_MESSAGES: Final = 1000
# Messages in a summary.
_SHOWN_MESSAGES: Final = 20

# Fields with the same name and value in JSON.
_PLAIN: Final = (
    *("requests", "done", "failed", "retries", "runs", "unsettled", "in_the_air"),
    *("prompt_tokens", "completion_tokens", "models", "providers", "failures", "errors"),
    *("seconds", "stopped", "running", "batches"),
)


class Latencies:
    """Percentiles of latency, from a count for each step of 2 %."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.longest = 0.0

    def add(self, seconds: float) -> None:
        """Counts a latency."""
        self._counts[math.floor(math.log(max(seconds, 1e-4)) / _STEP)] += 1
        self.longest = max(self.longest, seconds)

    def add_all(self, other: Latencies) -> None:
        """Adds the counts of another."""
        self._counts.update(other._counts)
        self.longest = max(self.longest, other.longest)

    def percentile(self, percent: float) -> float | None:
        """A percentile in seconds, to within 2 %; None without latencies."""
        left = self._counts.total() * percent / 100
        for step in sorted(self._counts):
            left -= self._counts[step]
            if left <= 0:
                return min(math.exp((step + 1) * _STEP), self.longest)
        return None

    def as_json(self) -> dict[str, Any]:
        """The counts as JSON values."""
        return {"longest": self.longest, "counts": list(self._counts.items())}

    @classmethod
    def of_json(cls, fields: Mapping[str, Any]) -> Latencies:
        """Reads what `as_json` returned."""
        found = cls()
        found.longest, found._counts = fields["longest"], Counter(dict(fields["counts"]))
        return found

    def summary(self) -> dict[str, float | None]:
        """Percentiles by name, in seconds."""
        found = {f"p{percent}": self.percentile(percent) for percent in _PERCENTILES}
        found["max"] = self.longest or None
        return {name: None if s is None else round(s, 3) for name, s in found.items()}


@dataclass(slots=True)
class Share:
    """Requests, tokens and cost of one model or provider. Cost is in USD."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: Decimal = Decimal(0)

    def summary(self) -> dict[str, Any]:
        """The share as JSON values; the cost as exact text."""
        return {
            "requests": self.requests,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "cost_usd": format(self.cost, "f"),
        }


@dataclass(slots=True)
class Tally:
    """Counts of the lines in the result files.

    Attributes:
        done: Number of answers.
        failed: Number of requests that failed for good.
        all: All answers; `models` and `providers` divide them.
        failures: Number of failures by exception class.
        errors: Number of failures by exception class and message.
        latencies: Latencies of the answers, in seconds.
    """

    done: int = 0
    failed: int = 0
    all: Share = field(default_factory=Share)
    models: dict[str, Share] = field(default_factory=dict)
    providers: dict[str, Share] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
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

    def add_failure(self, kind: str, message: str, cost: Decimal | None) -> None:
        """Counts a failure; its cost, if any, counts in `all` only."""
        self.failed += 1
        self.failures[kind] += 1
        if (kind, message) in self.errors or len(self.errors) < _MOST_MESSAGES:
            self.errors[kind, message] += 1
        if cost is not None:
            self.all.cost += cost

    def add_head(self, fields: Mapping[str, Any], cost: Decimal | None) -> None:
        """Counts a line of a result file by the fields before its response."""
        if fields.get("error"):
            self.add_failure(fields["error"]["code"], fields["error"]["message"], cost)
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
    """Counts and cost of a job, over all its runs. Amounts are in USD.

    Attributes:
        folder: The job's output folder.
        requests: Number of requests.
        done: Number of requests that were answered.
        failed: Number of requests that failed for good.
        retries: Number of attempts that failed and were followed by another.
        runs: Number of runs.
        cost: What was charged, including failed attempts.
        unsettled: Number of attempts whose cost isn't known.
        unsettled_cost: The most that they may have cost, as far as the budget knows.
        in_the_air: Ids of attempts in flight when a run was killed, whose outcome is lost.
        budget: The limit; None for none.
        prompt_tokens: Tokens of all prompts that were answered.
        completion_tokens: Tokens of all answers.
        models: Requests, tokens and cost by model.
        providers: Requests, tokens and cost by provider.
        failures: Number of failures by exception class.
        errors: The most frequent of them: `error`, the class; `message`, OpenRouter's words; and
            `requests`, their number.
        latency: Percentiles in seconds.
        latencies: The counts behind them.
        seconds: Duration of this run; None if there was none.
        stopped: Why this run ended early; None if it did not.
        running: Whether a run is working on the job now.
        batches: Those of a job at half price: number, id, endpoint, model, requests, status, cost.
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
    errors: list[dict[str, Any]] = field(default_factory=list)
    latency: dict[str, float | None] = field(default_factory=dict)
    seconds: float | None = None
    stopped: str | None = None
    running: bool = False
    batches: list[dict[str, Any]] = field(default_factory=list)
    latencies: Latencies = field(default_factory=Latencies, repr=False, compare=False)

    @property
    def left(self) -> int:
        """Number of requests without an outcome."""
        return self.requests - self.done - self.failed

    def as_json(self) -> dict[str, Any]:
        """The summary as JSON values; amounts as exact text."""
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
            "errors": self.errors,
            "latency_s": self.latency,
            "seconds": self.seconds,
            "stopped": self.stopped,
            "running": self.running,
            "batches": self.batches,
        }

    @classmethod
    def of_json(
        cls, folder: Path, fields: Mapping[str, Any], latencies: Mapping[str, Any]
    ) -> Summary:
        """Reads what `as_json` returned, and the latencies that it leaves out."""
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
    """Makes the summary of a job; `seconds` and `stopped` are of the last run."""
    return Summary(
        folder=folder,
        requests=requests,
        done=tally.done,
        failed=tally.failed,
        retries=retries,
        runs=state.runs,
        cost=money.to_usd(budget.spent),
        unsettled=len(state.open) + len(state.gone_batches),
        unsettled_cost=money.to_usd(state.unknown),
        in_the_air=[str(attempt) for attempt in in_the_air],
        budget=None if budget.limit is None else money.to_usd(budget.limit),
        prompt_tokens=tally.all.prompt_tokens,
        completion_tokens=tally.all.completion_tokens,
        models={name: share.summary() for name, share in sorted(tally.models.items())},
        providers={name: share.summary() for name, share in sorted(tally.providers.items())},
        failures=dict(tally.failures.most_common()),
        errors=_errors(tally.errors),
        latency=tally.latencies.summary(),
        seconds=None if seconds is None else round(seconds, 3),
        stopped=stopped,
        running=running,
        batches=[_batch(one) for one in state.batches.values()],
        latencies=tally.latencies,
    )


def _batch(batch: SubmittedBatch) -> dict[str, Any]:
    """A batch as JSON values; its cost as exact text, None while it isn't known."""
    return {
        "number": batch.number,
        "id": batch.batch_id,
        "endpoint": batch.endpoint,
        "model": batch.model,
        "requests": batch.requests,
        "status": batch.status,
        "cost_usd": None if batch.cost is None else format(money.to_usd(batch.cost), "f"),
    }


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
    """Makes the summary of a job from those of its shards.

    Args:
        folder: The job's output folder.
        requests: Number of requests of the job.
        summaries: Those of its shards.
        budget: The budget that they share, in USD.
        seconds: Duration of this run; None if there was none.
        stopped: Why this run ended early.
        running: Whether a run is working on the job now.
    """
    failures: Counter[str] = Counter()
    errors: Counter[tuple[str, str]] = Counter()
    latencies = Latencies()
    for one in summaries:
        failures.update(one.failures)
        for known in one.errors:
            errors[known["error"], known["message"]] += known["requests"]
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
        errors=_errors(errors),
        latency=latencies.summary(),
        seconds=None if seconds is None else round(seconds, 3),
        stopped=stopped,
        running=running,
        batches=[batch for one in summaries for batch in one.batches],
        latencies=latencies,
        **{name: sum(getattr(one, name) for one in summaries) for name in _COUNTS},
    )


def _errors(counts: Counter[tuple[str, str]]) -> list[dict[str, Any]]:
    """The most frequent failures as JSON values."""
    return [
        {"error": kind, "message": message, "requests": count}
        for (kind, message), count in counts.most_common(_SHOWN_MESSAGES)
    ]


def _shares(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sums of the shares of models or providers, by name."""
    shares: dict[str, Share] = {}
    for part in parts:
        for name, fields in part.items():
            share = shares.setdefault(name, Share())
            share.requests += fields["requests"]
            share.prompt_tokens += fields["prompt_tokens"]
            share.completion_tokens += fields["completion_tokens"]
            share.cost += Decimal(fields["cost_usd"])
    return {name: share.summary() for name, share in sorted(shares.items())}
