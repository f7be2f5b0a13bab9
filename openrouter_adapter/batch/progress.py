"""How far a job is: the progress of a run, and the status of a job.

A run writes status.json every few seconds and at its end, so that `batch status` need not read
millions of results. The file is trusted while the run continues, and later as long as results,
failures and journal are as the run left them. After a kill they differ, and are read instead.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from openrouter_adapter import money
from openrouter_adapter.batch import recovery
from openrouter_adapter.batch import summary as summaries
from openrouter_adapter.batch.folder import Folder
from openrouter_adapter.batch.summary import Summary

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from decimal import Decimal

    from openrouter_adapter.batch.accounting import JobBudget
    from openrouter_adapter.batch.batching import Batches
    from openrouter_adapter.batch.engine import Engine
    from openrouter_adapter.batch.folder import Job
    from openrouter_adapter.batch.recovery import Recovered

# Seconds between two writings of status.json.
STATUS_INTERVAL: Final = 5.0
# Seconds after which a status.json is too old: its run may hang, and the results tell more.
_TOO_OLD: Final = 60.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far a run is. Amounts are in picodollars.

    Attributes:
        requests: Number of requests of the job.
        done: Number of requests that were answered.
        failed: Number of requests that failed for good.
        in_flight: Number of requests in flight.
        tokens: Tokens of prompts and answers so far.
        spent: What was charged.
        limit: The budget; None for none.
        stopping: Whether nothing more is sent.
        note: What else a user should know, such as why sending is paused.
        at_half_price: Likely cost of a new job in OpenRouter's Batch API, in USD, if it goes the
            usual way although all of its requests could go there; otherwise None.
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
    at_half_price: Decimal | None = None


@dataclass(slots=True)
class Progress:
    """A run that goes on, as `watch` gets it.

    Attributes:
        requests: Number of requests of the job.
        left: What is in the folder's files; grows as results are written.
        budget: What is spent and reserved.
        engine: What is in flight.
        begun: When the run began, by `time.monotonic`.
        done_before: Number of requests that had an outcome when it began.
        batches: What is at OpenRouter; None unless the job is at half price.
        at_half_price: As in `Snapshot`.
    """

    requests: int
    left: Recovered
    budget: JobBudget
    engine: Engine
    begun: float
    done_before: int
    batches: Batches | None = None
    at_half_price: Decimal | None = None

    def snapshot(self) -> Snapshot:
        """The progress now, as plain numbers."""
        tally, circuit, batches = self.left.tally, self.engine.circuit, self.batches
        note = None if circuit.opened_at is None else f"paused: {circuit.reason}"
        return Snapshot(
            requests=self.requests,
            done=tally.done,
            failed=tally.failed,
            in_flight=self.engine.in_flight + (batches.in_flight if batches else 0),
            tokens=tally.all.prompt_tokens + tally.all.completion_tokens,
            spent=self.budget.spent,
            limit=self.budget.limit,
            stopping=self.engine.stopped is not None,
            note=note or (batches.note if batches else None),
            at_half_price=self.at_half_price,
        )

    def stop(self, reason: str) -> None:
        """Sends nothing more; requests in flight finish, and batches stay at OpenRouter."""
        self.engine.stop(reason)
        if self.batches is not None:
            self.batches.halt.stop(reason)

    def abandon(self) -> None:
        """Ends the run at once."""
        self.engine.abandon()
        if self.batches is not None:
            self.batches.abandon()


def of_summary(summary: Summary) -> Snapshot:
    """The progress of a run that has ended."""
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
    at_half_price: Decimal | None = None,
) -> Snapshot:
    """The progress of several runs together."""
    parts, counted = list(snapshots), ("done", "failed", "in_flight", "tokens", "spent")
    sums = {name: sum(getattr(one, name) for one in parts) for name in counted}
    return Snapshot(
        requests=requests,
        limit=limit,
        stopping=stopping,
        note=note,
        at_half_price=at_half_price,
        **sums,
    )


def status(out: str | os.PathLike[str]) -> Summary:
    """Counts and cost of a job so far; it may be running.

    Raises:
        BatchError: there is no job.
    """
    folder = Folder(Path(out))
    job = folder.require_job()
    if job.shards:
        parts = [status(folder.shard(number).path) for number in range(1, job.shards + 1)]
        running = folder.is_in_use() or any(part.running for part in parts)
        return summaries.together(
            folder.path, job.requests, parts, budget=job.budget, running=running
        )
    return _read_file(folder) or _read_results(folder, job)


def _read_results(folder: Folder, job: Job) -> Summary:
    """Reads the status from results and journal."""
    from openrouter_adapter.batch.accounting import JobBudget

    running = folder.is_in_use()
    left = recovery.recover(folder)
    state = left.state
    if running:
        # Attempts of a run that goes on are in flight, not lost.
        for attempt in left.in_flight:
            if attempt.run == state.runs:
                del state.open[attempt]
    return summaries.summarize(
        folder.path,
        job.requests,
        left.tally,
        state,
        JobBudget(job.limit, state.spent, state.unknown),
        retries=state.retries,
        in_the_air=left.in_flight,
        running=running,
    )


def status_content(folder: Folder, summary: Summary) -> dict[str, Any]:
    """The content of status.json, as JSON values."""
    return {
        "summary": summary.as_json(),
        "latencies": summary.latencies.as_json(),
        "files": None if summary.running else _files(folder),
    }


def _read_file(folder: Folder) -> Summary | None:
    """Reads the status from status.json; None if that can't be trusted."""
    is_running = folder.is_in_use()
    try:
        found = orjson.loads(folder.status.read_bytes())
        age = time.time() - folder.status.stat().st_mtime
        if found["files"] is None:
            is_sure = is_running and age < _TOO_OLD
        else:
            is_sure = found["files"] == _files(folder)
        fields = found["summary"] | {"running": is_running}
        return Summary.of_json(folder.path, fields, found["latencies"]) if is_sure else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _files(folder: Folder) -> list[list[int]]:
    """Size and time of each file that a run appends to."""
    states = [file.stat() for file in (folder.results, folder.failures, folder.journal)]
    return [[state.st_size, state.st_mtime_ns] for state in states]
