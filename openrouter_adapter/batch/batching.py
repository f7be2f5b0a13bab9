"""The loop of a run at half price: submits batches, waits for them, and writes their outcomes.

What is at OpenRouter survives this process. A batch's lines and its intent are on disk before it
is submitted, its id before anything else happens, and its outcomes before it counts as ended.
Batches are submitted one after another, so that a kill leaves at most one whose fate is unknown.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from openrouter_adapter.batch import journal, pending, results, retries, settling
from openrouter_adapter.batch.accounting import end_row, unsent
from openrouter_adapter.batch.exceptions import words_of
from openrouter_adapter.batch.grouping import Group, Groups
from openrouter_adapter.batch.inputs import LineSet
from openrouter_adapter.batch.results import Attempt
from openrouter_adapter.batch.submission import Halt, Open, Submitter, row_of
from openrouter_adapter.batch.writer import Entry
from openrouter_adapter.batches import wire
from openrouter_adapter.wire import retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from openrouter_adapter.batch.accounting import JobBudget, JobLedger
    from openrouter_adapter.batch.eligibility import Eligibility
    from openrouter_adapter.batch.folder import Folder
    from openrouter_adapter.batch.journal import JournalState, SubmittedBatch
    from openrouter_adapter.batch.options import Pace
    from openrouter_adapter.batch.pending import Lines
    from openrouter_adapter.batch.requests import Request
    from openrouter_adapter.batch.sending import Sender
    from openrouter_adapter.batch.settling import Settled
    from openrouter_adapter.batch.writer import Writer

    Read = Callable[[LineSet | None], Iterator[Request]]

# Answers of "not found" in a row after which a batch counts as gone.
_MOST_MISSING: Final = 5
# Statuses of answers that stay the same however often OpenRouter is asked.
_FOR_GOOD: Final = frozenset({400, 401, 402, 403})
_NOT_THERE: Final = frozenset({404, 410})
_NOT_SOLD: Final = ":batch endpoint"


class Batches:
    """Sends the requests of one run in batches.

    Attributes:
        halt: Whether the run goes on.
        rest: Lines of models that OpenRouter takes no batches for, to be sent the usual way.
        retries: Number of requests of this run that failed and are sent in another batch.
        lost: Attempts in submissions that nobody knows of; their requests are sent again.
        has_read: Set once all requests were read, and all eligible ones submitted.
    """

    def __init__(
        self,
        sender: Sender,
        writer: Writer,
        budget: JobBudget,
        ledger: JobLedger,
        pace: Pace,
        state: JournalState,
        folder: Folder,
        eligibility: Eligibility,
        done: LineSet,
        *,
        worst_case: Callable[[Request], int | None],
        sends_rest: bool,
    ) -> None:
        """Takes the parts of a run.

        Args:
            sender: Submits batches, and asks for them.
            writer: Writes results, failures and the journal.
            budget: Reserves what requests may cost.
            ledger: Does the same in the ledger, and writes the rows of attempts.
            pace: How long it waits, and how often a request is tried.
            state: What the journal says; new batches are added to it.
            folder: Has the lines of batches.
            eligibility: Knows the prices in batches.
            done: Lines that had an outcome when the run began.
            worst_case: The most that a request can cost in a batch, in picodollars.
            sends_rest: Whether requests of models without batches go to `rest`.
        """
        self._sender, self._writer, self._budget, self._ledger = sender, writer, budget, ledger
        self._pace, self._state, self._folder, self._done = pace, state, folder, done
        self._eligibility, self._worst_case, self._sends_rest = eligibility, worst_case, sends_rest
        self.halt, self.has_read = Halt(), asyncio.Event()
        self._submitter = Submitter(sender, writer, ledger, pace, state, folder, self.halt)
        self._task: asyncio.Task[None] | None = None
        self._again, self._again_count, self._attempt = LineSet(), 0, 1
        self.rest, self.retries = LineSet(), 0
        self.lost: list[Attempt] = []
        self._open: dict[int, Open] = {}
        for batch in state.open_batches:
            if batch.status == journal.GONE:
                continue
            if budget.limit is not None:
                budget.reserved += batch.reserved
            ids = [] if batch.batch_id is None else [batch.batch_id]
            self._open[batch.number] = Open(batch, ids)

    @property
    def in_flight(self) -> int:
        """Number of requests at OpenRouter."""
        return sum(one.batch.requests for one in self._open.values())

    @property
    def note(self) -> str | None:
        """What OpenRouter does with the batches, as a short text; None without any."""
        if not self._open:
            return None
        statuses = Counter(one.batch.status for one in self._open.values())
        shown = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
        answered = sum(one.answered for one in self._open.values())
        return f"batches at OpenRouter: {shown}; {answered:,} requests answered there"

    def refusal(self, request: Request) -> str | None:
        """The reason why a request can't go into a batch; None if it can."""
        return self._eligibility.refusal(request)

    def abandon(self) -> None:
        """Ends at once; the journal knows what was submitted."""
        self.halt.wake()
        if self._task is not None:
            self._task.cancel()

    async def run(self, read: Read) -> None:
        """Submits everything that can be submitted, and writes outcomes until none is missing.

        Args:
            read: Returns the eligible requests of some lines; with None, those of all lines that
                are neither done nor `taken`.

        Raises:
            BatchError: the input can no longer be read.
        """
        self._task = asyncio.current_task()
        poller = asyncio.create_task(self._keep_polling())
        try:
            await self._find_lost()
            await self._submit_all(read(None))
            self.has_read.set()
            while self.halt.reason is None and (self._again_count or self._open):
                if self._again_count and (
                    not self._open or self._again_count >= wire.MOST_REQUESTS
                ):
                    lines, self._again, self._again_count = self._again, LineSet(), 0
                    await self.halt.pause(retries.backoff(self._attempt, self._pace.longest_poll))
                    self._attempt += 1
                    await self._submit_all(read(lines))
                else:
                    await self.halt.pause(1.0)
        finally:
            self.has_read.set()
            poller.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await poller

    def taken(self) -> LineSet:
        """Lines that are in batches, or wait for another attempt."""
        found = LineSet()
        for one in self._open.values():
            for line in pending.read(self._folder, one.batch.number).lines:
                found.add(line)
        return found

    # Submitting

    async def _find_lost(self) -> None:
        """Looks for batches whose submission was interrupted by a kill."""
        for one in [one for one in self._open.values() if not one.ids]:
            if self.halt.reason is None and await self._submitter.look(one) is False:
                await self._was_lost(one)

    async def _was_lost(self, one: Open) -> list[int]:
        """Names the attempts of a batch that is nowhere; returns their lines."""
        batch, lines = one.batch, pending.read(self._folder, one.batch.number)
        self.lost += [Attempt(line, batch.run, batch.attempt) for line in lines.lines]
        await self._not_accepted(one, lines)
        return lines.lines

    async def _submit_all(self, requests: Iterator[Request]) -> None:
        groups = Groups()
        for request in requests:
            worst = await self._reserved(request, groups)
            if self.halt.reason is not None:
                break
            full = groups.add(request, worst)
            if full is not None:
                await self._submit(full)
        for group in groups.take_all():
            await self._submit(group)

    async def _reserved(self, request: Request, groups: Groups) -> int | None:
        """Reserves the worst case of a request, if there is a budget: waits for room, or stops."""
        if self._budget.limit is None and not self._ledger.has_budgets:
            return None
        worst = self._worst_case(request)
        while worst is None or not self._budget.reserve(worst):
            for group in groups.take_all():
                await self._submit(group)
            if worst is None or not self._open:
                self.halt.stop(self._budget.refusal(request, worst))
            if self.halt.reason is not None:
                return None
            # Batches that end cost less than is reserved for them.
            await self.halt.pause(1.0)
        return worst

    async def _submit(self, group: Group) -> None:
        """Submits a group; in halves if the ledger's budgets have too little room for all of it."""
        if self.halt.reason is not None:
            self._budget.record(group.worst, 0)
            return
        batch = journal.SubmittedBatch(
            max(self._state.batches, default=0) + 1,
            self._state.runs,
            self._attempt,
            group.lines[-1],
            len(group.lines),
            group.worst,
            group.endpoint,
            group.model,
        )
        lines = pending.lines_of(group, time.time_ns() // 1000)
        row = row_of(self._ledger, batch, lines, batch.last_attempt)
        fits = await self._submitter.reserve(batch, row, lambda: bool(self._open))
        if fits is None:
            for half in group.halves():
                await self._submit(half)
            return
        one = Open(batch)
        if not fits or not await self._submitter.prepare(one, lines):
            if row.hold_id is not None:
                self._writer.write_entry(Entry(b"", unsent(row)))
            self._budget.record(group.worst, 0)
            return
        self._state.batches[batch.number] = batch
        self._open[batch.number] = one
        failure = await self._submitter.submit(one, group, row)
        if failure is None:
            return
        if self.halt.reason is None:
            self._refused(one, lines, failure)
        await self._not_accepted(one, lines)

    def _refused(self, one: Open, lines: Lines, failure: Exception) -> None:
        """Acts on a submission that OpenRouter refuses for good."""
        words = words_of(failure)
        if _NOT_SOLD in words:
            self._eligibility.refuse_model(one.batch.model, words)
            if self._sends_rest and not self.has_read.is_set():
                self.rest.update(lines.lines)
                return
        for line, custom_id in zip(lines.lines, lines.custom_ids, strict=True):
            attempt = Attempt(line, one.batch.run, one.batch.attempt)
            text = results.failure_line(attempt, custom_id, failure, None, 0.0)
            self._writer.failure(text, None, ("failure", type(failure).__name__, words, None))

    async def _not_accepted(self, one: Open, lines: Lines) -> None:
        """Ends a batch that OpenRouter has not accepted."""
        batch = one.batch
        batch.status = "not_accepted"
        row = row_of(self._ledger, batch, lines, batch.last_attempt)
        await self._end(one, 0, [Entry(b"", unsent(row))])

    # Waiting

    async def _keep_polling(self) -> None:
        try:
            while self.halt.reason is None:
                for one in list(self._open.values()):
                    if one.ids and one.next_poll <= time.monotonic() and self.halt.reason is None:
                        await self._poll(one)
                moments = [one.next_poll for one in self._open.values() if one.ids]
                wait = min(moments, default=time.monotonic() + 1.0) - time.monotonic()
                await asyncio.sleep(min(max(wait, 0.01), 0.5))
        except Exception as failure:  # noqa: BLE001 - a paid answer must not get lost silently
            self.halt.stop(f"The results of a batch could not be written: {failure}.")

    async def _poll(self, one: Open) -> None:
        """Asks for the state of a batch; if it may have one of several ids, for each of them."""
        batch, asked = one.batch, None
        for batch_id in list(one.ids):
            if batch_id not in one.ids or batch.number not in self._open:
                # Another id turned out to be the batch's.
                continue
            try:
                answer = await self._sender.call(
                    "GET", f"{wire.PATH}/{batch_id}", model=batch.model
                )
                found = wire.parse(*answer, batch.model)
            except Exception as failure:  # noqa: BLE001 - asked again, whatever it was
                asked = retry_after.asked_wait(failure)
                await self._not_polled(one, failure)
                continue
            one.missing = 0
            if found.is_over:
                await self._over(one, found)
            elif batch.batch_id is not None:
                one.answered = found.completed
                self._set_status(batch, found.status)
        one.wait(self._pace, asked)

    def _set_status(self, batch: SubmittedBatch, status: str) -> None:
        if batch.status != status:
            batch.status = status
            self._writer.note(journal.batch_status(batch.number, status))

    async def _not_polled(self, one: Open, failure: Exception) -> None:
        status = retries.status_of(failure)
        if status in _FOR_GOOD:
            self.halt.stop(words_of(failure))
        one.missing = one.missing + 1 if status in _NOT_THERE else 0
        if one.missing < _MOST_MISSING:
            return
        # Nobody knows what became of its requests: they are sent again only if a person asks.
        lines = pending.read(self._folder, one.batch.number)
        self._refused(one, lines, failure)
        self._set_status(one.batch, journal.GONE)
        await self._end(one, None)

    async def _over(self, one: Open, found: wire.Batch) -> None:
        """Writes the outcomes of a batch, and ends it."""
        batch, lines = one.batch, pending.read(self._folder, one.batch.number)
        # Without results, nobody can tell which of several is ours; and then it cost nothing.
        is_nobodys = len(one.ids) > 1 and not found.results
        if is_nobodys or settling.is_foreign(found, lines):
            # It only looks like the one that was submitted: its requests may be others.
            one.ids.remove(found.id)
            if not one.ids:
                self._try_again(await self._was_lost(one))
            return
        if batch.batch_id is None:
            await self._submitter.accept(one, found.id)
        self._set_status(batch, found.status)
        latency, entries = settling.latency_of(found, lines), []
        for settled in settling.settle(found, lines, self._eligibility.row(batch.model)):
            if self._ledger.is_on:
                attempt = Attempt(settled.line, batch.run, batch.attempt)
                row = row_of(self._ledger, batch, lines, attempt)
                end_row(row, settled.bill, settled.failure, latency)
                entries.append(Entry(b"", row))
            if settled.line not in self._done:
                self._write(batch, settled, latency)
        await self._end(one, settling.cost_of(found), entries)

    def _write(self, batch: SubmittedBatch, settled: Settled, latency: float) -> None:
        """Writes an outcome, or plans another attempt."""
        attempt = Attempt(settled.line, batch.run, batch.attempt)
        custom_id, bill, failure = settled.custom_id, settled.bill, settled.failure
        if failure is None:
            text = results.result_line(attempt, custom_id, bill, settled.body, latency)
            self._writer.result(text, None, ("result", bill, latency))
        elif retries.is_retried(failure) and (
            batch.run < self._state.runs or batch.attempt < self._pace.tries
        ):
            self._try_again([settled.line])
        else:
            text = results.failure_line(attempt, custom_id, failure, bill, latency)
            name, words = type(failure).__name__, words_of(failure)
            self._writer.failure(text, None, ("failure", name, words, bill.total))

    def _try_again(self, lines: list[int]) -> None:
        self._again.update(lines)
        self._again_count += len(lines)
        self.retries += len(lines)

    async def _end(self, one: Open, cost: int | None, entries: Iterable[Entry] = ()) -> None:
        """Ends a batch, once its outcomes are on disk and their rows in the ledger.

        Without a cost, it stays open in the journal, and counts with its reservation.
        """
        batch = one.batch
        if self._ledger.is_on:
            for entry in entries:
                self._writer.write_entry(entry)
        try:
            await self._writer.synced()
            if self._writer.error is None and cost is not None:
                await self._writer.write_intents([journal.batch_ended(batch.number, cost)])
                pending.remove(self._folder, batch.number)
        except OSError:
            pass
        if self._writer.error is not None:
            # The next run reads the results again.
            self.halt.stop(self._writer.error_text)
            return
        batch.cost = cost
        self._budget.record(batch.reserved, cost)
        del self._open[batch.number]
        self.halt.wake()
