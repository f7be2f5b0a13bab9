"""Writes and reads rows: in batches, idempotent, along with their sums and balances."""

from __future__ import annotations

import itertools
import operator
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.ledger import balances, rollups
from openrouter_adapter.ledger.database import Database, RacedError, padded, split, url_of
from openrouter_adapter.ledger.rows import COLUMNS, UNKNOWN, Row, merged, values
from openrouter_adapter.money import MOST_PICO

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    import sqlalchemy as sa

    from openrouter_adapter.ledger.rollups import Change

_EMBEDDINGS: Final = "/embeddings"
# How far back the price of an embedding is looked for, microseconds.
_RECENT: Final = 7 * 86_400 * 1_000_000
_NAMES: Final = ", ".join(COLUMNS)
# SQLite takes 32,766 parameters in one statement; a few hundred are as fast as more.
_KEYS_A_QUERY: Final = 512
# Each statement releases the interpreter's lock, which the event loop can then take.
_ROWS_A_STATEMENT: Final = 64

# Columns that most rows leave at their default, in SQL. To sqlite3, None or a boolean as a
# parameter takes five times as long as a number; literals save 4 of the 16 µs that a row takes.
_SELDOM: Final = {
    **dict.fromkeys(("cache_hit", "is_byok"), "FALSE"),
    **dict.fromkeys(("error_class", "error_code", "ask_after", "source_id"), "NULL"),
    **dict.fromkeys(("user_id", "end_user_id", "team", "organization"), "NULL"),
    **dict.fromkeys(("session_id", "paid_by"), "NULL"),
}
_seldom: Final = operator.attrgetter(*_SELDOM)
_DEFAULTS: Final = _seldom(Row(call_id="", attempt=1, started_at=0))
_others: Final = operator.attrgetter(*(name for name in COLUMNS if name not in _SELDOM))


class Store:
    """The ledger's rows. Everything else (callback, gate, batch runner) writes through it."""

    def __init__(self, where: str | os.PathLike[str] | None = None) -> None:
        """Takes a path or a URL; None for the environment's or the default file.

        Raises:
            LedgerError: it is neither SQLite's nor PostgreSQL's URL.
        """
        self.database = Database(url_of(where))
        # What an embedding model last cost, picodollars, and for how many tokens.
        self._prices: dict[tuple[str, str, str], tuple[int, int]] = {}

    def write(self, rows: Iterable[Row]) -> None:
        """Writes rows; one that is there already is merged with what is new.

        Doing it twice changes nothing. Sums, balances and reservations change in the same
        transaction.

        Raises:
            LedgerError: the database can't be written; nothing was written.
        """
        batch = list(rows)
        if batch:
            self.database.write(lambda connection: self._write(connection, batch))

    def _write(self, connection: sa.Connection, batch: Sequence[Row]) -> None:
        self._put_saved(connection, batch)
        there = self._there(connection, {row.call_id for row in batch})
        changed: dict[tuple[str, int], Change] = {}
        for row in batch:
            attempts = there.get(row.call_id)
            if attempts is None:
                attempts = there[row.call_id] = {}
            number = _number(row, attempts) if attempts else row.attempt
            old = attempts.get(number)
            new = row if old is None else merged(old, row)
            new.attempt = number
            attempts[number] = new
            key = (row.call_id, number)
            changed[key] = (changed[key][0] if key in changed else old, new)
        changes = [pair for pair in changed.values() if pair[0] is None or pair[0] != pair[1]]
        # In one order everywhere, so that no two processes wait for each other. SQLite, too, writes
        # keys faster in their order: a row takes 1.5 µs less.
        changes.sort(key=lambda pair: (pair[1].call_id, pair[1].attempt))
        budgets = balances.ensure(connection, [new for _, new in changes])
        self._insert(connection, [new for old, new in changes if old is None])
        self._update(connection, [new for old, new in changes if old is not None])
        rollups.apply(connection, self.database, changes)
        balances.record(connection, budgets, changes)

    def _there(self, connection: sa.Connection, call_ids: set[str]) -> dict[str, dict[int, Row]]:
        found: dict[str, dict[int, Row]] = {}
        for some in padded(sorted(call_ids), _KEYS_A_QUERY):
            marks = ", ".join([self.database.mark] * len(some))
            lock = "" if self.database.is_sqlite else " ORDER BY call_id, attempt FOR UPDATE"
            query = f"SELECT {_NAMES} FROM ledger_attempts WHERE call_id IN ({marks}){lock}"  # noqa: S608
            for record in connection.exec_driver_sql(query, tuple(some)):
                row = row_of(record)
                found.setdefault(row.call_id, {})[row.attempt] = row
        return found

    def _put_saved(self, connection: sa.Connection, batch: Sequence[Row]) -> None:
        """Puts into each hit of a cache what the generation that it repeats had cost.

        LiteLLM's cache keeps no cost of streams, and not even the generation of embeddings.
        """
        for row in batch:
            if row.endpoint == _EMBEDDINGS and row.prompt_tokens:
                if row.total:
                    place = (row.via, row.endpoint, row.model)
                    self._prices[place] = (row.total, row.prompt_tokens)
                elif row.cache_hit and not row.saved:
                    row.saved = self._saving(connection, row)
        hits = {
            id(row): row.source_id or row.generation_id
            for row in batch
            if row.source_id or (row.cache_hit and not row.saved and row.generation_id)
        }
        if not hits:
            return
        costs = {row.generation_id: row.total for row in batch if row.total}
        for some in padded(sorted(map(str, set(hits.values()))), _KEYS_A_QUERY):
            marks = ", ".join([self.database.mark] * len(some))
            query = (
                "SELECT generation_id, MAX(cost + upstream) FROM ledger_attempts "  # noqa: S608
                f"WHERE generation_id IN ({marks}) AND cost > 0 GROUP BY generation_id"
            )
            found = connection.exec_driver_sql(query, tuple(some))
            costs |= {record[0]: record[1] for record in found}
        for row in batch:
            if id(row) in hits:
                row.saved = costs.get(hits[id(row)]) or row.saved

    def _saving(self, connection: sa.Connection, hit: Row) -> int:
        """Cost of as many prompt tokens at the last bill of this model, in picodollars."""
        place = (hit.via, hit.endpoint, hit.model)
        if place not in self._prices:
            mark = self.database.mark
            query = (
                "SELECT cost + upstream, prompt_tokens FROM ledger_attempts "  # noqa: S608
                f"WHERE via = {mark} AND endpoint = {mark} AND model = {mark} "
                f"AND started_at > {mark} AND cost > 0 AND prompt_tokens > 0 "
                "ORDER BY started_at DESC LIMIT 1"
            )
            given = (*place, hit.started_at - _RECENT)
            found = connection.exec_driver_sql(query, given).first()
            self._prices[place] = (found[0], found[1]) if found else (0, 1)
        cost, tokens = self._prices[place]
        return int(min(cost * hit.prompt_tokens // tokens, MOST_PICO))

    def _insert(self, connection: sa.Connection, rows: Sequence[Row]) -> None:
        if not rows:
            return
        inserted = insert(connection, self.database, rows)
        if not self.database.is_sqlite and inserted != len(rows):
            raise RacedError

    def _update(self, connection: sa.Connection, rows: Sequence[Row]) -> None:
        if not rows:
            return
        mark = self.database.mark
        sets = ", ".join(f"{name} = {mark}" for name in COLUMNS)
        connection.exec_driver_sql(
            f"UPDATE ledger_attempts SET {sets} "  # noqa: S608 - our names
            f"WHERE call_id = {mark} AND attempt = {mark}",
            [(*values(row), row.call_id, row.attempt) for row in rows],
        )

    def rows(self, where: str = "1 = 1", *, limit: int | None = None, **given: Any) -> list[Row]:
        """Rows, oldest first.

        Args:
            where: A condition in SQL, with names such as `:call_id` for what is given.
            limit: How many at most.
            **given: The condition's values.

        Raises:
            LedgerError: the database can't be read.
        """
        import sqlalchemy as sa

        query = f"SELECT {_NAMES} FROM ledger_attempts WHERE {where} ORDER BY started_at, call_id"  # noqa: S608
        if limit is not None:
            query += f" LIMIT {limit:d}"
        with self.database.read() as connection:
            return [row_of(record) for record in connection.execute(sa.text(query), given)]

    def close(self) -> None:
        """Closes the database's connections."""
        self.database.close()


def insert(connection: sa.Connection, database: Database, rows: Sequence[Row]) -> int:
    """Inserts rows whose keys are new; returns how many were."""
    inserted = 0
    for some in split(rows, _ROWS_A_STATEMENT):
        is_usual = all(_seldom(row) == _DEFAULTS for row in some)
        literals, read = (_SELDOM, _others) if is_usual else ({}, values)
        marks = f"({', '.join([literals.get(name, database.mark) for name in COLUMNS])})"
        result = connection.exec_driver_sql(
            f"INSERT INTO ledger_attempts ({_NAMES}) "  # noqa: S608 - our names
            f"VALUES {', '.join([marks] * len(some))} "
            "ON CONFLICT (call_id, attempt) DO NOTHING",
            tuple(itertools.chain.from_iterable(map(read, some))),
        )
        inserted += result.rowcount
    return inserted


def row_of(record: Any) -> Row:
    """The `Row` of a database record with the columns in order; SQLite returns 1 for true."""
    row = Row(*record)
    row.streamed, row.cache_hit = bool(row.streamed), bool(row.cache_hit)
    row.is_byok = bool(row.is_byok)
    return row


def _number(row: Row, attempts: dict[int, Row]) -> int:
    """The number of the attempt that a row is about.

    The generation id identifies it best, then the reservation: a call id that is used again (a
    client of the proxy may choose its own) must not overwrite what another request cost.
    """
    alike = {n: other for n, other in attempts.items() if other.cache_hit == row.cache_hit}
    for name in ("generation_id", "hold_id"):
        if wanted := getattr(row, name):
            for number, other in alike.items():
                if getattr(other, name) == wanted:
                    return number
    other = attempts.get(row.attempt, row)
    is_another = (
        _differ(row.generation_id, other.generation_id)
        or _differ(row.hold_id, other.hold_id)
        or (other is not row and other.cache_hit != row.cache_hit and _is_certain(other))
    )
    if not is_another:
        return row.attempt
    # It may have been written before, under another number, and be replayed.
    began = [n for n, other in alike.items() if other.started_at == row.started_at]
    return began[0] if began and not row.generation_id else max(attempts) + 1


def _is_certain(row: Row) -> bool:
    return row.cost_status != UNKNOWN or row.hold_id is not None


def _differ(one: str | None, other: str | None) -> bool:
    return bool(one and other) and one != other
