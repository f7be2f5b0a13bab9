"""Cost of attempts that ended before OpenRouter gave them an id: a kill, a timeout.

OpenRouter lists no generations, so such an attempt can't be looked up. But `GET /key` counts what
a key has used in the UTC day, week and month and in total. The part that the ledger's own rows
don't explain is the most that those attempts can have cost together. An attempt is charged only
with that bound, so a budget is never exceeded. Use of the key that the ledger doesn't see makes
the bound too high, never too low.
See https://openrouter.ai/docs/api/api-reference/api-keys/get-current-key.
"""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from openrouter_adapter.ledger import tables
from openrouter_adapter.ledger.rows import BATCHES, BILLED, LEFT, OPEN
from openrouter_adapter.money import to_pico, whole
from openrouter_adapter.wire.usage import usd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from openrouter_adapter.ledger.rows import Row
    from openrouter_adapter.ledger.store import Store

SETTLE_AFTER: Final = 7200.0
"""Seconds after which a request without an answer is assumed to have ended at OpenRouter too.

LiteLLM's default timeout is 6000 seconds.
"""
# Seconds by which OpenRouter's counters may lag, and its clock differ from ours.
_LAG: Final = 300.0
_KEY: Final = "via = 'openrouter' AND COALESCE(paid_by, key_name) = :key"


@dataclass(frozen=True, slots=True)
class _Reserved:
    """What is reserved for an attempt: picodollars, the accounts, and whether its process died."""

    amount: int
    accounts: frozenset[tuple[str, str]]
    is_dead: bool


def reconcile(
    store: Store,
    key: str,
    ask: Callable[[], Mapping[str, Any]],
    *,
    settle_after: float = SETTLE_AFTER,
) -> tuple[int, int]:
    """Finds the cost of attempts without an id, as far as the usage of their key shows it.

    Args:
        store: The ledger.
        key: The short hash of the key that `ask` asks with.
        ask: `api.get_key`; called only if there are such attempts.
        settle_after: See SETTLE_AFTER.

    Returns:
        How many attempts have a cost now, and how many are left.

    Raises:
        LedgerError: the ledger can't be read or written.
        Whatever `ask` raises.
    """
    asked_at = time.time_ns() // 1000
    left = _unknown(store, key, asked_at - round(settle_after * 1e6))
    if not left:
        return 0, 0
    found = len(left)
    lag = round(min(_LAG, settle_after) * 1e6)
    usage = ask()
    for ending, start in _windows(asked_at):
        group = [row for row in left if row.started_at >= start + (lag if start else 0)]
        used = _used(usage, ending)
        if not group or used is None:
            continue
        known = _known(store, key, start + lag, asked_at - lag, round(settle_after * 1e6))
        costs = _shares(group, _reserved(store, group), max(0, used - known))
        if costs is not None:
            store.write([_charged(row, cost) for row, cost in zip(group, costs, strict=True)])
            left = [row for row in left if row not in group]
    return found - len(left), len(left)


def _unknown(store: Store, key: str, before: int) -> list[Row]:
    """Attempts without an id and without a cost that no process is working on any more.

    A batch of OpenRouter's Batch API is not among them: it is charged when it ends, which may be a
    day later.
    """
    rows = store.rows(
        "cost IS NULL AND generation_id IS NULL AND endpoint <> :batches "
        f"AND started_at <= :before AND {_KEY}",
        batches=BATCHES,
        before=before,
        key=key,
    )
    reserved = _reserved(store, rows)
    return [
        row
        for row in rows
        if not row.cache_hit
        and (row.outcome != OPEN or row.hold_id not in reserved or reserved[row.hold_id].is_dead)
    ]


def _reserved(store: Store, rows: Sequence[Row]) -> dict[str | None, _Reserved]:
    """What is reserved for rows, by their `hold_id`."""
    found: dict[str | None, _Reserved] = {}
    reservations, workers = tables.reservations, tables.workers
    query = sa.select(reservations, workers.c.is_dead).select_from(
        reservations.outerjoin(workers, workers.c.id == reservations.c.worker)
    )
    wanted = {row.hold_id for row in rows if row.hold_id}
    if not wanted:
        return found
    with store.database.read() as connection:
        for one in connection.execute(query):
            if one.id in wanted:
                before = found.get(one.id)
                accounts = before.accounts if before else frozenset[tuple[str, str]]()
                found[one.id] = _Reserved(
                    one.amount, accounts | {(one.budget, one.period)}, one.is_dead is not False
                )
    return found


def _windows(now: int) -> Iterator[tuple[str, int]]:
    """The periods that OpenRouter counts, shortest first: the ending of a field, and the start."""
    today = dt.datetime.fromtimestamp(now / 1e6, dt.timezone.utc).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    monday = today - dt.timedelta(days=today.weekday())
    starts = {"_daily": today, "_weekly": monday, "_monthly": today.replace(day=1)}
    for ending, start in sorted(starts.items(), key=lambda one: -one[1].timestamp()):
        yield ending, round(start.timestamp() * 1e6)
    yield "", 0


def _used(usage: Mapping[str, Any], ending: str) -> int | None:
    """Picodollars that a key used in a period, including provider accounts (BYOK)."""
    credits_used, own = usd(usage.get(f"usage{ending}")), usd(usage.get(f"byok_usage{ending}"))
    if credits_used is None:
        return None
    try:
        return to_pico(credits_used) + (to_pico(own) if own is not None else 0)
    except ValueError:
        return None


def _known(store: Store, key: str, start: int, until: int, longest: int) -> int:
    """Picodollars of the rows that OpenRouter's counter certainly includes."""
    c = tables.attempts.c
    ended_at = c.started_at + sa.func.coalesce(c.latency_ms * 1000, longest)
    query = sa.select(*tables.parts(c.cost, "credits"), *tables.parts(c.upstream, "own")).where(
        c.via == "openrouter",
        sa.func.coalesce(c.paid_by, c.key_name) == key,
        c.cost_status == BILLED,
        ~c.cache_hit,
        c.started_at >= start,
        ended_at <= until,
    )
    with store.database.read() as connection:
        high, low, own_high, own_low = (int(one or 0) for one in connection.execute(query).one())
    return whole(high + own_high, low + own_low)


def _shares(
    rows: Sequence[Row], reserved: Mapping[str | None, _Reserved], bound: int
) -> list[int] | None:
    """Costs to record for attempts that together cost at most `bound`, in picodollars.

    Several attempts share the bound in proportion to their worst cases: the sum is right, and so
    is what their budgets count, as all are under the same ones. None if the worst cases are a
    tighter bound.
    """
    if not bound:
        return [0] * len(rows)
    found = [reserved.get(row.hold_id) for row in rows]
    if len(rows) == 1 and (found[0] is None or bound <= found[0].amount):
        return [bound]
    known = [one for one in found if one is not None]
    worst = sum(one.amount for one in known)
    if len(known) < len(rows) or len({one.accounts for one in known}) > 1 or bound > worst:
        return None
    shares = [bound * one.amount // worst for one in known]
    for place, one in enumerate(known):
        rest = bound - sum(shares)
        shares[place] += min(rest, one.amount - shares[place])
    return shares


def _charged(row: Row, cost: int) -> Row:
    return replace(
        row,
        outcome=LEFT if row.outcome == OPEN else row.outcome,
        cost_status=BILLED,
        cost=cost,
        ask_after=None,
    )
