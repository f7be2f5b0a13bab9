"""Amounts, names and windows of the lists."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import pytest

from openrouter_adapter import money
from openrouter_adapter.report import texts
from openrouter_adapter.report.window import Window, parse

UTC = dt.timezone.utc
NOW = dt.datetime(2026, 11, 27, 15, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        ("0", "0.00"),
        ("12.5", "12.50"),
        ("1234567.000000000001", "1,234,567.000000000001"),
        ("-0.5", "\N{MINUS SIGN}0.50"),
        ("98765432109876543.210000000001", "98,765,432,109,876,543.210000000001"),
    ],
)
def test_amounts_keep_every_digit(usd: str, text: str) -> None:
    found = texts.amount(Decimal(usd))

    assert str(found) == text
    assert found.pico == Fraction(usd) * money.PER_USD


def test_amounts_of_a_column_have_the_same_places() -> None:
    assert [str(one) for one in texts.amounts([Decimal(1), Decimal("0.00012")])] == [
        "1.00000",
        "0.00012",
    ]
    assert money.plain(Decimal("0.000041500")) == "0.0000415"
    assert money.plain(Decimal("1E+3")) == "1000"


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 0, "0 %"), (0, 9, "0 %"), (1, 10**6, "< 0.1 %"), (1, 8, "12.5 %"), (8, 8, "100 %")],
)
def test_shares_are_never_rounded_to_nothing(part: int, whole: int, text: str) -> None:
    assert texts.share(part, whole) == text
    assert texts.share(10**6 - 1, 10**6) == "> 99.9 %"


def test_names_that_steer_are_made_visible() -> None:
    assert texts.visible("a\x1b[31mb\u202ec\nd") == "a\ufffd[31mb\ufffdc\ufffdd"


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "\N{EN DASH}"),
        (850, "850 ms"),
        (2410, "2.41 s"),
        (24_100, "24.1 s"),
        (210_000, "3.5 min"),
    ],
)
def test_durations(ms: float | None, text: str) -> None:
    assert texts.duration(ms) == text


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-20", dt.datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11", dt.datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-20T15:00", dt.datetime(2026, 11, 20, 15, tzinfo=UTC)),
        ("2026-11-20T15:00:00Z", dt.datetime(2026, 11, 20, 15, tzinfo=UTC)),
        ("2026-11-20T15:00+02:00", dt.datetime(2026, 11, 20, 13, tzinfo=UTC)),
        ("today", dt.datetime(2026, 11, 27, tzinfo=UTC)),
        ("yesterday", dt.datetime(2026, 11, 26, tzinfo=UTC)),
        ("24h", dt.datetime(2026, 11, 26, 15, tzinfo=UTC)),
        ("7d", dt.datetime(2026, 11, 20, 15, tzinfo=UTC)),
        ("2w", dt.datetime(2026, 11, 13, 15, tzinfo=UTC)),
    ],
)
def test_moments_as_people_write_them(written: str, meant: dt.datetime) -> None:
    assert parse(written, None, NOW) == Window(meant)


def test_windows_are_widened_to_whole_hours() -> None:
    found = parse("2026-11-20T15:59", "2026-11-20T16:01", NOW)

    assert found == Window(
        dt.datetime(2026, 11, 20, 15, tzinfo=UTC), dt.datetime(2026, 11, 20, 17, tzinfo=UTC)
    )


@pytest.mark.parametrize("written", ["soon", "2026-13-01", "", "7 days"])
def test_other_moments_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match="Invalid moment"):
        parse(written, None, NOW)


def test_a_window_does_not_end_before_it_begins() -> None:
    with pytest.raises(ValueError, match="Invalid until yesterday: it must be after since today"):
        parse("today", "yesterday", NOW)
