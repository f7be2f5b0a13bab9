"""A job from Python: run, resume, retry, status, cost, dry run."""

from __future__ import annotations

import asyncio
import threading
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openrouter_adapter.batch import money, recovery, signals
from openrouter_adapter.batch.budget import Budget
from openrouter_adapter.batch.exceptions import BatchError
from openrouter_adapter.batch.folder import Folder
from openrouter_adapter.batch.run import Options, run_job
from openrouter_adapter.batch.settings import Pace
from openrouter_adapter.batch.summary import Summary, summarize

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Coroutine, Mapping

    from openrouter_adapter.batch.run import Progress


async def arun(
    source: str | os.PathLike[str] | None,
    out: str | os.PathLike[str],
    *,
    budget: Decimal | float | str | None = None,
    concurrency: int | str | None = "auto",
    concurrency_by_model: Mapping[str, int] | None = None,
    model: str | None = None,
    shard: tuple[int, int] = (1, 1),
    save_media: bool = False,
    in_order: bool = False,
    skip_faulty: bool = False,
    api_key: str | None = None,
    api_base: str | None = None,
    tries: int = 6,
    timeout: float = 600.0,
    watch: Callable[[Progress], None] | None = None,
    pace: Pace | None = None,
    ledger: str | os.PathLike[str] | None = None,
    job: str | None = None,
) -> Summary:
    """Sends every request of a file and writes answers and their cost to a folder.

    The same call again goes on where the last one ended, however it ended.

    Args:
        source: JSONL in OpenAI's batch format, gzipped or not, or a body builder's answer. None
            goes on with the job of `out`.
        out: The folder for results; made where it isn't there.
        budget: USD that all runs of the job together may cost; never passed. None for what the
            folder's job was given before.
        concurrency: Requests in the air, or "auto" for as many as prove good.
        concurrency_by_model: A lower limit for some models, by their id.
        model: Takes the place of every line's own model.
        shard: (I, N) sends the I-th of N parts of the input, I from 1.
        save_media: Whether images become files in `out`/media, named by `custom_id`.
        in_order: Whether results are put into the order of the input at the end.
        skip_faulty: Whether lines that can't be sent become failures; else nothing is sent.
        api_key: The key; None looks for it as every call of the adapter does.
        api_base: The API's base URL; None the same.
        tries: How often a request is sent before it has failed for good.
        timeout: Seconds that one answer may take as a whole.
        watch: Called a few times a second with the progress.
        pace: Takes the place of `concurrency`, `tries` and `timeout`, with more to set.
        ledger: A path or URL; None for the ledger that is enabled in this process, else what
            OPENROUTER_ADAPTER_LEDGER names, else none.
        job: The job's name in the ledger, whose budgets may be for a job; None makes one up.

    Returns:
        What the job has come to; `stopped` says why it ended early, if it did.

    Raises:
        BatchError: the job can't begin or go on; `FaultyInput` names the lines.
        litellm.AuthenticationError: there is no key.
    """
    if pace is None:
        pace = Pace(
            concurrency=_concurrency(concurrency),
            by_model=concurrency_by_model or {},
            tries=tries,
            timeout=timeout,
        )
    number, shards = shard
    if not 1 <= number <= shards:
        raise BatchError(f"There is no shard {number}/{shards}; I/N counts from 1/N to N/N.")
    options = Options(
        out=Path(out),
        source=None if source is None else Path(source),
        budget=_usd(budget),
        model=model,
        shard=shard,
        save_media=save_media,
        in_order=in_order,
        skip_faulty=skip_faulty,
        api_key=api_key,
        api_base=api_base,
        pace=pace,
        watch=watch,
        ledger=ledger,
        job=job,
    )
    return await run_job(options)


def run(
    source: str | os.PathLike[str] | None, out: str | os.PathLike[str], **options: Any
) -> Summary:
    """The same as `arun`, from code that isn't asynchronous, and from a notebook's cell."""
    return _finish(arun(source, out, **options))


def resume(out: str | os.PathLike[str], **options: Any) -> Summary:
    """Goes on with a folder's job.

    Args:
        out: Its folder.
        **options: Those of `arun`; a `budget` may be larger than before.

    Raises:
        BatchError: there is no job, or it can't go on.
    """
    return run(None, out, **options)


def retry(out: str | os.PathLike[str], **options: Any) -> Summary:
    """Sends the requests again that have failed for good.

    What is in failures.jsonl moves to failures-1.jsonl, the next time to failures-2.jsonl.

    Args:
        out: The job's folder.
        **options: Those of `arun`.

    Raises:
        BatchError: there is no job, or it can't go on.
    """
    prepare_retry(out)
    return resume(out, **options)


def prepare_retry(out: str | os.PathLike[str]) -> None:
    """Sets a job's failures aside; the next run sends them again.

    Raises:
        BatchError: there is no job, or a run works on it.
    """
    folder = Folder(Path(out))
    folder.require_job()
    with folder.locked():
        folder.set_failures_aside()


def status(out: str | os.PathLike[str]) -> Summary:
    """What a job has come to so far, read from its files; it may be running.

    Raises:
        BatchError: there is no job.
    """
    folder = Folder(Path(out))
    job = folder.require_job()
    left = recovery.recover(folder)
    limit = None if job.budget is None else money.picodollars(job.budget)
    budget = Budget(limit, left.past.spent, left.past.unsettled)
    return summarize(
        folder.path,
        job.requests,
        left.tally,
        left.past,
        budget,
        # Those of a run that goes on are in the air indeed, not lost.
        in_the_air=[] if folder.is_in_use() else left.in_the_air,
    )


def _finish(job: Coroutine[Any, Any, Summary]) -> Summary:
    """Runs a coroutine to its end, in a thread of its own where a loop is running already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(job)
    found: list[Summary] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            found.append(asyncio.run(job))
        except BaseException as failure:  # noqa: BLE001 - raised again below
            failures.append(failure)

    thread = threading.Thread(target=work, name="batch")
    thread.start()
    while thread.is_alive():
        try:
            thread.join()
        except KeyboardInterrupt:  # noqa: PERF203 - a notebook's stop button
            signals.stop_thread(thread.ident or 0)
    if failures:
        raise failures[0]
    return found[0]


def _concurrency(given: int | str | None) -> int | None:
    if given in {None, "auto"}:
        return None
    try:
        number = int(given)
    except ValueError:
        number = 0
    if number < 1:
        raise BatchError(f"concurrency is {given!r}; it must be a number from 1, or auto.")
    return number


def _usd(given: Decimal | float | str | None) -> Decimal | None:
    if given is None:
        return None
    try:
        amount = Decimal(str(given))
    except ArithmeticError:
        amount = Decimal("nan")
    if not amount.is_finite() or amount < 0:
        raise BatchError(f"budget is {given!r}; it must be an amount in USD, such as 25.00.")
    return amount
