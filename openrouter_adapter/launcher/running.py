"""The launcher's side: starts the program, passes signals on, and says what became of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from openrouter_adapter.launcher.attaching import STRICT_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

HOOK: Final = Path(__file__).parent / "hook"
RUN_VARIABLE: Final = "OPENROUTER_ADAPTER_RUN"

_LEDGER_VARIABLE: Final = "OPENROUTER_ADAPTER_LEDGER"
_TAGS_VARIABLE: Final = "OPENROUTER_ADAPTER_TAGS"
_PASSED_ON: Final = ("SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGBREAK")
_BY_KEYBOARD: Final = ("SIGINT", "SIGQUIT", "SIGBREAK")

_NEVER: Final = (
    "the program never imported LiteLLM, so nothing was done. (A Python that is started with -I, "
    "-E or -S, or with another PYTHONPATH, can't be seen.)"
)


class ProgramError(Exception):
    """The program can't be started.

    Attributes:
        exit_code: What a shell gives then: 127 where there is none, 126 where it can't be run.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        """Takes both."""
        super().__init__(message)
        self.exit_code = exit_code


def run(
    program: Sequence[str],
    *,
    ledger: str | None = None,
    tags: Sequence[str] = (),
    is_strict: bool = False,
) -> int:
    """Runs a program with the adapter in each of its Pythons that imports LiteLLM.

    Standard input, output and error are the program's; signals are passed on to it. That needs
    POSIX: on Windows Ctrl-C and Ctrl-Break come from the console, and there are no others.

    Args:
        program: Its name or path and its arguments; a path that ends in .py is run by this Python.
        ledger: A path or URL; None for OPENROUTER_ADAPTER_LEDGER, and none where that is not set.
        tags: Put on every row of the ledger.
        is_strict: Lets `import litellm` fail where the adapter or the ledger can't be set up.

    Returns:
        Its exit code; negative is the signal that ended it, as in `subprocess`.

    Raises:
        ProgramError: it can't be started.
    """
    with tempfile.TemporaryDirectory(prefix="openrouter-adapter-run-") as folder:
        environment = _environment(folder, ledger, tags, is_strict=is_strict)
        code = _run(_command(program), environment)
        notes = {note.name for note in Path(folder).iterdir()}
        if not notes & {"attached", "failed"}:
            _say(_NEVER)
    return code


def end_like(code: int) -> NoReturn:
    """Ends this process as the program has ended: with its exit code, or by its signal."""
    if sys.platform != "win32" and code < 0:
        with contextlib.suppress(ImportError, OSError, ValueError):
            import resource

            # A crash has left its core file already.
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    # Windows has unsigned codes of 32 bits, and sys.exit takes signed ones.
    sys.exit(code - 2**32 if code >= 2**31 else code if code >= 0 else 128 - code)


def _say(line: str) -> None:
    """Says something on standard error, if there is one."""
    with contextlib.suppress(OSError, ValueError):
        print(f"openrouter-adapter run: {line}", file=sys.stderr, flush=True)  # noqa: T201


def _environment(
    folder: str, ledger: str | None, tags: Sequence[str], *, is_strict: bool
) -> dict[str, str]:
    made = dict(os.environ)
    paths = [str(HOOK), made.get("PYTHONPATH", "")]
    # An empty entry would be the current folder.
    made["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    made[RUN_VARIABLE] = folder
    where = ledger or made.get(_LEDGER_VARIABLE)
    if where:
        # A child may run in another folder, and means the same file.
        made[_LEDGER_VARIABLE] = where if "://" in where else os.path.abspath(where)  # noqa: PTH100
    if tags:
        made[_TAGS_VARIABLE] = ",".join(filter(None, [made.get(_TAGS_VARIABLE), *tags]))
    if is_strict:
        made[STRICT_VARIABLE] = "1"
    return made


def _command(program: Sequence[str]) -> list[str]:
    name = program[0]
    if name.endswith(".py") and Path(name).is_file():
        return [sys.executable, *program]
    # Without an activated environment its programs are not on the path, but next to its Python, or
    # in a folder of their own on Windows.
    folders = dict.fromkeys((str(Path(sys.executable).parent), sysconfig.get_path("scripts")))
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(folders))
    if found is None:
        if Path(name).exists():
            raise ProgramError(f"{name} is no program that can be run", 126)
        raise ProgramError(
            f"there is no program {name}: not on PATH, nor in {next(iter(folders))}", 127
        )
    return [found, *program[1:]]


def _run(command: Sequence[str], environment: dict[str, str]) -> int:
    with _Relay() as relay:
        try:
            # What else is open is the program's too, as if it had been started by itself.
            process = subprocess.Popen(command, env=environment, close_fds=False)  # noqa: S603
        except OSError as failure:
            raise ProgramError(f"{command[0]} can't be run: {failure.strerror}", 126) from None
        return relay.wait(process)


class _Relay:
    """Passes the signals that this process gets on to the program.

    Python runs a handler when the main thread's blocking call returns, and a signal that arrives
    just before the call begins does not make it return. So the main thread waits for a byte, which
    Python sends for each signal the moment it arrives, and another thread waits for the program.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        # A full buffer wakes the main thread as well as one more byte would.
        self._fd_before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for name in _PASSED_ON:
            number = getattr(signal, name, None)
            # One that is ignored (nohup) stays so, in the program as well.
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._fd_before)
        self._reader.close()
        self._writer.close()

    def wait(self, process: subprocess.Popen[bytes]) -> int:
        """Passes signals on until the program has ended; returns its exit code."""
        self._process = process
        for number in self._early:
            process.send_signal(number)
        waiting = threading.Thread(target=self._wait_for_end, args=(process,))
        waiting.start()
        while process.returncode is None:
            # Handlers run as soon as this returns.
            self._reader.recv(4096)
        waiting.join()
        return process.returncode

    def _wait_for_end(self, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        with contextlib.suppress(OSError):
            self._writer.send(b"\0")

    def _on_signal(self, number: int, _frame: object) -> None:
        if signal.Signals(number).name in _BY_KEYBOARD and _has_keyboard():
            return
        if self._process is None:
            self._early.append(number)
        else:
            self._process.send_signal(number)


def _has_keyboard() -> bool:
    """Whether a terminal sends its Ctrl-C to this process, and so to the program as well."""
    if sys.platform != "win32":
        with (
            contextlib.suppress(OSError),
            open("/dev/tty", "rb", buffering=0) as terminal,  # noqa: PTH123
        ):
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    # A console of Windows sends Ctrl-C to every program in it.
    return sys.platform == "win32"
