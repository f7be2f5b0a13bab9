"""What was charged on each UTC day, model by model, as OpenRouter's activity is grouped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from openrouter_adapter.ledger.queries import to_microseconds
from openrouter_adapter.money import PART, to_usd, whole

if TYPE_CHECKING:
    import datetime as dt
    from decimal import Decimal

    from openrouter_adapter.ledger.database import Database

_DAY: Final = 86_400_000_000
_BILLED: Final = "CASE WHEN cost_status = 'billed' THEN cost ELSE 0 END"


@dataclass(frozen=True, slots=True)
class DailyCharge:
    """Attempts of one day at one model, that OpenRouter took.

    Attributes:
        day: Days since 1970, UTC.
        model: The model asked for.
        served_model: The dated model that answered, None where it is not known.
        requests: Attempts that were answered, or were charged although they failed.
        billed: USD that was taken from the credits.
        upstream: USD that provider accounts of your own pay on top (BYOK).
        unknown: Attempts that have ended and whose cost is not known.
        open: Attempts of which nobody has seen the end.
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
    """What was charged by day and model. The rows themselves are read.

    Args:
        database: The ledger's.
        since: The first moment that counts; without a time zone: UTC.
        until: The first moment that does not.
        key_name: Only of the key with this name in the ledger, None for all.

    Raises:
        LedgerError: the ledger can't be read.
    """
    given: dict[str, Any] = {"first": to_microseconds(since), "last": to_microseconds(until)}
    condition = ""
    if key_name is not None:
        condition, given["key"] = " AND key_name = :key", key_name
    parts = ", ".join(
        f"SUM(({term}) / {PART}) AS {name}_high, SUM(({term}) % {PART}) AS {name}_low"
        for name, term in (("billed", _BILLED), ("upstream", "upstream"))
    )
    query = (
        f"SELECT started_at / {_DAY} AS day, model, served_model, "  # noqa: S608 - our names
        "SUM(CASE WHEN outcome IN ('ok', 'left') OR cost > 0 THEN 1 ELSE 0 END) AS requests, "
        "SUM(CASE WHEN cost IS NULL AND outcome <> 'open' THEN 1 ELSE 0 END) AS unknown, "
        f"SUM(CASE WHEN outcome = 'open' THEN 1 ELSE 0 END) AS open, {parts} "
        "FROM ledger_attempts WHERE via = 'openrouter' AND NOT cache_hit "
        f"AND started_at >= :first AND started_at < :last{condition} "
        f"GROUP BY started_at / {_DAY}, model, served_model"
    )
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
            for one in connection.execute(sa.text(query), given)
        ]
