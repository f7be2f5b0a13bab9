"""`openrouter-adapter budget`: limits on spending, and how much of each is left."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from openrouter_adapter.cli._app import App
from openrouter_adapter.cli._errors import fail
from openrouter_adapter.cli._ledger import open_ledger
from openrouter_adapter.cli._options import JsonOption, LedgerOption, YesOption, parse_usd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openrouter_adapter.ledger import BudgetState, HoldState

app = App(
    help="Set and show limits on spending, which are stored in the ledger.", no_args_is_help=True
)


class Period(str, Enum):
    """Period of a limit, in UTC."""

    total = "total"
    day = "day"
    week = "week"
    month = "month"


# For a budget per user: how many users a list of all budgets shows.
_MOST_VALUES = 20
_ENFORCED_IN = """
Within seconds, {name} is enforced in every program that writes to {ledger}:
  - a program that calls openrouter_adapter.register() with OPENROUTER_ADAPTER_LEDGER set to it,
  - a program that calls ledger.enable() with it,
  - LiteLLM's proxy with openrouter_adapter.proxy.handler and OPENROUTER_ADAPTER_LEDGER set to it.
Requests of other programs are neither counted nor limited."""

_Name = Annotated[str, typer.Argument(help="The name of the budget; error messages mention it.")]


@app.command("set")
def set_(
    name: _Name,
    limit: Annotated[str, typer.Option(help="The limit, in USD.", metavar="USD")],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL=VALUE",
            help="Count only requests with this job, key, tag, user, end_user, team, organization "
            "or session, such as tag=batch. If repeated, all must match. Default: every request.",
        ),
    ] = None,
    each: Annotated[
        str | None,
        typer.Option(
            metavar="LABEL",
            help="Give each user, key, team, … a limit of its own. Requests without one share a "
            "limit.",
        ),
    ] = None,
    period: Annotated[
        Period, typer.Option(help="The period of the limit, in UTC; weeks begin on Monday.")
    ] = Period.total,
    max_request: Annotated[
        str | None,
        typer.Option(
            metavar="USD",
            help="The most that one request may cost; reserved if its worst case is unknown.",
        ),
    ] = None,
    wait: Annotated[
        float,
        typer.Option(
            min=0, help="Seconds that a request waits for others to release reservations."
        ),
    ] = 0.0,
    lets_through: Annotated[
        bool,
        typer.Option("--lets-through", help="Let requests pass while the ledger can't be written."),
    ] = False,
    where: LedgerOption = None,
) -> None:
    """Set a budget. If it exists with the same scope and period, only its limit changes.

    The programs that will enforce it are printed.
    """
    with open_ledger(where, may_make=True) as book:
        book.budget(
            name,
            parse_usd("--limit", limit),
            per=period.value,
            each=each,
            max_request_usd=None
            if max_request is None
            else parse_usd("--max-request", max_request),
            wait_seconds=wait,
            lets_through=lets_through,
            **_labels(scope or []),
        )
        _print(book.budgets(name, most_values=_MOST_VALUES))
        typer.echo(_ENFORCED_IN.format(name=name, ledger=book.store.database.name))


@app.command("show")
def show(
    name: Annotated[
        str | None, typer.Argument(help="Show only this budget, with its reservations.")
    ] = None,
    as_json: JsonOption = False,
    where: LedgerOption = None,
) -> None:
    """Show budgets in their current period: limit, spent, held, unsettled and left, in USD.

    Held is what is reserved for requests in flight. Unsettled is the part of it whose program
    died, or whose request ended, before its cost was known; `spend reconcile` or `budget release`
    ends it.
    """
    with open_ledger(where) as book:
        states = book.budgets(name, most_values=_MOST_VALUES if name is None else None)
        if name is not None and not states:
            raise fail(f"There is no budget {name!r}.")
        if as_json:
            from openrouter_adapter.cli._printing import print_json
            from openrouter_adapter.report import budgets

            print_json([budgets.record(one) for one in states])
            return
        _print(states)
        if name is not None:
            _print_reservations(book.held(name))


@app.command("release")
def release(
    name: Annotated[str, typer.Argument(help="The name of the budget.")],
    hold: Annotated[
        list[str] | None,
        typer.Option(
            help="Only the reservation with this id (see `budget show`), even if it is in flight."
        ),
    ] = None,
    yes: YesOption = False,
    where: LedgerOption = None,
) -> None:
    """Release unsettled reservations. Run `spend reconcile` first: it finds what was billed.

    If a request turns out to have been billed, its cost still counts as spent.
    """
    with open_ledger(where) as book:
        if not book.budgets(name, most_values=1):
            raise fail(f"There is no budget {name!r}.")
        from openrouter_adapter.report import budgets

        found = budgets.releasable(book.held(name), hold)
        if not found:
            typer.echo("There is nothing to release.")
            return
        _print_reservations(found)
        if not yes:
            typer.confirm(
                "Are you sure that nothing more will be billed for these requests?", abort=True
            )
        released = book.release([one.hold_id for one in found])
    typer.echo(f"Released {released}.")


@app.command("rm")
def remove(name: _Name, where: LedgerOption = None) -> None:
    """Remove a budget and its reservations; what was spent stays in the ledger."""
    with open_ledger(where) as book:
        if not book.remove_budget(name):
            raise fail(f"There is no budget {name!r}.")
    typer.echo(f"Removed {name}.")


def _labels(scope: Sequence[str]) -> dict[str, str]:
    from openrouter_adapter.report import budgets

    return budgets.labels(scope)


def _print(states: Sequence[BudgetState]) -> None:
    from openrouter_adapter.cli._printing import print_table
    from openrouter_adapter.report import budgets

    if states:
        print_table(*budgets.table(states), texts=3)
        for name in budgets.cut(states, _MOST_VALUES):
            typer.echo(
                f"{name}: the {_MOST_VALUES} closest to the limit; "
                f"`openrouter-adapter budget show {name}` shows all."
            )
    else:
        typer.echo("There are no budgets; `openrouter-adapter budget set` creates one.")


def _print_reservations(found: Sequence[HoldState]) -> None:
    from openrouter_adapter.cli._printing import print_table
    from openrouter_adapter.report import budgets

    if found:
        print_table(*budgets.table_of_holds(found), texts=4)
