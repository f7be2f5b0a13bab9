"""Windows of days, weeks and months follow each other without a gap, in UTC."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_adapter.emulator import clock

TIMES = st.integers(0, 4_000_000_000)


@given(TIMES, st.sampled_from(clock.RESETS))
def test_a_window_ends_where_the_next_begins(now: int, reset: str) -> None:
    end = clock.resets_at(reset, now)
    assert end > now
    assert clock.first_day(reset, end - 1) == clock.first_day(reset, now)
    assert clock.first_day(reset, end) == clock.day_of(end)


@given(TIMES)
def test_weeks_begin_on_mondays_and_months_on_the_first(now: int) -> None:
    def began(reset: str) -> datetime:
        seconds = clock.first_day(reset, now) * clock.SECONDS_A_DAY
        return datetime.fromtimestamp(seconds, timezone.utc)

    moment = datetime.fromtimestamp(now, timezone.utc)
    assert began("weekly").weekday() == 0
    assert (began("monthly").day, began("monthly").month) == (1, moment.month)
    assert began("daily").date() == moment.date()


@pytest.mark.parametrize(
    ("seconds", "stamp", "instant"),
    [(0, "1970-01-01T00:00:00.000000+00:00", "1970-01-01T00:00:00.000Z")],
)
def test_the_two_forms_of_a_time(seconds: int, stamp: str, instant: str) -> None:
    assert (clock.timestamp(seconds), clock.instant(seconds)) == (stamp, instant)
