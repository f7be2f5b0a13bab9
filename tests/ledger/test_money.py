"""Picodollars are exact, rounded once, half to even."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_adapter.ledger.money import PART, to_pico, to_usd, whole


@pytest.mark.parametrize(
    ("usd", "pico"),
    [
        ("0", 0),
        ("1", 10**12),
        ("0.0004970133333333333", 497_013_333),
        ("2E-8", 20_000),
        ("0.0000000000005", 0),
        ("0.0000000000015", 2),
        ("0.0000000000025", 2),
        ("9223372.036854775807", 2**63 - 1),
    ],
)
def test_an_amount_is_rounded_once_half_to_even(usd: str, pico: int) -> None:
    assert to_pico(Decimal(usd)) == pico


@pytest.mark.parametrize("usd", ["NaN", "Infinity", "9223372.036854775808"])
def test_what_no_row_can_hold_is_an_error(usd: str) -> None:
    with pytest.raises(ValueError, match=r"no amount|more than"):
        to_pico(Decimal(usd))


@given(st.integers(0, 2**63 - 1))
def test_there_and_back_is_the_same(pico: int) -> None:
    assert to_pico(to_usd(pico)) == pico
    assert whole(*divmod(pico, PART)) == pico
