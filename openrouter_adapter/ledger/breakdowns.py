"""What was charged by day and model, from the rows themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from openrouter_adapter.ledger import tables
from openrouter_adapter.ledger.queries import (
    bounds,
    to_microseconds,
    within,
)
from openrouter_adapter.ledger.rows import BILLED, LEFT, OK, OPEN
from openrouter_adapter.money import to_usd, whole

if TYPE_CHECKING:
    import datetime as dt
    from decimal import Decimal

    from openrouter_adapter.ledger.database import Database

_DAY: Final = tables.attempts.c.started_at // sa.literal_column("86400000000", sa.Integer)


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


def daily_charges(
    database: Database, since: dt.datetime, until: dt.datetime, *, key_name: str | None = None
) -> list[DailyCharge]:
    """Charges by day and model, read from the rows themselves.

    Args:
        database: The ledger's.
        since: The first moment that counts; without a time zone: UTC.
        until: The first moment that does not.
        key_name: Only charges of the key with this name in the ledger; None for all.

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


def when(
    since: dt.datetime | None, until: dt.datetime | None
) -> tuple[sa.ColumnElement[bool], ...]:
    """Conditions on rows; none without bounds, as the index by time would be a detour."""
    return () if since is None and until is None else within(*bounds(since, until))
