"""Killed at any moment, a job goes on with the same command: nothing lost, nothing doubled."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from openrouter_adapter import batch, ledger
from openrouter_adapter.batch import journal
from tests.batch import books, job_process
from tests.batch.conftest import assert_each_once, read

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.process import BaseProcess
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator

BUDGET = Decimal("0.5")


def start(path: Path, out: Path, em: Emulator, ledger_file: Path) -> BaseProcess:
    return job_process.start(
        path,
        out,
        budget=BUDGET,
        concurrency=16,
        api_base=em.base_url,
        api_key=em.api_key,
        ledger=ledger_file,
    )


def send(process: BaseProcess, number: signal.Signals) -> None:
    assert process.pid is not None
    os.kill(process.pid, number)


def wait_for_results(process: BaseProcess, results: Path, size: int) -> None:
    """Wait until so many bytes of results are there, or the process has ended."""
    deadline = time.monotonic() + 60
    while process.is_alive() and time.monotonic() < deadline:
        if results.exists() and results.stat().st_size >= size:
            return
        time.sleep(0.005)


def run_with_kills(
    path: Path, out: Path, em: Emulator, ledger_file: Path, count: int, kills: int
) -> list[str]:
    """Kill a job at so many moments; return what its runs named as in flight."""
    dice = random.Random(7)  # noqa: S311 - the same moments in every run
    named: list[str] = []
    for kill in range(kills):
        process = start(path, out, em, ledger_file)
        wait_for_results(process, out / "results.jsonl", 900 * count * (kill + 1) // (kills + 2))
        time.sleep(dice.uniform(0, 0.05))
        send(process, signal.SIGKILL)
        process.join()
        named += batch.status(out).in_the_air
    return named


def kill_and_finish(
    em: Emulator, path: Path, tmp_path: Path, count: int, kills: int
) -> batch.Summary:
    out, ledger_file = tmp_path / "out", tmp_path / "ledger.db"
    named = set(run_with_kills(path, out, em, ledger_file, count, kills))
    process = start(path, out, em, ledger_file)
    process.join(110)
    assert process.exitcode == 0
    summary = batch.status(out)
    named |= set(summary.in_the_air)
    assert (summary.done, summary.failed, summary.left) == (count, 0, 0)
    assert_each_once(out, count)
    books.check(em.bill(), em.requests, out, ledger_file, named)
    assert sum(row.cost for row in em.bill()) <= BUDGET
    return summary


def test_three_kills(em: Emulator, job: Callable[..., Path], tmp_path: Path) -> None:
    summary = kill_and_finish(em, job(3000), tmp_path, 3000, 3)
    assert summary.runs == 4
    assert summary.in_the_air
    written = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert written["in_the_air"] == summary.in_the_air


def test_what_was_in_the_air_is_asked_for_by_its_id(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    """Headers come with the generation id, the body much later: a kill in between loses nothing."""
    em.faults.add("slow-drip=0.05")
    path, out, where = job(40), tmp_path / "out", tmp_path / "ledger.db"
    book = ledger.open(where)
    book.budget("all", 1)
    process = start(path, out, em, where)
    wait_for_begun(process, out / "journal.log", 16)
    send(process, signal.SIGKILL)
    process.join()
    named = batch.status(out).in_the_air
    assert len(named) == 16
    held = {hold.generation_id for hold in book.held()}
    assert len(held) == 16
    assert None not in held
    em.faults.clear()
    start(path, out, em, where).join(60)
    summary = batch.status(out)
    assert (summary.done, summary.unsettled) == (40, 0)
    written = json.loads((out / "summary.json").read_text())
    assert written["in_the_air"] == named
    books.check(em.bill(), em.requests, out, where, named)
    assert summary.cost == sum(row.cost for row in em.bill())
    assert len(em.bill()) == 56
    # Nothing is held any more, and the budget has the whole bill.
    (state,) = book.budgets()
    assert (state.spent, state.held) == (summary.cost, 0)


def wait_for_begun(process: BaseProcess, path: Path, count: int) -> None:
    """Wait until the journal knows the ids of so many answers."""
    deadline = time.monotonic() + 60
    while process.is_alive() and time.monotonic() < deadline:
        if path.exists() and path.read_bytes().count(b"\n@ ") >= count:
            return
        time.sleep(0.005)


def test_a_killed_run_leaves_no_hold_but_of_what_it_sent(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    path, out, where = job(2000), tmp_path / "out", tmp_path / "ledger.db"
    book = ledger.open(where)
    book.budget("all", 1)
    run_with_kills(path, out, em, where, 2000, 3)
    start(path, out, em, where).join(110)
    assert batch.status(out).done == 2000
    unsettled = journal.read(out / "journal.log").open
    held = {(hold.call_id.rpartition("-")[2], hold.attempt) for hold in book.held()}
    assert held == {(str(one.line), one.run * 1000 + one.number) for one in unsettled}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_twenty_five_kills_of_twenty_thousand_lines(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    summary = kill_and_finish(em, job(20_000), tmp_path, 20_000, 25)
    assert summary.runs >= 20


def test_a_torn_last_line_is_cut_off(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    batch.run(job(10), out)
    for name in ("results.jsonl", "journal.log"):
        content = (out / name).read_bytes()
        (out / name).write_bytes(content[: -len(content) // 25])
    again = batch.run(job(10), out)
    assert again.done == 10
    assert_each_once(out, 10)
    assert len(openrouter_at.bill()) == 10 + again.runs - 1 == 11


def test_the_first_signal_lets_what_is_in_the_air_land(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    em.faults.add("stall=0.5")
    process = start(job(2000), tmp_path / "out", em, tmp_path / "ledger.db")
    wait_for_results(process, tmp_path / "out" / "results.jsonl", 1)
    send(process, signal.SIGINT)
    process.join(20)
    assert process.exitcode == 0
    assert "It was asked to stop" in (tmp_path / "out" / "summary.json").read_text()
    summary = batch.status(tmp_path / "out")
    assert 0 < summary.done < 2000
    assert (summary.unsettled, summary.in_the_air) == (0, [])
    assert summary.done == len(read(tmp_path / "out" / "results.jsonl"))


def test_the_second_signal_ends_at_once(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    em.faults.add("stall=30")
    process = start(job(50), tmp_path / "out", em, tmp_path / "ledger.db")
    journal = tmp_path / "out" / "journal.log"
    wait_for_results(process, journal, 100)
    time.sleep(0.2)
    send(process, signal.SIGTERM)
    time.sleep(0.3)
    assert process.is_alive()
    began = time.monotonic()
    send(process, signal.SIGTERM)
    process.join(20)
    assert time.monotonic() - began < 5
    named = batch.status(tmp_path / "out").in_the_air
    assert len(named) == 16
    # The run that lost them says so itself, too.
    written = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert sorted(written["in_the_air"]) == sorted(named)
    assert written["unsettled"] == 16
