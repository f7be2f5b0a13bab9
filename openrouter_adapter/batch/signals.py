"""Ctrl-C and SIGTERM: the first lets what is in the air land, the second ends at once."""

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

# How to stop the runs of other threads, by the thread's id.
_stops: dict[int, Callable[[], object]] = {}


def stop_thread(thread: int) -> None:
    """Stops the run of a thread, as a signal stops the main thread's."""
    if thread in _stops:
        _stops[thread]()


@contextlib.contextmanager
def stopping(engine: Engine) -> Iterator[None]:
    """Has signals stop a run for the time of the block; the loop's own come back afterwards."""
    asked = False

    def stop() -> None:
        nonlocal asked
        if asked:
            engine.abandon()
        asked = True
        engine.stop(STOPPED)

    loop = asyncio.get_running_loop()
    thread = threading.get_ident()
    if thread != threading.main_thread().ident:
        _stops[thread] = lambda: loop.call_soon_threadsafe(stop)
        try:
            yield
        finally:
            del _stops[thread]
        return
    taken: list[signal.Signals] = []
    try:
        # Windows has no handlers on its loops.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, stop)
                taken.append(number)
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
