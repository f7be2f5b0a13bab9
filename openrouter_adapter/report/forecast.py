"""When a budget is used up if spending goes on as in the last days."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from openrouter_adapter import money
from openrouter_adapter.ledger import balances
from openrouter_adapter.ledger.budgets import bounds
from openrouter_adapter.report import texts

if TYPE_CHECKING:
    from openrouter_adapter.ledger import BudgetState
    from openrouter_adapter.ledger.database import Database

_HOUR: Final = dt.timedelta(hours=1)
_DAY: Final = dt.timedelta(days=1)
_WEEK: Final = dt.timedelta(days=7)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
# A later date would be more precise than the rate is.
_FARTHEST: Final = dt.timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Forecast:
    """How a budget's period goes on, at the rate of the last day (daily budgets) or 7 days.

    Attributes:
        spent: USD that were spent in that time.
        over: That time; less than a day or 7 days if the ledger is younger.
        reached_at: When the limit is reached; None if not in this period.
        ends_at: When the period ends; None if it never does.
        at_end: USD spent by then; None if it never ends.
    """

    spent: Decimal
    over: dt.timedelta
    reached_at: dt.datetime | None
    ends_at: dt.datetime | None
    at_end: Decimal | None


def of(database: Database, state: BudgetState, now: dt.datetime) -> Forecast:
    """The forecast of a budget in its current period.

    Raises:
        LedgerError: the ledger can't be read.
    """
    budget = state.budget
    longest = _DAY if budget.per == "day" else _WEEK
    name = state.period if budget.each is None else f"{state.period} {state.value}"
    with database.read() as connection:
        first = balances.first_row(connection)
        begun = now if first is None else _EPOCH + dt.timedelta(microseconds=first)
        since = max(now - longest, min(begun, now - _HOUR))
        ends = (_microseconds(since), _microseconds(now))
        found = balances.spent_between(connection, budget, state.period, ends)
    return calculate(state, money.to_usd(found.get(name, 0)), now - since, now)


def calculate(state: BudgetState, spent: Decimal, over: dt.timedelta, now: dt.datetime) -> Forecast:
    """The forecast at the rate of `spent` USD in the time `over`."""
    budget = state.budget
    ends_at = None
    if budget.per != "total":
        ends_at = _EPOCH + dt.timedelta(microseconds=bounds(budget.per, state.period)[1])
    left = budget.usd - state.spent - state.held
    seconds = Decimal(over // dt.timedelta(seconds=1))
    reached_at = now if left <= 0 else None
    if left > 0 and spent > 0:
        until = left * seconds / spent
        if until <= Decimal(_FARTHEST.total_seconds()):
            reached_at = now + dt.timedelta(seconds=int(until))
    if reached_at is not None and ends_at is not None and reached_at >= ends_at:
        reached_at = None
    at_end = None
    if ends_at is not None:
        rest = Decimal(max(ends_at - now, dt.timedelta()) // dt.timedelta(seconds=1))
        at_end = state.spent + spent * rest / seconds
    return Forecast(spent, over, reached_at, ends_at, at_end)


def sentence(state: BudgetState, found: Forecast) -> str:
    """The forecast as the page says it."""
    if state.budget.usd - state.spent - state.held <= 0:
        ends = (
            "" if found.ends_at is None else f" The next period begins on {_moment(found.ends_at)}."
        )
        return f"The limit is reached.{ends}"
    rate = f"the rate of the last {_length(found.over)} ({texts.amount(found.spent)} USD)"
    if not found.spent:
        return f"Nothing was spent in the last {_length(found.over)}."
    if found.reached_at is not None:
        return f"At {rate}, the limit is reached on {_moment(found.reached_at)}."
    if found.at_end is None:
        return f"At {rate}, the limit is not reached within ten years."
    return (
        f"At {rate}, the limit is not reached before the {state.budget.per} ends; by then, about "
        f"{found.at_end:,.2f} USD are spent."
    )


def _moment(when: dt.datetime) -> str:
    return f"{when:%a %d %b %Y, %H:%M} UTC"


def _length(over: dt.timedelta) -> str:
    if over < 2 * _DAY:
        hours = max(1, round(over / _HOUR))
        return "hour" if hours == 1 else f"{hours} hours"
    return f"{round(over / _DAY)} days"


def _microseconds(when: dt.datetime) -> int:
    return (when - _EPOCH) // dt.timedelta(microseconds=1)
