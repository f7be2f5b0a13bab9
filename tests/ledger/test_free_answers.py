"""Answers that OpenRouter never gave: mock responses, and hits of LiteLLM's cache."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.caching.caching import Cache
from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER

from openrouter_adapter import catalog
from openrouter_adapter.ledger.enforcement import WorstCase

from .traffic import CHAT, EMBEDDING, IMAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from openrouter_adapter.emulator import Emulator
    from openrouter_adapter.ledger import Ledger, Row

HELLO = [{"role": "user", "content": "Hello"}]


def rows_of(book: Ledger, count: int) -> list[Row]:
    """The rows, when there are so many: LiteLLM tells of some calls from another thread."""
    deadline = time.monotonic() + 10
    while len(book.store.rows()) < count and time.monotonic() < deadline:
        time.sleep(0.05)
        book.flush()
    return book.store.rows()


async def drained(call: Any) -> None:
    answer = await call
    if hasattr(answer, "__aiter__"):
        async for _ in answer:
            pass
    # LiteLLM's tasks behind the answer: they keep it in the cache, and tell of it.
    await asyncio.sleep(0.3)
    await GLOBAL_LOGGING_WORKER.flush()


MOCKS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "chat": lambda to: litellm.completion(CHAT, HELLO, mock_response="x", **to),
    "stream": lambda to: list(
        litellm.completion(CHAT, HELLO, mock_response="x", stream=True, **to)
    ),
    "async": lambda to: asyncio.run(
        drained(litellm.acompletion(CHAT, HELLO, mock_response="x", **to))
    ),
    "async stream": lambda to: asyncio.run(
        drained(litellm.acompletion(CHAT, HELLO, mock_response="x", stream=True, **to))
    ),
    "text": lambda to: litellm.text_completion(model=CHAT, prompt="a", mock_response="x", **to),
    "responses": lambda to: litellm.responses(model=CHAT, input="a", mock_response="x", **to),
    "embedding": lambda to: litellm.embedding(EMBEDDING, input=["a"], mock_response=[0.1], **to),
    "image": lambda to: litellm.image_generation("a", model=IMAGE, mock_response="x", **to),
}


@pytest.mark.parametrize("kind", MOCKS)
def test_a_mock_response_costs_nothing_and_its_cost_is_known(
    kind: str, enabled: Ledger, emulator: Emulator, to: dict[str, Any]
) -> None:
    MOCKS[kind](to)
    [row] = rows_of(enabled, 1)
    assert (row.outcome, row.cost_status, row.cost, row.saved) == ("ok", "billed", 0, 0)
    assert emulator.bill() == []


@pytest.fixture
def cache() -> Iterator[None]:
    litellm.cache = Cache(type="local")
    yield
    litellm.cache = None


CACHED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "chat": lambda to: litellm.completion(CHAT, HELLO, caching=True, **to),
    "stream": lambda to: list(litellm.completion(CHAT, HELLO, caching=True, stream=True, **to)),
    "async stream": lambda to: asyncio.run(
        drained(litellm.acompletion(CHAT, HELLO, caching=True, stream=True, **to))
    ),
    "embedding": lambda to: litellm.embedding(EMBEDDING, input=["a b", "c"], caching=True, **to),
    "async embedding": lambda to: asyncio.run(
        drained(litellm.aembedding(EMBEDDING, input=["a b", "c"], caching=True, **to))
    ),
}


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("kind", CACHED)
def test_a_hit_of_litellms_cache_says_what_it_saved(
    kind: str, enabled: Ledger, emulator: Emulator, to: dict[str, Any]
) -> None:
    for number in (1, 2, 3):
        CACHED[kind](to)
        rows = rows_of(enabled, number)
    [first] = [row for row in rows if not row.cache_hit]
    hits = [row for row in rows if row.cache_hit]
    assert len(emulator.bill()) == 1
    assert first.cost
    assert [(row.cost, row.saved) for row in hits] == [(0, first.cost)] * 2


def test_a_reranker_without_a_price_needs_no_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing_known(*_: Any) -> catalog.Estimate:
        return catalog.Estimate(None, None, "it is not in the catalogue")

    monkeypatch.setattr(catalog, "bound", nothing_known)
    monkeypatch.setattr(WorstCase, "_with_providers", lambda *_: None)
    body = {"model": "new/reranker", "query": "q" * 100, "documents": ["d" * 900] * 51}
    assert WorstCase()(body, "/rerank").worst == Decimal("0.02")
    assert WorstCase()({"model": "new/reranker"}, "/rerank").worst == Decimal("0.01")
    assert WorstCase()(body, "/chat/completions").worst is None
