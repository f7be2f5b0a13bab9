"""The spend page: one HTML file with everything in it, its data compressed.

Its script draws what is chosen; without the script, the page shows the sums by model.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import files, installing, money
from openrouter_adapter.ledger import LedgerError, facts
from openrouter_adapter.report import budgets, cube, forecast, texts

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import jinja2

    from openrouter_adapter.report.figures import Figures

_SCRIPTS: Final = ("format.js", "data.js", "charts.js", "tables.js", "sections.js", "main.js")


def write(figures: Figures, path: str | os.PathLike[str]) -> Path:
    """Writes the page; an existing page is replaced atomically.

    Raises:
        OSError: the file can't be written.
        LedgerError: jinja2 is not installed.
    """
    target = Path(path)
    page = render(figures).encode("utf-8", "replace")
    with files.write_atomically(target) as file:
        file.write(page)
    return target


def render(figures: Figures, *, asks_every: float | None = None) -> str:
    """The page as text.

    Args:
        figures: What it shows.
        asks_every: Seconds after which a page that is served asks for new data; None for a file.

    Raises:
        LedgerError: jinja2 is not installed.
    """
    environment = _environment()
    script = '"use strict";\n(() => {\n' + "".join(map(_read, _SCRIPTS)) + "})();\n"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("page.html").render(
        f=figures,
        style=_read("page.css"),
        script=script,
        script_hash=f"sha256-{digest}",
        data=data(figures),
        asks_every=asks_every,
    )


def data(figures: Figures) -> str:
    """The data of the page as main.js reads it."""
    return cube.encode(
        {
            "made": f"{figures.made_at:%d %b %Y %H:%M}",
            "now": cube.hours_since_1970(figures.made_at),
            "window": _window(figures),
            "daily": figures.cube.daily,
            "hourly": figures.cube.hourly,
            "count": figures.cube.count,
            "values": figures.cube.values,
            "columns": figures.cube.columns,
            "in_flight": figures.in_flight,
            "latencies": [
                (day, texts.visible(model) or None, ms, answers)
                for day, model, ms, answers in figures.latencies
            ],
            "listed": facts.LISTED,
            "requests": {
                kind: [_listed(one) for one in found] for kind, found in figures.requests.items()
            },
            "prices": {
                texts.visible(model): [None if rate is None else str(rate) for rate in rates]
                for model, rates in figures.prices.items()
            },
            "budgets": _budgets(figures),
        }
    )


def _window(figures: Figures) -> tuple[int, int]:
    """The hours from which and up to which the page has something to show."""
    now = cube.hours_since_1970(figures.made_at)
    hours = [int(one) for one in figures.cube.columns["hour"].split()] or [now]
    window = figures.window
    first = hours[0] // 24 * 24
    last = (max(hours[-1], now) // 24 + 1) * 24
    if window.since is not None:
        first = cube.hours_since_1970(window.since)
    if window.until is not None:
        last = min(last, cube.hours_since_1970(window.until))
    return min(first, hours[0]), max(last, hours[-1] + 1)


def _listed(one: Sequence[Any]) -> list[Any]:
    found = dict(zip(facts.LISTED, one, strict=True))
    # JavaScript's numbers are floats.
    found["cost"] = None if found["cost"] is None else str(found["cost"])
    found["upstream"] = str(found["upstream"])
    found["started_at"] //= 1000
    found["tag"] = [texts.visible(tag) for tag in json.loads(found["tag"] or "[]")]
    return [
        texts.visible(value) or None if isinstance(value, str) else value
        for value in found.values()
    ]


def _budgets(figures: Figures) -> list[dict[str, str]]:
    return [
        {
            "name": texts.visible(state.budget.name),
            "scope": budgets.scope(state),
            "period": budgets.period(state),
            "limit": str(money.picodollars(state.budget.usd)),
            "spent": str(money.picodollars(state.spent)),
            "held": str(money.picodollars(state.held)),
            "unsettled": str(money.picodollars(state.unsettled)),
            "forecast": forecast.sentence(state, found),
        }
        for state, found in figures.budgets
    ]


def _environment() -> jinja2.Environment:
    try:
        import jinja2
    except ModuleNotFoundError:
        raise LedgerError(f"the spend page needs jinja2: {installing.command('report')}") from None
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_read),
        # Names of models, tags and users are untrusted text.
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(amount=texts.amount, count=texts.count, visible=texts.visible)
    return environment


def _read(name: str) -> str:
    return (resources.files(__package__) / "template" / name).read_text(encoding="utf-8")
