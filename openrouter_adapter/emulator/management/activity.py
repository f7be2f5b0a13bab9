"""`/activity`: sums of the bill for the last thirty days, by day, model and provider."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import clock
from ..billing import ZERO, wire_number
from ..call import Route
from ..errors import ApiError, invalid_body

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from ..billing import BillRow
    from ..call import Call
    from ..keys import Key

_DAYS = 30
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}$")
_HASH = re.compile(r"[0-9a-f]{64}$")
# Namespace of the endpoints' ids, which are the same in every run.
_NAMESPACE = uuid.UUID("00000000-0000-4000-8000-00000000000e")


@dataclass(slots=True)
class _Sum:
    requests: int = 0
    prompt: int = 0
    completion: int = 0
    reasoning: int = 0
    cached: int = 0
    usage: Decimal = ZERO
    byok: Decimal = ZERO

    def add(self, row: BillRow) -> None:
        self.requests += 1
        self.prompt += row.tokens_prompt
        self.completion += row.tokens_completion
        self.reasoning += row.tokens_reasoning
        self.cached += row.tokens_cached
        self.usage += row.cost
        self.byok += row.upstream_cost if row.is_byok else ZERO


def activity(call: Call) -> dict[str, Any]:
    """Return the body of `GET /activity`: completed UTC days only, the latest first."""
    by_workspace = call.query.get("group_by") == "workspace"
    today = clock.day_of(call.state.now())
    days = range(today - _DAYS, today)
    wanted = _wanted_day(call, days)
    sums: dict[tuple[int, str, str, str, str], _Sum] = {}
    for row, key in _rows(call):
        day = clock.day_of(row.created_at)
        if day not in days or wanted not in {None, day}:
            continue
        workspace = key.workspace if by_workspace else ""
        group = (day, row.model_id or row.model, row.model, row.provider, workspace)
        sums.setdefault(group, _Sum()).add(row)
    ordered = sorted(sums.items(), key=lambda item: (-item[0][0], item[0][1:]))
    return {"data": [_wire(group, total) for group, total in ordered]}


def _rows(call: Call) -> Iterable[tuple[BillRow, Key]]:
    """Yield the rows that were served, with their keys, deleted ones included."""
    of_key, of_user = call.query.get("api_key_hash"), call.query.get("user_id")
    workspace = call.query.get("workspace_id")
    if of_key is not None and not _HASH.match(of_key):
        raise invalid_body("api_key_hash: Invalid input: expected a SHA-256 hash in hexadecimal")
    for row in call.state.bill.rows():
        key = call.state.keys.even_deleted(row.key_hash)
        if row.status != 200 or key is None:
            continue
        asked = ((of_key, key.hash), (of_user, key.creator), (workspace, key.workspace))
        if all(wish in {None, own} for wish, own in asked):
            yield row, key


def _wanted_day(call: Call, days: range) -> int | None:
    date = call.query.get("date")
    if date is None:
        return None
    if not _DATE.match(date):
        raise invalid_body("Invalid date format. Expected YYYY-MM-DD")
    for day in days:
        if clock.day_name(day) == date:
            return day
    raise ApiError(400, f"Date must be within the last {_DAYS} (completed) UTC days")


def _wire(group: tuple[int, str, str, str, str], total: _Sum) -> dict[str, Any]:
    day, model, permaslug, provider, workspace = group
    wire: dict[str, Any] = {
        "date": clock.day_name(day),
        "model": model,
        "model_permaslug": permaslug,
        "endpoint_id": str(uuid.uuid5(_NAMESPACE, f"{model}/{provider}")),
        "provider_name": provider,
        "usage": wire_number(total.usage),
        "byok_usage_inference": wire_number(total.byok),
        "requests": total.requests,
        "prompt_tokens": total.prompt,
        "completion_tokens": total.completion,
        "reasoning_tokens": total.reasoning,
        "cached_tokens": total.cached,
    }
    return {**wire, "workspace_id": workspace} if workspace else wire


ROUTES = (
    Route(
        "GET",
        "/activity",
        activity,
        refusal="Only management keys can fetch activity for an account",
    ),
)
