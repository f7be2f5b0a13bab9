"""Options that several commands have."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from openrouter_adapter import money
from openrouter_adapter.cli._errors import fail

if TYPE_CHECKING:
    from decimal import Decimal


class Format(str, Enum):
    """How a list is printed."""

    table = "table"
    json = "json"
    csv = "csv"


FormatOption = Annotated[Format, typer.Option("--format", "-f", help="table, json or csv.")]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON; money as exact decimal text.")
]
LedgerOption = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        metavar="PATH|URL",
        help="A SQLite file, or a PostgreSQL URL; else OPENROUTER_ADAPTER_LEDGER, else the file "
        "in your data folder.",
    ),
]
MinContext = Annotated[int | None, typer.Option(help="Tokens of prompt and completion, at least.")]
MaxPrompt = Annotated[float | None, typer.Option(help="USD per million prompt tokens, at most.")]
MaxCompletion = Annotated[
    float | None, typer.Option(help="USD per million completion tokens, at most.")
]
RefreshOption = Annotated[
    bool, typer.Option("--refresh", help="Ask OpenRouter now, whatever the cache's age.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask for confirmation.")]


def parse_usd(option: str, given: str) -> Decimal:
    """The value of an option in USD; ends the command if it is invalid."""
    try:
        return money.parse(given)
    except ValueError as error:
        raise fail(f"{option} {error}.") from None
