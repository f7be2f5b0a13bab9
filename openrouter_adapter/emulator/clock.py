"""The emulator's time, which tests can advance, and OpenRouter's UTC days, weeks and months."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS_A_DAY = 86_400
RESETS = ("daily", "weekly", "monthly")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Clock:
    """Seconds since 1970: a base clock's and those added by `advance`."""

    def __init__(self, base: Callable[[], float]) -> None:
        """Start at the base clock's time."""
        self._base = base
        self._ahead = 0.0

    def now(self) -> float:
        """Return seconds since 1970."""
        return self._base() + self._ahead

    def advance(self, seconds: float) -> None:
        """Advance the time.

        Raises:
            ValueError: The duration is negative.
        """
        if seconds < 0:
            raise ValueError(
                f"Invalid duration {seconds} seconds: the emulator's clock can only go forward"
            )
        self._ahead += seconds


def day_of(seconds: float) -> int:
    """Return the UTC day, counted from 1970."""
    return int(seconds // SECONDS_A_DAY)


def day_name(day: int) -> str:
    """Return a day, counted from 1970, as `YYYY-MM-DD`."""
    return (_EPOCH + timedelta(days=day)).strftime("%Y-%m-%d")


def first_day(reset: str, now: float) -> int:
    """Return the first day of the current window: today, Monday, or the first of the month."""
    today = day_of(now)
    if reset == "daily":
        return today
    date = _EPOCH + timedelta(days=today)
    return today - (date.weekday() if reset == "weekly" else date.day - 1)


def resets_at(reset: str, now: float) -> float:
    """Return the end of the current window, in seconds since 1970."""
    first = first_day(reset, now)
    if reset != "monthly":
        return (first + (1 if reset == "daily" else 7)) * SECONDS_A_DAY
    date = _EPOCH + timedelta(days=first + 31)
    return date.replace(day=1).timestamp()


def timestamp(seconds: float) -> str:
    """Return a time in the form of keys and guardrails: `2026-01-31T12:00:00.000000+00:00`."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="microseconds")


def instant(seconds: float) -> str:
    """Return a time in the form of generations and budgets: `2026-01-31T12:00:00.000Z`."""
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
