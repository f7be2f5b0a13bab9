"""Mixed requests through LiteLLM against an emulator, as a busy application makes them."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any

import litellm
from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER

CHAT = "openrouter/openai/gpt-4o-mini"
BYOK = "openrouter/anthropic/claude-sonnet-4"
EMBEDDING = "openrouter/openai/text-embedding-3-small"
IMAGE = "openrouter/google/gemini-2.5-flash-image"
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
# Of unstreamed chats: refused for nothing, charged though the answer was broken, or free.
FAULTS = (
    "status=502",
    "status=400",
    "rate-limit",
    "moderation",
    "html",
    "error-in-200",
    "choice-error",
    "null-choices",
    "bad-json",
    "cut=25",
    "no-arguments",
    "nested-body",
)
STREAM_FAULTS = (
    "error-chunk=502;after=2",
    "no-finish",
    "cut=900",
    "bad-json;after=2",
    "status=503",
)


def words(chance: random.Random) -> list[dict[str, Any]]:
    text = " ".join(chance.choices(["why", "how", "blue", "river", "seven"], k=8))
    return [{"role": "user", "content": text}]


async def chat(to: dict[str, Any], chance: random.Random) -> None:
    await litellm.acompletion(
        CHAT,
        words(chance),
        user=f"user-{chance.randrange(5)}",
        metadata={"tags": chance.sample(["red", "green", "blue"], k=2), "job": "mixed"},
        **to,
    )


async def tool_call(to: dict[str, Any], chance: random.Random) -> None:
    await litellm.acompletion(CHAT, words(chance), tools=[TOOL], tool_choice="required", **to)


async def byok(to: dict[str, Any], chance: random.Random) -> None:
    await litellm.acompletion(BYOK, words(chance), max_tokens=40, **to)


async def embedding(to: dict[str, Any], chance: random.Random) -> None:
    # By name: LiteLLM's cache fails on one given by position.
    await litellm.aembedding(EMBEDDING, input=[words(chance)[0]["content"]] * 3, **to)


async def image(to: dict[str, Any], chance: random.Random) -> None:
    await litellm.aimage_generation(
        prompt="a blue river", model=IMAGE, n=chance.choice([1, 2]), **to
    )


async def stream(to: dict[str, Any], chance: random.Random) -> None:
    async for _ in await litellm.acompletion(CHAT, words(chance), stream=True, **to):
        pass


async def left_stream(to: dict[str, Any], chance: random.Random) -> None:
    opened = await litellm.acompletion(CHAT, words(chance), stream=True, **to)
    for _ in range(chance.randrange(3)):
        await anext(opened)
    await opened.aclose()


async def retried(to: dict[str, Any], chance: random.Random) -> None:
    await litellm.acompletion(
        CHAT, words(chance), num_retries=1, extra_headers={"x-emulator-fault": "bad-json"}, **to
    )


async def faulty(to: dict[str, Any], chance: random.Random) -> None:
    headers = {"x-emulator-fault": chance.choice(FAULTS)}
    await litellm.acompletion(CHAT, words(chance), extra_headers=headers, **to)


async def faulty_stream(to: dict[str, Any], chance: random.Random) -> None:
    headers = {"x-emulator-fault": chance.choice(STREAM_FAULTS)}
    opened = await litellm.acompletion(
        CHAT, words(chance), stream=True, extra_headers=headers, **to
    )
    async for _ in opened:
        pass


async def repeated(to: dict[str, Any], chance: random.Random) -> None:
    """One of three questions that LiteLLM's cache soon knows."""
    question = [{"role": "user", "content": f"question {chance.randrange(3)}"}]
    await litellm.acompletion(CHAT, question, caching=True, **to)


async def synchronous(to: dict[str, Any], chance: random.Random) -> None:
    await asyncio.to_thread(litellm.completion, CHAT, words(chance), **to)


KINDS: tuple[tuple[Any, int], ...] = (
    (chat, 8),
    (tool_call, 2),
    (byok, 2),
    (embedding, 3),
    (image, 1),
    (stream, 4),
    (left_stream, 2),
    (retried, 1),
    (faulty, 4),
    (faulty_stream, 2),
    (synchronous, 2),
    (repeated, 2),
)


async def run(to: dict[str, Any], count: int, *, at_once: int = 32, seed: int = 0) -> None:
    """Make `count` calls of all kinds, some of which fail."""
    chance = random.Random(seed)  # noqa: S311
    kinds, weights = zip(*KINDS, strict=True)
    limit = asyncio.Semaphore(at_once)

    async def one(kind: Any, number: int) -> None:
        async with limit:
            with contextlib.suppress(Exception):
                await kind(to, random.Random(number))  # noqa: S311

    chosen = chance.choices(kinds, weights, k=count)
    await asyncio.gather(*(one(kind, number) for number, kind in enumerate(chosen)))
    # Of a hit of its cache LiteLLM tells by a callback, and drops those that the loop's end finds.
    await GLOBAL_LOGGING_WORKER.flush()
