"""One run of a job, from the lock on its folder to its summary."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import connection
from openrouter_adapter.batch import (
    checking,
    feed,
    journal,
    money,
    ordering,
    reader,
    recovery,
    settling,
    signals,
)
from openrouter_adapter.batch.accounts import open_accounts
from openrouter_adapter.batch.bits import Bits
from openrouter_adapter.batch.budget import Budget
from openrouter_adapter.batch.disk import Disk
from openrouter_adapter.batch.engine import Engine
from openrouter_adapter.batch.exceptions import BatchError, FaultyInput, FolderUnfit
from openrouter_adapter.batch.folder import Folder, Job
from openrouter_adapter.batch.media import Media
from openrouter_adapter.batch.outcomes import Outcomes
from openrouter_adapter.batch.prices import Prices
from openrouter_adapter.batch.results import tokens
from openrouter_adapter.batch.sending import Sender
from openrouter_adapter.batch.settings import Pace
from openrouter_adapter.batch.summary import Summary, summarize
from openrouter_adapter.ledger import LedgerError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from decimal import Decimal

    from openrouter_adapter.batch.accounts import Accounts
    from openrouter_adapter.batch.recovery import Left

# Objects between two collections: those of a few hundred requests in the air.
_MORE_OBJECTS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Options:
    """How a run is done; `run` in the package's front says what each one means."""

    out: Path
    source: Path | None = None
    budget: Decimal | None = None
    model: str | None = None
    shard: tuple[int, int] = (1, 1)
    save_media: bool = False
    in_order: bool = False
    skip_faulty: bool = False
    api_key: str | None = None
    api_base: str | None = None
    pace: Pace = field(default_factory=Pace)
    watch: Callable[[Progress], None] | None = None
    ledger: str | os.PathLike[str] | None = None
    job: str | None = None


@dataclass(slots=True)
class Progress:
    """What a display sees of a run while it goes on.

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


async def run_job(options: Options) -> Summary:
    """Checks, sends, writes, sums up.

    Raises:
        BatchError: the job can't begin or go on.
        litellm.AuthenticationError: there is no key.
    """
    folder = Folder(options.out)
    with folder.locked():
        prices = Prices(options.api_key, options.api_base)
        job, doubled = _settled_job(folder, options, prices)
        sender = Sender(options.api_key, options.api_base, options.pace.timeout)
        left = recovery.recover(folder)
        key = connection.api_key(options.api_key)
        accounts = open_accounts(options.ledger, job.job_id, key)
        try:
            async with sender:
                run = _Run(folder, job, options, left, accounts)
                summary = await run.go(sender, prices, doubled)
        except OSError as failure:
            raise folder.unfit(failure) from None
        except LedgerError as failure:
            raise BatchError(f"The ledger can't be used: {failure}.") from None
        finally:
            accounts.close()
        folder.write_whole(folder.summary, summary.as_json())
        return summary


def _settled_job(folder: Folder, options: Options, prices: Prices) -> tuple[Job, Bits]:
    """The folder's job, checked before its first request; and the lines whose id is doubled."""
    job = folder.job()
    if job is None:
        if options.source is None:
            folder.require_job()
        return _new_job(folder, options, prices)
    budget = options.budget if options.budget is not None else job.budget
    source = options.source or Path(job.source)
    state = _state_of(source)
    doubled = Bits()
    if job.skip_faulty or (job.size, job.modified) != state:
        checked = checking.check(source, job.model, folder=folder.path)
        if checked.fingerprint != job.fingerprint:
            raise FolderUnfit(
                f"{folder.path} belongs to another input than {source} is now. Give a new folder "
                f"with --out, or put {job.source} back as it was."
            )
        doubled = checked.doubled
    size, modified = state
    job = replace(job, source=str(source.resolve()), size=size, modified=modified, budget=budget)
    folder.write_job(job)
    return job, doubled


def _new_job(folder: Folder, options: Options, prices: Prices) -> tuple[Job, Bits]:
    source = options.source
    assert source is not None  # noqa: S101 - the caller has seen to it
    size, modified = _state_of(source)
    look = None if options.budget is None else prices.look
    checked = checking.check(source, options.model, look=look, folder=folder.path)
    if checked.fault_count and not (options.skip_faulty and checked.requests):
        raise FaultyInput(str(source), checked.faults, checked.fault_count)
    first, last = _range_of_shard(checked.last_line, options.shard)
    requests = checked.requests
    if options.shard[1] > 1:
        requests = sum(1 for number, _ in reader.lines(source) if first <= number <= last)
    job = Job(
        source=str(source.resolve()),
        size=size,
        modified=modified,
        fingerprint=checked.fingerprint,
        requests=requests,
        first_line=first,
        last_line=last,
        model=options.model,
        skip_faulty=options.skip_faulty,
        save_media=options.save_media,
        job_id=options.job or f"batch-{uuid.uuid4().hex[:12]}",
        budget=options.budget,
    )
    folder.write_job(job)
    return job, checked.doubled


def _range_of_shard(lines: int, shard: tuple[int, int]) -> tuple[int, int]:
    """The first and the last line of shard I of N."""
    number, shards = shard
    return lines * (number - 1) // shards + 1, lines * number // shards


def _state_of(source: Path) -> tuple[int, int]:
    try:
        found = source.stat()
    except OSError as failure:
        raise BatchError(f"{source} can't be read: {failure.strerror}.") from None
    return found.st_size, found.st_mtime_ns


class _Run:
    """What one run works with."""

    def __init__(
        self, folder: Folder, job: Job, options: Options, left: Left, accounts: Accounts
    ) -> None:
        self._folder, self._job, self._options, self._left = folder, job, options, left
        self._accounts = accounts
        past = left.past
        in_the_air = {attempt: past.open[attempt] for attempt in left.in_the_air}
        for attempt, cost in accounts.settled_before(in_the_air).items():
            del past.open[attempt]
            past.spent += cost
            left.found.append((attempt, cost, {}))
        limit = None if job.budget is None else money.picodollars(job.budget)
        self._budget = Budget(limit, past.spent, past.unsettled)
        self._in_the_air = left.in_the_air
        past.runs += 1

    async def go(self, sender: Sender, prices: Prices, doubled: Bits) -> Summary:
        begun = time.monotonic()
        left, options, job = self._left, self._options, self._job
        disk = Disk(self._folder, self._count, self._accounts.write)
        self._write_found(disk)
        disk.note(journal.run_begins(left.past.runs))
        keep = Media(self._folder.media).keep if job.save_media else None
        engine = Engine(
            feed.left_over(job, left.done, doubled),
            sender,
            disk,
            self._budget,
            options.pace,
            left.past.runs,
            prices.worst,
            Outcomes(left.past, keep).settle,
            self._accounts,
        )
        done_before = left.tally.done + left.tally.failed
        progress = Progress(job.requests, left, self._budget, engine, begun, done_before)
        try:
            await settling.settle(left.past, sender, disk, self._budget, self._accounts)
            with (
                signals.stopping(engine),
                _watched(options.watch, progress),
                _old_objects_left_alone(),
            ):
                await engine.run()
            if not engine.is_abandoned:
                await settling.settle(left.past, sender, disk, self._budget, self._accounts)
        finally:
            await disk.close()
        self._complain_of_unsaved(disk)
        if options.in_order:
            ordering.sort_by_line(self._folder.results, job.last_line)
        left.past.retries += engine.retries
        return summarize(
            self._folder.path,
            job.requests,
            left.tally,
            left.past,
            self._budget,
            in_the_air=self._in_the_air,
            seconds=time.monotonic() - begun,
            stopped=engine.stopped or (disk.trouble_in_words if disk.trouble else None),
        )

    def _write_found(self, disk: Disk) -> None:
        """Tells the ledger and the journal what a killed run had not told them any more."""
        for attempt, cost, fields in self._left.found:
            self._accounts.write_found(attempt, cost, fields)
            disk.note(journal.found_out(attempt, cost))

    def _count(self, counts: list[Any]) -> None:
        """Counts what is on disk now."""
        tally = self._left.tally
        for kind, *said in counts:
            if kind == "result":
                bill, latency = said
                tally.add_result(bill.model, bill.provider, tokens(bill), bill.total, latency)
            else:
                tally.add_failure(*said)

    def _complain_of_unsaved(self, disk: Disk) -> None:
        if disk.unsaved:
            raise BatchError(
                f"{disk.unsaved} answers could not be written to {self._folder.path}: "
                f"{disk.trouble and disk.trouble.strerror}. They may have cost something, and are "
                "asked for again when the job goes on. Make room, then: "
                f"openrouter-adapter batch resume {self._folder.path}"
            )


@contextlib.contextmanager
def _old_objects_left_alone() -> Iterator[None]:
    """Keeps the garbage collector off what was there before, LiteLLM's million objects above all.

    With 2,000 requests in the air: 4,660 requests a second of one core, 2,620 without.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_MORE_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextlib.contextmanager
def _watched(watch: Callable[[Progress], None] | None, progress: Progress) -> Iterator[None]:
    """Shows the progress a few times a second, and once at the end."""
    if watch is None:
        yield
        return
    shown = watch

    async def keep_showing() -> None:
        while True:
            shown(progress)
            await asyncio.sleep(0.25)

    task = asyncio.get_running_loop().create_task(keep_showing())
    try:
        yield
    finally:
        task.cancel()
        shown(progress)
