"""The same failures of an embeddings request are the same exceptions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import litellm
import pytest

from tests.support.failures import FAILURES, KEY, Failure

if TYPE_CHECKING:
    from tests.support.wire import Wire

# What can only happen to a chat.
CHAT_ONLY = ("choices null", "choices empty", "a choice with an error")
SHARED = [f for f in FAILURES if f.whole is not None and f.name not in CHAT_ONLY]


@pytest.mark.parametrize("is_async", [False, True], ids=["embedding", "aembedding"])
@pytest.mark.parametrize("failure", SHARED, ids=lambda failure: failure.name)
def test_failure_of_an_embedding(wire: Wire, failure: Failure, is_async: bool) -> None:
    wire.reply = failure.whole
    call = {
        "model": "openrouter/openai/text-embedding-3-small",
        "input": ["a"],
        "api_base": wire.base_url,
        "api_key": KEY,
    }
    with pytest.raises(tuple(litellm.LITELLM_EXCEPTION_TYPES)) as caught:
        asyncio.run(_embed(call)) if is_async else litellm.embedding(**call)
    assert type(caught.value).__name__ == failure.raised
    for piece in failure.words:
        assert piece in str(caught.value)
    assert KEY not in str(caught.value)
    assert failure.facts.items() <= caught.value.openrouter.items()


async def _embed(call: dict[str, Any]) -> Any:
    try:
        return await litellm.aembedding(**call)
    finally:
        litellm.in_memory_llm_clients_cache.flush_cache()
