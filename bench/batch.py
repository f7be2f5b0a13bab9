"""Requests a second of a batch job, of LiteLLM's `acompletion` and of a bare aiohttp loop.

All three send the same requests to the same stub, in turn, in one process on one core:

  ours      openrouter_adapter.batch: checked, journalled, synced, results and summary written
  litellm   asyncio.gather over litellm.acompletion, the built-in adapter, answers kept
  bare      aiohttp, orjson, the cost summed up, each answer written to a file

Run it with `scripts/bench batch`; `--assert` ends with 1 where a whole interval does not reach its
target, `--profile` shows where our time goes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import io
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import litellm
import orjson
from _paired import BUILTIN, interval, print_machine, switch
from _profile import print_shares, profiled
from _stub import MODEL, stub

from openrouter_adapter import batch

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "sk-or-v1-stub"
WORDS = "What is the meaning of number"


def body(number: int) -> dict[str, Any]:
    """Return the body of a request."""
    messages = [{"role": "user", "content": f"{WORDS} {number}?"}]
    return {"model": MODEL, "messages": messages, "max_tokens": 50, "usage": {"include": True}}


def write_job(path: Path, count: int) -> None:
    """Write a job of so many requests."""
    with path.open("wb") as file:
        for number in range(count):
            line = {
                "custom_id": f"request-{number}",
                "method": "POST",
                "url": "/v1/chat/completions",
                # The runner asks for the usage itself.
                "body": {name: value for name, value in body(number).items() if name != "usage"},
            }
            file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


def ours(url: str, folder: Path, count: int, at_once: int, ledger: str | None) -> None:
    """Run a job; its file is written before."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    options: dict[str, Any] = {} if ledger is None else {"ledger": ledger}
    summary = batch.run(
        folder / f"{count}.jsonl", out, concurrency=at_once, api_key=KEY, api_base=url, **options
    )
    assert summary.done == count, summary  # noqa: S101 - else the figure means nothing


def with_litellm(url: str, _: Path, count: int, at_once: int) -> None:
    """Gather over acompletion, so many at once."""

    async def run() -> None:
        gate = asyncio.Semaphore(at_once)

        async def one(number: int) -> Any:
            async with gate:
                fields = body(number)
                fields.pop("usage")
                fields["model"] = f"openrouter/{MODEL}"
                return await litellm.acompletion(**fields, api_key=KEY, api_base=url)

        answers = await asyncio.gather(*map(one, range(count)))
        assert len(answers) == count  # noqa: S101

    asyncio.run(run())


def bare(url: str, folder: Path, count: int, at_once: int) -> None:
    """Workers that post, parse, add up the cost and write the answer."""

    async def run() -> None:
        numbers = iter(range(count))
        total = 0.0
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        connector = aiohttp.TCPConnector(limit=0)
        with (folder / "bare.jsonl").open("wb") as file:
            async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

                async def work() -> None:
                    nonlocal total
                    for number in numbers:
                        async with session.post(
                            f"{url}/chat/completions", data=orjson.dumps(body(number))
                        ) as response:
                            answer = orjson.loads(await response.read())
                        total += answer["usage"]["cost"]
                        file.write(orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE))

                await asyncio.gather(*(work() for _ in range(at_once)))

    asyncio.run(run())


def rate(run: Callable[[], None], count: int) -> float:
    """Return requests a second."""
    gc.collect()
    started = time.perf_counter()
    run()
    return count / (time.perf_counter() - started)


def stay_on_one_core() -> None:
    """Keep the client to one core; the stub has the others."""
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def main() -> int:
    """Measure in turns and print ratios of each round."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--assert", dest="must_hold", action="store_true")
    arguments = parser.parse_args()
    print_machine("Batch: requests a second against a local stub, one core for the client")
    switch(BUILTIN)
    with stub() as url, tempfile.TemporaryDirectory() as name:
        folder, at_once = Path(name), arguments.at_once
        many, few = arguments.requests, max(arguments.requests // 10, 200)
        stay_on_one_core()
        write_job(folder / f"{many}.jsonl", many)
        if arguments.profile:
            ours(url, folder, many, at_once, str(folder / "ledger.db"))
            print_shares(
                profiled(lambda: ours(url, folder, many, at_once, str(folder / "ledger.db")))
            )
            return 0
        holds = measure(url, folder, (many, few), at_once, arguments.rounds)
    return int(arguments.must_hold and not holds)


def measure(url: str, folder: Path, counts: tuple[int, int], at_once: int, rounds: int) -> bool:
    """Alternate the three and print a line for each; tell whether the targets are reached."""
    many, few = counts
    runs: dict[str, tuple[Callable[[], None], int]] = {
        "bare": (lambda: bare(url, folder, many, at_once), many),
        "ours": (lambda: ours(url, folder, many, at_once, str(folder / "ledger.db")), many),
        "litellm": (lambda: with_litellm(url, folder, few, at_once), few),
    }
    with contextlib.redirect_stderr(io.StringIO()):
        for run, _ in runs.values():
            run()
    found: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds):
        order = list(runs) if number % 2 == 0 else list(reversed(runs))
        for name in order:
            found[name].append(rate(*runs[name]))
    for name, rates in found.items():
        print(f"{name:<8} {interval(rates).mean:>9,.0f} requests/s")
    holds = True
    for other, target in (("litellm", 8.0), ("bare", 0.45)):
        ratio = interval([a / b for a, b in zip(found["ours"], found[other], strict=True)])
        print(f"ours / {other:<8} {ratio}   target {target}")
        holds &= ratio.low >= target
    return holds


if __name__ == "__main__":
    sys.exit(main())
