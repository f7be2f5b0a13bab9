"""Killed at any moment, a job goes on with the same command: nothing lost, nothing doubled."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from openrouter_adapter import batch, ledger
from tests.batch import job_process
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
    """Kill a job at so many moments; return what its runs named as in the air."""
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


def check_books(em: Emulator, out: Path, ledger_file: Path, named: set[str]) -> None:
    """What was billed and is not settled belongs to requests that were named, one to one."""
    rows = ledger.open(ledger_file).store.rows()
    settled = {row.generation_id for row in rows if row.cost is not None}
    bill = {row.generation_id: row.cost for row in em.bill()}
    lost = bill.keys() - settled
    assert settled - {None} <= bill.keys()
    # Each line was sent once for its result, and once more for each time it was in the air.
    sent = Counter(
        request.body["messages"][0]["content"] for request in em.requests if request.body
    )
    in_the_air = Counter(int(name.split("_")[2]) - 1 for name in named)
    extra = {words: times - 1 for words, times in sent.items() if times > 1}
    assert sum(extra.values()) == len(lost)
    for words, times in extra.items():
        assert times <= in_the_air[int(words.split()[2])], words
    spent = sum((bill[name] for name in bill.keys() - lost), Decimal(0))
    assert batch.status(out).cost == spent
    assert sum(row.total or 0 for row in rows) == int(spent * 10**12)
    assert sum(bill.values()) <= BUDGET


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
    check_books(em, out, ledger_file, named)
    return summary


def test_three_kills(em: Emulator, job: Callable[..., Path], tmp_path: Path) -> None:
    summary = kill_and_finish(em, job(3000), tmp_path, 3000, 3)
    assert summary.runs == 4
    assert summary.in_the_air
    written = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert written["in_the_air"] == summary.in_the_air


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
    assert len(batch.status(tmp_path / "out").in_the_air) == 16
