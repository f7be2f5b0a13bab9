"""Money in whole picodollars (1e-12 USD): exact, sortable, and no float anywhere.

A 64-bit integer holds 9.2 million USD of them, more than one request costs and less than a year
may; so a sum is kept in two parts, each of which holds billions of rows.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

PER_USD: Final = 10**12
PART: Final = 10**9
"""A sum's parts: how many times this, and what is left below it."""

MOST_PICO: Final = 2**63 - 1

# Sums of years have more digits than the default context keeps.
_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)


def to_pico(usd: Decimal) -> int:
    """USD as whole picodollars, rounded half to even.

    Raises:
        ValueError: it is more than a row can hold (9.2 million USD), or no number.
    """
    if not usd:
        return 0
    pico = rounded(usd)
    if abs(pico) > MOST_PICO:
        raise ValueError(f"{usd} USD is more than a ledger row can hold")
    return pico


def rounded(usd: Decimal) -> int:
    """The same of any amount, also one that no row can hold.

    Raises:
        ValueError: it is no number.
    """
    if not usd.is_finite():
        raise ValueError(f"{usd} is no amount of money")
    return int(usd.scaleb(12, _EXACT).to_integral_value(ROUND_HALF_EVEN, _EXACT))


def to_usd(pico: int) -> Decimal:
    """Picodollars as exact USD."""
    return Decimal(pico).scaleb(-12, _EXACT)


def whole(high: int, low: int) -> int:
    """The picodollars of a sum in two parts."""
    return high * PART + low
