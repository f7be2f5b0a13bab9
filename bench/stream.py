"""Chunks a second of a long stream: ours against LiteLLM's built-in adapter.

    python bench/stream.py [--rounds 3] [--chunks 20000] [--events-per-piece 1] [--assert]

Sync and async, with and without a success callback; wall time from the call to the last chunk,
both sides in turn in one process against one stub server in another. Then a profile of ours alone:
whose code the time went to. `--assert`: exit code 1 when the lower end of a case's 95 % interval of
the ratio is below 6.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import threading
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

# LiteLLM reads it when it is imported; a benchmark must not wait for the network.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import litellm
from _paired import BUILTIN, OURS, alternate, interval, print_machine, settle, switch
from _profile import print_shares, profiled
from _stub import COST, MODEL, stub
from litellm.integrations.custom_logger import CustomLogger

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 6.0
# How long a success callback may take after the last chunk, in seconds.
PATIENCE = 30.0


class CountingCallback(CustomLogger):
    """Counts the finished streams and keeps what each is said to have cost."""

    def __init__(self) -> None:
        super().__init__()
        self.costs: list[Any] = []
        self.called = threading.Event()

    # LiteLLM gives all four by name.
    def log_success_event(
        self,
        kwargs: Any,
        response_obj: Any,  # noqa: ARG002
        start_time: Any,  # noqa: ARG002
        end_time: Any,  # noqa: ARG002
    ) -> None:
        """Note a finished sync stream."""
        self.costs.append(kwargs.get("response_cost"))
        self.called.set()

    async def async_log_success_event(
        self,
        kwargs: Any,
        response_obj: Any,  # noqa: ARG002
        start_time: Any,  # noqa: ARG002
        end_time: Any,  # noqa: ARG002
    ) -> None:
        """Note a finished async stream."""
        self.costs.append(kwargs.get("response_cost"))
        self.called.set()


@dataclass(frozen=True)
class Case:
    """One way to read the stream."""

    name: str
    read: Callable[[dict[str, Any]], tuple[int, float]]
    with_callback: bool


def read_sync(keywords: dict[str, Any]) -> tuple[int, float]:
    """Return how many chunks came, and the seconds they took."""
    started = time.perf_counter()
    count = sum(1 for _ in litellm.completion(**keywords))
    return count, time.perf_counter() - started


def read_async(keywords: dict[str, Any]) -> tuple[int, float]:
    """Return how many chunks came, and the seconds they took in a running loop."""

    async def read() -> tuple[int, float]:
        started = time.perf_counter()
        count = 0
        async for _ in await litellm.acompletion(**keywords):
            count += 1
        spent = time.perf_counter() - started
        # LiteLLM's async callbacks are tasks of this loop.
        await asyncio.sleep(0.5)
        return count, spent

    return asyncio.run(read())


CASES = [
    Case("sync", read_sync, with_callback=False),
    Case("sync, callback", read_sync, with_callback=True),
    Case("async", read_async, with_callback=False),
    Case("async, callback", read_async, with_callback=True),
]


def chunks_per_second(case: Case, base_url: str, chunks: int) -> float:
    """Return the rate of one whole stream, and check what came of it."""
    settle()
    callback = CountingCallback()
    litellm.callbacks = [callback] if case.with_callback else []
    count, spent = case.read(keywords_for(base_url))
    # A chunk without a choice may be held back or added; a stream cut short may not pass.
    if count < chunks - 2:
        message = f"{count} of {chunks} chunks"
        raise RuntimeError(message)
    if case.with_callback:
        check_callback(callback)
    forget_callbacks()
    return chunks / spent


def keywords_for(base_url: str) -> dict[str, Any]:
    """Return the keywords of the call."""
    return {
        "model": f"openrouter/{MODEL}",
        "messages": [{"role": "user", "content": "Write a long text."}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "api_base": base_url,
        "api_key": "sk-or-v1-bench",
    }


def check_callback(callback: CountingCallback) -> None:
    """Make sure that the callback came once, with the exact cost."""
    if not callback.called.wait(PATIENCE):
        message = "the success callback never came"
        raise RuntimeError(message)
    settle()
    expected = Decimal(repr(COST))
    if [Decimal(repr(cost)) for cost in callback.costs] != [expected]:
        print(f"    callback costs {callback.costs}, expected one of {expected}")


def forget_callbacks() -> None:
    """Take our callback out of every list that LiteLLM has copied it into."""
    for name in ("callbacks", "success_callback", "failure_callback"):
        for prefix in ("", "_async_"):
            held = getattr(litellm, prefix + name, None) or []
            held[:] = [one for one in held if not isinstance(one, CountingCallback)]


def measure(case: Case, base_url: str, rounds: int, chunks: int) -> float:
    """Print one case's rounds; return the lower end of its ratio's interval."""
    found = alternate(rounds, lambda: chunks_per_second(case, base_url, chunks))
    ratios = [figures[OURS] / figures[BUILTIN] for figures in found]
    for figures, ratio in zip(found, ratios, strict=True):
        built_in, ours = figures[BUILTIN], figures[OURS]
        print(f"{case.name:<16} built-in {built_in:>7,.0f}/s, ours {ours:>7,.0f}/s, {ratio:.2f}")
    result = interval(ratios)
    print(f"{case.name:<16} ours / built-in: {result}, limit {LIMIT}\n")
    return result.low


def main() -> int:
    """Measure, print, and say whether the limit holds."""
    parser = argparse.ArgumentParser(description="chunks a second of a long stream")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chunks", type=int, default=20_000)
    parser.add_argument("--events-per-piece", type=int, default=1)
    parser.add_argument("--assert", dest="must_hold", action="store_true")
    arguments = parser.parse_args()
    chunks = arguments.chunks
    print_machine(f"litellm.completion(stream=True), {chunks:,} chunks")
    with stub(chunks=chunks, events_per_piece=arguments.events_per_piece) as base_url:
        lows = [measure(case, base_url, arguments.rounds, chunks) for case in CASES]
        switch(OURS)
        print_shares(profiled(lambda: read_sync(keywords_for(base_url))))
    return int(arguments.must_hold and min(lows) < LIMIT)


if __name__ == "__main__":
    sys.exit(main())
