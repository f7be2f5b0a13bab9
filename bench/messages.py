"""Anthropic's Messages: OpenRouter's own endpoint, against LiteLLM's translation to a chat.

    python bench/messages.py [--rounds 4] [--deltas 5000] [--calls 200] [--assert]

`litellm.anthropic_messages` on one of OpenRouter's models, both sides in turn in one process, one
stub server in another: events a second of a long stream, and calls per second of CPU time, all
threads and the event loop included. `--assert`: exit code 1 if the lower end of the 95 % interval
of the ratio is below 5 for events, or below 1 for calls.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from typing import TYPE_CHECKING, Any

# LiteLLM reads it when it is imported; a benchmark must not wait for the network.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import litellm
from _paired import BUILTIN, OURS, alternate, interval, print_machine, settle
from _stub import MODEL, stub

if TYPE_CHECKING:
    from collections.abc import Callable

MESSAGES = [{"role": "user", "content": "Write a long text."}]
LIMITS = {"events a second": 5.0, "calls per CPU second": 1.0}


async def ask(base_url: str, *, stream: bool) -> Any:
    """Return an answer, or a stream of bytes."""
    return await litellm.anthropic_messages(
        model=f"openrouter/{MODEL}",
        max_tokens=100_000,
        messages=MESSAGES,
        stream=stream,
        api_base=base_url,
        api_key="sk-or-v1-bench",
    )


def events_per_second(base_url: str, deltas: int) -> float:
    """Return the rate of one whole stream, and check that all of it came."""

    async def read() -> tuple[int, float]:
        started = time.perf_counter()
        found = 0
        async for piece in await ask(base_url, stream=True):
            found += piece.count(b"event: content_block_delta")
        spent = time.perf_counter() - started
        # LiteLLM's logging is a task of this loop.
        await asyncio.sleep(0.5)
        return found, spent

    settle()
    found, spent = asyncio.run(read())
    # A chat's stream has two chunks without text.
    if found < deltas - 2:
        message = f"{found} of {deltas} deltas"
        raise RuntimeError(message)
    return found / spent


def calls_per_cpu_second(base_url: str, calls: int) -> float:
    """Return the rate of calls that are not streamed, one after the other."""

    async def call() -> None:
        for _ in range(calls):
            await ask(base_url, stream=False)
        await asyncio.sleep(0.2)

    settle()
    started = time.process_time()
    asyncio.run(call())
    settle()
    return calls / (time.process_time() - started)


def measure(name: str, rounds: int, once: Callable[[], float]) -> bool:
    """Print the rounds of a measurement; return whether its limit holds."""
    found = alternate(rounds, once)
    ratios = [figures[OURS] / figures[BUILTIN] for figures in found]
    for figures, ratio in zip(found, ratios, strict=True):
        built_in, ours = figures[BUILTIN], figures[OURS]
        print(f"{name:<22} built-in {built_in:>8,.0f}, ours {ours:>8,.0f}, {ratio:.2f}")
    result = interval(ratios)
    print(f"{name:<22} ours / built-in: {result}, limit {LIMITS[name]}\n")
    return result.low >= LIMITS[name]


def main() -> int:
    """Measure, print, and say whether the limits hold."""
    parser = argparse.ArgumentParser(description="Anthropic's Messages, native and translated")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--deltas", type=int, default=5_000)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--assert", dest="must_hold", action="store_true")
    arguments = parser.parse_args()
    print_machine(f"litellm.anthropic_messages, {arguments.deltas:,} deltas")
    with stub(chunks=arguments.deltas) as base_url:
        holds = [
            measure(
                "events a second",
                arguments.rounds,
                lambda: events_per_second(base_url, arguments.deltas),
            ),
            measure(
                "calls per CPU second",
                arguments.rounds,
                lambda: calls_per_cpu_second(base_url, arguments.calls),
            ),
        ]
    return int(arguments.must_hold and not all(holds))


if __name__ == "__main__":
    sys.exit(main())
