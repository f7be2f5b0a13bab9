"""The ledger's side of admission.py: a row for every attempt, a hold where there is a budget."""

from __future__ import annotations

import collections
import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx

from openrouter_adapter.ledger import calls
from openrouter_adapter.ledger.charges import read_bill, was_never_sent
from openrouter_adapter.ledger.rows import BILLED, ERROR, LEFT, OK, Row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openrouter_adapter.ledger.limits import Limits
    from openrouter_adapter.ledger.writer import Writer
    from openrouter_adapter.usage import Bill

logger = logging.getLogger("openrouter_adapter")

_MOST_CALLS: Final = 65_536
# OpenRouter knows what a request cost some seconds after its end.
FIRST_ASK: Final = 2_000_000
# A request that is in the air this long has perhaps lost its process.
OPEN_ASK: Final = 300_000_000


@dataclass(slots=True)
class Ticket:
    """One attempt in the air: its row, and what its headers said."""

    row: Row
    started: float
    status: int | None = None


class Attempts:
    """Counts the attempts of the calls of late, by LiteLLM's call id."""

    def __init__(self) -> None:
        """Knows none."""
        self._counts: collections.OrderedDict[str, int] = collections.OrderedDict()
        self._lock = threading.Lock()

    def next(self, call_id: str) -> int:
        """The number of a new attempt, from 1."""
        with self._lock:
            number = self._counts.pop(call_id, 0) + 1
            self._counts[call_id] = number
            if len(self._counts) > _MOST_CALLS:
                self._counts.popitem(last=False)
            return number

    def __contains__(self, call_id: object) -> bool:
        return call_id in self._counts


class LedgerGate:
    """What `admission.guard` gets. Never breaks a call, save by a refusal."""

    def __init__(self, writer: Writer, limits: Limits) -> None:
        """Takes where rows go and what is held."""
        self._writer = writer
        self._limits = limits
        self.attempts = Attempts()

    def before_send(
        self, body: Mapping[str, Any], call: Mapping[str, Any], endpoint: str
    ) -> Ticket | None:
        """A ticket, with the request's worst case held where a budget applies.

        Raises:
            litellm.BudgetExceededError: a budget has no room for it, or can't be asked.
        """
        row = self._row(body, call, endpoint)
        refusal = self._limits.hold(row, body, endpoint)
        if refusal is not None:
            row.outcome, row.error_class = ERROR, type(refusal).__name__
            row.cost_status, row.cost = BILLED, 0
            self._writer.put(row)
            raise refusal
        return Ticket(row, time.perf_counter())

    def _row(self, body: Mapping[str, Any], call: Mapping[str, Any], endpoint: str) -> Row:
        metadata = calls.metadata_of(call)
        now = time.time_ns() // 1000
        call_id = calls.label(call.get("litellm_call_id")) or f"unnamed-{now}-{id(body):x}"
        return Row(
            call_id=call_id,
            attempt=self.attempts.next(call_id),
            started_at=now,
            endpoint=endpoint,
            model=calls.label(body.get("model")) or "",
            user_id=calls.user_of(body, metadata),
            key_name=calls.key_of(call, metadata),
            job=calls.job_of(metadata),
            tags=calls.tags_of(call, metadata),
            streamed=body.get("stream") is True,
        )

    def seen(self, ticket: object, status: int, generation_id: str | None) -> None:
        """Writes down the generation id: if this process dies now, its cost can be asked for."""
        if isinstance(ticket, Ticket):
            ticket.status = status
            if generation_id and status < httpx.codes.BAD_REQUEST:
                row = ticket.row
                row.generation_id = generation_id[:128]
                row.ask_after = row.started_at + OPEN_ASK
                self._writer.put(row)

    def after(self, ticket: object, bill: Bill | None, failure: BaseException | None) -> None:
        """Writes the attempt's row: what it cost, or that this is not known yet."""
        if isinstance(ticket, Ticket):
            try:
                self._writer.put(_finished(ticket, bill, failure))
            except Exception as wrong:  # noqa: BLE001 - no call breaks over its row
                logger.warning("a request is missing in the ledger: %r", wrong)


def _finished(ticket: Ticket, bill: Bill | None, failure: BaseException | None) -> Row:
    """The row of an ended attempt; not the ticket's own, which may just be being written."""
    before = ticket.row
    row = Row(
        call_id=before.call_id,
        attempt=before.attempt,
        started_at=before.started_at,
        generation_id=before.generation_id,
        latency_ms=round((time.perf_counter() - ticket.started) * 1000),
        endpoint=before.endpoint,
        model=before.model,
        user_id=before.user_id,
        key_name=before.key_name,
        job=before.job,
        tags=before.tags,
        streamed=before.streamed,
        hold_id=before.hold_id,
    )
    if bill is not None:
        read_bill(row, bill)
    if failure is not None:
        row.outcome, row.error_class = ERROR, type(failure).__name__
        facts = getattr(failure, "openrouter", None) or {}
        row.error_code = calls.label(facts.get("code") or getattr(failure, "status_code", None))
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
