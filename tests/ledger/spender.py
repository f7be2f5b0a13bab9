"""A process that spends under a budget with many threads, until the budget is used up.

    python -m tests.ledger.spender LEDGER BASE_URL KEY THREADS

For each line of standard input, a seed, it forks a process that spends, and prints its pid. Those
are started by test_budget_proof.py, many at once, and killed at any moment; one that is not ends
when the budget has no room for good.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm

import openrouter_adapter
from openrouter_adapter import ledger

MODEL = "openrouter/openai/gpt-4o"
PER_TOKEN = Decimal("0.00001")
PROMPT_WORST = Decimal("0.001")
FAULTS = ("status=502", "cut=30", "bad-json", "error-in-200", "rate-limit", "html")


@dataclass(frozen=True)
class Estimate:
    """The most that a request costs: its tokens at the model's price, and its short prompt."""

    worst: Decimal | None
    unknown_because: str | None = None


def estimate(body: Any, _endpoint: str) -> Estimate:
    return Estimate(PROMPT_WORST + PER_TOKEN * body["max_tokens"])


def one_call(to: dict[str, str], chance: random.Random) -> bool:
    """Make one request; False where the budget has no room left for any."""
    headers = {}
    if chance.random() < 0.15:
        headers["x-emulator-fault"] = chance.choice(FAULTS)
    keywords: dict[str, Any] = {
        "model": MODEL,
        "messages": [{"role": "user", "content": f"words {chance.random()}"}],
        "max_tokens": chance.choice([100, 400, 1000]),
        "metadata": {"job": "proof", "tags": ["big"]},
        "extra_headers": headers,
        **to,
    }
    try:
        if chance.random() < 0.3:
            stream = litellm.completion(stream=True, **keywords)
            for number, _ in enumerate(stream):
                if number == 3 and chance.random() < 0.3:
                    break
            stream.close()
        else:
            litellm.completion(**keywords)
    except litellm.BudgetExceededError:
        return False
    except Exception:  # noqa: BLE001 - the faults are meant
        return True
    return True


def spend(where: str, base_url: str, key: str, threads: int, seed: str) -> None:
    """Spend until the budget has no room."""
    ledger.enable(where, estimate=estimate, beat_seconds=0.5)
    to = {"api_base": base_url, "api_key": key}

    def work(number: int) -> None:
        chance = random.Random(f"{seed}-{number}")  # noqa: S311
        while one_call(to, chance):
            pass

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    ledger.disable()


def main() -> None:
    where, base_url, key, threads = sys.argv[1:5]
    litellm.suppress_debug_info = True
    openrouter_adapter.register()
    # A child that has ended is gone at once: a zombie still counts as a process.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            spend(where, base_url, key, int(threads), line.strip())
            os._exit(0)
        print(pid, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
