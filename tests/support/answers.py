"""Answers as OpenRouter writes them, each the plainest of its kind."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

COST = 0.0004970133333333333
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(16)).decode()
USAGE: dict[str, Any] = {
    "prompt_tokens": 5,
    "completion_tokens": 6,
    "total_tokens": 11,
    "cost": COST,
    "is_byok": False,
    "cost_details": {"upstream_inference_cost": COST},
}


def completion(content: str | None = "Wren, tit, owl.", **message: Any) -> dict[str, Any]:
    """Return a chat completion with one choice."""
    return {
        "id": "gen-1",
        "provider": "OpenAI",
        "model": "openai/gpt-4o-mini-2024-07-18",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "native_finish_reason": "stop",
                "logprobs": None,
                "message": {"role": "assistant", "content": content, **message},
            }
        ],
        "usage": USAGE,
    }


def chunks(*texts: str) -> list[Any]:
    """Return the events of a stream of these texts."""
    whole = completion()
    head = {name: whole[name] for name in ("id", "provider", "model", "created")}
    head["object"] = "chat.completion.chunk"

    def chunk(delta: dict[str, Any], reason: str | None, **beside: Any) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        return {**head, "choices": [choice], **beside}

    return [
        *(
            chunk({"role": "assistant", "content": text}, None)
            for text in texts or ("Wren,", " tit, owl.")
        ),
        chunk({"role": "assistant", "content": ""}, "stop", usage=USAGE),
    ]


def event_stream(events: list[Any]) -> bytes:
    """Return a stream's bytes: a comment, the events, the closing [DONE]."""
    lines = [": OPENROUTER PROCESSING", *(f"data: {json.dumps(event)}" for event in events)]
    return "".join(f"{line}\n\n" for line in [*lines, "data: [DONE]"]).encode()


def embeddings(inputs: Any, *, as_base64: bool = False) -> dict[str, Any]:
    """Return a vector of two floats for each input."""
    is_one = isinstance(inputs, str) or isinstance(inputs[0], int | float)
    count = 1 if is_one else len(inputs)
    return {
        "object": "list",
        "model": "openai/text-embedding-3-small",
        "id": "gen-emb-1",
        "provider": "OpenAI",
        "data": [
            {"object": "embedding", "index": i, "embedding": vector([0.5, float(i)], as_base64)}
            for i in range(count)
        ],
        "usage": {"prompt_tokens": 3, "total_tokens": 3, "cost": COST},
    }


def vector(floats: list[float], as_base64: bool) -> Any:
    """Return an embedding as floats, or as base64 of 32 bits each."""
    if as_base64:
        return base64.b64encode(struct.pack(f"<{len(floats)}f", *floats)).decode()
    return floats


def image(*urls: str, content: str = "", **message: Any) -> dict[str, Any]:
    """Return a completion that holds images; one PNG where no URLs are given."""
    urls = urls or (f"data:image/png;base64,{PIXEL}",)
    images = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    whole = completion(content, images=images, **message)
    whole["usage"] = {
        **USAGE,
        "completion_tokens": 1300,
        "total_tokens": 1305,
        "completion_tokens_details": {"reasoning_tokens": 0, "image_tokens": 1290},
    }
    return whole


def error(code: Any, message: str, **metadata: Any) -> dict[str, Any]:
    """Return an error's body."""
    found: dict[str, Any] = {"code": code, "message": message}
    if metadata:
        found["metadata"] = metadata
    return {"error": found, "user_id": "user_1"}
