"""Sums as rows of a table, of JSON and of CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import money
from openrouter_adapter.report import texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openrouter_adapter.ledger import Spend

MONEY: Final = ("total", "billed", "upstream", "estimated", "saved")
COUNTS: Final = (
    "requests",
    "failures",
    "unknown",
    "cache_hits",
    "prompt_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "image_tokens",
)
# Columns that a table in a terminal has no room for.
_NOT_IN_TABLE: Final = frozenset({"cache_write_tokens", "image_tokens"})


def records(by: str, found: Sequence[Spend]) -> list[dict[str, Any]]:
    """Every sum with all its fields, for JSON and CSV: money as exact decimal text, in USD.

    A grand total has no name.
    """
    return [
        {
            **({} if by == "total" else {by: one.name}),
            **{name: money.plain(getattr(one, name)) for name in MONEY},
            **{name: getattr(one, name) for name in COUNTS},
            "mean_latency_ms": one.mean_latency_ms,
        }
        for one in found
    ]


def table(
    by: str, found: Sequence[Spend], total: Spend | None
) -> tuple[list[str], list[list[str]]]:
    """A table for a terminal: titles, and rows of texts, the grand total last.

    The amounts of a column have the same number of decimal places. Empty columns are left out,
    except the total and the number of attempts.
    """
    rows = [*found, *([total] if total is not None else [])]
    columns: dict[str, Sequence[str]] = {
        by: [
            *(texts.visible(one.name) if one.name is not None else texts.NOTHING for one in found),
            *(["all"] if total is not None else []),
        ]
    }
    for name in MONEY:
        if name == "total" or any(getattr(one, name) for one in rows):
            column = texts.amounts([getattr(one, name) for one in rows])
            columns[f"{name} USD"] = [str(one) for one in column]
    for name in COUNTS:
        numbers = [getattr(one, name) for one in rows]
        if name == "requests" or (any(numbers) and name not in _NOT_IN_TABLE):
            columns[name.replace("_", " ")] = [texts.count(number) for number in numbers]
    columns["mean latency"] = [texts.duration(one.mean_latency_ms) for one in rows]
    return list(columns), [list(row) for row in zip(*columns.values(), strict=True)]


def notes(by: str, total: Spend | None) -> list[str]:
    """Notes to print along with the sums, in sentences."""
    if total is None:
        return ["The ledger has no requests in this period."]
    found = []
    if total.unknown:
        found.append(unknown_note(total.unknown))
    if by == "tag":
        found.append("A request with two tags is in the sums of both, one without tags in none.")
    elif by in {"job", "key"}:
        found.append(f"Requests without a {by} are in the last line only.")
    return found


def unknown_note(unknown: int) -> str:
    """A note that some costs are not known, and what to do about it."""
    what = "1 request has" if unknown == 1 else f"{texts.count(unknown)} requests have"
    return (
        f"{what} a cost that is not known, and no sum counts it; "
        "`openrouter-adapter spend reconcile` asks OpenRouter for it."
    )


def lines(by: str, found: Sequence[Spend]) -> list[list[Any]]:
    """The sums as lines of a CSV file, titles first."""
    return [
        [*([] if by == "total" else [by]), *MONEY, *COUNTS, "mean_latency_ms"],
        *(list(row.values()) for row in records(by, found)),
    ]
