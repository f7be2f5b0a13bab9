"""Money: USD as exact decimals, and as whole picodollars (1e-12 USD) to add up and to store.

A 64-bit integer holds 9.2 million USD in picodollars: enough for one request, but not always for a
year. So the ledger keeps a sum in two parts, each of which holds billions of rows.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any, Final

PER_USD: Final = 10**12
PART: Final = 10**9
"""A sum's parts: how many times this, and what is left below it."""

MOST_PICO: Final = 2**63 - 1
"""The most that a column of the ledger holds, in picodollars."""

# A union would be built again for each check.
_READ: Final = (str, int, float)
# Sums of years have more digits than the default context keeps.
_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)


def parse(given: Decimal | float | str) -> Decimal:
    """Amount in USD from what a person wrote.

    Raises:
        ValueError: it is not a number, not finite, or negative.
    """
    try:
        usd = Decimal(str(given))
    except InvalidOperation:
        usd = Decimal("nan")
    if not usd.is_finite() or usd < 0:
        raise ValueError(f"{given!r} is not an amount in USD")
    return usd


def decimal(value: Any) -> Decimal | None:
    """Exact decimal of a JSON number, or of a text with one; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, _READ):
        return None
    try:
        found = Decimal(value if isinstance(value, str) else repr(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def plain(usd: Decimal) -> str:
    """An exact amount without exponent, grouping or trailing zeros: `0.0000415`."""
    text = f"{usd:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def to_pico(usd: Decimal) -> int:
    """USD as whole picodollars that a row of the ledger can hold, rounded half to even.

    Raises:
        ValueError: it is more than that (9.2 million USD), or not finite.
    """
    if not usd:
        return 0
    pico = picodollars(usd)
    if abs(pico) > MOST_PICO:
        raise ValueError(f"{usd} USD is more than a ledger row can hold")
    return pico


def picodollars(usd: Decimal) -> int:
    """Any amount of USD as whole picodollars, rounded half to even.

    Raises:
        ValueError: it is not finite.
    """
    return _rounded(usd, ROUND_HALF_EVEN)


def picodollars_up(usd: Decimal) -> int:
    """Any amount of USD as whole picodollars, rounded up, so that an upper bound stays one.

    Raises:
        ValueError: it is not finite.
    """
    return _rounded(usd, ROUND_CEILING)


def _rounded(usd: Decimal, rounding: str) -> int:
    if not usd.is_finite():
        raise ValueError(f"{usd} is not a finite amount")
    return int(usd.scaleb(12, _EXACT).to_integral_value(rounding, _EXACT))


def to_usd(pico: int) -> Decimal:
    """Picodollars as exact USD."""
    return Decimal(pico).scaleb(-12, _EXACT)


def whole(high: int, low: int) -> int:
    """The picodollars of a sum in two parts."""
    return high * PART + low
