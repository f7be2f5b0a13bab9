"""The ledger's side of admission.py: a row for every attempt, reservations under budgets."""

from __future__ import annotations

import copy
import functools
import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx

from openrouter_adapter.ledger import metadata
from openrouter_adapter.ledger.billing import read_bill, read_job, was_never_sent
from openrouter_adapter.ledger.errors import LedgerError
from openrouter_adapter.ledger.rows import BILLED, ERROR, JOBS, LEFT, OK, OPEN, UNKNOWN, Row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openrouter_adapter.ledger.enforcement import Enforcement
    from openrouter_adapter.ledger.store import Store
    from openrouter_adapter.ledger.writer import Writer
    from openrouter_adapter.wire.usage import Bill

logger = logging.getLogger("openrouter_adapter")

# The attempts of at least so many recent calls are counted, and of at most twice as many.
_MOST_CALLS: Final = 4_096
# OpenRouter reports what a request cost some seconds after its end.
FIRST_ASK: Final = 2_000_000
# The process of a request that is in flight for this long may have died.
OPEN_ASK: Final = 300_000_000
# Seconds to wait for the row of a job that ended a moment after its submission.
_JUST_PUT: Final = 2.0


@dataclass(slots=True)
class Ticket:
    """One attempt in flight, and its outcome.

    Its row is made when it is needed, mostly by the thread that writes: two hundred rows in one
    go take a third of the time that they take one by one, each among a call's other work.
    """

    call_id: str
    attempt: int
    started_at: int
    started: float
    endpoint: str
    model: Any
    user: Any
    session: Any
    streamed: bool
    call: Mapping[str, Any] | None
    row: Row | None = None
    status: int | None = None
    headers: Mapping[str, str] | None = None
    latency_ms: int | None = None
    bill: Bill | None = None
    is_written: bool = False

    def made_row(self) -> Row:
        """The row, with the labels of the request."""
        if self.row is None:
            row = Row(
                call_id=self.call_id,
                attempt=self.attempt,
                started_at=self.started_at,
                endpoint=self.endpoint,
                model=metadata.label(self.model) or "",
                streamed=self.streamed,
            )
            metadata.put_labels(row, self.call or {}, user=self.user, session=self.session)
            self.row = row
        return self.row

    @property
    def generation_id(self) -> str | None:
        """OpenRouter's id, from the headers of an answer that is not an error."""
        if self.headers is None or self.status is None or self.status >= httpx.codes.BAD_REQUEST:
            return None
        return metadata.label(self.headers.get("x-generation-id"))

    def __call__(self) -> Row:
        """The row of an attempt that ended well, for the thread that writes."""
        return _finished(self, self.bill, None)


class Attempts:
    """Numbers of attempts of recent calls, by LiteLLM's call id."""

    def __init__(self) -> None:
        """Knows no calls yet."""
        self._recent: dict[str, int] = {}
        self._older: dict[str, int] = {}
        # The garbage collector may end an attempt wherever it runs, within these methods too.
        self._lock = threading.RLock()

    def after_fork(self) -> None:
        """Makes a new lock: a thread of the parent may hold the old one."""
        self._lock = threading.RLock()

    def next(self, call_id: str) -> int:
        """The number of a new attempt, from 1."""
        with self._lock:
            number = self._last(call_id) + 1
            self._put(call_id, number)
            return number

    def ended(self, call_id: str, number: int) -> None:
        """Makes a call recent again: its callback, or its next attempt, is about to come."""
        if call_id not in self._recent:
            with self._lock:
                self._put(call_id, max(number, self._last(call_id)))

    def _last(self, call_id: str) -> int:
        return self._recent.get(call_id) or self._older.get(call_id, 0)

    def _put(self, call_id: str, number: int) -> None:
        self._recent[call_id] = number
        if len(self._recent) >= _MOST_CALLS:
            # In this order, so that a lookup in another thread finds the call in one of them.
            self._older = self._recent
            self._recent = {}

    def __contains__(self, call_id: object) -> bool:
        return call_id in self._recent or call_id in self._older


# One for all ledgers: a call may outlast the ledger that it began under, and belongs to that one.
_attempts: Final = Attempts()


class LedgerGate:
    """The gate for `admission.guard`. Never fails a call, except by a refusal."""

    def __init__(
        self,
        store: Store,
        writer: Writer,
        enforcement: Enforcement,
        *,
        writes_ahead: bool = False,
    ) -> None:
        """Takes the ledger's parts, and whether all rows are written before sending."""
        self._store = store
        self._writer = writer
        self._enforcement = enforcement
        self._writes_ahead = writes_ahead
        self.attempts = _attempts
        self._in_flight: dict[int, Ticket] = {}

    def before_send(
        self, body: Mapping[str, Any], call: Mapping[str, Any], endpoint: str
    ) -> Ticket | None:
        """A ticket, with the request's worst case reserved where a budget applies.

        Raises:
            litellm.BudgetExceededError: it does not fit a budget, or the budget can't be checked.
        """
        now = time.time_ns() // 1000
        call_id = metadata.label(call.get("litellm_call_id")) or f"unnamed-{now}-{id(body):x}"
        ticket = Ticket(
            call_id,
            self.attempts.next(call_id),
            now,
            time.perf_counter(),
            endpoint,
            # All that a row needs from the body, which need not be kept.
            body.get("model"),
            body.get("user") or body.get("safety_identifier"),
            body.get("session_id"),
            body.get("stream") is True,
            call,
        )
        if self._enforcement.budgets:
            self._reserve(ticket.made_row(), body, endpoint)
            ticket.started = time.perf_counter()
        if self._writes_ahead and ticket.made_row().hold_id is None:
            self._writer.put(_open(ticket))
            self._writer.persist()
            ticket.started = time.perf_counter()
        self._in_flight[id(ticket)] = ticket
        return ticket

    def _reserve(self, row: Row, body: Mapping[str, Any], endpoint: str) -> None:
        refusal = self._enforcement.reserve(row, body, endpoint)
        if refusal is not None:
            row.outcome, row.error_class = ERROR, type(refusal).__name__
            row.cost_status, row.cost = BILLED, 0
            self._writer.put(row)
            raise refusal

    def seen(self, ticket: object, status: int, headers: Mapping[str, str]) -> None:
        """Records the generation id, so that the cost can be asked for if this process dies now."""
        if isinstance(ticket, Ticket):
            ticket.status, ticket.headers = status, headers
            if ticket.row is not None and ticket.row.hold_id and ticket.generation_id:
                self._put_open(ticket)

    def after_fork(self) -> None:
        """Leaves what is in flight in the parent to the parent."""
        self._in_flight = {}
        self.attempts.after_fork()

    def put_open(self) -> None:
        """Records the requests in flight whose ids are known and not written yet.

        Most requests end before that, and are written once; those with a reservation are written
        as soon as their headers are seen.
        """
        for ticket in list(self._in_flight.values()):
            if not ticket.is_written and ticket.generation_id:
                self._put_open(ticket)

    def _put_open(self, ticket: Ticket) -> None:
        ticket.is_written = True
        self._writer.put(functools.partial(_open, ticket))

    def after(self, ticket: object, bill: Bill | None, failure: BaseException | None) -> None:
        """Writes the attempt's row: what it cost, or that this is not known yet.

        In a forked child, nothing is written for what the parent had in flight.
        """
        if isinstance(ticket, Ticket) and self._in_flight.pop(id(ticket), None) is not None:
            self.attempts.ended(ticket.call_id, ticket.attempt)
            ticket.latency_ms = round((time.perf_counter() - ticket.started) * 1000)
            try:
                if failure is not None:
                    # Not kept for the writing thread: its traceback references the whole call.
                    self._writer.put(_finished(ticket, bill, failure))
                else:
                    ticket.bill = bill
                    self._writer.put(ticket)
            except Exception as wrong:  # noqa: BLE001 - no call fails over its row
                logger.warning("a request is missing from the ledger: %r", wrong)

    def job_ended(self, job_id: str, bill: Bill, failure: str | None) -> bool | None:
        """Writes what a job cost, into the row of the request that started it."""
        try:
            # Another process may have started it; this one may have a moment ago.
            row = self._row_of_job(job_id)
            if row is None and self._writer.flush(_JUST_PUT):
                row = self._row_of_job(job_id)
        except LedgerError as wrong:
            logger.warning("the cost of job %s is not in the ledger yet: %s", job_id, wrong)
            return None
        if row is None:
            return None
        is_new = row.outcome == OPEN or (bill.cost is not None and not bill.is_byok)
        if row.cost is not None or not is_new:
            return False
        read_job(row, bill, failure)
        self._writer.put(row)
        return True

    def _row_of_job(self, job_id: str) -> Row | None:
        found = self._store.rows("generation_id = :job_id", job_id=job_id)
        return next((row for row in found if row.endpoint in JOBS and not row.is_of_runner), None)


def _open(ticket: Ticket) -> Row:
    """A row of an attempt in flight, copied: the original may change at any moment."""
    row = copy.copy(ticket.made_row())
    row.generation_id = ticket.generation_id
    row.outcome, row.cost_status, row.cost = OPEN, UNKNOWN, None
    if row.generation_id:
        row.ask_after = row.started_at + OPEN_ASK
    return row


def _finished(ticket: Ticket, bill: Bill | None, failure: BaseException | None) -> Row:
    """The row of an ended attempt."""
    row = ticket.made_row()
    row.latency_ms = ticket.latency_ms
    if bill is not None:
        read_bill(row, bill)
    row.generation_id = row.generation_id or ticket.generation_id
    if failure is not None:
        row.outcome, row.error_class = ERROR, type(failure).__name__
        facts = getattr(failure, "openrouter", None) or {}
        row.error_code = metadata.label(facts.get("code") or getattr(failure, "status_code", None))
    elif row.streamed and row.cost is None and row.finish_reason is None:
        row.outcome = LEFT
    elif row.endpoint in JOBS and row.cost is None:
        # The job goes on, also without this process.
        row.outcome = OPEN
    else:
        row.outcome = OK
    if row.cost is None and _was_free(row, ticket.status, failure):
        row.cost_status, row.cost = BILLED, 0
    if row.cost is None and row.generation_id:
        row.ask_after = time.time_ns() // 1000 + FIRST_ASK
    return row


def _was_free(row: Row, status: int | None, failure: BaseException | None) -> bool:
    """Whether a request without a bill certainly cost nothing.

    OpenRouter charges nothing for a request that it answers with an error status: no completion
    token left it (zero completion insurance). One that was never sent costs nothing either.
    """
    if failure is None or row.generation_id:
        return False
    if status is None:
        return was_never_sent(failure)
    return status >= httpx.codes.BAD_REQUEST
