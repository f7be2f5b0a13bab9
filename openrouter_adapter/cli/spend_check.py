"""`openrouter-adapter spend check`: the ledger compared with OpenRouter's activity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from openrouter_adapter import money
from openrouter_adapter.cli._errors import friendly_errors
from openrouter_adapter.cli._ledger import open_ledger
from openrouter_adapter.cli._options import JsonOption, LedgerOption, parse_usd
from openrouter_adapter.cli._printing import print_json, print_table

if TYPE_CHECKING:
    from openrouter_adapter.account import Charge, Check, Comparison

_TITLES = (
    *("day, UTC", "model", "requests here", "at OpenRouter", "credits here, USD"),
    *("at OpenRouter, USD", "difference, USD", "BYOK difference, USD"),
)


def run(
    tolerance: Annotated[
        str, typer.Option(metavar="USD", help="Accept a total difference up to this amount.")
    ] = "0.01",
    this_key: Annotated[
        bool,
        typer.Option("--this-key", help="Compare only requests made with the key in use."),
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Print days and models without a difference too.")
    ] = False,
    as_json: JsonOption = False,
    where: LedgerOption = None,
) -> None:
    """Compare the ledger with OpenRouter's activity of the last 30 completed days (UTC).

    Days and models that differ are printed with likely reasons. The exit code is 1 if credits and
    BYOK together differ by more than the tolerance. OPENROUTER_PROVISIONING_KEY is needed.
    """
    most = parse_usd("--tolerance", tolerance)
    with open_ledger(where) as book, friendly_errors():
        from openrouter_adapter import account
        from openrouter_adapter.wire import connection

        only = connection.api_key(None) if this_key else None
        found = account.check(book, tolerance=most, only_key=only)
    if as_json:
        print_json(_record(found))
    else:
        _print(found, every=every)
    if not found.agrees:
        raise typer.Exit(1)


def _print(found: Check, *, every: bool) -> None:
    from openrouter_adapter.report import texts

    shown = [one for one in found.comparisons if every or one.differs]
    if shown:
        print_table(_TITLES, map(_row, shown), texts=2)
    for one in shown:
        for reason in one.reasons:
            typer.echo(f"{one.day} {texts.visible(one.model)}: {reason}.")
    difference, tolerance = money.plain(found.difference), money.plain(found.tolerance)
    verdict = "agree" if found.agrees else "do not agree"
    typer.echo(
        f"{found.since} to {found.until}: the ledger and OpenRouter {verdict}; "
        f"they differ by {difference} USD, and {tolerance} USD is accepted."
    )


def _row(one: Comparison) -> list[str]:
    from openrouter_adapter.report import texts

    return [
        str(one.day),
        texts.visible(one.model),
        str(one.ledger.requests),
        str(one.openrouter.requests),
        money.plain(one.ledger.credits),
        money.plain(one.openrouter.credits),
        money.plain(one.difference),
        money.plain(one.byok_difference),
    ]


def _record(found: Check) -> dict[str, Any]:
    return {
        "since": str(found.since),
        "until": str(found.until),
        "agrees": found.agrees,
        "difference": money.plain(found.difference),
        "tolerance": money.plain(found.tolerance),
        "comparisons": [
            {
                "day": str(one.day),
                "model": one.model,
                "ledger": _charge(one.ledger),
                "openrouter": _charge(one.openrouter),
                "difference": money.plain(one.difference),
                "byok_difference": money.plain(one.byok_difference),
                "unknown": one.unknown,
                "open": one.open,
                "reasons": one.reasons,
            }
            for one in found.comparisons
        ],
    }


def _charge(one: Charge) -> dict[str, Any]:
    return {
        "requests": one.requests,
        "credits": money.plain(one.credits),
        "byok": money.plain(one.byok),
    }
