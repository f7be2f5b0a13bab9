"""Budgets: limits in USD on all requests, on those with a label, or on each value of a label."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from openrouter_adapter.ledger.rows import LABELS, values_in
from openrouter_adapter.money import to_pico

if TYPE_CHECKING:
    from openrouter_adapter.ledger.rows import Row

PERIODS: Final = ("total", "day", "week", "month")
_LONGEST_WAIT: Final = 1e6


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit on what OpenRouter charges for the requests that it applies to.

    It applies to a request that has every label given here; with none, to all. A request under
    several budgets must fit them all.

    Attributes:
        name: Its name, which refusals mention.
        usd: The limit, in USD; with BYOK, what the provider charges counts as well.
        per: `total`, `day`, `week` (from Monday) or `month`, in UTC.
        job: Only this job's requests: `metadata={"job": …}`, or a batch job's name.
        key: Only this key's: its alias at LiteLLM's proxy, or the ledger's short hash of it.
        tag: Only requests with this tag: `metadata={"tags": […]}`.
        user: Only this user's: the one whose key LiteLLM's proxy authenticated; without a proxy,
            the one that the request names with `user=`.
        end_user: Only this user's, as the request names it, at a proxy too.
        team: Only this team's at LiteLLM's proxy, by its alias, else its id.
        organization: Only this organization's there, likewise.
        session: Only this session's: `session_id=` or `litellm_session_id=`.
        each: A label, such as `user`. The limit is then for each value of the label by itself;
            requests that lack the label share one limit.
        or_end_user: Whether `user` also stands for an end user of that name. True of budgets
            that are older than the distinction.
        max_request_usd: The most that one request may cost, in USD. A request whose worst case
            is more is refused; one whose worst case is not known reserves this.
        wait_seconds: How long a request waits for others' reservations to end before it is refused.
        lets_through: Whether requests are sent while the ledger can't be written.
    """

    name: str
    usd: Decimal
    per: str = "total"
    job: str | None = None
    key: str | None = None
    tag: str | None = None
    user: str | None = None
    end_user: str | None = None
    team: str | None = None
    organization: str | None = None
    session: str | None = None
    each: str | None = None
    or_end_user: bool = False
    max_request_usd: Decimal | None = None
    wait_seconds: float = 0.0
    lets_through: bool = False

    def __post_init__(self) -> None:
        """Validates the fields.

        Raises:
            ValueError: a field is invalid; the message names it.
        """
        if not self.name:
            raise ValueError("Invalid name: a budget's name can't be empty")
        if self.per not in PERIODS:
            raise ValueError(f"Invalid per={self.per!r}: use {', '.join(PERIODS)}")
        if self.each is not None and self.each not in LABELS:
            raise ValueError(f"Invalid each={self.each!r}: use {', '.join(LABELS)}")
        if self.each is not None and getattr(self, self.each) is not None:
            raise ValueError(f"Invalid each={self.each!r}: the budget is on one {self.each} only")
        for amount in (self.usd, self.max_request_usd):
            if amount is not None and (not amount.is_finite() or amount < 0):
                raise ValueError(f"Invalid limit {amount}: it must be finite and not negative")
            to_pico(amount or Decimal(0))
        if not 0 <= self.wait_seconds <= _LONGEST_WAIT:
            raise ValueError(
                f"Invalid wait_seconds={self.wait_seconds}: use 0 to {_LONGEST_WAIT:.0f}"
            )

    @property
    def labels(self) -> dict[str, str]:
        """The labels that a request must have, by the names of rows.LABELS."""
        found = ((name, getattr(self, name)) for name in LABELS)
        return {name: value for name, value in found if value is not None}

    @property
    def scope(self) -> tuple[object, ...]:
        """Which requests count, and for how long; it never changes under one name."""
        return (self.per, self.each, self.labels)

    def applies_to(self, row: Row) -> bool:
        """Whether a request counts under this budget."""
        return row.via == "openrouter" and all(
            value in row.values_of(name)
            or (name == "user" and self.or_end_user and value == row.end_user_id)
            for name, value in self.labels.items()
        )

    def period(self, started_at: int) -> str:
        """The period that a moment (microseconds since 1970) is in: `2026-11`, `2026-W47`, …."""
        return period_of(self.per, started_at)

    def accounts(self, row: Row) -> list[Account]:
        """The accounts that a request counts in: one, or one for each value of a label."""
        column = None if self.each is None else getattr(row, LABELS[self.each])
        periods = periods_of(self, self.period(row.started_at), column)
        return [(self.name, period) for period in periods]


Account = tuple[str, str]
"""The names of a budget and a period, the latter with a value if each value has a limit."""


def periods_of(budget: Budget, period: str, column: str | None) -> list[str]:
    """The names of the accounts' periods: `2026-11-20`, or `2026-11-20 ann` for ann's own.

    Args:
        budget: Whose accounts they are.
        period: As `period_of` names it.
        column: The label's column of a row, if each value of a label has an account.
    """
    if budget.each is None:
        return [period]
    return [f"{period} {value}" for value in values_in(budget.each, column) or [""]]


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
    """The beginning and the end of a period, in microseconds since 1970."""
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
