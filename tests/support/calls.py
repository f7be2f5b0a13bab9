"""Every way to call OpenRouter through LiteLLM, each under a name, with the same keywords."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import litellm

if TYPE_CHECKING:
    from collections.abc import Callable

CHAT_MODEL = "openrouter/openai/gpt-4o-mini"
EMBEDDING_MODEL = "openrouter/openai/text-embedding-3-small"
IMAGE_MODEL = "openrouter/google/gemini-2.5-flash-image"


def ask(**keywords: Any) -> Any:
    """Return the answer to a chat; a question is asked where none is given."""
    question = [{"role": "user", "content": "Name three birds."}]
    return litellm.completion(**{"model": CHAT_MODEL, "messages": question, **keywords})


async def aask(**keywords: Any) -> Any:
    """Return the answer to a chat, asynchronously."""
    question = [{"role": "user", "content": "Name three birds."}]
    return await litellm.acompletion(**{"model": CHAT_MODEL, "messages": question, **keywords})


def embed(**keywords: Any) -> Any:
    """Return the embedding of a text."""
    return litellm.embedding(**{"model": EMBEDDING_MODEL, "input": ["a bird"], **keywords})


async def aembed(**keywords: Any) -> Any:
    """Return the embedding of a text, asynchronously."""
    return await litellm.aembedding(**{"model": EMBEDDING_MODEL, "input": ["a bird"], **keywords})


def draw(**keywords: Any) -> Any:
    """Return an image."""
    return litellm.image_generation(**{"model": IMAGE_MODEL, "prompt": "a bird", **keywords})


async def adraw(**keywords: Any) -> Any:
    """Return an image, asynchronously."""
    return await litellm.aimage_generation(**{"model": IMAGE_MODEL, "prompt": "a bird", **keywords})


def stream(**keywords: Any) -> Any:
    """Return the chunks of a streamed answer."""
    return list(ask(stream=True, **keywords))


async def astream(**keywords: Any) -> Any:
    """Return the chunks of a streamed answer, asynchronously."""
    return [chunk async for chunk in await aask(stream=True, **keywords)]


def _run(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda **keywords: asyncio.run(function(**keywords))


WAYS: dict[str, Callable[..., Any]] = {
    "completion": ask,
    "acompletion": _run(aask),
    "stream": stream,
    "astream": _run(astream),
    "embedding": embed,
    "aembedding": _run(aembed),
    "image_generation": draw,
    "aimage_generation": _run(adraw),
}
