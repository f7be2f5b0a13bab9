"""One run of a job, from the lock on its folder to its summary."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.batch import inputs, jobs, journal, recovery, requests, results
from openrouter_adapter.batch.accounting import JobBudget, open_ledger
from openrouter_adapter.batch.batching import Batches
from openrouter_adapter.batch.eligibility import Eligibility
from openrouter_adapter.batch.engine import Engine
from openrouter_adapter.batch.estimates import Prices
from openrouter_adapter.batch.exceptions import BatchError, FolderUnfit, LineFault
from openrouter_adapter.batch.folder import Folder
from openrouter_adapter.batch.inputs import LineSet
from openrouter_adapter.batch.journal import OpenAttempt
from openrouter_adapter.batch.media import Media
from openrouter_adapter.batch.progress import STATUS_INTERVAL, Progress, status_content
from openrouter_adapter.batch.requests import Request
from openrouter_adapter.batch.results import Attempt, tokens
from openrouter_adapter.batch.sending import Sender
from openrouter_adapter.batch.stopping import stopping
from openrouter_adapter.batch.summary import Summary, summarize
from openrouter_adapter.batch.writer import Writer
from openrouter_adapter.ledger import LedgerError
from openrouter_adapter.wire import connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from openrouter_adapter.batch.accounting import JobLedger
    from openrouter_adapter.batch.folder import Job
    from openrouter_adapter.batch.options import Options
    from openrouter_adapter.batch.recovery import Recovered

# Objects between two collections: those of a few hundred requests in flight.
_MORE_OBJECTS: Final = 20_000


async def run_job(options: Options) -> Summary:
    """Runs a job: checks its input, sends its requests, writes results and a summary.

    Raises:
        BatchError: the job can't begin or continue.
        litellm.AuthenticationError: there is no key.
    """
    folder = Folder(options.out)
    jobs.require_work(folder, options)
    with folder.locked(options.lock_patience):
        folder.clear_leftovers()
        prices = Prices(options.api_key, options.api_base)
        job, duplicates = jobs.begin_or_continue(folder, options, prices)
        timeout = options.pace.timeout
        sender = Sender(options.api_key, options.api_base, timeout, options.headers)
        recovered = recovery.recover(folder)
        key = connection.api_key(options.api_key)
        ledger = open_ledger(options.ledger, job, key)
        try:
            async with sender:
                run = _Run(folder, job, options, recovered, ledger, prices)
                return await run.go(sender, duplicates)
        except OSError as failure:
            raise folder.unfit(failure) from None
        except LedgerError as failure:
            raise BatchError(f"The ledger can't be used: {failure}.") from None
        finally:
            ledger.close()


class _Run:
    """A run: what it works with, and its steps."""

    def __init__(
        self,
        folder: Folder,
        job: Job,
        options: Options,
        recovered: Recovered,
        ledger: JobLedger,
        prices: Prices,
    ) -> None:
        self._folder, self._job, self._options = folder, job, options
        self._recovered, self._state, self._ledger = recovered, recovered.state, ledger
        self._prices = prices
        self._begun = time.monotonic()
        for attempt, cost in ledger.known_costs(recovered.in_flight).items():
            del self._state.open[attempt]
            self._state.spent += cost
            recovered.found.append((attempt, cost, {}))
        spent, unknown = self._state.spent, self._state.unknown
        self._budget = JobBudget(job.limit, spent, unknown, worst_case=prices.worst)
        self._lost = recovered.in_flight
        self._state.runs += 1

    async def go(self, sender: Sender, duplicates: LineSet) -> Summary:
        options, job = self._options, self._job
        writer = Writer(self._folder, self._count, self._ledger.write)
        self._write_found_costs(writer)
        self._ledger.release_unsent(self._state)
        writer.note(journal.run_begins(self._state.runs))
        keep = Media(self._folder.media).keep if job.save_media else None
        budget, ledger, state = self._budget, self._ledger, self._state
        engine = Engine(sender, writer, budget, ledger, options.pace, state, keep)
        batches = self._batches(sender, writer) if job.half_price else None
        try:
            # Unknown costs are worth waiting for only if reservations are in the way.
            is_limited = job.budget is not None or ledger.has_budgets
            waits = recovery.WAITS if is_limited else recovery.AT_ONCE
            await recovery.reconcile(state, sender, writer, budget, ledger, waits)
            await self._send(engine, batches, duplicates, writer)
            if not engine.is_abandoned:
                await recovery.reconcile(state, sender, writer, budget, ledger)
        finally:
            await writer.close()
        self._raise_for_unsaved(writer)
        if options.in_order:
            results.sort_by_line(self._folder.results, job.first_line, job.last_line)
        stopped = engine.stopped or (batches.halt.reason if batches is not None else None)
        stopped = stopped or (writer.error_text if writer.error else None)
        summary = self._summary(engine, batches, stopped=stopped)
        self._folder.write_json(self._folder.summary, summary.as_json())
        if engine.is_abandoned:
            # Only the journal knows what was in flight.
            self._folder.status.unlink(missing_ok=True)
        else:
            content = status_content(self._folder, summary)
            self._folder.write_json(self._folder.status, content)
        return summary

    def _batches(self, sender: Sender, writer: Writer) -> Batches:
        return Batches(
            sender,
            writer,
            self._budget,
            self._ledger,
            self._options.pace,
            self._state,
            self._folder,
            Eligibility(self._prices),
            self._recovered.done,
            worst_case=self._prices.worst_in_batch,
            sends_rest=self._job.sends_rest,
        )

    async def _send(
        self, engine: Engine, batches: Batches | None, duplicates: LineSet, writer: Writer
    ) -> None:
        """Sends everything, while signals, `watch` and `batch status` are attended to."""
        recovered = self._recovered
        done_before = recovered.tally.done + recovered.tally.failed
        progress = Progress(
            self._job.requests,
            recovered,
            self._budget,
            engine,
            self._begun,
            done_before,
            batches,
            self._prices.at_half_price,
        )
        with (
            stopping(progress),
            _watched(self._options.watch, progress),
            _old_objects_uncollected(),
        ):
            async with self._status_updated(engine, batches):
                if batches is None:
                    await engine.run(self._requests(duplicates, writer))
                else:
                    await self._send_in_batches(engine, batches, duplicates, writer)
        for flight in engine.lost:
            self._state.open[flight.attempt] = OpenAttempt(flight.worst or 0)
            self._lost.append(flight.attempt)

    async def _send_in_batches(
        self, engine: Engine, batches: Batches, duplicates: LineSet, writer: Writer
    ) -> None:
        """Submits what can go at half price, and then sends the rest while batches are waited for.

        Raises:
            BatchError: the input can no longer be read.
        """

        def read(lines: LineSet | None) -> Iterator[Request]:
            left_out = LineSet() if lines is not None else batches.taken()
            for request in self._requests(duplicates, writer, lines, left_out):
                reason = batches.refusal(request)
                if reason is None:
                    yield request
                elif self._job.sends_rest:
                    batches.rest.add(request.line)
                else:
                    fault = LineFault(f"can't be sent at half price: {reason}")
                    self._write_fault(writer, request.line, request.custom_id, fault)

        task = asyncio.get_running_loop().create_task(batches.run(read))
        await batches.has_read.wait()
        try:
            await engine.run(self._requests(duplicates, writer, batches.rest))
        finally:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _requests(
        self,
        duplicates: LineSet,
        writer: Writer,
        lines: LineSet | None = None,
        left_out: LineSet | None = None,
    ) -> Iterator[Request]:
        """The requests that are still to be sent; invalid lines are written as failures.

        Args:
            duplicates: Lines with the custom_id of an earlier one.
            writer: Writes failures.
            lines: The only lines that are returned; None for all.
            left_out: Lines that aren't returned.
        """
        job, done = self._job, self._recovered.done
        for number, text in inputs.lines(Path(job.source), job.first_line, job.first_byte):
            if number > job.last_line:
                return
            if number < job.first_line or number in done:
                continue
            if (lines is not None and number not in lines) or (
                left_out is not None and number in left_out
            ):
                continue
            found = self._parsed(number, text, duplicates)
            if isinstance(found, Request):
                yield found
            else:
                self._write_fault(writer, number, requests.custom_id_of(text), found)

    def _write_fault(self, writer: Writer, number: int, custom_id: str, fault: LineFault) -> None:
        attempt = Attempt(number, self._state.runs, 0)
        line = results.failure_line(attempt, custom_id, fault, None, 0.0)
        writer.failure(line, None, ("failure", type(fault).__name__, str(fault), None))

    def _parsed(self, number: int, text: bytes, duplicates: LineSet) -> Request | LineFault:
        try:
            request = requests.parse(number, text, self._job.model)
        except LineFault as fault:
            return fault
        if number in duplicates:
            return LineFault("custom_id is already used in an earlier line")
        return request

    def _summary(
        self,
        engine: Engine,
        batches: Batches | None,
        *,
        stopped: str | None = None,
        running: bool = False,
    ) -> Summary:
        again, lost = (0, []) if batches is None else (batches.retries, batches.lost)
        return summarize(
            self._folder.path,
            self._job.requests,
            self._recovered.tally,
            self._state,
            self._budget,
            retries=self._state.retries + engine.retries + again,
            in_the_air=[*self._lost, *lost],
            seconds=time.monotonic() - self._begun,
            stopped=stopped,
            running=running,
        )

    @contextlib.asynccontextmanager
    async def _status_updated(self, engine: Engine, batches: Batches | None) -> AsyncIterator[None]:
        """Keeps status.json up to date during the block."""
        ended = asyncio.Event()

        async def keep() -> None:
            while not ended.is_set():
                summary = self._summary(engine, batches, running=True)
                content = status_content(self._folder, summary)
                # Only a convenience: the run's own files report a full disk.
                with contextlib.suppress(FolderUnfit):
                    await asyncio.to_thread(self._folder.write_json, self._folder.status, content)
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(ended.wait(), STATUS_INTERVAL)

        task = asyncio.get_running_loop().create_task(keep())
        try:
            yield
        finally:
            ended.set()
            await task

    def _write_found_costs(self, writer: Writer) -> None:
        """Writes costs that a killed run had no time to write to the ledger and the journal."""
        for attempt, cost, fields in self._recovered.found:
            self._ledger.write_cost(attempt, cost, fields)
            writer.note(journal.cost_found(attempt, cost))

    def _count(self, counts: list[Any]) -> None:
        """Counts results and failures that are on disk now."""
        tally = self._recovered.tally
        for kind, *facts in counts:
            if kind == "result":
                bill, latency = facts
                tally.add_result(bill.model, bill.provider, tokens(bill), bill.total, latency)
            else:
                tally.add_failure(*facts)

    def _raise_for_unsaved(self, writer: Writer) -> None:
        if writer.unsaved:
            folder = self._folder.path
            why = getattr(writer.error, "strerror", None) or writer.error
            raise BatchError(
                f"{writer.unsaved} answers could not be written to {folder}: {why}. They may have "
                "cost something, and are sent again when the job continues. Make room, then: "
                f"openrouter-adapter batch resume {folder}"
            )


@contextlib.contextmanager
def _old_objects_uncollected() -> Iterator[None]:
    """Keeps the garbage collector off existing objects, above all LiteLLM's million.

    With 2,000 requests in flight: 4,660 requests a second of one core, 2,620 without.
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
    """Calls `watch` with the progress a few times a second, and once at the end."""
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
