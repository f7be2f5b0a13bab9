"""What a run shows while it goes on."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from openrouter_adapter import batch, money
from openrouter_adapter.batch import display
from openrouter_adapter.batch.display import Display, Screen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator

SOME = batch.Snapshot(
    requests=5000,
    done=1000,
    failed=3,
    in_flight=64,
    tokens=20_000,
    spent=int(1.5 * money.PER_USD),
    limit=25 * money.PER_USD,
)
LATER = batch.Snapshot(
    requests=5000,
    done=2000,
    failed=3,
    in_flight=64,
    tokens=45_000,
    spent=3 * money.PER_USD,
    limit=25 * money.PER_USD,
)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that a test sets."""
    now = [100.0]
    monkeypatch.setattr(display.time, "monotonic", lambda: now[0])
    return now


def test_a_line_says_how_far_how_fast_for_how_much_and_how_long(clock: list[float]) -> None:
    written = io.StringIO()
    with Display(Screen(file=written)) as shown:
        shown.show(SOME)
        clock[0] += 5
        shown.show(LATER)
        # Not a line for each call, where they can't replace each other.
        assert written.getvalue() == ""
        clock[0] += 5
        shown.show(LATER)
    assert written.getvalue() == (
        "2,000 of 5,000 done (40 %) · 3 failed · 64 in flight · 100.0 requests/s · "
        "2,500 tokens/s · USD 3.0000 of 25.00, about 7.49 expected · 30 s left\n"
    )


def test_rates_are_of_the_last_seconds() -> None:
    rates = display.Rates()
    assert rates.add(0.0, 0, 0) == (0.0, 0.0)
    assert rates.add(10.0, 1000, 5000) == (100.0, 500.0)
    assert rates.add(20.0, 1000, 5000) == (0.0, 0.0)


@pytest.mark.parametrize("width", [30, 60, 120])
def test_a_terminal_has_a_bar_with_percent_rate_costs_and_time_left(
    clock: list[float], width: int
) -> None:
    written = io.StringIO()
    screen = Screen(file=written, force_terminal=True, width=width, color_system=None)
    with Display(screen) as shown:
        shown.show(SOME)
        clock[0] += 10
        shown.show(LATER)
        shown._live.refresh()
        written.truncate(0)
        shown._live.refresh()
    lines = re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", written.getvalue()).splitlines()
    (bar,) = [line for line in lines if "━" in line][:1]
    assert re.fullmatch(r"\x00*\r?━+╸? *━* +40 % *", bar), bar
    # Nothing is wider than the terminal, and no word is broken.
    assert max(len(line.strip("\x00\r")) for line in lines) <= width
    text = " ".join(" ".join(lines).split())
    for words in (
        "2,000 of 5,000 done",
        "3 failed",
        "100.0 requests/s",
        "USD 3.0000 of 25.00, about 7.49 expected",
        "30 s left",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("seen", "percent", "said"),
    [
        (batch.Snapshot(requests=10, done=0), "0 %", "USD 0.0000 ·"),
        (batch.Snapshot(requests=3000, done=2999, spent=money.PER_USD), "99 %", "about 1.00 exp"),
        (batch.Snapshot(requests=3000, done=2990, failed=10, spent=9), "100 %", "USD 0.0000\n"),
        (batch.Snapshot(requests=10, done=5, spent=2 * 10**8), "50 %", "about 0.0004 expected"),
        # What costs nothing so far, or nobody knows what, has no forecast.
        (batch.Snapshot(requests=10, done=5), "50 %", "USD 0.0000\n"),
    ],
)
def test_percent_and_expected_cost(
    clock: list[float], seen: batch.Snapshot, percent: str, said: str
) -> None:
    written = io.StringIO()
    with Display(Screen(file=written)) as shown:
        clock[0] += 10
        shown.show(replace(seen, note=None))
    text = written.getvalue()
    assert f"({percent})" in text
    assert said.rstrip(" ·") in text


def test_a_terminal_has_one_live_line(clock: list[float]) -> None:
    written = io.StringIO()
    screen = Screen(file=written, force_terminal=True, width=200, color_system=None)
    paused = batch.Snapshot(requests=10, note="paused: [/red] said the provider [bold]")
    with Display(screen) as shown:
        for seen in (SOME, LATER, paused, batch.Snapshot(requests=10, stopping=True)):
            clock[0] += 1
            shown.show(seen)
            shown._live.refresh()
    text = written.getvalue()
    assert "1,000 of 5,000 done" in text
    # The line before is wiped, not left above.
    assert text.count("\x1b[2K") >= 3
    assert "paused: [/red] said the provider [bold]" in text
    assert text.rstrip("\x1b[?25h\n ").endswith("stopping: requests in flight finish first")


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (7265, "2 h 1 min")]
)
def test_times_are_short(seconds: float, words: str) -> None:
    assert display.duration(seconds) == words


@pytest.mark.skipif(sys.platform == "win32", reason="has no such pipes")
def test_a_job_goes_on_when_nobody_reads_its_progress_any_more(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    """`batch run … 2>&1 | head` ended the job with its tenth line."""
    openrouter_at.faults.add("stall=0.2")
    code = (
        "from openrouter_adapter.batch import display; display._INTERVAL = 0.1; "
        "from openrouter_adapter.cli import main; main()"
    )
    words: list[Any] = ["batch", "run", job(40), "--out", tmp_path / "out", "--concurrency", "4"]
    ours, theirs = os.pipe()
    with subprocess.Popen(  # noqa: S603 - the line above
        [sys.executable, "-c", code, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    ) as process:
        os.close(theirs)
        with os.fdopen(ours) as reader:
            assert "of 40 done" in reader.readline()
        said, _ = process.communicate(timeout=60)
    assert "40 of 40 requests answered" in said
    assert process.returncode == 0


def test_what_is_said_of_a_job_that_is_in_the_works(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    """Its requests in flight are not lost, and there is nothing to continue."""
    openrouter_at.faults.add("stall=0.3")
    seen: list[str] = []
    states: list[batch.Summary] = []

    def watch(progress: batch.Progress) -> None:
        if progress.left.tally.done >= 8 and not seen:
            states.append(batch.status(tmp_path / "out"))
            # The same without the file that makes it quick.
            (tmp_path / "out" / "status.json").unlink()
            states.append(batch.status(tmp_path / "out"))
            seen.append("\n".join(display.lines_of_summary(states[-1])))

    batch.run(job(40), tmp_path / "out", concurrency=8, watch=watch)
    for state in states:
        assert (state.running, state.unsettled, state.in_the_air) == (True, 0, [])
    assert states[1].done >= 8
    assert seen[0].endswith("\nA run is working on it.")
    assert "isn't known" not in seen[0]
    assert "To continue" not in seen[0]


def test_what_was_in_the_air_is_said_by_line(tmp_path: Path) -> None:
    lost = [f"batch_req_{line}_1_1" for line in range(3, 15)]
    money_is_open = {"unsettled": 12, "unsettled_cost": Decimal("0.0120")}
    summary = summary_of(tmp_path, in_the_air=lost, budget=Decimal(1), **money_is_open)
    text = "\n".join(display.lines_of_summary(summary))
    assert "The cost of 12 attempts isn't known; it counts as up to USD 0.012." in text
    assert "sent again: lines 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 of the input and 2 more" in text
    # Without a budget nothing was calculated.
    text = "\n".join(display.lines_of_summary(replace(summary, budget=None)))
    assert "The cost of 12 attempts isn't known." in text


def test_how_to_go_on_is_said_as_it_has_to_be_typed(tmp_path: Path) -> None:
    (*_, last) = display.lines_of_summary(summary_of(tmp_path))
    assert last == f"To continue: openrouter-adapter batch resume {tmp_path}"
    stopped = summary_of(tmp_path, stopped="The budget is used up.")
    (*_, last) = display.lines_of_summary(stopped)
    assert last == f"To continue: openrouter-adapter batch resume {tmp_path} --budget MORE"
    # A budget of the ledger is not raised by an option of the job.
    stopped = summary_of(tmp_path, stopped="The ledger: budget nightly is used up.")
    (*_, last) = display.lines_of_summary(stopped)
    assert last == f"To continue: openrouter-adapter batch resume {tmp_path}"
    (tmp_path / "shards").mkdir()
    (*_, last) = display.lines_of_summary(stopped)
    assert last == f"To continue: openrouter-adapter batch resume {tmp_path} --on-ray --budget MORE"
    (*_, last) = display.lines_of_summary(summary_of(tmp_path, done=9))
    assert last == f"To try the failures again: openrouter-adapter batch retry {tmp_path} --on-ray"


def summary_of(folder: Path, **fields: Any) -> batch.Summary:
    """A summary of ten requests, of which one has failed and some are left."""
    plain = {"requests": 10, "done": 5, "failed": 1, "retries": 0, "runs": 1}
    none = {"unsettled": 0, "in_the_air": [], "prompt_tokens": 0, "completion_tokens": 0}
    usd = {"cost": Decimal(0), "unsettled_cost": Decimal(0), "budget": None}
    return batch.Summary(folder=folder, **(plain | none | usd | fields))
