"""Reservations for requests in flight: what they may yet cost is not available to others.

Before a request is sent, its worst case is added to what its budgets' balances have reserved, on
condition that the limit still covers it, and a reservation is written down with it. A process
that dies leaves its reservations behind, and they go on counting until their cost is known.
Requests that ask at the same time share one transaction.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from openrouter_adapter.ledger import balances, store, tables
from openrouter_adapter.ledger.errors import LedgerError
from openrouter_adapter.money import MOST_PICO, picodollars, plain, to_pico, to_usd

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from openrouter_adapter.ledger.budgets import Account, Budget
    from openrouter_adapter.ledger.database import Database
    from openrouter_adapter.ledger.rows import Row


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request does not fit: amounts in picodollars.

    `is_for_now`: it would fit if all other reservations ended at no cost.
    """

    budget: Budget
    period: str
    spent: int
    held: int
    worst: int

    @property
    def is_for_now(self) -> bool:
        """Whether waiting for others' requests to end may help."""
        return self.spent + self.worst <= to_pico(self.budget.usd)

    def __str__(self) -> str:
        """Name the budget, what is spent, what is reserved and what the request could cost."""
        period = self.period.strip()
        what = self.budget.name + (f" ({period})" if period else "")
        limit = plain(self.budget.usd)
        return (
            f"budget {what}: {_usd(self.spent)} of {limit} USD are spent and "
            f"{_usd(self.held)} USD reserved for other requests; this one could cost "
            f"{_usd(self.worst)} USD"
        )


class _NoRoomError(Exception):
    """Some requests don't fit together; the transaction that tried is undone."""

    def __init__(self, refusal: Refusal) -> None:
        """Takes the refusal, which is about a single request if the group had only one."""
        super().__init__(str(refusal))
        self.refusal = refusal


@dataclass(slots=True)
class _Pending:
    """One request, waiting for the transaction that decides it."""

    row: Row
    worst: int
    budgets: Sequence[Budget]
    hold_id: str = ""
    failure: Refusal | LedgerError | None = None
    is_decided: bool = False

    def accounts(self, known: dict[str, Budget]) -> list[tuple[Budget, Account]]:
        """Budgets and accounts that it counts in, by the budgets as they are in the database now.

        This process may know budgets that were removed, or set again for other requests.
        """
        now = [(was, known.get(was.name)) for was in self.budgets]
        return [
            (budget, account)
            for was, budget in now
            if budget is not None and budget.scope == was.scope
            for account in budget.accounts(self.row)
        ]


class Reservations:
    """The reservations of one process on one ledger. Safe from any thread.

    Attributes:
        database: The ledger's.
        lease_seconds: How long a process may be silent before it counts as dead.
    """

    def __init__(self, database: Database, lease_seconds: float = 60.0) -> None:
        """Reserves nothing yet."""
        self.database = database
        self.lease_seconds = lease_seconds
        self.after_fork()

    def after_fork(self) -> None:
        """Starts again in a child: the parent's reservations are the parent's."""
        self._worker: str | None = None
        self._waiting: list[_Pending] = []
        self._list_lock = threading.Lock()
        self._turn = threading.Lock()

    def reserve(self, row: Row, worst: Decimal, budgets: Sequence[Budget]) -> Refusal | None:
        """Reserves a request's worst case under all budgets that apply to it.

        The row's `hold_id` is set; when its cost is written (`Store.write`), the reservation ends.

        Args:
            row: The request, with its labels and `started_at`.
            worst: The most that it can cost, in USD.
            budgets: Those that apply to it.

        Returns:
            None, or why it does not fit; nothing is reserved then.

        Raises:
            LedgerError: the ledger can't be written; nothing is reserved then.
        """
        (found,) = self.reserve_all([(row, worst, budgets)])
        if isinstance(found, LedgerError):
            raise found
        return found

    def reserve_all(
        self, requests: Sequence[tuple[Row, Decimal, Sequence[Budget]]]
    ) -> list[Refusal | LedgerError | None]:
        """Reserves for many requests in one transaction; returns for each what `reserve` does.

        Args:
            requests: Row, worst case in USD and budgets of each.
        """
        mine = [_Pending(row, picodollars(worst), budgets) for row, worst, budgets in requests]
        with self._list_lock:
            self._waiting += mine
        # The thread that gets the turn decides for all that wait; the others find theirs decided.
        with self._turn:
            if not all(one.is_decided for one in mine):
                self._decide()
        for one in mine:
            if one.failure is None:
                one.row.hold_id = one.hold_id
        return [one.failure for one in mine]

    def _decide(self) -> None:
        with self._list_lock:
            waiting, self._waiting = self._waiting, []
        failure: Refusal | LedgerError | None = LedgerError("the reservation was interrupted")
        groups: list[Sequence[_Pending]] = [waiting]
        try:
            while groups:
                group = groups.pop()
                if self._try(group):
                    for one in group:
                        one.is_decided = True
                else:
                    # Those that came first are reserved first.
                    half = len(group) // 2
                    groups += [group[half:], group[:half]]
        except LedgerError as raised:
            failure = raised
        finally:
            for one in waiting:
                if not one.is_decided:
                    # It may have been committed: its reservations end with this worker.
                    self._worker = None
                    one.failure, one.is_decided = failure, True

    def _try(self, group: Sequence[_Pending]) -> bool:
        """Decides requests that fit together, or a single one; returns whether it could."""
        try:
            self._worker = self.database.write(
                lambda connection: self._reserve(connection, group), is_durable=True
            )
        except _NoRoomError as full:
            if len(group) > 1:
                return False
            group[0].failure = full.refusal
        return True

    def _reserve(self, connection: sa.Connection, group: Sequence[_Pending]) -> str | None:
        """Reserves the worst cases of all requests of a group; returns the worker that has them."""
        found = connection.execute(_BUDGETS, {"worker": self._worker}).all()
        known = {one.name: balances.budget_of(one) for one in found}
        worker = self._worker
        if found and not found[0].is_alive:
            worker = _enter(connection, self.database, self.lease_seconds)
        wanted: dict[Account, tuple[Budget, int]] = {}
        records: list[dict[str, object]] = []
        for one in group:
            one.hold_id = uuid.uuid4().hex
            for budget, account in one.accounts(known):
                _, before = wanted.get(account, (budget, 0))
                wanted[account] = budget, before + one.worst
                records.append(_record(one, account, worker))
        if records:
            # Whatever becomes of this process, each attempt that may be billed has its row.
            rows = [replace(one.row, hold_id=one.hold_id) for one in group]
            store.insert(connection, self.database, rows)
            connection.execute(sa.insert(tables.reservations), records)
        # Last: from here to the commit, others wait for the same balances.
        for account in sorted(wanted):
            budget, amount = wanted[account]
            full = balances.reserve(connection, budget, account, amount)
            if full is not None:
                raise _NoRoomError(Refusal(budget, account[1], *full, amount))
        return worker

    def beat(self) -> None:
        """Records that this process is alive, and which others are not.

        Raises:
            LedgerError: the ledger can't be written.
        """

        def work(connection: sa.Connection) -> None:
            now = self.database.now(connection)
            mine = sa.update(tables.workers).where(tables.workers.c.id == self._worker)
            connection.execute(mine.values(seen_at=now))
            end_dead(connection, self.database)

        self.database.write(work)

    def close(self) -> None:
        """Ends this worker. Reservations that are left count as unsettled.

        Raises:
            LedgerError: the ledger can't be written.
        """
        with self._turn:
            worker, self._worker = self._worker, None
            if worker is not None:
                self.database.write(lambda connection: _leave(connection, [worker]))

    def release(self, hold_ids: Sequence[str]) -> int:
        """Ends reservations by a person's decision; returns how many there were.

        What is billed later still counts.

        Raises:
            LedgerError: the ledger can't be written.
        """
        return self.database.write(lambda connection: balances.release(connection, hold_ids))


_BUDGETS: Final = (
    sa.select(
        tables.budgets,
        sa.exists()
        .where(tables.workers.c.id == sa.bindparam("worker"), ~tables.workers.c.is_dead)
        .label("is_alive"),
    )
    .order_by(tables.budgets.c.name)
    # None is removed before this transaction ends.
    .with_for_update(read=True, key_share=True, of=tables.budgets)
)


def _record(one: _Pending, account: Account, worker: str | None) -> dict[str, object]:
    budget, period = account
    return {
        "id": one.hold_id,
        "budget": budget,
        "period": period,
        "worker": worker,
        "amount": min(one.worst, MOST_PICO),
        "made_at": one.row.started_at,
        "call_id": one.row.call_id,
        "attempt": one.row.attempt,
        "model": one.row.model,
    }


def _enter(connection: sa.Connection, database: Database, lease_seconds: float) -> str:
    """Adds this process to the workers; returns its id there."""
    worker = uuid.uuid4().hex
    connection.execute(
        sa.insert(tables.workers),
        {
            "id": worker,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "seen_at": database.now(connection),
            "lease_ms": round(lease_seconds * 1000),
            "is_dead": False,
        },
    )
    return worker


def _leave(connection: sa.Connection, workers: Sequence[str]) -> None:
    ended = sa.update(tables.workers).where(tables.workers.c.id.in_(workers))
    connection.execute(ended.values(is_dead=True))


def end_dead(connection: sa.Connection, database: Database) -> int:
    """Ends the workers whose process is gone; returns how many.

    Their reservations stay and count, as it is not known yet what those requests cost. A process
    that was marked dead wrongly, such as on a laptop that slept, enters again at its next request.
    """
    workers, reservations, attempts = tables.workers.c, tables.reservations.c, tables.attempts.c
    now = database.now(connection)
    dead = [
        one.id
        for one in connection.execute(sa.select(tables.workers).where(~workers.is_dead)).all()
        if one.seen_at + one.lease_ms * 1000 < now
        or (one.host == socket.gethostname() and not _runs(one.pid))
    ]
    if dead:
        _leave(connection, dead)
        # OpenRouter can be asked at once what their last requests cost.
        theirs = sa.select(reservations.id).where(reservations.worker.in_(dead))
        due = sa.update(tables.attempts).where(
            attempts.cost.is_(None),
            attempts.generation_id.is_not(None),
            attempts.hold_id.is_not(None),
            attempts.hold_id.in_(theirs),
        )
        connection.execute(due.values(ask_after=now))
    # Every process reads the list at each beat.
    has_reserved = sa.exists().where(reservations.worker == workers.id)
    connection.execute(sa.delete(tables.workers).where(workers.is_dead, ~has_reserved))
    return len(dead)


def _runs(pid: int) -> bool:
    # On Windows, signal 0 is Ctrl-C; there, the heartbeat alone has to be enough.
    if sys.platform != "win32":
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except (OSError, OverflowError):
            return True
    return True


def _usd(pico: int) -> str:
    return plain(to_usd(pico))
