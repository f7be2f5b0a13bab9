"""Answers of OpenRouter's `/messages` as they come over the wire, and calls that ask for them."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import litellm

from tests.support.loopback import Arrived, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CLAUDE = "openrouter/anthropic/claude-haiku-4.5"
GENERATION = "gen-1"
HELLO: list[dict[str, Any]] = [{"role": "user", "content": "Hello"}]
DONE = b"event: data\ndata: [DONE]\n\n"
USAGE = {
    "input_tokens": 12,
    "output_tokens": 5,
    "cache_read_input_tokens": 3,
    "cache_creation_input_tokens": None,
    "cost": 0.00123,
    "is_byok": False,
}
TEXT = {"type": "text", "text": "Hello there.", "citations": []}


def message(*content: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return an answer with these blocks."""
    return {
        "id": GENERATION,
        "type": "message",
        "role": "assistant",
        "model": "anthropic/claude-haiku-4.5",
        "container": None,
        "content": list(content or (TEXT,)),
        "stop_reason": "end_turn",
        "stop_details": None,
        "stop_sequence": None,
        "provider": "Anthropic",
        "usage": USAGE,
        **fields,
    }


def event(data: dict[str, Any]) -> bytes:
    """Return one event of a stream."""
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()


def stream(*blocks: bytes, cost: bool = True) -> bytes:
    """Return a stream with these events between its beginning and its end."""
    start = message(stop_reason=None)
    usage = {"output_tokens": 5, **({"cost": 0.00123} if cost else {})}
    start |= {"content": [], "usage": {"input_tokens": 12, "output_tokens": 0}}
    return b"".join(
        (
            event({"type": "message_start", "message": start}),
            *(blocks or block(0, {"type": "text", "text": ""}, text_delta("Hello there."))),
            event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}),
            event({"type": "message_stop"}),
        )
    )


def block(index: int, content: dict[str, Any], *deltas: dict[str, Any]) -> list[bytes]:
    """Return the events of a content block."""
    return [
        event({"type": "content_block_start", "index": index, "content_block": content}),
        *(event({"type": "content_block_delta", "index": index, "delta": one}) for one in deltas),
        event({"type": "content_block_stop", "index": index}),
    ]


def text_delta(text: str) -> dict[str, Any]:
    """Return the delta of a text."""
    return {"type": "text_delta", "text": text}


def replies(answer: dict[str, Any] | None = None, events: bytes | None = None) -> Any:
    """Return a function for `Loopback.answer`, which answers a request as it asks to be."""
    headers = {"X-Generation-Id": GENERATION}

    def reply(request: Arrived) -> Reply:
        if request.body.get("stream"):
            streamed = {"Content-Type": "text/event-stream", **headers}
            return Reply((stream() if events is None else events) + DONE, headers=streamed)
        return Reply(message() if answer is None else answer, headers=headers)

    return reply


def asked(**fields: Any) -> dict[str, Any]:
    """Return the keywords of a call."""
    return {"model": CLAUDE, "max_tokens": 100, "messages": HELLO, **fields}


async def anthropic_messages(**fields: Any) -> Any:
    """Call LiteLLM's asynchronous function; a stream is returned as its bytes."""
    answer: Any = await litellm.anthropic_messages(**asked(**fields))
    if not fields.get("stream"):
        return answer
    return b"".join([piece async for piece in answer])


async def acreate(**fields: Any) -> Any:
    """Call it by LiteLLM's other name."""
    answer: Any = await litellm.anthropic.messages.acreate(**asked(**fields))
    return b"".join([piece async for piece in answer]) if fields.get("stream") else answer


def create(**fields: Any) -> Any:
    """Call LiteLLM's synchronous function."""
    answer: Any = litellm.anthropic.messages.create(**asked(**fields))
    return b"".join(answer) if fields.get("stream") else answer


async def acreate_in_thread(**fields: Any) -> Any:
    """Call LiteLLM's synchronous function from asynchronous code."""
    return await asyncio.to_thread(create, **fields)


WAYS: dict[str, Callable[..., Any]] = {
    "anthropic_messages": anthropic_messages,
    "messages.acreate": acreate,
    "messages.create": acreate_in_thread,
}


def data_of(events: bytes) -> Iterable[dict[str, Any]]:
    """Return the JSON of a stream's events."""
    for one in events.split(b"\n\n"):
        _, found, data = one.partition(b"data: ")
        if found:
            yield json.loads(data)
