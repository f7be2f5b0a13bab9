"""A checked wire completion → LiteLLM's ModelResponse.

An accumulated stream has the same form and is converted in the same way, so both results are equal.
See https://openrouter.ai/docs/api-reference/chat-completion.
"""

from __future__ import annotations

import contextlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from openrouter_adapter.chat import reasoning
from openrouter_adapter.wire import completion, errors, usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm.types.utils import Choices, Message, ModelResponse

    from openrouter_adapter.wire.usage import Bill

# Fields that LiteLLM's objects have a place for; all others are in provider_specific_fields.
_MESSAGE_FIELDS: Final = frozenset(
    {
        "annotations",
        "audio",
        "content",
        "function_call",
        "images",
        "reasoning",
        "reasoning_content",
        "reasoning_details",
        "refusal",
        "role",
        "tool_calls",
    }
)
# Fields of which OpenRouter sends more kinds than LiteLLM's types allow.
_OURS: Final = frozenset({"annotations", "audio", "images", "thinking_blocks"})
_RESPONSE_FIELDS: Final = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "system_fingerprint"}
)


def model_response(
    body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> ModelResponse:
    """LiteLLM's response object of a checked completion, with cost and facts in hidden params."""
    return billed_response(body, headers)[0]


def billed_response(
    body: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
    into: ModelResponse | None = None,
) -> tuple[ModelResponse, Bill]:
    """The response of a checked completion, in LiteLLM's own if it made one, and its bill."""
    from litellm.types.utils import ModelResponse

    response = ModelResponse() if into is None else into
    response.choices = [_choice(choice) for choice in body["choices"]]
    if body.get("id"):
        response.id = body["id"]
    if isinstance(body.get("created"), int):
        response.created = body["created"]
    if body.get("model"):
        response.model = body["model"]
    if "system_fingerprint" in body:
        response.system_fingerprint = body["system_fingerprint"]
    if isinstance(body.get("usage"), dict):
        response.usage = usage.litellm_usage(body["usage"])  # type: ignore[attr-defined]
    for name, value in body.items():
        # A name that LiteLLM's object uses itself is in the hidden params only.
        if name not in _RESPONSE_FIELDS and not _is_used_by_litellm(name):
            setattr(response, name, value)
    return response, usage.attach(response._hidden_params, body, headers)


@lru_cache(maxsize=256)
def _is_used_by_litellm(name: str) -> bool:
    from litellm.types.utils import ModelResponse

    return hasattr(ModelResponse, name)


def lenient_message(original: Any) -> Any:
    """A replacement for LiteLLM's Message, in its cache, that accepts OpenRouter's fields.

    LiteLLM reads a cached answer with stricter types than the answer itself has: the annotation
    of a parsed file, which is not a URL citation, would make every hit an exception. LiteLLM 1.109
    puts such annotations among the fields without a name.
    """

    def message(**fields: Any) -> Any:
        unnamed = fields.get("provider_specific_fields") or {}
        if "annotations" in unnamed:
            fields["provider_specific_fields"] = {
                name: value for name, value in unnamed.items() if name != "annotations"
            }
            fields["annotations"] = [*(fields.get("annotations") or ()), *unnamed["annotations"]]
        try:
            return original(**fields)
        except ValidationError as refusal:
            odd = {error["loc"][0] for error in refusal.errors() if error["loc"]} & _OURS
            if not odd:
                raise
        made = original(**{name: value for name, value in fields.items() if name not in odd})
        for name in odd & fields.keys():
            setattr(made, str(name), fields[str(name)])
        return made

    return message


def put_partial(failure: Exception, headers: Mapping[str, str] | None = None) -> None:
    """Puts `partial_response`, the answer that had arrived, on an exception of completion.py."""
    body = failure.__dict__.pop("partial_completion", None)
    if body is not None:
        # The partial answer may have any form; the failure matters more.
        with contextlib.suppress(*errors.MALFORMED):
            failure.__dict__["partial_response"] = model_response(body, headers)


def _choice(wire: Mapping[str, Any]) -> Choices:
    from litellm.types.utils import Choices

    message = wire["message"]
    finish_reason, specific = completion.finish(wire, bool(message.get("tool_calls")))
    return Choices(
        finish_reason=finish_reason,
        index=wire.get("index", 0),
        message=_message(message),
        logprobs=wire.get("logprobs"),
        provider_specific_fields=specific or None,
    )


def _message(wire: Mapping[str, Any]) -> Message:
    from litellm.types.utils import Message

    details = wire.get("reasoning_details")
    content = wire.get("content")
    specific = {name: value for name, value in wire.items() if name not in _MESSAGE_FIELDS}
    if isinstance(content, list):
        specific["content"] = content
        content = completion.text_of_parts(content)
    # LiteLLM's built-in adapter has these here, too, and code may rely on it.
    for name in ("reasoning", "reasoning_details", "refusal"):
        if wire.get(name) or wire.get(name) == []:
            specific[name] = wire[name]
    message = Message(
        content=content,
        role="assistant",
        function_call=wire.get("function_call"),
        tool_calls=wire.get("tool_calls"),
        reasoning_content=reasoning.text(wire),
        provider_specific_fields=specific or None,
    )
    # Set rather than passed: LiteLLM's types allow fewer kinds of these than OpenRouter sends.
    blocks = reasoning.thinking_blocks(details)
    for name, value in (
        ("thinking_blocks", blocks),
        ("reasoning_details", details),
        ("annotations", wire.get("annotations")),
        ("images", _numbered(wire.get("images"))),
        ("audio", wire.get("audio")),
        ("refusal", wire.get("refusal")),
    ):
        if value:
            setattr(message, name, value)
    if details == []:
        # DeepSeek requires it to be sent back.
        message.reasoning_details = details  # type: ignore[attr-defined]
    _keep_unknown_function_fields(message, wire.get("tool_calls"))
    return message


def _numbered(images: Any) -> Any:
    """The images with the `index` that LiteLLM's type requires, if OpenRouter sent none."""
    if not isinstance(images, list):
        return images
    return [
        {**image, "index": i} if isinstance(image, dict) and "index" not in image else image
        for i, image in enumerate(images)
    ]


def _keep_unknown_function_fields(message: Message, wire: Any) -> None:
    """Sets the fields that LiteLLM's Function, which takes a name and arguments, leaves out."""
    for call, source in zip(message.tool_calls or (), wire or (), strict=False):
        function = source.get("function")
        if isinstance(function, dict) and len(function) > 2:
            for name in function.keys() - {"name", "arguments"}:
                setattr(call["function"], name, function[name])
