"""The outcome of each request of a batch that is over, and its share of the batch's cost.

OpenRouter bills a batch as a whole. Each request gets the part that is due to its tokens at the
model's batch prices, so the parts add up to the bill exactly.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import catalog, money
from openrouter_adapter.batch.requests import ROUTES
from openrouter_adapter.batches.sharing import share_out
from openrouter_adapter.wire import errors
from openrouter_adapter.wire.usage import Bill

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from openrouter_adapter.batch.pending import Lines
    from openrouter_adapter.batches.wire import Batch, Result
    from openrouter_adapter.catalog import Model

_ZERO: Final = Decimal(0)
# Status of the exception for a request without a result, by the batch's status. After an
# expiry, it may be answered in another batch; after a person cancelled, it is not sent again.
_MISSING: Final = {
    "expired": (408, "the batch expired before this request was answered"),
    "cancelled": (400, "the batch was cancelled before this request was answered"),
    "failed": (503, "the batch failed"),
    "completed": (502, "the batch's results have no answer to this request"),
}
# What may be a custom_id in a message: in quotes, or a word.
_NAMES: Final = (re.compile(r"'([^']+)'"), re.compile(r'"([^"]+)"'), re.compile(r"[\w.:-]*[\w-]"))


@dataclass(slots=True)
class Settled:
    """The outcome of one request.

    Attributes:
        line: Its line in the input.
        custom_id: The caller's id of it.
        bill: What it cost; its cost is None if the cost of the batch isn't known.
        body: The answer; None for a failure.
        failure: One of LiteLLM's exceptions; None for an answer.
    """

    line: int
    custom_id: str
    bill: Bill
    body: dict[str, Any] | None
    failure: Exception | None


def is_foreign(batch: Batch, lines: Lines) -> bool:
    """Whether the results of a batch belong to other requests."""
    custom_ids = set(lines.custom_ids)
    return bool(batch.results) and not any(
        result.get("custom_id") in custom_ids for result in batch.results or ()
    )


def cost_of(batch: Batch) -> int | None:
    """What a batch cost, BYOK included, in picodollars; None if that isn't known."""
    bill = batch.bill
    return None if bill.cost is None else _picodollars(bill.cost) + _picodollars(bill.upstream)


def latency_of(batch: Batch, lines: Lines) -> float:
    """Seconds from the submission to the end of the batch."""
    ended = batch.finalized_at or time.time()
    return round(max(ended - lines.submitted_at / 1e6, 0.0), 4)


def settle(batch: Batch, lines: Lines, row: Model | None) -> list[Settled]:
    """The outcome of each request of a batch that is over, in the order of `lines`.

    Args:
        batch: The batch with its results.
        lines: Its requests.
        row: The catalogue's row with the model's batch prices; None shares the cost by tokens.
    """
    answers = _answers(batch, lines)
    weights = [_ZERO if one is None else _weight(one.body, row) for one in answers]
    charged, upstream = batch.bill.cost, _picodollars(batch.bill.upstream)
    costs = None if charged is None else share_out(_picodollars(charged), weights)
    extras = share_out(upstream, weights) if upstream else [0] * len(weights)
    check, found = ROUTES[batch.endpoint].check, []
    culprits = _culprits(batch, lines)
    for place, answer in enumerate(answers):
        body = None if answer is None else answer.body
        if answer is None:
            failure: Exception | None = _missing(batch, lines.custom_ids[place] in culprits)
        else:
            failure = answer.failure
        cost = None if costs is None else money.to_usd(costs[place])
        extra = money.to_usd(extras[place]) if extras[place] else _ZERO
        bill = _bill(batch, body, cost, extra)
        if body is not None:
            try:
                body = check(body, batch.model)
            except Exception as raised:  # noqa: BLE001 - whatever it is belongs to this request
                body, failure = None, raised
        found.append(Settled(lines.lines[place], lines.custom_ids[place], bill, body, failure))
    return found


def _answers(batch: Batch, lines: Lines) -> list[Result | None]:
    """The result of each request; None for one that has none."""
    places = {custom_id: place for place, custom_id in enumerate(lines.custom_ids)}
    found: list[Result | None] = [None] * len(lines.lines)
    for result in batch.read_results():
        place = places.get(result.custom_id)
        if place is not None and found[place] is None:
            found[place] = result
    return found


def _weight(body: Mapping[str, Any] | None, row: Model | None) -> Decimal:
    """What an answer would cost at the batch prices; without prices, its tokens count."""
    used = None if body is None else body.get("usage")
    if not isinstance(used, dict):
        return _ZERO
    weight = _ZERO if row is None else catalog.cost(used, row.pricing)
    if weight:
        return weight
    tokens = used.get("total_tokens")
    return Decimal(tokens).scaleb(-12) if isinstance(tokens, int) else _ZERO


def _picodollars(usd: Decimal) -> int:
    return money.picodollars(usd) if usd else 0


def _bill(
    batch: Batch, body: Mapping[str, Any] | None, cost: Decimal | None, upstream: Decimal
) -> Bill:
    if body is None:
        return Bill(cost, upstream, batch.bill.is_byok, provider=batch.provider)
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    used = body.get("usage")
    return Bill(
        cost,
        upstream,
        batch.bill.is_byok,
        body.get("id"),
        body.get("model"),
        body.get("provider") or batch.provider,
        first.get("finish_reason") if isinstance(first, dict) else None,
        used if isinstance(used, dict) else None,
    )


def _culprits(batch: Batch, lines: Lines) -> AbstractSet[str]:
    """The custom_ids that the error of a failed batch names.

    A single invalid request fails its whole batch.
    """
    if batch.status != "failed" or not batch.error:
        return frozenset()
    named = {name for pattern in _NAMES for name in pattern.findall(batch.error)}
    return named & frozenset(lines.custom_ids)


def _missing(batch: Batch, is_culprit: bool) -> Exception:
    status, words = _MISSING.get(batch.status, _MISSING["completed"])
    if batch.error:
        words = f"{words}: {batch.error}"
    return errors.build(400 if is_culprit else status, words, None, batch.model)
