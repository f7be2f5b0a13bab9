"""What budgets count: `spent` is always the sum of their rows, `held` what holds may yet cost.

Both move in the transaction that writes the rows, so neither a crash nor another process sees
one without the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from openrouter_adapter.ledger import budgets, shapes
from openrouter_adapter.ledger.budgets import Budget
from openrouter_adapter.ledger.errors import LedgerError
from openrouter_adapter.ledger.rows import BILLED, LABELS, values_in
from openrouter_adapter.money import MOST_PICO, PART, to_pico, to_usd, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from openrouter_adapter.ledger.budgets import Account
    from openrouter_adapter.ledger.database import Database
    from openrouter_adapter.ledger.rollups import Change
    from openrouter_adapter.ledger.rows import Row

_IDS_A_QUERY: Final = 512
# A budget names one tag, a row has a list of them.
_LABEL_COLUMNS: Final = {**LABELS, "tag": "tag"}
_COLUMNS: Final = (
    "name",
    "most",
    "per",
    *_LABEL_COLUMNS.values(),
    "each_label",
    "or_end_user",
    "most_per_request",
    "wait_ms",
    "lets_through",
)


def save(database: Database, budget: Budget) -> None:
    """Writes a budget, in place of one of the same name; what was spent under it stays.

    Raises:
        LedgerError: the database can't be written, or the name's other budget counts other
            requests or periods: remove that one first.
    """

    def work(connection: sa.Connection) -> None:
        old = {one.name: one for one in load(connection)}.get(budget.name)
        if old is not None and old.scope != budget.scope:
            raise LedgerError(
                f"there is a budget {budget.name!r} on other requests or another period; "
                "remove it first, or choose another name"
            )
        connection.execute(
            sa.text(
                f"INSERT INTO ledger_budgets ({', '.join(_COLUMNS)}) "  # noqa: S608 - our names
                f"VALUES ({', '.join(f':{name}' for name in _COLUMNS)}) "
                "ON CONFLICT (name) DO UPDATE SET most = excluded.most, "
                "most_per_request = excluded.most_per_request, wait_ms = excluded.wait_ms, "
                "lets_through = excluded.lets_through"
            ),
            _record(budget),
        )
        if old is None:
            open_first(connection, budget, budget.period(database.now(connection)))

    database.write(work)


def remove(database: Database, name: str) -> bool:
    """Removes a budget with its holds; tells whether there was one.

    Raises:
        LedgerError: the database can't be written.
    """

    def work(connection: sa.Connection) -> bool:
        # The budget first: who holds under it at this moment is waited for.
        budgets = connection.execute(
            sa.text("DELETE FROM ledger_budgets WHERE name = :name"), {"name": name}
        )
        for table in ("ledger_holds", "ledger_accounts", "ledger_leases"):
            connection.execute(
                sa.text(f"DELETE FROM {table} WHERE budget = :name"),  # noqa: S608 - our names
                {"name": name},
            )
        return budgets.rowcount > 0

    return database.write(work)


def load(connection: sa.Connection, *, is_kept: bool = False) -> list[Budget]:
    """All budgets, by name.

    Args:
        connection: Of the ledger.
        is_kept: Whether none may be removed before this transaction ends.
    """
    lock = " FOR KEY SHARE" if is_kept and connection.dialect.name == "postgresql" else ""
    found = connection.execute(
        sa.text(
            f"SELECT {', '.join(_COLUMNS)} FROM ledger_budgets ORDER BY name{lock}"  # noqa: S608
        )
    )
    return [
        Budget(
            name=one.name,
            usd=to_usd(one.most),
            per=one.per,
            each=one.each_label,
            or_end_user=bool(one.or_end_user),
            **{name: getattr(one, column) for name, column in _LABEL_COLUMNS.items()},
            max_request_usd=None if one.most_per_request is None else to_usd(one.most_per_request),
            wait_seconds=one.wait_ms / 1000,
            lets_through=bool(one.lets_through),
        )
        for one in found
    ]


def _record(budget: Budget) -> dict[str, object]:
    most = budget.max_request_usd
    return {
        "name": budget.name,
        "most": to_pico(budget.usd),
        "per": budget.per,
        "each_label": budget.each,
        "or_end_user": budget.or_end_user,
        **{column: getattr(budget, name) for name, column in _LABEL_COLUMNS.items()},
        "most_per_request": None if most is None else to_pico(most),
        "wait_ms": round(budget.wait_seconds * 1000),
        "lets_through": budget.lets_through,
    }


def ensure(connection: sa.Connection, rows: Sequence[Row]) -> list[Budget]:
    """Opens the accounts that rows will be counted in; gives all budgets.

    Must come before the rows are written: an account opens with the sum of those that are there.
    """
    found = load(connection)
    if found:
        wanted = {
            account: budget
            for row in rows
            for budget in found
            if budget.applies_to(row)
            for account in budget.accounts(row)
        }
        for account in sorted(wanted):
            open_account(connection, wanted[account], account)
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
    spent = _spent(connection, budget, period)
    if budget.each is None:
        spent.setdefault(period, 0)
    for name, amount in spent.items():
        _insert(connection, (budget.name, name), amount)


def open_account(connection: sa.Connection, budget: Budget, account: Account) -> None:
    """Opens an account, if it is not, with what was spent already.

    That is nothing where each value of a label has an account: those of the values that had
    spent something were opened with the budget, and every other before its first row.
    """
    name, period = account
    there = connection.scalar(
        sa.text("SELECT 1 FROM ledger_accounts WHERE budget = :budget AND period = :period"),
        {"budget": name, "period": period},
    )
    if there:
        return
    if budget.each is None:
        _insert(connection, account, _spent(connection, budget, period).get(period, 0))
        return
    _insert(connection, account, 0)
    _forget_past(connection, budget, period)


def _insert(connection: sa.Connection, account: Account, spent: int) -> None:
    connection.execute(
        sa.text(
            "INSERT INTO ledger_accounts (budget, period, spent, held) "
            "VALUES (:budget, :period, :spent, 0) ON CONFLICT (budget, period) DO NOTHING"
        ),
        {"budget": account[0], "period": account[1], "spent": min(spent, MOST_PICO)},
    )


def _forget_past(connection: sa.Connection, budget: Budget, period: str) -> None:
    """Deletes the accounts of values in periods before the last one, which nothing reads."""
    if budget.per == "total":
        return
    begin, _ = budgets.bounds(budget.per, period.partition(" ")[0])
    connection.execute(
        sa.text(
            "DELETE FROM ledger_accounts WHERE budget = :budget AND period < :last AND held = 0"
        ),
        {"budget": budget.name, "last": budget.period(begin - 1)},
    )


def _spent(connection: sa.Connection, budget: Budget, period: str) -> dict[str, int]:
    """The picodollars of the rows that are there, by the period's name or those of its values."""
    conditions = ["via = 'openrouter'", "cost_status = :billed"]
    given: dict[str, object] = {"billed": BILLED}
    if budget.per != "total":
        # For everything the index by time would be a detour.
        conditions.append("started_at >= :first AND started_at < :last")
        given["first"], given["last"] = budgets.bounds(budget.per, period)
    for label, value in budget.labels.items():
        given[label] = value
        if label == "user" and budget.or_end_user:
            conditions.append("(user_id = :user OR end_user_id = :user)")
        elif label != "tag":
            conditions.append(f"{LABELS[label]} = :{label}")
    tags = "'[]'" if budget.tag is None else "tags"
    each = "''" if budget.each is None else LABELS[budget.each]
    query = (
        f"SELECT {tags} AS tagged, {each} AS column_of_each, "  # noqa: S608 - our names
        f"SUM(cost / {PART}) + SUM(upstream / {PART}), "
        f"SUM(cost % {PART}) + SUM(upstream % {PART}) FROM ledger_attempts "
        f"WHERE {' AND '.join(conditions)} GROUP BY tagged, column_of_each"
    )
    found: dict[str, int] = {}
    for tagged, column, high, low in connection.execute(sa.text(query), given):
        if budget.tag is not None and budget.tag not in values_in("tag", tagged):
            continue
        for name in budgets.periods_of(budget, period, column):
            found[name] = found.get(name, 0) + whole(int(high), int(low))
    return found


def settle(connection: sa.Connection, found: Sequence[Budget], changes: Sequence[Change]) -> None:
    """Moves what was spent by what changed, and ends the holds of rows whose cost is known."""
    spent: dict[tuple[str, str], int] = {}
    for old, new in changes if found else ():
        before = old.total if old is not None and old.cost_status == BILLED else 0
        after = new.total if new.cost_status == BILLED else 0
        moved = (after or 0) - (before or 0)
        for budget in found if moved else ():
            for account in budget.accounts(new) if budget.applies_to(new) else ():
                spent[account] = spent.get(account, 0) + moved
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
        lower_lease(connection, worker, (budget, period), amount)


def lower_lease(connection: sa.Connection, worker: str, account: Account, amount: int) -> None:
    """Takes from what a worker was granted; a lease with nothing left is forgotten.

    A worker may have leases on as many accounts as there are users.
    """
    given = {"worker": worker, "budget": account[0], "period": account[1]}
    lease = "worker = :worker AND budget = :budget AND period = :period"
    left = connection.scalar(
        sa.text(
            f"UPDATE ledger_leases SET granted = granted - :amount WHERE {lease} "  # noqa: S608
            "RETURNING granted"
        ),
        {**given, "amount": amount},
    )
    if left == 0:
        connection.execute(sa.text(f"DELETE FROM ledger_leases WHERE {lease}"), given)  # noqa: S608


def _deleted(connection: sa.Connection, ids: Sequence[str]) -> Iterator[Any]:
    delete = sa.text(
        "DELETE FROM ledger_holds WHERE id IN :ids RETURNING worker, budget, period, amount"
    ).bindparams(sa.bindparam("ids", expanding=True))
    for some in shapes.padded(sorted(ids), _IDS_A_QUERY):
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
