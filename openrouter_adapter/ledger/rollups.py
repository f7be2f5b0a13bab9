"""Sums by hour, updated with every write, so that a month of millions of rows adds up at once.

A corrected row subtracts its old amounts and adds the new ones in one transaction: the sums are
those of the rows, in whichever order they came.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.ledger.rows import (
    BILLED,
    ERROR,
    ESTIMATE,
    LABELS,
    OPEN,
    UNKNOWN,
    values_in,
)
from openrouter_adapter.money import PART

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import sqlalchemy as sa

    from openrouter_adapter.ledger.database import Database
    from openrouter_adapter.ledger.rows import Row

HOUR: Final = 3_600_000_000
"""Microseconds."""

COUNTS: Final = (
    "requests",
    "failures",
    "cache_hits",
    "unknown",
    "prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "image_tokens",
    "latency_ms",
    "timed",
)
MONEY: Final = ("billed", "estimate", "upstream", "saved")
SUMS: Final = (*COUNTS, *(f"{name}_{part}" for name in MONEY for part in ("high", "low")))

HOUR_KEY: Final = ("hour", "via", "endpoint", "model", "provider")
LABEL_KEY: Final = ("hour", "kind", "name")

# Users and sessions may be as many as requests: their sums are computed from the rows.
SUMMED_LABELS: Final = ("tag", "job", "key", "team", "organization")

Amounts = list[int]
Change = tuple["Row | None", "Row"]

_labels: Final = operator.attrgetter(*(LABELS[name] for name in SUMMED_LABELS))
_plain: Final = {name: operator.attrgetter(name) for name in COUNTS if name.endswith("_tokens")}


def amounts(rows: Sequence[Row]) -> Amounts:
    """What rows add to the sums, in the order of SUMS.

    An attempt in flight adds nothing: it is recorded in the transaction that reserves its worst
    case, which must not wait for others to write these sums.
    """
    rows = [row for row in rows if row.outcome != OPEN or row.cost is not None]
    costs = {BILLED: 0, ESTIMATE: 0, UNKNOWN: 0}
    failures = unknown = latency = timed = 0
    for row in rows:
        costs[row.cost_status] += row.cost or 0
        if row.latency_ms is not None:
            latency += row.latency_ms
            timed += 1
        if row.outcome == ERROR:
            failures += 1
        if row.cost is None:
            unknown += 1
    counts = {name: sum(map(read, rows)) for name, read in _plain.items()}
    counts |= {
        "requests": len(rows),
        "failures": failures,
        "cache_hits": sum(row.cache_hit or row.source_id is not None for row in rows),
        "unknown": unknown,
        "latency_ms": latency,
        "timed": timed,
    }
    money = (
        costs[BILLED],
        costs[ESTIMATE],
        sum(row.upstream for row in rows),
        sum(row.saved for row in rows),
    )
    return [*(counts[name] for name in COUNTS), *(part for one in money for part in _parts(one))]


def _parts(pico: int) -> tuple[int, int]:
    return divmod(pico, PART)


def labels(columns: Sequence[str | None]) -> list[tuple[str, str]]:
    """The labels that a row is summed under: a row with two tags counts under both.

    Args:
        columns: The row's values for SUMMED_LABELS, in that order.
    """
    return [
        (label, value)
        for label, column in zip(SUMMED_LABELS, columns, strict=True)
        for value in values_in(label, column)
    ]


def apply(connection: sa.Connection, database: Database, changes: Iterable[Change]) -> None:
    """Updates the sums by what changed: rows before (None if new) and after."""
    # Rows of a batch are much alike: they are summed first, and their labels read once.
    alike: dict[tuple[Any, ...], tuple[list[Row], list[Row]]] = {}
    for old, new in changes:
        if old is not None:
            _group(alike, old)[0].append(old)
        _group(alike, new)[1].append(new)
    hours: dict[tuple[Any, ...], Amounts] = {}
    by_label: dict[tuple[Any, ...], Amounts] = {}
    for (hour, via, endpoint, model, provider, *named), (before, after) in alike.items():
        moved = list(map(operator.sub, amounts(after), amounts(before)))
        _sum(hours, (hour, via, endpoint, model, provider or ""), moved)
        for kind, name in labels(named):
            _sum(by_label, (hour, kind, name), moved)
    _upsert(connection, database, "ledger_hours", HOUR_KEY, hours)
    _upsert(connection, database, "ledger_labels", LABEL_KEY, by_label)


def _group(
    alike: dict[tuple[Any, ...], tuple[list[Row], list[Row]]], row: Row
) -> tuple[list[Row], list[Row]]:
    key = (
        row.started_at // HOUR,
        row.via,
        row.endpoint,
        row.model,
        row.provider,
        *_labels(row),
    )
    there = alike.get(key)
    if there is None:
        there = alike[key] = ([], [])
    return there


def _sum(sums: dict[tuple[Any, ...], Amounts], key: tuple[Any, ...], moved: Amounts) -> None:
    there = sums.get(key)
    sums[key] = moved if there is None else list(map(operator.add, there, moved))


def _upsert(
    connection: sa.Connection,
    database: Database,
    table: str,
    key: Sequence[str],
    sums: Mapping[Any, Amounts],
) -> None:
    moved = [(*name, *map(int, sums[name])) for name in sorted(sums) if any(sums[name])]
    if not moved:
        return
    columns = (*key, *SUMS)
    marks = ", ".join([database.mark] * len(columns))
    updates = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in SUMS)
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) "  # noqa: S608 - our names
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {updates}",
        moved,
    )
