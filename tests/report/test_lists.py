"""Amounts, windows and series: what the lists and the page are made of."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from openrouter_adapter import ledger, money, report
from openrouter_adapter.ledger import breakdowns
from openrouter_adapter.ledger.rows import Row
from openrouter_adapter.report import charts, texts
from openrouter_adapter.report.window import Window, parse
from tests.ledger.conftest import new_postgres, postgres, postgres_server, where  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from openrouter_adapter.ledger import Ledger

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


def row(number: int, when: dt.datetime, **fields: object) -> Row:
    made = Row(f"call-{number}", 1, round(when.timestamp() * 1e6), model="a/b", outcome="ok")
    made.cost, made.cost_status = 10**9 * (number + 1), "billed"
    for name, value in fields.items():
        setattr(made, name, value)
    return made


@pytest.fixture
def book(where: str) -> Ledger:  # noqa: F811
    return ledger.open(where)


@pytest.mark.parametrize(
    ("days", "unit", "slots"),
    [(0, "hour", 16), (2, "hour", 64), (60, "day", 61), (800, "month", 27)],
)
def test_the_time_line_has_no_gap(book: Ledger, days: int, unit: str, slots: int) -> None:
    book.store.write([row(0, NOW), row(1, NOW - dt.timedelta(days=days, minutes=30))])
    found = report.gather(book, now=NOW).series
    book.close()

    assert (found.unit, len(found.slots)) == (unit, slots)
    assert sum(slot.total for slot in found.slots) == Decimal("0.003")
    starts = [slot.start for slot in found.slots]
    assert starts == sorted(set(starts))


def test_a_window_cuts_every_figure_alike(book: Ledger) -> None:
    book.store.write(
        [
            row(number, NOW - dt.timedelta(hours=number), user_id="ada", latency_ms=9)
            for number in range(48)
        ]
    )
    window = parse("24h", "2026-11-27T12:30", NOW)
    found = report.gather(book, window, now=NOW)
    book.close()

    assert found.total is not None
    assert found.total.requests == 22
    for groups in found.groups.values():
        assert sum(one.total for _, one in groups) == found.total.total
    assert sum(one.attempts for one in found.outcomes) == 0
    assert sum(one.answers for one in found.latencies[1:]) == 22
    assert sum(slot.total for slot in found.series.slots) == found.total.total


def test_latencies_are_of_answers_only(book: Ledger) -> None:
    timed = [row(number, NOW, latency_ms=number + 1) for number in range(200)]
    other = [
        row(300, NOW, latency_ms=9, outcome="error"),
        row(301, NOW, latency_ms=9, cache_hit=True),
        row(302, NOW, latency_ms=None),
        row(303, NOW, latency_ms=123_456, model="slow"),
    ]
    book.store.write([*timed, *other])
    every, fast, slow = breakdowns.latencies(book.store.database)
    book.close()

    assert (fast.model, fast.answers) == ("a/b", 200)
    assert (fast.p50, fast.p90, fast.p95, fast.p99, fast.most) == (100, 180, 190, 198, 200)
    assert (slow.p50, slow.most) == (123_000, 123_000)
    assert (every.model, every.answers, every.most) == (None, 201, 123_000)


def test_outcomes_by_exception_and_model(book: Ledger) -> None:
    failed = [row(number, NOW, outcome="error", error_class="Timeout") for number in range(3)]
    book.store.write([*failed, row(9, NOW, outcome="error", error_class="BadGateway", model="c")])
    found = charts.failures(breakdowns.outcomes(book.store.database))
    book.close()

    assert found.models == ["a/b", "c"]
    assert [
        (name, [number for number, _ in cells], total) for name, cells, total in found.rows
    ] == [
        ("Timeout", [3, 0], 3),
        ("BadGateway", [0, 1], 1),
    ]


def test_sums_are_combined_by_what_rollups_know(book: Ledger) -> None:
    with pytest.raises(ledger.LedgerError, match="use some of day, hour"):
        breakdowns.combined(book.store.database, ["user"])
    book.close()


@pytest.mark.parametrize("highest", ["0.00003", "0.9", "1", "7", "12", "99999"])
def test_the_scale_is_round(highest: str) -> None:
    step = charts._step(Decimal(highest), is_whole=False)

    assert 2 <= Decimal(highest) / step <= 6
    assert step.normalize().as_tuple().digits in {(1,), (2,), (5,)}


def test_one_more_bar_is_shown_instead_of_a_rest_of_one() -> None:
    nine = [(f"m{number}", Decimal(9 - number), "") for number in range(9)]
    ten = [*nine, ("m9", Decimal("0.5"), "")]

    assert [bar.name for bar in charts.bars(nine, Decimal(45))] == [name for name, _, _ in nine]
    *_, rest = charts.bars(ten, Decimal("45.5"))
    assert (rest.is_others, str(rest.figure), rest.note) == (True, "1.50", "2 more")
