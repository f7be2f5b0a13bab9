"""How long the commands take that read a file and print a table, in seconds from start to end.

    python bench/cli_start.py [--rounds 5] [--assert]

`--help`, `spend`, `budget show` and `batch status`, each in fresh processes on a ledger and a job
of twenty requests; the median counts. The CPU time says what a machine that does nothing else
would need. `--assert`: exit code 1 when one takes a second or more.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _paired import print_machine

from openrouter_adapter import batch, ledger
from openrouter_adapter.emulator import Emulator

LIMIT = 1.0
REQUESTS = 20


def prepare(folder: Path) -> dict[str, list[str]]:
    """Run a job whose costs are in a ledger with a budget; return the commands by name."""
    job, out, spent = folder / "job.jsonl", folder / "out", folder / "spend.db"
    body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}
    lines = [
        {"custom_id": f"{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
        for number in range(REQUESTS)
    ]
    job.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with Emulator() as emulator:
        os.environ |= {
            "OPENROUTER_API_KEY": emulator.api_key,
            "OPENROUTER_API_BASE": emulator.base_url,
            "OPENROUTER_ADAPTER_CACHE": str(folder / "cache"),
        }
        batch.run(job, out, ledger=str(spent))
    book = ledger.open(spent)
    book.budget("all", 25)
    book.close()
    return {
        "--help": ["--help"],
        "spend": ["spend", "--ledger", str(spent)],
        "budget show": ["budget", "show", "--ledger", str(spent)],
        "batch status": ["batch", "status", str(out)],
    }


def seconds(words: list[str]) -> tuple[float, float]:
    """Return how long a command takes, and how much CPU time."""
    command = [sys.executable, "-m", "openrouter_adapter", *words]
    started, before = time.perf_counter(), os.times()
    subprocess.run(command, capture_output=True, check=True)
    taken, after = time.perf_counter() - started, os.times()
    cpu = after.children_user - before.children_user
    return taken, cpu + after.children_system - before.children_system


def main() -> int:
    """Measure, print, and say whether the limit holds."""
    parser = argparse.ArgumentParser(description="time of commands that only read")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--assert", dest="must_hold", action="store_true")
    arguments = parser.parse_args()
    print_machine("commands that only read, from start to end")
    with tempfile.TemporaryDirectory() as folder:
        commands = prepare(Path(folder))
        slowest = 0.0
        for name, words in commands.items():
            rounds = [seconds(words) for _ in range(arguments.rounds)]
            taken, cpu = (statistics.median(column) for column in zip(*rounds, strict=True))
            print(f"{name:14}{taken:6.2f} s{cpu:6.2f} s of CPU")
            slowest = max(slowest, taken)
    print(f"limit {LIMIT:.0f} s, medians of {arguments.rounds}")
    return int(arguments.must_hold and slowest >= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
