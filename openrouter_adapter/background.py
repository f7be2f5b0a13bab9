"""Coroutines that run in the background: in the running event loop, or in a separate thread."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from concurrent.futures import Future

_tasks: Final[set[asyncio.Task[Any]]] = set()


def run(coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Runs a coroutine in the running event loop, which by itself would not keep it alive.

    Raises:
        RuntimeError: no event loop is running.
    """
    task = asyncio.get_running_loop().create_task(coroutine)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return task


class _Loop:
    """An event loop in a thread of its own, from the first coroutine to the end of the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def running(self) -> asyncio.AbstractEventLoop:
        """The loop. A forked process gets one of its own."""
        with self._lock:
            if self._loop is None or self._thread is None or not self._thread.is_alive():
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="openrouter-adapter", daemon=True
                )
                self._thread.start()
            return self._loop


_loop: Final = _Loop()


def start(coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
    """Runs a coroutine in the background thread, from any thread, in the caller's context."""
    return asyncio.run_coroutine_threadsafe(coroutine, _loop.running())


def wait_for(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that runs in the background thread; what it raises is raised here.

    If the caller is interrupted, the coroutine is cancelled.
    """
    running = start(coroutine)
    try:
        return running.result()
    except BaseException:
        running.cancel()
        raise
