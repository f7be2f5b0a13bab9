"""A stream's message as LiteLLM's callbacks get it: a chat's response."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from litellm.types.utils import (
    ChatCompletionMessageToolCall,
    Choices,
    Function,
    Message,
    ModelResponse,
)

from openrouter_adapter.wire import errors, usage
from openrouter_adapter.wire.sse import EventParser

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FINISH_REASONS: Final[Mapping[str, str]] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
    "tool_use": "tool_calls",
}
# Kinds of a delta: the block's field that it adds to, and its own field with the text.
_DELTAS: Final[Mapping[str, tuple[str, str]]] = {
    "input_json_delta": ("json", "partial_json"),
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
}


def response_of(
    events: Iterable[bytes],
    facts: Mapping[str, Any],
    stop_reason: str | None,
    headers: Mapping[str, str],
) -> ModelResponse:
    """The response with the stream's text, thinking and tool calls, its usage and its cost.

    Args:
        events: The stream's bytes; none if nobody reads the content.
        facts: The message in the form of a chat's answer.
        stop_reason: Anthropic's stop reason; None if the stream was left.
        headers: The response headers.
    """
    response = ModelResponse()
    with contextlib.suppress(*errors.MALFORMED):
        response.choices = [_choice(_blocks(events), stop_reason)]
    for name in ("id", "model"):
        if facts.get(name):
            setattr(response, name, facts[name])
    if isinstance(facts.get("usage"), dict):
        response.usage = usage.litellm_usage(facts["usage"])  # type: ignore[attr-defined]
    usage.attach(response._hidden_params, facts, headers)
    return response


def _blocks(events: Iterable[bytes]) -> list[dict[str, Any]]:
    """The message's content blocks, each with the pieces of its texts in lists."""
    parser, blocks = EventParser(), dict[int, dict[str, Any]]()
    for piece in events:
        for event in parser.feed(piece):
            kind = event.get("type")
            if kind == "content_block_start":
                blocks[event["index"]] = dict(event["content_block"])
            elif kind == "content_block_delta" and event["delta"]["type"] in _DELTAS:
                field, source = _DELTAS[event["delta"]["type"]]
                pieces = blocks[event["index"]].setdefault(f"{field} pieces", [])
                pieces.append(event["delta"][source])
    return [blocks[index] for index in sorted(blocks)]


def _text(block: Mapping[str, Any], field: str) -> str:
    return str(block.get(field) or "") + "".join(block.get(f"{field} pieces") or ())


def _choice(blocks: list[dict[str, Any]], stop_reason: str | None) -> Choices:
    texts = [_text(block, "text") for block in blocks if block["type"] == "text"]
    thoughts = [_text(block, "thinking") for block in blocks if block["type"] == "thinking"]
    calls = [
        ChatCompletionMessageToolCall(
            id=block["id"],
            type="function",
            function=Function(name=block["name"], arguments=_text(block, "json") or "{}"),
        )
        for block in blocks
        if block["type"] == "tool_use"
    ]
    message = Message(
        role="assistant",
        content="".join(texts) or None,
        tool_calls=calls or None,
        reasoning_content="".join(thoughts) or None,
    )
    reason = _FINISH_REASONS.get(stop_reason or "", "stop")
    return Choices(index=0, finish_reason=reason, message=message)
