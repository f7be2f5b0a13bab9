"""The output folder: in use, not writable, full."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from openrouter_adapter import batch, ledger
from openrouter_adapter.batch import results, validation, writer
from openrouter_adapter.batch.folder import Folder
from tests.batch.conftest import assert_each_once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from openrouter_adapter.emulator import Emulator

pytestmark = pytest.mark.usefixtures("openrouter_at")


def test_two_runs_at_once_in_one_folder(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    path, out = job(5), tmp_path / "out"
    with Folder(out).locked():
        with pytest.raises(batch.FolderInUse, match=rf"process {os.getpid()}.*--out"):
            batch.run(path, out)
        assert not em.bill()
    assert batch.run(path, out).done == 5


@pytest.mark.parametrize("place", ["file/out", "file"])
def test_a_folder_that_cannot_be_made(
    em: Emulator, job: Callable[..., Path], tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(batch.FolderUnfit, match=r"can't be written to: .* --out"):
        batch.run(job(5), tmp_path / place)
    assert not em.bill()


@pytest.mark.skipif(sys.platform == "win32", reason="has other permissions")
def test_a_folder_that_may_not_be_written_to(em: Emulator, job: Callable[..., Path]) -> None:
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        path = shutil.copy(job(5), out / "job.jsonl")
        out.chmod(0o555)
        with not_as_root(), pytest.raises(batch.FolderUnfit) as raised:
            batch.run(path, out)
        out.chmod(0o755)
    assert str(raised.value) == (
        f"{out} can't be written to: Permission denied. Make it writable, or give another with "
        "--out."
    )
    assert not em.bill()


@contextlib.contextmanager
def not_as_root() -> Iterator[None]:
    """Root may write everywhere: be somebody else for a while."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_a_disk_that_is_full_from_the_start(
    em: Emulator, job: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = job(5), tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(validation.tempfile, "TemporaryDirectory", no_room)
        with pytest.raises(
            batch.FolderUnfit, match=r"No space left .* Make room there, or give an"
        ):
            batch.run(path, out)
    with monkeypatch.context() as patch:
        patch.setattr(writer, "_fill", no_room)
        # Now it has a job: in another folder everything would be paid for again.
        with pytest.raises(
            batch.FolderUnfit, match=r"Make room there, then give the same command again\.$"
        ):
            batch.run(path, out)
    assert not em.bill()
    assert batch.run(path, out).done == 5


def no_room(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="is Linux's")
def test_a_lock_that_cannot_be_written(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "lock").symlink_to("/dev/full")
    with pytest.raises(batch.FolderUnfit, match="can't be written to"):
        batch.run(job(5), out)
    assert not em.bill()


def test_a_disk_without_room_for_a_second_copy_in_order(
    em: Emulator, job: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = job(50), tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(results, "_note_places", no_room)
        with pytest.raises(batch.FolderUnfit, match="Make room there, then give the same command"):
            batch.run(path, out, in_order=True)
    assert not list(out.glob(".*.new"))
    assert_each_once(out, 50)
    assert batch.run(path, out, in_order=True).done == 50
    assert len(em.bill()) == 50


def test_what_only_a_kill_leaves_is_cleared_away(job: Callable[..., Path], tmp_path: Path) -> None:
    path, out = job(5), tmp_path / "out"
    (out / "batch-ids-1234").mkdir(parents=True)
    (out / "batch-ids-1234" / "17").write_bytes(b"24 bytes an id, gigabytes")
    (out / ".results.jsonl.0123.new").write_bytes(b"half a copy")
    batch.run(path, out)
    assert {file.name for file in out.iterdir()} == {
        *("job.json", "results.jsonl", "failures.jsonl", "journal.log", "summary.json"),
        *("status.json", "lock"),
    }


def test_a_folder_without_a_job(tmp_path: Path) -> None:
    for command in (batch.resume, batch.retry, batch.status):
        with pytest.raises(batch.FolderUnfit, match=r"has no job\. Begin one with"):
            command(tmp_path / "out")
    with pytest.raises(batch.BatchError, match="No such file"):
        batch.run(tmp_path / "nowhere.jsonl", tmp_path / "out")
    # Nor is there a folder now that somebody would have to clear away.
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["results.jsonl", "failures.jsonl", "journal.log"])
def test_files_of_somebody_else_are_not_added_to(
    em: Emulator, job: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text("mine\n")
    with pytest.raises(batch.FolderUnfit, match=rf"{name} exists, but .* --out"):
        batch.run(job(5), out)
    assert (out / name).read_text() == "mine\n"
    assert not em.bill()


@pytest.mark.parametrize(
    "line",
    ["garbage", "{}", "[]", '{"id":7}', '{"id":"batch_req_1_1_1","cost_usd":0}', "\0" * 20, ""],
)
def test_a_line_that_was_changed_is_named(
    em: Emulator, job: Callable[..., Path], tmp_path: Path, line: str
) -> None:
    """Such as by an editor, which a new run must not take for a result."""
    path, out = job(5), tmp_path / "out"
    batch.run(path, out)
    lines = (out / "results.jsonl").read_text().splitlines()
    (out / "results.jsonl").write_text("\n".join([*lines[:2], line, *lines[3:]]) + "\n")
    for command in (batch.status, batch.resume):
        with pytest.raises(
            batch.FolderUnfit, match=r"Line 3 of .*results\.jsonl was changed after a run"
        ):
            command(out)
    # Taken out, as the sentence says, its request is sent again.
    (out / "results.jsonl").write_text("\n".join(lines[:2] + lines[3:]) + "\n")
    assert batch.resume(out).done == 5
    assert_each_once(out, 5)
    assert len(em.bill()) == 6


@pytest.mark.parametrize("line", ["garbage", "< 1", "< one 1 5", "= 1 1 1"])
def test_a_journal_that_was_changed_is_named(
    job: Callable[..., Path], tmp_path: Path, line: str
) -> None:
    out = tmp_path / "out"
    batch.run(job(5), out)
    with (out / "journal.log").open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(batch.FolderUnfit, match=r"journal\.log was changed after a run wrote it"):
        batch.resume(out)


def test_who_is_patient_gets_the_folder_of_a_run_that_ends(tmp_path: Path) -> None:
    out, entered = tmp_path / "out", threading.Event()

    def wait() -> None:
        with Folder(out).locked(patience=60):
            entered.set()

    with Folder(out).locked():
        thread = threading.Thread(target=wait)
        thread.start()
        assert not entered.wait(0.7)
    assert entered.wait(30)
    thread.join()


class FullDisk:
    """Lets so many bytes be written to results, then says that the disk is full.

    With `takes_words` the journal's few bytes still fit.
    """

    def __init__(self, room: int, reserve: Path, *, takes_words: bool = False) -> None:
        self.room, self.reserve, self.takes_words = room, reserve, takes_words
        self.write = os.write

    def __call__(self, file: int, content: Any) -> int:
        room = self.room + (0 if self.reserve.exists() else writer.RESERVE)
        if self.takes_words and content[:1] != b"{":
            return self.write(file, content)
        size = sum(one.stat().st_size for one in self.reserve.parent.glob("*.jsonl"))
        if size + len(content) > room:
            # A full disk takes a part of a line before it refuses.
            self.write(file, bytes(content[:10]))
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.write(file, content)


def test_a_disk_that_fills_up(
    em: Emulator, job: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = job(600), tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(writer.os, "write", FullDisk(200_000, out / "reserve"))
        summary = batch.run(path, out)
    assert summary.stopped is not None
    assert "No space left on device. Make room there" in summary.stopped
    assert 0 < summary.done < 600
    # What was in flight had room in the reserve: everything that was paid for is there.
    assert len(em.bill()) == summary.done
    assert batch.resume(out).done == 600
    assert_each_once(out, 600)
    assert len(em.bill()) == 600


def test_a_ledger_that_fails_in_mid_job(
    em: Emulator, job: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out, where = job(2000), tmp_path / "out", tmp_path / "ledger.db"
    write, written = ledger.Store.write, []

    def fail(store: ledger.Store, rows: Any) -> None:
        written.extend(rows)
        if len(written) > 100:
            raise ledger.LedgerError("the database is away")
        write(store, rows)

    with monkeypatch.context() as patch:
        patch.setattr(ledger.Store, "write", fail)
        summary = batch.run(path, out, ledger=where, budget=1)
    assert summary.stopped is not None
    assert "the database is away" in summary.stopped
    assert 0 < summary.done < 2000
    again = batch.resume(out, ledger=where)
    assert again.done == 2000
    assert_each_once(out, 2000)
    (spend,) = ledger.open(where).spend("job")
    assert spend.total == again.cost == sum(row.cost for row in em.bill())
    assert spend.requests == 2000


def test_a_disk_without_any_room_says_what_is_lost(
    em: Emulator, job: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = job(600), tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(writer, "RESERVE", 0)
        patch.setattr(writer.os, "write", FullDisk(200_000, out / "reserve", takes_words=True))
        with pytest.raises(batch.BatchError, match=r"Make room, then: .*batch resume"):
            batch.run(path, out)
    again = batch.resume(out)
    assert again.done == 600
    # What was paid for and lost is counted all the same.
    assert again.cost == sum(row.cost for row in em.bill())
    assert_each_once(out, 600)


async def test_who_waits_while_a_full_disk_is_found_out_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Intents that come while a group is being written must not wait for a write nobody begins."""
    folder = Folder(tmp_path)
    writes, go_on = threading.Event(), threading.Event()

    def full(_file: int, _content: Any) -> int:
        writes.set()
        assert go_on.wait(30)
        raise OSError(errno.ENOSPC, "No space left on device")

    files = writer.Writer(folder, list, list)
    with monkeypatch.context() as patch:
        patch.setattr(writer.os, "write", full)
        files.note(b"R 1\n")
        first = asyncio.ensure_future(files.write_intents([b"> 1 1 -\n"]))
        assert await asyncio.to_thread(writes.wait, 30)
        second = asyncio.ensure_future(files.write_intents([b"> 2 1 -\n"]))
        await asyncio.sleep(0)
        go_on.set()
        found = await asyncio.wait_for(asyncio.gather(first, second, return_exceptions=True), 30)
    assert [getattr(one, "errno", None) for one in found] == [errno.ENOSPC, errno.ENOSPC]
    assert files.error is not None
    await files.close()
    # There is room again. What was not sent has no entry; the rest is there.
    assert folder.journal.read_bytes() == b"R 1\n"


class Syncs:
    """Counts syncs by the name of their file."""

    def __init__(self) -> None:
        self.sync, self.count = os.fsync, Counter[str]()

    def __call__(self, file: int) -> None:
        self.sync(file)
        self.count[Path(f"/proc/self/fd/{file}").readlink().name] += 1


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_results_count_when_they_are_synced_and_share_syncs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An intent is synced before its request is sent, a result with those of 50 milliseconds."""
    folder, syncs, counted = Folder(tmp_path), Syncs(), []
    monkeypatch.setattr(writer.os, "fsync", syncs)
    monkeypatch.setattr(writer, "_GROUPING", 3600)

    def count(counts: list[Any]) -> None:
        assert syncs.count["results.jsonl"] == 1
        counted.extend(counts)

    files = writer.Writer(folder, count, list)
    for number in range(20):
        files.result(b'{"id":"%d"}\n' % number, writer.Entry(b"< %d 1 0\n" % number), number)
        await files.write_intents([b"> %d 1 -\n" % number])
    # No killed run loses what is in the file, but nothing says yet that it is on disk.
    assert folder.results.read_bytes().count(b"\n") == 20
    assert (counted, folder.journal.read_bytes().count(b"<")) == ([], 0)
    assert syncs.count == {"journal.log": 20}
    await files.synced()
    assert counted == list(range(20))
    assert folder.journal.read_bytes().count(b"<") == 20
    await files.close()
    assert syncs.count["results.jsonl"] == 1
