"""Spend: a row for every attempt, exact to the picodollar, and budgets that are never exceeded.

>>> import openrouter_adapter
>>> from openrouter_adapter import ledger
>>> openrouter_adapter.register()
>>> ledger.enable()
>>> ledger.spend(by="model")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openrouter_adapter.ledger.budgets import Budget
from openrouter_adapter.ledger.default import (
    budget,
    current,
    disable,
    enable,
    flush,
    is_enabled,
    open,  # noqa: A004 - `ledger.open`, as `gzip.open`
    reconcile,
    spend,
)
from openrouter_adapter.ledger.errors import LedgerError
from openrouter_adapter.ledger.ledger import Ledger
from openrouter_adapter.ledger.queries import DIMENSIONS, BudgetState, HoldState, Spend
from openrouter_adapter.ledger.reconcile import Reconciled
from openrouter_adapter.ledger.reservations import Refusal
from openrouter_adapter.ledger.rows import Row
from openrouter_adapter.ledger.store import Store
from openrouter_adapter.money import to_pico, to_usd

if TYPE_CHECKING:
    from openrouter_adapter.ledger.callback import handler

__all__ = [
    "DIMENSIONS",
    "Budget",
    "BudgetState",
    "HoldState",
    "Ledger",
    "LedgerError",
    "Reconciled",
    "Refusal",
    "Row",
    "Spend",
    "Store",
    "budget",
    "current",
    "disable",
    "enable",
    "flush",
    "handler",
    "is_enabled",
    "open",
    "reconcile",
    "spend",
    "to_pico",
    "to_usd",
]


def __getattr__(name: str) -> Any:
    # Importing it loads LiteLLM, which takes seconds and is not needed to read a ledger.
    if name == "handler":
        from openrouter_adapter.ledger.callback import handler

        return handler
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
