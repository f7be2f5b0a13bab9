"""The launcher's side: starts the program, passes signals on, and returns its exit code."""

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

from openrouter_adapter import installing
from openrouter_adapter.launcher.attaching import STRICT_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

HOOK: Final = Path(__file__).parent / "hook"
RUN_VARIABLE: Final = "OPENROUTER_ADAPTER_RUN"

# For an interpreter that does not have this package.
_INSTALL_VARIABLE: Final = "OPENROUTER_ADAPTER_INSTALL"
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
        exit_code: As a shell's: 127 if the program is not found, 126 if it can't be run.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        """Stores both."""
        super().__init__(message)
        self.exit_code = exit_code


def run(
    program: Sequence[str],
    *,
    ledger: str | None = None,
    tags: Sequence[str] = (),
    is_strict: bool = False,
) -> int:
    """Runs a program, and registers the adapter in each of its processes that imports LiteLLM.

    The program inherits standard input, output and error. Signals are passed on to it on POSIX;
    on Windows the console sends Ctrl-C and Ctrl-Break itself, and there are no others.

    Args:
        program: Its name or path, and its arguments. This Python runs a path that ends in .py.
        ledger: A path or a URL; None for OPENROUTER_ADAPTER_LEDGER, or no ledger.
        tags: Tags for every row of the ledger.
        is_strict: Lets `import litellm` fail if the adapter can't be registered or the ledger
            can't be opened.

    Returns:
        Its exit code; a negative one is the signal that ended it, as in `subprocess`.

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
    """Ends this process as the program ended: with its exit code, or by its signal."""
    if sys.platform != "win32" and code < 0:
        with contextlib.suppress(ImportError, OSError, ValueError):
            import resource

            # The program has left its own core file.
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    # Windows has unsigned codes of 32 bits, and sys.exit takes signed ones.
    sys.exit(code - 2**32 if code >= 2**31 else code if code >= 0 else 128 - code)


def _say(line: str) -> None:
    """Prints a line on standard error, if there is one."""
    with contextlib.suppress(OSError, ValueError):
        print(f"openrouter-adapter run: {line}", file=sys.stderr, flush=True)  # noqa: T201


def _environment(
    folder: str, ledger: str | None, tags: Sequence[str], *, is_strict: bool
) -> dict[str, str]:
    made = dict(os.environ)
    paths = [str(HOOK), made.get("PYTHONPATH", "")]
    # An empty entry would mean the current folder.
    made["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    made[RUN_VARIABLE] = folder
    made[_INSTALL_VARIABLE] = installing.requirement()
    where = ledger or made.get(_LEDGER_VARIABLE)
    if where:
        # A child process may run in another folder.
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
    # If the environment is not activated, its programs are not on PATH, but next to its Python, or
    # on Windows in a folder of their own.
    folders = dict.fromkeys((str(Path(sys.executable).parent), sysconfig.get_path("scripts")))
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(folders))
    if found is None:
        if Path(name).exists():
            raise ProgramError(f"{name} can't be run: it is not executable", 126)
        raise ProgramError(
            f"{name} was not found, neither on PATH nor in {next(iter(folders))}", 127
        )
    return [found, *program[1:]]


def _run(command: Sequence[str], environment: dict[str, str]) -> int:
    with _Relay() as relay:
        try:
            # It inherits other open files too, as if it had been started directly.
            process = subprocess.Popen(command, env=environment, close_fds=False)  # noqa: S603
        except OSError as failure:
            raise ProgramError(f"{command[0]} can't be run: {failure.strerror}", 126) from None
        return relay.wait(process)


class _Relay:
    """Passes signals on to the program.

    Python runs a handler when the main thread's blocking call returns, but a signal that arrives
    just before the call does not make it return. So the main thread waits for a byte, which Python
    writes for each signal as it arrives, and another thread waits for the program.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        # A full buffer wakes the main thread too.
        self._fd_before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for name in _PASSED_ON:
            number = getattr(signal, name, None)
            # A signal that is ignored (nohup) stays ignored, in the program too.
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
        """Passes signals on until the program ends; returns its exit code."""
        self._process = process
        for number in self._early:
            process.send_signal(number)
        waiting = threading.Thread(target=self._wait_for_end, args=(process,))
        waiting.start()
        while process.returncode is None:
            # Signal handlers run as soon as this returns.
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
    """Whether the terminal sends Ctrl-C to this process, and therefore to the program too."""
    if sys.platform != "win32":
        with (
            contextlib.suppress(OSError),
            open("/dev/tty", "rb", buffering=0) as terminal,  # noqa: PTH123
        ):
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    # A Windows console sends Ctrl-C to every program in it.
    return sys.platform == "win32"
