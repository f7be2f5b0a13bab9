"""LiteLLM's parameters in OpenRouter's terms: what a chat request holds beside its messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import options
from openrouter_adapter.wire import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

# Every OpenAI parameter that OpenRouter takes or that is translated below. LiteLLM rejects or
# silently drops what isn't here. https://openrouter.ai/docs/api-reference/parameters
SUPPORTED: Final = (
    "audio",
    "context_management",
    "extra_headers",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_retries",
    "max_tokens",
    "modalities",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
)

# Keywords that LiteLLM leaves among the parameters and that are not for the wire: a Router's
# retries are LiteLLM's own, and headers (the key may be among them) are no part of a body.
NOT_SENT: Final = ("max_retries", "extra_headers", "extra_query")

# Asks for the cost in the answer: https://openrouter.ai/docs/use-cases/usage-accounting
INCLUDE_USAGE: Final[Mapping[str, bool]] = {"include": True}


def body_fields(parameters: Mapping[str, Any], model: str = "") -> tuple[dict[str, Any], Any]:
    """The fields of a request's body from the keywords of the call, and its `extra_body`.

    Raises:
        litellm.BadRequestError: a wrong option, or two that contradict each other.
    """
    fields = options.gather(parameters)
    extra = fields.pop("extra_body", None)
    for name in NOT_SENT:
        fields.pop(name, None)
    _agree_on_length(fields, model)
    options.fold_reasoning(fields, model)
    options.check(fields, model)
    return fields, extra


def filled(body: dict[str, Any], extra: Any, model: str = "") -> dict[str, Any]:
    """A body with what `extra_body` adds to it, asking for the cost unless either says otherwise.

    Raises:
        litellm.BadRequestError: `extra_body` is not an object.
    """
    asked = body.setdefault("usage", INCLUDE_USAGE)
    return options.with_extra(body, extra, ("usage",) if asked is INCLUDE_USAGE else (), model)


def _agree_on_length(fields: Mapping[str, Any], model: str) -> None:
    shorter, longer = fields.get("max_tokens"), fields.get("max_completion_tokens")
    if shorter is not None and longer is not None and shorter != longer:
        raise _contradiction(f"max_tokens={shorter!r}", f"max_completion_tokens={longer!r}", model)


def _contradiction(one: str, other: str, model: str) -> Exception:
    return errors.bad_request(f"{one} and {other} contradict each other: give one of them", model)
