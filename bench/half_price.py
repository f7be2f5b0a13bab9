"""CPU time and memory of a batch job at half price, and the usual way.

Both send the same requests to the same stub. Each job runs in a process of its own, which reports
its own CPU time, all of its threads included, after everything is imported, and its peak memory.

Run it with `scripts/bench half_price`; `--rows 1000000` for a million, `--assert` ends with 1 if
a target is not reached.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _batches_stub import stub
from _paired import interval, print_machine
from _profile import print_shares, profiled
from batch import KEY, write_job

from openrouter_adapter import batch

# The most CPU time of a row, as a part of what it takes the usual way.
CPU_TARGET = 0.3
# The most that a job of so many rows may take of memory, relative to one of a tenth.
MEMORY_TARGET = 1.25
PACE = batch.Pace(poll=0.05, longest_poll=0.5)
WARM_UP = 200


def run(url: str, folder: Path, count: int, *, half_price: bool, ledger: bool) -> None:
    """Run a job; its file is written before."""
    options: dict[str, Any] = {"ledger": folder / "ledger.db", "budget": 10**6} if ledger else {}
    way: dict[str, Any] = {"half_price": True, "pace": PACE} if half_price else {"concurrency": 64}
    out = folder / f"out-{count}-{half_price}-{ledger}"
    summary = batch.run(folder / f"{count}.jsonl", out, api_key=KEY, api_base=url, **way, **options)
    assert summary.done == count, summary  # noqa: S101 - else the figure means nothing


def measure(url: str, count: int, *, half_price: bool, ledger: bool) -> dict[str, float]:
    """Measure a job in this process: CPU seconds, seconds, and peak memory in bytes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for rows in (WARM_UP, count):
            write_job(folder / f"{rows}.jsonl", rows)
        run(url, folder, WARM_UP, half_price=half_price, ledger=ledger)
        cpu, began = time.process_time(), time.perf_counter()
        run(url, folder, count, half_price=half_price, ledger=ledger)
        return {
            "cpu": time.process_time() - cpu,
            "seconds": time.perf_counter() - began,
            "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }


def of_process(url: str, count: int, *, half_price: bool, ledger: bool) -> dict[str, float]:
    """Measure a job in a new process."""
    command = [sys.executable, str(Path(__file__).resolve()), "--url", url, "--rows", str(count)]
    command += ["--half-price"] if half_price else []
    command += ["--ledger"] if ledger else []
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Measure both ways in turns, and the memory of a tenth and of all of the rows."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--memory-rows", type=int, default=200_000)
    parser.add_argument("--assert", dest="must_hold", action="store_true")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--half-price", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--ledger", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.url is not None:
        found = measure(given.url, given.rows, half_price=given.half_price, ledger=given.ledger)
        print(json.dumps(found))
        return 0
    if given.profile:
        with stub() as url:
            print_shares(
                profiled(lambda: measure(url, given.rows, half_price=True, ledger=given.ledger))
            )
        return 0
    print_machine("A job at half price and the usual way: CPU time of a row, against a local stub")
    holds = True
    with stub() as url:
        for ledger in (False, True):
            holds &= compare(url, given.rows, given.rounds, ledger=ledger)
        holds &= compare_memory(url, given.memory_rows)
    return int(given.must_hold and not holds)


def compare(url: str, rows: int, rounds: int, *, ledger: bool) -> bool:
    """Print the CPU time of a row both ways; tell whether the target is reached."""
    ratios, micros = [], {True: 0.0, False: 0.0}
    for _ in range(rounds):
        cpu = {}
        for half_price in (True, False):
            cpu[half_price] = of_process(url, rows, half_price=half_price, ledger=ledger)["cpu"]
            micros[half_price] += cpu[half_price] / rows * 1e6 / rounds
        ratios.append(cpu[True] / cpu[False])
    found = interval(ratios)
    name = "with ledger and budget" if ledger else "without ledger"
    print(
        f"{name}: {micros[True]:.1f} µs at half price, {micros[False]:.1f} µs the usual way; "
        f"ratio {found}   target {CPU_TARGET}"
    )
    return found.mean <= CPU_TARGET


def compare_memory(url: str, rows: int) -> bool:
    """Print the peak memory for a tenth of the rows and for all; tell whether it is flat."""
    peaks = []
    for count in (rows // 10, rows):
        found = of_process(url, count, half_price=True, ledger=False)
        peaks.append(found["memory"])
        print(
            f"{count:,} rows: {found['memory'] / 1e6:,.0f} MB at most, {found['cpu']:.1f} s of CPU "
            f"time, {found['seconds']:.1f} s"
        )
    print(f"ratio {peaks[1] / peaks[0]:.2f}   target {MEMORY_TARGET}")
    return peaks[1] <= MEMORY_TARGET * peaks[0]


if __name__ == "__main__":
    sys.exit(main())
