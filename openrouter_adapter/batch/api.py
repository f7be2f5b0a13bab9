"""A job from Python: run, resume and retry."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openrouter_adapter.batch.folder import Folder

if TYPE_CHECKING:
    import os
    from collections.abc import Coroutine

    from typing_extensions import Unpack

    from openrouter_adapter.batch.options import RunOptions
    from openrouter_adapter.batch.summary import Summary


async def arun(
    source: str | os.PathLike[str] | None,
    out: str | os.PathLike[str],
    **options: Unpack[RunOptions],
) -> Summary:
    """Sends every request of a file and writes answers and their cost to a folder.

    The same call again continues where the last one ended, however it ended.

    Args:
        source: JSONL in OpenAI's batch format, gzipped or not, or a body builder's answer. None
            continues the job of `out`.
        out: The folder for results; created if it doesn't exist.
        **options: `budget`, `concurrency`, `ledger`, …; `RunOptions` explains each one.

    Returns:
        The job's counts and cost; `stopped` says why the run ended early, if it did.

    Raises:
        BatchError: the job can't begin or continue; `FaultyInput` names the invalid lines.
        litellm.AuthenticationError: there is no key.
    """
    from openrouter_adapter.batch.options import validated
    from openrouter_adapter.batch.runner import run_job

    return await run_job(validated(source, out, options))


def run(
    source: str | os.PathLike[str] | None,
    out: str | os.PathLike[str],
    **options: Unpack[RunOptions],
) -> Summary:
    """Like `arun`, for code that isn't asynchronous, and for a notebook's cell."""
    return _finish(arun(source, out, **options))


def resume(out: str | os.PathLike[str], **options: Unpack[RunOptions]) -> Summary:
    """Continues a folder's job.

    Args:
        out: The job's folder.
        **options: Those of `arun`; the `budget` may be larger than before.

    Raises:
        BatchError: there is no job, or it can't continue.
    """
    return run(None, out, **options)


def retry(out: str | os.PathLike[str], **options: Unpack[RunOptions]) -> Summary:
    """Sends the failed requests of a job again.

    failures.jsonl becomes failures-1.jsonl, the next time failures-2.jsonl.

    Args:
        out: The job's folder.
        **options: Those of `arun`.

    Raises:
        BatchError: there is no job, or it can't continue.
    """
    prepare_retry(out)
    return resume(out, **options)


def prepare_retry(out: str | os.PathLike[str]) -> None:
    """Sets a job's failures aside, so that the next run sends them again.

    Raises:
        BatchError: there is no job, or a run is working on it.
    """
    folder = Folder(Path(out))
    job = folder.require_job()
    with folder.locked():
        folder.set_failures_aside()
        for number in range(1, job.shards + 1):
            prepare_retry(folder.shard(number).path)


def _finish(job: Coroutine[Any, Any, Summary]) -> Summary:
    """Runs a coroutine to its end, in its own thread if an event loop is running already."""
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
            from openrouter_adapter.batch.stopping import stop_thread

            stop_thread(thread.ident or 0)
    if failures:
        raise failures[0]
    return found[0]
