"""What the ledger costs: its CPU time per call, rows a second, and big sums.

    python bench/ledger.py [--rounds 20] [--calls 400] [--rows 200000] [--month 0] [--assert]

CPU time of `litellm.acompletion` against a stub server in another process, split in two: what the
ledger's code takes (the gate, the callback, the writing thread), measured where it runs, and all
the rest. Paired: both parts are of the same calls, so that a busy machine slows both. `--assert`:
exit code 1 when the ledger's part is above 3 % of the rest (the upper end of its 95 % interval),
fewer than 20,000 rows are written a second, or a month's sum by model takes a second or more.
`--month 10000000` makes a month of so many rows first: some minutes and 8 GB.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

# LiteLLM reads it when it is imported; a benchmark must not wait for the network.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import litellm
from _paired import interval, print_machine, settle
from _stub import MODEL, stub

import openrouter_adapter
from openrouter_adapter import admission, ledger
from openrouter_adapter.ledger.rows import BILLED, OK, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 0.03
ROWS_LIMIT = 20_000
SUM_LIMIT = 1.0
MESSAGES = [{"role": "user", "content": "Say forty words."}]
AT_ONCE = 32


async def call(base_url: str, calls: int) -> None:
    """Make the calls, some at once."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with limit:
            await litellm.acompletion(
                model=f"openrouter/{MODEL}",
                messages=MESSAGES,
                api_base=base_url,
                api_key="sk-or-v1-bench",
                metadata={"tags": ["bench"]},
            )

    await asyncio.gather(*(one() for _ in range(calls)))


class Counted:
    """The CPU time that the ledger's own code takes, on whichever thread it runs."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.calls = 0
        self._lock = threading.Lock()

    def of_nothing(self) -> float:
        """Return the seconds that counting itself adds to each call of a function."""
        nothing = SimpleNamespace(call=lambda: None)
        self.wrap(nothing, "call")
        before, self.calls = self.seconds, 0
        for _ in range(10_000):
            nothing.call()
        taken, self.seconds, self.calls = self.seconds - before, before, 0
        return taken / 10_000

    def wrap(self, owner: Any, name: str) -> None:
        """Count the time of a function of ours, from now on."""
        original = getattr(owner, name)

        def counted(*arguments: Any, **keywords: Any) -> Any:
            started = time.thread_time()
            try:
                return original(*arguments, **keywords)
            finally:
                with self._lock:
                    self.seconds += time.thread_time() - started
                    self.calls += 1

        setattr(owner, name, counted)


def cpu_of_thread(thread: threading.Thread | None) -> float:
    """Return the CPU seconds that a running thread has taken."""
    if thread is None or thread.ident is None:
        return 0.0
    return time.clock_gettime(time.pthread_getcpuclockid(thread.ident))


def measure_calls(folder: str, rounds: int, calls: int) -> float:
    """Print the CPU time of calls; return the upper end of the ledger's share."""
    openrouter_adapter.register()
    counted = Counted()
    per_count = counted.of_nothing()
    for name in ("admit", "seen", "finish"):
        counted.wrap(admission.Attempt, name)
    counted.wrap(ledger.handler, "_record")
    book = ledger.enable(f"{folder}/calls.db")
    shares = []
    with stub() as base_url:
        asyncio.run(call(base_url, calls))
        for number in range(rounds):
            ledger.flush()
            settle()
            gc.collect()
            counted.calls, counted.seconds = 0, -cpu_of_thread(book.writer._thread)
            started = time.process_time()
            asyncio.run(call(base_url, calls))
            ledger.flush()
            settle()
            whole = time.process_time() - started
            ours = counted.seconds + cpu_of_thread(book.writer._thread)
            ours -= counted.calls * per_count
            shares.append(ours / (whole - ours))
            print(
                f"round {number + 1:>2}: {(whole - ours) / calls * 1e6:.0f} µs a call, "
                f"and {ours / calls * 1e6:.0f} µs the ledger's: {shares[-1]:.4f}"
            )
    ledger.disable()
    result = interval(shares)
    print(f"\nthe ledger's share of acompletion's CPU time: {result}, limit {LIMIT}\n")
    return result.high


def rows(count: int, first: int, step: int) -> Iterator[Row]:
    """Make rows of 20 models and 100 users, `step` microseconds apart."""
    for number in range(count):
        yield Row(
            call_id=uuid.uuid4().hex,
            attempt=1,
            started_at=first + number * step,
            generation_id=f"gen-{first + number * step}-{number:020}",
            latency_ms=900,
            endpoint="/chat/completions",
            model=f"author/model-{number % 20}",
            served_model=f"author/model-{number % 20}-2026-11-20",
            provider=f"Provider {number % 5}",
            user_id=f"user-{number % 100}",
            key_name="key-0123456789ab",
            tags='["bench"]',
            outcome=OK,
            finish_reason="stop",
            prompt_tokens=1200,
            completion_tokens=300,
            cost_status=BILLED,
            cost=497_013_333 + number,
        )


def measure_rows(where: str, count: int, step: int = 1000) -> float:
    """Write rows through the queue; return how many a second."""
    book = ledger.open(where, most_waiting=count + 1)
    first = 1_793_491_200_000_000
    made = list(rows(count, first, step))
    started = time.perf_counter()
    for row in made:
        book.record(row)
    book.flush(3600)
    rate = count / (time.perf_counter() - started)
    book.close()
    print(f"{count} rows: {rate:.0f} a second")
    return rate


def measure_month(folder: str, count: int) -> float:
    """Fill a month with rows and return how many seconds its sum by model takes."""
    where, some = f"{folder}/month.db", 100_000
    book = ledger.open(where)
    first, step = 1_793_491_200_000_000, 30 * 86_400 * 1_000_000 // count
    for start in range(0, count, some):
        book.store.write(rows(min(some, count - start), first + start * step, step))
    started = time.perf_counter()
    found = book.spend("model")
    seconds = time.perf_counter() - started
    assert sum(one.requests for one in found) == count  # noqa: S101 - what it is about
    size = Path(where).stat().st_size / 1e9
    print(f"{count} rows of a month by model: {seconds:.3f} s ({size:.1f} GB)")
    book.close()
    return seconds


def main() -> int:
    """Measure, print, and say whether the limits hold."""
    parser = argparse.ArgumentParser(description="What the ledger costs")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--month", type=int, default=0)
    parser.add_argument("--assert", dest="must_hold", action="store_true")
    arguments = parser.parse_args()
    print_machine(f"The ledger, {arguments.calls} calls a side and round")
    fails = False
    with tempfile.TemporaryDirectory() as folder:
        if arguments.rounds:
            fails |= measure_calls(folder, arguments.rounds, arguments.calls) > LIMIT
        if arguments.rows:
            fails |= measure_rows(f"{folder}/rows.db", arguments.rows) < ROWS_LIMIT
        if arguments.month:
            fails |= measure_month(folder, arguments.month) > SUM_LIMIT
    return int(arguments.must_hold and fails)


if __name__ == "__main__":
    sys.exit(main())
