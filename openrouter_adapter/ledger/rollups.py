"""Sums by hour, kept up with every write, so that a month of millions of rows adds up at once.

A row that is put right takes its old amounts out and puts the new ones in, in one transaction:
the sums are those of the rows, in whichever order they came.
"""

from __future__ import annotations

import json
import operator
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.ledger.money import PART
from openrouter_adapter.ledger.rows import BILLED, ERROR, ESTIMATE, OPEN, UNKNOWN

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

Amounts = list[int]
Change = tuple["Row | None", "Row"]


def amounts(row: Row) -> Amounts:
    """What one row adds to the sums, in the order of SUMS."""
    cost = row.cost or 0
    billed = cost if row.cost_status == BILLED else 0
    estimate = cost if row.cost_status == ESTIMATE else 0
    is_timed = row.latency_ms is not None
    return [
        1,
        row.outcome == ERROR,
        row.cache_hit,
        row.cost_status == UNKNOWN and row.outcome != OPEN,
        row.prompt_tokens,
        row.completion_tokens,
        row.reasoning_tokens,
        row.cached_tokens,
        row.cache_write_tokens,
        row.image_tokens,
        row.latency_ms or 0,
        is_timed,
        *divmod(billed, PART),
        *divmod(estimate, PART),
        *divmod(row.upstream, PART),
        *divmod(row.saved, PART),
    ]


def labels(row: Row) -> list[tuple[str, str]]:
    """The labels that a row is summed under: a row with two tags counts under both."""
    found = [("tag", tag) for tag in json.loads(row.tags)] if row.tags != "[]" else []
    if row.job:
        found.append(("job", row.job))
    if row.key_name:
        found.append(("key", row.key_name))
    return found


def apply(connection: sa.Connection, database: Database, changes: Iterable[Change]) -> None:
    """Moves the sums by what changed: rows before (None where new) and after."""
    hours: dict[tuple[int, str, str, str, str], Amounts] = {}
    by_label: dict[tuple[int, str, str], Amounts] = {}
    for old, new in changes:
        if old is not None:
            _add(hours, by_label, old, -1)
        _add(hours, by_label, new, 1)
    _upsert(connection, database, "ledger_hours", HOUR_KEY, hours)
    _upsert(connection, database, "ledger_labels", LABEL_KEY, by_label)


def _add(
    hours: dict[tuple[int, str, str, str, str], Amounts],
    by_label: dict[tuple[int, str, str], Amounts],
    row: Row,
    sign: int,
) -> None:
    moved = amounts(row)
    if sign < 0:
        moved = list(map(operator.neg, moved))
    hour = row.started_at // HOUR
    key = (hour, row.via, row.endpoint, row.model, row.provider or "")
    held = hours.get(key)
    hours[key] = moved if held is None else list(map(operator.add, held, moved))
    for kind, name in labels(row):
        label = (hour, kind, name)
        held = by_label.get(label)
        by_label[label] = moved if held is None else list(map(operator.add, held, moved))


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
