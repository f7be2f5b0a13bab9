"""The job of a folder: made when it begins, and checked against its input in later runs."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from openrouter_adapter.batch import inputs, validation
from openrouter_adapter.batch.exceptions import BatchError, FolderUnfit
from openrouter_adapter.batch.folder import Folder, Job
from openrouter_adapter.batch.inputs import LineSet
from openrouter_adapter.batch.inspection import Inspection
from openrouter_adapter.batch.model_check import ModelCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from openrouter_adapter.batch.estimates import Prices
    from openrouter_adapter.batch.options import Options
    from openrouter_adapter.batch.requests import Request
    from openrouter_adapter.batch.validation import Checked


def require_work(folder: Folder, options: Options) -> None:
    """Checks that there is an input or a job, before a folder is created.

    Raises:
        BatchError: there is neither.
    """
    if options.source is None:
        folder.require_job()
    else:
        _state_of(options.source)


def begin_or_continue(folder: Folder, options: Options, prices: Prices) -> tuple[Job, LineSet]:
    """The job of a folder, whose whole input was checked when it began.

    Returns:
        The job, and the lines with the custom_id of an earlier one.

    Raises:
        BatchError: no job can begin, or the folder has another one.
    """
    found = folder.job()
    if found is not None and found.shards:
        raise FolderUnfit(
            f"{folder.path} has the {found.shards} shards of a job on a cluster. Continue with: "
            f"openrouter-adapter batch resume {folder.path} --on-ray"
        )
    if found is None:
        job, checked = _new(folder, options, prices)
        number, shards = options.shard
        if shards > 1:
            parts = inputs.parts(Path(job.source), job.last_line, shards)
            job = _of_part(job, parts[number - 1])
        folder.write_job(job)
        return job, checked.duplicates
    return continue_job(folder, options)


def continue_job(folder: Folder, options: Options) -> tuple[Job, LineSet]:
    """Continues the job of a folder, which must be the one that is asked for.

    Returns:
        As `begin_or_continue`.

    Raises:
        BatchError: there is no job, or it is another one.
    """
    job = folder.require_job()
    for difference in _differences(job, options):
        raise FolderUnfit(
            f"{folder.path} has a different job: {difference}. Continue that job with: "
            f"openrouter-adapter batch resume {folder.path}{' --on-ray' if job.shards else ''}. Or "
            "give a new folder with --out."
        )
    budget = options.budget if options.budget is not None else job.budget
    sends_rest = job.sends_rest if options.rest is None else options.rest == "send"
    source = options.source or Path(job.source)
    state = _state_of(source)
    duplicates = LineSet()
    if job.skip_faulty or (job.size, job.modified) != state:
        checked = _check(folder, source, job.model)
        if checked.fingerprint != job.fingerprint:
            raise FolderUnfit(
                f"{folder.path} belongs to another input than {source} is now. Give a new folder "
                f"with --out, or restore {job.source}."
            )
        duplicates = checked.duplicates
    size, modified = state
    job = replace(
        job,
        source=str(source.resolve()),
        size=size,
        modified=modified,
        budget=budget,
        sends_rest=sends_rest,
    )
    folder.write_job(job)
    return job, duplicates


def _differences(job: Job, options: Options) -> Iterator[str]:
    """How the options differ from a job; without an input, only those that are given."""
    is_whole = options.source is not None
    if options.model != job.model and (is_whole or options.model):
        own = "each line's own"
        yield f"the model is {job.model or own}, not {options.model or own}"
    if options.shard != job.shard and (is_whole or options.shard != (1, 1)):
        yield "the shard is {}/{}, not {}/{}".format(*job.shard, *options.shard)
    if options.save_media != job.save_media and (is_whole or options.save_media):
        yield f"images are {'' if job.save_media else 'not '}saved as files"
    if options.half_price != job.half_price and (is_whole or options.half_price):
        yield f"requests go {'' if job.half_price else 'not '}to the Batch API (--half-price)"
    if options.job not in {None, job.job_id}:
        yield f"the name is {job.job_id}, not {options.job}"


def begin_shards(folder: Folder, options: Options, prices: Prices, shards: int) -> Job:
    """Begins a job with a folder for each shard, in `folder`/shards.

    The shards share a budget of the ledger, for the job's `tag`; none has its own.

    Raises:
        BatchError: the job can't begin.
    """
    whole, _ = _new(folder, options, prices)
    whole = replace(whole, shards=shards, tag=whole.calls)
    for number, part in enumerate(inputs.parts(Path(whole.source), whole.last_line, shards), 1):
        shard = folder.shard(number)
        shard.make()
        shard.write_job(replace(_of_part(whole, part), shards=0, budget=None))
    # Last: without it, nothing has begun.
    folder.write_job(whole)
    return whole


def continue_shards(folder: Folder, options: Options) -> Job:
    """Continues a job with shards, and updates where its input is in all of them.

    Raises:
        BatchError: the input has changed.
    """
    whole, _ = continue_job(folder, options)
    for number in range(1, whole.shards + 1):
        shard = folder.shard(number)
        job = shard.require_job()
        moved = replace(job, source=whole.source, size=whole.size, modified=whole.modified)
        if moved != job:
            shard.write_job(moved)
    return whole


def _new(folder: Folder, options: Options, prices: Prices) -> tuple[Job, Checked]:
    """A new job of a whole input, which is checked."""
    folder.refuse_other_files()
    source = options.source
    assert source is not None  # noqa: S101 - require_work has seen to it
    size, modified = _state_of(source)
    inspection = _inspection(options, prices)
    checked = _check(folder, source, options.model, inspection)
    if checked.fault_count and not (options.skip_faulty and checked.requests):
        checked.refuse(source)
    # The Batch API has no response cache, which may save more.
    prices.at_half_price = None if options.headers else inspection.at_half_price
    calls = f"batch-{uuid.uuid4().hex[:12]}"
    job = Job(
        source=str(source.resolve()),
        size=size,
        modified=modified,
        fingerprint=checked.fingerprint,
        requests=checked.requests,
        first_line=1,
        first_byte=0,
        last_line=checked.last_line,
        model=options.model,
        skip_faulty=options.skip_faulty,
        save_media=options.save_media,
        shard=options.shard,
        job_id=options.job or calls,
        calls=calls,
        budget=options.budget,
        half_price=options.half_price,
        sends_rest=options.rest == "send",
    )
    return job, checked


def _inspection(options: Options, prices: Prices) -> Inspection:
    has_budget = options.budget is not None
    return Inspection(
        prices,
        None if options.keep_going else ModelCheck(options.api_key, options.api_base),
        half_price=options.half_price,
        sends_rest=options.rest == "send",
        estimates=has_budget,
        needs_bound=has_budget,
    )


def _check(
    folder: Folder,
    source: Path,
    model: str | None,
    inspect: Callable[[Request], str | None] | None = None,
) -> Checked:
    """Checks an input; the index of ids is in the folder in the meantime."""
    try:
        return validation.check(source, model, inspect=inspect, folder=folder.path)
    except OSError as failure:
        raise folder.unfit(failure) from None


def _of_part(job: Job, part: inputs.Part) -> Job:
    return replace(
        job,
        first_line=part.first_line,
        first_byte=part.first_byte,
        last_line=part.last_line,
        requests=part.requests,
    )


def _state_of(source: Path) -> tuple[int, int]:
    try:
        found = source.stat()
    except OSError as failure:
        raise BatchError(f"{source} can't be read: {failure.strerror}.") from None
    return found.st_size, found.st_mtime_ns
