"""Where output goes: a table on a terminal or in a pipe that has no width, JSON, CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

# Wide enough for any row: a table cut in a pipe would lose what it is read for.
_PIPE_WIDTH: Final = 400


def console() -> Console:
    """A console on standard output that cuts nothing where there is no terminal."""
    from rich.console import Console

    found = Console()
    return found if found.is_terminal else Console(width=_PIPE_WIDTH)


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int) -> None:
    """Prints a table; the first `texts` columns are texts, the others numbers."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for place, title in enumerate(titles):
        side: Any = "left" if place < texts else "right"
        table.add_column(escape(title), justify=side, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    console().print(table)


def print_json(printed: Any) -> None:
    """Prints JSON."""
    import orjson

    typer.echo(orjson.dumps(printed, option=orjson.OPT_INDENT_2).decode())


def print_csv(lines: Iterable[Iterable[Any]]) -> None:
    """Prints CSV in which no text acts as a formula when a spreadsheet opens it."""
    import csv
    import sys

    writer = csv.writer(sys.stdout, lineterminator="\n")
    for line in lines:
        writer.writerow(map(_harmless, line))


def _harmless(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")):
        return f"'{value}"
    return value
