"""What the ledger can be asked: sums by anything, single rows, budgets and holds.

Sums by model, provider, endpoint, tag, key, job, team, organization, hour and day come from the
rollups and take no longer for millions of rows; by user, end user, session or served model the
rows themselves are read.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from openrouter_adapter.ledger import balances
from openrouter_adapter.ledger.errors import LedgerError
from openrouter_adapter.ledger.rollups import COUNTS, HOUR, MONEY, SUMMED_LABELS
from openrouter_adapter.ledger.rows import LABELS
from openrouter_adapter.money import PART, to_usd, whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from openrouter_adapter.ledger.budgets import Budget
    from openrouter_adapter.ledger.database import Database


@dataclass(frozen=True, slots=True)
class Spend:
    """A sum of attempts that have something in common.

    Attributes:
        name: What they have in common: a model, a day as `2026-11-20`, …; None in a grand total.
        billed: USD that OpenRouter took from the credits.
        upstream: USD that provider accounts of your own pay on top (BYOK).
        estimated: USD that LiteLLM reckons for other providers' calls.
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
        mean_latency_ms: Milliseconds from sending to the answer's end; None where none is timed.
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
    ended, or whose process has, without anybody knowing what it cost. Where each value of a label
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
    """A hold: what a request may yet cost, in USD; `is_unsettled` as in `BudgetState`."""

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


# Which rollup knows it, and by which column.
_OF_HOURS: Final = {"model": "model", "provider": "provider", "endpoint": "endpoint", "via": "via"}
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
    """Sums by one dimension, the dearest first; days and hours in their order.

    Args:
        database: The ledger's.
        by: One of DIMENSIONS. A request with two tags is in the sums of both.
        since: The first moment that counts; rounded down to the hour where rollups are read.
        until: The first moment that does not, rounded up likewise. Without a time zone: UTC.

    Raises:
        LedgerError: `by` is no dimension, or the ledger can't be read.
    """
    if by not in DIMENSIONS:
        raise LedgerError(f"by={by!r}: the ledger sums by {', '.join(DIMENSIONS)}")
    first, last = bounds(since, until)
    if by in _OF_ROWS:
        query, given = _query_of_rows(_OF_ROWS[by], first, last)
    else:
        query, given = _query_of_rollups(by, first // HOUR, -(-last // HOUR))
    with database.read() as connection:
        found = [read_spend(record, by) for record in connection.execute(sa.text(query), given)]
    if by in {"day", "hour"}:
        return sorted(found, key=lambda one: one.name or "")
    return sorted(found, key=lambda one: (-one.total, one.name or ""))


def _query_of_rollups(by: str, first: int, last: int) -> tuple[str, dict[str, Any]]:
    table, condition = "ledger_hours", ""
    given: dict[str, Any] = {"first": first, "last": last}
    if by in SUMMED_LABELS:
        table, column, condition = "ledger_labels", "name", "kind = :kind AND "
        given["kind"] = by
    elif by == "total":
        column = "''"
    elif by in {"day", "hour"}:
        column = "hour / 24" if by == "day" else "hour"
    else:
        column = _OF_HOURS[by]
    return (
        f"SELECT {column} AS name, {sums()} FROM {table} "  # noqa: S608 - our names
        f"WHERE {condition}hour >= :first AND hour < :last "
        + ("HAVING COUNT(*) > 0" if by == "total" else f"GROUP BY {column}")
    ), given


def sums() -> str:
    """What a query of the rollups selects, for `read_spend`."""
    counts = ", ".join(f"SUM({name}) AS {name}" for name in COUNTS)
    parts = ", ".join(
        f"SUM({name}_{part}) AS {name}_{part}" for name in MONEY for part in ("high", "low")
    )
    return f"{counts}, {parts}"


def _query_of_rows(column: str, first: int, last: int) -> tuple[str, dict[str, Any]]:
    condition, given = "", {}
    if first > 0 or last < _EVER:
        # Without bounds the index by time would be a detour to all of the rows.
        condition = "WHERE started_at >= :first AND started_at < :last "
        given = {"first": first, "last": last}
    counted = {
        "requests": "CASE WHEN outcome = 'open' AND cost IS NULL THEN 0 ELSE 1 END",
        "failures": "CASE WHEN outcome = 'error' THEN 1 ELSE 0 END",
        "cache_hits": "CASE WHEN cache_hit OR source_id IS NOT NULL THEN 1 ELSE 0 END",
        "unknown": "CASE WHEN cost IS NULL AND outcome <> 'open' THEN 1 ELSE 0 END",
        "timed": "CASE WHEN latency_ms IS NULL THEN 0 ELSE 1 END",
    }
    money = {
        "billed": "CASE WHEN cost_status = 'billed' THEN cost ELSE 0 END",
        "estimate": "CASE WHEN cost_status = 'estimate' THEN cost ELSE 0 END",
        "upstream": "upstream",
        "saved": "saved",
    }
    counts = ", ".join(f"COALESCE(SUM({counted.get(name, name)}), 0) AS {name}" for name in COUNTS)
    parts = ", ".join(
        f"SUM(({term}) / {PART}) AS {name}_high, SUM(({term}) % {PART}) AS {name}_low"
        for name, term in money.items()
    )
    return (
        f"SELECT {column} AS name, {counts}, {parts} FROM ledger_attempts "  # noqa: S608 - our names
        f"{condition}GROUP BY {column}"
    ), given


def read_spend(record: Any, by: str) -> Spend:
    """A record of the sums of `sums`, with what they have in common in its column `name`."""
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


# With the worker of each, and the row of its attempt, where there is one yet.
_HOLDS: Final = (
    "FROM ledger_holds AS hold LEFT JOIN ledger_workers AS worker ON worker.id = hold.worker "
    "LEFT JOIN ledger_attempts AS attempt "
    "ON attempt.call_id = hold.call_id AND attempt.hold_id = hold.id"
)
_IS_UNSETTLED: Final = (
    "(COALESCE(worker.is_dead, TRUE) OR COALESCE(attempt.outcome, 'open') <> 'open')"
)


def budget_states(
    database: Database, name: str | None = None, *, most_values: int | None = None
) -> list[BudgetState]:
    """Budgets with their accounts of the period that now is; one for each value that was used.

    Args:
        database: The ledger's.
        name: Only this budget's; None for all.
        most_values: How many accounts of one budget, those nearest to the limit; None for all.
    """
    with database.read() as connection:
        now = database.now(connection)
        return [
            state
            for budget in balances.load(connection)
            if name in {None, budget.name}
            for state in _states(connection, budget, budget.period(now), most_values)
        ]


def _states(
    connection: sa.Connection, budget: Budget, period: str, most_values: int | None
) -> list[BudgetState]:
    given: dict[str, Any] = {"budget": budget.name, "period": period, "most": most_values or _EVER}
    is_one = "{}.budget = :budget AND {}.period = :period"
    if budget.each is not None:
        # The period's name, a space, and the value.
        given["period"], given["length"] = f"{period} ", len(period) + 1
        is_one = "{}.budget = :budget AND SUBSTR({}.period, 1, :length) = :period"
    accounts = connection.execute(
        sa.text(
            f"SELECT period, spent, held FROM ledger_accounts AS account "  # noqa: S608
            f"WHERE {is_one.format('account', 'account')} "
            "ORDER BY spent + held DESC, period LIMIT :most"
        ),
        given,
    ).fetchall()
    unsettled = {
        one.period: int(one.amount)
        for one in connection.execute(
            sa.text(
                f"SELECT hold.period, SUM(hold.amount) AS amount {_HOLDS} WHERE {_IS_UNSETTLED} "
                f"AND {is_one.format('hold', 'hold')} GROUP BY hold.period"
            ),
            given,
        )
    }
    found = [
        BudgetState(
            budget=budget,
            period=period,
            value=None if budget.each is None else one.period.removeprefix(given["period"]),
            spent=to_usd(one.spent),
            held=to_usd(one.held),
            unsettled=to_usd(unsettled.get(one.period, 0)),
        )
        for one in accounts
    ]
    none = to_usd(0)
    return found or [BudgetState(budget, period, None, none, none, none)]


def holds(database: Database, budget: str | None = None) -> list[HoldState]:
    """The holds of a budget, or of all of them, oldest first."""
    condition = "" if budget is None else "WHERE hold.budget = :budget "
    query = (
        "SELECT hold.id, hold.budget, hold.period, hold.amount, hold.made_at, hold.call_id, "
        f"hold.attempt, hold.model, attempt.generation_id, {_IS_UNSETTLED} AS is_unsettled "
        f"{_HOLDS} {condition}ORDER BY hold.made_at, hold.id"
    )
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
            for one in connection.execute(
                sa.text(query), {} if budget is None else {"budget": budget}
            )
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
