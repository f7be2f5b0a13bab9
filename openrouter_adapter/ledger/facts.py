"""What the spend page is made of: sums by every label at once, latencies, and single requests.

All of it is read from the rows: about ten seconds for a million of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from openrouter_adapter.ledger import tables
from openrouter_adapter.ledger.breakdowns import when
from openrouter_adapter.ledger.queries import sums_of_rows
from openrouter_adapter.ledger.rollups import COUNTS, MONEY
from openrouter_adapter.ledger.rows import ERROR, LEFT, OK, OPEN
from openrouter_adapter.money import whole

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from openrouter_adapter.ledger.database import Database

HOUR: Final = 3_600_000_000
"""Microseconds."""

FAILED: Final = "failed: "
"""Begins the outcome of a request that failed, before its exception's class."""

_c: Final = tables.attempts.c
_OUTCOME: Final = sa.case(
    (_c.outcome == ERROR, sa.literal(FAILED) + sa.func.coalesce(_c.error_class, "no class")),
    (_c.outcome == LEFT, "abandoned"),
    (_c.outcome == OPEN, "in flight"),
    (_c.cache_hit | _c.source_id.is_not(None), "cache hit"),
    else_="answered",
)
_DIMENSIONS: Final[dict[str, sa.ColumnElement[Any]]] = {
    "model": _c.model,
    "provider": _c.provider,
    "endpoint": _c.endpoint,
    "outcome": _OUTCOME,
    "via": _c.via,
    "user": _c.user_id,
    "end_user": _c.end_user_id,
    "team": _c.team,
    "organization": _c.organization,
    "key": _c.key_name,
    "job": _c.job,
    "tag": _c.tags,
}
DIMENSIONS: Final = tuple(_DIMENSIONS)
"""What facts are grouped by, besides time. The value of `tag` is a JSON list, as in a row."""

SUMS: Final = (*MONEY, *COUNTS)
"""The sums of a fact: picodollars, then counts, tokens and milliseconds."""

_LISTED: Final = {
    "started_at": _c.started_at,
    "cost": _c.cost,
    "upstream": _c.upstream,
    **_DIMENSIONS,
    "served_model": _c.served_model,
    "error_code": _c.error_code,
    "generation_id": _c.generation_id,
    "latency_ms": _c.latency_ms,
    "prompt_tokens": _c.prompt_tokens,
    "completion_tokens": _c.completion_tokens,
}
LISTED: Final = tuple(_LISTED)
"""The columns of a single request; `cost` is None if it is unknown."""

_COST: Final = sa.func.coalesce(_c.cost, 0) + _c.upstream
_KINDS: Final = {
    "expensive": (_COST > 0, _COST.desc()),
    "failed": (_c.outcome == ERROR, _c.started_at.desc()),
    "unknown": (_c.cost.is_(None) & (_c.outcome != OPEN), _c.started_at.desc()),
}
KINDS: Final = tuple(_KINDS)
"""The lists of `requests`."""

_IN_FLIGHT: Final = (_c.outcome == OPEN) & _c.cost.is_(None)

# Two digits are enough for a chart, and keep the number of groups small.
_TWO_DIGITS: Final[sa.ColumnElement[int]] = sa.literal_column(
    "CASE WHEN latency_ms < 100 THEN latency_ms "
    "WHEN latency_ms < 1000 THEN latency_ms / 10 * 10 "
    "WHEN latency_ms < 10000 THEN latency_ms / 100 * 100 "
    "WHEN latency_ms < 100000 THEN latency_ms / 1000 * 1000 "
    "ELSE latency_ms / 10000 * 10000 END"
)
# Days, hours and numbers of columns are written into the statement: to PostgreSQL, a parameter in
# GROUP BY is never the same as one in SELECT.
_DAY: Final = (
    _c.started_at
    // sa.literal_column(str(24 * HOUR), sa.Integer)
    * sa.literal_column("24", sa.Integer)
)


class Fact(NamedTuple):
    """Sums of the requests of one hour or day that have the same labels.

    Attributes:
        hour: The beginning, in hours since 1970, UTC.
        values: One of each of DIMENSIONS, None if it is missing.
        sums: One of each of SUMS.
    """

    hour: int
    values: tuple[str | None, ...]
    sums: tuple[int, ...]


def facts(
    database: Database,
    hourly: int,
    *,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> Iterator[Fact]:
    """Sums by day and all DIMENSIONS at once, in no particular order.

    Args:
        database: The ledger's.
        hourly: Sums are by hour from this hour on, and by day before; hours since 1970.
        since: The first moment that counts.
        until: The first moment that does not.

    Raises:
        LedgerError: the ledger can't be read.
    """
    hour = sa.case(
        (
            _c.started_at >= sa.literal_column(str(hourly * HOUR), sa.BigInteger),
            _c.started_at // sa.literal_column(str(HOUR), sa.Integer),
        ),
        else_=_DAY,
    )
    columns = [
        hour.label("started"),
        *(one.label(f"d_{name}") for name, one in _DIMENSIONS.items()),
    ]
    places: list[sa.ColumnElement[Any]] = [
        sa.literal_column(str(place + 1)) for place in range(len(columns))
    ]
    query = (
        sa.select(*columns, *sums_of_rows())
        .where(~_IN_FLIGHT, *when(since, until))
        .group_by(*places)
    )
    with database.read() as connection:
        for record in connection.execute(query.execution_options(yield_per=2000)):
            values = [one or None for one in record[1 : len(columns)]]
            numbers = [int(one or 0) for one in record[len(columns) :]]
            counts, money = numbers[: len(COUNTS)], numbers[len(COUNTS) :]
            amounts = [whole(*money[at : at + 2]) for at in range(0, len(money), 2)]
            yield Fact(int(record[0]), tuple(values), (*amounts, *counts))


def in_flight(
    database: Database,
    *,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> int:
    """How many requests have not ended; no fact counts them.

    Raises:
        LedgerError: the ledger can't be read.
    """
    query = sa.select(sa.func.count()).where(_IN_FLIGHT, *when(since, until))
    with database.read() as connection:
        return int(connection.scalar(query) or 0)


def latencies(
    database: Database,
    *,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> list[tuple[int, str, int, int]]:
    """How many answers took how long: day (hours since 1970), model, milliseconds, answers.

    Milliseconds are cut to two digits. Failures and hits of caches are not counted.

    Raises:
        LedgerError: the ledger can't be read.
    """
    query = (
        sa.select(_DAY.label("day"), _c.model, _TWO_DIGITS.label("ms"), sa.func.count())
        .where(_c.latency_ms.is_not(None), _c.outcome == OK, ~_c.cache_hit, *when(since, until))
        .group_by(sa.literal_column("1"), _c.model, sa.literal_column("3"))
    )
    with database.read() as connection:
        return [
            (int(day), model, int(ms), int(answers))
            for day, model, ms, answers in connection.execute(query)
        ]


def requests(
    database: Database,
    kind: str,
    most: int,
    *,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> list[tuple[Any, ...]]:
    """Single requests, each with the columns LISTED.

    Args:
        database: The ledger's.
        kind: `expensive`, the most expensive first; `failed` or `unknown` (of unknown cost), the
            latest first.
        most: How many at most.
        since: The first moment that counts.
        until: The first moment that does not.

    Raises:
        LedgerError: the ledger can't be read.
    """
    condition, order = _KINDS[kind]
    query = (
        sa.select(*(one.label(f"l_{name}") for name, one in _LISTED.items()))
        .where(condition, *when(since, until))
        .order_by(order, _c.call_id)
        .limit(most)
    )
    with database.read() as connection:
        return [tuple(record) for record in connection.execute(query)]
