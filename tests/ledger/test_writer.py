"""A ledger that can't be written never breaks or slows a call, and says what it lost."""

from __future__ import annotations

import logging
import signal
import sqlite3
import subprocess
import sys
import time
import weakref
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import litellm
import pytest
import sqlalchemy as sa

from openrouter_adapter import ledger
from openrouter_adapter.ledger import LedgerError, Store
from openrouter_adapter.ledger import writer as writer_module
from openrouter_adapter.ledger.writer import Writer

from .rows import billed
from .traffic import CHAT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from openrouter_adapter.emulator import Emulator
    from openrouter_adapter.ledger import Ledger, Row

ROOT = Path(__file__).parents[2]
HELLO = [{"role": "user", "content": "Hello"}]


class Broken(Store):
    """A store whose database is gone until it is repaired."""

    is_broken = True
    tries = 0

    def write(self, rows: Any) -> None:
        self.tries += 1
        if self.is_broken:
            raise LedgerError("the database is gone")
        super().write(rows)


def wait_until(what: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_rows_wait_while_the_database_is_gone_and_are_written_when_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Broken(tmp_path / "ledger.db")
    writer = Writer(store, most_waiting=100, linger=0.01)
    with caplog.at_level(logging.WARNING, "openrouter_adapter"):
        for cost in range(150):
            writer.put(billed(cost))
        assert not writer.flush(0.3)
        assert writer.waiting == 100
        assert writer.dropped == 50
        store.is_broken = False
        wait_until(lambda: writer.flush(5))
    assert writer.waiting == 0
    assert len(store.rows()) == 100
    texts = [record.getMessage() for record in caplog.records]
    assert len([text for text in texts if "can't be written" in text]) == 1
    assert len([text for text in texts if "dropped until" in text]) == 1
    assert any("50 rows were dropped" in text for text in texts)
    store.close()


def test_a_database_that_is_gone_for_hours_does_not_end_the_writing_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "_LONGEST_PAUSE", 1e-4)
    store = Broken(tmp_path / "ledger.db")
    writer = Writer(store, linger=0)
    writer.put(billed(1))
    wait_until(lambda: store.tries > 1100, 60)
    store.is_broken = False
    wait_until(lambda: writer.flush(5))
    assert len(store.rows()) == 1
    store.close()


def test_a_busy_program_does_not_try_at_every_row_while_the_database_is_gone(
    tmp_path: Path,
) -> None:
    store = Broken(tmp_path / "ledger.db")
    writer = Writer(store, linger=0)
    for cost in range(100):
        writer.put(billed(cost))
        time.sleep(0.01)
    assert 1 < store.tries < 8
    store.is_broken = False
    started = time.monotonic()
    assert writer.flush(10)
    assert time.monotonic() - started < 5
    assert len(store.rows()) == 100
    store.close()


def test_rows_that_wait_hold_no_requests_in_memory(tmp_path: Path) -> None:
    store = Broken(tmp_path / "ledger.db")
    writer = Writer(store, linger=60)
    requests = [[bytes(1000)] for _ in range(3000)]

    def of(request: list[bytes]) -> Callable[[], Row]:
        return lambda: billed(len(request[0]))

    kept = [weakref.ref(maker) for maker in map(of, requests) if writer.put(maker) is None]
    assert writer.waiting == 3000
    assert sum(one() is not None for one in kept) <= 1001
    assert not writer.flush(0.5)
    assert writer.waiting == 3000
    assert not any(one() for one in kept[:-1])
    store.close()


def test_who_flushes_does_not_wait_for_a_batch_to_gather(tmp_path: Path) -> None:
    store = Store(tmp_path / "ledger.db")
    writer = Writer(store, linger=30)
    for cost in range(3):
        writer.put(billed(cost))
        time.sleep(0.05)
        assert writer.flush(10)
        assert len(store.rows()) == cost + 1
    store.close()


def test_what_a_program_could_not_write_at_its_end_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    book = ledger.open(tmp_path)
    for cost in range(7):
        book.record(billed(cost))
    assert not book.close(0.5)
    assert any("7 rows" in record.getMessage() for record in caplog.records)


def test_a_row_that_the_database_refuses_takes_no_other_with_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "ledger.db")
    writer = Writer(store, linger=0)
    rows = [billed(1), billed(2), billed(3)]
    rows[1].cost_status = "unknown"
    rows.append(billed(2**70))
    for row in rows:
        writer.put(row)
    assert writer.flush()
    assert sorted(row.cost or 0 for row in store.rows()) == [1, 3]
    assert writer.dropped == 2
    store.close()


@pytest.mark.parametrize("kind", ["a folder", "read-only", "no database"])
def test_a_call_is_neither_broken_nor_slowed(
    kind: str,
    enable: Callable[..., Ledger],
    to: dict[str, str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if kind == "a folder":
        where = str(tmp_path)
    elif kind == "read-only":
        where = "sqlite:////proc/ledger.db"
    else:
        where = "postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=1"
    with caplog.at_level(logging.WARNING, "openrouter_adapter"):
        book = enable(where)
        started = time.monotonic()
        for _ in range(5):
            assert litellm.completion(CHAT, HELLO, **to).choices
        assert time.monotonic() - started < 5
        assert not book.flush(1.5)
    assert book.writer.waiting == 5
    assert len([one for one in caplog.records if "can't be written" in one.getMessage()]) == 1
    with pytest.raises(LedgerError):
        ledger.enable(where, must_open=True)


def test_a_full_disk_keeps_rows_in_memory(tmp_path: Path) -> None:
    store = Store(tmp_path / "ledger.db")
    store.write([billed(1)])

    @sa.event.listens_for(store.database._engine, "connect")
    def limit(connection: Any, _record: Any) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 1}")

    store.close()
    writer = Writer(store, linger=0)
    for cost in range(5000):
        writer.put(billed(cost))
    assert not writer.flush(2)
    assert writer.waiting > 4900
    assert writer.waiting + len(store.rows()) == 5001
    assert writer.dropped == 0
    store.close()


def pragma_for_all(book: Ledger, pragma: str) -> Callable[[], None]:
    """Give all connections to a SQLite file a setting; returns what takes it back."""

    def put(connection: Any, _record: Any) -> None:
        connection.execute(pragma)

    engine = book.store.database._engine
    sa.event.listen(engine, "connect", put)
    engine.dispose()

    def mend() -> None:
        sa.event.remove(engine, "connect", put)
        engine.dispose()

    return mend


def make_read_only(book: Ledger) -> Callable[[], None]:
    return pragma_for_all(book, "PRAGMA query_only = ON")


def fill_the_disk(book: Ledger) -> Callable[[], None]:
    with book.store.database.read() as connection:
        pages = connection.scalar(sa.text("PRAGMA page_count"))
    return pragma_for_all(book, f"PRAGMA max_page_count = {pages}")


def take_the_database_away(book: Ledger) -> Callable[[], None]:
    name = book.store.database.url.database
    url = book.store.database.url.set(database="postgres")
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")

    def allow(is_allowed: bool) -> None:
        with engine.connect() as connection:
            change = f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS {is_allowed}"
            connection.execute(sa.text(change))
            connection.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
                ),
                {"name": name},
            )

    allow(False)
    return lambda: allow(True)


@pytest.mark.parametrize(
    ("spoil", "where", "reason"),
    [
        (make_read_only, "sqlite", "readonly database"),
        (fill_the_disk, "sqlite", "disk is full"),
        (take_the_database_away, "postgresql", "not currently accepting connections|terminating"),
    ],
    indirect=["where"],
)
def test_a_ledger_that_fails_under_way_breaks_no_call_and_loses_no_row(
    spoil: Callable[[Ledger], Callable[[], None]],
    where: str,
    reason: str,
    enable: Callable[..., Ledger],
    to: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked: list[str | None] = []

    def ask(job: str | None = None, times: int = 1) -> None:
        for _ in range(times):
            asked.append(job)
            metadata = {"job": job, "tags": [f"{number}" * 250 for number in range(30)]}
            answer = litellm.completion(CHAT, HELLO, max_tokens=5, metadata=metadata, **to)
            assert answer.choices

    book = enable(
        where, estimate=lambda *_: SimpleNamespace(worst=Decimal("0.01"), unknown_because=None)
    )
    book.budget("strict", 1, job="strict")
    book.budget("loose", 1, job="loose", lets_through=True)
    for job in ("strict", "loose", None):
        ask(job)
    assert book.flush()
    mend = spoil(book)
    started = time.monotonic()
    with caplog.at_level(logging.WARNING, "openrouter_adapter"):
        ask(times=40)
        with pytest.raises(litellm.BudgetExceededError, match=reason):
            # A reservation is small, and finds room on a full disk for a while.
            ask("strict", times=90)
        ask("loose")
        assert time.monotonic() - started < 10
        assert not book.flush(1)
    assert book.writer.waiting >= 30
    assert len([one for one in caplog.records if "can't be written" in one.getMessage()]) == 1
    assert len([one for one in caplog.records if "without checking" in one.getMessage()]) == 1
    mend()
    wait_until(lambda: book.flush(5))
    assert len(book.store.rows()) == len(asked)
    ask("strict")
    assert book.writer.dropped == 0


CODE = """
import multiprocessing, os, sys, time
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm, openrouter_adapter
from openrouter_adapter import ledger
litellm.suppress_debug_info = True
openrouter_adapter.register()
ledger.enable(sys.argv[1])
for _ in range(3):
    litellm.completion("openrouter/openai/gpt-4o-mini", [{"role": "user", "content": "Hi"}],
                       api_base=sys.argv[2], api_key=sys.argv[3])
print("ready", flush=True)
if sys.argv[4] == "wait":
    while True:
        time.sleep(0.01)
if sys.argv[4] == "fork":
    if os.fork() == 0:
        litellm.completion("openrouter/openai/gpt-4o-mini", [{"role": "user", "content": "Hi"}],
                           api_base=sys.argv[2], api_key=sys.argv[3])
        ledger.flush()
        os._exit(0)
    os.wait()
if sys.argv[4] == "worker":
    # Ends without Python's own exit, and so without atexit.
    worker = multiprocessing.get_context("fork").Process(
        target=litellm.completion,
        args=("openrouter/openai/gpt-4o-mini", [{"role": "user", "content": "Hi"}]),
        kwargs={"api_base": sys.argv[2], "api_key": sys.argv[3]},
    )
    worker.start()
    worker.join()
"""


def run(book: str, emulator: Emulator, how: str, code: str = CODE) -> subprocess.Popen[str]:
    arguments = [book, emulator.base_url, emulator.api_key, how]
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", code, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize(
    ("how", "stop", "ends_with"),
    [
        ("exit", None, (0,)),
        ("wait", signal.SIGTERM, (-signal.SIGTERM,)),
        ("wait", signal.SIGHUP, (-signal.SIGHUP,)),
        # Python's own exit after a KeyboardInterrupt that nobody has caught: by the signal, or
        # with 1 where an exit function, such as LiteLLM 1.108's, has run Python code since.
        ("wait", signal.SIGINT, (-signal.SIGINT, 1)),
        ("fork", None, (0,)),
        ("worker", None, (0,)),
    ],
)
def test_nothing_is_lost_when_the_process_is_told_to_stop(
    how: str,
    stop: signal.Signals | None,
    ends_with: tuple[int, ...],
    emulator: Emulator,
    tmp_path: Path,
) -> None:
    where = str(tmp_path / "ledger.db")
    process = run(where, emulator, how)
    if stop is not None:
        process.send_signal(stop)
    assert process.wait(30) in ends_with
    assert process.stdout is not None
    process.stdout.close()
    book = ledger.open(where)
    rows = book.store.rows()
    assert {row.generation_id for row in rows} == {row.generation_id for row in emulator.bill()}
    assert len(rows) == (4 if how in {"fork", "worker"} else 3)
    book.close()


@pytest.mark.timed
def test_putting_costs_microseconds_while_the_database_is_slow(tmp_path: Path) -> None:
    store = Store(tmp_path / "ledger.db")
    store.write([billed(1)])
    writer = Writer(store, linger=0)
    with sqlite3.connect(tmp_path / "ledger.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        rows: Sequence[Row] = [billed(cost) for cost in range(1000)]
        started = time.perf_counter()
        for row in rows:
            writer.put(row)
        # Waiting for the database takes seconds.
        assert time.perf_counter() - started < 0.5
        other.execute("COMMIT")
    assert writer.flush(20)
    store.close()
