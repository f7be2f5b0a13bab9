"""What budgets count: `spent` is always the sum of their rows, `held` what holds may yet cost.

Both move in the transaction that writes the rows, so neither a crash nor another process sees
one without the other.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from openrouter_adapter.ledger import budgets
from openrouter_adapter.ledger.money import MOST_PICO, PART, whole
from openrouter_adapter.ledger.rows import BILLED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from openrouter_adapter.ledger.budgets import Budget
    from openrouter_adapter.ledger.rollups import Change
    from openrouter_adapter.ledger.rows import Row

_IDS_A_QUERY: Final = 500

Account = tuple[str, str]
"""A budget's name and a period's."""


def ensure(connection: sa.Connection, rows: Sequence[Row]) -> list[Budget]:
    """Opens the accounts that rows will be counted in; gives all budgets.

    Must come before the rows are written: an account opens with the sum of those that are there.
    """
    found = budgets.load(connection)
    if found:
        wanted = {
            (budget.name, budget.period(row.started_at)): budget
            for row in rows
            for budget in found
            if budget.applies_to(row)
        }
        for (_, period), budget in sorted(wanted.items()):
            open_account(connection, budget, period)
    return found


def open_first(connection: sa.Connection, budget: Budget, period: str) -> None:
    """Opens the account of a budget that nobody else knows yet."""
    if connection.dialect.name == "postgresql":
        # Who is writing rows without knowing of the budget is waited for, and counted.
        connection.execute(sa.text("LOCK TABLE ledger_attempts IN EXCLUSIVE MODE"))
    # Who wrote rows while an older budget of this name was removed has perhaps left one.
    connection.execute(
        sa.text("DELETE FROM ledger_accounts WHERE budget = :name"), {"name": budget.name}
    )
    open_account(connection, budget, period)


def open_account(connection: sa.Connection, budget: Budget, period: str) -> None:
    """Opens a budget's account of a period, if it is not, with what was spent already."""
    key = {"budget": budget.name, "period": period}
    there = connection.scalar(
        sa.text("SELECT 1 FROM ledger_accounts WHERE budget = :budget AND period = :period"), key
    )
    if not there:
        spent = _spent(connection, budget, period)
        connection.execute(
            sa.text(
                "INSERT INTO ledger_accounts (budget, period, spent, held) "
                "VALUES (:budget, :period, :spent, 0) ON CONFLICT (budget, period) DO NOTHING"
            ),
            {**key, "spent": spent},
        )


def _spent(connection: sa.Connection, budget: Budget, period: str) -> int:
    """The picodollars of the rows that are there."""
    conditions = ["via = 'openrouter'", "cost_status = :billed"]
    given: dict[str, object] = {"billed": BILLED}
    if budget.per != "total":
        # For everything the index by time would be a detour.
        conditions.append("started_at >= :first AND started_at < :last")
        given["first"], given["last"] = budgets.bounds(budget.per, period)
    for column, value in (("job", budget.job), ("key_name", budget.key), ("user_id", budget.user)):
        if value is not None:
            conditions.append(f"{column} = :{column}")
            given[column] = value
    tags = "'[]'" if budget.tag is None else "tags"
    query = (
        f"SELECT {tags} AS named, SUM(cost / {PART}) + SUM(upstream / {PART}), "  # noqa: S608
        f"SUM(cost % {PART}) + SUM(upstream % {PART}) FROM ledger_attempts "
        f"WHERE {' AND '.join(conditions)} GROUP BY named"
    )
    sums = [
        whole(int(high), int(low))
        for named, high, low in connection.execute(sa.text(query), given)
        if budget.tag is None or budget.tag in json.loads(named)
    ]
    return min(sum(sums), MOST_PICO)


def settle(connection: sa.Connection, found: Sequence[Budget], changes: Sequence[Change]) -> None:
    """Moves what was spent by what changed, and ends the holds of rows whose cost is known."""
    spent: dict[tuple[str, str], int] = {}
    for old, new in changes if found else ():
        before = old.total if old is not None and old.cost_status == BILLED else 0
        after = new.total if new.cost_status == BILLED else 0
        moved = (after or 0) - (before or 0)
        for budget in found if moved else ():
            if budget.applies_to(new):
                key = (budget.name, budget.period(new.started_at))
                spent[key] = spent.get(key, 0) + moved
    known = [new.hold_id for _, new in changes if new.hold_id and new.cost is not None]
    if known or spent:
        end_holds(connection, known, spent)


def end_holds(
    connection: sa.Connection, ids: Sequence[str], spent: Mapping[Account, int] | None = None
) -> None:
    """Deletes holds, and moves their accounts: what they held is free, `spent` is spent.

    Locks accounts before leases, each in their order, as everything does that changes them: two
    transactions never wait for each other.
    """
    freed: dict[Account, int] = {}
    leased: dict[tuple[str, str, str], int] = {}
    for worker, budget, period, amount in _deleted(connection, ids):
        freed[budget, period] = freed.get((budget, period), 0) + amount
        lease = (worker, budget, period)
        leased[lease] = leased.get(lease, 0) + amount
    spent = spent or {}
    for account in sorted({*freed, *spent}):
        moved = min(spent.get(account, 0), MOST_PICO)
        connection.execute(
            # No limit is as high as what a column can hold: beyond that it need not be exact.
            sa.text(
                "UPDATE ledger_accounts SET held = held - :freed, "
                "spent = CASE WHEN spent > :room THEN :most ELSE spent + :moved END "
                "WHERE budget = :budget AND period = :period"
            ),
            {
                "moved": moved,
                "room": MOST_PICO - max(moved, 0),
                "most": MOST_PICO,
                "freed": freed.get(account, 0),
                "budget": account[0],
                "period": account[1],
            },
        )
    for (worker, budget, period), amount in sorted(leased.items()):
        connection.execute(
            sa.text(
                "UPDATE ledger_leases SET granted = granted - :amount "
                "WHERE worker = :worker AND budget = :budget AND period = :period"
            ),
            {"amount": amount, "worker": worker, "budget": budget, "period": period},
        )


def _deleted(connection: sa.Connection, ids: Sequence[str]) -> Iterator[Any]:
    delete = sa.text(
        "DELETE FROM ledger_holds WHERE id IN :ids RETURNING worker, budget, period, amount"
    ).bindparams(sa.bindparam("ids", expanding=True))
    for start in range(0, len(ids), _IDS_A_QUERY):
        some = sorted(ids[start : start + _IDS_A_QUERY])
        yield from connection.execute(delete, {"ids": some}).fetchall()


def lock(connection: sa.Connection, accounts: Iterable[Account] | None = None) -> None:
    """Locks accounts (None: all) in their order; SQLite has locked everything already."""
    if connection.dialect.name != "postgresql":
        return
    query = "SELECT 1 FROM ledger_accounts"
    if accounts is None:
        connection.execute(sa.text(f"{query} ORDER BY budget, period FOR UPDATE"))
        return
    for budget, period in sorted(accounts):
        connection.execute(
            sa.text(f"{query} WHERE budget = :budget AND period = :period FOR UPDATE"),
            {"budget": budget, "period": period},
        )
