"""A limit is a limit: processes, threads, faults and kills, and the bill never passes it."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from openrouter_adapter import ledger
from openrouter_adapter.emulator import Answer, Emulator
from openrouter_adapter.ledger import to_pico

if TYPE_CHECKING:
    from openrouter_adapter.ledger import Ledger

ROOT = Path(__file__).parents[2]


@dataclass
class Watch:
    """Adds up the bill all the time, and keeps the most that it ever was."""

    emulator: Emulator
    most: Decimal = Decimal(0)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watch:  # noqa: PYI034
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.look()

    def look(self) -> Decimal:
        now = sum((row.cost for row in self.emulator.bill()), Decimal(0))
        self.most = max(self.most, now)
        return now

    def _look(self) -> None:
        while not self._stop.wait(0.02):
            self.look()


def talk(body: dict[str, object]) -> Answer:
    """A long answer of random length: max_tokens cuts many of them."""
    number = random.Random(str(body["messages"])).randrange(50, 1000)  # noqa: S311
    return Answer(content="word " * number)


class Spenders:
    """Processes that spend, and replacements for those that are killed."""

    def __init__(self, where: str, emulator: Emulator, threads: int) -> None:
        command = [sys.executable, "-m", "tests.ledger.spender", where, emulator.base_url]
        self._parent = subprocess.Popen(  # noqa: S603
            [*command, emulator.api_key, str(threads)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._started = 0
        self._pids: list[int] = []

    def __enter__(self) -> Spenders:  # noqa: PYI034
        return self

    def __exit__(self, *_: object) -> None:
        self.kill_all()
        self._parent.kill()
        self._parent.communicate()

    @property
    def running(self) -> list[int]:
        """The pids of those that have not ended."""
        return [pid for pid in self._pids if _runs(pid)]

    def start(self) -> None:
        self._started += 1
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(f"{self._started}\n")
        self._parent.stdin.flush()
        self._pids.append(int(self._parent.stdout.readline()))

    def kill_one(self) -> None:
        _kill(random.choice(self.running))  # noqa: S311
        self.start()

    def kill_all(self) -> int:
        """Kill those that run; return how many there were."""
        running = self.running
        for pid in running:
            _kill(pid)
        return len(running)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    while _runs(pid):
        time.sleep(0.01)


def settle(book: Ledger, emulator: Emulator) -> None:
    """Reconcile, when nothing runs any more and the emulator has ended what was killed."""
    before = -1
    while before != (before := len(emulator.bill())):
        time.sleep(1)
    book.reconcile(
        api_key=emulator.api_key, base_url=emulator.base_url, is_forced=True, settle_after=0
    )


def spend_the_rest(spenders: Spenders, book: Ledger, emulator: Emulator) -> None:
    """Let one process spend what is left, while what its faults leave open is asked for."""
    spenders.start()
    while spenders.running:
        book.reconcile(api_key=emulator.api_key, base_url=emulator.base_url, is_forced=True)
        time.sleep(0.3)
    settle(book, emulator)


def assert_all_is_known(book: Ledger, emulator: Emulator) -> None:
    """Each billed generation has its row, and they cost the same, to the picodollar."""
    rows = book.store.rows()
    known = {row.generation_id: row.cost for row in rows if row.generation_id}
    bill = {row.generation_id: to_pico(row.cost) for row in emulator.bill() if row.cost}
    assert {name: cost for name, cost in known.items() if cost} == {
        name: cost for name, cost in bill.items() if name in known
    }
    assert len(bill.keys() - known.keys()) <= len([row for row in rows if not row.generation_id])
    assert not [row for row in rows if row.cost is None]
    assert sum(row.cost or 0 for row in rows) == sum(bill.values())
    assert not book.held()


def prove(
    where: str, usd: Decimal, *, processes: int, threads: int, kills: int, wait: float = 3
) -> None:
    book = ledger.open(where, beat_seconds=0.5)
    book.budget("proof", usd, job="proof", wait_seconds=wait)
    book.budget("whole", usd * 2, wait_seconds=wait)
    with (
        Emulator(answer=talk, chunk_tokens=50) as emulator,
        Watch(emulator) as watch,
        Spenders(where, emulator, threads) as spenders,
    ):
        for _ in range(processes):
            spenders.start()
        for number in range(kills):
            while watch.look() < usd * (number + 1) / (2 * kills + 2):
                time.sleep(0.05)
            spenders.kill_one()
        started = time.monotonic()
        while spenders.running:
            book.reconcile(api_key=emulator.api_key, base_url=emulator.base_url, is_forced=True)
            assert watch.look() <= usd
            assert time.monotonic() - started < 300
            time.sleep(0.3)
        # What a kill has left behind gets its cost, and the rest can be spent.
        settle(book, emulator)
        spend_the_rest(spenders, book, emulator)
        spent = watch.look()
    assert watch.most <= usd
    assert spent >= usd * Decimal("0.95")
    assert_all_is_known(book, emulator)
    proof, whole = book.budgets()
    assert proof.held == whole.held == 0
    assert proof.spent == whole.spent == spent
    book.close()


def prove_kills(where: str, usd: Decimal, *, kills: int) -> None:
    """Kill all spenders again and again; what they leave behind gets its cost in between."""
    book = ledger.open(where, beat_seconds=0.5)
    book.budget("proof", usd, job="proof", wait_seconds=1)
    killed, rounds = 0, 0
    with (
        Emulator(answer=talk, chunk_tokens=50) as emulator,
        Watch(emulator) as watch,
        Spenders(where, emulator, 4) as spenders,
    ):
        while killed < kills:
            rounds += 1
            before = len(emulator.bill())
            for _ in range(3):
                spenders.start()
            while spenders.running and len(emulator.bill()) < before + random.randrange(3, 12):  # noqa: S311
                time.sleep(0.01)
            killed += spenders.kill_all()
            settle(book, emulator)
            assert watch.most <= usd
            assert_all_is_known(book, emulator)
            assert rounds < 4 * kills
        spend_the_rest(spenders, book, emulator)
        assert watch.look() >= usd * Decimal("0.95")
    assert watch.most <= usd
    assert_all_is_known(book, emulator)
    [proof] = book.budgets()
    assert (proof.held, proof.spent) == (0, watch.most)
    book.close()


@pytest.mark.timeout(240)
def test_a_few_kills_lose_no_row_and_eat_no_budget(tmp_path: Path) -> None:
    prove_kills(str(tmp_path / "ledger.db"), Decimal("0.5"), kills=3)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_kills_lose_no_row_and_eat_no_budget(where: str) -> None:
    prove_kills(where, Decimal("1.5"), kills=25)


@pytest.mark.timeout(240)
def test_the_bill_never_passes_a_budget(where: str) -> None:
    prove(where, Decimal(1), processes=2, threads=4, kills=1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_bill_never_passes_a_budget_at_full_concurrency(where: str) -> None:
    prove(where, Decimal(25), processes=8, threads=8, kills=6)
