"""Runs a job in a process of its own, for tests that kill it."""

from __future__ import annotations

import sys

from openrouter_adapter import batch


def main() -> None:
    """Take source, folder, address, key, budget and ledger from the command line."""
    source, out, base, key, budget, ledger = sys.argv[1:]
    summary = batch.run(
        source,
        out,
        budget=budget or None,
        concurrency=16,
        api_base=base,
        api_key=key,
        ledger=ledger or None,
    )
    print(summary.as_json(), flush=True)


if __name__ == "__main__":
    main()
