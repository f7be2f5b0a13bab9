"""Messages of a request: LiteLLM's and OpenAI's forms → OpenRouter's.

The caller's messages are never changed: a message that needs no conversion is sent as the same
object, any other is a new dict of the caller's own values.
"""

from __future__ import annotations

import logging
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import orjson

from openrouter_adapter.chat import parts as content_parts
from openrouter_adapter.chat import reasoning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

logger = logging.getLogger("openrouter_adapter")

# The number of cache breakpoints that Anthropic accepts in a request:
# https://openrouter.ai/docs/features/prompt-caching
MOST_BREAKPOINTS: Final = 4

# The place of a breakpoint: field of the body, index in it, index of a message's part.
_Place: TypeAlias = "tuple[str, int, int | None]"

# Fields of a response's message that are LiteLLM's own, or that are rebuilt below.
_NOT_SENT: Final = frozenset(
    {
        "provider_specific_fields",
        "thinking_blocks",
        "reasoning",
        "reasoning_content",
        "reasoning_details",
        "reasoning_items",
        "function_call",
    }
)


def to_wire(
    messages: Sequence[Any], model: str = "", fields: Mapping[str, Any] = MappingProxyType({})
) -> list[Any]:
    """The messages in OpenRouter's form.

    Roles are kept. An assistant message of a response is sent back complete, with the reasoning
    that the models asked for accept. `cache_control` on a message moves to its last text part.

    Args:
        messages: The conversation.
        model: The model asked for.
        fields: The request's other fields, which may name more models.

    Raises:
        litellm.BadRequestError: a part that can't be sent, such as audio by URL.
    """
    signed, is_signed_known = None, False
    sent_details: set[Any] = set()
    wire = []
    for index, given in enumerate(messages):
        message = _as_dict(given)
        if isinstance(message, dict) and message.get("role") == "assistant":
            if not is_signed_known:
                signed, is_signed_known = reasoning.wants_signatures(model, fields), True
            message = _assistant(message, signed, sent_details)
        wire.append(_message(message, model, index))
    return wire


def limit_breakpoints(body: dict[str, Any]) -> None:
    """Limits an Anthropic request to four cache breakpoints: tools, system, then the newest.

    The oldest breakpoints of the conversation are removed, since they mark a prefix of what the
    newer ones mark. Otherwise agents that mark each turn would be refused.
    """
    if "claude" not in body["model"] and "anthropic/" not in body["model"]:
        return
    allowed = MOST_BREAKPOINTS - ("cache_control" in body)
    tools = enumerate(body.get("tools") or ())
    marked: list[_Place] = [("tools", i, None) for i, tool in tools if _marked(tool)]
    conversation: list[_Place] = []
    for i, message in enumerate(body["messages"]):
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list):
            places: list[_Place] = [
                ("messages", i, j) for j, part in enumerate(content) if _marked(part)
            ]
            system = message.get("role") in {"system", "developer"}
            (marked if system else conversation).extend(places)
    excess = len(marked) + len(conversation) - allowed
    if excess <= 0:
        return
    logger.warning(
        "%d cache breakpoints, Anthropic takes %d: the %d oldest are left out",
        len(marked) + len(conversation),
        allowed,
        excess,
    )
    for place in (conversation + marked[::-1])[:excess]:
        _unmark(body, *place)


def _marked(part: Any) -> bool:
    return isinstance(part, dict) and "cache_control" in part


def _unmark(body: dict[str, Any], field: str, index: int, part: int | None) -> None:
    body[field] = list(body[field])
    item = body[field][index] = dict(body[field][index])
    if part is not None:
        parts = item["content"] = list(item["content"])
        item = parts[part] = dict(parts[part])
    del item["cache_control"]


def _as_dict(message: Any) -> Any:
    return message.model_dump() if hasattr(message, "model_dump") else message


def _message(message: Any, model: str, index: int) -> Any:
    if not isinstance(message, dict):
        return message
    content = message.get("content")
    if isinstance(content, list):
        parts = [
            content_parts.to_wire(part, model, index, position)
            for position, part in enumerate(content)
        ]
        if any(new is not old for new, old in zip(parts, content, strict=True)):
            message = {**message, "content": parts}
    if "cache_control" in message:
        message = _cache_control_on_part(message)
    return message


def _assistant(
    message: dict[str, Any], signed: bool | None, sent_details: set[Any]
) -> dict[str, Any]:
    """An assistant message without LiteLLM's additions, with the fields that OpenRouter needs."""
    specific = message.get("provider_specific_fields")
    specific = specific if isinstance(specific, dict) else {}
    sent = {
        name: value
        for name, value in message.items()
        if name not in _NOT_SENT and (value is not None or name == "content")
    }
    if message.get("function_call"):
        sent["function_call"] = message["function_call"]
    if sent.get("tool_calls"):
        sent["tool_calls"] = [_tool_call(call) for call in sent["tool_calls"]]
    details = _details(message, specific, sent)
    if details:
        fresh = reasoning.without_sent(details, sent_details)
        if not fresh:
            return sent
        details = fresh
    said = (message.get("reasoning"), message.get("reasoning_content"), specific.get("reasoning"))
    texts = [text for text in said if isinstance(text, str)]
    thought = next(filter(None, texts), "" if message.get("reasoning") == "" else None)
    return sent | reasoning.fields_for(details, thought, signed=signed)


def _details(
    message: Mapping[str, Any], specific: Mapping[str, Any], sent: dict[str, Any]
) -> list[Any] | None:
    """A message's reasoning details, from any field; thinking is removed from its content."""
    blocks = message.get("thinking_blocks")
    content = sent.get("content")
    if isinstance(content, list) and any(map(_is_thinking, content)):
        # Anthropic's own form has the thinking among the parts.
        blocks = blocks or [part for part in content if _is_thinking(part)]
        sent["content"] = [part for part in content if not _is_thinking(part)]
    places = (message.get("reasoning_details"), specific.get("reasoning_details"))
    given: list[list[Any]] = [place for place in places if isinstance(place, list)]
    from_blocks = reasoning.details_of_blocks(blocks) if blocks else []
    return next(filter(None, given), from_blocks) or (given[0] if given else None)


def _is_thinking(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") in {"thinking", "redacted_thinking"}


def _tool_call(call: Any) -> Any:
    call = _as_dict(call)
    if not isinstance(call, dict):
        return call
    function = call.get("function")
    function = function if isinstance(function, dict) else {"arguments": ""}
    arguments = function.get("arguments")
    if isinstance(arguments, str) and "index" not in call:
        return call
    sent = {name: value for name, value in call.items() if name != "index"}
    if not isinstance(arguments, str):
        text = "{}" if arguments is None else orjson.dumps(arguments).decode()
        sent["function"] = {**function, "arguments": text}
    return sent


def _cache_control_on_part(message: dict[str, Any]) -> dict[str, Any]:
    """The message with its `cache_control` on the last text part, where OpenRouter reads it."""
    content = message.get("content")
    rest = {name: value for name, value in message.items() if name != "cache_control"}
    mark = {"cache_control": message["cache_control"]}
    if isinstance(content, str) and content:
        return {**rest, "content": [{"type": "text", "text": content, **mark}]}
    if isinstance(content, list) and content:
        texts = [i for i, part in enumerate(content) if _type(part) == "text"]
        last = texts[-1] if texts else len(content) - 1
        if isinstance(content[last], dict):
            parts = list(content)
            parts[last] = {**mark, **content[last]}
            return {**rest, "content": parts}
    return rest


def _type(part: Any) -> str | None:
    return part.get("type") if isinstance(part, dict) else None
