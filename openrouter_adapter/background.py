"""Coroutines that run in the background."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Coroutine

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
