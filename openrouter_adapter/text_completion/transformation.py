"""`litellm.text_completion("openrouter/…")`: bodies and answers of `/completions`.

LiteLLM turns such a call into a chat before any adapter gets it; the chat's transformation class
recognizes it and calls these functions. An answer is checked in the form of a chat's
(completion.py, chat/stream_reader.py), and converted back to text.
See https://openrouter.ai/docs/api-reference/overview.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.wire import completion, errors, model_names, usage
from openrouter_adapter.wire.sse import EventParser

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm.types.utils import TextChoices, TextCompletionResponse

    from openrouter_adapter.wire.usage import Bill

PATH: Final = "/completions"

# The fields of a choice that are in the message of a chat.
_OF_MESSAGE: Final = ("reasoning", "reasoning_details", "refusal")
_PLACED: Final = frozenset({"id", "object", "created", "model", "choices", "usage"})


def build_body(model: str, messages: list[Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a text completion.

    Args:
        model: As OpenRouter names it, or as LiteLLM's core left it.
        messages: The prompts as LiteLLM's core converts them: a user message for each.
        fields: All other fields of the body, checked.

    Raises:
        litellm.BadRequestError: there is no prompt.
    """
    prompts = [message.get("content") for message in messages]
    if not prompts or not all(isinstance(prompt, str) and prompt for prompt in prompts):
        raise errors.bad_request(f"prompt={prompts!r:.200}: give a text, or a list of texts", model)
    prompt = prompts[0] if len(prompts) == 1 else prompts
    return {"model": model_names.wire_model(model), "prompt": prompt, **fields}


def parse(
    content: bytes, headers: Mapping[str, str] | None = None, model: str = ""
) -> dict[str, Any]:
    """The checked answer, with each choice's text in a `message`, as in a chat.

    Raises:
        One of LiteLLM's exceptions: the body holds an error, or no answer.
    """
    body = errors.read_json(content, headers, model)
    return completion.check(_as_chat(body, "message"), headers, model)


def billed_response(
    body: Mapping[str, Any], headers: Mapping[str, str] | None = None, _: object = None
) -> tuple[TextCompletionResponse, Bill]:
    """LiteLLM's response of a checked answer, with cost and facts in hidden params; its bill."""
    from litellm.types.llms.base import HiddenParams
    from litellm.types.utils import TextCompletionResponse

    others = {name: value for name, value in body.items() if name not in _PLACED}
    made = TextCompletionResponse(
        id=body.get("id"),
        created=body.get("created"),
        model=body.get("model"),
        choices=[_choice(choice) for choice in body["choices"]],
        usage=usage.litellm_usage(body["usage"]) if isinstance(body.get("usage"), dict) else None,
        **others,
    )
    hidden: dict[str, Any] = {}
    bill = usage.attach(hidden, body, headers)
    made.hidden_params = HiddenParams.model_validate(hidden)
    return made, bill


def _choice(wire: Mapping[str, Any]) -> TextChoices:
    from litellm.types.utils import Logprobs, TextChoices

    message = wire["message"]
    finish_reason, specific = completion.finish(wire, has_tool_calls=False)
    content = message.get("content")
    others = {name: message[name] for name in _OF_MESSAGE if message.get(name)}
    if message.get("reasoning"):
        others["reasoning_content"] = message["reasoning"]
    if specific:
        others["provider_specific_fields"] = specific
    logprobs = wire.get("logprobs")
    if isinstance(logprobs, dict):
        # Not checked: LiteLLM's class requires fields that providers leave out.
        logprobs = Logprobs.model_construct(**logprobs)
    return TextChoices(
        finish_reason=finish_reason,
        index=wire.get("index", 0),
        text=completion.text_of_parts(content) if isinstance(content, list) else content,
        logprobs=logprobs,
        **others,
    )


class TextEventParser(EventParser):
    """Converts the events of a text completion's stream to a chat's."""

    __slots__ = ()

    def _decode(self, data: bytes) -> Any:
        return _as_chat(super()._decode(data), "delta")


def _as_chat(body: Any, name: str) -> Any:
    """An answer or an event with each choice's text in a `message` or a `delta`."""
    choices = body.get("choices") if isinstance(body, dict) else None
    if not isinstance(choices, list):
        return body
    return {**body, "choices": [_chat_choice(choice, name) for choice in choices]}


def _chat_choice(choice: Any, name: str) -> Any:
    if not isinstance(choice, dict) or "text" not in choice:
        return choice
    rest = dict(choice)
    inner = {"role": "assistant", "content": rest.pop("text")}
    inner |= {field: rest.pop(field) for field in _OF_MESSAGE if field in rest}
    return {**rest, name: inner}
