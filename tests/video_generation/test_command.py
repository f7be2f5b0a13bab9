"""`openrouter-adapter video`: a file, its cost, and a job that outlives Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import av
import pytest
from typer.testing import CliRunner

from openrouter_adapter import ledger
from openrouter_adapter.cli import app
from openrouter_adapter.emulator import Emulator
from openrouter_adapter.money import to_pico
from openrouter_adapter.video_generation import waiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from click.testing import Result

ROOT = Path(__file__).parents[2]
WREN = ("A wren.", "--model", "google/veo-3.1", "--seconds", "4", "--size", "1280x720")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(waiting, "LONGEST_PAUSE", 0.2)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return tmp_path / "my clip.mp4"


def video(*words: Any) -> Result:
    return CliRunner().invoke(app, ["video", *map(str, words)])


def test_a_video_becomes_a_file_and_its_cost_is_printed(emulated: Emulator, clip: Path) -> None:
    result = video(*WREN, "--out", clip)
    assert result.exit_code == 0, result.output
    (bill,) = emulated.bill()
    assert f"{clip}: {clip.stat().st_size:,} bytes, USD 1.6\n" in result.output
    assert bill.cost == Decimal("1.6")
    # No terminal: a line for each status.
    lines = result.output.splitlines()
    assert lines[0] == f"The job is {bill.generation_id}."
    assert lines[1:-1] == ["queued", "in progress", "completed", "downloading"]
    with av.open(clip) as opened:
        assert opened.duration == 4_000_000
    assert emulated.requests[0].body == {
        "model": "google/veo-3.1",
        "prompt": "A wren.",
        "duration": 4,
        "size": "1280x720",
    }


def test_a_video_is_one_row_of_the_ledger(
    emulated: Emulator, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_ADAPTER_CACHE", str(tmp_path / "cache"))
    book = tmp_path / "spend.db"
    assert video(*WREN, "--out", clip, "--ledger", book).exit_code == 0
    assert not ledger.is_enabled()
    (bill,) = emulated.bill()
    with contextlib.closing(ledger.open(book)) as opened:
        (row,) = opened.store.rows()
        assert (row.cost, row.outcome) == (to_pico(bill.cost), "ok")
        opened.budget("zoo", 2)
    refused = video(*WREN, "--out", clip, "--ledger", book)
    assert refused.exit_code == 1
    assert "zoo" in refused.output
    assert len(emulated.bill()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (WREN, "Give --out FILE"),
        (("--out", "CLIP"), "Give a prompt and --model"),
        (("A wren.", "--out", "CLIP"), "Give a prompt and --model"),
        (("A wren.", "--fetch", "x", "--out", "CLIP"), "takes neither a prompt nor --model"),
        ((*WREN, "--out", "CLIP/none/clip.mp4"), "There is no folder"),
    ],
)
def test_a_wrong_option_ends_the_command_before_anything_is_charged(
    emulated: Emulator, clip: Path, words: tuple[str, ...], said: str
) -> None:
    result = video(*(word.replace("CLIP", str(clip)) for word in words))
    assert result.exit_code == 2
    assert said in result.output
    assert emulated.requests == []


def test_a_job_that_fails_says_why_and_offers_no_fetching(emulated: Emulator, clip: Path) -> None:
    emulated.faults.add("choice-error=502; message=the bird flew away")
    result = video(*WREN, "--out", clip)
    assert result.exit_code == 1
    assert "the bird flew away" in result.output
    assert "--fetch" not in result.output
    assert not clip.exists()


def test_a_download_that_fails_says_how_to_fetch_the_video(emulated: Emulator, clip: Path) -> None:
    emulated.faults.add("status=500; path=/videos/{}/content", times=1)
    result = video(*WREN, "--out", clip)
    assert result.exit_code == 1
    assert not clip.exists()
    again = shlex.split(result.output.splitlines()[-1])
    assert again[:2] == ["openrouter-adapter", "video"]
    assert video(*again[2:]).exit_code == 0
    assert clip.exists()
    assert sum(bill.cost for bill in emulated.bill()) == Decimal("1.6")


def test_a_timeout_says_how_to_fetch_the_video(
    emulated: Emulator, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Emulator(video_seconds=1000.0) as slow:
        monkeypatch.setenv("OPENROUTER_API_BASE", slow.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", slow.api_key)
        result = video(*WREN, "--out", clip, "--timeout", "1")
        assert result.exit_code == 1
        assert "is queued after 1 s. The job continues" in result.output
        slow.advance(seconds=1000)
        again = shlex.split(result.output.splitlines()[-1])
        fetched = video(*again[2:])
        assert fetched.exit_code == 0
        assert "USD 1.6" in fetched.output
        assert len(slow.bill()) == 1
    assert emulated.requests == []


@pytest.fixture
def slow() -> Iterator[Emulator]:
    with Emulator(video_seconds=1000.0) as running:
        yield running


def started(slow: Emulator, clip: Path, **how: Any) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "OPENROUTER_API_BASE": slow.base_url,
        "OPENROUTER_API_KEY": slow.api_key,
    }
    command = [sys.executable, "-m", "openrouter_adapter", "video", *WREN, "--out", str(clip)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, **how)  # noqa: S603


def until_asked(slow: Emulator, program: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 100
    while not any(one.path.startswith("/videos/gen-vid-") for one in slow.requests):
        assert program.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.3)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_leaves_the_job_running_and_says_how_to_fetch_it(slow: Emulator, clip: Path) -> None:
    program = started(slow, clip, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until_asked(slow, program)
    program.send_signal(signal.SIGINT)
    printed, said = program.communicate(timeout=60)
    assert program.returncode == 130
    assert printed == b""
    assert "Stopped. The job continues, and will be charged. To fetch it:" in said.decode()
    assert "Traceback" not in said.decode()
    assert not clip.exists()
    again = shlex.split(said.decode().splitlines()[-1])
    slow.advance(seconds=1000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENROUTER_API_BASE", slow.base_url)
        patch.setenv("OPENROUTER_API_KEY", slow.api_key)
        assert video(*again[2:]).exit_code == 0
    assert clip.stat().st_size > 0
    assert [bill.cost for bill in slow.bill()] == [Decimal("1.6")]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_terminal_shows_a_line_that_changes(slow: Emulator, clip: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    program = started(slow, clip, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    until_asked(slow, program)
    slow.advance(seconds=1000)
    said = b""
    # At the program's end, Linux reports an error, and macOS the end of the file.
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 4096):
            said += piece
    os.close(ours)
    assert program.communicate(timeout=60)[0].decode().startswith(f"{clip}: ")
    assert program.returncode == 0
    assert re.search(r"queued.*0:00:0\d", said.decode(), re.DOTALL)
    assert "\x1b[" in said.decode()
