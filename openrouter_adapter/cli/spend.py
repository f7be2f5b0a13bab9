"""`openrouter-adapter spend`: what was spent, by model, user, …; reconcile, check, report."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openrouter_adapter.cli import spend_check
from openrouter_adapter.cli._app import App
from openrouter_adapter.cli._errors import fail
from openrouter_adapter.cli._ledger import open_ledger
from openrouter_adapter.cli._options import Format, FormatOption, LedgerOption

if TYPE_CHECKING:
    from openrouter_adapter.catalog import Catalog
    from openrouter_adapter.ledger import Ledger, Spend
    from openrouter_adapter.report import Window

app = App(help="Show what was spent, from the ledger.", invoke_without_command=True)
app.command("check")(spend_check.run)


_Since = Annotated[
    str | None,
    typer.Option(help="The start, in UTC, in whole hours: 2026-11-20, 2026-11, today, 7d."),
]
_Until = Annotated[
    str | None, typer.Option(help="The end, which is excluded; written like --since.")
]


@app.callback(invoke_without_command=True)
def show(
    context: typer.Context,
    by: Annotated[
        str,
        typer.Option(
            help="model, provider, endpoint, tag, user, end_user, key, team, organization, job, "
            "session, day, hour, served_model, error, via, or total."
        ),
    ] = "model",
    since: _Since = None,
    until: _Until = None,
    output: FormatOption = Format.table,
    serves: Annotated[
        bool,
        typer.Option("--serve", help="Serve the spend page on this machine alone, until Ctrl-C."),
    ] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port of --serve; 0 picks a free one.")
    ] = 0,
    where: LedgerOption = None,
) -> None:
    """Show what was spent, in USD; most expensive first, days and hours in order of time.

    Amounts in JSON are exact decimal strings.
    """
    if context.invoked_subcommand is not None:
        return
    with open_ledger(where) as book:
        from openrouter_adapter.report.window import parse

        window = parse(since, until)
        if serves:
            _serve(book, window, port)
            return
        found = book.spend(by, since=window.since, until=window.until)
        total = book.spend("total", since=window.since, until=window.until)
        _print(by, found, total[0] if total else None, output)


@app.command("reconcile")
def reconcile(
    where: LedgerOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Ask again for costs that were asked for a moment ago.")
    ] = False,
    settle_after: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=0,
            help="Age at which an interrupted request without an id is assumed to have ended.",
        ),
    ] = 7200.0,
) -> None:
    """Ask OpenRouter for costs that did not come with a response, with OPENROUTER_API_KEY."""
    with open_ledger(where) as book:
        done = book.reconcile(is_forced=force, settle_after=settle_after)
    typer.echo(
        f"{done.settled} settled; {done.pending} that OpenRouter does not know yet; "
        f"{done.failed} that it could not be asked for."
    )
    if done.without_id:
        typer.echo(
            f"{done.without_id} broke off without an id, and the use of their key does not say "
            "what they cost."
        )
    if done.failed:
        raise typer.Exit(1)


@app.command("report")
def report(
    output: Annotated[
        Path, typer.Option("--output", "-o", dir_okay=False, help="The HTML file to write.")
    ] = Path("spend.html"),
    since: _Since = None,
    until: _Until = None,
    prices: Annotated[
        bool,
        typer.Option(
            help="Show in USD what providers' prompt caches saved, at the catalogue's prices."
        ),
    ] = True,
    where: LedgerOption = None,
) -> None:
    """Write the spend page: one HTML file without external resources."""
    with open_ledger(where) as book:
        from openrouter_adapter import report as page
        from openrouter_adapter.report.window import parse

        window = parse(since, until)
        found = page.gather(book, window, prices=_known_prices() if prices else None)
        try:
            page.write(found, output)
        except OSError as error:
            raise fail(f"{output} can't be written: {error.strerror}") from error
    typer.echo(f"{output}: {output.stat().st_size / 1000:.0f} kB")


def _serve(book: Ledger, window: Window, port: int) -> None:
    from openrouter_adapter import report as page

    try:
        server = page.Server(book, window, prices=_known_prices(), port=port)
    except OSError as error:
        raise fail(f"The page can't be served on port {port}: {error.strerror}") from None
    typer.echo(f"The spend page, until Ctrl-C: {server.url}")
    with contextlib.suppress(KeyboardInterrupt):
        server.run()


def _known_prices() -> Catalog | None:
    from openrouter_adapter import catalog

    try:
        return catalog.load()
    except Exception as error:  # noqa: BLE001 - the page does without prices
        typer.echo(f"Cache savings are in tokens only, for lack of prices: {error}", err=True)
        return None


def _print(by: str, found: list[Spend], total: Spend | None, output: Format) -> None:
    from openrouter_adapter.cli import _printing as printing
    from openrouter_adapter.report import listing

    if output is Format.json:
        printing.print_json(listing.records(by, found))
    elif output is Format.csv:
        printing.print_csv(listing.lines(by, found))
    else:
        titles, rows = listing.table(by, found, total if by != "total" else None)
        printing.print_table(titles, rows, texts=1)
        for note in listing.notes(by, total):
            typer.echo(note)
