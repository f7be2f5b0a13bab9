"""A program that calls again and again with the ledger on, and looks how large it is.

    python -m tests.ledger.memory LEDGER CALLS

Prints the growth of its resident memory in MB between a tenth of the calls and all of them.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from pathlib import Path

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm

import openrouter_adapter
from bench._stub import MODEL, stub
from openrouter_adapter import ledger

AT_ONCE = 32


def resident() -> float:
    """Megabytes."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def call(base_url: str, calls: int) -> None:
    """Make the calls, some at once."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with limit:
            await litellm.acompletion(
                model=f"openrouter/{MODEL}",
                messages=[{"role": "user", "content": "Say forty words."}],
                api_base=base_url,
                api_key="sk-or-v1-memory",
                metadata={"tags": ["memory"]},
            )

    for _ in range(0, calls, 500):
        await asyncio.gather(*(one() for _ in range(500)))


async def measure(base_url: str, calls: int) -> float:
    """The growth, in MB."""
    await call(base_url, calls // 10)
    await asyncio.to_thread(ledger.flush)
    before = resident()
    await call(base_url, calls - calls // 10)
    await asyncio.to_thread(ledger.flush)
    return resident() - before


def main() -> None:
    where, calls = sys.argv[1], int(sys.argv[2])
    litellm.suppress_debug_info = True
    openrouter_adapter.register()
    ledger.enable(where)
    with stub() as base_url:
        print(round(asyncio.run(measure(base_url, calls)), 1), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
