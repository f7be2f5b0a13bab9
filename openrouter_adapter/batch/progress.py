"""What a display sees of a run while it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from openrouter_adapter import money

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openrouter_adapter.batch.budget import Budget
    from openrouter_adapter.batch.engine import Engine
    from openrouter_adapter.batch.recovery import Left
    from openrouter_adapter.batch.summary import Summary


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far a run is. Amounts are in picodollars.

    Attributes:
        requests: How many the job has.
        done: How many were answered.
        failed: How many failed for good.
        in_flight: How many are in the air.
        tokens: Of prompts and answers so far.
        spent: What was charged.
        limit: The budget, None for none.
        stopping: Whether nothing more is sent.
        note: What else a person should know, such as why sending is paused.
    """

    requests: int = 0
    done: int = 0
    failed: int = 0
    in_flight: int = 0
    tokens: int = 0
    spent: int = 0
    limit: int | None = None
    stopping: bool = False
    note: str | None = None


@dataclass(slots=True)
class Progress:
    """A run from the inside.

    Attributes:
        requests: How many the job has.
        left: What is in the files; grows as results are written.
        budget: What is spent and held.
        engine: What is in the air.
        begun: When the run began, by `time.monotonic`.
        done_before: How many had an outcome when it began.
    """

    requests: int
    left: Left
    budget: Budget
    engine: Engine
    begun: float
    done_before: int

    def snapshot(self) -> Snapshot:
        """How far it is now, as plain numbers."""
        tally, circuit = self.left.tally, self.engine.circuit
        return Snapshot(
            requests=self.requests,
            done=tally.done,
            failed=tally.failed,
            in_flight=self.engine.in_flight,
            tokens=tally.all.prompt_tokens + tally.all.completion_tokens,
            spent=self.budget.spent,
            limit=self.budget.limit,
            stopping=self.engine.stopped is not None,
            note=None if circuit.opened_at is None else f"paused: {circuit.reason}",
        )


def of_summary(summary: Summary) -> Snapshot:
    """What is left to see of a run that has ended."""
    return Snapshot(
        requests=summary.requests,
        done=summary.done,
        failed=summary.failed,
        tokens=summary.prompt_tokens + summary.completion_tokens,
        spent=money.picodollars(summary.cost),
    )


def together(
    snapshots: Iterable[Snapshot],
    requests: int,
    limit: int | None,
    *,
    stopping: bool,
    note: str | None,
) -> Snapshot:
    """Many runs as one."""
    all_of_them = list(snapshots)
    return Snapshot(
        requests=requests,
        done=sum(one.done for one in all_of_them),
        failed=sum(one.failed for one in all_of_them),
        in_flight=sum(one.in_flight for one in all_of_them),
        tokens=sum(one.tokens for one in all_of_them),
        spent=sum(one.spent for one in all_of_them),
        limit=limit,
        stopping=stopping,
        note=note,
    )
