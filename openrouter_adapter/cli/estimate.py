"""`openrouter-adapter estimate FILE`: what a batch file will cost, before anything is sent."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openrouter_adapter.cli._errors import fail

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from openrouter_adapter.batch.estimates import Total, Totals


def run(
    file: Annotated[
        Path,
        typer.Argument(
            help="A file in OpenAI's batch format, may be gzipped; - is standard input."
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    endpoints: Annotated[
        bool,
        typer.Option(
            "--endpoints", help="Look up every provider of each model, for an exact worst case."
        ),
    ] = False,
) -> None:
    """Estimate the likely and the worst cost of a file of requests in USD, by model.

    For models that OpenRouter's Batch API offers, also the likely cost there.
    """
    from openrouter_adapter.cli._catalog import load_catalog, load_endpoints

    catalog = load_catalog(refresh=False)
    from openrouter_adapter.batch import estimates, inputs
    from openrouter_adapter.batch.exceptions import BatchError

    try:
        with _on_disk(file) as source:
            lines = inputs.lines(source)
            found = estimates.of_lines(lines, catalog, load_endpoints if endpoints else None)
    except BatchError as error:
        raise fail(str(error)) from error
    if as_json:
        _print_json(found)
    else:
        _print_table(found)


@contextmanager
def _on_disk(file: Path) -> Iterator[Path]:
    """The file; standard input becomes a temporary one, because its beginning is read twice."""
    if str(file) != "-":
        yield file
        return
    import shutil
    import sys
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "standard input"
        with copy.open("wb") as opened:
            shutil.copyfileobj(sys.stdin.buffer, opened)
        yield copy


def _print_json(found: Totals) -> None:
    from openrouter_adapter.cli._printing import print_json

    def fields(one: Total) -> dict[str, object]:
        return {
            "requests": one.requests,
            "likely": one.likely if one.requests > one.without_likely else None,
            "worst": one.worst if one.requests > one.without_worst else None,
            "without_likely": one.without_likely,
            "without_worst": one.without_worst,
            "batch": one.batch if one.requests > one.without_batch else None,
            "without_batch": one.without_batch,
        }

    printed = {
        "models": {name: fields(one) for name, one in found.models.items()},
        "total": fields(found.total),
        "reasons": [
            {"reason": reason, "requests": number} for reason, number in found.reasons.most_common()
        ],
        "broken": found.broken,
        "first_broken": found.first_broken,
    }
    print_json(printed)


def _print_table(found: Totals) -> None:
    from openrouter_adapter.cli._printing import print_table

    titles = ("model", "requests", "likely USD", "worst USD", "unknown", "batch API USD")
    rows = [
        (
            name,
            str(one.requests),
            _usd(one.likely, one.requests - one.without_likely),
            _usd(one.worst, one.requests - one.without_worst),
            str(one.without_worst or ""),
            # A part of the requests says little about all of them.
            "" if one.without_batch else f"{one.batch:.6f}",
        )
        for name, one in (*sorted(found.models.items()), ("all", found.total))
    ]
    print_table(titles, rows, texts=1)
    for reason, number in found.reasons.most_common():
        typer.echo(f"{number} unknown: {reason}")
    if found.broken:
        typer.echo(f"{found.broken} lines are not requests; the first is line {found.first_broken}")


def _usd(amount: Decimal, known: int) -> str:
    return f"{amount:.6f}" if known else "unknown"
