"""What a job has come to: for summary.json, for `batch status`, and as the value of `run`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import money
from openrouter_adapter.batch.tally import Latencies, Share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from openrouter_adapter.batch.budget import Budget
    from openrouter_adapter.batch.journal import Past
    from openrouter_adapter.batch.results import Attempt
    from openrouter_adapter.batch.tally import Tally


# The fields that JSON has under the same name and with the same value.
_PLAIN: Final = (
    *("requests", "done", "failed", "retries", "runs", "unsettled", "in_the_air"),
    *("prompt_tokens", "completion_tokens", "models", "providers", "failures"),
    *("seconds", "stopped", "running"),
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
    past: Past,
    budget: Budget,
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
        runs=past.runs,
        cost=money.to_usd(budget.spent),
        unsettled=len(past.open),
        unsettled_cost=money.to_usd(past.unsettled),
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
        done=sum(one.done for one in summaries),
        failed=sum(one.failed for one in summaries),
        retries=sum(one.retries for one in summaries),
        runs=max((one.runs for one in summaries), default=0),
        cost=sum((one.cost for one in summaries), Decimal(0)),
        unsettled=sum(one.unsettled for one in summaries),
        unsettled_cost=sum((one.unsettled_cost for one in summaries), Decimal(0)),
        in_the_air=[name for one in summaries for name in one.in_the_air],
        budget=budget,
        prompt_tokens=sum(one.prompt_tokens for one in summaries),
        completion_tokens=sum(one.completion_tokens for one in summaries),
        models=_shares([one.models for one in summaries]),
        providers=_shares([one.providers for one in summaries]),
        failures=dict(failures.most_common()),
        latency=latencies.summary(),
        seconds=None if seconds is None else round(seconds, 3),
        stopped=stopped,
        running=running,
        latencies=latencies,
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
