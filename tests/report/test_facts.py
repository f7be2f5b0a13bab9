"""What the page is made of, on SQLite and PostgreSQL: facts, latencies, requests, forecasts."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from openrouter_adapter import ledger, report
from openrouter_adapter.ledger import Budget, BudgetState, facts
from openrouter_adapter.ledger.rows import Row
from openrouter_adapter.report import cube, forecast
from openrouter_adapter.report.window import parse
from tests.ledger.conftest import new_postgres, postgres, postgres_server, where  # noqa: F401 - fixtures

from . import ledgers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openrouter_adapter.ledger import Ledger

NOW = ledgers.NOW
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


def row(number: int, when: dt.datetime, **fields: object) -> Row:
    made = Row(f"call-{number}", 1, round(when.timestamp() * 1e6), model="a/b", outcome="ok")
    made.cost, made.cost_status = 10**9 * (number + 1), "billed"
    for name, value in fields.items():
        setattr(made, name, value)
    return made


@pytest.fixture
def book(where: str) -> Iterator[Ledger]:  # noqa: F811
    opened = ledger.open(where)
    yield opened
    opened.close()


def test_facts_are_by_hour_at_the_end_and_by_day_before(book: Ledger) -> None:
    old = NOW - 9 * DAY
    book.store.write([row(0, NOW), row(1, NOW - HOUR), row(2, old), row(3, old - HOUR)])
    found = sorted(facts.facts(book.store.database, cube.first_hour(NOW)))

    now, day = cube.hours_since_1970(NOW), cube.hours_since_1970(old) // 24 * 24
    assert [one.hour for one in found] == [day, now - 1, now]
    assert [one.sums[0] for one in found] == [7 * 10**9, 2 * 10**9, 10**9]


def test_sums_beyond_64_bits_are_exact(book: Ledger) -> None:
    most = 2**63 - 1
    rows = [row(number, NOW, cost=most, upstream=number) for number in range(5)]
    book.store.write(rows)
    [found] = facts.facts(book.store.database, 0)

    sums = dict(zip(facts.SUMS, found.sums, strict=True))
    assert (sums["billed"], sums["upstream"]) == (5 * most, 10)


def test_outcomes_are_told_apart(book: Ledger) -> None:
    book.store.write(
        [
            row(0, NOW),
            row(1, NOW, outcome="error", error_class="Timeout"),
            row(2, NOW, outcome="error"),
            row(3, NOW, outcome="left", cost=None, cost_status="unknown"),
            row(4, NOW, cache_hit=True, cost=0),
            row(5, NOW, source_id="gen-1", cost=0),
            row(6, NOW, outcome="open", cost=None, cost_status="unknown"),
        ]
    )
    database = book.store.database
    at = facts.DIMENSIONS.index("outcome")
    found = list(facts.facts(database, 0))

    requests = facts.SUMS.index("requests")
    assert {(one.values[at], one.sums[requests]) for one in found} == {
        ("answered", 1),
        ("failed: Timeout", 1),
        ("failed: no class", 1),
        ("abandoned", 1),
        ("cache hit", 2),
    }
    assert facts.in_flight(database) == 1


def test_single_requests_are_listed(book: Ledger) -> None:
    book.store.write([row(number, NOW - number * HOUR) for number in range(9)])
    book.store.write(
        [row(20, NOW, outcome="error", cost=0), row(21, NOW, cost=None, cost_status="unknown")]
    )
    database = book.store.database
    listed = {kind: facts.requests(database, kind, 3) for kind in facts.KINDS}

    cost = facts.LISTED.index("cost")
    assert [one[cost] for one in listed["expensive"]] == [9 * 10**9, 8 * 10**9, 7 * 10**9]
    assert [one[cost] for one in listed["failed"]] == [0]
    assert [one[cost] for one in listed["unknown"]] == [None]


def test_latencies_are_of_answers_only(book: Ledger) -> None:
    timed = [row(number, NOW, latency_ms=number + 1) for number in range(200)]
    other = [
        row(300, NOW, latency_ms=9, outcome="error"),
        row(301, NOW, latency_ms=9, cache_hit=True),
        row(302, NOW, latency_ms=None),
        row(303, NOW, latency_ms=123_456, model="slow"),
    ]
    book.store.write([*timed, *other])
    found = facts.latencies(book.store.database)

    assert sum(answers for *_, answers in found) == 201
    assert [(ms, answers) for _, model, ms, answers in found if model == "slow"] == [(120_000, 1)]
    assert {ms: answers for _, _, ms, answers in found}[190] == 10


def test_a_window_cuts_every_figure_alike(book: Ledger) -> None:
    book.store.write(
        [
            row(number, NOW - number * HOUR, user_id="ada", latency_ms=9, outcome="error")
            for number in range(48)
        ]
    )
    window = parse("24h", "2026-11-27T12:30", NOW)
    found = report.gather(book, window, now=NOW)

    assert found.total is not None
    assert found.total.requests == 22
    assert sum(map(int, found.cube.columns["requests"].split())) == 22
    assert sum(map(int, found.cube.columns["billed"].split())) == ledger.to_pico(found.total.total)
    assert {kind: len(listed) for kind, listed in found.requests.items()} == {
        "expensive": 22,
        "failed": 22,
        "unknown": 0,
    }


def test_a_forecast_counts_what_the_budget_counts(book: Ledger) -> None:
    book.store.write(
        [
            row(1, NOW - 2 * DAY, user_id="ada", tags='["web"]', cost=10**12),
            row(2, NOW - 1 * DAY, user_id="ada", tags='["web"]', cost=10**12),
            row(3, NOW - 1 * DAY, user_id="bob", tags='["web"]', cost=5 * 10**12),
            row(4, NOW - 1 * DAY, user_id="ada", cost=7 * 10**12),
        ]
    )
    book.budget("web", 10, tag="web", each="user")
    found = {
        state.value: forecast.of(book.store.database, state, NOW) for state in book.budgets("web")
    }

    assert {user: (one.spent, one.over) for user, one in found.items()} == {
        "ada": (Decimal(2), 2 * DAY),
        "bob": (Decimal(5), 2 * DAY),
    }
    # 8 USD are left, at a dollar a day; 5 USD, at two and a half.
    assert found["ada"].reached_at == NOW + 8 * DAY
    assert found["bob"].reached_at == NOW + 2 * DAY


def state(spent: str, per: str = "month", period: str = "2026-11", held: str = "0") -> BudgetState:
    none = Decimal(0)
    budget = Budget("b", Decimal(10), per=per)
    return BudgetState(budget, period, None, Decimal(spent), Decimal(held), none)


@pytest.mark.parametrize(
    ("found", "spent", "said"),
    [
        (
            state("9"),
            "3.5",
            "At the rate of the last 7 days (3.50 USD), the limit is reached on Sun 29 Nov",
        ),
        (state("9", held="1"), "1", "The limit is reached. The next period begins on Tue 01 Dec"),
        (
            state("2"),
            "0.7",
            "not reached before the month ends; by then, about 2.34 USD are spent.",
        ),
        (state("2"), "0", "Nothing was spent in the last 7 days."),
        (state("9", "total", ""), "0.07", "reached on Sun 07 Mar 2027, 15:20 UTC."),
        (state("1", "total", ""), "0.000001", "not reached within ten years."),
        (state("10", "total", ""), "1", "The limit is reached."),
    ],
)
def test_forecasts_are_sentences(found: BudgetState, spent: str, said: str) -> None:
    seen = forecast.calculate(found, Decimal(spent), 7 * DAY, NOW)

    assert said in forecast.sentence(found, seen)
