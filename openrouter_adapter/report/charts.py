"""Sums as shapes: where columns, bars and their labels stand, in percent of their frame.

Shapes only: every figure in a label is text of `texts`, exact, and never measured off a shape.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.report import texts

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from openrouter_adapter.ledger.breakdowns import Latency, Outcome
    from openrouter_adapter.report.series import Series

_TICKS: Final = 6
_LABELS: Final = 6
_GAP: Final = 0.16
MOST_BARS: Final = 8
OTHERS: Final = "others"
_FORMS: Final = {
    "hour": ("%H:%M", "%a %d %b %Y, %H:%M UTC"),
    "day": ("%d %b", "%a %d %b %Y"),
    "week": ("%d %b", "week from %d %b %Y"),
    "month": ("%b %y", "%B %Y"),
}


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A part of a column: `x` and `width` in columns, `y` and `height` in percent."""

    x: float
    y: float
    width: float
    height: float
    style: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Columns over time.

    Attributes:
        width: How many columns.
        rectangles: Their parts.
        tips: What each column says when it is pointed at, line by line.
        ticks: Height in percent, and text.
        labels: Place in percent, and text.
        summary: What it shows, for those who don't see it.
    """

    width: int
    rectangles: Sequence[Rectangle]
    tips: Sequence[str]
    ticks: Sequence[tuple[float, str]]
    labels: Sequence[tuple[float, str]]
    summary: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One of several bars below each other.

    Attributes:
        name: What it stands for; None for no name.
        percent: Its length.
        figure: The exact figure: an `Amount`, or a text.
        note: What else is to be said.
        is_others: Whether it is the rest.
    """

    name: str | None
    percent: float
    figure: Any
    note: str = ""
    is_others: bool = False


def spend(series: Series) -> Chart:
    """USD over time, with a colour for each of the most expensive models."""
    title = _FORMS[series.unit][1]
    stacks, tips = [], []
    for slot in series.slots:
        parts = [
            (str(place), slot.spent.get(place, Decimal(0))) for place in range(len(series.names))
        ]
        parts.append(("o", slot.spent.get(None, Decimal(0))))
        stacks.append(parts)
        lines = [f"{slot.start:{title}}", f"{texts.amount(slot.total)} USD"]
        lines += [
            f"{texts.visible(name or 'no model')}: {texts.amount(part)}"
            for name, (_, part) in zip([*series.names, OTHERS], parts, strict=True)
            if part
        ]
        tips.append("\n".join(lines))
    total = sum((slot.total for slot in series.slots), Decimal(0))
    summary = f"USD by {series.unit}, {_range(series)}; {texts.amount(total)} in all."
    return _columns(
        series, stacks, tips, summary, lambda usd, step: str(texts.amount(usd, _of(step)))
    )


def requests(series: Series) -> Chart:
    """Requests over time, those that failed on top."""
    title = _FORMS[series.unit][1]
    stacks, tips = [], []
    for slot in series.slots:
        fine = slot.requests - slot.failures
        stacks.append([("fine", Decimal(fine)), ("failed", Decimal(slot.failures))])
        tips.append(
            f"{slot.start:{title}}\n{texts.count(slot.requests)} requests\n"
            f"{texts.count(slot.failures)} failed"
        )
    total = sum(slot.requests for slot in series.slots)
    failed = sum(slot.failures for slot in series.slots)
    summary = (
        f"Requests by {series.unit}, {_range(series)}; {texts.count(total)} in all, "
        f"{texts.count(failed)} failed."
    )
    return _columns(series, stacks, tips, summary, lambda number, _: texts.count(int(number)), True)


def _range(series: Series) -> str:
    form = _FORMS[series.unit][1]
    return f"{series.slots[0].start:{form}} to {series.slots[-1].start:{form}}"


def _of(step: Decimal) -> int:
    return max(0, -int(step.normalize().as_tuple().exponent))


def _columns(
    series: Series,
    stacks: Sequence[Sequence[tuple[str, Decimal]]],
    tips: Sequence[str],
    summary: str,
    label: Callable[[Decimal, Decimal], str],
    is_whole: bool = False,
) -> Chart:
    highest = max(
        (sum((part for _, part in one), Decimal(0)) for one in stacks), default=Decimal(0)
    )
    step = _step(highest, is_whole)
    top = step * (math.ceil(highest / step) if highest else _TICKS)
    rectangles = []
    for place, parts in enumerate(stacks):
        y = 100.0
        for style, part in parts:
            height = float(100 * part / top)
            if part:
                y -= height
                rectangles.append(
                    Rectangle(place + _GAP / 2, round(y, 3), 1 - _GAP, round(height, 3), style)
                )
    ticks = [
        (float(100 * number * step / top), label(number * step, step))
        for number in range(int(top / step) + 1)
    ]
    starts = [slot.start for slot in series.slots]
    return Chart(len(stacks), rectangles, tips, ticks, _labels(series.unit, starts), summary)


def _step(highest: Decimal, is_whole: bool) -> Decimal:
    """The distance of grid lines: 1, 2 or 5 times a power of ten."""
    if not highest:
        return Decimal(1) if is_whole else Decimal("0.25")
    least = highest / _TICKS
    power = Decimal(10) ** least.adjusted()
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= least)
    return max(step, Decimal(1)) if is_whole else step


def _labels(unit: str, starts: Sequence[dt.datetime]) -> list[tuple[float, str]]:
    form = _FORMS[unit][0]
    every = -(-len(starts) // _LABELS)
    found = []
    for place in range(0, len(starts), max(every, 1)):
        start = starts[place]
        text = f"{start:{form}}"
        if unit == "hour" and (place == 0 or start.date() != starts[place - every].date()):
            text = f"{start:%d %b}\n{text}"
        found.append((round(100 * (place + 0.5) / len(starts), 2), text))
    return found


def bars(found: Sequence[tuple[str | None, Decimal, str]], total: Decimal) -> list[Bar]:
    """Bars of USD, the most expensive first; the rest in one.

    Args:
        found: Name, USD and a note, the most expensive first.
        total: USD of all.
    """
    charged = [one for one in found if one[1]]
    # A rest of one is shown by its name.
    shown = charged if len(charged) <= MOST_BARS + 1 else charged[:MOST_BARS]
    rest = total - sum((usd for _, usd, _ in shown), Decimal(0))
    left = len(charged) - len(shown)
    column = texts.amounts([usd for _, usd, _ in shown] + ([rest] if left else []))
    longest = max([usd for _, usd, _ in shown] + ([rest] if left else []), default=Decimal(0))
    result = [
        Bar(name, _percent(usd, longest), figure, note)
        for (name, usd, note), figure in zip(shown, column, strict=False)
    ]
    if left:
        note = f"{left} more"
        result.append(Bar(OTHERS, _percent(rest, longest), column[-1], note, is_others=True))
    return result


def _percent(part: Decimal, whole: Decimal) -> float:
    return round(float(100 * part / whole), 2) if whole else 0.0


@dataclass(frozen=True, slots=True)
class Span:
    """The latencies of a model on a logarithmic scale, in percent: from p50 to p95, and p99."""

    latency: Latency
    start: float
    length: float
    mark: float


def spans(latencies: Sequence[Latency]) -> list[Span]:
    """Latencies of all requests and of the busiest models."""
    shown = latencies[: MOST_BARS + 1]
    if not shown:
        return []
    low = math.log(max(1, min(one.p50 for one in shown)))
    high = math.log(max(2, *(one.p99 for one in shown)))
    # Some room on both sides, so that the fastest is a bar too.
    low, high = low - 0.1 * (high - low) - 0.1, high + 0.02 * (high - low) + 0.02

    def place(ms: int) -> float:
        return round(100 * (math.log(max(1, ms)) - low) / (high - low), 2)

    return [
        Span(one, place(one.p50), max(0.8, place(one.p95) - place(one.p50)), place(one.p99))
        for one in shown
    ]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Numbers of each exception by model, those with the most first.

    Attributes:
        models: The columns; None stands for all others.
        rows: Exception class, a number for each column with its share of the largest, and the
            sum of the row.
        more: How many exception classes are not shown.
    """

    models: Sequence[str | None]
    rows: Sequence[tuple[str | None, Sequence[tuple[int, float]], int]]
    more: int


def failures(outcomes: Sequence[Outcome]) -> Matrix:
    """Failed requests by exception class and model."""
    failed = [one for one in outcomes if one.outcome == "error"]
    by_model: dict[str, int] = {}
    by_class: dict[str | None, int] = {}
    cells: dict[tuple[str | None, str | None], int] = {}
    for one in failed:
        by_model[one.model] = by_model.get(one.model, 0) + one.attempts
        by_class[one.error_class] = by_class.get(one.error_class, 0) + one.attempts
    named = sorted(by_model, key=lambda name: (-by_model[name], name))[: MOST_BARS - 2]
    for one in failed:
        key = (one.error_class, one.model if one.model in named else None)
        cells[key] = cells.get(key, 0) + one.attempts
    models: list[str | None] = [*named, *([None] if len(by_model) > len(named) else [])]
    classes = sorted(by_class, key=lambda name: (-by_class[name], name or ""))
    largest = max(cells.values(), default=1)
    rows = [
        (
            name,
            [
                (number, round(number / largest, 3))
                for number in (cells.get((name, model), 0) for model in models)
            ],
            by_class[name],
        )
        for name in classes[: 2 * MOST_BARS]
    ]
    return Matrix(models, rows, len(classes) - len(rows))
