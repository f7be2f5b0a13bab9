"""Ctrl-C and SIGTERM: the first lets requests in flight finish, the second ends at once."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from openrouter_adapter.batch.engine import Engine

STOPPED: Final = "It was asked to stop; what was in the air has landed."

_SIGNALS: Final = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
]

# How to stop the runs of other threads, by the thread's id.
_stops: dict[int, Callable[[], object]] = {}


def stop_thread(thread: int) -> None:
    """Stops the run of a thread, as a signal stops the main thread's."""
    if thread in _stops:
        _stops[thread]()


@contextlib.contextmanager
def stopping(engine: Engine) -> Iterator[None]:
    """Has signals stop a run during the block; the handlers before it come back afterwards."""
    asked = False
    loop = asyncio.get_running_loop()

    def stop() -> None:
        nonlocal asked
        if asked:
            engine.abandon()
        asked = True
        engine.stop(STOPPED)

    def stop_soon(*_: object) -> None:
        # A handler may run between any two lines. (Event loops take none of their own on Windows.)
        loop.call_soon_threadsafe(stop)

    thread = threading.get_ident()
    if thread != threading.main_thread().ident:
        _stops[thread] = stop_soon
        try:
            yield
        finally:
            del _stops[thread]
        return
    before = {number: signal.signal(number, stop_soon) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
