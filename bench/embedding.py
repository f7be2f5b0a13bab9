"""Rate of `litellm.embedding` for 512 x 1536 floats: ours against LiteLLM's built-in adapter.

    python bench/embedding.py [--rounds 10] [--assert]

Wall time of whole calls, both sides in turn in one process against one stub server in another,
which answers in the encoding that it is asked for. `--assert`: exit code 1 when the lower end of
the ratio's 95 % interval is below 2.0.
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
from _stub import DIMENSIONS, ROWS, stub

LIMIT = 2.0
TEXTS = [f"text number {number}" for number in range(ROWS)]


def calls_per_second(base_url: str) -> float:
    """Return the rate of one call that gives ROWS x DIMENSIONS floats."""
    settle()
    started = time.perf_counter()
    response = litellm.embedding(
        model="openrouter/openai/text-embedding-3-small",
        input=TEXTS,
        api_base=base_url,
        api_key="sk-or-v1-bench",
    )
    spent = time.perf_counter() - started
    first = response.data[0]["embedding"]
    if (len(response.data), len(first), type(first[0])) != (ROWS, DIMENSIONS, float):
        message = "the answer is not the one that was served"
        raise RuntimeError(message)
    return 1 / spent


def main() -> int:
    """Measure, print, and say whether the limit holds."""
    parser = argparse.ArgumentParser(description="rate of litellm.embedding")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--assert", dest="must_hold", action="store_true")
    arguments = parser.parse_args()
    print_machine(f"litellm.embedding, {ROWS} x {DIMENSIONS} floats")
    with stub(embeddings=True) as base_url:
        for side in (BUILTIN, OURS):
            switch(side)
            calls_per_second(base_url)
        found = alternate(arguments.rounds, lambda: calls_per_second(base_url))
    ratios = [figures[OURS] / figures[BUILTIN] for figures in found]
    for number, (figures, ratio) in enumerate(zip(found, ratios, strict=True), start=1):
        built_in, ours = (1e3 / figures[side] for side in (BUILTIN, OURS))
        print(f"round {number:>2}: built-in {built_in:.0f} ms, ours {ours:.0f} ms, {ratio:.2f}")
    result = interval(ratios)
    print(f"\nours / built-in, calls per second: {result}, limit {LIMIT}")
    return int(arguments.must_hold and result.low < LIMIT)


if __name__ == "__main__":
    sys.exit(main())
