"""Everything that the spend page shows, gathered from a ledger."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import money
from openrouter_adapter._version import __version__
from openrouter_adapter.ledger import facts
from openrouter_adapter.report import cube, forecast
from openrouter_adapter.report.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from openrouter_adapter.catalog import Catalog
    from openrouter_adapter.ledger import BudgetState, Ledger, Spend
    from openrouter_adapter.report.cube import Cube
    from openrouter_adapter.report.forecast import Forecast

# For a budget per user: how many users are shown, those closest to the limit.
_MOST_VALUES: Final = 20
MOST_REQUESTS: Final = 150
"""Single requests of each kind that the page lists."""

_MOST_LATENCIES: Final = 12_000
_RATES: Final = ("prompt", "completion", "input_cache_read", "input_cache_write")
_BATCHED: Final = ":batch"

Latencies = list[tuple["int | None", str, int, int]]
"""Day (hours since 1970) or None for the whole period, model, milliseconds, answers."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What the page shows.

    Attributes:
        window: The period it is about.
        made_at: When it was gathered.
        version: The version of this package.
        total: The grand total; None if the ledger has nothing in the window.
        models: Sums by model, the most expensive first.
        cube: Sums by time and every label.
        in_flight: How many requests have not ended.
        latencies: How many answers took how long.
        requests: By kind, the single requests that are listed, with the columns of
            `ledger.facts.LISTED`.
        prices: By model, picodollars of a prompt token, a completion token, a token read from a
            prompt cache and one written to it; None for those that are not known.
        budgets: Every budget in its current period, and how it goes on.
    """

    window: Window
    made_at: dt.datetime
    version: str
    total: Spend | None
    models: Sequence[Spend]
    cube: Cube
    in_flight: int
    latencies: Latencies
    requests: Mapping[str, Sequence[tuple[Any, ...]]]
    prices: Mapping[str, Sequence[int | None]]
    budgets: Sequence[tuple[BudgetState, Forecast]]


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
        window: The period to show, widened to whole hours; None for everything.
        prices: What savings are calculated with; None shows prompt caches in tokens.
        now: The time of the page; None for the current time. Budgets are in the current period.

    Raises:
        LedgerError: the ledger can't be read.
    """
    window = (window or Window()).in_hours()
    clock = dt.datetime.now(dt.timezone.utc)
    now = now or clock
    ends = {"since": window.since, "until": window.until}
    total = next(iter(book.spend("total", **ends)), None)
    database = book.store.database
    found = cube.build(facts.facts(database, cube.first_hour(now), **ends), now)
    return Figures(
        window=window,
        made_at=now,
        version=__version__,
        total=total,
        models=book.spend("model", **ends),
        cube=found,
        in_flight=facts.in_flight(database, **ends),
        latencies=_small(facts.latencies(database, **ends), found),
        requests={
            kind: facts.requests(database, kind, MOST_REQUESTS, **ends) for kind in facts.KINDS
        },
        prices=_prices(found.values["model"], prices),
        budgets=[
            (state, forecast.of(database, state, clock))
            for state in book.budgets(most_values=_MOST_VALUES)
        ],
    )


def _small(found: Iterable[tuple[int, str, int, int]], kept: Cube) -> Latencies:
    """Latencies of the models that the page names, by day if there are not too many."""
    names = set(kept.values["model"])
    daily = [one for one in found if one[1] in names]
    if len(daily) <= _MOST_LATENCIES and not kept.daily:
        return list(daily)
    sums: dict[tuple[str, int], int] = {}
    for _, model, ms, answers in daily:
        sums[model, ms] = sums.get((model, ms), 0) + answers
    return [(None, model, ms, answers) for (model, ms), answers in sums.items()]


def _prices(models: Sequence[Any], prices: Catalog | None) -> dict[str, list[int | None]]:
    result: dict[str, list[int | None]] = {}
    if prices is None:
        return result
    for model in models:
        # A batch saves something against the same model's standard price.
        known = prices.find(model.removesuffix(_BATCHED)) if isinstance(model, str) else None
        if known is not None:
            rates = known.model.pricing.rates()
            result[model] = [
                None if rates.get(name) is None else money.picodollars(rates[name])
                for name in _RATES
            ]
    return result
