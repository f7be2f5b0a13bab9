"""Names of request fields, and one warning for a name or a word that resembles a known one.

The names are OpenRouter's options, and the fields that it shares with OpenAI and LiteLLM. A
misspelled one is sent as given.
"""

from __future__ import annotations

import logging
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openrouter_adapter.options.validation import Shape

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
"""The names of all options, the keys of `Options`: looking one up needs no types."""

# What LiteLLM passes on for OpenAI's chat, embedding and image calls. None of these is checked, so
# a common request costs one comparison of sets.
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

logger = logging.getLogger("openrouter_adapter")

# Matches "hihg" with "high", and "fastest" or "ultra" with nothing.
_CLOSENESS = 0.75
# Longer strings are not misspelled words of ours, which have at most 25 letters.
_LONGEST = 40
# Bounds the memory for a caller who sends ever new names.
_MOST_WARNINGS = 1000

_warned: set[tuple[str, str]] = set()


def is_known_name(name: str) -> bool:
    """Whether LiteLLM or OpenAI has a parameter of this name."""
    return name in NATIVE_FIELDS or name in litellm_names()


@cache
def litellm_names() -> frozenset[str]:
    """The names of LiteLLM's own parameters, and of those that it takes for a chat."""
    from litellm.constants import DEFAULT_CHAT_COMPLETION_PARAM_VALUES
    from litellm.types.utils import all_litellm_params

    return frozenset((*DEFAULT_CHAT_COMPLETION_PARAM_VALUES, *all_litellm_params))


def warn_of_name(name: str) -> None:
    """Warns if a keyword resembles the name of an option, such as `provder`."""
    if not is_known_name(name):
        _warn(name, name, OPENROUTER_FIELDS)


def warn_of_slips(path: str, value: Any, shape: Shape) -> None:
    """Warns of keys and words inside an option that resemble known ones."""
    for place, word, known in _unknown(path, value, shape):
        _warn(place, word, known)


def _unknown(path: str, value: Any, shape: Shape) -> Iterator[tuple[str, str, frozenset[str]]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            known = shape.keys.get(key)
            if known is not None:
                yield from _unknown(f"{path}.{key}", inner, known)
            elif shape.keys and isinstance(key, str):
                yield f"{path}.{key}", key, frozenset(shape.keys)
    elif isinstance(value, list):
        if shape.item is not None:
            for inner in value:
                yield from _unknown(path, inner, shape.item)
    elif shape.words and isinstance(value, str) and value not in shape.words:
        yield path, value, shape.words


def _warn(place: str, word: str, known: frozenset[str]) -> None:
    match = _closest(word, known) if len(word) <= _LONGEST else None
    if match is None or (place, word) in _warned or len(_warned) >= _MOST_WARNINGS:
        return
    _warned.add((place, word))
    logger.warning(
        "%s: OpenRouter has no known %r; did you mean %r? It is sent as given.",
        place,
        word,
        match,
    )


@lru_cache(maxsize=1024)
def _closest(word: str, known: frozenset[str]) -> str | None:
    from difflib import get_close_matches

    from openrouter_adapter.options.vocabulary import PROVIDERS

    if known == PROVIDERS and _bare(word.partition("/")[0]) in {_bare(slug) for slug in known}:
        # A provider has many names: "deepinfra/turbo" is an endpoint, "AtlasCloud" a display name.
        return None
    matches = get_close_matches(word.lower(), sorted(known), n=1, cutoff=_CLOSENESS)
    if not matches:
        return None
    # "fp12" may be a new size, though "fp16" is known; "HIGH" is a misspelled "high".
    match, lower = matches[0], word.lower()
    return None if match != lower and _letters(match) == _letters(lower) else match


def _bare(word: str) -> str:
    return "".join(letter for letter in word.lower() if letter.isalnum())


def _letters(word: str) -> str:
    return "".join(letter for letter in word if not letter.isdigit())
