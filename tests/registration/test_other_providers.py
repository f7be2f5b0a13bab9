"""Other providers keep LiteLLM's own code, through the same handlers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.types.utils import LlmProviders
from litellm.utils import ProviderConfigManager

import openrouter_adapter
from tests.support.calls import WAYS, ask
from tests.support.gate import RecordingGate, guarded

if TYPE_CHECKING:
    from tests.support.loopback import Loopback


ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
CHUNK = {
    **ANSWER,
    "object": "chat.completion.chunk",
    "choices": [
        {"index": 0, "delta": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    ],
}
OTHER_MODELS = {
    # Through the official client, and through the handlers that register() replaces.
    "official client": ("openai/gpt-4o-mini", "openai/text-embedding-3-small"),
    "same handler": ("vercel_ai_gateway/gpt-4o-mini", "vercel_ai_gateway/text-embedding-3-small"),
}


@pytest.mark.parametrize("way", ["completion", "acompletion", "stream", "astream"])
@pytest.mark.parametrize("client", OTHER_MODELS)
def test_another_providers_chat_is_litellms_own(loopback: Loopback, way: str, client: str) -> None:
    loopback.replies([CHUNK] if "stream" in way else ANSWER)
    model, _ = OTHER_MODELS[client]
    where = {"api_base": loopback.base_url, "api_key": "sk-other"}
    with openrouter_adapter.registered(app_title="Ours"):
        WAYS[way](model=model, top_k=1, reasoning_effort=None, **where)
    assert "usage" not in loopback.body
    assert loopback.headers.get("x-title") != "Ours"


@pytest.mark.parametrize("way", ["embedding", "aembedding"])
@pytest.mark.parametrize("client", OTHER_MODELS)
def test_another_providers_embedding_is_litellms_own(
    loopback: Loopback, way: str, client: str
) -> None:
    _, model = OTHER_MODELS[client]
    with openrouter_adapter.registered(app_title="Ours"):
        answer = WAYS[way](model=model, api_base=loopback.base_url, api_key="sk-other")
    assert "openrouter" not in answer._hidden_params
    assert loopback.headers.get("x-title") != "Ours"


@pytest.mark.parametrize("way", ["image_generation", "aimage_generation"])
@pytest.mark.parametrize("model", ["openai/dall-e-3", "aiml/flux-pro"])
def test_another_providers_image_is_litellms_own(loopback: Loopback, way: str, model: str) -> None:
    loopback.replies({"created": 1, "data": [{"url": "https://a.example/bird.png"}]})
    with openrouter_adapter.registered(app_title="Ours"):
        answer = WAYS[way](model=model, api_base=loopback.base_url, api_key="sk-other", n=1)
    assert answer.data[0].url == "https://a.example/bird.png"
    assert "modalities" not in loopback.body
    assert loopback.headers.get("x-title") != "Ours"


def test_a_gate_is_not_asked_about_another_provider(loopback: Loopback) -> None:
    loopback.replies(ANSWER)
    with guarded(RecordingGate()) as gate, openrouter_adapter.registered():
        ask(model="vercel_ai_gateway/gpt-4o-mini", api_base=loopback.base_url, api_key="sk-1")
    assert (gate.asked, gate.settled) == ([], [])


def test_another_providers_rerank_class_is_litellms_own() -> None:
    look_up = ProviderConfigManager.get_provider_rerank_config
    arguments: Any = ("rerank-v3.5", LlmProviders.COHERE, None, [])
    before = type(look_up(*arguments))
    with openrouter_adapter.registered():
        assert type(ProviderConfigManager.get_provider_rerank_config(*arguments)) is before


def test_the_other_providers_coroutines_still_run(loopback: Loopback) -> None:
    loopback.replies(ANSWER)

    async def both() -> list[Any]:
        where = {"api_base": loopback.base_url, "api_key": "sk-1"}
        question = [{"role": "user", "content": "Hi"}]
        with openrouter_adapter.registered():
            calls = [
                litellm.acompletion(model=model, messages=question, **where)
                for model in ("openrouter/openai/gpt-4o-mini", "vercel_ai_gateway/gpt-4o-mini")
            ]
            return await asyncio.gather(*calls)

    ours, theirs = asyncio.run(both())
    assert "openrouter" in ours._hidden_params
    assert "openrouter" not in theirs._hidden_params
