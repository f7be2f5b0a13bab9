"""What may be spent: a limit in USD on everything, or on a job, a key, a tag, a user."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from openrouter_adapter.ledger.errors import LedgerError
from openrouter_adapter.ledger.money import to_pico, to_usd

if TYPE_CHECKING:
    from openrouter_adapter.ledger.database import Database
    from openrouter_adapter.ledger.rows import Row

PERIODS: Final = ("total", "day", "week", "month")
_LONGEST_WAIT: Final = 1e6


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit on what OpenRouter charges for the requests that it applies to.

    It applies to a request that has every label given here; with none, to all. A request under
    several budgets must fit them all.

    Attributes:
        name: What it is called, in refusals too.
        usd: The limit, in USD; with BYOK, what the provider charges counts as well.
        per: `total`, `day`, `week` (from Monday) or `month`, in UTC.
        job: Only this job's requests: `metadata={"job": …}`, or a batch job's name.
        key: Only this key's: its alias at LiteLLM's proxy, or the ledger's short hash of it.
        tag: Only requests with this tag: `metadata={"tags": […]}`.
        user: Only this user's: `user=`.
        max_request_usd: The most that one request may cost, in USD. A request whose worst case
            is more is refused; one whose worst case is not known is held at this.
        wait_seconds: How long a request waits for what others hold, before it is refused.
        lets_through: Whether requests pass while the ledger can't be written; else they don't.
    """

    name: str
    usd: Decimal
    per: str = "total"
    job: str | None = None
    key: str | None = None
    tag: str | None = None
    user: str | None = None
    max_request_usd: Decimal | None = None
    wait_seconds: float = 0.0
    lets_through: bool = False

    def __post_init__(self) -> None:
        """Checks it.

        Raises:
            ValueError: something in it makes no sense; the message says what.
        """
        if not self.name:
            raise ValueError("a budget needs a name")
        if self.per not in PERIODS:
            raise ValueError(f"per={self.per!r}: a budget is per {', '.join(PERIODS)}")
        for amount in (self.usd, self.max_request_usd):
            if amount is not None and (not amount.is_finite() or amount < 0):
                raise ValueError(f"{amount} USD is no limit")
            to_pico(amount or Decimal(0))
        if not 0 <= self.wait_seconds <= _LONGEST_WAIT:
            raise ValueError(f"wait_seconds={self.wait_seconds}: up to {_LONGEST_WAIT:.0f} seconds")

    @property
    def scope(self) -> tuple[str | None, ...]:
        """Which requests count, and for how long; it never changes under one name."""
        return (self.per, self.job, self.key, self.tag, self.user)

    def applies_to(self, row: Row) -> bool:
        """Whether a request counts under this budget."""
        return (
            row.via == "openrouter"
            and self.job in {None, row.job}
            and self.key in {None, row.key_name}
            and self.user in {None, row.user_id}
            and (self.tag is None or self.tag in json.loads(row.tags))
        )

    def period(self, started_at: int) -> str:
        """The period that a moment (microseconds since 1970) is in: `2026-11`, `2026-W47`, …."""
        return period_of(self.per, started_at)


def period_of(per: str, microseconds: int) -> str:
    """The name of the day, week or month, in UTC, that a moment is in."""
    if per == "total":
        return ""
    moment = dt.datetime.fromtimestamp(microseconds / 1_000_000, dt.timezone.utc)
    if per == "week":
        year, week, _ = moment.isocalendar()
        return f"{year}-W{week:02}"
    return moment.strftime("%Y-%m-%d" if per == "day" else "%Y-%m")


def bounds(per: str, period: str) -> tuple[int, int]:
    """When a period begins and when it is over, in microseconds since 1970."""
    if per == "total":
        return 0, 2**62
    if per == "week":
        year, week = period.split("-W")
        start = dt.datetime.fromisocalendar(int(year), int(week), 1)
        end = start + dt.timedelta(days=7)
    elif per == "day":
        start = dt.datetime.strptime(period, "%Y-%m-%d")  # noqa: DTZ007 - set below
        end = start + dt.timedelta(days=1)
    else:
        start = dt.datetime.strptime(period, "%Y-%m")  # noqa: DTZ007 - set below
        end = (start + dt.timedelta(days=31)).replace(day=1)
    first, last = (
        int(moment.replace(tzinfo=dt.timezone.utc).timestamp()) * 1_000_000
        for moment in (start, end)
    )
    return first, last


def save(database: Database, budget: Budget) -> None:
    """Writes a budget, in place of one of the same name; what was spent under it stays.

    Raises:
        LedgerError: the database can't be written, or the name's other budget counts other
            requests or periods: remove that one first.
    """
    from openrouter_adapter.ledger import accounts

    def work(connection: sa.Connection) -> None:
        old = {one.name: one for one in load(connection)}.get(budget.name)
        if old is not None and old.scope != budget.scope:
            raise LedgerError(
                f"there is a budget {budget.name!r} on other requests or another period; "
                "remove it first, or choose another name"
            )
        connection.execute(
            sa.text(
                "INSERT INTO ledger_budgets (name, most, per, job, key_name, tag, user_id, "
                "most_per_request, wait_ms, lets_through) VALUES (:name, :most, :per, :job, "
                ":key_name, :tag, :user_id, :most_per_request, :wait_ms, :lets_through) "
                "ON CONFLICT (name) DO UPDATE SET most = excluded.most, "
                "most_per_request = excluded.most_per_request, wait_ms = excluded.wait_ms, "
                "lets_through = excluded.lets_through"
            ),
            _record(budget),
        )
        if old is None:
            accounts.open_first(connection, budget, budget.period(database.now(connection)))

    database.write(work)


def remove(database: Database, name: str) -> bool:
    """Removes a budget with its holds; tells whether there was one.

    Raises:
        LedgerError: the database can't be written.
    """

    def work(connection: sa.Connection) -> bool:
        # The budget first: who holds under it at this moment is waited for.
        budgets = connection.execute(
            sa.text("DELETE FROM ledger_budgets WHERE name = :name"), {"name": name}
        )
        for table in ("ledger_holds", "ledger_accounts", "ledger_leases"):
            connection.execute(
                sa.text(f"DELETE FROM {table} WHERE budget = :name"),  # noqa: S608 - our names
                {"name": name},
            )
        return budgets.rowcount > 0

    return database.write(work)


def load(connection: sa.Connection, *, is_kept: bool = False) -> list[Budget]:
    """All budgets, by name.

    Args:
        connection: Of the ledger.
        is_kept: Whether none may be removed before this transaction ends.
    """
    lock = " FOR KEY SHARE" if is_kept and connection.dialect.name == "postgresql" else ""
    found = connection.execute(
        sa.text(
            "SELECT name, most, per, job, key_name, tag, user_id, most_per_request, wait_ms, "  # noqa: S608
            f"lets_through FROM ledger_budgets ORDER BY name{lock}"
        )
    )
    return [
        Budget(
            name=one.name,
            usd=to_usd(one.most),
            per=one.per,
            job=one.job,
            key=one.key_name,
            tag=one.tag,
            user=one.user_id,
            max_request_usd=None if one.most_per_request is None else to_usd(one.most_per_request),
            wait_seconds=one.wait_ms / 1000,
            lets_through=bool(one.lets_through),
        )
        for one in found
    ]


def _record(budget: Budget) -> dict[str, object]:
    most = budget.max_request_usd
    return {
        "name": budget.name,
        "most": to_pico(budget.usd),
        "per": budget.per,
        "job": budget.job,
        "key_name": budget.key,
        "tag": budget.tag,
        "user_id": budget.user,
        "most_per_request": None if most is None else to_pico(most),
        "wait_ms": round(budget.wait_seconds * 1000),
        "lets_through": budget.lets_through,
    }
