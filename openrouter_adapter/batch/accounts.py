"""The ledger's side of a job: a row for each attempt, and the ledger's own budgets.

A job's `--budget` is kept by its folder. Budgets of the ledger (of a day, a key, a job that is
spread over machines, …) hold beside it, for every attempt that they apply to.
"""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import ledger as ledgers
from openrouter_adapter.batch import money, retries
from openrouter_adapter.batch.exceptions import BatchError
from openrouter_adapter.ledger import Ledger, LedgerError, Row
from openrouter_adapter.ledger.calls import key_name, label
from openrouter_adapter.ledger.charges import read_bill
from openrouter_adapter.ledger.database import VARIABLE
from openrouter_adapter.ledger.rows import BILLED, ERROR, OK, OPEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openrouter_adapter.batch.lanes import Flight
    from openrouter_adapter.batch.results import Attempt
    from openrouter_adapter.batch.sending import Outcome
    from openrouter_adapter.ledger import Refusal

# Attempts of one run: more than any request is ever tried.
_A_RUN: Final = 1000
# Who asks for a hold at the same time shares a commit: so many ask at once.
_ASK_AT_ONCE: Final = 32
# OpenRouter knows a generation some seconds after its end, microseconds.
_FIRST_ASK: Final = 2_000_000


class Accounts:
    """Writes a job's attempts to a ledger; does nothing where there is none."""

    def __init__(self, ledger: Ledger | None, job: str, key: str, *, is_ours: bool) -> None:
        """Takes an open ledger; `is_ours` says that it is to be closed with the run."""
        self._ledger, self._is_ours = ledger, is_ours
        self._job, self._key = job, key_name(key)
        self._pool: ThreadPoolExecutor | None = None

    @property
    def is_on(self) -> bool:
        """Whether there is a ledger."""
        return self._ledger is not None

    def row(self, attempt: Attempt, flight: Flight, outcome: Outcome) -> Row:
        """The row of an attempt that has ended."""
        row = flight.row or self._new_row(attempt, flight)
        row.latency_ms = round(outcome.latency * 1000)
        read_bill(row, outcome.bill)
        failure = outcome.failure
        if failure is None:
            row.outcome = OK
        else:
            facts = getattr(failure, "openrouter", None) or {}
            row.outcome, row.error_class = ERROR, type(failure).__name__
            row.error_code = label(facts.get("code") or retries.status_of(failure))
        if row.cost is None and row.generation_id:
            row.ask_after = time.time_ns() // 1000 + _FIRST_ASK
        return row

    def _new_row(self, attempt: Attempt, flight: Flight) -> Row:
        body = flight.request.body
        return Row(
            call_id=self._call_id(attempt),
            attempt=attempt.run * _A_RUN + attempt.number,
            started_at=time.time_ns() // 1000,
            endpoint=flight.request.endpoint.path,
            model=flight.request.model,
            user_id=label(body.get("user")),
            key_name=self._key,
            job=self._job,
        )

    def _call_id(self, attempt: Attempt) -> str:
        return f"{self._job}-{attempt.line}"

    def write(self, rows: Sequence[Row]) -> None:
        """Writes rows; twice is as good as once.

        Raises:
            LedgerError: the ledger can't be written.
        """
        if self._ledger is not None and rows:
            self._ledger.store.write(rows)

    def settled_before(self, attempts: Mapping[Attempt, object]) -> dict[Attempt, int]:
        """What the ledger knows of attempts that the journal thinks open, picodollars.

        Raises:
            LedgerError: the ledger can't be read.
        """
        found: dict[Attempt, int] = {}
        if self._ledger is None:
            return found
        for attempt in attempts:
            number = attempt.run * _A_RUN + attempt.number
            rows = self._ledger.store.rows(
                "call_id = :call_id AND attempt = :number",
                call_id=self._call_id(attempt),
                number=number,
            )
            if rows and rows[0].total is not None:
                found[attempt] = rows[0].total
        return found

    def write_found(self, attempt: Attempt, cost: int, fields: Mapping[str, Any]) -> None:
        """Writes what an attempt of an earlier run was charged.

        Args:
            attempt: Which one.
            cost: Picodollars.
            fields: Of its result, as far as they are known.

        Raises:
            LedgerError: the ledger can't be written.
        """
        row = Row(
            call_id=self._call_id(attempt),
            attempt=attempt.run * _A_RUN + attempt.number,
            started_at=time.time_ns() // 1000,
            generation_id=fields.get("generation_id"),
            served_model=fields.get("model"),
            provider=fields.get("provider"),
            prompt_tokens=fields.get("prompt_tokens") or 0,
            completion_tokens=fields.get("completion_tokens") or 0,
            key_name=self._key,
            job=self._job,
            outcome=OK if "error" in fields and fields["error"] is None else OPEN,
            cost_status=BILLED,
            cost=cost,
        )
        self.write([row])

    @property
    def holds(self) -> bool:
        """Whether the ledger has budgets that may apply to the job."""
        return self._ledger is not None and any(
            budget.job in {None, self._job} and budget.key in {None, self._key}
            for budget in self._ledger.limits.budgets
        )

    async def hold(
        self, attempts: Sequence[tuple[Attempt, Flight]]
    ) -> list[Refusal | LedgerError | None]:
        """Holds the worst case of each attempt under all budgets that apply; or says why not."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_ASK_AT_ONCE, thread_name_prefix="batch-holds")
        loop = asyncio.get_running_loop()
        return await asyncio.gather(
            *(loop.run_in_executor(self._pool, self._hold, *one) for one in attempts)
        )

    def _hold(self, attempt: Attempt, flight: Flight) -> Refusal | LedgerError | None:
        assert self._ledger is not None  # noqa: S101 - holds is asked first
        row = self._new_row(attempt, flight)
        flight.row = row
        found = [budget for budget in self._ledger.limits.budgets if budget.applies_to(row)]
        if not found:
            return None
        if flight.worst is None:
            return LedgerError("a budget needs a bound: give max_tokens, or provider.max_price")
        try:
            return self._ledger.holds.take(row, money.usd(flight.worst), found)
        except LedgerError as failure:
            return failure

    def close(self) -> None:
        """Writes what waits, gives back what is not held."""
        if self._pool is not None:
            self._pool.shutdown()
        if self._ledger is not None and self._is_ours:
            self._ledger.close()


def open_accounts(where: str | os.PathLike[str] | None, job: str, key: str) -> Accounts:
    """The accounts of a job.

    Args:
        where: A ledger's path or URL; None for the one that is enabled in this process, else for
            what OPENROUTER_ADAPTER_LEDGER names, else for none.
        job: The job's name in the ledger.
        key: The API key; the ledger keeps a short hash of it.

    Raises:
        BatchError: the ledger can't be opened.
    """
    if where is None and ledgers.is_enabled():
        return Accounts(ledgers.current(), job, key, is_ours=False)
    if where is None and not os.environ.get(VARIABLE):
        return Accounts(None, job, key, is_ours=False)
    try:
        ledger = ledgers.open(where)
        ledger.limits.refresh()
        ledger.start()
    except LedgerError as failure:
        raise BatchError(f"The ledger can't be opened: {failure}.") from None
    return Accounts(ledger, job, key, is_ours=True)
