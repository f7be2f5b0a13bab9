"""Writes the ledgers of a process at its end, and renews them in its forks."""

from __future__ import annotations

import atexit
import os
import signal
import threading
import weakref
from multiprocessing.util import Finalize, register_after_fork
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import FrameType

    from openrouter_adapter.ledger.ledger import Ledger

EXIT_SECONDS: Final = 10.0
"""How long a program waits at its end for rows to be written."""

started: Final[weakref.WeakSet[Ledger]] = weakref.WeakSet()
"""The ledgers of this process that were started and not closed."""


def _close_all() -> None:
    for one in list(started):
        one.close()


def _after_fork() -> None:
    for one in list(started):
        one.after_fork()


def _close_with_worker(_: object = None) -> None:
    """Writes the ledger when a worker of multiprocessing ends, which never runs `atexit`."""
    Finalize(None, _close_all, exitpriority=0)


atexit.register(_close_all)
# The first is for a worker that imports this module, the second for one that is forked later.
_close_with_worker()
register_after_fork(_close_all, _close_with_worker)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def close_on_signals() -> None:
    """Writes the ledger first when a signal that the program does not handle ends the process.

    Does nothing outside the main thread, or if the program has a handler of its own: that one
    ends in a normal exit, which writes too.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    # Windows has no SIGHUP; a console that is closed sends SIGBREAK there.
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _on_signal)


def _on_signal(number: int, _frame: FrameType | None) -> None:
    def end() -> None:
        for one in list(started):
            one.close(EXIT_SECONDS / 2)
        os.kill(os.getpid(), number)

    # The main thread may hold a lock that writing needs: it must go on meanwhile.
    signal.signal(number, signal.SIG_DFL)
    threading.Thread(target=end, name="openrouter-ledger-end").start()
