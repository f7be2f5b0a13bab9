"""Everything that the spend page shows, gathered from a ledger."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from openrouter_adapter._version import __version__
from openrouter_adapter.ledger import breakdowns
from openrouter_adapter.report import savings, series
from openrouter_adapter.report.window import Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openrouter_adapter.catalog import Catalog
    from openrouter_adapter.ledger import BudgetState, Ledger, Spend
    from openrouter_adapter.ledger.breakdowns import Latency, Outcome
    from openrouter_adapter.report.savings import Saving
    from openrouter_adapter.report.series import Series

Group = tuple[tuple["str | None", ...], "Spend"]
"""The values of dimensions, and the sum of the requests that have them."""

# Dimensions of the page's table.
_TABLES: Final = ("day", "tag", "user", "end_user", "team", "organization", "job", "key")
# Of a budget for each user: how many are shown, those closest to the limit.
_MOST_VALUES: Final = 20


@dataclass(frozen=True, slots=True)
class Figures:
    """What the page shows.

    Attributes:
        window: The time it is about.
        made_at: When it was gathered.
        version: Of this package.
        total: The grand total; None if the ledger has nothing in the window.
        models: Sums by model, the most expensive first.
        providers: Sums by provider.
        series: Sums over time.
        groups: By the title of a dimension, the sums that the table shows.
        latencies: Of all, then by model.
        outcomes: How requests ended.
        savings: What caches saved, by model.
        prices_known: Whether savings were calculated with prices.
        budgets: Every budget in its current period.
    """

    window: Window
    made_at: dt.datetime
    version: str
    total: Spend | None
    models: Sequence[Spend]
    providers: Sequence[Spend]
    series: Series
    groups: dict[str, Sequence[Group]]
    latencies: Sequence[Latency]
    outcomes: Sequence[Outcome]
    savings: Sequence[Saving]
    prices_known: bool
    budgets: Sequence[BudgetState]


def gather(
    book: Ledger,
    window: Window | None = None,
    *,
    prices: Catalog | None = None,
    now: dt.datetime | None = None,
) -> Figures:
    """Gathers everything that the page shows.

    Args:
        book: The ledger; waiting rows are written first.
        window: The time to show, widened to whole hours; None for everything.
        prices: What cache savings are calculated with; None shows them in tokens.
        now: The time of the page; None for the current time.

    Raises:
        LedgerError: the ledger can't be read.
    """
    window = (window or Window()).in_hours()
    now = now or dt.datetime.now(dt.timezone.utc)
    total = next(iter(_spend(book, "total", window)), None)
    models = _spend(book, "model", window)
    ends = {"since": window.since, "until": window.until}
    return Figures(
        window=window,
        made_at=now,
        version=__version__,
        total=total,
        models=models,
        providers=_spend(book, "provider", window),
        series=series.over_time(book.store.database, models, window, now),
        groups=_groups(book, window),
        latencies=breakdowns.latencies(book.store.database, **ends),
        outcomes=breakdowns.outcomes(book.store.database, **ends),
        savings=savings.of_caches(book.store.database, window, prices),
        prices_known=prices is not None,
        budgets=book.budgets(most_values=_MOST_VALUES),
    )


def _groups(book: Ledger, window: Window) -> dict[str, Sequence[Group]]:
    found: dict[str, Sequence[Group]] = {
        "model": _by_route(book, window),
    }
    for by in _TABLES:
        sums = _spend(book, by, window)
        if by == "day":
            sums.reverse()
        # Rows without a user are a group too; a table of nothing else would be useless.
        if any(one.name is not None for one in sums):
            found[by] = [((one.name,), one) for one in sums]
    return found


def _by_route(book: Ledger, window: Window) -> list[Group]:
    """By model, provider and endpoint together, the most expensive first."""
    found: list[Group] = [
        (tuple(name or None for name in names), one)
        for names, one in breakdowns.combined(
            book.store.database,
            ("model", "provider", "endpoint"),
            since=window.since,
            until=window.until,
        )
    ]
    return sorted(found, key=lambda group: (-group[1].total, [name or "" for name in group[0]]))


def _spend(book: Ledger, by: str, window: Window) -> list[Spend]:
    return book.spend(by, since=window.since, until=window.until)
