"""The requests of a job that are still to be sent, in the order of the input."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from openrouter_adapter.batch import inputs, requests
from openrouter_adapter.batch.exceptions import LineFault
from openrouter_adapter.batch.requests import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openrouter_adapter.batch.bits import Bits
    from openrouter_adapter.batch.folder import Job


def left_over(
    job: Job, done: Bits, doubled: Bits
) -> Iterator[Request | tuple[int, str, LineFault]]:
    """Each request that has no result yet.

    Args:
        job: What job it is.
        done: The lines that have one.
        doubled: Lines whose id an earlier one has.

    Yields:
        A request; or line number, id and fault of a line that can't be sent.
    """
    for number, text in inputs.lines(Path(job.source), job.first_line, job.first_byte):
        if number > job.last_line:
            return
        if number < job.first_line or number in done:
            continue
        try:
            request = requests.parse(number, text, job.model)
        except LineFault as fault:
            yield number, requests.custom_id_of(text), fault
            continue
        if number in doubled:
            yield number, request.custom_id, LineFault("custom_id is the one of an earlier line")
        else:
            yield request
