"""Checks of a wire completion: whether it is an answer, and repairs of an unusual form.

See https://openrouter.ai/docs/api-reference/chat-completion.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.wire import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

FINISH_REASONS: Final = frozenset(
    {"stop", "length", "tool_calls", "content_filter", "function_call"}
)
_CHOICE_FIELDS: Final = frozenset({"finish_reason", "index", "logprobs", "message", "delta"})


def parse(
    content: bytes, headers: Mapping[str, str] | None = None, model: str = ""
) -> dict[str, Any]:
    """The checked wire completion in an answer's bytes.

    Raises:
        One of LiteLLM's exceptions: the body holds an error, or no answer.
    """
    return check(errors.read_json(content, headers, model), headers, model)


def check(body: Any, headers: Mapping[str, str] | None = None, model: str = "") -> dict[str, Any]:
    """The wire completion if it is an answer, repaired if only its form is unusual.

    Tool calls get missing ids and arguments; a completion nested in `provider` is unwrapped.

    Raises:
        One of LiteLLM's exceptions (see errors.py): the body holds an error, a choice holds
        one, or it has no answer. `partial_completion` has what arrived of a broken choice.
    """
    answer = errors.raise_for_body(body, headers, model)
    nested = answer.get("provider")
    if not answer.get("choices") and isinstance(nested, dict) and nested.get("choices"):
        # Fields that only the outer object has, such as the usage, are kept.
        outside = {n: v for n, v in answer.items() if n not in {"choices", "provider"}}
        answer = errors.raise_for_body({**outside, **nested}, headers, model)
    _raise_for_choices(answer, headers, model)
    return answer


def _raise_for_choices(body: dict[str, Any], headers: Mapping[str, str] | None, model: str) -> None:
    choices = body.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        choices = []
    if not choices:
        raise errors.no_answer(body, "the answer has no choices", headers, model, status=503)
    for choice in choices:
        if not isinstance(choice.get("message"), dict):
            # A text completion has `text` in its place.
            text = choice.pop("text", None)
            choice["message"] = {} if text is None else {"role": "assistant", "content": text}
        if isinstance(choice["message"].get("tool_calls"), list):
            repair_tool_calls(choice["message"]["tool_calls"])
    for choice in choices:
        _raise_for_choice(choice, body, headers, model)


def _raise_for_choice(
    choice: Mapping[str, Any],
    body: Mapping[str, Any],
    headers: Mapping[str, str] | None,
    model: str,
) -> None:
    finish_reason = choice.get("finish_reason")
    message = choice["message"]
    if choice.get("error"):
        error = choice["error"]
    elif finish_reason == "error":
        error = {"code": 502, "message": "the provider broke off with an error"}
    elif not message:
        error = {"code": 503, "message": "the answer has no message"}
    elif not finish_reason and not has_substance(message):
        error = {"code": 503, "message": "the answer is empty and has no finish_reason"}
    else:
        return
    exception = errors.from_body({**body, "error": error, "choices": [choice]}, headers, model)
    if has_substance(message):
        exception.__dict__["partial_completion"] = body
    raise exception


def has_substance(message: Mapping[str, Any]) -> bool:
    """Whether a message has any content from the model."""
    return any(
        message.get(name)
        for name in ("content", "tool_calls", "reasoning", "reasoning_details", "images")
    ) or any(message.get(name) for name in ("refusal", "audio", "function_call"))


def repair_tool_calls(tool_calls: list[Any]) -> None:
    """Adds missing ids and arguments to tool calls: an agent loop needs both.

    Existing arguments stay unchanged, byte for byte: another spelling of the same
    JSON would miss the provider's prompt cache on the next turn.
    """
    seen: set[str] = set()
    for call in tool_calls:
        if not isinstance(call, dict):
            continue
        function = call.get("function")
        if isinstance(function, dict) and function.get("arguments") is None:
            function["arguments"] = "{}"
        if not call.get("id") or call["id"] in seen:
            call["id"] = new_tool_call_id()
        seen.add(call["id"])


def new_tool_call_id() -> str:
    """A new id for a tool call that has none, or another call's."""
    return f"call_{uuid.uuid4().hex}"


def finish(wire: Mapping[str, Any], has_tool_calls: bool) -> tuple[str, dict[str, Any]]:
    """A choice's finish reason in OpenAI's terms, and the fields that LiteLLM has no place for.

    These fields include a reason that OpenAI doesn't have.
    """
    specific = {name: value for name, value in wire.items() if name not in _CHOICE_FIELDS}
    reason: Any = wire.get("finish_reason")
    is_known = reason in FINISH_REASONS
    if reason and not is_known:
        specific["finish_reason"] = reason
    if has_tool_calls and (reason == "stop" or not is_known):
        return "tool_calls", specific
    return reason if is_known else "stop", specific


def text_of_parts(parts: list[Any]) -> str:
    """The text of content that is a list of parts."""
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))
