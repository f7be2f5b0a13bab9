"""Finer sums than `queries.spend`: by several dimensions, by day, latencies, what failed where.

The rows themselves are read for latencies and outcomes: some seconds for ten million of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from openrouter_adapter.ledger import tables
from openrouter_adapter.ledger.errors import LedgerError
from openrouter_adapter.ledger.queries import (
    Spend,
    bounds,
    read_spend,
    sums,
    to_microseconds,
    within,
)
from openrouter_adapter.ledger.rollups import HOUR
from openrouter_adapter.ledger.rows import BILLED, LEFT, OK, OPEN
from openrouter_adapter.money import to_usd, whole

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from openrouter_adapter.ledger.database import Database

_HOURS: Final = tables.hours.c
_COLUMNS: Final = {
    "day": _HOURS.hour // sa.literal_column("24", sa.Integer),
    **{name: _HOURS[name] for name in ("hour", "via", "endpoint", "model", "provider")},
}
COMBINED: Final = tuple(_COLUMNS)
"""What `combined` can sum by, several at once."""

# Three digits are enough for a latency, and keep the number of groups small.
_THREE_DIGITS: Final[sa.ColumnElement[int]] = sa.literal_column(
    "CASE WHEN latency_ms < 1000 THEN latency_ms "
    "WHEN latency_ms < 10000 THEN latency_ms / 10 * 10 "
    "WHEN latency_ms < 100000 THEN latency_ms / 100 * 100 "
    "ELSE latency_ms / 1000 * 1000 END"
)
_DAY: Final = tables.attempts.c.started_at // sa.literal_column("86400000000", sa.Integer)


@dataclass(frozen=True, slots=True)
class Latency:
    """How long answers took, from sending to their end, in milliseconds, cut to three digits.

    Attributes:
        model: The model asked for; None for all models together.
        answers: How many answers were timed; failures and hits of LiteLLM's cache are not.
        p50: Half took no longer.
        p90: Nine in ten took no longer.
        p95: 19 in 20 took no longer.
        p99: 99 in 100 took no longer.
        most: The slowest.
    """

    model: str | None
    answers: int
    p50: int
    p90: int
    p95: int
    p99: int
    most: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many attempts at a model ended in one way.

    Attributes:
        outcome: `open`, `error` or `left`.
        error_class: The exception's class, of those that failed.
        model: The model asked for.
        attempts: How many.
    """

    outcome: str
    error_class: str | None
    model: str
    attempts: int


@dataclass(frozen=True, slots=True)
class DailyCharge:
    """Attempts of one day at one model that were sent to OpenRouter.

    Attributes:
        day: Days since 1970, UTC.
        model: The model asked for.
        served_model: The dated model that answered, None where it is not known.
        requests: Attempts that were answered, or were charged although they failed.
        billed: USD that was taken from the credits.
        upstream: USD that provider accounts of your own pay on top (BYOK).
        unknown: Attempts that have ended and whose cost is not known.
        open: Attempts whose end was not recorded.
    """

    day: int
    model: str
    served_model: str | None
    requests: int
    billed: Decimal
    upstream: Decimal
    unknown: int
    open: int


def combined(
    database: Database,
    by: Sequence[str],
    *,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> list[tuple[tuple[Any, ...], Spend]]:
    """Sums by several dimensions at once, from the rollups.

    Args:
        database: The ledger's.
        by: Some of COMBINED. Hours and days are given as their number since
            1970, an unknown provider as "".
        since: The first moment that counts, rounded down to the hour.
        until: The first moment that does not, rounded up to the hour. Without a time zone: UTC.

    Returns:
        The values of the dimensions, and their sum, in no order.

    Raises:
        LedgerError: a dimension is invalid, or the ledger can't be read.
    """
    if not by or not set(by) <= set(COMBINED):
        raise LedgerError(f"Invalid by={list(by)}: use some of {', '.join(COMBINED)}")
    first, last = bounds(since, until)
    columns = [_COLUMNS[name] for name in by]
    query = (
        sa.select(*columns, sa.literal_column("''").label("name"), *sums(tables.hours))
        .where(_HOURS.hour >= first // HOUR, _HOURS.hour < -(-last // HOUR))
        .group_by(*columns)
    )
    with database.read() as connection:
        return [
            (tuple(record[: len(by)]), read_spend(record, "total"))
            for record in connection.execute(query)
        ]


def daily_charges(
    database: Database, since: dt.datetime, until: dt.datetime, *, key_name: str | None = None
) -> list[DailyCharge]:
    """What was charged by day and model. The rows themselves are read.

    Args:
        database: The ledger's.
        since: The first moment that counts; without a time zone: UTC.
        until: The first moment that does not.
        key_name: Only of the key with this name in the ledger, None for all.

    Raises:
        LedgerError: the ledger can't be read.
    """
    c = tables.attempts.c
    has_answered = c.outcome.in_((OK, LEFT)) | (c.cost > 0)
    counts = {
        "requests": has_answered,
        "unknown": c.cost.is_(None) & (c.outcome != OPEN),
        "open": c.outcome == OPEN,
    }
    query = (
        sa.select(
            _DAY.label("day"),
            c.model,
            c.served_model,
            *(sa.func.sum(sa.case((one, 1), else_=0)).label(name) for name, one in counts.items()),
            *tables.parts(sa.case((c.cost_status == BILLED, c.cost), else_=0), "billed"),
            *tables.parts(c.upstream, "upstream"),
        )
        .where(c.via == "openrouter", ~c.cache_hit)
        .where(*within(to_microseconds(since), to_microseconds(until)))
        .group_by(_DAY, c.model, c.served_model)
    )
    if key_name is not None:
        query = query.where(c.key_name == key_name)
    with database.read() as connection:
        return [
            DailyCharge(
                day=int(one.day),
                model=one.model,
                served_model=one.served_model,
                requests=int(one.requests),
                billed=to_usd(whole(int(one.billed_high or 0), int(one.billed_low or 0))),
                upstream=to_usd(whole(int(one.upstream_high or 0), int(one.upstream_low or 0))),
                unknown=int(one.unknown),
                open=int(one.open),
            )
            for one in connection.execute(query)
        ]


def latencies(
    database: Database,
    *,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> list[Latency]:
    """Percentiles of the answers' latencies: of all first, then by model, the busiest first.

    Raises:
        LedgerError: the ledger can't be read.
    """
    c = tables.attempts.c
    query = (
        sa.select(c.model, _THREE_DIGITS.label("ms"), sa.func.count().label("answers"))
        .where(c.latency_ms.is_not(None), c.outcome == OK, ~c.cache_hit, *_when(since, until))
        .group_by(c.model, _THREE_DIGITS)
    )
    every: dict[int, int] = {}
    by_model: dict[str, dict[int, int]] = {}
    with database.read() as connection:
        for model, ms, answers in connection.execute(query):
            by_model.setdefault(model, {})[int(ms)] = int(answers)
            every[int(ms)] = every.get(int(ms), 0) + int(answers)
    if not every:
        return []
    found = [_latency(model, counts) for model, counts in by_model.items()]
    found.sort(key=lambda one: (-one.answers, one.model))
    return [_latency(None, every), *found]


def _latency(model: str | None, counts: Mapping[int, int]) -> Latency:
    ordered = sorted(counts.items())
    answers = sum(counts.values())

    def at(percent: int) -> int:
        # The nearest rank: the first value that this share of answers does not exceed.
        rank, seen = -(-answers * percent // 100), 0
        for ms, number in ordered:
            seen += number
            if seen >= rank:
                return ms
        return ordered[-1][0]

    return Latency(model, answers, at(50), at(90), at(95), at(99), ordered[-1][0])


def outcomes(
    database: Database,
    *,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> list[Outcome]:
    """Numbers of attempts that did not end well, by outcome, exception class and model.

    The most frequent come first.

    Raises:
        LedgerError: the ledger can't be read.
    """
    c = tables.attempts.c
    # Nearly all went well, and a database sorts what it groups.
    kinds = (c.outcome, c.error_class, c.model)
    query = sa.select(*kinds, sa.func.count()).where(c.outcome != OK, *_when(since, until))
    with database.read() as connection:
        found = [
            Outcome(outcome, error_class, model, int(attempts))
            for outcome, error_class, model, attempts in connection.execute(query.group_by(*kinds))
        ]
    return sorted(found, key=lambda one: (-one.attempts, one.error_class or "", one.model))


def _when(
    since: dt.datetime | None, until: dt.datetime | None
) -> tuple[sa.ColumnElement[bool], ...]:
    """Conditions on rows; none without bounds, as the index by time would be a detour."""
    return () if since is None and until is None else within(*bounds(since, until))
