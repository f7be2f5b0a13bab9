"""The body and the headers of a Messages request.

What the caller gave is sent as it is: OpenRouter takes Anthropic's own form for every model.
See https://openrouter.ai/docs/api-reference/anthropic-messages/create-messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import options
from openrouter_adapter.options import names
from openrouter_adapter.options.collect import PREFIX
from openrouter_adapter.wire import errors, model_names

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

PATH: Final = "/messages"

CHAT: Final = "chat"
MESSAGES: Final = "messages"
ROUTES: Final = ("messages_route", "openrouter_messages_route")
"""The keywords that choose a route; they are not sent."""

FIELDS: Final = frozenset(
    {
        *("cache_control", "context_management", "fallbacks", "max_tokens", "messages", "metadata"),
        *("model", "models", "output_config", "plugins", "provider", "route", "service_tier"),
        *("session_id", "speed", "stop_sequences", "stop_server_tools_when", "stream", "system"),
        *("temperature", "thinking", "tool_choice", "tools", "top_k", "top_p", "trace", "user"),
    }
)
"""The fields of a Messages request by OpenRouter's OpenAPI description."""

_ADVICE: Final[Mapping[str, str]] = {
    "include_reasoning": "thinking's display",
    "max_completion_tokens": "max_tokens",
    "parallel_tool_calls": "tool_choice's disable_parallel_tool_use",
    "reasoning": "thinking or output_config's effort",
    "reasoning_effort": "output_config's effort",
    "response_format": "output_config's format",
    "stop": "stop_sequences",
    "transforms": "the plugin context-compression",
    "verbosity": "output_config's effort",
    "web_search_options": "a tool, such as web_search_20250305",
}
# Fields of a chat, which OpenRouter would ignore here.
_OF_CHAT: Final = (
    options.OPENROUTER_FIELDS
    | _ADVICE.keys()
    | {
        *("frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "n"),
        *("prediction", "presence_penalty", "seed", "stream_options", "top_logprobs"),
    }
) - FIELDS
# LiteLLM's own keywords that its list of them lacks.
_OF_LITELLM: Final = frozenset(
    {
        *("client", "fallback_depth", "is_async", "litellm_params", "max_fallbacks", "model_info"),
        *("original_function", "provider_specific_header", "secret_fields", "use_litellm_proxy"),
    }
)
_SCALARS: Final = (str, int, float, dict, list)


def route_of(call: Mapping[str, Any], model: str = "") -> str:
    """`"messages"`, or `"chat"` if the call asks for LiteLLM's translation to a chat.

    Raises:
        litellm.BadRequestError: `openrouter_messages_route` names another one.
    """
    for name in ROUTES:
        route = call.get(name)
        if route is not None:
            if route not in (CHAT, MESSAGES):
                allowed = f"give {MESSAGES!r} or {CHAT!r}"
                raise errors.bad_request(f"{name}={route!r:.100}: {allowed}", model)
            return str(route)
    return MESSAGES


def build_body(
    model: str, messages: Any, named: Mapping[str, Any], call: Mapping[str, Any]
) -> dict[str, Any]:
    """The body of a Messages request.

    Args:
        model: As OpenRouter names it, or as LiteLLM's core left it.
        messages: The conversation, in Anthropic's form.
        named: The parameters that LiteLLM knows as Anthropic's.
        call: All other keywords of the call: OpenRouter's options, fields that LiteLLM does not
            know, LiteLLM's own parameters, and `extra_body`, which is sent unchecked and fills in
            what no keyword sets.

    Raises:
        litellm.BadRequestError: a field is invalid, or one of a chat, which has no meaning here.
    """
    dropped = _dropped(call)
    fields = {
        name: value
        for name, value in {**_meant(call), **_given(named)}.items()
        if name not in dropped
    }
    if fields.get("thread"):
        raise errors.bad_request(
            f"thread={fields['thread']!r:.100}: OpenRouter stores no conversations, and would "
            "see only the new message. Send the whole conversation: tool_runner(…, thread=False)",
            model,
        )
    of_chat = sorted(_OF_CHAT & fields.keys())
    if of_chat and not _drops_params(call):
        raise errors.bad_request("; ".join(map(_refusal, of_chat)), model)
    for name in of_chat:
        del fields[name]
    checked = {name: fields.pop(name) for name in fields.keys() & options.OPENROUTER_FIELDS}
    options.check(checked, model)
    body = {
        "model": model_names.wire_model(model),
        "messages": messages,
        **fields,
        **checked,
    }
    return options.with_extra(body, call.get("extra_body"), model=model)


def _given(named: Mapping[str, Any]) -> dict[str, Any]:
    """Anthropic's parameters without those that say nothing: LiteLLM adds them to each call."""
    empty = {"metadata": {}, "stream": False}
    return {
        name: value
        for name, value in named.items()
        if value is not None and not (name in empty and value == empty[name])
    }


def _meant(call: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords for OpenRouter among all those of a call, under plain names.

    Only LiteLLM's own parameters are left out: any other keyword may be a new field of Anthropic's
    that neither LiteLLM nor this package knows yet.
    """
    own = _litellm_names()
    found = {
        name: value
        for name, value in call.items()
        if isinstance(value, _SCALARS)
        and name not in ROUTES
        and (
            name in FIELDS
            or name in _OF_CHAT
            or name.startswith(PREFIX)
            or not (name in own or name.startswith(("_", "litellm_")))
        )
    }
    # Anthropic's `metadata` is among the named parameters; this one has labels for LiteLLM's logs.
    for name in ("metadata", "extra_body"):
        found.pop(name, None)
    fallbacks = found.get("fallbacks", _fallbacks_of_client(call))
    if fallbacks is not None:
        found["fallbacks"] = fallbacks
    fields = options.gather(found)
    for name in fields.keys() - FIELDS - _OF_CHAT:
        names.warn_of_name(name)
    return fields


def _litellm_names() -> frozenset[str]:
    from litellm.types.router import GenericLiteLLMParams

    return names.litellm_names() | GenericLiteLLMParams.model_fields.keys() | _OF_LITELLM


def _fallbacks_of_client(call: Mapping[str, Any]) -> Any:
    """`fallbacks` as a client of the proxy sent it.

    A Router takes the keyword for its own; Anthropic's are a list of `{"model": name}`.
    """
    request = call.get("proxy_server_request")
    sent = request.get("body") if isinstance(request, dict) else None
    given = sent.get("fallbacks") if isinstance(sent, dict) else None
    if not isinstance(given, list) or not given:
        return None
    is_anthropics = all(
        isinstance(one, dict) and isinstance(one.get("model"), str) for one in given
    )
    return given if is_anthropics else None


def _dropped(call: Mapping[str, Any]) -> Collection[Any]:
    named = call.get("additional_drop_params")
    return named if isinstance(named, list | tuple) else ()


def _drops_params(call: Mapping[str, Any]) -> bool:
    import litellm

    return call.get("drop_params") is True or litellm.drop_params is True


def _refusal(name: str) -> str:
    advice = _ADVICE.get(name)
    instead = f"use {advice}" if advice else "leave it out"
    return (
        f"{name} is a field of chats that OpenRouter's {PATH} doesn't have: {instead}, "
        f"or send the request as a chat, with openrouter_messages_route={CHAT!r}"
    )


def with_client_headers(call: Mapping[str, Any]) -> dict[str, Any]:
    """LiteLLM's keywords of a call, with the proxy client's Anthropic headers among those to send.

    LiteLLM sends `anthropic-beta` and `anthropic-version` only to the providers that it lists.
    """
    given = call.get("provider_specific_header")
    headers = {
        name: value
        for one in (given if isinstance(given, list | tuple) else (given,))
        if isinstance(one, dict)
        for name, value in (one.get("extra_headers") or {}).items()
        if name.lower().startswith("anthropic-")
    }
    if not headers:
        return dict(call)
    return {**call, "extra_headers": {**headers, **(call.get("extra_headers") or {})}}
