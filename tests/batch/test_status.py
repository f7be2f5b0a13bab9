"""`batch status` says what the files say, and reads them only where it must."""

from __future__ import annotations

import itertools
import os
import signal
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from openrouter_adapter import batch
from openrouter_adapter.batch import api, jobs, recovery, sending
from openrouter_adapter.batch.estimates import Prices
from openrouter_adapter.batch.folder import Folder
from openrouter_adapter.batch.options import Options
from tests.batch import job_process
from tests.batch.conftest import chat, read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator

pytestmark = pytest.mark.usefixtures("openrouter_at")


@pytest.fixture
def ended(em: Emulator, job: Callable[..., Path], tmp_path: Path) -> batch.Summary:
    """A job of which two requests have failed."""
    em.faults.add("status=400", times=2)
    return batch.run(job(30), tmp_path / "out", budget=1)


def by_results(out: Path) -> batch.Summary:
    """The status without the file that makes it quick."""
    (out / "status.json").unlink()
    return batch.status(out)


def test_a_job_that_has_ended_is_not_read_again(
    ended: batch.Summary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "recover", None)
    found = batch.status(ended.folder)
    assert found == ended
    assert found.latencies.summary() == ended.latency


def test_both_ways_say_the_same(ended: batch.Summary) -> None:
    found = by_results(ended.folder)
    assert (found.seconds, found.stopped) == (None, None)
    assert replace(found, seconds=ended.seconds) == ended


def test_both_ways_round_latencies_alike(
    job: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 1 ms to three places, but 2 ms where it is first rounded to four.
    clock = (0.00149996 * tick for tick in itertools.count())
    monkeypatch.setattr(sending, "time", SimpleNamespace(monotonic=lambda: next(clock)))

    ended = batch.run(job(5), tmp_path / "out", concurrency=1)

    assert ended.latency["max"] == 0.002
    assert by_results(ended.folder).latency == ended.latency


def test_a_job_that_runs_is_not_read(
    em: Emulator, job: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, recover = tmp_path / "out", recovery.recover
    seen: list[Any] = []
    em.faults.add("stall=0.1")

    def note(folder: Folder) -> recovery.Recovered:
        seen.append(folder)
        return recover(folder)

    def watch(progress: batch.Progress) -> None:
        if progress.left.tally.done and not seen:
            with monkeypatch.context() as patch:
                patch.setattr(recovery, "recover", None)
                seen.append(batch.status(out))
            # A run that has not said anything for long may hang: its results tell more.
            long_ago = time.time() - 120
            os.utime(out / "status.json", (long_ago, long_ago))
            with monkeypatch.context() as patch:
                patch.setattr(recovery, "recover", note)
                seen.append(batch.status(out))

    summary = batch.run(job(60), out, concurrency=4, watch=watch)
    quick, folder, full = seen
    assert (quick.running, quick.requests, quick.left) == (True, 60, 60)
    assert isinstance(folder, Folder)
    assert full.running
    assert 0 < full.done < 60
    assert (summary.running, batch.status(out).running) == (False, False)


def cut(out: Path) -> None:
    content = (out / "results.jsonl").read_bytes()
    (out / "results.jsonl").write_bytes(content[: content.rindex(b"\n", 0, -1) + 1])


def tear(out: Path) -> None:
    content = (out / "results.jsonl").read_bytes()
    (out / "results.jsonl").write_bytes(content[:-10])


def turn(out: Path) -> None:
    """The same bytes in another order: as long as before, and right."""
    lines = (out / "results.jsonl").read_bytes().splitlines(keepends=True)
    (out / "results.jsonl").write_bytes(b"".join(reversed(lines)))


def set_aside(out: Path) -> None:
    (out / "failures.jsonl").rename(out / "failures-1.jsonl")


def spend(out: Path) -> None:
    with (out / "journal.log").open("ab") as file:
        file.write(b"= 1 1 9 1000000000000\n")


@pytest.mark.parametrize(
    ("change", "done", "failed", "dearer"),
    [(cut, 27, 2, 0), (tear, 27, 2, 0), (turn, 28, 2, 0), (set_aside, 28, 0, 0), (spend, 28, 2, 1)],
)
def test_files_that_were_changed_are_read(
    ended: batch.Summary, change: Callable[[Path], None], done: int, failed: int, dearer: int
) -> None:
    change(ended.folder)
    found = batch.status(ended.folder)
    assert (found.done, found.failed, found.cost) == (done, failed, ended.cost + dearer)
    assert found == by_results(ended.folder)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"files": []}', '{"files": null}'])
def test_a_file_that_says_nothing_is_not_believed(ended: batch.Summary, content: str) -> None:
    (ended.folder / "status.json").write_text(content)
    assert batch.status(ended.folder).done == 28


def test_what_a_killed_run_said_last_is_not_believed(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    em.faults.add("stall=0.05")
    out = tmp_path / "out"
    process = job_process.start(
        job(500), out, concurrency=16, api_base=em.base_url, api_key=em.api_key
    )
    deadline = time.monotonic() + 60
    while len(read(out / "results.jsonl")) < 100 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert (out / "status.json").exists()
    found = batch.status(out)
    assert found.done == (out / "results.jsonl").read_bytes().count(b"\n") >= 100
    assert not found.running
    assert 0 < len(found.in_the_air) <= 16


def test_retried_failures_are_not_counted_any_more(ended: batch.Summary) -> None:
    api.prepare_retry(ended.folder)
    assert (batch.status(ended.folder).failed, batch.status(ended.folder).left) == (0, 2)
    batch.resume(ended.folder)
    assert (batch.status(ended.folder).done, batch.status(ended.folder).left) == (30, 0)


def test_shards_are_added_up_without_reading_them(
    em: Emulator, job: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, whole = job([chat(number) for number in range(50)]), Folder(tmp_path / "whole")
    whole.make()
    options = Options(out=whole.path, source=path)
    jobs.begin_shards(whole, options, Prices(em.api_key, em.base_url), 2)
    first, second = (whole.shard(number).path for number in (1, 2))
    one = batch.resume(first)
    before = batch.status(whole.path)
    assert (before.requests, before.done, before.cost) == (50, 25, one.cost)
    both: dict[str, Any] = {"done": 50, "left": 0, "running": False}
    other = batch.resume(second)
    monkeypatch.setattr(recovery, "recover", None)
    found = batch.status(whole.path)
    assert {name: getattr(found, name) for name in both} == both
    assert found.cost == one.cost + other.cost
    assert found.latency["max"] == max(one.latency["max"] or 0, other.latency["max"] or 0)
    with whole.locked():
        assert batch.status(whole.path).running
