"""How a program ends under `openrouter-adapter run`: errors, signals, Ctrl-C."""

from __future__ import annotations

import ctypes
import os
import pty
import signal
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from openrouter_adapter import launcher

if TYPE_CHECKING:
    from pathlib import Path

    from tests.launcher.place import Place

# Programs that import LiteLLM take seconds, and on a busy machine many.
pytestmark = pytest.mark.timeout(300)


@pytest.mark.slow
def test_an_uncaught_exception_ends_it_as_ever_with_its_rows_written(place: Place) -> None:
    place.write("program.py", "import litellm\nASK\nask()\nraise LookupError('no birds')\n")

    done = place.run("program.py")

    assert done.returncode == 1
    assert done.stderr.endswith("LookupError: no birds\n")
    place.ledger_is_the_bill(1)


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
@pytest.mark.parametrize(
    "to", ["the launcher", pytest.param("the program", marks=pytest.mark.slow)]
)
def test_sigterm_ends_both_alike_with_the_rows_written(place: Place, to: str) -> None:
    place.write(
        "program.py",
        """
        import litellm, os, time
        ASK
        ask()
        print(os.getpid(), flush=True)
        time.sleep(300)
        """,
    )
    process = place.start("program.py")
    assert process.stdout
    program = int(process.stdout.readline())

    os.kill(program if to == "the program" else process.pid, signal.SIGTERM)

    process.communicate(timeout=200)
    assert process.returncode == -signal.SIGTERM
    place.ledger_is_the_bill(1)


def test_a_killed_program_is_a_killed_launcher(place: Place) -> None:
    place.write("program.py", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")

    assert place.run("program.py").returncode == -signal.SIGKILL


def test_a_signal_that_the_program_handles_reaches_it(place: Place) -> None:
    place.write(
        "program.py",
        """
        import signal, sys, time
        signal.signal(signal.SIGUSR1, lambda *_: sys.exit(7))
        print("ready", flush=True)
        # One long sleep would go on to its end if the signal came just before it.
        until = time.monotonic() + 250
        while time.monotonic() < until:
            time.sleep(0.05)
        """,
    )
    process = place.start("program.py")
    assert process.stdout
    process.stdout.readline()

    process.send_signal(signal.SIGUSR1)

    process.communicate(timeout=200)
    assert process.returncode == 7


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
def test_a_signal_that_comes_just_before_the_launcher_waits_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = tmp_path / "ready"
    program = f"trap 'exit 7' USR1; touch {ready}; for _ in $(seq 100); do sleep 0.1; done; exit 9"
    wait, send = os.waitpid, getattr(ctypes.CDLL(None), "raise")

    def waitpid(pid: int, options: int) -> tuple[int, int]:
        if options:
            return wait(pid, options)
        deadline = time.monotonic() + 60
        while not ready.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        # Both run without a step of Python's between them, in which it would run the handler.
        calls = [partial(send, signal.SIGUSR1), partial(wait, pid, options)]
        return list(map(partial.__call__, calls))[1]

    monkeypatch.setattr(os, "waitpid", waitpid)

    assert launcher.run(["sh", "-c", program]) == 7


def test_an_interrupt_from_elsewhere_is_passed_on(place: Place) -> None:
    place.write("program.py", INTERRUPTED)
    # A shell that runs the tests in the background has them ignore SIGINT, and the launcher, too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = place.start("program.py", start_new_session=True)
    finally:
        signal.signal(signal.SIGINT, before)
    assert process.stdout
    process.stdout.readline()

    process.send_signal(signal.SIGINT)

    printed, _ = process.communicate(timeout=200)
    assert (process.returncode, printed) == (5, "interrupted 1\n")


# Counts for a while: a second Ctrl-C would come right after the first.
INTERRUPTED = """
    import signal, sys, time
    count, until = 0, time.monotonic() + 250
    def on_interrupt(*_):
        global count, until
        count, until = count + 1, time.monotonic() + 1
    signal.signal(signal.SIGINT, on_interrupt)
    print("ready", flush=True)
    while time.monotonic() < until:
        time.sleep(0.05)
    print("interrupted", count, flush=True)
    sys.exit(5)
"""


def test_a_ctrl_c_at_the_terminal_interrupts_once(place: Place) -> None:
    place.write("program.py", INTERRUPTED)
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.chdir(place.folder)
            os.execve(sys.executable, place.command("program.py"), place.environment)  # noqa: S606
        finally:
            os._exit(99)
    seen = b""
    while b"ready" not in seen:
        seen += os.read(terminal, 1024)
    os.write(terminal, b"\x03")
    while b"interrupted" not in seen:
        seen += os.read(terminal, 1024)

    _, status = os.waitpid(pid, 0)

    os.close(terminal)
    assert b"interrupted 1" in seen
    assert os.waitstatus_to_exitcode(status) == 5
