"""The options that go into a request's headers, and never into its body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.wire import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

CACHE: Final = "openrouter_cache"
CACHE_CLEAR: Final = "openrouter_cache_clear"
# `openrouter_metadata` is OpenRouter's field `metadata` of a body.
ROUTER_METADATA: Final = "openrouter_router_metadata"
NAMES: Final = frozenset({CACHE, CACHE_CLEAR, ROUTER_METADATA})

LONGEST_CACHE: Final = 86_400
"""Seconds for which OpenRouter keeps a response at most."""


def headers_of(parameters: Mapping[str, Any], model: str = "") -> dict[str, str]:
    """The headers that a call's options ask for.

    Args:
        parameters: The call's keywords. `openrouter_cache` is True, False, or seconds;
            `openrouter_cache_clear` and `openrouter_router_metadata` are True or False.
        model: Named in the error.

    Raises:
        litellm.BadRequestError: one of them is something else; the message has name and value.
    """
    headers = cache_headers(parameters.get(CACHE), parameters.get(CACHE_CLEAR), model)
    metadata = _flag(parameters, ROUTER_METADATA, model)
    if metadata is not None:
        headers["X-OpenRouter-Metadata"] = "enabled" if metadata else "disabled"
    return headers


def cache_headers(cache: Any, clear: Any = None, model: str = "") -> dict[str, str]:
    """The headers that switch OpenRouter's cache of responses on or off, or renew an entry.

    Raises:
        litellm.BadRequestError: a value is none of those that `headers_of` names.

    Follows https://openrouter.ai/docs/guides/features/response-caching.
    """
    headers: dict[str, str] = {}
    if cache is not None:
        # True would be a second, otherwise.
        is_time = type(cache) is int and 1 <= cache <= LONGEST_CACHE
        if not is_time and not isinstance(cache, bool):
            raise _wrong(CACHE, cache, f"True, False, or 1 to {LONGEST_CACHE} seconds", model)
        headers["X-OpenRouter-Cache"] = "false" if cache is False else "true"
        if is_time:
            headers["X-OpenRouter-Cache-TTL"] = str(cache)
    if _flag({CACHE_CLEAR: clear}, CACHE_CLEAR, model):
        headers["X-OpenRouter-Cache-Clear"] = "true"
    return headers


def _flag(parameters: Mapping[str, Any], name: str, model: str) -> bool | None:
    value = parameters.get(name)
    if value is not None and not isinstance(value, bool):
        raise _wrong(name, value, "True or False", model)
    return value


def _wrong(name: str, value: Any, allowed: str, model: str) -> Exception:
    return errors.bad_request(f"{name}={value!r:.100}: give {allowed}", model)
