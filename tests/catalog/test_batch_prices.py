"""Prices in the Batch API: the bound of a request there, and whether it is cheaper."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from openrouter_adapter import catalog

BODY = {
    "model": "a/m",
    "messages": [{"role": "user", "content": "What is 1 + 1?"}],
    "max_tokens": 10,
}


def known(batch: dict[str, str] | None, **standard: str) -> catalog.Catalog:
    rows: list[dict[str, Any]] = [
        {
            "id": "a/m",
            "context_length": 1000,
            "pricing": {"prompt": "0.000002", "completion": "0.000004", **standard},
        }
    ]
    if batch is not None:
        rows.append({**rows[0], "id": "a/m:batch", "pricing": batch})
    return catalog.Catalog(rows)


def test_a_batch_has_half_the_bound_at_half_the_price() -> None:
    found = known({"prompt": "0.000001", "completion": "0.000002"})
    usual = catalog.estimate(BODY, catalog=found)
    batch = catalog.batch_bound(BODY, "/chat/completions", found)
    assert usual.worst is not None
    assert batch.worst == usual.worst / 2
    assert batch.likely == usual.batch == Decimal(batch.likely or 0)


def test_without_a_price_there_is_no_bound() -> None:
    found = catalog.batch_bound(BODY, "/chat/completions", known(None))
    assert (found.likely, found.worst) == (None, None)
    assert "Batch API" in (found.unknown_because or "")


def test_a_price_that_only_the_standard_row_has_is_the_prompt_s_in_batches() -> None:
    found = known({"prompt": "0.000001", "completion": "0.000002"}, input_cache_read="0.0000005")
    model = found["a/m"]
    said = catalog.not_cheaper(model, found.in_batches(model))
    assert "input_cache_read costs USD 1 in batches and 0.5 otherwise" in (said or "")


@pytest.mark.parametrize(
    ("batch", "reason"),
    [
        ({"prompt": "0.000001", "completion": "0.000002"}, None),
        ({"prompt": "0.000001", "completion": "0.000004"}, None),
        (None, "a/m has no price"),
        ({"prompt": "0.000002", "completion": "0.000004"}, "a/m:batch costs as much as a/m"),
        (
            {"prompt": "0.000001", "completion": "0.000005"},
            "a/m:batch is more expensive than a/m: completion costs USD 5 in batches and 4",
        ),
        (
            {"prompt": "0.000001", "completion": "0.000002", "input_cache_read": "0.0000009"},
            "input_cache_read costs USD 0.9 in batches and 0.5 otherwise",
        ),
    ],
)
def test_each_kind_of_token_is_compared(batch: dict[str, str] | None, reason: str | None) -> None:
    cached = {"input_cache_read": "0.0000005"}
    found = known(None if batch is None else {**cached, **batch}, **cached)
    model = found["a/m"]
    said = catalog.not_cheaper(model, found.in_batches(model))
    if reason is None:
        assert said is None
    else:
        assert reason in (said or "")
