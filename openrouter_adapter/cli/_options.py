"""Options that several commands share."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from openrouter_adapter import money
from openrouter_adapter.cli._errors import fail

if TYPE_CHECKING:
    from decimal import Decimal


class Format(str, Enum):
    """Format in which a list is printed."""

    table = "table"
    json = "json"
    csv = "csv"


FormatOption = Annotated[Format, typer.Option("--format", "-f", help="table, json or csv.")]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON; amounts are exact decimal strings.")
]
LedgerOption = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        metavar="PATH|URL",
        help="A SQLite file or a PostgreSQL URL. Default: OPENROUTER_ADAPTER_LEDGER, or a file in "
        "your data folder.",
    ),
]
MinContext = Annotated[int | None, typer.Option(help="Smallest context window, in tokens.")]
MaxPrompt = Annotated[
    float | None, typer.Option(help="Highest price in USD per million prompt tokens.")
]
MaxCompletion = Annotated[
    float | None, typer.Option(help="Highest price in USD per million completion tokens.")
]
RefreshOption = Annotated[
    bool, typer.Option("--refresh", help="Fetch from OpenRouter now, even if the cache is recent.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask for confirmation.")]


def parse_usd(option: str, given: str) -> Decimal:
    """The value of an option in USD. If it is invalid, the command ends."""
    try:
        return money.parse(given)
    except ValueError as error:
        raise fail(f"{option} {error}.") from None
