"""Processes that call through LiteLLM with a ledger, forked from one that has imported it all.

    python -m tests.ledger.fleet LEDGER BASE_URL KEY PROCESSES

Prints the pid of each worker on a line, then obeys standard input: each line is a number of calls
that every worker makes, and `ok` is printed when all of them have. At the end of standard input
the workers end as a program ends, and then this one.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from typing import TYPE_CHECKING, Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm

import openrouter_adapter
from openrouter_adapter import ledger

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

MODEL = "openrouter/openai/gpt-4o-mini"
# What differs between the prices of two answers is seen in every sum.
WORDS = "one two three four five six seven eight nine ten"


def work(where: str, to: dict[str, Any], orders: Connection) -> None:
    """Make as many calls as each order says."""
    ledger.enable(where, beat_seconds=0.5)
    made = 0
    while (count := orders.recv()) is not None:
        for _ in range(count):
            made += 1
            text = WORDS[: 5 + (made * 7) % 40]
            litellm.completion(MODEL, [{"role": "user", "content": text}], max_tokens=9, **to)
        orders.send("ok")


def main() -> None:
    where, base_url, key, processes = sys.argv[1:5]
    litellm.suppress_debug_info = True
    openrouter_adapter.register()
    context = multiprocessing.get_context("fork")
    pipes, workers = [], []
    for _ in range(int(processes)):
        ours, theirs = context.Pipe()
        arguments = (where, {"api_base": base_url, "api_key": key}, theirs)
        worker = context.Process(target=work, args=arguments)
        worker.start()
        theirs.close()
        pipes.append(ours)
        workers.append(worker)
        print(worker.pid, flush=True)  # noqa: T201
    for line in sys.stdin:
        for pipe in pipes:
            pipe.send(int(line))
        for pipe in pipes:
            pipe.recv()
        print("ok", flush=True)  # noqa: T201
    for pipe in pipes:
        pipe.send(None)
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main()
