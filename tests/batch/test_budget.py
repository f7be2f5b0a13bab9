"""The bill never passes the budget, and a job that has used it up goes on with a larger one."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from openrouter_adapter import batch, ledger
from tests.batch import job_process
from tests.batch.conftest import QUICK, assert_each_once, chat

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator

pytestmark = pytest.mark.usefixtures("openrouter_at")


def billed(em: Emulator) -> Decimal:
    return sum((row.cost for row in em.bill()), Decimal(0))


def test_it_ends_when_the_rest_is_too_small(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    path, budget = job(500), Decimal("0.001")
    summary = batch.run(path, tmp_path / "out", budget=budget)
    assert summary.stopped is not None
    assert "The budget is used up" in summary.stopped
    assert 0 < summary.done < 500
    assert summary.failed == 0
    assert Decimal("0.0009") < summary.cost == billed(em) <= budget
    # Again with the same budget sends nothing; a larger one goes on.
    assert batch.resume(tmp_path / "out").done == summary.done
    again = batch.resume(tmp_path / "out", budget=1)
    assert again.done == 500
    assert_each_once(tmp_path / "out", 500)
    assert again.cost == billed(em)


@pytest.mark.parametrize("fault", ["cut=300", "bad-json", "stall=0.2"])
def test_answers_that_never_came_count_too(
    em: Emulator, job: Callable[..., Path], tmp_path: Path, fault: str
) -> None:
    em.faults.add(fault, probability=0.3, seed=5)
    # Nobody says what they cost: each counts at its worst.
    em.faults.add("status=404; path=/generation")
    budget = Decimal("0.002")
    pace = batch.Pace(8, timeout=0.1, backoff=0.01, first_pause=0.01)
    summary = batch.run(job(300), tmp_path / "out", budget=budget, pace=pace)
    assert summary.unsettled
    assert billed(em) <= summary.cost + summary.unsettled_cost <= budget


def test_a_request_without_a_bound_is_named_before_anything_is_sent(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    path = job([chat(0), chat(1, model="openrouter/auto")])
    with pytest.raises(
        batch.FaultyInput, match=r"line 2: a budget needs a bound .*provider\.max_price"
    ):
        batch.run(path, tmp_path / "out", budget=1)
    assert not em.bill()
    assert batch.run(path, tmp_path / "out").done == 2


def test_a_request_without_a_bound_is_named_where_the_budget_came_later(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    """The budget is not used up, and a larger one would not help."""
    path = job([chat(0), chat(1, model="openrouter/auto")])
    em.faults.add("status=402")
    assert batch.run(path, tmp_path / "out").left == 2
    em.faults.clear()
    stopped = batch.resume(tmp_path / "out", budget=1)
    assert stopped.done == 1
    assert stopped.stopped is not None
    assert "used up" not in stopped.stopped
    assert "line 2" in stopped.stopped.lower()
    assert "max_tokens" in stopped.stopped


@pytest.mark.parametrize("budget", ["a lot", -1, float("nan")])
def test_a_budget_is_an_amount(job: Callable[..., Path], tmp_path: Path, budget: str) -> None:
    with pytest.raises(batch.BatchError, match="use an amount in USD"):
        batch.run(job(1), tmp_path / "out", budget=budget)


def test_a_dry_run_says_likely_and_worst(em: Emulator, job: Callable[..., Path]) -> None:
    path = job([*map(chat, range(10)), chat(10, model="openai/gpt-4o"), chat(11, model="a/b")])
    found = batch.dry_run(path, keep_going=True)
    assert not em.bill()
    assert found.requests == 12
    assert 0 < found.total.likely <= found.total.worst
    assert found.models["openai/gpt-4o-mini"].requests == 10
    assert found.models["a/b"].unknown == 1
    assert "a/b" in str(found.models["a/b"].unknown_because)


def test_a_dry_run_of_a_faulty_file_is_refused_as_its_run_would_be(
    job: Callable[..., Path],
) -> None:
    path = job([chat(0), {**chat(1), "url": "/v1/x"}])
    with pytest.raises(batch.FaultyInput):
        batch.dry_run(path)
    assert batch.dry_run(path, skip_faulty=True).requests == 1


def test_a_budget_of_the_ledger_holds_too(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    where = tmp_path / "ledger.db"
    book = ledger.open(where)
    book.budget("nightly", "0.001", job="night")
    path = job(400)
    summary = batch.run(path, tmp_path / "out", ledger=where, job="night", pace=QUICK)
    assert summary.stopped is not None
    assert "budget nightly" in summary.stopped
    assert 0 < summary.done < 400
    assert billed(em) == summary.cost <= Decimal("0.001")
    assert not book.held()
    book.budget("nightly", "1", job="night")
    assert batch.resume(tmp_path / "out", ledger=where).done == 400
    (state,) = book.budgets()
    assert state.spent == billed(em)


def test_two_shards_share_a_budget_of_the_ledger(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    where, path = tmp_path / "ledger.db", job(400)
    ledger.open(where).budget("both", "0.001", job="both")
    for number in (1, 2):
        batch.run(
            path, tmp_path / str(number), shard=(number, 2), ledger=where, job="both", pace=QUICK
        )
    assert Decimal("0.0009") < billed(em) <= Decimal("0.001")


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_two_processes_at_once_share_a_budget_of_the_ledger(
    em: Emulator,
    job: Callable[..., Path],
    tmp_path: Path,
    request: pytest.FixtureRequest,
    database: str,
) -> None:
    path, budget = job(1000), Decimal("0.002")
    where = str(tmp_path / "ledger.db")
    if database == "postgresql":
        where = request.getfixturevalue("new_postgres")
    book = ledger.open(where)
    book.budget("both", budget, job="both")
    em.faults.add("stall=0.05")
    pace = batch.Pace(16, backoff=0.02, budget_patience=20)
    processes = [
        job_process.start(
            path,
            tmp_path / str(number),
            shard=(number, 2),
            ledger=where,
            job="both",
            pace=pace,
            api_base=em.base_url,
            api_key=em.api_key,
        )
        for number in (1, 2)
    ]
    for process in processes:
        process.join(90)
        assert process.exitcode == 0
    both = [batch.status(tmp_path / name) for name in "12"]
    # Both worked, neither gave up while the other's holds were still to become bills.
    assert all(one.done > 20 for one in both)
    assert Decimal("0.0019") < billed(em) == sum(one.cost for one in both) <= budget
    assert not book.held()


def test_who_finds_all_of_a_budget_held_waits_for_the_bills(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    """Worst cases are many times the bill: what others hold now is mostly room later."""
    lines = [chat(number, max_tokens=2000) for number in range(40)]
    path, where = job(lines), tmp_path / "ledger.db"
    book = ledger.open(where)
    book.budget("both", "0.0025", job="both")
    em.faults.add("stall=1", times=2)
    other = job_process.start(
        path,
        tmp_path / "1",
        shard=(1, 2),
        ledger=where,
        job="both",
        pace=QUICK,
        api_base=em.base_url,
        api_key=em.api_key,
    )
    summary = batch.run(path, tmp_path / "2", shard=(2, 2), ledger=where, job="both", pace=QUICK)
    other.join(60)
    assert summary.stopped is None
    assert summary.done == batch.status(tmp_path / "1").done == 20


def test_a_budget_that_others_hold_for_good_ends_the_run(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    where = tmp_path / "ledger.db"
    book = ledger.open(where)
    budgets = [book.budget("both", "0.001")]
    left = ledger.Row("another's", 1, time.time_ns() // 1000)
    assert book.reservations.reserve(left, Decimal("0.000999"), budgets) is None
    pace = batch.Pace(4, budget_patience=0.1)
    summary = batch.run(job(5), tmp_path / "out", ledger=where, pace=pace)
    assert summary.stopped is not None
    assert "0.000999 USD reserved for other requests" in summary.stopped
    assert not em.bill()
