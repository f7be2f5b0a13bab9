"""Rows for tests that need some."""

from __future__ import annotations

import uuid
from typing import Any

from openrouter_adapter.ledger import Row

NOON = 1_793_534_400_000_000
HOUR = 3_600_000_000


def billed(cost: int | None = 1_000_000, **fields: Any) -> Row:
    """A row of an answered request."""
    values: dict[str, Any] = {
        "call_id": uuid.uuid4().hex,
        "attempt": 1,
        "started_at": NOON,
        "endpoint": "/chat/completions",
        "model": "openai/gpt-4o-mini",
        "provider": "OpenAI",
        "outcome": "ok",
        "latency_ms": 500,
        "cost_status": "billed",
        "cost": cost,
    }
    return Row(**{**values, **fields})


def unknown(generation_id: str | None = None, **fields: Any) -> Row:
    """A row whose cost is not known."""
    return billed(
        **{"cost": None, "cost_status": "unknown", "generation_id": generation_id, **fields}
    )
