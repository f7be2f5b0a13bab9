"""The tables of budgets, as SQLAlchemy's expressions name them; migrations.py makes them."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from openrouter_adapter.ledger.rows import LABELS

LABEL_COLUMNS: Final = {**LABELS, "tag": "tag"}
"""The column of `budgets` for each label: a budget names one tag, a row has a list of them."""

budgets: Final = sa.table(
    "ledger_budgets",
    *map(sa.column, ("name", "most", "per", "each_label", "most_per_request", "wait_ms")),
    *map(sa.column, LABEL_COLUMNS.values()),
    sa.column("or_end_user", sa.Boolean),
    sa.column("lets_through", sa.Boolean),
)
"""One budget a row; amounts in picodollars, as everywhere in the ledger."""

balances: Final = sa.table(
    "ledger_accounts", *map(sa.column, ("budget", "period", "spent", "held"))
)
"""What is spent and what is reserved (`held`) of a budget in one period, of one value in it."""

reservations: Final = sa.table(
    "ledger_holds",
    *map(
        sa.column,
        (
            *("id", "budget", "period", "worker", "amount"),
            *("made_at", "call_id", "attempt", "model"),
        ),
    ),
)
"""What a request in flight may yet cost, a row for each balance that it counts in."""

workers: Final = sa.table(
    "ledger_workers",
    *map(sa.column, ("id", "host", "pid", "seen_at", "lease_ms")),
    sa.column("is_dead", sa.Boolean),
)
"""Processes that have reserved something, with their heartbeat."""

attempts: Final = sa.table(
    "ledger_attempts",
    *map(sa.column, ("call_id", "attempt", "generation_id", "hold_id", "cost", "ask_after")),
    sa.column("outcome"),
)
"""The columns of rows that reservations are joined with; rows.py has them all."""
