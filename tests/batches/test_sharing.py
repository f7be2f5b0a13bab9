"""The bill of a batch, shared out over its requests."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openrouter_adapter.batches.sharing import share_out

WEIGHTS = st.lists(
    st.decimals(min_value=0, max_value=100, places=14, allow_nan=False), min_size=1, max_size=50
)


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=10**15), WEIGHTS)
def test_the_parts_add_up_to_the_bill(total: int, weights: list[Decimal]) -> None:
    parts = share_out(total, weights)
    assert sum(parts) == total
    assert all(part >= 0 for part in parts)


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=10**15), WEIGHTS)
def test_a_part_is_exact_to_a_picodollar_except_the_last(
    total: int, weights: list[Decimal]
) -> None:
    parts = share_out(total, weights)
    last = max((place for place, one in enumerate(weights) if one), default=len(weights) - 1)
    for place, (part, weight) in enumerate(zip(parts, weights, strict=True)):
        if place != last:
            assert 0 <= total * weight - part * sum(weights) < sum(weights) or not weight


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (10, ["1", "1", "1"], [3, 3, 4]),
        (10, ["1", "0"], [10, 0]),
        (10, ["0", "0"], [0, 10]),
        (7, ["0.000001", "0.000002", "0"], [2, 5, 0]),
        (0, ["1", "2"], [0, 0]),
        (5, [], []),
    ],
)
def test_what_is_left_goes_to_the_last_request_with_a_price(
    total: int, weights: list[str], parts: list[int]
) -> None:
    assert share_out(total, [Decimal(one) for one in weights]) == parts
