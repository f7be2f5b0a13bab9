"""A Messages call as a chat, by LiteLLM's translation: `openrouter_messages_route="chat"`."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.anthropic_messages import requests
from openrouter_adapter.wire import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

# LiteLLM's modules with the translation; it was moved.
_MODULES: Final = (
    "litellm.llms.anthropic.pass_through.adapters.handler",
    "litellm.llms.anthropic.messages.adapters.handler",
)
_TRANSLATOR: Final = "LiteLLMMessagesToCompletionTransformationHandler"
_OPTIONS: Final = "anthropic_messages_optional_request_params"


def call(keywords: Mapping[str, Any]) -> Any:
    """LiteLLM's answer, or a coroutine of it if the call is asynchronous.

    Args:
        keywords: Those of LiteLLM's HTTP handler.
    """
    named = keywords[_OPTIONS]
    others = {
        name: value
        for name, value in keywords["kwargs"].items()
        if name not in (*requests.ROUTES, *named)
    }
    passed = {"client", "custom_llm_provider", "api_base", "api_key"}
    return _translator().anthropic_messages_handler(
        **others,
        **{"max_tokens": None, **named},
        **{name: keywords.get(name) for name in passed},
        model=f"{errors.PROVIDER}/{keywords['model']}",
        messages=keywords["messages"],
        _is_async=keywords.get("_is_async"),
    )


def _translator() -> Any:
    found = next(filter(importlib.util.find_spec, _MODULES))
    return getattr(importlib.import_module(found), _TRANSLATOR)
