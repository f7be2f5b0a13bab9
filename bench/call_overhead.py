"""CPU time of one `litellm.completion`: ours against LiteLLM's built-in adapter.

    python bench/call_overhead.py [--rounds 12] [--calls 200] [--assert]

Process CPU time with all threads, the logging ones too, both sides in turn in one process against
one stub server in another. `--assert`: exit code 1 when the upper end of the ratio's 95 % interval
is above 1.05.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

# LiteLLM reads it when it is imported; a benchmark must not wait for the network.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import litellm
from _paired import BUILTIN, OURS, alternate, interval, print_machine, settle, switch
from _stub import MODEL, stub

LIMIT = 1.05
MESSAGES = [{"role": "user", "content": "Say forty words."}]


def cpu_per_call(base_url: str, calls: int) -> float:
    """Return the CPU seconds of one call, logging included."""
    settle()
    started = time.process_time()
    for _ in range(calls):
        litellm.completion(
            model=f"openrouter/{MODEL}",
            messages=MESSAGES,
            api_base=base_url,
            api_key="sk-or-v1-bench",
        )
    settle()
    return (time.process_time() - started) / calls


def main() -> int:
    """Measure, print, and say whether the limit holds."""
    parser = argparse.ArgumentParser(description="CPU time per litellm.completion")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--assert", dest="must_hold", action="store_true")
    arguments = parser.parse_args()
    print_machine(f"CPU time per litellm.completion, {arguments.calls} calls a side and round")
    with stub() as base_url:
        for side in (BUILTIN, OURS):
            switch(side)
            cpu_per_call(base_url, arguments.calls)
        found = alternate(arguments.rounds, lambda: cpu_per_call(base_url, arguments.calls))
    ratios = [figures[OURS] / figures[BUILTIN] for figures in found]
    for number, (figures, ratio) in enumerate(zip(found, ratios, strict=True), start=1):
        built_in, ours = (figures[side] * 1e3 for side in (BUILTIN, OURS))
        print(f"round {number:>2}: built-in {built_in:.3f} ms, ours {ours:.3f} ms, {ratio:.3f}")
    result = interval(ratios)
    print(f"\nours / built-in: {result}, limit {LIMIT}")
    return int(arguments.must_hold and result.high > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
