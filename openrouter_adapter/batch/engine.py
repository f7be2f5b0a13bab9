"""The loop of a run: reserves costs, journals and sends requests, and acts on their outcomes."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import debugging
from openrouter_adapter.batch import journal, results, retries
from openrouter_adapter.batch.concurrency import BudgetWait, CircuitBreaker, Flight, Queues
from openrouter_adapter.batch.exceptions import words_of
from openrouter_adapter.batch.journal import OpenAttempt
from openrouter_adapter.batch.results import Attempt
from openrouter_adapter.batch.writer import Entry
from openrouter_adapter.ledger import Refusal
from openrouter_adapter.wire import retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from openrouter_adapter.batch.accounting import JobBudget, JobLedger
    from openrouter_adapter.batch.journal import JournalState
    from openrouter_adapter.batch.options import Pace
    from openrouter_adapter.batch.requests import Request
    from openrouter_adapter.batch.sending import Outcome, Sender
    from openrouter_adapter.batch.writer import Writer
    from openrouter_adapter.ledger import LedgerError

ABANDONED: Final = "It was stopped at once; the outcome of the requests in flight is unknown."
# Requests that are sent after one sync of the journal, at most.
_GROUP: Final = 256
# Bytes of requests that are kept in memory at once, at most.
_MOST_BYTES: Final = 256 * 1024 * 1024
# Patience with a service that has not answered anything in this run yet, seconds.
_FIRST_PATIENCE: Final = 30.0


class Engine:
    """Sends the requests of one run.

    Attributes:
        stopped: Why the run ends early, as a sentence; None while it continues.
        in_flight: Number of requests in flight.
        retries: Number of attempts of this run that failed and are followed by another.
        queues: Requests that wait.
        circuit: Whether anything may be sent.
        is_abandoned: Whether the run was told to end at once.
        has_answers: Whether anything was answered.
        lost: Requests that were in flight when the run was told to end at once.
    """

    def __init__(
        self,
        sender: Sender,
        writer: Writer,
        budget: JobBudget,
        ledger: JobLedger,
        pace: Pace,
        state: JournalState,
        keep_media: Callable[[Request, dict[str, Any]], None] | None = None,
    ) -> None:
        """Takes the parts of a run.

        Args:
            sender: Sends the requests.
            writer: Writes results, failures and the journal.
            budget: Reserves what requests may cost.
            ledger: Does the same in the ledger, and writes the rows of attempts.
            pace: How many requests are sent at once, and how often and how long each is tried.
            state: What the journal says; attempts whose cost isn't known are added to it.
            keep_media: Saves an answer's images.
        """
        self._sender, self.writer, self.budget, self.ledger = sender, writer, budget, ledger
        self._pace, self._state, self._keep_media = pace, state, keep_media
        self._most, self._most_waiting = pace.most, pace.most_waiting
        self.queues = Queues(pace)
        self.circuit = CircuitBreaker(first_pause=pace.first_pause)
        self._wake = asyncio.Event()
        self._workers: list[asyncio.Task[None]] = []
        self._idle: list[asyncio.Future[Flight | None]] = []
        self._source: Iterator[Request] = iter(())
        self._is_read = self._is_over = False
        self._bytes = 0
        self._refusals = 0.0
        self._equal_failures = retries.EqualFailures(pace.equal_failures)
        self._waits_for_bills = False
        self._wait_for_others = BudgetWait(pace.budget_patience)
        self.has_answers = False
        self.lost: list[Flight] = []
        self.stopped: str | None = None
        self.in_flight = 0
        self.retries = 0
        self.is_abandoned = False

    def stop(self, reason: str) -> None:
        """Sends nothing more; requests in flight finish. The first reason stays."""
        if self.stopped is None:
            self.stopped = reason
        self._wake.set()

    def abandon(self) -> None:
        """Ends at once: requests in flight are left to the journal."""
        self.is_abandoned = True
        self.stopped = ABANDONED
        self._wake.set()
        for worker in self._workers:
            worker.cancel()

    async def run(self, source: Iterator[Request]) -> None:
        """Sends everything that can be sent.

        Args:
            source: The requests.

        Raises:
            BatchError: the input can no longer be read.
        """
        loop = asyncio.get_running_loop()
        self._source = source
        try:
            await self._keep_sending(loop)
        finally:
            # Requests in flight finish even if the input can no longer be read.
            self._is_over = True
            for idle in self._idle:
                if not idle.done():
                    idle.set_result(None)
            await asyncio.gather(*self._workers, return_exceptions=True)

    async def _keep_sending(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            group = self._next_group(loop.time())
            if group:
                await self._send_group(group, loop)
            elif not self.in_flight and (self.stopped or (self._is_read and not self.queues)):
                return
            else:
                await self._wait(loop)

    def _next_group(self, now: float) -> list[Flight]:
        """The next requests for which concurrency, memory and budget have room."""
        group: list[Flight] = []
        if self.writer.error is not None:
            self.stop(self.writer.error_text)
        while len(group) < _GROUP and self._may_send(now):
            flight = self._take(now)
            if flight is None:
                break
            if not self._reserved(flight):
                self.queues.park(flight, first=True)
                break
            flight.queue.concurrency.sent()
            self.in_flight += 1
            group.append(flight)
        return group

    def _may_send(self, now: float) -> bool:
        if (
            self.stopped
            or self._waits_for_bills
            or now < self._wait_for_others.ask_at
            or self.writer.is_full
            or self.in_flight >= self._most
        ):
            return False
        return self.circuit.may_send(now, self.in_flight)

    def _take(self, now: float) -> Flight | None:
        """The next request whose model has room."""
        flight = self.queues.next(now)
        while flight is None:
            flight = self._read_one()
            if flight is None:
                return None
            if not flight.queue.concurrency.has_room(now):
                self.queues.park(flight)
                flight = None
        return flight

    def _read_one(self) -> Flight | None:
        full = len(self.queues) > self._most_waiting or self._bytes > _MOST_BYTES
        if self._is_read or full:
            return None
        if (request := next(self._source, None)) is None:
            self._is_read = True
            return None
        size = request.size()
        self._bytes += size
        attempt = Attempt(request.line, self._state.runs, 0)
        return Flight(request, self.queues.of_model(request.model), size, attempt)

    def _reserved(self, flight: Flight) -> bool:
        if self.budget.limit is None and not self.ledger.has_budgets:
            return True
        if flight.worst is None:
            flight.worst = self.budget.worst_case(flight.request)
        if self.budget.reserve(flight.worst):
            return True
        # Requests in flight may cost less than is reserved for them.
        if flight.worst is None or not self.in_flight:
            self.stop(self.budget.refusal(flight.request, flight.worst))
        return False

    async def _send_group(self, group: list[Flight], loop: asyncio.AbstractEventLoop) -> None:
        for flight in group:
            flight.attempt = flight.attempt.next()
            flight.tries += 1
        if self.ledger.has_budgets:
            group = await self._reserved_in_ledger(group)
        intents = [journal.intent(flight.attempt, flight.worst) for flight in group]
        is_written = False
        # If they can't be written, writer.error stops the run.
        with contextlib.suppress(OSError):
            await self.writer.write_intents(intents)
            is_written = True
        is_ready = is_written and not self.is_abandoned and await self._written_ahead(group)
        if self.is_abandoned or not is_ready:
            for flight in group:
                if is_written:
                    # Neither the journal nor the ledger may take it for one in flight.
                    line = journal.cost_found(flight.attempt, 0)
                    self.writer.write_entry(Entry(line, self.ledger.unsent_row(flight)))
                self._take_back(flight)
            return
        now = loop.time()
        for flight in group:
            flight.sent_at = now
            if self._idle:
                self._idle.pop().set_result(flight)
            else:
                self._workers.append(loop.create_task(self._work(flight, loop)))

    async def _written_ahead(self, group: list[Flight]) -> bool:
        """Writes each attempt to the ledger, if there is one; stops the run if that fails."""
        failure = await self.ledger.write_ahead(group) if self.ledger.is_on else None
        if failure is not None:
            self.stop(f"The ledger: {failure}.")
        return failure is None

    async def _reserved_in_ledger(self, group: list[Flight]) -> list[Flight]:
        """The requests of a group for which the ledger's budgets have room; the others wait."""
        found = await self.ledger.reserve(group)
        reserved, refusals = [], []
        for flight, refusal in zip(group, found, strict=True):
            if refusal is None:
                reserved.append(flight)
                continue
            refusals.append(refusal)
            self._take_back(flight)
            flight.tries -= 1
            self.queues.park(flight, first=True)
        if reserved:
            self._wait_for_others.end()
        if refusals:
            await self._refused_by_ledger(refusals)
        return reserved

    async def _refused_by_ledger(self, refusals: list[Refusal | LedgerError]) -> None:
        """Waits for our own bills and then for those of others, which may make room; or stops."""
        now = asyncio.get_running_loop().time()
        for_now = [one for one in refusals if isinstance(one, Refusal) and one.is_for_now]
        if len(for_now) < len(refusals):
            self.stop(f"The ledger: {refusals[0]}.")
        elif self.in_flight:
            self._waits_for_bills = True
        elif not self._wait_for_others.has_begun:
            with contextlib.suppress(OSError):
                await self.writer.synced()
            self._wait_for_others.begin(now)
        elif not self._wait_for_others.goes_on(for_now[0], now):
            self.stop(f"The ledger: {refusals[0]}.")

    def _take_back(self, flight: Flight) -> None:
        """Undoes what was done for a request that was not sent after all."""
        self._finished(flight)
        self.budget.record(flight.worst, 0)

    async def _work(self, flight: Flight | None, loop: asyncio.AbstractEventLoop) -> None:
        """Sends one request after another; a task for each would take 5 µs more."""
        while flight is not None:
            await self._send(flight, loop)
            if self._is_over:
                return
            idle = loop.create_future()
            self._idle.append(idle)
            flight = await idle

    async def _send(self, flight: Flight, loop: asyncio.AbstractEventLoop) -> None:
        try:
            outcome = await self._sender.send(
                flight.request, functools.partial(self._begun, flight)
            )
            if debugging.is_on():
                self._sender.log(flight.request, outcome)
            self.budget.record(flight.worst, outcome.charged)
            if outcome.failure is None:
                self._answered(flight, outcome)
            else:
                self._failed(flight, outcome, outcome.failure, loop.time())
        except asyncio.CancelledError:
            self.lost.append(flight)
            self.budget.record(flight.worst, None)
            raise
        except Exception as failure:  # noqa: BLE001 - a paid answer must not get lost silently
            self.stop(f"An answer could not be written: {failure}.")
        finally:
            self._finished(flight)
            self._wake.set()

    def _begun(self, flight: Flight, generation_id: str) -> None:
        """Writes the id by which an answer's cost can be looked up if the run is killed now."""
        line = journal.answer_begun(flight.attempt, generation_id)
        row = self.ledger.open_row(flight, generation_id)
        if row is None:
            self.writer.note(line)
        else:
            self.writer.write_entry(Entry(line, row))

    def _finished(self, flight: Flight) -> None:
        self.in_flight -= 1
        flight.queue.concurrency.in_flight -= 1
        self._waits_for_bills = False

    def _answered(self, flight: Flight, outcome: Outcome) -> None:
        self._refusals, self.has_answers = 0.0, True
        self._equal_failures.answered()
        self.circuit.close()
        flight.queue.concurrency.answered(outcome.latency)
        request, bill, body = flight.request, outcome.bill, outcome.body
        assert body is not None  # noqa: S101 - no failure
        if self._keep_media:
            self._keep_media(request, body)
        line = results.result_line(flight.attempt, request.custom_id, bill, body, outcome.latency)
        self.writer.result(line, self._entry(flight, outcome), ("result", bill, outcome.latency))
        self._bytes -= flight.size

    def _failed(self, flight: Flight, outcome: Outcome, failure: Exception, now: float) -> None:
        """Plans another attempt, leaves the request to the next run, or writes its failure."""
        self._adapt(flight, failure, now)
        self._refusals += retries.refusal(failure)
        decision = retries.decide(failure, flight.tries, self._refusals, self._pace)
        if decision.stop is not None:
            self.stop(decision.stop)
        if self.stopped is None and decision.delay is not None:
            self.queues.postpone(flight, now + decision.delay)
            self.retries += 1
        elif self.stopped is None or not decision.is_retryable:
            line = results.failure_line(
                flight.attempt, flight.request.custom_id, failure, outcome.bill, outcome.latency
            )
            count = ("failure", type(failure).__name__, words_of(failure), outcome.bill.total)
            self.writer.failure(line, self._entry(flight, outcome), count)
            self._bytes -= flight.size
            if not decision.is_retryable and (reason := self._equal_failures.failed(failure)):
                self.stop(reason)
            return
        self.writer.write_entry(self._entry(flight, outcome, is_last=False))

    def _adapt(self, flight: Flight, failure: Exception, now: float) -> None:
        """Adapts concurrency and circuit breaker to a failure."""
        if retries.is_outage(failure):
            if self.circuit.opened_at is not None:
                # While nothing works, an attempt is not the request's own failure.
                flight.tries -= 1
            self.circuit.failed(now, words_of(failure))
            return
        self.circuit.close()
        if retries.is_throttled(failure):
            wait = retry_after.asked_wait(failure)
            flight.queue.concurrency.throttled(flight.sent_at, now, wait)

    def _entry(self, flight: Flight, outcome: Outcome, *, is_last: bool = True) -> Entry:
        """The entries of an attempt that has ended, in the journal and in the ledger."""
        attempt = flight.attempt
        row = self.ledger.row(flight, outcome) if self.ledger.is_on else None
        flight.row = None
        if outcome.charged is not None:
            return Entry(journal.cost_known(attempt, outcome.charged, is_last=is_last), row)
        generation_id = outcome.bill.generation_id
        still_open = OpenAttempt(flight.worst or 0, generation_id, was_in_flight=False)
        self._state.open[attempt] = still_open
        return Entry(journal.cost_unknown(attempt, generation_id), row)

    async def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        """Waits until a request finishes, or until the next one may be sent."""
        now = loop.time()
        patience = min(self._pace.patience, float("inf") if self.has_answers else _FIRST_PATIENCE)
        if self.circuit.open_for(now) > patience:
            self.stop(f"Nothing has worked for {patience:.0f} seconds: {self.circuit.reason}")
        moments = [now + 1.0, self.queues.next_moment(now) or now + 1.0]
        if self._wait_for_others.ask_at > now:
            moments.append(self._wait_for_others.ask_at)
        if self.circuit.opened_at is not None and self.circuit.next_try > now:
            moments.append(self.circuit.next_try)
        self._wake.clear()
        handle = loop.call_at(min(moments), self._wake.set)
        await self._wake.wait()
        handle.cancel()
