"""Who is refused, why, and what becomes of reservations."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import gc
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import litellm
import pytest
import sqlalchemy as sa

from openrouter_adapter import api, ledger
from openrouter_adapter.ledger import Budget, LedgerError, enforcement, to_pico

from .rows import billed, unknown
from .traffic import CHAT, EMBEDDING, IMAGE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator
    from openrouter_adapter.ledger import Ledger, Row

HELLO = [{"role": "user", "content": "Hello"}]


@dataclass(frozen=True)
class Estimate:
    worst: Decimal | None
    unknown_because: str | None = None


def a_cent(_body: Any, _endpoint: str) -> Estimate:
    return Estimate(Decimal("0.01"))


@pytest.fixture
def cents(enable: Callable[..., Ledger], where: str) -> Ledger:
    """A ledger for which every request may cost a cent."""
    return enable(where, estimate=a_cent, beat_seconds=0.2)


def ask(to: dict[str, str], **keywords: Any) -> Any:
    return litellm.completion(CHAT, HELLO, **{"max_tokens": 50, **keywords}, **to)


def test_a_refusal_says_all_and_nothing_is_sent(
    cents: Ledger, emulator: Emulator, to: dict[str, str]
) -> None:
    cents.store.write([billed(995 * 10**9, user_id="ann")])
    cents.budget("team", 1, user="ann")
    with pytest.raises(litellm.BudgetExceededError) as refused:
        ask(to, user="ann")
    assert str(refused.value) == (
        "budget team: 0.995 of 1 USD are spent and 0 USD reserved for other requests; "
        "this one could cost 0.01 USD"
    )
    assert emulator.requests == []
    ask(to, user="bob")
    assert len(emulator.requests) == 1
    cents.flush()
    [row] = [row for row in cents.store.rows() if row.outcome == "error"]
    assert (row.error_class, row.cost) == ("BudgetExceededError", 0)


@pytest.mark.parametrize("path", ["stream", "embedding", "image", "acompletion", "aembedding"])
def test_every_endpoint_is_refused_by_the_same_exception(
    path: str, cents: Ledger, emulator: Emulator, to: dict[str, str]
) -> None:
    cents.budget("none", 0, max_request_usd=1)
    calls: dict[str, Callable[[], Any]] = {
        "stream": lambda: ask(to, stream=True),
        "embedding": lambda: litellm.embedding(EMBEDDING, ["Hello"], **to),
        "image": lambda: litellm.image_generation("a river", model=IMAGE, **to),
        "acompletion": lambda: asyncio.run(litellm.acompletion(CHAT, HELLO, max_tokens=5, **to)),
        "aembedding": lambda: asyncio.run(litellm.aembedding(EMBEDDING, ["Hello"], **to)),
    }
    with pytest.raises(litellm.BudgetExceededError, match="budget none"):
        calls[path]()
    assert emulator.requests == []


def test_a_bill_settles_its_hold(cents: Ledger, emulator: Emulator, to: dict[str, str]) -> None:
    cents.budget("all", 1)
    for _ in range(3):
        ask(to)
    cents.flush()
    time.sleep(0.6)
    [state] = cents.budgets()
    assert to_pico(state.spent) == sum(to_pico(row.cost) for row in emulator.bill())
    assert state.held == 0
    assert cents.held() == []


def test_a_request_must_fit_all_budgets_that_apply(cents: Ledger, to: dict[str, str]) -> None:
    cents.budget("big", 100)
    cents.budget("job", "0.005", job="nightly")
    cents.budget("red", 100, tag="red")
    ask(to, metadata={"tags": ["red"]})
    with pytest.raises(litellm.BudgetExceededError, match="budget job"):
        ask(to, metadata={"tags": ["red"], "job": "nightly"})
    cents.flush()
    time.sleep(0.6)
    states = {state.budget.name: state for state in cents.budgets()}
    assert states["big"].spent == states["red"].spent > 0
    assert states["job"].spent == 0
    assert {state.held for state in states.values()} == {0}


def test_a_key_has_its_budget_on_every_endpoint(cents: Ledger, to: dict[str, str]) -> None:
    cents.budget("key", 0, key="key-04b3b1e2f0cf", max_request_usd=1)
    for call in (
        lambda: ask(to),
        lambda: litellm.embedding(EMBEDDING, ["Hello"], **to),
        lambda: litellm.image_generation("a river", model=IMAGE, **to),
    ):
        with pytest.raises(litellm.BudgetExceededError):
            call()


def test_a_request_without_a_bound_is_refused_with_what_is_missing(
    cents: Ledger, to: dict[str, str]
) -> None:
    cents.budget("all", 1)
    with pytest.raises(litellm.BudgetExceededError, match=r"give max_tokens, or provider\.max_pri"):
        litellm.completion(CHAT, HELLO, **to)
    litellm.completion(CHAT, HELLO, provider={"max_price": {"completion": 1}}, **to)
    litellm.completion(CHAT, HELLO, max_completion_tokens=5, **to)
    litellm.embedding(EMBEDDING, ["Hello"], **to)
    cents.budget("all", 1, max_request_usd="0.02")
    litellm.completion(CHAT, HELLO, **to)
    cents.budget("all", 1, max_request_usd="0.002")
    with pytest.raises(litellm.BudgetExceededError, match=r"one request may cost 0\.002"):
        litellm.completion(CHAT, HELLO, **to)


def test_an_unknown_worst_case_needs_a_cap(
    enable: Callable[..., Ledger], where: str, to: dict[str, str]
) -> None:
    book = enable(where, estimate=lambda *_: Estimate(None, "the auto router chooses"))
    book.budget("all", 1)
    with pytest.raises(litellm.BudgetExceededError, match="the auto router chooses"):
        ask(to)
    book.budget("all", 1, max_request_usd="0.6")
    ask(to)
    book.budget("all", 1, max_request_usd="1.5")
    with pytest.raises(litellm.BudgetExceededError, match=r"could cost 1\.5"):
        ask(to)


def test_the_catalogue_bounds_a_request(
    enable: Callable[..., Ledger],
    emulator: Emulator,
    to: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENROUTER_API_BASE", emulator.base_url)
    monkeypatch.setenv("OPENROUTER_API_KEY", emulator.api_key)
    monkeypatch.setenv("OPENROUTER_ADAPTER_CACHE", str(tmp_path / "cache"))
    book = enable(tmp_path / "ledger.db", beat_seconds=0.2)
    book.budget("all", "0.0005")
    ask(to)
    with pytest.raises(litellm.BudgetExceededError, match=r"could cost 0\.00"):
        ask(to, max_tokens=1000)
    with pytest.raises(litellm.BudgetExceededError, match="is not known"):
        litellm.completion("openrouter/openrouter/auto", HELLO, max_tokens=5, **to)
    assert len(emulator.bill()) == 1


def test_images_are_bounded_by_what_the_images_api_lists(
    enable: Callable[..., Ledger],
    emulator: Emulator,
    to: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The list of models has no price of images that are sold by the image: they aren't free."""
    monkeypatch.setenv("OPENROUTER_API_BASE", emulator.base_url)
    monkeypatch.setenv("OPENROUTER_API_KEY", emulator.api_key)
    monkeypatch.setenv("OPENROUTER_ADAPTER_CACHE", str(tmp_path / "cache"))
    book = enable(tmp_path / "ledger.db", beat_seconds=0.2)
    book.budget("all", "0.1")
    painter = "openrouter/bytedance-seed/seedream-4.5"
    litellm.image_generation("a wren", model=painter, n=2, **to)
    with pytest.raises(litellm.BudgetExceededError, match=r"could cost 0\.04"):
        litellm.image_generation("a wren", model=painter, **to)
    # What it takes was read with its prices.
    with pytest.raises(litellm.BadRequestError, match="the model takes '1K'"):
        litellm.image_generation("a wren", model=painter, resolution="512", **to)
    (row,) = emulator.bill()
    assert row.cost == Decimal("0.08")


def test_providers_that_could_not_be_read_once_are_asked_for_again_soon(
    enable: Callable[..., Ledger],
    emulator: Emulator,
    to: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENROUTER_API_BASE", emulator.base_url)
    monkeypatch.setenv("OPENROUTER_API_KEY", emulator.api_key)
    monkeypatch.setenv("OPENROUTER_ADAPTER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(enforcement, "_PAUSE", 0.2)

    def fail(*_: Any, **__: Any) -> Any:
        raise litellm.ServiceUnavailableError("busy", llm_provider="openrouter", model="")

    book = enable(tmp_path / "ledger.db")
    book.budget("all", 1)
    with monkeypatch.context() as patch:
        patch.setattr(api, "get_endpoints", fail)
        with pytest.raises(litellm.BudgetExceededError, match="could not be loaded"):
            ask(to)
    time.sleep(0.3)
    assert ask(to).choices


def test_the_providers_of_each_model_are_read_once_and_made_up_names_are_not_kept(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_BASE", emulator.base_url)
    monkeypatch.setenv("OPENROUTER_API_KEY", emulator.api_key)
    monkeypatch.setenv("OPENROUTER_ADAPTER_CACHE", str(tmp_path / "cache"))
    asked: list[str] = []
    get_endpoints = api.get_endpoints

    def get(model: str, **access: Any) -> Any:
        asked.append(model)
        return get_endpoints(model, **access)

    monkeypatch.setattr(api, "get_endpoints", get)
    estimate = enforcement.WorstCase()
    for number in range(20):
        for model in ("openai/gpt-4o", f"made/up-{number}", "openai/gpt-4o-mini:nitro"):
            body = {"model": model, "messages": HELLO, "max_tokens": 5}
            is_known = estimate(body, "/chat/completions").worst is not None
            assert is_known != model.startswith("made")
    assert asked == ["openai/gpt-4o", "openai/gpt-4o-mini"]
    assert estimate._catalog is not None
    assert len(estimate._catalog.asked) == len(asked)


def test_a_budget_counts_what_was_spent_before_it(cents: Ledger, to: dict[str, str]) -> None:
    now = time.time_ns() // 1000
    month = 32 * 86_400 * 10**6
    cents.store.write(
        [
            billed(10**12, started_at=now, job="j"),
            billed(10**12, started_at=now - month, job="j"),
            billed(10**12, started_at=now, job="other"),
        ]
    )
    cents.budget("monthly", "1.005", per="month", job="j")
    with pytest.raises(litellm.BudgetExceededError, match=r"1 of 1\.005 USD are spent"):
        ask(to, metadata={"job": "j"})


@pytest.mark.parametrize(
    ("per", "moment", "period", "starts", "ends"),
    [
        ("day", "2026-11-20T23:59:59", "2026-11-20", "2026-11-20", "2026-11-21"),
        ("week", "2026-11-22T23:59:59", "2026-W47", "2026-11-16", "2026-11-23"),
        ("week", "2027-01-01T00:00:00", "2026-W53", "2026-12-28", "2027-01-04"),
        ("month", "2026-12-31T23:59:59", "2026-12", "2026-12-01", "2027-01-01"),
        ("month", "2028-02-29T00:00:00", "2028-02", "2028-02-01", "2028-03-01"),
    ],
)
def test_periods_are_of_utc_and_weeks_begin_on_monday(
    per: str, moment: str, period: str, starts: str, ends: str
) -> None:
    from openrouter_adapter.ledger.budgets import bounds

    def microseconds(text: str) -> int:
        at = dt.datetime.fromisoformat(text).replace(tzinfo=dt.timezone.utc)
        return int(at.timestamp()) * 10**6

    budget = Budget("b", Decimal(1), per=per)
    assert budget.period(microseconds(moment)) == period
    assert bounds(per, period) == (microseconds(starts), microseconds(ends))


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"per": "year"},
        {"usd": -1},
        {"usd": "NaN"},
        {"usd": 10**8},
        {"max_request_usd": -1},
        {"wait_seconds": -1},
        {"wait_seconds": float("inf")},
        {"wait_seconds": float("nan")},
    ],
)
def test_a_budget_that_makes_no_sense_is_an_error(book: Ledger, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        book.budget(**{"name": "b", "usd": 1, **wrong})


def test_a_budget_keeps_its_scope(book: Ledger) -> None:
    book.budget("b", 1, user="ann")
    book.budget("b", 2, user="ann")
    with pytest.raises(LedgerError, match="remove it first"):
        book.budget("b", 2, user="bob")
    assert book.remove_budget("b")
    assert not book.remove_budget("b")
    book.budget("b", 2, user="bob")


def test_whatever_goes_wrong_a_process_goes_on_saying_that_it_lives(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, other = ledger.open(where, beat_seconds=0.05), ledger.open(where)
    book.start()
    failures: list[int] = []

    def fail() -> None:
        failures.append(1)
        raise ValueError("nobody thought of this")

    with monkeypatch.context() as patch:
        patch.setattr(book.enforcement, "refresh", fail)
        deadline = time.monotonic() + 30
        while len(failures) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
    other.budget("all", 1)
    while not book.enforcement.budgets and time.monotonic() < deadline + 5:
        time.sleep(0.02)
    assert len(failures) >= 3
    assert book.enforcement.budgets
    for one in (book, other):
        one.close()


def test_another_process_sees_a_new_limit(cents: Ledger, where: str, to: dict[str, str]) -> None:
    other = ledger.open(where)
    other.budget("all", 1)
    deadline = time.monotonic() + 30
    while not cents.enforcement.budgets and time.monotonic() < deadline:
        time.sleep(0.02)
    ask(to)
    other.budget("all", "0.000001")
    time.sleep(1)
    with pytest.raises(litellm.BudgetExceededError):
        ask(to)
    other.close()


def test_waiting_for_what_others_hold(cents: Ledger, where: str, to: dict[str, str]) -> None:
    cents.budget("all", "0.0101", wait_seconds=5)
    other = ledger.open(where, estimate=a_cent)
    [budget] = cents.enforcement.budgets
    row = billed(cost=None, cost_status="unknown", started_at=time.time_ns() // 1000)
    assert other.reservations.reserve(row, Decimal("0.01"), [budget]) is None

    def settle() -> None:
        row.cost, row.cost_status = 10, "billed"
        other.store.write([row])
        other.reservations.close()

    timer = threading.Timer(0.5, settle)
    timer.start()
    ask(to)
    timer.join()
    other.close()


def test_a_call_that_is_cancelled_while_it_waits_holds_nothing(
    cents: Ledger, where: str, emulator: Emulator, to: dict[str, str]
) -> None:
    cents.budget("all", "0.0101", wait_seconds=10)
    other = ledger.open(where, estimate=a_cent)
    row = billed(cost=None, cost_status="unknown", started_at=time.time_ns() // 1000)
    assert other.reservations.reserve(row, Decimal("0.01"), cents.enforcement.budgets) is None

    async def give_up() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(litellm.acompletion(CHAT, HELLO, max_tokens=5, **to), 0.5)
        row.cost, row.cost_status = 10, "billed"
        other.store.write([row])
        other.reservations.close()

    # Its end waits for the threads of the event loop, where the call still asks for its turn.
    asyncio.run(give_up())
    gc.collect()
    cents.flush()
    assert cents.held() == []
    assert emulator.requests == []
    [left] = [one for one in cents.store.rows() if one.outcome == "error"]
    assert (left.error_class, left.cost) == ("NotSentError", 0)
    other.close()


def in_the_air(**fields: Any) -> Row:
    """A row of a request that is about to be sent."""
    now = time.time_ns() // 1000
    return billed(None, cost_status="unknown", outcome="open", started_at=now, **fields)


def amounts(book: Ledger) -> dict[str, tuple[Decimal, Decimal]]:
    """What is spent and reserved, by budget."""
    return {state.budget.name: (state.spent, state.held) for state in book.budgets()}


def test_a_turn_that_breaks_off_grants_nothing_to_those_who_waited_for_it(
    book: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = book.budget("all", 100)

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    def take(row: Row) -> Any:
        try:
            return book.reservations.reserve(row, Decimal("0.01"), [budget])
        except (LedgerError, KeyboardInterrupt) as failure:
            return type(failure)

    rows = [in_the_air() for _ in range(4)]
    with monkeypatch.context() as patch, ThreadPoolExecutor(4) as threads:
        patch.setattr(book.store.database, "write", interrupt)
        with book.reservations._turn:
            found = [threads.submit(take, row) for row in rows]
            while len(book.reservations._waiting) < len(rows):
                time.sleep(0.01)
    outcomes = sorted(one.result().__name__ for one in found)
    assert outcomes == ["KeyboardInterrupt", *["LedgerError"] * 3]
    assert [row.hold_id for row in rows] == [None] * 4
    assert book.held() == []


def test_a_budget_made_anew_under_its_name_counts_every_hold(book: Ledger, where: str) -> None:
    budget = book.budget("all", 100)
    book.reservations.reserve(in_the_air(), Decimal("0.01"), [budget])
    with contextlib.closing(ledger.open(where)) as other:
        other.remove_budget("all")
        other.budget("all", 100)
    rows = [in_the_air() for _ in range(10)]
    for row in rows:
        assert book.reservations.reserve(row, Decimal("0.01"), [budget]) is None
    assert amounts(book)["all"][1] >= Decimal("0.1")
    for row in rows:
        row.cost, row.cost_status, row.outcome = 10**9, "billed", "ok"
    book.store.write(rows)
    book.reservations.close()
    assert amounts(book) == {"all": (Decimal("0.01"), 0)}


def test_a_budget_of_others_under_a_name_just_removed_begins_with_their_spending(
    book: Ledger, where: str
) -> None:
    book.store.write([billed(5 * 10**12, user_id="ann", started_at=time.time_ns() // 1000)])
    budget = book.budget("b", 10, user="ann")
    with contextlib.closing(ledger.open(where)) as other:
        other.remove_budget("b")
        assert (
            book.reservations.reserve(in_the_air(user_id="ann"), Decimal("0.01"), [budget]) is None
        )
        other.budget("b", 10, user="bob")
        assert (
            book.reservations.reserve(in_the_air(user_id="ann"), Decimal("0.01"), [budget]) is None
        )
        assert amounts(other) == {"b": (0, 0)}


def test_a_new_budget_shows_what_was_spent_before_any_request(book: Ledger) -> None:
    now = time.time_ns() // 1000
    book.store.write(
        [
            billed(10**12, tags='["red"]', started_at=now),
            billed(10**12, tags=json.dumps(['a"red', "blue"]), started_at=now),
            billed(10**12, upstream=5 * 10**12, is_byok=True, started_at=now),
            billed(10**12, via="openai", cost_status="estimate", started_at=now),
            unknown(started_at=now),
        ]
    )
    book.budget("all", 100)
    book.budget("red", 100, tag="red", per="month")
    assert amounts(book) == {"all": (Decimal(8), 0), "red": (Decimal(1), 0)}


def test_a_budget_counts_rows_that_others_write_while_it_is_set(new_postgres: str) -> None:
    book, other = ledger.open(new_postgres), ledger.open(new_postgres)
    book.budget("first", 1)
    may_commit = threading.Event()

    def write(connection: sa.Connection) -> None:
        other.store._write(connection, [billed(10**12, started_at=time.time_ns() // 1000)])
        assert may_commit.wait(10)

    with ThreadPoolExecutor(2) as threads:
        writing = threads.submit(other.store.database.write, write)
        time.sleep(0.3)
        setting = threads.submit(book.budget, "all", 100)
        time.sleep(0.3)
        may_commit.set()
        writing.result(10)
        setting.result(10)
    assert amounts(book)["all"] == (Decimal(1), 0)
    for one in (book, other):
        one.close()


def test_a_worst_case_that_no_row_can_hold_is_refused(
    enable: Callable[..., Ledger], where: str, emulator: Emulator, to: dict[str, str]
) -> None:
    book = enable(where, estimate=lambda *_: Estimate(Decimal("1e12")))
    book.budget("all", 9_000_000)
    with pytest.raises(litellm.BudgetExceededError, match="could cost 1000000000000 USD"):
        ask(to, max_tokens=10**18)
    assert emulator.requests == []


def test_spending_beyond_64_bits_refuses_and_loses_no_row(book: Ledger) -> None:
    now = time.time_ns() // 1000
    book.store.write([billed(2**63 - 1, started_at=now) for _ in range(3)])
    budget = book.budget("all", 9_000_000)
    assert book.reservations.reserve(in_the_air(), Decimal(1), [budget]) is not None
    for _ in range(2):
        book.record(billed(2**63 - 1, upstream=2**63 - 1, started_at=now))
        assert book.flush()
    assert book.writer.dropped == 0
    assert to_pico(amounts(book)["all"][0]) == 2**63 - 1


def test_what_a_timeout_may_have_cost_is_unsettled_and_can_be_released(
    cents: Ledger, emulator: Emulator, to: dict[str, str]
) -> None:
    cents.budget("all", 1)
    emulator.faults.add("stall=60")
    with pytest.raises(litellm.Timeout):
        ask(to, timeout=0.3)
    cents.flush()
    [hold] = cents.held()
    assert hold.is_unsettled
    [state] = cents.budgets()
    assert state.unsettled == Decimal("0.01")
    assert cents.release([hold.hold_id]) == 1
    [state] = cents.budgets()
    assert state.unsettled == 0


def kill(book: Ledger) -> None:
    """What is left of a process after a SIGKILL, in the eyes of the others."""
    book._stop.set()
    book.store.database.write(
        lambda connection: connection.execute(
            sa.text("UPDATE ledger_workers SET pid = 999999999 WHERE NOT is_dead")
        )
    )


def test_a_dead_process_leaves_unsettled_holds_until_somebody_knows(
    book: Ledger, where: str, emulator: Emulator
) -> None:
    book.budget("all", 1)
    [budget] = book.enforcement.budgets
    dead = ledger.open(where)
    now = time.time_ns() // 1000
    rows = [
        billed(cost=None, cost_status="unknown", outcome="open", started_at=now, generation_id=one)
        for one in ("gen-known", None)
    ]
    for row in rows:
        assert dead.reservations.reserve(row, Decimal("0.1"), [budget]) is None
    rows[0].ask_after = now + 10**9
    dead.store.write(rows)
    kill(dead)
    [state] = book.budgets()
    assert (state.spent, state.held, state.unsettled) == (0, Decimal("0.2"), Decimal("0.2"))
    assert {hold.generation_id for hold in book.held("all")} == {"gen-known", None}
    assert {hold.is_unsettled for hold in book.held()} == {True}

    from openrouter_adapter.ledger.reconcile import reconcile

    reconcile(book.store, lambda _: {"total_cost": 0.03})
    [state] = book.budgets()
    assert (state.spent, state.held) == (Decimal("0.03"), Decimal("0.1"))
    [hold] = book.held()
    assert book.release([hold.hold_id, "no such"]) == 1
    [state] = book.budgets()
    assert (state.spent, state.held, state.unsettled) == (Decimal("0.03"), 0, 0)
    assert emulator.requests == []


def test_the_dead_leave_the_list_of_workers(book: Ledger, where: str) -> None:
    budget = book.budget("all", 1)
    row = in_the_air()
    for held in (in_the_air(), in_the_air(), row):
        worker = ledger.open(where)
        assert worker.reservations.reserve(held, Decimal("0.01"), [budget]) is None
        if held is not row:
            held.cost, held.cost_status = 10, "billed"
            worker.store.write([held])
        kill(worker)

    def workers() -> list[int]:
        with book.store.database.read() as connection:
            tables = ("workers", "holds")
            count = "SELECT COUNT(*) FROM ledger_"
            return [connection.scalar(sa.text(count + table)) for table in tables]

    assert workers() == [3, 1]
    book.budgets()
    # The one whose reservation still waits for its cost stays.
    assert workers() == [1, 1]
    row.cost, row.cost_status = 10, "billed"
    book.store.write([row])
    book.budgets()
    assert workers() == [0, 0]
    assert to_pico(amounts(book)["all"][0]) == 30


def test_a_process_that_was_called_dead_starts_anew(book: Ledger, where: str) -> None:
    book.budget("all", 1)
    [budget] = book.enforcement.budgets
    sleeper = ledger.open(where)
    now = time.time_ns() // 1000
    first, second = (
        billed(cost=None, cost_status="unknown", started_at=now, job="x") for _ in range(2)
    )
    assert sleeper.reservations.reserve(first, Decimal("0.4"), [budget]) is None
    kill(sleeper)
    book.budgets()
    assert sleeper.reservations.reserve(second, Decimal("0.4"), [budget]) is None
    third = billed(cost=None, cost_status="unknown", started_at=now)
    refusal = sleeper.reservations.reserve(third, Decimal("0.4"), [budget])
    assert refusal is not None
    for row in (first, second):
        row.cost, row.cost_status = 10**9, "billed"
    sleeper.store.write([first, second])
    sleeper.close()
    [state] = book.budgets()
    assert (to_pico(state.spent), state.held) == (2 * 10**9, 0)


def test_a_budget_refuses_while_the_ledger_is_gone(
    cents: Ledger, to: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cents.budget("strict", 1, job="strict")
    cents.budget("loose", 1, job="loose", lets_through=True)

    def gone(*_: Any, **__: Any) -> None:
        raise LedgerError("the disk is full")

    monkeypatch.setattr(cents.store.database, "write", gone)
    with pytest.raises(litellm.BudgetExceededError, match="the disk is full"):
        ask(to, metadata={"job": "strict"})
    assert ask(to, metadata={"job": "loose"}).choices
    assert ask(to).choices


def test_a_router_neither_retries_nor_cools_down_but_tries_fallbacks(
    cents: Ledger, emulator: Emulator, to: dict[str, str]
) -> None:
    cents.budget("red", 0, tag="red")
    other = {"model": "openrouter/openai/gpt-4o", **to}
    router = litellm.Router(
        model_list=[
            {"model_name": "first", "litellm_params": {"model": CHAT, **to}},
            {"model_name": "second", "litellm_params": other},
        ],
        fallbacks=[{"first": ["second"]}],
        num_retries=3,
    )
    started = time.monotonic()
    with pytest.raises(litellm.BudgetExceededError):
        asyncio.run(router.acompletion("first", HELLO, max_tokens=5, metadata={"tags": ["red"]}))
    assert time.monotonic() - started < 3
    assert emulator.requests == []
    cents.flush()
    assert sorted(row.model for row in cents.store.rows()) == [
        "openai/gpt-4o",
        "openai/gpt-4o-mini",
    ]
    assert asyncio.run(router.acompletion("first", HELLO, max_tokens=5)).choices
    assert emulator.requests[0].body["model"] == "openai/gpt-4o-mini"


def test_an_image_on_an_event_loop_does_not_wait(cents: Ledger, to: dict[str, str]) -> None:
    cents.budget("all", "0.0101", wait_seconds=5, max_request_usd=1)
    [budget] = cents.enforcement.budgets
    row = billed(cost=None, cost_status="unknown", started_at=time.time_ns() // 1000)
    assert cents.reservations.reserve(row, Decimal("0.01"), [budget]) is None
    started = time.monotonic()
    with pytest.raises(litellm.BudgetExceededError):
        asyncio.run(litellm.aimage_generation(prompt="a river", model=IMAGE, **to))
    assert time.monotonic() - started < 3
