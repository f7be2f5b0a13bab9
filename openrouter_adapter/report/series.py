"""Spend and requests over time: hours, days, weeks or months, whichever is readable."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.ledger import breakdowns
from openrouter_adapter.report.window import HOUR, hour_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from openrouter_adapter.ledger import Spend
    from openrouter_adapter.ledger.database import Database
    from openrouter_adapter.report.window import Window

_NAMED: Final = 5
"""Models with a colour of their own; six would be hard to tell apart."""

# A single column would fill the chart.
_FEWEST_SLOTS: Final = 12
_LONGEST: Final = (
    ("hour", dt.timedelta(days=3)),
    ("day", dt.timedelta(days=100)),
    ("week", dt.timedelta(days=700)),
)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)


@dataclass(slots=True)
class Slot:
    """One hour, day, week or month.

    Attributes:
        start: Its beginning.
        spent: USD by the place of the model in the series' names; others under None.
        requests: All of them.
        failures: Of them, those that failed.
    """

    start: dt.datetime
    spent: dict[int | None, Decimal] = field(default_factory=dict)
    requests: int = 0
    failures: int = 0

    @property
    def total(self) -> Decimal:
        """USD of all models."""
        return sum(self.spent.values(), Decimal(0))


@dataclass(frozen=True, slots=True)
class Series:
    """Sums over time.

    Attributes:
        unit: `hour`, `day`, `week` or `month`.
        names: The most expensive models.
        slots: In order, without a gap.
    """

    unit: str
    names: Sequence[str | None]
    slots: Sequence[Slot]


def over_time(
    database: Database, models: Sequence[Spend], window: Window, now: dt.datetime
) -> Series:
    """Sums over time, with the most expensive models separated.

    Raises:
        LedgerError: the ledger can't be read.
    """
    names = [one.name for one in models[:_NAMED] if one.total]
    days = [one[0] for (one, _) in _sums(database, ["day"], window)]
    if not days:
        return Series("day", names, [])
    first, last = _ends(int(min(days)), int(max(days)), window, now)
    unit = _unit(last - first)
    slots = {start: Slot(start) for start in _starts(first, last, unit)}
    places = {name or "": place for place, name in enumerate(names)}
    step = "hour" if unit == "hour" else "day"
    for (number, model), one in _sums(database, [step, "model"], window):
        start = _start(_EPOCH + int(number) * (HOUR if step == "hour" else 24 * HOUR), unit)
        # Another machine's clock may be ahead of this one's.
        slot = slots.setdefault(start, Slot(start))
        place = places.get(model)
        slot.spent[place] = slot.spent.get(place, Decimal(0)) + one.total
        slot.requests += one.requests
        slot.failures += one.failures
    return Series(unit, names, sorted(slots.values(), key=lambda slot: slot.start))


def _sums(
    database: Database, by: Sequence[str], window: Window
) -> list[tuple[tuple[Any, ...], Spend]]:
    return breakdowns.combined(database, by, since=window.since, until=window.until)


def _ends(
    first_day: int, last_day: int, window: Window, now: dt.datetime
) -> tuple[dt.datetime, dt.datetime]:
    """The first and the last hour to show: the window's, or the data's where it is open."""
    first, last = (_EPOCH + day * 24 * HOUR for day in (first_day, last_day))
    end = last + 23 * HOUR
    if window.since is not None:
        first, end = window.since, max(end, now)
    if window.until is not None:
        end = min(end, window.until - HOUR)
    # The rest of the current day would be empty.
    return first, max(last, min(end, hour_of(now)))


def _unit(length: dt.timedelta) -> str:
    for unit, longest in _LONGEST:
        if length <= longest:
            return unit
    return "month"


def _starts(first: dt.datetime, last: dt.datetime, unit: str) -> Iterator[dt.datetime]:
    """The starts of all slots."""
    start, end = _start(first, unit), _start(last, unit)
    found = [start]
    while found[-1] < end:
        found.append(_next(found[-1], unit))
    while len(found) < _FEWEST_SLOTS:
        found.insert(0, _start(found[0] - HOUR, unit))
    yield from found


def _start(when: dt.datetime, unit: str) -> dt.datetime:
    start = hour_of(when)
    if unit == "hour":
        return start
    start = start.replace(hour=0)
    if unit == "week":
        return start - dt.timedelta(days=start.weekday())
    return start.replace(day=1) if unit == "month" else start


def _next(start: dt.datetime, unit: str) -> dt.datetime:
    # The longest of each unit and an hour more is always within the next one.
    longest = {"hour": HOUR, "day": 24 * HOUR, "week": 168 * HOUR, "month": 31 * 24 * HOUR}
    return _start(start + longest[unit], unit)
