"""One request to each endpoint of the proxy, as plain JSON and forms."""

from __future__ import annotations

import base64
import io
import wave
from typing import Any

CHAT, CLAUDE = "openrouter/openai/gpt-4o-mini", "openrouter/anthropic/claude-haiku-4.5"
IMAGE = "openrouter/google/gemini-2.5-flash-image"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
QUESTION: Any = [{"role": "user", "content": "What is the capital of France?"}]

JSON: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"model": CHAT, "messages": QUESTION, "max_tokens": 60},
    "/v1/completions": {"model": CHAT, "prompt": "Paris is", "max_tokens": 60},
    "/v1/responses": {"model": CHAT, "input": "Name three birds.", "max_output_tokens": 60},
    "/v1/messages": {"model": CLAUDE, "messages": QUESTION, "max_tokens": 60},
    "/v1/embeddings": {"model": "openrouter/openai/text-embedding-3-small", "input": ["Rome"]},
    "/v1/images/generations": {"model": IMAGE, "prompt": "A lighthouse"},
    "/v1/rerank": {
        "model": "openrouter/voyageai/rerank-2.5-lite",
        "query": "a bird",
        "documents": ["a wren", "a rock"],
    },
    "/v1/audio/speech": {
        "model": "openrouter/hexgrad/kokoro-82m",
        "input": "Hello there",
        "voice": "af_bella",
        "response_format": "mp3",
    },
}
FORMS: dict[str, dict[str, Any]] = {
    "/v1/images/edits": {"model": IMAGE, "prompt": "A lighthouse"},
    "/v1/audio/transcriptions": {"model": "openrouter/openai/gpt-4o-mini-transcribe"},
}
STREAMED = ("/v1/chat/completions", "/v1/responses", "/v1/messages")
ENDPOINTS = (*JSON, *FORMS)


def recording() -> bytes:
    """Return a second of silence."""
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(32_000))
    return made.getvalue()


def of(path: str, **more: Any) -> dict[str, Any]:
    """Return the keywords with which httpx posts a request to an endpoint."""
    if path in JSON:
        return {"json": {**JSON[path], **more}}
    file = (
        {"image": ("a.png", PNG, "image/png")}
        if path.endswith("edits")
        else {"file": ("a.wav", recording(), "audio/wav")}
    )
    return {"data": {**FORMS[path], **more}, "files": file}
