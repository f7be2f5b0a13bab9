"""Names of request fields: OpenRouter's options, and what OpenAI and LiteLLM share with it."""

from __future__ import annotations

from functools import cache

OPENROUTER_FIELDS = frozenset(
    {
        "cache_control",
        "debug",
        "deferred_tools",
        "image_config",
        "include_reasoning",
        "input_type",
        "min_p",
        "modalities",
        "models",
        "plugins",
        "preset",
        "prompt_cache_key",
        "prompt_cache_options",
        "provider",
        "reasoning",
        "repetition_penalty",
        "route",
        "service_tier",
        "session_id",
        "stop_server_tools_when",
        "structured_outputs",
        "top_a",
        "top_k",
        "trace",
        "transforms",
        "usage",
        "verbosity",
        "web_search_options",
    }
)
"""The names of all options: the keys of `Options`, here so that a look needs no types."""

# What LiteLLM hands on for OpenAI's chat, embedding and image calls. Everything that is in
# here passes without a second look, so the common request costs one set comparison.
NATIVE_FIELDS = frozenset(
    {
        "audio",
        "background",
        "context_management",
        "dimensions",
        "encoding_format",
        "extra_body",
        "extra_headers",
        "extra_query",
        "frequency_penalty",
        "function_call",
        "functions",
        "input",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_retries",
        "max_tokens",
        "max_tool_calls",
        "messages",
        "metadata",
        "model",
        "moderation",
        "n",
        "output_compression",
        "output_format",
        "parallel_tool_calls",
        "partial_images",
        "prediction",
        "presence_penalty",
        "prompt",
        "prompt_cache_retention",
        "quality",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "size",
        "stop",
        "store",
        "stream",
        "stream_options",
        "style",
        "temperature",
        "thinking",
        "timeout",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_n",
        "top_p",
        "user",
    }
)


def is_known_name(name: str) -> bool:
    """Whether LiteLLM or OpenAI has a parameter of this name, so that it is no slip."""
    return name in NATIVE_FIELDS or name in _litellm_names()


@cache
def _litellm_names() -> frozenset[str]:
    from litellm.constants import DEFAULT_CHAT_COMPLETION_PARAM_VALUES
    from litellm.types.utils import all_litellm_params

    return frozenset((*DEFAULT_CHAT_COMPLETION_PARAM_VALUES, *all_litellm_params))
