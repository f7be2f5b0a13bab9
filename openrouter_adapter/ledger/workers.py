"""Which processes are alive: each that holds money says so, and the silent ones are found.

Being called dead wrongly (a laptop that slept) harms nobody: a worker that takes more money first
looks whether it still counts as alive, in the same transaction, and starts anew if it does not.
"""

from __future__ import annotations

import os
import socket
import sys
import uuid
from typing import TYPE_CHECKING

import sqlalchemy as sa

from openrouter_adapter.ledger import balances

if TYPE_CHECKING:
    from openrouter_adapter.ledger.budgets import Account
    from openrouter_adapter.ledger.database import Database


def enter(connection: sa.Connection, database: Database, lease_seconds: float) -> str:
    """Writes this process into the list of workers; gives its id there."""
    worker = uuid.uuid4().hex
    connection.execute(
        sa.text(
            "INSERT INTO ledger_workers (id, host, pid, seen_at, lease_ms, is_dead) "
            "VALUES (:id, :host, :pid, :now, :lease_ms, :false)"
        ),
        {
            "id": worker,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "now": database.now(connection),
            "lease_ms": round(lease_seconds * 1000),
            "false": False,
        },
    )
    return worker


def is_alive(connection: sa.Connection, worker: str) -> bool:
    """Whether a worker counts as alive; in this transaction it stays so."""
    lock = " FOR SHARE" if connection.dialect.name == "postgresql" else ""
    is_dead = connection.scalar(
        sa.text(f"SELECT is_dead FROM ledger_workers WHERE id = :id{lock}"),  # noqa: S608
        {"id": worker},
    )
    return is_dead is not None and not is_dead


def leases(connection: sa.Connection, worker: str) -> set[Account]:
    """The accounts that a worker was granted money from; those of removed budgets are gone."""
    query = sa.text("SELECT budget, period FROM ledger_leases WHERE worker = :worker")
    return {(budget, period) for budget, period in connection.execute(query, {"worker": worker})}


def beat(connection: sa.Connection, database: Database, worker: str) -> None:
    """Says that a worker is alive."""
    connection.execute(
        sa.text("UPDATE ledger_workers SET seen_at = :now WHERE id = :id"),
        {"now": database.now(connection), "id": worker},
    )


def leave(connection: sa.Connection, worker: str) -> None:
    """Ends a worker: its money goes back, save what its holds may yet cost."""
    connection.execute(
        sa.text("UPDATE ledger_workers SET is_dead = :true WHERE id = :id"),
        {"true": True, "id": worker},
    )
    give_back(connection, worker)


def bury(connection: sa.Connection, database: Database) -> int:
    """Ends the workers whose process is gone; gives how many.

    Their holds stay and count: nobody knows yet what became of those requests.
    """
    now = database.now(connection)
    silent = connection.execute(
        sa.text(
            "SELECT id, host, pid, seen_at, lease_ms FROM ledger_workers WHERE NOT is_dead "
            "ORDER BY id"
        )
    ).fetchall()
    dead = [
        one.id
        for one in silent
        if one.seen_at + one.lease_ms * 1000 < now
        or (one.host == socket.gethostname() and not _runs(one.pid))
    ]
    if dead:
        balances.lock(connection)
    for worker in dead:
        leave(connection, worker)
        # What OpenRouter knows of its last requests can be asked for at once.
        connection.execute(
            sa.text(
                "UPDATE ledger_attempts SET ask_after = :now WHERE cost IS NULL "
                "AND generation_id IS NOT NULL AND hold_id IS NOT NULL "
                "AND hold_id IN (SELECT id FROM ledger_holds WHERE worker = :worker)"
            ),
            {"now": now, "worker": worker},
        )
    _forget_buried(connection)
    return len(dead)


def _forget_buried(connection: sa.Connection) -> None:
    """Takes the dead that hold nothing out of the list, which every process reads at each beat."""
    connection.execute(
        sa.text(
            "DELETE FROM ledger_workers WHERE is_dead AND NOT EXISTS "
            "(SELECT 1 FROM ledger_holds AS hold WHERE hold.worker = ledger_workers.id)"
        )
    )
    connection.execute(
        sa.text(
            "DELETE FROM ledger_leases WHERE NOT EXISTS "
            "(SELECT 1 FROM ledger_workers AS worker WHERE worker.id = ledger_leases.worker)"
        )
    )


def give_back(connection: sa.Connection, worker: str) -> None:
    """Returns what a worker was granted and does not hold."""
    leases = connection.execute(
        sa.text(
            "SELECT lease.budget, lease.period, lease.granted - COALESCE((SELECT SUM(amount) "
            "FROM ledger_holds AS hold WHERE hold.worker = lease.worker "
            "AND hold.budget = lease.budget AND hold.period = lease.period), 0) AS idle "
            "FROM ledger_leases AS lease WHERE lease.worker = :worker ORDER BY budget, period"
        ),
        {"worker": worker},
    ).fetchall()
    for budget, period, idle in leases:
        move(connection, worker, budget, period, -int(idle))


def move(connection: sa.Connection, worker: str, budget: str, period: str, amount: int) -> None:
    """Adds to what a worker was granted, and to what its account counts as held."""
    if not amount:
        return
    given = {"amount": amount, "worker": worker, "budget": budget, "period": period}
    connection.execute(
        sa.text(
            "UPDATE ledger_accounts SET held = held + :amount "
            "WHERE budget = :budget AND period = :period"
        ),
        given,
    )
    if amount < 0:
        balances.lower_lease(connection, worker, (budget, period), -amount)
        return
    connection.execute(
        sa.text(
            "INSERT INTO ledger_leases (worker, budget, period, granted) "
            "VALUES (:worker, :budget, :period, :amount) "
            "ON CONFLICT (worker, budget, period) "
            "DO UPDATE SET granted = ledger_leases.granted + excluded.granted"
        ),
        given,
    )


def _runs(pid: int) -> bool:
    # On Windows signal 0 is Ctrl-C; there a worker's lease tells.
    if sys.platform != "win32":
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except (OSError, OverflowError):
            return True
    return True
