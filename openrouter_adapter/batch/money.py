"""USD in whole picodollars, 1e-12 USD: what budgets and journals count in."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal
from typing import Final

PER_USD: Final = 10**12


def picodollars(usd: Decimal) -> int:
    """Rounded half to even, as the ledger does."""
    return int((usd * PER_USD).to_integral_value(ROUND_HALF_EVEN))


def picodollars_up(usd: Decimal) -> int:
    """Rounded up: a bound stays one."""
    return int((usd * PER_USD).to_integral_value(ROUND_CEILING))


def usd(amount: int) -> Decimal:
    """The exact USD of so many picodollars."""
    return Decimal(amount).scaleb(-12)
