"""Figures and names as people read them: exact amounts, grouped thousands, plain names."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final, NamedTuple

from openrouter_adapter import money

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

NOTHING: Final = "\N{EN DASH}"
"""Shown in place of a missing figure or name."""

_CENTS: Final = 2
_DIRECTIONS: Final = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


class Amount(NamedTuple):
    """An exact amount in USD, cut in two so that the eye finds the cents.

    Attributes:
        pico: Picodollars, to sort and add up by.
        cents: `1,234.56`.
        rest: The digits after the cents.
    """

    pico: int
    cents: str
    rest: str

    def __str__(self) -> str:
        """The whole amount."""
        return self.cents + self.rest


def amount(usd: Decimal, places: int = _CENTS) -> Amount:
    """An amount with all its digits, and at least `places` decimal places."""
    text = f"{usd:,.{max(places, _places(usd))}f}"
    cut = text.index(".") + 1 + _CENTS
    pico = money.picodollars(usd)
    return Amount(pico, text[:cut].replace("-", "\N{MINUS SIGN}"), text[cut:])


def amounts(column: Iterable[Decimal]) -> list[Amount]:
    """The amounts of a column, all with as many places as the one that needs the most."""
    given = list(column)
    places = max(map(_places, given), default=_CENTS)
    return [amount(one, places) for one in given]


def _places(usd: Decimal) -> int:
    digits = money.plain(usd).partition(".")[2]
    return max(_CENTS, len(digits))


def count(number: int) -> str:
    """A whole number with grouped thousands."""
    return f"{number:,}"


def share(part: int, whole: int) -> str:
    """A part in percent; only nothing is 0 %, and only the whole is 100 %."""
    if not whole or not part:
        return "0 %"
    percent = 100 * part / whole
    if percent < 0.1:
        return "< 0.1 %"
    if part < whole and percent > 99.9:
        return "> 99.9 %"
    return f"{percent:.1f} %" if part < whole else "100 %"


def duration(milliseconds: float | None) -> str:
    """Milliseconds in the unit that fits: `850 ms`, `2.41 s`, `3.5 min`."""
    if milliseconds is None:
        return NOTHING
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    if milliseconds < 10_000:
        return f"{milliseconds / 1000:.2f} s"
    if milliseconds < 100_000:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds / 60_000:.1f} min"


def visible(text: str) -> str:
    """An untrusted text without characters that control a terminal or reverse a line."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if unicodedata.category(character) in {"Cc", "Cs"} or character in _DIRECTIONS
        else character
        for character in text
    )
