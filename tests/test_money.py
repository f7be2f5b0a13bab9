"""Amounts are read and printed exactly; picodollars are rounded once, half to even."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_adapter.money import (
    PART,
    decimal,
    parse,
    picodollars,
    picodollars_up,
    plain,
    to_pico,
    to_usd,
    whole,
)


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


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1e-12, Decimal("1E-12")),
        (3, Decimal(3)),
        ("0.1", Decimal("0.1")),
        ("free", None),
        ("NaN", None),
        (float("inf"), None),
        (True, None),
        (None, None),
    ],
)
def test_a_number_or_its_text_keeps_its_digits(value: object, number: Decimal | None) -> None:
    assert decimal(value) == number


@pytest.mark.parametrize("usd", ["NaN", "Infinity", "9223372.036854775808"])
def test_what_no_row_can_hold_is_an_error(usd: str) -> None:
    with pytest.raises(ValueError, match=r"not a finite|more than"):
        to_pico(Decimal(usd))


@given(st.integers(0, 2**63 - 1))
def test_there_and_back_is_the_same(pico: int) -> None:
    assert to_pico(to_usd(pico)) == pico
    assert whole(*divmod(pico, PART)) == pico


@pytest.mark.parametrize(("given", "usd"), [("25", "25"), (0.1, "0.1"), (Decimal("1E-8"), "1E-8")])
def test_an_amount_that_is_given_is_read_exactly(given: Decimal | float | str, usd: str) -> None:
    assert parse(given) == Decimal(usd)


@pytest.mark.parametrize("given", ["much", "", "-1", "NaN", float("inf")])
def test_an_invalid_amount_is_an_error_that_names_it(given: float | str) -> None:
    with pytest.raises(ValueError, match=f"{given!r} is not an amount in USD"):
        parse(given)


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        ("0E-9", "0"),
        ("1E+2", "100"),
        ("0.00004150", "0.0000415"),
        ("12345678901.5", "12345678901.5"),
    ],
)
def test_an_amount_is_printed_with_the_digits_that_it_has(usd: str, text: str) -> None:
    assert plain(Decimal(usd)) == text


def test_an_upper_bound_is_rounded_up() -> None:
    assert picodollars(Decimal("1E-13")) == 0
    assert picodollars_up(Decimal("1E-13")) == 1
