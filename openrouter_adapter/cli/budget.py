"""`openrouter-adapter budget`: limits on what may be spent, and how much of them is left."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from openrouter_adapter.cli._errors import fail
from openrouter_adapter.cli._ledger import open_ledger
from openrouter_adapter.cli._options import JsonOption, LedgerOption, YesOption, parse_usd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openrouter_adapter.ledger import BudgetState, HoldState

app = typer.Typer(help="Limits on what may be spent, kept in the ledger.", no_args_is_help=True)


class Period(str, Enum):
    """What a limit is for, in UTC."""

    total = "total"
    day = "day"
    week = "week"
    month = "month"


# Of a budget for each user: how many of them a list of all budgets shows.
_MOST_VALUES = 20
_HOLDS = """
{name} holds, within seconds, in every program that writes to {ledger}:
  - one that calls openrouter_adapter.register() with OPENROUTER_ADAPTER_LEDGER set to it,
  - one that calls ledger.enable() with it,
  - LiteLLM's proxy with openrouter_adapter.proxy.handler and OPENROUTER_ADAPTER_LEDGER set to it.
Requests of other programs pass without being counted."""

_Name = Annotated[str, typer.Argument(help="What the budget is called, in refusals too.")]


@app.command("set")
def set_(
    name: _Name,
    limit: Annotated[str, typer.Option(help="The limit, in USD.", metavar="USD")],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL=VALUE",
            help="Only requests with this job, key, tag, user, end_user, team, organization or "
            "session: tag=batch. Several must all fit; without any, every request counts.",
        ),
    ] = None,
    each: Annotated[
        str | None,
        typer.Option(
            metavar="LABEL",
            help="The limit is for each user, key, team, … by itself; requests without one share "
            "a limit.",
        ),
    ] = None,
    period: Annotated[
        Period, typer.Option(help="What the limit is for; a week is from Monday, UTC.")
    ] = Period.total,
    max_request: Annotated[
        str | None,
        typer.Option(
            metavar="USD",
            help="The most that one request may cost; it bounds requests that have no bound.",
        ),
    ] = None,
    wait: Annotated[
        float,
        typer.Option(min=0, help="Seconds that a request waits for what others hold."),
    ] = 0.0,
    lets_through: Annotated[
        bool,
        typer.Option(
            "--lets-through", help="Requests pass while the ledger can't be written; else not."
        ),
    ] = False,
    where: LedgerOption = None,
) -> None:
    """Sets a budget; one of this name with the same scope and period gets the new limit.

    Says in which programs it will hold.
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
        typer.echo(_HOLDS.format(name=name, ledger=book.store.database.name))


@app.command("show")
def show(
    name: Annotated[str | None, typer.Argument(help="One budget, with its holds.")] = None,
    as_json: JsonOption = False,
    where: LedgerOption = None,
) -> None:
    """Shows budgets in their current period: limit, spent, held, unsettled and left, in USD.

    Held is what requests in the air may yet cost, and what programs have taken in advance.
    Unsettled is the part of it whose program has died, or whose request has ended, without its
    cost being known: reconcile settles it, or release.
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
            _print_holds(book.held(name))


@app.command("release")
def release(
    name: Annotated[str, typer.Argument(help="The budget.")],
    hold: Annotated[
        list[str] | None,
        typer.Option(help="Only this hold, by its id from `budget show`; also one in the air."),
    ] = None,
    yes: YesOption = False,
    where: LedgerOption = None,
) -> None:
    """Gives back what is unsettled. Reconcile first: it finds what was billed.

    A request that was billed after all still counts as spent once that is known.
    """
    with open_ledger(where) as book:
        if not book.budgets(name, most_values=1):
            raise fail(f"There is no budget {name!r}.")
        from openrouter_adapter.report import budgets

        found = budgets.releasable(book.held(name), hold)
        if not found:
            typer.echo("There is nothing to release.")
            return
        _print_holds(found)
        if not yes:
            typer.confirm("Will nothing more be billed for these requests?", abort=True)
        released = book.release([one.hold_id for one in found])
    typer.echo(f"Released {released}.")


@app.command("rm")
def remove(name: _Name, where: LedgerOption = None) -> None:
    """Removes a budget with its holds; what was spent stays in the ledger."""
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
                f"{name}: the {_MOST_VALUES} nearest to the limit; "
                f"`openrouter-adapter budget show {name}` shows all."
            )
    else:
        typer.echo("There are no budgets; `openrouter-adapter budget set` makes one.")


def _print_holds(found: Sequence[HoldState]) -> None:
    from openrouter_adapter.cli._printing import print_table
    from openrouter_adapter.report import budgets

    if found:
        print_table(*budgets.table_of_holds(found), texts=4)
