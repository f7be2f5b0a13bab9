"""A period in whole hours, UTC, that the ledger's sums can be limited to."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final

HOUR: Final = dt.timedelta(hours=1)

_AGO: Final = re.compile(r"(\d{1,5})\s*([hdw])")
_UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}
_FORMS: Final = "2026-11-20, 2026-11-20T15:00, 2026-11, today, yesterday, 24h, 7d or 4w"


@dataclass(frozen=True, slots=True)
class Window:
    """From `since` up to and excluding `until`; None for no bound."""

    since: dt.datetime | None = None
    until: dt.datetime | None = None

    def in_hours(self) -> Window:
        """The smallest window of whole hours around it: every sum then counts the same rows."""
        since, until = self.since, self.until
        if since is not None:
            since = hour_of(since)
        if until is not None and until != hour_of(until):
            until = hour_of(until) + HOUR
        return Window(since, until)


def parse(since: str | None, until: str | None, now: dt.datetime | None = None) -> Window:
    """A window from two moments as people write them, widened to whole hours.

    Args:
        since: A date, a time, a month, `today`, `yesterday`, or how long ago: `24h`, `7d`, `4w`.
        until: In the same form; the first moment that does not count.
        now: The moment to count back from; None for the current time.

    Raises:
        ValueError: a moment is invalid, or the window ends before it begins.
    """
    now = now or dt.datetime.now(dt.timezone.utc)
    window = Window(
        None if since is None else moment(since, now), None if until is None else moment(until, now)
    ).in_hours()
    if window.since and window.until and window.until <= window.since:
        raise ValueError(f"Invalid until {until}: it must be after since {since}")
    return window


def moment(text: str, now: dt.datetime) -> dt.datetime:
    """One moment as people write it; without a time zone it is UTC.

    Raises:
        ValueError: it is invalid.
    """
    word = text.strip()
    today = now.astimezone(dt.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    if word in {"today", "yesterday"}:
        return today - dt.timedelta(days=int(word == "yesterday"))
    try:
        if ago := _AGO.fullmatch(word):
            return now - dt.timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        if re.fullmatch(r"\d{4}-\d{2}", word):
            word += "-01"
        # Python 3.10 does not read the Z of UTC.
        found = dt.datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", word))
        if found.tzinfo is None:
            found = found.replace(tzinfo=dt.timezone.utc)
        return found.astimezone(dt.timezone.utc)
    except (ValueError, OverflowError):
        raise ValueError(f"Invalid moment {text!r}: use {_FORMS}") from None


def hour_of(when: dt.datetime) -> dt.datetime:
    """The beginning of the hour, in UTC."""
    return when.astimezone(dt.timezone.utc).replace(minute=0, second=0, microsecond=0)
