"""Every endpoint by every way to call it, each under a name, at whatever address a test gives."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

import litellm

from openrouter_adapter import api

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

KEY = "sk-or-v1-0123456789abcdef0123456789abcdef"
CHAT = "openrouter/openai/gpt-4o-mini"
PROMPT = "Name three birds, and keep them secret."
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_MESSAGES: dict[str, Any] = {"model": CHAT, "messages": [{"role": "user", "content": PROMPT}]}
_INPUT: dict[str, Any] = {"model": "openrouter/openai/gpt-5-mini", "input": PROMPT}
_TEXT: dict[str, Any] = {"model": CHAT, "prompt": PROMPT}
_EMBEDDING: dict[str, Any] = {
    "model": "openrouter/openai/text-embedding-3-small",
    "input": [PROMPT],
    "dimensions": 8,
}
_IMAGE: dict[str, Any] = {"model": "openrouter/google/gemini-2.5-flash-image", "prompt": PROMPT}
_RERANK: dict[str, Any] = {
    "model": "openrouter/voyageai/rerank-2.5-lite",
    "query": PROMPT,
    "documents": ["a wren", "a stone"],
}
_SPEECH: dict[str, Any] = {
    "model": "openrouter/hexgrad/kokoro-82m",
    "input": PROMPT,
    "voice": "af_bella",
}


_VIDEO: dict[str, Any] = {
    "model": "openrouter/google/veo-3.1",
    "prompt": PROMPT,
    "seconds": "4",
    "size": "1280x720",
}
_TRANSCRIPTION: dict[str, Any] = {
    "model": "openrouter/openai/gpt-4o-mini-transcribe",
    "file": ("a.wav", b"RIFF" + bytes(400)),
}


def _sync(function: Callable[..., Any], given: dict[str, Any]) -> Callable[..., Any]:
    def call(**keywords: Any) -> Any:
        answer = function(**given, **keywords)
        return list(answer) if given.get("stream") else answer

    return call


def _async(function: Callable[..., Awaitable[Any]], given: dict[str, Any]) -> Callable[..., Any]:
    async def ask(keywords: dict[str, Any]) -> Any:
        try:
            answer: Any = await function(**given, **keywords)
            return [piece async for piece in answer] if given.get("stream") else answer
        finally:
            # LiteLLM keeps its asynchronous clients, whose event loop ends here.
            litellm.in_memory_llm_clients_cache.flush_cache()

    return lambda **keywords: asyncio.run(ask(keywords))


def _pairs() -> Iterator[tuple[str, Callable[..., Any]]]:
    streamed = {"stream": True}
    yield "completion", _sync(litellm.completion, _MESSAGES)
    yield "acompletion", _async(litellm.acompletion, _MESSAGES)
    yield "completion stream", _sync(litellm.completion, _MESSAGES | streamed)
    yield "acompletion stream", _async(litellm.acompletion, _MESSAGES | streamed)
    yield "text_completion", _sync(litellm.text_completion, _TEXT)
    yield "atext_completion", _async(litellm.atext_completion, _TEXT)
    yield "responses", _sync(litellm.responses, _INPUT)
    yield "aresponses", _async(litellm.aresponses, _INPUT)
    yield "responses stream", _sync(litellm.responses, _INPUT | streamed)
    yield "aresponses stream", _async(litellm.aresponses, _INPUT | streamed)
    messages = _MESSAGES | {"max_tokens": 50}
    yield "anthropic_messages", _async(litellm.anthropic_messages, messages)
    yield "anthropic_messages stream", _async(litellm.anthropic_messages, messages | streamed)
    create = litellm.anthropic.messages.create
    yield "messages.create", _sync(create, messages)
    yield "messages.create stream", _sync(create, messages | streamed)
    yield "embedding", _sync(litellm.embedding, _EMBEDDING)
    yield "aembedding", _async(litellm.aembedding, _EMBEDDING)
    yield "image_generation", _sync(litellm.image_generation, _IMAGE)
    yield "aimage_generation", _async(litellm.aimage_generation, _IMAGE)
    yield "image_edit", _sync(litellm.image_edit, _IMAGE | {"image": PNG})
    yield "aimage_edit", _async(litellm.aimage_edit, _IMAGE | {"image": PNG})
    yield "rerank", _sync(litellm.rerank, _RERANK)
    yield "arerank", _async(litellm.arerank, _RERANK)
    yield "transcription", _sync(litellm.transcription, _TRANSCRIPTION)
    yield "atranscription", _async(litellm.atranscription, _TRANSCRIPTION)
    # Only once it is registered does LiteLLM's module have ours.
    yield "speech", lambda **more: litellm.speech(**_SPEECH, **more)
    yield "aspeech", _async(litellm.aspeech, _SPEECH)
    yield "video_generation", _sync(litellm.video_generation, _VIDEO)
    yield "avideo_generation", _async(litellm.avideo_generation, _VIDEO)


CALLS: dict[str, Callable[..., Any]] = dict(_pairs())
"""LiteLLM's calls: they take `api_base`, `api_key`, `timeout` and so on, and return the answer.

A stream's answer is the list of its pieces.
"""


def _get(api_base: str, api_key: str = KEY, timeout: float = 10) -> Any:
    return api.get_models(base_url=api_base, api_key=api_key, timeout=timeout)


def _aget(api_base: str, api_key: str = KEY, timeout: float = 10) -> Any:
    where: dict[str, Any] = {"base_url": api_base, "api_key": api_key, "timeout": timeout}
    return asyncio.run(api.aget_generation("gen-1", **where))


GETS: dict[str, Callable[..., Any]] = {"get_models": _get, "aget_generation": _aget}
"""The adapter's own GETs: they take `api_base`, `api_key` and `timeout`."""
