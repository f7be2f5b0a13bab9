"""The loop of a run: fills the room in the air, holds, journals and sends; outcomes.py settles."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from typing import TYPE_CHECKING, Final

from openrouter_adapter import debugging, money
from openrouter_adapter.batch import journal, results
from openrouter_adapter.batch.concurrency import CircuitBreaker, Flight, Queues
from openrouter_adapter.batch.requests import Request
from openrouter_adapter.batch.results import Attempt
from openrouter_adapter.batch.writer import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from openrouter_adapter.batch.accounting import JobBudget, JobLedger
    from openrouter_adapter.batch.exceptions import LineFault
    from openrouter_adapter.batch.options import Pace
    from openrouter_adapter.batch.sending import Outcome, Sender
    from openrouter_adapter.batch.writer import Writer
    from openrouter_adapter.ledger import LedgerError, Refusal

# Requests that are sent after one sync of the journal, at most.
_GROUP: Final = 256
# Bytes of requests that are held in memory at once, at most.
_MOST_BYTES: Final = 256 * 1024 * 1024
# Patience with a service that has not answered anything in this run yet, seconds.
_FIRST_PATIENCE: Final = 30.0
# How often a ledger's budget is asked again whose rest others hold, seconds.
_ASK_AGAIN: Final = 0.5


class Engine:
    """Sends the requests of one run.

    Attributes:
        stopped: Why the run ends early, as a sentence; None while it goes on.
        in_flight: Requests in the air.
        retries: Attempts of this run that failed and are followed by another.
        lanes: What waits.
        circuit: Whether anything may be sent.
        is_abandoned: Whether the run was told to end at once.
        has_landed: Whether anything was answered.
        lost: What was in the air when the run was told to end at once.
    """

    def __init__(
        self,
        feed: Iterator[Request | tuple[int, str, LineFault]],
        sender: Sender,
        disk: Writer,
        budget: JobBudget,
        pace: Pace,
        run: int,
        worst: Callable[[Request], int | None],
        settle: Callable[[Engine, Flight, Outcome], None],
        accounts: JobLedger,
    ) -> None:
        """Takes what a run needs.

        Args:
            feed: The requests, and lines that can't be sent.
            sender: Sends them.
            disk: Keeps the journal.
            budget: Holds what they may cost.
            pace: How many at once, how often, how long.
            run: The run's number.
            worst: What a request may cost, picodollars.
            settle: Is told what became of each attempt.
            accounts: The ledger's side of it.
        """
        self._feed, self._sender, self.disk = feed, sender, disk
        self.budget, self.pace, self._run, self._worst = budget, pace, run, worst
        self._settle, self.accounts = settle, accounts
        self._most, self._most_waiting = pace.most, pace.most_waiting
        self.queues = Queues(pace)
        self.circuit = CircuitBreaker(first_pause=pace.first_pause)
        self._wake = asyncio.Event()
        self._workers: list[asyncio.Task[None]] = []
        self._idle: list[asyncio.Future[Flight | None]] = []
        self._is_over = False
        self._bytes, self._is_read = 0, False
        self._waits_for_landing = False
        self._ask_ledger_at = 0.0
        self._ledger_stood: tuple[object, float] | None = None
        self.has_landed = False
        self.lost: list[Flight] = []
        self.stopped: str | None = None
        self.in_flight = 0
        self.retries = 0
        self.is_abandoned = False

    def stop(self, reason: str) -> None:
        """Sends nothing more; what is in the air lands. The first reason stays."""
        if self.stopped is None:
            self.stopped = reason
        self._wake.set()

    def abandon(self) -> None:
        """Ends at once: what is in the air is left to the journal."""
        self.is_abandoned = True
        self.stopped = "It was told to end at once; what was in the air is lost."
        self._wake.set()
        for worker in self._workers:
            worker.cancel()

    async def run(self) -> None:
        """Sends everything, or as much as can be.

        Raises:
            BatchError: the input can't be read any more.
        """
        loop = asyncio.get_running_loop()
        try:
            await self._keep_sending(loop)
        finally:
            # Also where the input can't be read any more: what is in the air lands.
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
            elif not self.in_flight and (self.stopped or self._is_all_done()):
                return
            else:
                await self._wait(loop)

    def finished(self, flight: Flight) -> None:
        """A request has its result, and is let go of."""
        self._bytes -= flight.size

    def _next_group(self, now: float) -> list[Flight]:
        """Flights for which there is room in the air, in memory and in the budget."""
        group: list[Flight] = []
        if self.disk.trouble is not None:
            self.stop(self.disk.trouble_in_words)
        while len(group) < _GROUP and self._may_send(now):
            flight = self._take(now)
            if flight is None:
                break
            if not self._held(flight):
                self.queues.park(flight, first=True)
                break
            flight.queue.concurrency.sent()
            self.in_flight += 1
            group.append(flight)
        return group

    def _may_send(self, now: float) -> bool:
        if (
            self.stopped
            or self._waits_for_landing
            or now < self._ask_ledger_at
            or self.disk.is_full
            or self.in_flight >= self._most
        ):
            return False
        return self.circuit.may_send(now, self.in_flight)

    def _take(self, now: float) -> Flight | None:
        """The next flight whose model has room."""
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
        for found in self._feed:
            if isinstance(found, Request):
                size = _size(found)
                self._bytes += size
                queue = self.queues.of_model(found.model)
                return Flight(found, queue, size, Attempt(found.line, self._run, 0))
            self._fail_line(*found)
        self._is_read = True
        return None

    def _held(self, flight: Flight) -> bool:
        if self.budget.limit is None and not self.accounts.holds:
            return True
        if flight.worst is None:
            flight.worst = self._worst(flight.request)
        if self.budget.hold(flight.worst):
            return True
        if flight.worst is None:
            self.stop(
                f"Line {flight.request.line} has no bound to what it may cost, and can't be sent "
                "under a limit: it needs max_tokens, or provider.max_price."
            )
        elif not self.in_flight:
            self.stop(_out_of_budget(self.budget, flight.worst))
        return False

    def _is_all_done(self) -> bool:
        return self._is_read and not len(self.queues)

    def _fail_line(self, number: int, custom_id: str, fault: LineFault) -> None:
        line = results.failure_line(Attempt(number, self._run, 0), custom_id, fault, None, 0.0)
        self.disk.failure(line, None, ("failure", type(fault).__name__, None))

    async def _send_group(self, group: list[Flight], loop: asyncio.AbstractEventLoop) -> None:
        for flight in group:
            flight.attempt = flight.attempt.next()
            flight.counted += 1
        if self.accounts.holds:
            group = await self._held_by_ledger(group)
        intents = [journal.intent(flight.attempt, flight.worst) for flight in group]
        is_written = False
        # Where they can't be written, disk.trouble stops the run.
        with contextlib.suppress(OSError):
            await self.disk.intended(intents)
            is_written = True
        is_ready = is_written and not self.is_abandoned and await self._written_ahead(group)
        if self.is_abandoned or not is_ready:
            for flight in group:
                if is_written:
                    # The journal must not take it for one in flight, nor the ledger.
                    line = journal.found_out(flight.attempt, 0)
                    self.disk.word(Entry(line, self.accounts.unsent_row(flight)))
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
        """Writes each attempt to the ledger, if there is one; stops the run where it can't."""
        failure = await self.accounts.write_ahead(group) if self.accounts.is_on else None
        if failure is not None:
            self.stop(f"The ledger: {failure}.")
        return failure is None

    async def _held_by_ledger(self, group: list[Flight]) -> list[Flight]:
        """Those of a group for which the ledger's budgets have room; the others wait."""
        found = await self.accounts.hold(group)
        held, refusals = [], []
        for flight, refusal in zip(group, found, strict=True):
            if refusal is None:
                held.append(flight)
                continue
            refusals.append(refusal)
            self._take_back(flight)
            flight.counted -= 1
            self.queues.park(flight, first=True)
        if held:
            self._ledger_stood = None
        if refusals:
            await self._refused_by_ledger(refusals)
        return held

    async def _refused_by_ledger(self, refusals: list[Refusal | LedgerError]) -> None:
        """Waits for what is in the air to land and be settled, which may make room; or stops."""
        refusal = refusals[0]
        if not all(getattr(one, "is_for_now", False) for one in refusals):
            self.stop(f"The ledger: {refusal}.")
        elif self.in_flight:
            self._waits_for_landing = True
        elif self._ledger_stood is None:
            with contextlib.suppress(OSError):
                await self.disk.settled()
            self._ledger_stood = None, asyncio.get_running_loop().time()
        else:
            self._wait_for_others(refusal)

    def _wait_for_others(self, refusal: Refusal | LedgerError) -> None:
        """Waits while what others spend and hold changes: their bills make room for ours."""
        now = asyncio.get_running_loop().time()
        stand = getattr(refusal, "spent", None), getattr(refusal, "held", None)
        before, since = self._ledger_stood or (None, now)
        if stand != before:
            self._ledger_stood = stand, now
        elif now - since > self.pace.budget_patience:
            self.stop(f"The ledger: {refusal}.")
        self._ask_ledger_at = now + _ASK_AGAIN

    def _take_back(self, flight: Flight) -> None:
        """Undoes what was done for a flight that was not sent after all."""
        self._landed(flight)
        self.budget.settle(flight.worst, 0)

    async def _work(self, flight: Flight | None, loop: asyncio.AbstractEventLoop) -> None:
        """Sends one request after another; a task for each would take 5 µs more."""
        while flight is not None:
            await self._fly(flight)
            if self._is_over:
                return
            idle = loop.create_future()
            self._idle.append(idle)
            flight = await idle

    async def _fly(self, flight: Flight) -> None:
        try:
            outcome = await self._sender.send(
                flight.request, functools.partial(self._begun, flight)
            )
            if debugging.is_on():
                self._sender.tell(flight.request, outcome)
            self.budget.settle(flight.worst, outcome.charged)
            self._settle(self, flight, outcome)
        except asyncio.CancelledError:
            self.lost.append(flight)
            self.budget.settle(flight.worst, None)
            raise
        except Exception as failure:  # noqa: BLE001 - a paid answer must not get lost unsaid
            self.stop(f"An answer could not be kept: {failure}.")
        finally:
            self._landed(flight)
            self._wake.set()

    def _begun(self, flight: Flight, generation_id: str) -> None:
        """Writes down what an answer's cost can be asked by, should the run be killed now."""
        line = journal.begun(flight.attempt, generation_id)
        row = self.accounts.open_row(flight, generation_id)
        if row is None:
            self.disk.note(line)
        else:
            self.disk.word(Entry(line, row))

    def _landed(self, flight: Flight) -> None:
        self.in_flight -= 1
        flight.queue.concurrency.in_flight -= 1
        self._waits_for_landing = False

    async def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        """Until something lands, or the next moment at which something may be sent."""
        now = loop.time()
        self._give_up_if_down(now)
        moments = [now + 1.0, self.queues.next_moment(now) or now + 1.0]
        if self._ask_ledger_at > now:
            moments.append(self._ask_ledger_at)
        if self.circuit.opened_at is not None and self.circuit.next_try > now:
            moments.append(self.circuit.next_try)
        self._wake.clear()
        handle = loop.call_at(min(moments), self._wake.set)
        await self._wake.wait()
        handle.cancel()

    def _give_up_if_down(self, now: float) -> None:
        opened, patience = self.circuit.opened_at, self.pace.patience
        if not self.has_landed:
            patience = min(patience, _FIRST_PATIENCE)
        if opened is not None and now - opened > patience:
            self.stop(f"Nothing has worked for {patience:.0f} seconds: {self.circuit.reason}")


def _size(request: Request) -> int:
    """About how many bytes a request takes; its texts are what makes one large."""
    body = request.body
    total = 1024
    for message in body.get("messages") or (body.get("input"),):
        content = message.get("content") if isinstance(message, dict) else message
        total += len(content) if isinstance(content, str) else len(str(content))
    return total


def _out_of_budget(budget: JobBudget, worst: int) -> str:
    left = max(budget.left or 0, 0)
    return (
        f"The budget is used up: USD {money.to_usd(left):.6f} are left, and the next request may "
        f"cost up to USD {money.to_usd(worst):.6f}."
    )
