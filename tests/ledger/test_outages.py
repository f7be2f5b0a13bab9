"""PostgreSQL goes away for a while or for good, and the ledger still equals the bill."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from openrouter_adapter import ledger
from openrouter_adapter.ledger import spool, to_pico
from openrouter_adapter.ledger.database import url_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from openrouter_adapter.emulator import Emulator

ROOT = Path(__file__).parents[2]


@contextmanager
def fleet(where: str, emulator: Emulator, processes: int) -> Iterator[Callable[[int], None]]:
    """Processes that call; gives what makes each of them call so many times."""
    command = [sys.executable, "-m", "tests.ledger.fleet", where, emulator.base_url]
    with subprocess.Popen(  # noqa: S603
        [*command, emulator.api_key, str(processes)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        for _ in range(processes):
            assert int(running.stdout.readline())

        def call(times: int) -> None:
            assert running.stdin is not None
            assert running.stdout is not None
            running.stdin.write(f"{times}\n")
            running.stdin.flush()
            assert running.stdout.readline() == "ok\n"

        yield call
        running.stdin.close()
        assert running.wait(120) == 0


def files(where: str) -> list[Path]:
    """The spool's files, each looked at: nobody but their owner may read them."""
    found = spool.Spool(spool.folders(url_of(where))).files()
    for file in found:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    return found


def assert_ledger_is_bill(where: str, emulator: Emulator) -> None:
    """After the next start of a program."""
    book = ledger.open(where)
    book.start()
    assert book.flush(30)
    rows = {row.generation_id: row.cost for row in book.store.rows()}
    assert rows == {row.generation_id: to_pico(row.cost) for row in emulator.bill()}
    [total] = book.spend("total")
    assert to_pico(total.billed) == sum(to_pico(row.cost) for row in emulator.bill())
    assert files(where) == []
    book.close()


def prove(
    where: str, server: Any, emulator: Emulator, when: str, seconds: float | None, processes: int
) -> None:
    """Take the database away at some moment, for some time (None: for good)."""
    is_away, is_back = threading.Event(), threading.Event()

    def bring_back() -> None:
        # It runs as another user, to whom pytest has closed the folders above meanwhile.
        server.ensure_pgdata_inited()
        server.ensure_postgres_running()
        is_back.set()

    def take_away() -> None:
        server.stop()
        is_away.set()
        if seconds is not None:
            time.sleep(seconds)
            bring_back()

    outage = threading.Thread(target=take_away)

    def begin() -> None:
        outage.start()
        assert is_away.wait(100)

    try:
        if when == "start":
            begin()
        with fleet(where, emulator, processes) as call:
            if when == "middle":
                call(3)
                begin()
            call(4)
            if when != "exit":
                # Rows of a second ago are on disk, whatever becomes of the process.
                time.sleep(2.5)
                assert is_back.is_set() or files(where)
                call(2)
            else:
                begin()
    finally:
        outage.join()
        bring_back()
    if seconds is None and when != "exit":
        # At the exit, the writing thread may have been faster than the server's shutdown.
        assert len(files(where)) == processes
    assert_ledger_is_bill(where, emulator)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("when", "seconds"), [("start", None), ("middle", 4), ("middle", None), ("exit", 4)]
)
def test_the_bill_is_in_the_ledger_after_the_next_start(
    when: str, seconds: float | None, new_postgres: str, postgres_server: Any, emulator: Emulator
) -> None:
    prove(new_postgres, postgres_server, emulator, when, seconds, 2)


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("seconds", [4, 40, None])
@pytest.mark.parametrize("when", ["start", "middle", "exit"])
def test_the_bill_of_eight_processes_is_in_the_ledger_after_the_next_start(
    when: str, seconds: float | None, new_postgres: str, postgres_server: Any, emulator: Emulator
) -> None:
    prove(new_postgres, postgres_server, emulator, when, seconds, 8)
