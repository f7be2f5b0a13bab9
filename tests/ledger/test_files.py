"""The ledger's files: for their owner only, and noticed when they are taken away."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import litellm
import pytest

from openrouter_adapter import files, ledger
from openrouter_adapter.ledger import LedgerError, spool
from openrouter_adapter.ledger.spool import Spool
from openrouter_adapter.ledger.writer import Writer

from .rows import billed
from .test_writer import Broken, wait_until
from .traffic import CHAT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from openrouter_adapter.ledger import Ledger, Row

HELLO = [{"role": "user", "content": "Hello"}]
ROOT = Path(__file__).parents[2]
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@posix
def test_files_and_folders_that_a_ledger_makes_are_their_owners_only(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        book = ledger.open(tmp_path / "new" / "ledger.db")
        book.record(billed(1))
        assert book.flush()
        made = sorted((tmp_path / "new").iterdir())
        assert [file.name for file in made] == ["ledger.db", "ledger.db-shm", "ledger.db-wal"]
        assert {mode(file) for file in made} == {0o600}
        assert mode(tmp_path / "new") == 0o700
        book.close()
    finally:
        os.umask(before)


@posix
def test_a_folder_and_a_file_that_are_shared_on_purpose_stay_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o775)
    (tmp_path / "ledger.db").touch()
    (tmp_path / "ledger.db").chmod(0o664)
    book = ledger.open(tmp_path / "ledger.db")
    book.record(billed(1))
    assert book.flush()
    assert mode(tmp_path / "ledger.db") == 0o664
    assert mode(tmp_path) == 0o775
    book.close()


def replace_with_a_backup(file: Path, backup: Path) -> None:
    for ending in ("-wal", "-shm"):
        Path(f"{file}{ending}").unlink(missing_ok=True)
    shutil.copy(backup, file.with_name("copy.db"))
    file.with_name("copy.db").replace(file)


def delete(file: Path, _backup: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        Path(f"{file}{ending}").unlink(missing_ok=True)


def delete_the_folder(file: Path, _backup: Path) -> None:
    shutil.rmtree(file.parent)


@posix
@pytest.mark.parametrize("spoil", [delete, delete_the_folder, replace_with_a_backup])
def test_a_ledger_file_that_is_taken_away_is_noticed_and_rows_go_to_the_one_that_is_there(
    spoil: Callable[[Path, Path], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    backup = tmp_path / "backup.db"
    other = ledger.open(backup)
    other.store.write([billed(7)])
    other.close()
    file = tmp_path / "folder" / "ledger.db"
    book = ledger.open(file)
    book.record(billed(1))
    assert book.flush()
    spoil(file, backup)
    for cost in (2, 3):
        book.record(billed(cost))
        assert book.flush()
    there = ledger.open(file)
    costs = [row.cost for row in there.store.rows()]
    assert sorted(costs) == ([2, 3, 7] if spoil is replace_with_a_backup else [2, 3])
    assert len([one for one in caplog.records if "deleted or replaced" in one.getMessage()]) == 1
    there.close()
    book.close()


@posix
def test_budgets_that_are_deleted_with_the_file_refuse_until_they_are_set_again(
    enable: Callable[..., Ledger], to: dict[str, str], tmp_path: Path
) -> None:
    def estimate(*_: Any) -> Any:
        return SimpleNamespace(worst=Decimal("0.01"), unknown_because=None)

    book = enable(tmp_path / "ledger.db", estimate=estimate)
    book.budget("strict", 1)
    litellm.completion(CHAT, HELLO, max_tokens=5, **to)
    delete(tmp_path / "ledger.db", tmp_path)
    for _ in range(2):
        with pytest.raises(litellm.BudgetExceededError, match=r"strict: .*deleted or replaced"):
            litellm.completion(CHAT, HELLO, max_tokens=5, **to)
    book.budget("strict", 2)
    litellm.completion(CHAT, HELLO, max_tokens=5, **to)


def test_rows_survive_the_way_through_the_spool_whole(tmp_path: Path) -> None:
    waits = Spool([tmp_path / "spool"])
    rows = [billed(2**62, tags='["ü", "\\u0000"]', generation_id="gen-1", user_id="é" * 256)]
    rows.append(billed(None, cost_status="unknown", hold_id="hold", asks=3, ask_after=5))
    waits.add(rows[:1])
    waits.add(rows[1:])
    found: list[Row] = []
    assert Spool([tmp_path / "spool"]).replay(found.extend)
    assert found == rows
    assert waits.files() == []
    waits.add(rows)
    assert len(waits.files()) == 1


def test_a_replay_that_is_cut_off_is_done_again_and_changes_nothing(
    book: Ledger, tmp_path: Path
) -> None:
    rows = [billed(cost, call_id=f"call-{cost % 3}", attempt=cost // 3 + 1) for cost in range(9)]
    # A hit of LiteLLM's cache has the call id of its own call, and no number of its own.
    rows += [
        billed(0, call_id="call-0", cache_hit=True, saved=5, started_at=number) for number in (7, 8)
    ]
    waits = Spool([tmp_path / "spool"])
    waits.add(rows)

    def write_and_fail(some: Iterable[Row]) -> None:
        book.store.write(some)
        raise LedgerError("killed before the file was removed")

    for _ in range(2):
        with pytest.raises(LedgerError):
            waits.replay(write_and_fail)
    assert waits.replay(book.store.write)
    assert len(book.store.rows()) == 11
    [total] = book.spend("total")
    assert (total.requests, total.saved) == (11, ledger.to_usd(10))


def test_half_a_line_takes_no_other_row_with_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    waits = Spool([tmp_path])
    file = waits.add([billed(1), billed(2)])
    file.write_bytes(file.read_bytes()[:-20])
    found: list[Row] = []
    assert waits.replay(found.extend)
    assert [row.cost for row in found] == [1]
    assert any("invalid line" in one.getMessage() for one in caplog.records)


def test_rows_that_are_added_while_others_replay_are_lost_by_nobody(tmp_path: Path) -> None:
    found: list[Row] = []
    waits = [Spool([tmp_path]) for _ in range(4)]

    def add(number: int) -> None:
        for cost in range(50):
            waits[number].add([billed(number * 1000 + cost)])

    def replay(_: int) -> None:
        for _ in range(100):
            Spool([tmp_path]).replay(found.extend)
            time.sleep(0.001)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: add(n) if n < 4 else replay(n), range(6)))
    Spool([tmp_path]).replay(found.extend)
    assert sorted(row.cost or 0 for row in found) == [
        number * 1000 + cost for number in range(4) for cost in range(50)
    ]


def test_a_replay_that_comes_late_leaves_the_file_that_has_the_name_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = Spool([tmp_path])
    waiting.add([billed(1)])
    found: list[Row] = []
    locked = files.locked

    def locked_too_late(number: int, *, waits: bool) -> Any:
        monkeypatch.setattr(files, "locked", locked)
        assert Spool([tmp_path]).replay(found.extend)
        waiting.add([billed(2)])
        return locked(number, waits=waits)

    monkeypatch.setattr(files, "locked", locked_too_late)
    Spool([tmp_path]).replay(found.extend)
    assert waiting.replay(found.extend)
    assert [row.cost for row in found] == [1, 2]


def test_flush_waits_as_long_as_it_says_and_no_longer_than_it_must(tmp_path: Path) -> None:
    store = Broken(tmp_path / "ledger.db")
    writer = Writer(store, spool=Spool([tmp_path / "spool"]), linger=0.01)
    writer.put(billed(1))
    started = time.monotonic()
    assert not writer.flush(1.5)
    assert 1.4 < time.monotonic() - started < 5
    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(writer.flush, 60)
        time.sleep(0.5)
        store.is_broken = False
        started = time.monotonic()
        assert written.result()
    assert time.monotonic() - started < 5
    assert (writer.waiting, len(store.rows())) == (0, 1)
    store.close()


def test_while_the_database_is_away_rows_are_on_disk_and_not_in_memory(tmp_path: Path) -> None:
    store = Broken(tmp_path / "ledger.db")
    waits = Spool([tmp_path / "spool"])
    writer = Writer(store, spool=waits, most_waiting=100, linger=0.01)
    writer.put(billed(0))
    wait_until(lambda: bool(waits.files()))
    for cost in range(1, 500):
        if cost % 50 == 0:
            writer.secure_if_stuck()
        writer.put(billed(cost))
    writer.secure_if_stuck()
    assert writer.waiting == 500
    assert writer.dropped == 0
    assert sum(file.read_bytes().count(b"\n") for file in waits.files()) == 500
    store.is_broken = False
    assert writer.flush(20)
    assert sorted(row.cost or 0 for row in store.rows()) == list(range(500))
    assert waits.files() == []
    store.close()


def test_rows_that_wait_for_a_database_that_hangs_are_on_disk(tmp_path: Path) -> None:
    class Hanging(Broken):
        def write(self, rows: Any) -> None:
            while self.is_broken:
                time.sleep(0.01)
            super().write(rows)

    store = Hanging(tmp_path / "ledger.db")
    waits = Spool([tmp_path / "spool"])
    writer = Writer(store, spool=waits, linger=0)
    writer.put(billed(1))
    wait_until(lambda: (writer.put(billed(2)), writer.secure_if_stuck(), waits.files())[-1] != [])
    store.is_broken = False
    assert writer.flush(20)
    assert waits.files() == []
    assert {row.cost for row in store.rows()} == {1, 2}
    store.close()


def test_where_rows_wait_does_not_depend_on_who_opens_the_ledger(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from openrouter_adapter.ledger.database import url_of

    monkeypatch.delenv(spool.VARIABLE, raising=False)
    [one] = spool.folders(url_of("postgresql://ann:secret@db/spend?connect_timeout=3"))
    assert [one] == spool.folders(url_of("postgresql://bob@db/spend"))
    assert [one] != spool.folders(url_of("postgresql://bob@other/spend"))
    beside, fallback = spool.folders(url_of(tmp_path / "ledger.db"))
    assert beside == tmp_path / "ledger.db.spool"
    monkeypatch.setenv(spool.VARIABLE, str(tmp_path / "volume"))
    [one] = spool.folders(url_of(tmp_path / "ledger.db"))
    assert one == tmp_path / "volume" / fallback.name


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_memory_stays_as_it_is_over_fifty_thousand_calls(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.ledger.memory", str(tmp_path / "ledger.db"), "50000"]
    grown = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    assert float(grown.stdout) < 10
