"""Killed at any moment, a job at half price goes on: nothing lost, doubled or submitted twice."""

from __future__ import annotations

import os
import random
import signal
import time
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from openrouter_adapter import batch
from openrouter_adapter.batch import Pace
from openrouter_adapter.emulator import Emulator
from tests.batch import job_process
from tests.batch.conftest import read
from tests.batch.test_half_price import (
    assert_books_agree,
    assert_nothing_was_submitted_twice,
    billed,
    mixed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.process import BaseProcess
    from pathlib import Path

# What is killed at: an intent, an id or the end of a batch in the journal, results; or any moment.
MOMENTS = (b"\nB ", b"\nb ", b"\ns ", b"\ne ", None)
PACE = Pace(backoff=0.02, poll=0.05, longest_poll=0.2, lost_patience=2.0, tries=20)
# Each at a tenth of the requests that it can strike.
FAULTS = (
    "hang-up; path=/batches",
    "status=502; path=/batches",
    "status=503; path=/batches/{}",
    "cut=300; path=/batches/{}",
    "batch-failed",
    "batch-expired=0.5",
    "status=502; provider=openai; path=/batches",
)


@pytest.fixture
def em(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    """Batches take longer in the long test, so that the job isn't over before its last kill."""
    is_long = request.node.get_closest_marker("slow") is not None
    with Emulator(log_size=0, batch_seconds=6.0 if is_long else 1.0) as running:
        yield running


def start(path: Path, out: Path, em: Emulator, budget: Decimal) -> BaseProcess:
    return job_process.start(
        path,
        out,
        half_price=True,
        budget=budget,
        pace=PACE,
        api_base=em.base_url,
        api_key=em.api_key,
        ledger=out.parent / "ledger.db",
    )


def kill_at(process: BaseProcess, out: Path, moment: bytes | None, jitter: float) -> None:
    """Kill a process after its journal gets another line of a kind, or its results grow."""
    watched = out / ("results.jsonl" if moment is None else "journal.log")

    def seen() -> int:
        if not watched.exists():
            return 0
        return watched.stat().st_size if moment is None else watched.read_bytes().count(moment)

    journal = out / "journal.log"
    runs = journal.read_bytes().count(b"R ") if journal.exists() else 0
    while process.is_alive() and not (
        journal.exists() and journal.read_bytes().count(b"R ") > runs
    ):
        time.sleep(0.002)
    before, deadline = seen(), time.monotonic() + 4
    while process.is_alive() and seen() <= before and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(jitter)
    assert process.pid is not None
    if process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    process.join()


def kill_and_finish(em: Emulator, path: Path, out: Path, kills: int, budget: Decimal) -> None:
    dice = random.Random(7)  # noqa: S311 - the same moments in every run
    for fault in FAULTS:
        em.faults.add(fault, probability=0.1, seed=len(fault))
    for _ in range(kills):
        process = start(path, out, em, budget)
        kill_at(process, out, dice.choice(MOMENTS), dice.choice((0.0, 0.0, dice.uniform(0, 0.3))))
        assert billed(em) <= budget
    em.faults.clear()
    for _ in range(3):
        process = start(path, out, em, budget)
        process.join(400)
        assert process.exitcode == 0
        if not batch.status(out).left:
            return


def check(em: Emulator, out: Path, count: int, budget: Decimal) -> None:
    assert read(out / "failures.jsonl") == []
    assert_books_agree(em, out, out.parent / "ledger.db", count)
    assert_nothing_was_submitted_twice(em, out)
    assert billed(em) <= budget


def test_five_kills(em: Emulator, job: Callable[..., Path], tmp_path: Path) -> None:
    out, budget = tmp_path / "out", Decimal("0.1")
    kill_and_finish(em, job(mixed(300)), out, 5, budget)
    check(em, out, 300, budget)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_twenty_five_kills_of_twenty_thousand_rows(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    out, budget = tmp_path / "out", Decimal(3)
    kill_and_finish(em, job(mixed(20_000)), out, 25, budget)
    check(em, out, 20_000, budget)
    # The job may be over before the last kills.
    assert batch.status(out).runs >= 20
