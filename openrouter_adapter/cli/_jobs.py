"""Runs jobs for the commands of `openrouter-adapter batch`, and prints what came of them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import typer

from openrouter_adapter.cli._printing import print_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from openrouter_adapter.batch import DryRun, Summary
    from openrouter_adapter.batch.from_table import Made


def run_job(
    job: Path | None,
    out: Path,
    options: Mapping[str, Any],
    *,
    on_ray: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Runs a job, displays its progress and summary, and ends with the exit code."""
    from openrouter_adapter import batch
    from openrouter_adapter.batch.display import Display, Screen

    if quiet or as_json:
        shown: Any = contextlib.nullcontext()
    else:
        shown = Display(Screen(stderr=True))
    with shown as display:
        if on_ray is not None:
            watch = None if display is None else display.show
            summary = batch.run_on_ray(job, out, address=on_ray, watch=watch, **options)
        elif display is not None:
            summary = batch.run(job, out, watch=lambda now: display.show(now.snapshot()), **options)
        else:
            summary = batch.run(job, out, **options)
    if not quiet or as_json:
        print_summary(summary, as_json=as_json)
    if summary.left:
        raise typer.Exit(3)
    if summary.failed:
        raise typer.Exit(1)


def print_dry_run(found: DryRun, *, as_json: bool) -> None:
    """Prints what a job would cost."""
    from openrouter_adapter.batch.display import lines_of_dry_run

    if as_json:
        print_json(found.as_json())
    else:
        typer.echo("\n".join(lines_of_dry_run(found)))


def print_summary(summary: Summary, *, as_json: bool) -> None:
    """Prints what became of a job."""
    from openrouter_adapter.batch.display import lines_of_summary

    if as_json:
        print_json(summary.as_json())
    else:
        typer.echo("\n".join(lines_of_summary(summary)))


def tell_blank(made: Made) -> None:
    """Says on standard error how many rows were left out."""
    if made.blank:
        rows = "row was" if made.blank == 1 else "rows were"
        typer.echo(
            f"{made.blank:,} {rows} left out: every column of the prompt is empty.", err=True
        )
