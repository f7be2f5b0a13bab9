"""One finished chat completion, and the JSON it goes out as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import billing, reasoning

if TYPE_CHECKING:
    from .answers import Answer
    from .billing import Cost, Usage
    from .catalog import Endpoint, Model

_NATIVE_REASONS = {
    reasoning.ANTHROPIC: {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"},
    reasoning.GOOGLE: {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP"},
    reasoning.OPENAI: {
        "stop": "completed",
        "length": "max_output_tokens",
        "tool_calls": "completed",
    },
    reasoning.XAI: {"stop": "completed", "tool_calls": "completed"},
}


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer with its price: all that the wire says, in either form.

    Attributes:
        id: The generation id.
        created: Seconds since 1970.
        model: Who answered.
        endpoint: Whose hardware it ran on.
        answer: What was said, limits applied; its reasoning may be hidden from the caller.
        call_ids: Ids of the answer's tool calls.
        usage: Tokens.
        cost: USD.
        show_reasoning: Whether the thought is part of the message.
        path: The endpoint that was asked.
    """

    id: str
    created: int
    model: Model
    endpoint: Endpoint
    answer: Answer
    call_ids: tuple[str, ...]
    usage: Usage
    cost: Cost
    show_reasoning: bool = True
    path: str = "/chat/completions"

    @property
    def reasoning_format(self) -> str:
        """The format of the model's reasoning details."""
        return self.model.reasoning.format if self.model.reasoning else "unknown"

    @property
    def native_finish_reason(self) -> str | None:
        """The provider's word for why the answer ended."""
        finish = self.answer.finish_reason
        if finish is None:
            return None
        return _NATIVE_REASONS.get(self.reasoning_format, {}).get(finish, finish)

    @property
    def service_tier(self) -> str | None:
        """The upstream's service tier, where it says one."""
        tells = self.reasoning_format == reasoning.OPENAI or self.endpoint.provider == "Anthropic"
        return "default" if tells or self.reasoning_format == reasoning.GOOGLE else None

    @property
    def visible_thought(self) -> str | None:
        """The thought that the message carries, None for none."""
        return self.answer.reasoning if self.show_reasoning else None

    def wire_usage(self) -> dict[str, Any]:
        """Return the `usage` object."""
        return billing.chat_usage(self.usage, self.cost)


def body(completion: Completion) -> dict[str, Any]:
    """Return the body of an answer that does not stream."""
    return {
        "id": completion.id,
        "object": "chat.completion",
        "created": completion.created,
        "model": completion.model.canonical_slug,
        "provider": completion.endpoint.provider,
        "system_fingerprint": None,
        "service_tier": completion.service_tier,
        "choices": [
            {
                "index": 0,
                "logprobs": None,
                "finish_reason": completion.answer.finish_reason,
                "native_finish_reason": completion.native_finish_reason,
                "message": message(completion),
            }
        ],
        "usage": completion.wire_usage(),
    }


def message(completion: Completion) -> dict[str, Any]:
    """Return the assistant's message; a key is absent where it has nothing to say."""
    answer, thought = completion.answer, completion.visible_thought
    form = completion.reasoning_format
    wire: dict[str, Any] = {
        "role": "assistant",
        "content": answer.content,
        "refusal": None,
        "reasoning": reasoning.shown_text(form, thought) if thought else None,
    }
    if answer.tool_calls:
        wire["tool_calls"] = tool_calls(completion)
    if answer.images:
        wire["images"] = images(answer)
    if thought:
        wire["reasoning_details"] = reasoning.details(form, thought)
    if answer.annotations:
        wire["annotations"] = list(answer.annotations)
    return wire


def tool_calls(completion: Completion) -> list[dict[str, Any]]:
    """Return the message's tool calls; one without arguments has no such key."""
    return [
        {
            "type": "function",
            "index": place,
            "id": call_id,
            "function": {"name": call.name}
            if call.arguments is None
            else {"name": call.name, "arguments": call.arguments},
        }
        for place, (call, call_id) in enumerate(
            zip(completion.answer.tool_calls, completion.call_ids, strict=True)
        )
    ]


def images(answer: Answer) -> list[dict[str, Any]]:
    """Return the message's images."""
    return [
        {"type": "image_url", "image_url": {"url": url}, "index": place}
        for place, url in enumerate(answer.images)
    ]
