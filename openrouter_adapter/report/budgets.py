"""Budgets and reservations as rows of tables and of JSON."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from openrouter_adapter import money
from openrouter_adapter.ledger.rows import LABELS
from openrouter_adapter.report import texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from openrouter_adapter.ledger import BudgetState, HoldState


def labels(scope: Iterable[str]) -> dict[str, str]:
    """The labels that a budget is limited to, from texts such as `tag=batch`.

    Raises:
        ValueError: one is invalid, or a label comes twice.
    """
    found: dict[str, str] = {}
    for one in scope:
        label, _, value = one.partition("=")
        if label not in LABELS or not value:
            *names, last = (f"{name}=…" for name in LABELS)
            raise ValueError(f"Invalid scope {one!r}: use {', '.join(names)} or {last}")
        if label in found:
            raise ValueError(f"Invalid scope {one!r}: {label} is given twice")
        found[label] = value
    return found


def scope(state: BudgetState) -> str:
    """The labels that a budget is limited to, as `--scope` takes them, and the state's value."""
    budget = state.budget
    found = [f"{name}={value}" for name, value in budget.labels.items()]
    if budget.or_end_user:
        found.append(f"or end_user={budget.user}")
    if budget.each is not None:
        whose = {None: "", "": f": requests without a {budget.each}"}
        found.append(f"each {budget.each}" + whose.get(state.value, f": {state.value}"))
    return texts.visible(", ".join(found)) or "everything"


def period(state: BudgetState) -> str:
    """The period of a state, such as `month 2026-11`."""
    return f"{state.budget.per} {state.period}".strip()


def left(state: BudgetState) -> Decimal:
    """USD that can still be reserved; negative after a limit was lowered."""
    return state.budget.usd - state.spent - state.held


def record(state: BudgetState) -> dict[str, Any]:
    """A budget's state for JSON; money as exact decimal text, in USD."""
    budget = state.budget
    most = budget.max_request_usd
    return {
        "name": budget.name,
        **{name: getattr(budget, name) for name in LABELS},
        "each": budget.each,
        "value": state.value,
        "per": budget.per,
        "period": state.period,
        "limit": money.plain(budget.usd),
        "spent": money.plain(state.spent),
        "held": money.plain(state.held),
        "unsettled": money.plain(state.unsettled),
        "left": money.plain(left(state)),
        "max_request": None if most is None else money.plain(most),
        "wait_seconds": budget.wait_seconds,
        "lets_through": budget.lets_through,
    }


def table(states: Sequence[BudgetState]) -> tuple[list[str], list[list[str]]]:
    """Titles and rows: name, scope and period, then the amounts."""
    columns = [
        texts.amounts([one.budget.usd for one in states]),
        texts.amounts([one.spent for one in states]),
        texts.amounts([one.held for one in states]),
        texts.amounts([one.unsettled for one in states]),
        texts.amounts([left(one) for one in states]),
    ]
    rows = [
        [texts.visible(one.budget.name), scope(one), period(one), *map(str, figures)]
        for one, figures in zip(states, zip(*columns, strict=True), strict=True)
    ]
    amounts = ("limit", "spent", "held", "unsettled", "left")
    return ["budget", "scope", "period", *(f"{name} USD" for name in amounts)], rows


def cut(states: Iterable[BudgetState], most: int) -> list[str]:
    """Names of the budgets with `most` listed values, so that other values may be missing."""
    counts = Counter(one.budget.name for one in states if one.budget.each is not None)
    return [name for name, number in counts.items() if number >= most]


def releasable(found: Iterable[HoldState], ids: Sequence[str] | None) -> list[HoldState]:
    """The reservations with these ids; without ids, those that are unsettled.

    Raises:
        ValueError: there is no reservation with one of the ids.
    """
    reserved = list(found)
    if not ids:
        return [one for one in reserved if one.is_unsettled]
    for missing in sorted(set(ids) - {one.hold_id for one in reserved}):
        raise ValueError(f"the budget has no reservation {missing!r}")
    return [one for one in reserved if one.hold_id in ids]


def table_of_holds(found: Sequence[HoldState]) -> tuple[list[str], list[list[str]]]:
    """Titles and rows: id, model, when, state, and the amount."""
    amounts = texts.amounts([one.amount for one in found])
    return ["reservation", "model", "made, UTC", "state", "reserved USD"], [
        [
            one.hold_id,
            texts.visible(one.model),
            f"{one.made_at:%Y-%m-%d %H:%M:%S}",
            "unsettled" if one.is_unsettled else "in flight",
            str(held),
        ]
        for one, held in zip(found, amounts, strict=True)
    ]
