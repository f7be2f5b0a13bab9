"""The ledger compared with OpenRouter's activity of the last 30 days, by day and model.

OpenRouter reports completed UTC days only, and only to a provisioning key. See
https://openrouter.ai/docs/api/api-reference/analytics/get-user-activity.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from openrouter_adapter.account import sdk
from openrouter_adapter.ledger import metadata
from openrouter_adapter.ledger.breakdowns import daily_charges
from openrouter_adapter.wire import model_names
from openrouter_adapter.wire.usage import usd

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from openrouter import OpenRouter

    from openrouter_adapter.ledger import Ledger
    from openrouter_adapter.ledger.breakdowns import DailyCharge

DAYS: Final = 30
"""Completed UTC days that OpenRouter's activity covers."""
TOLERANCE: Final = Decimal("0.01")
"""Largest difference in USD for which `Check.agrees` is true."""

# OpenRouter adds up floats; a difference below a millionth of a dollar means nothing.
_NOISE: Final = Decimal("0.000001")


@dataclass(slots=True)
class Charge:
    """Requests of a day and a model, and their cost, according to one side.

    Attributes:
        requests: Number of requests that were answered.
        credits: USD taken from the credits.
        byok: USD charged to your own provider accounts.
    """

    requests: int = 0
    credits: Decimal = Decimal(0)
    byok: Decimal = Decimal(0)

    def add(self, requests: int, credits: Decimal, byok: Decimal) -> None:  # noqa: A002
        """Adds requests and their cost."""
        self.requests += requests
        self.credits += credits
        self.byok += byok


@dataclass(slots=True)
class Comparison:
    """A day and a model according to the ledger and to OpenRouter.

    Attributes:
        day: The day, in UTC.
        model: OpenRouter's name of the model, without a date.
        ledger: Usage according to the ledger.
        openrouter: Usage according to OpenRouter's activity.
        unknown: Number of attempts in the ledger whose cost is unknown.
        open: Number of attempts in the ledger whose end was never recorded.
        reasons: Why the two may differ, the likeliest first; empty if they don't.
    """

    day: dt.date
    model: str
    ledger: Charge = field(default_factory=Charge)
    openrouter: Charge = field(default_factory=Charge)
    unknown: int = 0
    open: int = 0
    reasons: list[str] = field(default_factory=list)

    @property
    def difference(self) -> Decimal:
        """OpenRouter's credits minus the ledger's, in USD."""
        return self.openrouter.credits - self.ledger.credits

    @property
    def byok_difference(self) -> Decimal:
        """The same for charges to your own provider accounts."""
        return self.openrouter.byok - self.ledger.byok

    @property
    def differs(self) -> bool:
        """Whether they differ by more than rounding."""
        return max(abs(self.difference), abs(self.byok_difference)) >= _NOISE


@dataclass(frozen=True, slots=True)
class Check:
    """The ledger compared with OpenRouter's activity.

    Attributes:
        since: The first day, in UTC.
        until: The last day.
        tolerance: The accepted difference in USD.
        comparisons: Sorted by day, the latest first, then by model.
    """

    since: dt.date
    until: dt.date
    tolerance: Decimal
    comparisons: tuple[Comparison, ...]

    @property
    def difference(self) -> Decimal:
        """The sum of absolute differences, in USD: an excess does not compensate for a lack."""
        return sum(
            (
                abs(one.difference) + abs(one.byok_difference)
                for one in self.comparisons
                if one.differs
            ),
            Decimal(0),
        )

    @property
    def agrees(self) -> bool:
        """Whether the difference is within the tolerance."""
        return self.difference <= self.tolerance


@dataclass(frozen=True, slots=True)
class Activity:
    """A row of OpenRouter's activity: a day, a model and a provider."""

    day: dt.date
    model: str
    dated_model: str
    charge: Charge


def check(
    book: Ledger,
    *,
    tolerance: Decimal = TOLERANCE,
    only_key: str | None = None,
    client: OpenRouter | None = None,
    today: dt.date | None = None,
) -> Check:
    """Compares a ledger with OpenRouter's activity of the last 30 completed days.

    Args:
        book: The ledger.
        tolerance: The accepted difference in USD.
        only_key: Compares only requests made with this key; None for all keys.
        client: The SDK with the provisioning key; None for `account.client(provisioning=True)`.
        today: The UTC day that is not complete yet; None for today.

    Raises:
        ImportError: the extra `account` is not installed.
        LedgerError: the ledger can't be read.
        One of LiteLLM's exceptions (see errors.py): OpenRouter doesn't return its activity.
    """
    today = today or dt.datetime.now(dt.timezone.utc).date()
    since = today - dt.timedelta(days=DAYS)
    activity = get_activity(client, only_key=only_key)
    rows = [row for row in activity if since <= row.day < today]
    name = None if only_key is None else metadata.key_name(only_key)
    charges = daily_charges(book.store.database, _start(since), _start(today), key_name=name)
    found = _compared(rows, charges)
    _explain(found)
    return Check(since, today - dt.timedelta(days=1), tolerance, tuple(found))


def get_activity(
    client: OpenRouter | None = None, *, only_key: str | None = None
) -> list[Activity]:
    """OpenRouter's activity, with amounts as exact as in its JSON.

    Args:
        client: The SDK with the provisioning key; None for a new one.
        only_key: Returns only requests made with this key; its hash is sent, not the key.

    Raises:
        ImportError: the extra `account` is not installed.
        One of LiteLLM's exceptions (see errors.py).
    """
    digest = None if only_key is None else hashlib.sha256(only_key.encode()).hexdigest()
    request = sdk.import_sdk().operations.GetUserActivityRequest(api_key_hash=digest)
    with sdk.litellm_errors():
        if client is not None:
            answer = client.analytics.get_user_activity(request=request)
        else:
            with sdk.client(provisioning=True) as made:
                answer = made.analytics.get_user_activity(request=request)
    return [
        Activity(
            dt.date.fromisoformat(row.date_[:10]),
            # Batches count as requests to the model, as in the ledger.
            model_names.without_batch(row.model),
            model_names.without_batch(row.model_permaslug),
            Charge(
                row.requests,
                usd(row.usage) or Decimal(0),
                usd(row.byok_usage_inference) or Decimal(0),
            ),
        )
        for row in answer.data
    ]


def _compared(rows: Sequence[Activity], charges: Iterable[DailyCharge]) -> list[Comparison]:
    found: dict[tuple[dt.date, str], Comparison] = {}

    def at(day: dt.date, model: str) -> Comparison:
        return found.setdefault((day, model), Comparison(day, model))

    for row in rows:
        at(row.day, row.model).openrouter.add(
            row.charge.requests, row.charge.credits, row.charge.byok
        )
    names = _Names(rows)
    for one in charges:
        comparison = at(_EPOCH + dt.timedelta(days=one.day), names.of(one))
        comparison.ledger.add(one.requests, one.billed, one.upstream)
        comparison.unknown += one.unknown
        comparison.open += one.open
    return sorted(found.values(), key=lambda one: (-one.day.toordinal(), one.model))


class _Names:
    """Finds a model's name in OpenRouter's activity; the ledger names it as it was requested."""

    def __init__(self, rows: Iterable[Activity]) -> None:
        self._known: dict[str, set[str]] = {}
        for row in rows:
            for name in (row.model, row.dated_model):
                self._known.setdefault(name, set()).add(row.model)

    def of(self, charge: DailyCharge) -> str:
        asked, served = charge.model, charge.served_model or ""
        for name in (served, asked, served.partition(":")[0], asked.partition(":")[0]):
            if known := self._known.get(name):
                return asked if asked in known else min(known)
        return served or asked


def _explain(found: Sequence[Comparison]) -> None:
    by_place = {(one.day, one.model): one for one in found}
    for one in found:
        if one.differs:
            neighbours = [
                by_place.get((one.day + dt.timedelta(days=by), one.model)) for by in (-1, 1)
            ]
            one.reasons = list(_reasons(one, [other for other in neighbours if other is not None]))


def _reasons(one: Comparison, neighbours: Sequence[Comparison]) -> Iterable[str]:
    more = one.openrouter.requests - one.ledger.requests
    if one.unknown:
        yield (
            f"{_count(one.unknown)} in the ledger without a known cost: "
            "`openrouter-adapter spend reconcile` looks it up"
        )
    if one.open:
        yield (
            f"{_count(one.open)} in the ledger whose end was not recorded: a program died; "
            "`openrouter-adapter spend reconcile` records their cost"
        )
    if any(one.difference * other.difference < 0 for other in neighbours):
        yield (
            "the next or previous day differs the opposite way: requests around midnight UTC, or a "
            "batch, which the ledger has on the day of its submission"
        )
    if more > one.unknown + one.open:
        yield (
            f"{_count(more - one.unknown - one.open)} more at OpenRouter: other programs with "
            "keys of this account, or another ledger"
        )
    if more < 0:
        yield (
            f"{_count(-more)} more in the ledger: the key of another account, or a model that "
            "OpenRouter's activity lists under another name"
        )
    if abs(one.byok_difference) >= _NOISE:
        yield (
            "BYOK: charges to your provider accounts are OpenRouter's estimates, and a response "
            "may lack them"
        )
    if not more and not one.unknown and not one.open and abs(one.difference) >= _NOISE:
        yield "the same number of requests on both sides: OpenRouter changed a charge later"


def _count(requests: int) -> str:
    return "1 request" if requests == 1 else f"{requests} requests"


_EPOCH: Final = dt.date(1970, 1, 1)


def _start(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.timezone.utc)
