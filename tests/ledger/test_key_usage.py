"""Attempts without a generation id get their cost from their key's usage, and never less."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import litellm
import pytest

from openrouter_adapter.ledger import key_usage, metadata, to_pico
from openrouter_adapter.ledger.reservations import Reservations

from .rows import billed, unknown
from .traffic import CHAT

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.emulator import Emulator
    from openrouter_adapter.ledger import Ledger, Row

HELLO = [{"role": "user", "content": "Hello"}]
KEY = "key-0123456789ab"
USD = 10**12


def now() -> int:
    return time.time_ns() // 1000


def used(usd: str) -> Callable[[], dict[str, Any]]:
    """What `GET /key` says of a key that has used so much today, and nothing before."""
    amount = float(usd)
    return lambda: {
        f"{kind}{ending}": amount if kind == "usage" else 0
        for kind in ("usage", "byok_usage")
        for ending in ("", "_daily", "_weekly", "_monthly")
    }


def lost(book: Ledger, worst: str = "0.1", **fields: Any) -> Row:
    """The row of an attempt whose process is gone: written down, held, and never answered."""
    row = unknown(None, outcome="open", started_at=now(), key_name=KEY, latency_ms=None, **fields)
    reservations = Reservations(book.store.database)
    assert reservations.reserve(row, Decimal(worst), [one.budget for one in book.budgets()]) is None
    reservations.close()
    return row


def settle(book: Ledger, usd: str) -> tuple[int, int]:
    return key_usage.reconcile(book.store, KEY, used(usd), settle_after=0)


def standing(book: Ledger) -> tuple[Decimal, Decimal]:
    """What is spent and what is reserved of the only budget."""
    [state] = book.budgets()
    return state.spent, state.held


def test_what_a_killed_process_left_is_free_where_its_key_was_charged_for_known_rows_only(
    book: Ledger,
) -> None:
    book.budget("all", 1)
    book.store.write([billed(USD // 4, started_at=now(), key_name=KEY, latency_ms=0)])
    for _ in range(3):
        lost(book)
    assert standing(book) == (Decimal("0.25"), Decimal("0.3"))
    assert settle(book, "0.25") == (3, 0)
    assert standing(book) == (Decimal("0.25"), 0)
    assert {(row.outcome, row.cost) for row in book.store.rows("cost = 0")} == {("left", 0)}


def test_one_attempt_costs_what_nothing_else_explains(book: Ledger) -> None:
    book.budget("all", 1)
    book.store.write([billed(USD // 4, started_at=now(), key_name=KEY, latency_ms=0)])
    row = lost(book)
    assert settle(book, "0.250000000001") == (1, 0)
    [found] = book.store.rows("hold_id = :hold", hold=row.hold_id)
    assert (found.cost, found.outcome, found.attempt) == (1, "left", row.attempt)


def test_several_attempts_share_what_nothing_else_explains_to_the_picodollar(book: Ledger) -> None:
    book.budget("all", 1)
    for worst in ("0.1", "0.2", "0.3"):
        lost(book, worst)
    assert settle(book, "0.100000000001") == (3, 0)
    assert standing(book) == (Decimal("0.100000000001"), 0)


@pytest.mark.parametrize("usd", ["0.11", "50"])
def test_more_than_the_worst_case_is_use_by_others_and_settles_nothing(
    book: Ledger, usd: str
) -> None:
    book.budget("all", 1)
    lost(book)
    assert settle(book, usd) == (0, 1)
    assert standing(book) == (0, Decimal("0.1"))


def test_attempts_under_different_budgets_are_not_given_shares(book: Ledger) -> None:
    book.budget("a", 1, job="a")
    book.budget("b", 1, job="b")
    for job in ("a", "b"):
        row = unknown(None, outcome="open", started_at=now(), key_name=KEY, job=job)
        reservations = Reservations(book.store.database)
        budgets = [one.budget for one in book.budgets() if one.budget.job == job]
        assert reservations.reserve(row, Decimal("0.1"), budgets) is None
        reservations.close()
    assert settle(book, "0.1") == (0, 2)
    assert {(one.spent, one.held) for one in book.budgets()} == {(0, Decimal("0.1"))}
    assert settle(book, "0") == (2, 0)


def test_what_a_living_process_has_in_flight_is_left_alone(book: Ledger) -> None:
    book.budget("all", 1)
    row = unknown(None, outcome="open", started_at=now(), key_name=KEY)
    assert (
        book.reservations.reserve(row, Decimal("0.1"), [one.budget for one in book.budgets()])
        is None
    )
    assert settle(book, "0") == (0, 0)
    assert standing(book)[1] >= Decimal("0.1")


def test_another_keys_attempts_are_left_alone_and_its_rows_explain_nothing(book: Ledger) -> None:
    book.budget("all", 1)
    other = billed(USD // 10, started_at=now(), key_name="key-other", latency_ms=0)
    # At the proxy a row has the name of the proxy's key, and says who pays.
    mine = replace(billed(USD // 20, started_at=now(), key_name="ann"), paid_by=KEY, latency_ms=0)
    book.store.write([other, mine])
    lost(book)
    assert key_usage.reconcile(book.store, "key-other", used("0.1"), settle_after=0) == (0, 0)
    assert settle(book, "0.15") == (1, 0)
    assert standing(book)[0] == Decimal("0.25")


def test_a_request_that_may_still_run_at_openrouter_is_left_alone(book: Ledger) -> None:
    book.budget("all", 1)
    lost(book)

    def ask() -> dict[str, Any]:
        raise AssertionError("nothing is ripe")

    assert key_usage.reconcile(book.store, KEY, ask) == (0, 0)


def test_a_row_that_ended_just_now_explains_nothing_yet(book: Ledger) -> None:
    """The counter may not have it, and have the lost one's cost in its place."""
    book.budget("all", 1)
    early = now() - 3 * 3600 * 10**6
    row = replace(lost(book), started_at=early)
    book.store.write([row, billed(USD // 20, started_at=now(), key_name=KEY, latency_ms=0)])
    assert key_usage.reconcile(book.store, KEY, used("0.05")) == (1, 0)
    [found] = book.store.rows("hold_id = :hold", hold=row.hold_id)
    assert found.cost == USD // 20


def test_the_periods_are_utc_days_weeks_and_months() -> None:
    moment = dt.datetime(2026, 12, 2, 10, tzinfo=dt.timezone.utc)
    found = [
        (ending, dt.datetime.fromtimestamp(start / 1e6, dt.timezone.utc).date().isoformat())
        for ending, start in key_usage._windows(round(moment.timestamp() * 1e6))
    ]
    assert found == [
        ("_daily", "2026-12-02"),
        ("_monthly", "2026-12-01"),
        ("_weekly", "2026-11-30"),
        ("", "1970-01-01"),
    ]


def test_a_timeout_is_settled_by_the_use_of_its_key(
    enabled: Ledger, emulator: Emulator, to: dict[str, Any]
) -> None:
    litellm.completion(CHAT, HELLO, **to)
    emulator.faults.add("stall=2")
    with pytest.raises(litellm.Timeout):
        litellm.completion(CHAT, HELLO, timeout=0.3, **to)
    deadline = time.monotonic() + 20
    while len(emulator.bill()) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    done = enabled.reconcile(api_key=emulator.api_key, base_url=emulator.base_url, settle_after=0)
    assert (done.settled, done.without_id) == (1, 0)
    rows = enabled.store.rows()
    assert sum(row.cost or 0 for row in rows) == sum(to_pico(one.cost) for one in emulator.bill())
    assert [row.outcome for row in rows] == ["ok", "error"]
    assert {row.key_name for row in rows} == {metadata.key_name(emulator.api_key)}


def test_with_writes_ahead_a_request_has_its_row_before_it_is_sent(
    enable: Callable[..., Ledger], where: str, emulator: Emulator, to: dict[str, Any]
) -> None:
    book = enable(where, writes_ahead=True)
    stream = litellm.completion(CHAT, HELLO, stream=True, **to)
    assert [(row.outcome, row.cost) for row in book.store.rows()] == [("open", None)]
    assert book.spend("total") == []
    for _ in stream:
        pass
    assert book.flush()
    [row] = book.store.rows()
    assert (row.outcome, row.cost) == ("ok", to_pico(emulator.bill()[0].cost))
    assert book.spend("total")[0].requests == 1
