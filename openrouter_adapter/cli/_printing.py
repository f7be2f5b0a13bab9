"""Output: tables, JSON and CSV, and values as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import typer

from openrouter_adapter import money

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console


def console() -> Console:
    """A console on standard output."""
    from rich.console import Console

    return Console()


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int) -> None:
    """Prints a table that fits the terminal; the first `texts` columns are text, others numbers.

    No word and no number is broken. Into a pipe, each row is one line.
    """
    from openrouter_adapter.cli import _tables as tables

    found = console()
    width = found.width if found.is_terminal else None
    head, body = tables.layout(titles, list(rows), texts=texts, width=width)
    for lines, style in ((head, "bold"), (body, None)):
        if lines:
            # Soft: rich leaves the lines as they are.
            found.print(
                "\n".join(lines), style=style, markup=False, highlight=False, soft_wrap=True
            )


def print_json(printed: Any) -> None:
    """Prints JSON; characters outside ASCII are escaped unless standard output is UTF-8."""
    import json
    import re
    import sys

    import orjson

    text = orjson.dumps(printed, default=str, option=orjson.OPT_INDENT_2).decode()
    if not (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf"):
        text = re.sub(r"[^\x00-\x7f]", lambda found: json.dumps(found[0])[1:-1], text)
    typer.echo(text)


def print_csv(lines: Iterable[Iterable[Any]]) -> None:
    """Prints CSV in which a spreadsheet finds no formulas."""
    import csv
    import sys

    writer = csv.writer(sys.stdout, lineterminator="\n")
    for line in lines:
        writer.writerow(map(_harmless, line))


# The last four are full-width; spreadsheets in some languages read them as the first four.
_BEGINS_FORMULA: Final = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
)


def _harmless(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_BEGINS_FORMULA):
        return f"'{value}"
    return value


def usd_text(value: Any) -> str:
    """An amount in USD from JSON as exact decimal text; a dash for None."""
    from openrouter_adapter.report import texts
    from openrouter_adapter.wire.usage import usd

    found = usd(value)
    return texts.NOTHING if found is None else money.plain(found)


def visible_text(value: Any) -> str:
    """A value as text without control characters; a dash for None or an empty string."""
    from openrouter_adapter.report import texts

    if value is None or value == "":
        return texts.NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return texts.visible(str(value))


def with_exact_money(found: dict[str, Any]) -> dict[str, Any]:
    """An object of OpenRouter's with its amounts in USD as exact decimal text."""
    return {
        name: usd_text(value) if _is_money(name, value) else value for name, value in found.items()
    }


def _is_money(name: str, value: Any) -> bool:
    is_named = name.startswith(("usage", "byok_usage", "limit", "total_")) or name.endswith("_cost")
    return is_named and isinstance(value, int | float) and not isinstance(value, bool)
