"""The ledger's tables, as SQLAlchemy's expressions name them; migrations.py makes them.

Amounts are in picodollars, moments in microseconds since 1970. What is written for every request
(store.py, rollups.py) is sent as text, in statements that the driver keeps.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from openrouter_adapter.ledger.rollups import HOUR_KEY, LABEL_KEY, SUMS
from openrouter_adapter.ledger.rows import COLUMNS, LABELS, Row
from openrouter_adapter.money import PART

if TYPE_CHECKING:
    from collections.abc import Iterable

LABEL_COLUMNS: Final = {**LABELS, "tag": "tag"}
"""The column of `budgets` for each label: a budget names one tag, a row has a list of them."""

_TEXTS: Final = frozenset(
    {
        *(one.name for one in fields(Row) if str(one.type).startswith("str")),
        *HOUR_KEY[1:],
        *LABEL_KEY[1:],
        *LABEL_COLUMNS.values(),
        *("id", "budget", "period", "worker", "host", "per", "each_label"),
    }
)
_BOOLEANS: Final = frozenset(
    {
        *(one.name for one in fields(Row) if one.type == "bool"),
        *("or_end_user", "lets_through", "is_dead"),
    }
)


def _table(name: str, columns: Iterable[str]) -> sa.TableClause:
    return sa.table(name, *(sa.column(one, _type(one)) for one in columns))


def _type(column: str) -> sa.types.TypeEngine[Any]:
    if column in _TEXTS:
        return sa.Text()
    return sa.Boolean() if column in _BOOLEANS else sa.BigInteger()


attempts: Final = _table("ledger_attempts", COLUMNS)
"""The rows."""

hours: Final = _table("ledger_hours", (*HOUR_KEY, *SUMS))
labels: Final = _table("ledger_labels", (*LABEL_KEY, *SUMS))
"""Sums of the rows by hour: by what was called, and by label."""

budgets: Final = _table(
    "ledger_budgets",
    (
        *("name", "most", "per", "each_label", "or_end_user"),
        *("most_per_request", "wait_ms", "lets_through", *LABEL_COLUMNS.values()),
    ),
)

balances: Final = _table("ledger_accounts", ("budget", "period", "spent", "held"))
"""What is spent and reserved (`held`) under a budget in one period, or for one value in it."""

reservations: Final = _table(
    "ledger_holds",
    (
        *("id", "budget", "period", "worker", "amount"),
        *("made_at", "call_id", "attempt", "model"),
    ),
)
"""What a request in flight may yet cost, a record for each balance that it counts in."""

workers: Final = _table("ledger_workers", ("id", "host", "pid", "seen_at", "lease_ms", "is_dead"))
"""Processes that have reserved something, with their heartbeat."""


def parts(amount: sa.ColumnElement[Any], name: str) -> list[sa.ColumnElement[Any]]:
    """The sum of an amount in two parts, as `money.whole` takes them."""
    high, low = sa.func.sum(amount // PART), sa.func.sum(amount % PART)
    return [high.label(f"{name}_high"), low.label(f"{name}_low")]
