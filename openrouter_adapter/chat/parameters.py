"""LiteLLM's parameters in OpenRouter's terms: what a chat request holds beside its messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import errors, options

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
NOT_SENT: Final = ("max_retries", "extra_headers", "extra_body", "extra_query")

# Asks for the cost in the answer: https://openrouter.ai/docs/use-cases/usage-accounting
INCLUDE_USAGE: Final[Mapping[str, bool]] = {"include": True}


def body_fields(parameters: Mapping[str, Any], model: str = "") -> dict[str, Any]:
    """The fields of a request's body from the keywords of the call.

    Raises:
        litellm.BadRequestError: a wrong option, or two that contradict each other.
    """
    fields = options.gather(parameters)
    for name in NOT_SENT:
        fields.pop(name, None)
    _agree_on_length(fields, model)
    _fold_reasoning(fields, model)
    options.check(fields, model)
    return fields


def _agree_on_length(fields: Mapping[str, Any], model: str) -> None:
    shorter, longer = fields.get("max_tokens"), fields.get("max_completion_tokens")
    if shorter is not None and longer is not None and shorter != longer:
        raise _contradiction(f"max_tokens={shorter!r}", f"max_completion_tokens={longer!r}", model)


def _fold_reasoning(fields: dict[str, Any], model: str) -> None:
    """`reasoning_effort` and `thinking` become `reasoning`, the only form OpenRouter reads."""
    effort, thinking = fields.pop("reasoning_effort", None), fields.pop("thinking", None)
    if effort is None and thinking is None:
        return
    given = fields.get("reasoning")
    if given is not None and not isinstance(given, dict):
        return
    by_thinking, by_effort = _of_thinking(thinking, model), _of_effort(effort)
    asked = by_thinking | by_effort
    is_overruled = any(asked[name] != value for name, value in by_thinking.items())
    if is_overruled or ("effort" in asked and "max_tokens" in asked):
        raise _contradiction(f"reasoning_effort={effort!r}", f"thinking={thinking!r}", model)
    for name, value in asked.items():
        other = {"effort": "max_tokens", "max_tokens": "effort"}.get(name, name)
        for rival in (name, other):
            if given and rival in given and (rival != name or given[rival] != value):
                ours = (
                    f"thinking={thinking!r}" if effort is None else f"reasoning_effort={effort!r}"
                )
                raise _contradiction(ours, f"reasoning={given!r}", model)
    fields["reasoning"] = {**(given or {}), **asked}


def _of_effort(effort: Any) -> dict[str, Any]:
    if effort is None:
        return {}
    # LiteLLM also takes the Responses API's object: {"effort": …, "summary": …}.
    return dict(effort) if isinstance(effort, dict) else {"effort": effort}


def _of_thinking(thinking: Any, model: str) -> dict[str, Any]:
    """Anthropic's thinking: enabled with a budget in tokens, adaptive, or disabled."""
    if thinking is None:
        return {}
    kind = thinking.get("type") if isinstance(thinking, dict) else thinking
    if kind in {"enabled", "adaptive", True}:
        budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
        return {"enabled": True} if budget is None else {"max_tokens": budget}
    if kind in {"disabled", False}:
        return {"effort": "none"}
    raise errors.bad_request(
        f"thinking={thinking!r} is not understood: its type is 'enabled' (with budget_tokens), "
        "'adaptive' or 'disabled'",
        model,
    )


def _contradiction(one: str, other: str, model: str) -> Exception:
    return errors.bad_request(f"{one} and {other} contradict each other: give one of them", model)
