"""What a job may spend and has spent: its own budget, and its rows and budgets in the ledger.

A job's `--budget` belongs to its folder, and is exact for the one process that holds the folder's
lock. Budgets of the ledger (of a day, a key, a job that is spread over machines, …) apply as well.
All amounts are in picodollars.
"""

from __future__ import annotations

import asyncio
import copy
import functools
import json
import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import ledger as ledgers
from openrouter_adapter import money
from openrouter_adapter.admission import NotSentError
from openrouter_adapter.batch import retries
from openrouter_adapter.batch.exceptions import BatchError
from openrouter_adapter.ledger import Ledger, LedgerError, Row
from openrouter_adapter.ledger.billing import read_bill
from openrouter_adapter.ledger.database import VARIABLE
from openrouter_adapter.ledger.gate import FIRST_ASK, OPEN_ASK
from openrouter_adapter.ledger.metadata import key_name, label
from openrouter_adapter.ledger.rows import BILLED, ERROR, LEFT, OK, OPEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from decimal import Decimal

    from openrouter_adapter.batch.concurrency import Flight
    from openrouter_adapter.batch.folder import Job
    from openrouter_adapter.batch.journal import JournalState
    from openrouter_adapter.batch.requests import Request
    from openrouter_adapter.batch.results import Attempt
    from openrouter_adapter.batch.sending import Outcome
    from openrouter_adapter.ledger import Budget, Refusal
    from openrouter_adapter.wire.usage import Bill

# More attempts than a run ever makes of a request.
_A_RUN: Final = 1000
_NO_BOUND: Final = "a budget needs a bound: give max_tokens, or provider.max_price"


@dataclass(slots=True)
class JobBudget:
    """The budget of a job: what it may spend and has spent.

    Attributes:
        limit: What may never be exceeded; None for no limit.
        spent: What was charged.
        unsettled: The worst case of requests whose cost isn't known.
        reserved: The worst case of requests in flight.
        worst_case: The most that a request may cost; None if there is no bound.
    """

    limit: int | None = None
    spent: int = 0
    unsettled: int = 0
    reserved: int = 0
    worst_case: Callable[[Request], int | None] = lambda _: None

    @property
    def left(self) -> int | None:
        """What can still be reserved; None for no limit."""
        if self.limit is None:
            return None
        return self.limit - self.spent - self.unsettled - self.reserved

    def reserve(self, worst: int | None) -> bool:
        """Reserves the worst case of a request; False if the rest is too small for it."""
        left = self.left
        if left is None:
            return True
        if worst is None or worst > left:
            return False
        self.reserved += worst
        return True

    def record(self, worst: int | None, cost: int | None) -> None:
        """Records what was charged in place of a reservation; None if that isn't known."""
        if self.limit is not None:
            self.reserved -= worst or 0
        if cost is None:
            self.unsettled += worst or 0
        else:
            self.spent += cost

    def refusal(self, request: Request, worst: int | None) -> str:
        """Why a request can't be sent, as a sentence."""
        if worst is None:
            return (
                f"The cost of line {request.line} has no upper bound, which a budget needs. Give "
                "max_tokens, or provider.max_price."
            )
        left = max(self.left or 0, 0)
        return (
            f"The budget is used up: USD {money.to_usd(left):.6f} is left, and the next request "
            f"may cost up to USD {money.to_usd(worst):.6f}."
        )


class JobLedger:
    """The ledger's side of a job; does nothing if there is no ledger."""

    def __init__(self, ledger: Ledger | None, job: Job, key: str, *, is_ours: bool) -> None:
        """Takes an open ledger; `is_ours` says whether it is closed with the run."""
        self._ledger, self._is_ours = ledger, is_ours
        self._job, self._key_name = job.job_id, key_name(key)
        self._lines = range(job.first_line, job.last_line + 1)
        self._prefix = f"{job.calls}-"
        self._tags = json.dumps([job.tag] if job.tag else [])

    @property
    def is_on(self) -> bool:
        """Whether there is a ledger."""
        return self._ledger is not None

    def row(self, flight: Flight, outcome: Outcome) -> Row:
        """The row of an attempt that has ended."""
        row = flight.row or self._row_of(flight)
        end_row(row, outcome.bill, outcome.failure, outcome.latency)
        return row

    def open_row(self, flight: Flight, generation_id: str) -> Row | None:
        """The row of an attempt whose answer has begun; None if no budget has reserved its cost.

        If the run is killed now, `Ledger.reconcile` can still find out what it cost.
        """
        if flight.row is None or flight.row.hold_id is None:
            return None
        row = copy.copy(flight.row)
        row.generation_id = label(generation_id)
        row.ask_after = row.started_at + OPEN_ASK
        return row

    def _row_of(self, flight: Flight) -> Row:
        body = flight.request.body
        user = label(body.get("user"))
        return self.new_row(
            flight.attempt,
            endpoint=flight.request.route.path,
            model=flight.request.model,
            user_id=user,
            end_user_id=user,
            session_id=label(body.get("session_id")),
        )

    def new_row(self, attempt: Attempt, started_at: int | None = None, **fields: Any) -> Row:
        """A row of an attempt; `started_at` is in microseconds since 1970, None for now."""
        call_id, number = self._name(attempt)
        return Row(
            call_id=call_id,
            attempt=number,
            started_at=time.time_ns() // 1000 if started_at is None else started_at,
            key_name=self._key_name,
            job=self._job,
            tags=self._tags,
            **fields,
        )

    def _name(self, attempt: Attempt) -> tuple[str, int]:
        """Call id and number of an attempt in the ledger, which knows no runs."""
        return f"{self._prefix}{attempt.line}", attempt.run * _A_RUN + attempt.number

    def write(self, rows: Sequence[Row]) -> None:
        """Writes rows. Writing them twice does no harm.

        Raises:
            LedgerError: the ledger can't be written.
        """
        if self._ledger is not None and rows:
            self._ledger.store.write(rows)

    def known_costs(self, attempts: Iterable[Attempt]) -> dict[Attempt, int]:
        """Costs that the ledger knows of attempts that are open in the journal, in picodollars.

        Raises:
            LedgerError: the ledger can't be read.
        """
        found: dict[Attempt, int] = {}
        if self._ledger is None:
            return found
        for attempt in attempts:
            call_id, number = self._name(attempt)
            rows = self._ledger.store.rows(
                "call_id = :call_id AND attempt = :number", call_id=call_id, number=number
            )
            if rows and rows[0].total is not None:
                found[attempt] = rows[0].total
        return found

    @functools.cached_property
    def _reservations_left(self) -> dict[tuple[str, int], str]:
        """Reservations that killed runs of this folder have left, by call id and attempt."""
        return {
            (one.call_id, one.attempt): one.hold_id
            for one in (self._ledger.held() if self._ledger is not None else ())
            if one.call_id.startswith(self._prefix)
            and int(one.call_id.removeprefix(self._prefix)) in self._lines
        }

    def release_unsent(self, state: JournalState) -> None:
        """Releases reservations of attempts without an intent: they were never sent.

        Must come before this run reserves anything, and after `write_cost`.

        Raises:
            LedgerError: the ledger can't be written.
        """
        if self._ledger is None or state.runs == 1:
            return
        known = {self._name(attempt) for attempt in state.open}
        # A batch's reservation belongs to the last of its lines.
        known |= {self._name(batch.last_attempt) for batch in state.open_batches}
        left = [hold_id for name, hold_id in self._reservations_left.items() if name not in known]
        for hold_id in left:
            rows = self._ledger.store.rows("hold_id = :id AND cost IS NULL", id=hold_id)
            self.write([unsent(row) for row in rows])
        if left:
            self._ledger.release(left)

    def write_cost(
        self, attempt: Attempt, cost: int, fields: Mapping[str, Any], *, was_cut_off: bool = False
    ) -> None:
        """Writes the cost of an attempt of an earlier run.

        Args:
            attempt: The attempt.
            cost: Picodollars.
            fields: The fields of its result, as far as they are known.
            was_cut_off: Whether the run was killed before the attempt ended.

        Raises:
            LedgerError: the ledger can't be written.
        """
        ended = LEFT if was_cut_off else OPEN
        row = self.new_row(
            attempt,
            generation_id=fields.get("generation_id"),
            served_model=fields.get("model"),
            provider=fields.get("provider"),
            prompt_tokens=fields.get("prompt_tokens") or 0,
            completion_tokens=fields.get("completion_tokens") or 0,
            outcome=OK if "error" in fields and fields["error"] is None else ended,
            cost_status=BILLED,
            cost=cost,
            hold_id=self._reservations_left.get(self._name(attempt)),
        )
        self.write([row])

    @property
    def has_budgets(self) -> bool:
        """Whether the ledger has budgets that may apply to the job."""
        return self._ledger is not None and any(
            budget.job in {None, self._job} and budget.key in {None, self._key_name}
            for budget in self._ledger.enforcement.budgets
        )

    async def reserve(self, flights: Sequence[Flight]) -> list[Refusal | LedgerError | None]:
        """Reserves the worst case of each attempt under all budgets that apply, or says why not.

        Gives each attempt its row.
        """
        for flight in flights:
            flight.row = self._row_of(flight)
        return await self.reserve_rows([(one.row, one.worst) for one in flights if one.row])

    async def reserve_rows(
        self, wanted: Sequence[tuple[Row, int | None]]
    ) -> list[Refusal | LedgerError | None]:
        """Like `reserve`, for rows, each with the most that it can cost in picodollars."""
        # A database may take long to answer, so a thread waits for it.
        return await asyncio.to_thread(self._reserve, wanted)

    def _reserve(
        self, wanted: Sequence[tuple[Row, int | None]]
    ) -> list[Refusal | LedgerError | None]:
        assert self._ledger is not None  # noqa: S101 - has_budgets is asked first
        found: list[Refusal | LedgerError | None] = [None] * len(wanted)
        asked: list[int] = []
        wishes: list[tuple[Row, Decimal, Sequence[Budget]]] = []
        for place, (row, worst) in enumerate(wanted):
            budgets = [one for one in self._ledger.enforcement.budgets if one.applies_to(row)]
            if budgets and worst is None:
                found[place] = LedgerError(_NO_BOUND)
            elif budgets and worst is not None:
                asked.append(place)
                wishes.append((row, money.to_usd(worst), budgets))
        if wishes:
            for place, refusal in zip(
                asked, self._ledger.reservations.reserve_all(wishes), strict=True
            ):
                found[place] = refusal
        return found

    async def write_ahead(self, flights: Sequence[Flight]) -> LedgerError | None:
        """Writes the rows of attempts without a reservation before they are sent, or says why not.

        So a run that is killed and never continued leaves a row of each attempt in flight.
        """
        for flight in flights:
            flight.row = flight.row or self._row_of(flight)
        return await self.write_open([one.row for one in flights if one.row is not None])

    async def write_open(self, rows: Sequence[Row]) -> LedgerError | None:
        """Writes those rows of attempts in flight that a reservation has not written."""
        rows = [copy.copy(row) for row in rows if row.hold_id is None]
        try:
            await asyncio.to_thread(self.write, rows)
        except LedgerError as failure:
            return failure
        return None

    def unsent_row(self, flight: Flight) -> Row | None:
        """The row of an attempt that was not sent after all; None if it has none."""
        row, flight.row = flight.row, None
        return None if row is None else unsent(row)

    def close(self) -> None:
        """Closes the ledger, if it was opened for the run."""
        if self._ledger is not None and self._is_ours:
            self._ledger.close()


def end_row(row: Row, bill: Bill, failure: Exception | None, latency: float) -> None:
    """Puts the outcome of an attempt into its row; the latency is in seconds."""
    row.latency_ms = round(latency * 1000)
    read_bill(row, bill)
    if failure is None:
        row.outcome = OK
    else:
        facts = getattr(failure, "openrouter", None) or {}
        row.outcome, row.error_class = ERROR, type(failure).__name__
        row.error_code = label(facts.get("code") or retries.status_of(failure))
    if row.cost is None and row.generation_id:
        row.ask_after = time.time_ns() // 1000 + FIRST_ASK


def unsent(row: Row) -> Row:
    """The row of an attempt that was not sent after all."""
    return replace(
        row, outcome=ERROR, error_class=NotSentError.__name__, cost_status=BILLED, cost=0
    )


def open_ledger(where: str | os.PathLike[str] | None, job: Job, key: str) -> JobLedger:
    """Opens the ledger of a job.

    Args:
        where: A path or URL. None takes the ledger that is enabled in this process, then the one
            that OPENROUTER_ADAPTER_LEDGER names, then none.
        job: The job whose attempts are written.
        key: The API key, of which the ledger keeps a short hash.

    Raises:
        BatchError: the ledger can't be opened.
    """
    if where is None and ledgers.is_enabled():
        return JobLedger(ledgers.current(), job, key, is_ours=False)
    if where is None and not os.environ.get(VARIABLE):
        return JobLedger(None, job, key, is_ours=False)
    try:
        ledger = ledgers.open(where)
        ledger.enforcement.refresh()
        ledger.start()
    except LedgerError as failure:
        raise BatchError(f"The ledger can't be opened: {failure}.") from None
    return JobLedger(ledger, job, key, is_ours=True)
