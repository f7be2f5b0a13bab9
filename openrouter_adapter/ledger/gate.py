"""The ledger's side of admission.py: a row for every attempt, a hold where there is a budget."""

from __future__ import annotations

import copy
import functools
import itertools
import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx

from openrouter_adapter.ledger import metadata
from openrouter_adapter.ledger.billing import read_bill, was_never_sent
from openrouter_adapter.ledger.rows import BILLED, ERROR, LEFT, OK, OPEN, UNKNOWN, Row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openrouter_adapter.ledger.enforcement import Enforcement
    from openrouter_adapter.ledger.writer import Writer
    from openrouter_adapter.wire.usage import Bill

logger = logging.getLogger("openrouter_adapter")

_MOST_CALLS: Final = 8_192
# OpenRouter knows what a request cost some seconds after its end.
FIRST_ASK: Final = 2_000_000
# A request that is in the air this long has perhaps lost its process.
OPEN_ASK: Final = 300_000_000


@dataclass(slots=True)
class Ticket:
    """One attempt in the air, and what becomes of it.

    Its row is made when it is needed, mostly by the thread that writes: two hundred rows in one
    go take a third of the time that each takes among a call's other work.
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
        """The row, with who asked and for what."""
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
        """OpenRouter's, from the headers of an answer that is none of refusal."""
        if self.headers is None or self.status is None or self.status >= httpx.codes.BAD_REQUEST:
            return None
        return metadata.label(self.headers.get("x-generation-id"))

    def __call__(self) -> Row:
        """The row of an attempt that has ended well, for the thread that writes."""
        return _finished(self, self.bill, None)


class Attempts:
    """Counts the attempts of the calls of late, by LiteLLM's call id."""

    def __init__(self) -> None:
        """Knows none."""
        self._counts: dict[str, int] = {}
        # The garbage collector may end an attempt wherever it runs, within these methods too.
        self._lock = threading.RLock()

    def after_fork(self) -> None:
        """Takes a lock that no thread of the parent holds."""
        self._lock = threading.RLock()

    def next(self, call_id: str) -> int:
        """The number of a new attempt, from 1."""
        with self._lock:
            number = self._counts.get(call_id, 0) + 1
            self._counts[call_id] = number
            if len(self._counts) > _MOST_CALLS:
                for old in list(itertools.islice(self._counts, _MOST_CALLS // 2)):
                    del self._counts[old]
            return number

    def ended(self, call_id: str, number: int) -> None:
        """Makes a call one of late again: its callback, or its next attempt, is about to come."""
        with self._lock:
            self._counts[call_id] = max(number, self._counts.pop(call_id, 0))

    def __contains__(self, call_id: object) -> bool:
        return call_id in self._counts


# One for all ledgers: a call may outlast the ledger that it began under, and is that one's.
_attempts: Final = Attempts()


class LedgerGate:
    """What `admission.guard` gets. Never breaks a call, save by a refusal."""

    def __init__(
        self, writer: Writer, enforcement: Enforcement, *, writes_ahead: bool = False
    ) -> None:
        """Takes where rows go, what is held, and whether all rows are written before sending."""
        self._writer = writer
        self._enforcement = enforcement
        self._writes_ahead = writes_ahead
        self.attempts = _attempts
        self._in_air: dict[int, Ticket] = {}

    def before_send(
        self, body: Mapping[str, Any], call: Mapping[str, Any], endpoint: str
    ) -> Ticket | None:
        """A ticket, with the request's worst case held where a budget applies.

        Raises:
            litellm.BudgetExceededError: a budget has no room for it, or can't be asked.
        """
        now = time.time_ns() // 1000
        call_id = metadata.label(call.get("litellm_call_id")) or f"unnamed-{now}-{id(body):x}"
        ticket = Ticket(
            call_id,
            self.attempts.next(call_id),
            now,
            time.perf_counter(),
            endpoint,
            # Of a body, all that a row wants to know; the rest need not be kept.
            body.get("model"),
            body.get("user") or body.get("safety_identifier"),
            body.get("session_id"),
            body.get("stream") is True,
            call,
        )
        if self._enforcement.budgets:
            self._hold(ticket.made_row(), body, endpoint)
            ticket.started = time.perf_counter()
        if self._writes_ahead and ticket.made_row().hold_id is None:
            self._writer.put(_open(ticket))
            self._writer.persist()
            ticket.started = time.perf_counter()
        self._in_air[id(ticket)] = ticket
        return ticket

    def _hold(self, row: Row, body: Mapping[str, Any], endpoint: str) -> None:
        refusal = self._enforcement.hold(row, body, endpoint)
        if refusal is not None:
            row.outcome, row.error_class = ERROR, type(refusal).__name__
            row.cost_status, row.cost = BILLED, 0
            self._writer.put(row)
            raise refusal

    def seen(self, ticket: object, status: int, headers: Mapping[str, str]) -> None:
        """Writes down the generation id: if this process dies now, its cost can be asked for."""
        if isinstance(ticket, Ticket):
            ticket.status, ticket.headers = status, headers
            if ticket.row is not None and ticket.row.hold_id and ticket.generation_id:
                self._put_open(ticket)

    def after_fork(self) -> None:
        """Leaves what is in the air in the parent to the parent."""
        self._in_air = {}
        self.attempts.after_fork()

    def put_open(self) -> None:
        """Writes down the requests in the air whose ids are known and not written yet.

        Most requests end before that, and are written once; those with a hold are written as
        soon as their headers are seen.
        """
        for ticket in list(self._in_air.values()):
            if not ticket.is_written and ticket.generation_id:
                self._put_open(ticket)

    def _put_open(self, ticket: Ticket) -> None:
        ticket.is_written = True
        self._writer.put(functools.partial(_open, ticket))

    def after(self, ticket: object, bill: Bill | None, failure: BaseException | None) -> None:
        """Writes the attempt's row: what it cost, or that this is not known yet.

        In a forked child nothing becomes of what the parent had in the air.
        """
        if isinstance(ticket, Ticket) and self._in_air.pop(id(ticket), None) is not None:
            self.attempts.ended(ticket.call_id, ticket.attempt)
            ticket.latency_ms = round((time.perf_counter() - ticket.started) * 1000)
            try:
                if failure is not None:
                    # Not kept for the writing thread: its traceback holds the whole call.
                    self._writer.put(_finished(ticket, bill, failure))
                else:
                    ticket.bill = bill
                    self._writer.put(ticket)
            except Exception as wrong:  # noqa: BLE001 - no call breaks over its row
                logger.warning("a request is missing in the ledger: %r", wrong)


def _open(ticket: Ticket) -> Row:
    """The row of an attempt in the air; its end may be written into the original at any moment."""
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
    else:
        row.outcome = OK
    if row.cost is None and _was_free(row, ticket.status, failure):
        row.cost_status, row.cost = BILLED, 0
    if row.cost is None and row.generation_id:
        row.ask_after = time.time_ns() // 1000 + FIRST_ASK
    return row


def _was_free(row: Row, status: int | None, failure: BaseException | None) -> bool:
    """Whether a request without a bill cost nothing for certain.

    OpenRouter charges nothing for a request that it answers with an error status: no completion
    token left it (zero completion insurance). One that was never sent costs nothing either.
    """
    if failure is None or row.generation_id:
        return False
    if status is None:
        return was_never_sent(failure)
    return status >= httpx.codes.BAD_REQUEST
