"""The ledger equals the bill, request by request, to the picodollar."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from typing import TYPE_CHECKING

import litellm
import pytest

from openrouter_adapter.emulator import Emulator
from openrouter_adapter.ledger import to_pico, to_usd
from tests.support.endpoints import CALLS

from . import traffic

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.ledger import Ledger


def settle(book: Ledger, emulator: Emulator) -> None:
    """Reconcile until OpenRouter knows every stream that was left."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        done = book.reconcile(api_key=emulator.api_key, base_url=emulator.base_url, is_forced=True)
        assert done.failed == 0
        if done.pending == 0:
            return
        time.sleep(0.2)


def assert_equal(book: Ledger, emulator: Emulator) -> None:
    rows = [row for row in book.store.rows() if not row.cache_hit]
    assert not [row for row in rows if row.cost is None]
    billed = {
        row.generation_id: (
            to_pico(row.cost),
            to_pico(row.upstream_cost) if row.is_byok else 0,
        )
        for row in emulator.bill()
    }
    named = {row.generation_id: (row.cost, row.upstream) for row in rows if row.generation_id}
    # A refusal's id is on the bill and nowhere on the wire; it cost nothing, and has a row.
    refused = {row.generation_id for row in emulator.bill() if row.generation_id not in named}
    assert {one: billed[one] for one in named} == named
    assert {billed[one] for one in refused} <= {(0, 0)}
    unnamed = [row for row in rows if not row.generation_id]
    assert len(unnamed) == len(refused)
    assert not any(row.cost for row in unnamed)
    total = sum((row.cost for row in emulator.bill()), Decimal(0))
    [whole] = book.spend("total")
    assert whole.billed == sum((to_usd(to_pico(row.cost)) for row in emulator.bill()), Decimal(0))
    assert abs(whole.billed - total) < Decimal("1e-9")
    assert whole.requests == len(book.store.rows())
    assert sum(one.billed for one in book.spend("model")) == whole.billed


def assert_mixed(book: Ledger, emulator: Emulator, count: int) -> None:
    """Every kind of request was there, and not by a few."""
    bill, rows = emulator.bill(), book.store.rows()
    some = count // 100
    assert len({row.call_id for row in rows}) == count
    assert len({row.fault for row in bill}) > 8
    assert {row.endpoint for row in rows} >= {"/chat/completions", "/embeddings"}
    for kind in (
        [row for row in rows if row.cache_hit],
        [row for row in rows if row.streamed and row.outcome == "ok"],
        [row for row in rows if row.outcome == "left"],
        [row for row in rows if row.outcome == "error" and row.cost],
        [row for row in rows if row.outcome == "error" and row.cost == 0],
        [row for row in rows if row.finish_reason == "tool_calls"],
        [row for row in rows if row.endpoint == "/embeddings"],
        [row for row in rows if row.image_tokens],
        [row for row in rows if row.attempt > 1],
        [row for row in rows if row.upstream],
        [row for row in bill if row.cancelled],
    ):
        assert len(kind) > some


def prove(enable: Callable[..., Ledger], where: str, count: int) -> None:
    pytest.importorskip("fastapi")
    litellm.cache = litellm.Cache()
    try:
        with Emulator(byok=("anthropic",), chunk_delay=0.001) as emulator:
            to = {"api_base": emulator.base_url, "api_key": emulator.api_key}
            book = enable(where)
            asyncio.run(traffic.run(to, count))
            settle(book, emulator)
            assert_mixed(book, emulator, count)
            assert_equal(book, emulator)
    finally:
        litellm.cache = None


def test_the_ledger_equals_the_bill(enable: Callable[..., Ledger], where: str) -> None:
    prove(enable, where, 500)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_ledger_equals_the_bill_of_ten_thousand(
    enable: Callable[..., Ledger], where: str
) -> None:
    prove(enable, where, 10_000)


def test_a_cache_hit_is_a_row_of_its_own_and_costs_nothing(
    enabled: Ledger, emulator: Emulator, to: dict[str, str]
) -> None:
    pytest.importorskip("fastapi")
    litellm.cache = litellm.Cache()
    try:
        for _ in range(3):
            litellm.completion(
                traffic.CHAT, [{"role": "user", "content": "same"}], caching=True, **to
            )
            deadline = time.monotonic() + 30
            while enabled.writer.waiting and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(0.2)
    finally:
        litellm.cache = None
    enabled.flush()
    first, *hits = enabled.store.rows()
    [bill] = emulator.bill()
    assert first.cost == to_pico(bill.cost)
    assert len(hits) == 2
    for hit in hits:
        assert (hit.cache_hit, hit.cost, hit.cost_status) == (True, 0, "billed")
        assert hit.saved == first.cost
        assert hit.generation_id == first.generation_id
    [spent] = enabled.spend("model")
    assert (spent.requests, spent.cache_hits) == (3, 2)
    assert spent.billed == spent.saved / 2 == to_usd(to_pico(bill.cost))


HIT_WAYS = [
    *("completion", "acompletion stream", "responses", "aresponses stream"),
    *("anthropic_messages", "aembedding"),
]


@pytest.mark.parametrize("name", HIT_WAYS)
def test_a_hit_of_openrouters_cache_says_what_it_saved(
    name: str, enabled: Ledger, emulator: Emulator, to: dict[str, str]
) -> None:
    for _ in range(3):
        CALLS[name](**to, openrouter_cache=True)
        # Sometimes a hit is written with what it repeats, and sometimes after it.
        if name.startswith("a"):
            enabled.flush()
    enabled.flush()
    first, *hits = enabled.store.rows()
    bills = emulator.bill()
    assert [one.cost for one in bills[1:]] == [0, 0]
    assert (first.cost, first.source_id) == (to_pico(bills[0].cost), None)
    for hit, bill in zip(hits, bills[1:], strict=True):
        assert (hit.cache_hit, hit.cost, hit.cost_status) == (False, 0, "billed")
        assert hit.generation_id == bill.generation_id
        assert hit.source_id == first.generation_id
        assert hit.saved == first.cost
    [spent] = enabled.spend("endpoint")
    assert (spent.requests, spent.cache_hits) == (3, 2)
    assert spent.billed == spent.saved / 2 == to_usd(to_pico(bills[0].cost))
