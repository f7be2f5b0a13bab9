"""What `import openrouter_adapter` and `register` import after `import litellm`, in milliseconds.

    python bench/import_time.py [--rounds 7] [--assert]

Each round is a fresh process, which imports LiteLLM first and then times our import; the median
counts. `--assert`: exit code 1 when it is 50 ms or more.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys

from _paired import print_machine

LIMIT = 50.0
TIMED = (
    "import time, litellm; started = time.perf_counter(); import openrouter_adapter.registration; "
    "print((time.perf_counter() - started) * 1e3)"
)


def added_milliseconds() -> float:
    """Return the time of our import in a fresh process that has LiteLLM already."""
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    command = [sys.executable, "-c", TIMED]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def main() -> int:
    """Measure, print, and say whether the limit holds."""
    parser = argparse.ArgumentParser(description="time of import openrouter_adapter")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--assert", dest="must_hold", action="store_true")
    arguments = parser.parse_args()
    print_machine("import openrouter_adapter after import litellm")
    found = [added_milliseconds() for _ in range(arguments.rounds)]
    print("rounds:", ", ".join(f"{one:.1f} ms" for one in found))
    median = statistics.median(found)
    print(f"median {median:.1f} ms, limit {LIMIT:.0f} ms")
    return int(arguments.must_hold and median >= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
