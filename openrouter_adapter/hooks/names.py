"""Undocumented names of LiteLLM that this package calls.

table.py lists what is replaced. The names here are called: a method that a stream inherits, an
attribute of the logging object. A version of LiteLLM without one of them would fail in the middle
of a call, when OpenRouter has already charged for it, so `register()` looks first. Modules
and classes that are imported need no entry: without them `register()` fails by itself.
"""

from __future__ import annotations

import functools
import inspect
import pkgutil
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Name:
    """One name of LiteLLM.

    Attributes:
        module: The module, or the class in one, that has it.
        attribute: Its name there: a function, a method, or what a constructor sets.
        endpoint: The endpoint that needs it. If the name is missing, `register()` raises, or, if
            the endpoint is optional, each call of it does before anything is sent.
    """

    module: str
    attribute: str
    endpoint: str

    def is_there(self) -> bool:
        """Whether the installed LiteLLM has it."""
        owner = _owner(self.module)
        if owner is None:
            return False
        if hasattr(owner, self.attribute):
            return True
        kinds = inspect.getmro(owner) if isinstance(owner, type) else ()
        return any(self.attribute in _set_by(kind) for kind in kinds)


@functools.cache
def _owner(module: str) -> Any:
    try:
        return pkgutil.resolve_name(module)
    except (ImportError, AttributeError):
        return None


def _set_by(kind: Any) -> tuple[str, ...]:
    """The names in a class's own constructor, including the attributes that it sets."""
    made = vars(kind).get("__init__")
    names: tuple[str, ...] = getattr(getattr(made, "__code__", None), "co_names", ())
    return names


def _of(module: str, endpoint: str, *attributes: str) -> tuple[Name, ...]:
    return tuple(Name(module, attribute, endpoint) for attribute in attributes)


NAMES: Final = (
    *_of(
        "litellm.litellm_core_utils.streaming_handler.CustomStreamWrapper",
        "chat",
        "_add_mcp_list_tools_to_first_chunk",
        "_add_mcp_metadata_to_final_chunk",
        "_call_post_streaming_deployment_hook",
        "_check_max_streaming_duration",
        "_handle_stream_fallback_error",
        "_hidden_params",
        "_optional_combine_thinking_block_in_choices",
        "_restore_consumer_correlation_context",
        "async_cache_streaming_response",
        "cache_streaming_response",
        "completion_stream",
        "logging_obj",
        "merge_reasoning_content_in_choices",
        "rules",
        "sent_first_chunk",
    ),
    *_of(
        "litellm.litellm_core_utils.litellm_logging.Logging",
        "chat",
        "completion_start_time",
        "dispatch_failure_handlers",
        "dispatch_success_handlers",
        "failure_handler",
        "litellm_call_id",
        "llm_caching_handler",
        "model_call_details",
        "post_call",
        "start_time",
        "success_handler",
        "update_completion_start_time",
        "update_environment_variables",
    ),
    *_of(
        "litellm.llms.custom_httpx.http_handler",
        "chat",
        "_get_httpx_client",
        "get_async_httpx_client",
    ),
    *_of(
        "litellm",
        "chat",
        "_async_failure_callback",
        "_async_input_callback",
        "_async_success_callback",
    ),
    *_of("litellm.types.utils.ModelResponse", "chat", "_hidden_params"),
    *_of(
        "litellm.responses.streaming_iterator.BaseResponsesAPIStreamingIterator",
        "responses",
        "_call_post_streaming_deployment_hook",
        "_check_max_streaming_duration",
        "_handle_failure",
        "_hidden_params",
        "_process_chunk",
        "_restore_provider_response_headers",
        "completed_response",
        "finished",
        "response",
    ),
    *_of(
        "litellm.responses.streaming_iterator.ResponsesAPIStreamingIterator",
        "responses",
        "_await_pending_logging",
        "stream_iterator",
    ),
)
"""Every such name, by where it is."""


def missing() -> list[Name]:
    """The names that the installed LiteLLM lacks."""
    return [name for name in NAMES if not name.is_there()]
