"""The table to sort and filter: sums by several dimensions, shown one at a time."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from openrouter_adapter.ledger.rollups import SUMMED_LABELS
from openrouter_adapter.report import texts
from openrouter_adapter.report.listing import COUNTS, MONEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openrouter_adapter.ledger import Spend
    from openrouter_adapter.report.figures import Group

MOST_ROWS: Final = 150
"""Rows of each table: the page stays small, however large the ledger is."""

_TITLES: Final = {
    "model": ("Model, provider and endpoint", ("Model", "Provider", "Endpoint")),
    "day": ("Day", ("Day (UTC)",)),
    "tag": ("Tag", ("Tag",)),
    "user": ("User", ("User",)),
    "end_user": ("End user", ("End user",)),
    "team": ("Team", ("Team",)),
    "organization": ("Organization", ("Organization",)),
    "job": ("Job", ("Job",)),
    "key": ("Key", ("Key",)),
}
_ARTICLES: Final = {"organization": "an"}
_HEADINGS: Final = {
    "total": "USD",
    "billed": "Billed, USD",
    "upstream": "BYOK, USD",
    "estimated": "Estimated, USD",
    "saved": "Saved, USD",
    "requests": "Requests",
    "failures": "Failed",
    "unknown": "Cost unknown",
    "cache_hits": "Cache hits",
    "prompt_tokens": "Prompt",
    "cached_tokens": "Cached",
    "cache_write_tokens": "Cache written",
    "completion_tokens": "Completion",
    "reasoning_tokens": "Reasoning",
    "image_tokens": "Image",
}


class Cell(NamedTuple):
    """A figure: its text, and the digits after the cents."""

    text: str
    rest: str = ""
    milliseconds: int | None = None


@dataclass(frozen=True, slots=True)
class Heading:
    """A column of figures; `adds_up`: whether its sum is meaningful."""

    title: str
    adds_up: bool


@dataclass(frozen=True, slots=True)
class Table:
    """Sums by one dimension.

    Attributes:
        key: The dimension.
        title: Its title in the menu.
        names: Titles of the columns of names.
        headings: The columns of figures.
        rows: Names, and figures.
        total: The figures of all requests of the page.
        note: A note for below the table.
        adds_up: Whether no request is in two rows.
    """

    key: str
    title: str
    names: Sequence[str]
    headings: Sequence[Heading]
    rows: Sequence[tuple[Sequence[str | None], Sequence[Cell]]]
    total: Sequence[Cell]
    note: str
    adds_up: bool


def table(by: str, groups: Sequence[Group], total: Spend) -> Table:
    """A dimension's sums, cut to what the page shows; empty columns are left out."""
    shown = groups[:MOST_ROWS]
    sums = [*(one for _, one in shown), total]
    headings: list[Heading] = []
    columns: list[list[Cell]] = []
    for name in ("total", "requests", *MONEY[1:], *COUNTS[1:]):
        if _is_shown(name, total):
            headings.append(Heading(_HEADINGS[name], adds_up=True))
            columns.append(_cells(name, sums))
    headings.append(Heading("Mean latency", adds_up=False))
    columns.append(
        [
            Cell(
                texts.duration(one.mean_latency_ms),
                milliseconds=-1 if one.mean_latency_ms is None else round(one.mean_latency_ms),
            )
            for one in sums
        ]
    )
    *rows, last = zip(*columns, strict=True)
    title, names = _TITLES[by]
    return Table(
        key=by,
        title=title,
        names=names,
        headings=headings,
        rows=[(names, row) for (names, _), row in zip(shown, rows, strict=True)],
        total=last,
        note=_note(by, groups, total),
        adds_up=by != "tag",
    )


def _is_shown(name: str, total: Spend) -> bool:
    if name == "billed":
        # If nothing else was spent, the total is the same.
        return bool(total.upstream or total.estimated)
    return name in {"total", "requests"} or bool(getattr(total, name))


def _cells(name: str, sums: Sequence[Spend]) -> list[Cell]:
    if name in MONEY:
        column = texts.amounts([getattr(one, name) for one in sums])
        return [Cell(one.cents, one.rest) for one in column]
    return [Cell(texts.count(getattr(one, name))) for one in sums]


def _note(by: str, groups: Sequence[Group], total: Spend) -> str:
    found = []
    if by == "tag":
        found.append("A request with two tags is in both rows, one without tags in none.")
    elif by in SUMMED_LABELS:
        inside = sum((one.total for _, one in groups), Decimal(0))
        requests = total.requests - sum(one.requests for _, one in groups)
        if requests:
            found.append(
                f"{texts.count(requests)} requests without {_ARTICLES.get(by, 'a')} {by}, for "
                f"{texts.amount(total.total - inside)} USD, are in the last line only."
            )
    if len(groups) > MOST_ROWS:
        left = groups[MOST_ROWS:]
        rest = sum((one.total for _, one in left), Decimal(0))
        which = "latest" if by == "day" else "most expensive"
        found.append(
            f"The {MOST_ROWS} {which} are shown; {texts.count(len(left))} more come to "
            f"{texts.amount(rest)} USD."
        )
    return " ".join(found)
