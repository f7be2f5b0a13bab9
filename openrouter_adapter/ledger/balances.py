"""Budgets in the database, and their balances: what their rows cost, and what is reserved.

Both move in the transaction that writes the rows or the reservation, so neither a crash nor
another process sees one without the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from openrouter_adapter.ledger import budgets, tables
from openrouter_adapter.ledger.budgets import Budget
from openrouter_adapter.ledger.database import padded
from openrouter_adapter.ledger.errors import LedgerError
from openrouter_adapter.ledger.rows import BILLED, LABELS, values_in
from openrouter_adapter.money import MOST_PICO, to_pico, to_usd, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from openrouter_adapter.ledger.budgets import Account
    from openrouter_adapter.ledger.database import Database
    from openrouter_adapter.ledger.rollups import Change
    from openrouter_adapter.ledger.rows import Row

_IDS_A_QUERY: Final = 512

_BUDGETS: Final = sa.select(tables.budgets).order_by(tables.budgets.c.name)
# SQLite has the same syntax for it.
_NEW_BUDGET: Final = insert(tables.budgets)
_SAVE: Final = _NEW_BUDGET.on_conflict_do_update(
    index_elements=["name"],
    set_={
        name: _NEW_BUDGET.excluded[name]
        for name in ("most", "most_per_request", "wait_ms", "lets_through")
    },
)
_IS_ACCOUNT: Final = sa.and_(
    tables.balances.c.budget == sa.bindparam("of_budget"),
    tables.balances.c.period == sa.bindparam("of_period"),
)
_BALANCE: Final = sa.select(tables.balances).where(_IS_ACCOUNT)
_OPEN: Final = insert(tables.balances).on_conflict_do_nothing()


def save(database: Database, budget: Budget) -> None:
    """Writes a budget, replacing one of the same name; what was spent under it still counts.

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
        connection.execute(_SAVE, _record(budget))
        if old is None:
            open_first(connection, budget, budget.period(database.now(connection)))

    database.write(work)


def remove(database: Database, name: str) -> bool:
    """Removes a budget with its reservations; returns whether there was one.

    Raises:
        LedgerError: the database can't be written.
    """

    def work(connection: sa.Connection) -> bool:
        # The budget first: this waits for transactions that are reserving under it.
        table = tables.budgets
        removed = connection.execute(sa.delete(table).where(table.c.name == name))
        for of_it in (tables.reservations, tables.balances):
            connection.execute(sa.delete(of_it).where(of_it.c.budget == name))
        return removed.rowcount > 0

    return database.write(work)


def load(connection: sa.Connection) -> list[Budget]:
    """All budgets, by name."""
    return [budget_of(one) for one in connection.execute(_BUDGETS)]


def budget_of(record: Any) -> Budget:
    """The budget of a record of `tables.budgets`."""
    most = record.most_per_request
    return Budget(
        name=record.name,
        usd=to_usd(record.most),
        per=record.per,
        each=record.each_label,
        or_end_user=record.or_end_user,
        **{name: getattr(record, column) for name, column in tables.LABEL_COLUMNS.items()},
        max_request_usd=None if most is None else to_usd(most),
        wait_seconds=record.wait_ms / 1000,
        lets_through=record.lets_through,
    )


def _record(budget: Budget) -> dict[str, object]:
    most = budget.max_request_usd
    return {
        "name": budget.name,
        "most": to_pico(budget.usd),
        "per": budget.per,
        "each_label": budget.each,
        "or_end_user": budget.or_end_user,
        **{column: getattr(budget, name) for name, column in tables.LABEL_COLUMNS.items()},
        "most_per_request": None if most is None else to_pico(most),
        "wait_ms": round(budget.wait_seconds * 1000),
        "lets_through": budget.lets_through,
    }


def ensure(connection: sa.Connection, rows: Sequence[Row]) -> list[Budget]:
    """Opens the accounts that rows will be counted in; returns all budgets.

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
    """Opens the account of a budget that no other process knows yet."""
    if connection.dialect.name == "postgresql":
        # This waits for transactions that write rows without knowing the budget, and counts them.
        connection.execute(sa.text("LOCK TABLE ledger_attempts IN EXCLUSIVE MODE"))
    # Accounts left by a transaction that wrote rows while an older budget of the name was removed.
    table = tables.balances
    connection.execute(sa.delete(table).where(table.c.budget == budget.name))
    spent = _spent(connection, budget, period)
    if budget.each is None:
        spent.setdefault(period, 0)
    for name, amount in spent.items():
        _insert(connection, (budget.name, name), amount)


def open_account(connection: sa.Connection, budget: Budget, account: Account) -> None:
    """Opens an account, if it is not open, with what was already spent.

    If each value of a label has an account, nothing was spent: the accounts of values that had
    spent something were opened with the budget, and each of the others before its first row.
    """
    if connection.execute(_BALANCE, _of(account)).first() is not None:
        return
    period = account[1]
    if budget.each is None:
        _insert(connection, account, _spent(connection, budget, period).get(period, 0))
        return
    _insert(connection, account, 0)
    _forget_past(connection, budget, period)


def _of(account: Account) -> dict[str, object]:
    return {"of_budget": account[0], "of_period": account[1]}


def _insert(connection: sa.Connection, account: Account, spent: int) -> None:
    budget, period = account
    amounts = {"spent": min(spent, MOST_PICO), "held": 0}
    connection.execute(_OPEN, {"budget": budget, "period": period, **amounts})


def _forget_past(connection: sa.Connection, budget: Budget, period: str) -> None:
    """Deletes the accounts of values in periods before the previous one, which nothing reads."""
    if budget.per == "total":
        return
    begin, _ = budgets.bounds(budget.per, period.partition(" ")[0])
    columns = tables.balances.c
    connection.execute(
        sa.delete(tables.balances).where(
            columns.budget == budget.name,
            columns.period < budget.period(begin - 1),
            columns.held == 0,
        )
    )


def _spent(connection: sa.Connection, budget: Budget, period: str) -> dict[str, int]:
    # For all time, the index by time would be a detour.
    ends = None if budget.per == "total" else budgets.bounds(budget.per, period)
    return spent_between(connection, budget, period, ends)


def first_row(connection: sa.Connection) -> int | None:
    """When the first request began, in microseconds since 1970; None if there is none."""
    first = connection.scalar(sa.select(sa.func.min(tables.attempts.c.started_at)))
    return None if first is None else int(first)


def spent_between(
    connection: sa.Connection, budget: Budget, period: str, ends: tuple[int, int] | None
) -> dict[str, int]:
    """Picodollars of the existing rows, by the name of the period or of its values.

    Args:
        connection: To the ledger.
        budget: Whose rows count.
        period: The name of the period that the sums are given under.
        ends: The first moment that counts and the first that does not, in microseconds since
            1970; None for all time.
    """
    c = tables.attempts.c
    tags = sa.null() if budget.tag is None else c.tags
    each = sa.null() if budget.each is None else c[LABELS[budget.each]]
    query = (
        sa.select(tags, each, *tables.parts(c.cost, "cost"), *tables.parts(c.upstream, "upstream"))
        .where(c.via == "openrouter", c.cost_status == BILLED)
        .group_by(*(one for one in (tags, each) if isinstance(one, sa.ColumnClause)))
    )
    if ends is not None:
        query = query.where(c.started_at >= ends[0], c.started_at < ends[1])
    for label, value in budget.labels.items():
        if label == "user" and budget.or_end_user:
            query = query.where((c.user_id == value) | (c.end_user_id == value))
        elif label != "tag":
            query = query.where(c[LABELS[label]] == value)
    found: dict[str, int] = {}
    for tagged, column, *sums in connection.execute(query):
        if budget.tag is not None and budget.tag not in values_in("tag", tagged):
            continue
        high, low, high_too, low_too = (int(one or 0) for one in sums)
        for name in budgets.periods_of(budget, period, column):
            found[name] = found.get(name, 0) + whole(high + high_too, low + low_too)
    return found


def record(connection: sa.Connection, found: Sequence[Budget], changes: Sequence[Change]) -> None:
    """Adds what changed to the balances; ends the reservations of rows whose cost is known."""
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
        end_reservations(connection, known, spent)


_RESERVE: Final = (
    sa.update(tables.balances)
    .where(_IS_ACCOUNT, tables.balances.c.held <= sa.bindparam("room") - tables.balances.c.spent)
    .values(held=tables.balances.c.held + sa.bindparam("amount"))
)
_MOVE: Final = (
    sa.update(tables.balances)
    .where(_IS_ACCOUNT)
    .values(
        held=tables.balances.c.held - sa.bindparam("freed"),
        # No limit is as high as what a column can hold: beyond that it need not be exact.
        spent=sa.case(
            (tables.balances.c.spent > sa.bindparam("room"), MOST_PICO),
            else_=tables.balances.c.spent + sa.bindparam("moved"),
        ),
    )
)
_DELETE: Final = (
    sa.delete(tables.reservations)
    .where(tables.reservations.c.id.in_(sa.bindparam("ids", expanding=True)))
    .returning(*(tables.reservations.c[name] for name in ("id", "budget", "period", "amount")))
)


def reserve(
    connection: sa.Connection, budget: Budget, account: Account, amount: int
) -> tuple[int, int] | None:
    """Reserves an amount, in picodollars, if the limit still covers it.

    Returns:
        None, or the amounts spent and reserved if it does not.
    """
    limit = to_pico(budget.usd)
    given = {"room": max(limit - amount, -1), "amount": min(amount, MOST_PICO), **_of(account)}
    while not connection.execute(_RESERVE, given).rowcount:
        found = connection.execute(_BALANCE, _of(account)).first()
        if found is None:
            open_account(connection, budget, account)
        elif found.spent + found.held + amount > limit:
            return found.spent, found.held
    return None


def release(connection: sa.Connection, ids: Sequence[str]) -> int:
    """Ends reservations at a person's request; returns how many there were."""
    return len(end_reservations(connection, ids))


def end_reservations(
    connection: sa.Connection, ids: Sequence[str], spent: Mapping[Account, int] | None = None
) -> set[str]:
    """Deletes reservations and updates their balances, with what was spent since.

    Balances are locked in their order, as everywhere: two transactions never wait for each other.

    Returns:
        The ids of those that existed.
    """
    freed: dict[Account, int] = {}
    ended: set[str] = set()
    for one in _deleted(connection, ids):
        account = (one.budget, one.period)
        freed[account] = freed.get(account, 0) + one.amount
        ended.add(one.id)
    spent = spent or {}
    for account in sorted({*freed, *spent}):
        moved = min(spent.get(account, 0), MOST_PICO)
        given = {
            "moved": moved,
            "room": MOST_PICO - max(moved, 0),
            "freed": freed.get(account, 0),
        }
        connection.execute(_MOVE, {**given, **_of(account)})
    return ended


def _deleted(connection: sa.Connection, ids: Sequence[str]) -> Iterator[Any]:
    for some in padded(sorted(ids), _IDS_A_QUERY):
        yield from connection.execute(_DELETE, {"ids": some}).all()
