"""No mark of the spend page's charts lies outside its axes, whatever the ledger holds."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openrouter_adapter.report import charts
from openrouter_adapter.report.series import Series, Slot

if TYPE_CHECKING:
    from openrouter_adapter.report.charts import Chart

START = dt.datetime(2026, 8, 1, tzinfo=dt.timezone.utc)
# Picodollars, from one to a million dollars.
USD = st.integers(0, 10**18).map(lambda pico: Decimal(pico).scaleb(-12))


def series(slots: list[Slot], models: int = 2) -> Series:
    return Series("day", [f"author/model-{place}" for place in range(models)], slots)


@st.composite
def any_series(draw: st.DrawFn) -> Series:
    """Days with whatever was spent on them by two models and by the rest."""
    slots = []
    for day in range(draw(st.integers(1, 40))):
        count = draw(st.integers(0, 10**9))
        spent = draw(st.dictionaries(st.sampled_from([0, 1, None]), USD))
        failures = draw(st.integers(0, count))
        slots.append(Slot(START + dt.timedelta(days=day), spent, count, failures))
    return series(slots)


def is_inside(chart: Chart) -> bool:
    """Tell whether all columns and ticks are within 0 and 100 percent; they are rounded."""
    marks = [
        *(edge for one in chart.rectangles for edge in (one.y, one.y + one.height)),
        *(tick for tick, _ in chart.ticks),
    ]
    return all(-0.01 <= mark <= 100.01 for mark in marks)


@given(any_series())
@settings(max_examples=200, deadline=None)
def test_no_column_and_no_tick_lies_outside(found: Series) -> None:
    assert is_inside(charts.spend(found))
    assert is_inside(charts.requests(found))


@given(st.lists(USD, min_size=1, max_size=30))
def test_no_bar_is_longer_than_its_axis(amounts: list[Decimal]) -> None:
    ordered = sorted(amounts, reverse=True)
    bars = charts.bars([(str(usd), usd, "") for usd in ordered], sum(ordered, Decimal(0)))
    assert all(0 <= bar.percent <= 100 for bar in bars)


@pytest.mark.parametrize("counts", [(129, 60, 30), (1,), (100,), (101, 1), (999_999_999,)])
def test_the_axis_reaches_the_tallest_column(counts: tuple[int, ...]) -> None:
    days = [
        Slot(START + dt.timedelta(days=day), {0: Decimal(count)}, count, 0)
        for day, count in enumerate(counts)
    ]
    for chart in (charts.requests(series(days)), charts.spend(series(days))):
        assert is_inside(chart)
        highest = float(chart.ticks[-1][1].replace(",", "").replace("\N{THIN SPACE}", ""))
        assert highest >= max(counts)
