"""Percentiles of latency, from counts of fixed size."""

from __future__ import annotations

import random

import pytest

from openrouter_adapter.batch.summary import Latencies


def test_percentiles_are_right_to_within_two_percent_over_all_parts() -> None:
    dice = random.Random(3)  # noqa: S311 - the same latencies in every run
    seconds = [dice.lognormvariate(0, 1) for _ in range(10_000)]
    parts = [Latencies(), Latencies()]
    for number, one in enumerate(seconds):
        parts[number % 2].add(one)
    whole = Latencies()
    for part in parts:
        whole.add_all(Latencies.of_json(part.as_json()))
    ordered = sorted(seconds)
    for percent in (1, 50, 90, 95, 99, 100):
        true = ordered[len(ordered) * percent // 100 - 1]
        assert true <= (whole.percentile(percent) or 0) <= true * 1.0201
    assert whole.longest == ordered[-1]


def test_no_latency_has_no_percentile() -> None:
    none: dict[str, float | None] = dict.fromkeys(("p50", "p90", "p95", "p99", "max"))
    assert Latencies().summary() == none


@pytest.mark.parametrize("seconds", [0.0, 1e-9])
def test_an_answer_from_a_cache_may_take_no_time(seconds: float) -> None:
    found = Latencies()
    found.add(seconds)
    assert found.percentile(50) == seconds
