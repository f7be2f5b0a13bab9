"""Runs a job, a ledger and what they keep in a process that lacks what Windows lacks.

Run as `python -m tests.support.like_windows FOLDER`; on Linux, whose locks of open files stand in
for those of Windows.
"""

from __future__ import annotations

import asyncio
import fcntl
import importlib
import json
import os
import pkgutil
import signal
import struct
import sys
import types
from pathlib import Path
from typing import Any

OS_NAMES = [  # of those that Windows lacks, all that Python programs commonly use
    "chown",
    "chroot",
    "ctermid",
    "fchdir",
    "fchmod",
    "fchown",
    "fdatasync",
    "fork",
    "forkpty",
    "fpathconf",
    "fstatvfs",
    "getegid",
    "geteuid",
    "getgid",
    "getgroups",
    "getloadavg",
    "getpgid",
    "getpgrp",
    "getpriority",
    "getresgid",
    "getresuid",
    "getsid",
    "getuid",
    "initgroups",
    "killpg",
    "lchown",
    "lockf",
    "major",
    "minor",
    "makedev",
    "mkfifo",
    "mknod",
    "nice",
    "openpty",
    "pathconf",
    "pipe2",
    "posix_fadvise",
    "posix_fallocate",
    "posix_spawn",
    "posix_spawnp",
    "pread",
    "preadv",
    "pwrite",
    "pwritev",
    "readv",
    "register_at_fork",
    "sched_getaffinity",
    "sched_setaffinity",
    "sched_yield",
    "sendfile",
    "setegid",
    "seteuid",
    "setgid",
    "setgroups",
    "setpgid",
    "setpriority",
    "setsid",
    "setuid",
    "statvfs",
    "sync",
    "sysconf",
    "tcgetpgrp",
    "tcsetpgrp",
    "ttyname",
    "uname",
    "wait",
    "wait3",
    "wait4",
    "writev",
    "O_CLOEXEC",
    "O_DIRECTORY",
    "O_NOFOLLOW",
    "O_NONBLOCK",
    "O_SYNC",
]
SIGNALS = ["SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGUSR1", "SIGUSR2"]
O_BINARY = 0o100000  # what Linux calls O_LARGEFILE, and always does
PACKAGE = "openrouter_adapter"


def import_all() -> None:
    """Imports every module of the package, with all that those import."""
    package = importlib.import_module(PACKAGE)
    for found in pkgutil.walk_packages(package.__path__, f"{PACKAGE}."):
        if not found.name.endswith(("__main__", "pytest_plugin", "sitecustomize")):
            importlib.import_module(found.name)


def become_windows() -> None:
    """Takes away what Windows lacks, and lets files behave as they do there."""
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    sys.modules["msvcrt"] = _msvcrt()
    for name in ("fcntl", "resource", "pwd", "grp", "termios"):
        sys.modules[name] = None  # type: ignore[assignment]
    for name in OS_NAMES:
        if hasattr(os, name):
            delattr(os, name)
    for name in SIGNALS:
        delattr(signal, name)
    asyncio.SelectorEventLoop.add_signal_handler = _refuse  # type: ignore[method-assign]
    _change_line_ends()
    _keep_open_files()
    sys.platform = "win32"


def _refuse(*_: Any) -> None:
    raise NotImplementedError


def _msvcrt() -> Any:
    module: Any = types.ModuleType("msvcrt")
    module.LK_NBLCK, module.LK_UNLCK = 2, 0

    def locking(number: int, mode: int, count: int) -> None:
        kind = fcntl.F_WRLCK if mode else fcntl.F_UNLCK
        # A read-only file has no write lock here; Windows gives it one.
        if mode and fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            kind = fcntl.F_RDLCK
        place = os.lseek(number, 0, os.SEEK_CUR)
        lock = struct.pack("hhqqi4x", kind, os.SEEK_SET, place, count, 0)
        try:
            fcntl.fcntl(number, fcntl.F_OFD_SETLK, lock)
        except BlockingIOError as failure:
            raise PermissionError(*failure.args) from None

    module.locking = locking
    return module


def _change_line_ends() -> None:
    """Lets `os.write` write CRLF to what was opened without O_BINARY."""
    opened, written, closed = os.open, os.write, os.close
    texts: set[int] = set()
    os.O_BINARY = O_BINARY  # type: ignore[attr-defined]

    def open_(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        number = opened(path, flags, *rest, **more)
        (texts.discard if flags & O_BINARY else texts.add)(number)
        return number

    def write(number: int, data: Any) -> int:
        if number in texts:
            written(number, bytes(data).replace(b"\n", b"\r\n"))
            return len(data)
        return written(number, data)

    def close(number: int) -> None:
        texts.discard(number)
        closed(number)

    os.open, os.write, os.close = open_, write, close


def _keep_open_files() -> None:
    """Lets nobody rename, replace or remove a file that this process has open."""

    def guarded(original: Any) -> Any:
        def call(*paths: Any, **more: Any) -> Any:
            names = {
                os.path.realpath(path) for path in paths if isinstance(path, str | os.PathLike)
            }
            if not more and names & _open_files():
                raise PermissionError(13, "used by another process", str(paths[0]))
            return original(*paths, **more)

        return call

    os.replace, os.rename = guarded(os.replace), guarded(os.rename)
    os.unlink, os.remove = guarded(os.unlink), guarded(os.remove)


def _open_files() -> set[str]:
    found = set()
    for number in Path("/proc/self/fd").iterdir():
        try:
            found.add(str(number.readlink()))
        except OSError:  # noqa: PERF203 - closed meanwhile
            continue
    return found


def run(folder: Path) -> dict[str, Any]:
    """Runs a batch that Ctrl-C stops and another run ends, and a ledger under a budget."""
    import litellm

    import openrouter_adapter
    from openrouter_adapter import batch, keychain, ledger
    from openrouter_adapter.emulator import Emulator
    from openrouter_adapter.ledger.rows import Row
    from openrouter_adapter.ledger.spool import Spool

    job, out, told = folder / "job.jsonl", folder / "out", {}
    body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]}
    line = {"method": "POST", "url": "/v1/chat/completions", "body": {**body, "max_tokens": 9}}
    job.write_bytes(
        b"".join(json.dumps({"custom_id": f"{n}", **line}).encode() + b"\r\n" for n in range(60))
    )
    asked: list[bool] = []

    def answer(_: Any) -> None:
        asked.append(True)
        if len(asked) == 10:
            os.kill(os.getpid(), signal.SIGINT)

    with Emulator(answer=answer) as emulator:
        os.environ["OPENROUTER_API_KEY"] = emulator.api_key
        os.environ["OPENROUTER_API_BASE"] = emulator.base_url
        first = batch.run(job, out, concurrency=2, budget=1)
        with (out / "results.jsonl").open("ab") as results:
            results.write(b'{"id": "batch_req_9_1_1", "cust')
        second = batch.resume(out)
        told["batch"] = [first.done < 60, second.done, second.left, len(emulator.bill())]
        results_written = (out / "results.jsonl").read_bytes()
        told["crlf"] = results_written.count(b"\r") + (out / "journal.log").read_bytes().count(
            b"\r"
        )
        told["lines"] = len(results_written.splitlines())

        openrouter_adapter.register()
        book = ledger.enable(folder / "ledger.db")
        book.budget("small", "0.0001")
        before, refused = len(emulator.bill()), ""
        try:
            for _ in range(100):
                litellm.completion("openrouter/openai/gpt-4o-mini", body["messages"], max_tokens=9)
        except Exception as failure:  # noqa: BLE001 - its name is what is asked for
            refused = type(failure).__name__
        book.flush(10)
        billed = emulator.bill()[before:]
        told["ledger"] = [
            refused,
            bool(billed),
            sum(one.total for one in book.spend()) == sum(row.cost for row in billed),
        ]
        book.close()

    spool, kept = Spool([folder / "spool"]), []
    spool.add([Row("one", 1, 1), Row("two", 1, 2)])
    is_empty = spool.replay(lambda rows: kept.extend(row.call_id for row in rows))
    told["spool"] = [is_empty, kept, [file.stat().st_size for file in spool.files()]]
    os.environ[keychain.FILE_VARIABLE] = str(folder / "key.json")
    keychain.keep("sk-or-v1-of-nobody")
    told["key"] = [keychain.read(), keychain.forget()]
    return told


if __name__ == "__main__":
    import_all()
    become_windows()
    import_all()
    print(json.dumps(run(Path(sys.argv[1]))))  # noqa: T201
