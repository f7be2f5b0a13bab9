"""`openrouter-adapter estimate FILE`: what a batch file will cost, before anything is sent."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads it when it runs
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from decimal import Decimal

    from openrouter_adapter.catalog.totals import ModelTotal, Totals


def run(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="OpenAI's batch format: JSON lines."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    endpoints: Annotated[
        bool,
        typer.Option(
            "--endpoints", help="Look at every provider of each model, for a firm worst case."
        ),
    ] = False,
) -> None:
    """Adds up what the requests of a file will likely cost, and at worst, in USD, by model."""
    from openrouter_adapter.cli.loading import load_catalog, load_endpoints

    catalog = load_catalog(refresh=False)
    from openrouter_adapter.catalog import totals

    if endpoints:
        named = [name for name in totals.models_in(file) if name in catalog]
        catalog = load_endpoints(catalog, named)
    found = totals.estimate_file(file, catalog)
    if as_json:
        _print_json(found)
    else:
        _print_table(found)


def _print_json(found: Totals) -> None:
    import orjson

    def fields(one: ModelTotal) -> dict[str, object]:
        return {
            "requests": one.requests,
            "likely": one.likely if one.requests > one.without_likely else None,
            "worst": one.worst if one.requests > one.without_worst else None,
            "without_likely": one.without_likely,
            "without_worst": one.without_worst,
        }

    printed = {
        "models": {name: fields(one) for name, one in found.models.items()},
        "total": fields(found.total()),
        "reasons": dict(found.reasons),
        "broken": found.broken,
    }
    typer.echo(orjson.dumps(printed, default=str, option=orjson.OPT_INDENT_2).decode())


def _print_table(found: Totals) -> None:
    from rich.markup import escape
    from rich.table import Table

    from openrouter_adapter.cli.printing import console

    table = Table(box=None, pad_edge=False)
    table.add_column("model", overflow="fold")
    for title in ("requests", "likely USD", "worst USD", "unknown"):
        table.add_column(title, justify="right", overflow="fold")
    rows = [*sorted(found.models.items()), ("all", found.total())]
    for name, one in rows:
        table.add_row(
            escape(name),
            str(one.requests),
            _usd(one.likely, one.requests - one.without_likely),
            _usd(one.worst, one.requests - one.without_worst),
            str(one.without_worst or ""),
        )
    console().print(table)
    for reason, number in found.reasons.most_common():
        typer.echo(f"{number} unknown: {reason}")
    if found.broken:
        typer.echo(f"{found.broken} lines are no requests")


def _usd(amount: Decimal, known: int) -> str:
    return f"{amount:.6f}" if known else "unknown"
