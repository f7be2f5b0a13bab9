"""Queries of the ledger: sums by one dimension, budgets and reservations.

The rollups give the sums by most labels, and take no longer for millions of rows. For sums by user,
end user, session, served model or error, the rows themselves are read.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from openrouter_adapter.ledger import tables
from openrouter_adapter.ledger.balances import load
from openrouter_adapter.ledger.errors import LedgerError
from openrouter_adapter.ledger.rollups import COUNTS, HOUR, MONEY, SUMMED_LABELS, SUMS
from openrouter_adapter.ledger.rows import BILLED, ERROR, ESTIMATE, LABELS, OPEN
from openrouter_adapter.money import to_usd, whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from openrouter_adapter.ledger.budgets import Budget
    from openrouter_adapter.ledger.database import Database


@dataclass(frozen=True, slots=True)
class Spend:
    """A sum of attempts that share a value of a dimension.

    Attributes:
        name: The value: a model, a day as `2026-11-20`, …; None in a grand total.
        billed: USD that OpenRouter took from the credits.
        upstream: USD that provider accounts of your own pay on top (BYOK).
        estimated: USD by LiteLLM's estimates, for other providers' calls.
        saved: USD that hits of LiteLLM's cache and of OpenRouter's saved.
        requests: Attempts, those that failed and cache hits included.
        failures: Of them, those that failed.
        cache_hits: Of them, hits of LiteLLM's cache and of OpenRouter's.
        unknown: Of them, those whose cost is not known: the sums lack it.
        prompt_tokens: Tokens of prompts, cached ones included.
        completion_tokens: Tokens of answers, reasoning and images included.
        reasoning_tokens: Of them, tokens of thought.
        cached_tokens: Prompt tokens read from providers' caches.
        cache_write_tokens: Prompt tokens written to them.
        image_tokens: Tokens of images in answers.
        mean_latency_ms: Milliseconds from sending to the answer's end; None if none was timed.
    """

    name: str | None
    billed: Decimal
    upstream: Decimal
    estimated: Decimal
    saved: Decimal
    requests: int
    failures: int
    cache_hits: int
    unknown: int
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    image_tokens: int
    mean_latency_ms: float | None

    @property
    def total(self) -> Decimal:
        """USD of everything: billed, upstream and estimated."""
        return self.billed + self.upstream + self.estimated


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A budget and its balance in the current period, in USD.

    `held` is what requests in flight may yet cost; `unsettled` is the part of it whose request has
    ended, or whose process has, before its cost was known. Where each value of a label
    has a limit, `value` is whose balance it is: "" for requests that lack the label, None where no
    value was used yet.
    """

    budget: Budget
    period: str
    value: str | None
    spent: Decimal
    held: Decimal
    unsettled: Decimal


@dataclass(frozen=True, slots=True)
class HoldState:
    """A reservation: what a request may yet cost, in USD; `is_unsettled` as in `BudgetState`."""

    hold_id: str
    budget: str
    period: str
    amount: Decimal
    made_at: dt.datetime
    call_id: str
    attempt: int
    model: str
    generation_id: str | None
    is_unsettled: bool


_OF_HOURS: Final = ("model", "provider", "endpoint", "via")
_OF_ROWS: Final = {
    **{name: column for name, column in LABELS.items() if name not in SUMMED_LABELS},
    "served_model": "served_model",
    "error": "error_class",
}
_EVER: Final = 2**62
DIMENSIONS: Final = (*_OF_HOURS, *SUMMED_LABELS, *_OF_ROWS, "day", "hour", "total")
"""What `spend` can sum by."""


def spend(
    database: Database,
    by: str = "model",
    *,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> list[Spend]:
    """Sums by one dimension, the most expensive first; days and hours in order.

    Args:
        database: The ledger's.
        by: One of DIMENSIONS. A request with two tags is in the sums of both.
        since: The first moment that counts; rounded down to the hour where rollups are read.
        until: The first moment that does not, rounded up likewise. Without a time zone: UTC.

    Raises:
        LedgerError: `by` is invalid, or the ledger can't be read.
    """
    if by not in DIMENSIONS:
        raise LedgerError(f"Invalid by={by!r}: use {', '.join(DIMENSIONS)}")
    first, last = bounds(since, until)
    query = (
        _of_rows(_OF_ROWS[by], first, last)
        if by in _OF_ROWS
        else _of_rollups(by, first // HOUR, -(-last // HOUR))
    )
    with database.read() as connection:
        found = [read_spend(record, by) for record in connection.execute(query)]
    if by in {"day", "hour"}:
        return sorted(found, key=lambda one: one.name or "")
    return sorted(found, key=lambda one: (-one.total, one.name or ""))


def _of_rollups(by: str, first: int, last: int) -> sa.Select[Any]:
    table = tables.labels if by in SUMMED_LABELS else tables.hours
    hour = table.c.hour
    column: sa.ColumnElement[Any]
    if by == "total":
        column = sa.literal_column("''")
    elif by == "day":
        column = hour // sa.literal_column("24", sa.Integer)
    else:
        column = table.c["name" if by in SUMMED_LABELS else by]
    query = sa.select(column.label("name"), *sums(table)).where(hour >= first, hour < last)
    if by in SUMMED_LABELS:
        query = query.where(table.c.kind == by)
    return query.having(sa.func.count() > 0) if by == "total" else query.group_by(column)


def sums(table: sa.TableClause) -> list[sa.ColumnElement[Any]]:
    """What a query of the rollups selects, for `read_spend`."""
    return [sa.func.sum(table.c[name]).label(name) for name in SUMS]


def _of_rows(name: str, first: int, last: int) -> sa.Select[Any]:
    column = tables.attempts.c[name]
    query = sa.select(column.label("name"), *sums_of_rows()).group_by(column)
    # Without bounds, the index by time would be a detour to all rows.
    return query if (first, last) == (0, _EVER) else query.where(*within(first, last))


def sums_of_rows() -> list[sa.ColumnElement[Any]]:
    """What a query of the rows selects, for `read_spend`."""
    c = tables.attempts.c
    has_ended, has_failed = c.outcome != OPEN, c.outcome == ERROR
    # Conditions to count rows by, for what is not the sum of a column with the same name.
    counted = {
        "requests": has_ended | c.cost.is_not(None),
        "failures": has_failed,
        "cache_hits": c.cache_hit | c.source_id.is_not(None),
        "unknown": c.cost.is_(None) & has_ended,
        "timed": c.latency_ms.is_not(None),
    }
    money = {
        "billed": sa.case((c.cost_status == BILLED, c.cost), else_=0),
        "estimate": sa.case((c.cost_status == ESTIMATE, c.cost), else_=0),
        "upstream": c.upstream,
        "saved": c.saved,
    }
    counts = {
        one: sa.case((counted[one], 1), else_=0) if one in counted else c[one] for one in COUNTS
    }
    return [
        *(sa.func.sum(term).label(one) for one, term in counts.items()),
        *(part for one, term in money.items() for part in tables.parts(term, one)),
    ]


def within(first: int, last: int) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    """The conditions that rows began between two moments, in microseconds since 1970."""
    started_at = tables.attempts.c.started_at
    return started_at >= first, started_at < last


def read_spend(record: Any, by: str) -> Spend:
    """The `Spend` of a record of `sums`, with the value of the dimension in its column `name`."""
    fields: Mapping[str, Any] = record._mapping
    counts = {name: int(fields[name] or 0) for name in COUNTS}
    money = {
        name: to_usd(whole(int(fields[f"{name}_high"] or 0), int(fields[f"{name}_low"] or 0)))
        for name in MONEY
    }
    latency, timed = counts.pop("latency_ms"), counts.pop("timed")
    return Spend(
        name=_name(fields["name"], by),
        billed=money["billed"],
        upstream=money["upstream"],
        estimated=money["estimate"],
        saved=money["saved"],
        mean_latency_ms=latency / timed if timed else None,
        **counts,
    )


def _name(value: Any, by: str) -> str | None:
    if by == "total":
        return None
    if by in {"day", "hour"}:
        hours = int(value) * (24 if by == "day" else 1)
        moment = dt.datetime.fromtimestamp(hours * 3600, dt.timezone.utc)
        return moment.strftime("%Y-%m-%d" if by == "day" else "%Y-%m-%d %H:00")
    return str(value) if value else None


_reserved, _workers, _attempts = tables.reservations.c, tables.workers.c, tables.attempts.c
# Reservations with their workers and the rows of their attempts, if there are any.
_RESERVATIONS: Final = tables.reservations.outerjoin(
    tables.workers, _workers.id == _reserved.worker
).outerjoin(
    tables.attempts,
    (_attempts.call_id == _reserved.call_id) & (_attempts.hold_id == _reserved.id),
)
_IS_UNSETTLED: Final = sa.or_(
    _workers.is_dead.is_not(False), _attempts.outcome.is_not(None) & (_attempts.outcome != OPEN)
)


def budget_states(
    database: Database, name: str | None = None, *, most_values: int | None = None
) -> list[BudgetState]:
    """Budgets with their balances in the current period; one for each value that was used.

    Args:
        database: The ledger's.
        name: Only this budget's; None for all.
        most_values: The most balances of one budget, those closest to the limit; None for all.
    """
    with database.read() as connection:
        now = database.now(connection)
        return [
            state
            for budget in load(connection)
            if name in {None, budget.name}
            for state in _states(connection, budget, budget.period(now), most_values)
        ]


def _states(
    connection: sa.Connection, budget: Budget, period: str, most_values: int | None
) -> list[BudgetState]:
    # The period's name, and a space and the value where each value has a limit.
    prefix = period if budget.each is None else f"{period} "

    def is_one(columns: Any) -> sa.ColumnElement[bool]:
        of_period = columns.period
        if budget.each is not None:
            of_period = sa.func.substr(of_period, 1, len(prefix))
        return sa.and_(columns.budget == budget.name, of_period == prefix)

    columns = tables.balances.c
    balances = connection.execute(
        sa.select(tables.balances)
        .where(is_one(columns))
        .order_by((columns.spent + columns.held).desc(), columns.period)
        .limit(most_values)
    ).all()
    sums = (
        sa.select(_reserved.period, sa.func.sum(_reserved.amount).label("amount"))
        .select_from(_RESERVATIONS)
        .where(_IS_UNSETTLED, is_one(_reserved))
        .group_by(_reserved.period)
    )
    unsettled = {one.period: int(one.amount) for one in connection.execute(sums)}
    found = [
        BudgetState(
            budget=budget,
            period=period,
            value=None if budget.each is None else one.period.removeprefix(prefix),
            spent=to_usd(one.spent),
            held=to_usd(one.held),
            unsettled=to_usd(unsettled.get(one.period, 0)),
        )
        for one in balances
    ]
    none = to_usd(0)
    return found or [BudgetState(budget, period, None, none, none, none)]


def reserved(database: Database, budget: str | None = None) -> list[HoldState]:
    """The reservations under a budget, or under all, oldest first."""
    query = (
        sa.select(
            tables.reservations,
            _attempts.generation_id,
            _IS_UNSETTLED.label("is_unsettled"),
        )
        .select_from(_RESERVATIONS)
        .order_by(_reserved.made_at, _reserved.id)
    )
    if budget is not None:
        query = query.where(_reserved.budget == budget)
    with database.read() as connection:
        return [
            HoldState(
                hold_id=one.id,
                budget=one.budget,
                period=one.period,
                amount=to_usd(one.amount),
                made_at=dt.datetime.fromtimestamp(one.made_at / 1e6, dt.timezone.utc),
                call_id=one.call_id,
                attempt=one.attempt,
                model=one.model,
                generation_id=one.generation_id,
                is_unsettled=bool(one.is_unsettled),
            )
            for one in connection.execute(query)
        ]


def bounds(since: dt.datetime | None, until: dt.datetime | None) -> tuple[int, int]:
    """The first moment that counts and the first that does not, in microseconds since 1970."""
    return (
        to_microseconds(since) if since else 0,
        to_microseconds(until) if until else _EVER,
    )


def to_microseconds(moment: dt.datetime) -> int:
    """Microseconds since 1970; a moment without a time zone is UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.timezone.utc)
    return round(moment.timestamp() * 1_000_000)
