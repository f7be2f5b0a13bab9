"""Stops a run: the first Ctrl-C or SIGTERM lets requests in flight finish, the second ends it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from openrouter_adapter.batch.progress import Progress

STOPPED: Final = "It was asked to stop; requests in flight have finished."
_SIGNALS: Final = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
]
# What stops the runs of other threads, by thread id.
_stops: dict[int, Callable[[], object]] = {}


def stop_thread(thread: int) -> None:
    """Stops the run of a thread, as a signal stops the main thread's."""
    if thread in _stops:
        _stops[thread]()


@contextlib.contextmanager
def stopping(progress: Progress) -> Iterator[None]:
    """Lets the first signal during the block stop a run, and the second end it at once."""
    asked = False
    loop = asyncio.get_running_loop()

    def stop() -> None:
        nonlocal asked
        if asked:
            progress.abandon()
        asked = True
        progress.stop(STOPPED)

    # A handler may run between any two lines. (Event loops have none of their own on Windows.)
    with stopped_by_signals(lambda: loop.call_soon_threadsafe(stop)):
        yield


@contextlib.contextmanager
def stopped_by_signals(stop: Callable[[], object]) -> Iterator[None]:
    """Calls `stop` at each signal during the block; the previous handlers are restored afterwards.

    Signals go to the main thread. In any other, `stop_thread` takes their place.
    """
    thread = threading.get_ident()
    if thread != threading.main_thread().ident:
        _stops[thread] = stop
        try:
            yield
        finally:
            del _stops[thread]
        return
    before = {number: signal.signal(number, lambda *_: stop()) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
