"""The spend page: one HTML file with everything in it, drawn here and not in the browser.

Charts are SVG, tables are HTML, so the page can be read without its script, prints, and contains
no data that a script would have to parse. The script sorts, filters and shows details.
"""

from __future__ import annotations

import base64
import hashlib
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import files
from openrouter_adapter.ledger import LedgerError
from openrouter_adapter.report import budgets, charts, explorer, texts

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import jinja2

    from openrouter_adapter.ledger import BudgetState, Spend
    from openrouter_adapter.report.figures import Figures
    from openrouter_adapter.report.savings import Saving
    from openrouter_adapter.report.texts import Amount

_MOST_SAVINGS: Final = 12


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


def render(figures: Figures) -> str:
    """The page as text.

    Raises:
        LedgerError: jinja2 is not installed.
    """
    environment = _environment()
    script = _read("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("page.html").render(
        f=figures,
        style=_read("page.css"),
        script=script,
        script_hash=f"sha256-{digest}",
        **_context(figures),
    )


def _environment() -> jinja2.Environment:
    try:
        import jinja2
    except ModuleNotFoundError:
        raise LedgerError(
            "the spend page needs jinja2: pip install openrouter-adapter[report]"
        ) from None
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_read),
        # Names of models, tags and users are untrusted text.
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        amount=texts.amount,
        count=texts.count,
        duration=texts.duration,
        visible=texts.visible,
    )
    environment.globals.update(share=texts.share)
    return environment


def _read(name: str) -> str:
    return (resources.files(__package__) / "template" / name).read_text(encoding="utf-8")


def _context(figures: Figures) -> dict[str, Any]:
    """What the template draws, along with the figures themselves."""
    total = figures.total
    if total is None:
        return {"budgets": _budgets(figures.budgets)}
    return {
        "spend_chart": charts.spend(figures.series),
        "requests_chart": charts.requests(figures.series),
        "has_others": any(None in slot.spent for slot in figures.series.slots),
        "models": charts.bars(_shares(figures.models), total.total),
        "providers": charts.bars(_shares(figures.providers), total.total),
        "tokens": _tokens(total),
        "spans": charts.spans(figures.latencies),
        "failures": charts.failures(figures.outcomes),
        "in_flight": sum(one.attempts for one in figures.outcomes if one.outcome == "open"),
        "left": sum(one.attempts for one in figures.outcomes if one.outcome == "left"),
        "tables": [explorer.table(by, groups, total) for by, groups in figures.groups.items()],
        "cache_estimate": sum(
            (one.estimate for one in figures.savings if one.estimate is not None), Decimal(0)
        ),
        "unpriced": [one for one in figures.savings if one.estimate is None],
        "budgets": _budgets(figures.budgets),
        "savings": _savings(figures.savings[:_MOST_SAVINGS]),
    }


def _shares(found: Sequence[Spend]) -> list[tuple[str | None, Decimal, str]]:
    return [(one.name, one.total, f"{texts.count(one.requests)} requests") for one in found]


def _savings(shown: Sequence[Saving]) -> list[tuple[Saving, Amount, Amount | None]]:
    """Savings, with amounts in columns of equally many decimal places."""
    known = [one.estimate for one in shown if one.estimate is not None]
    estimates = iter(texts.amounts(known))
    return [
        (one, saved, None if one.estimate is None else next(estimates))
        for one, saved in zip(shown, texts.amounts([one.saved for one in shown]), strict=True)
    ]


def _tokens(total: Spend) -> list[dict[str, Any]]:
    """Tokens by kind: wholes, and the parts that are counted in them."""
    whole = max(total.prompt_tokens, total.completion_tokens, 1)
    kinds = (
        ("Prompt", total.prompt_tokens, None),
        ("read from cache", total.cached_tokens, total.prompt_tokens),
        ("written to cache", total.cache_write_tokens, total.prompt_tokens),
        ("Completion", total.completion_tokens, None),
        ("reasoning", total.reasoning_tokens, total.completion_tokens),
        ("image", total.image_tokens, total.completion_tokens),
    )
    return [
        {
            "name": name,
            "count": texts.count(number),
            "percent": round(100 * number / whole, 2),
            "share": None if of is None else texts.share(number, of),
        }
        for name, number, of in kinds
        if number or of is None
    ]


def _budgets(states: Sequence[BudgetState]) -> list[dict[str, Any]]:
    found = []
    for state in states:
        in_use = state.spent + state.held
        whole = max(state.budget.usd, in_use) or Decimal(1)
        widths = [
            round(float(100 * part / whole), 2)
            for part in (state.spent, state.held - state.unsettled, state.unsettled)
        ]
        left = budgets.left(state)
        found.append(
            {
                "state": state,
                "scope": budgets.scope(state),
                "period": budgets.period(state),
                "left": left,
                "is_over": left <= 0,
                "widths": widths,
            }
        )
    return found
