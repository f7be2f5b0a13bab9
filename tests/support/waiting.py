"""Waiting for what happens in a thread, a task or a process that sets no event of ours."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 60.0
"""Seconds until it counts as never: a busy machine is slow, and a wait ends when it happens."""


def happens(happened: Callable[[], Any], seconds: float = PATIENCE) -> bool:
    """Wait until something has happened; False if it does not."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


async def ahappens(happened: Callable[[], Any], seconds: float = PATIENCE) -> bool:
    """Let the event loop go on until something has happened; False if it does not."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.005)
    return True
