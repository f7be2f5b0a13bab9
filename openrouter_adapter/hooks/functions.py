"""LiteLLM's own functions and classes, replaced by ones that know OpenRouter.

Each of these makes the replacement from what was there; registration.py puts it into its place.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.endpoint import arguments_of, is_for_openrouter
from openrouter_adapter.wire import connection, errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OPENAI_ONLY: Final[Mapping[str, tuple[str, ...]]] = {
    "litellm.fine_tuning.main": (
        "create_fine_tuning_job",
        "cancel_fine_tuning_job",
        "list_fine_tuning_jobs",
        "retrieve_fine_tuning_job",
    ),
    "litellm.main": ("moderation",),
}
"""The functions of each module that OpenRouter has no endpoint for; each has a twin named `a…`.

If such a call names no provider, LiteLLM takes OpenAI: its address, and the key of the call or of
a Router's deployment, which may be OpenRouter's.
"""

OPENAI_FIRST: Final[Mapping[str, tuple[str, ...]]] = {
    "litellm.batches.main": ("create_batch", "retrieve_batch", "list_batches", "cancel_batch"),
    "litellm.files.main": (
        *("create_file", "file_content", "file_delete", "file_list", "file_retrieve"),
    ),
}
"""Functions with a counterpart of ours, whose calls LiteLLM takes to OpenAI in the same way."""

_KEY: Final = "sk-or-"
# The proxy writes these two: it keeps a copy of the client's metadata alongside its own.
_OF_PROXY: Final = frozenset({"requester_metadata", "user_api_key_hash"})


def looking_up(config: type) -> Callable[[Any], Any]:
    """A replacement for a look-up that finds no class for OpenRouter: it finds ours."""

    def replacement(original: Any) -> Any:
        def look_up(model: str, provider: Any, *arguments: Any, **keywords: Any) -> Any:
            if provider == errors.PROVIDER:
                return config()
            return original.__func__(model, provider, *arguments, **keywords)

        return staticmethod(look_up)

    return replacement


def refusing(why: str) -> Callable[[Any], Any]:
    """A replacement for the function of an endpoint that lacks a place: it raises for OpenRouter.

    LiteLLM's own code might send something that was not asked for, at a cost that nobody sees.
    """

    def check(call: Mapping[str, Any]) -> None:
        if is_for_openrouter(call):
            raise errors.bad_request(why, str(call.get("model")))

    return functools.partial(_checking, check)


def refusing_keys(original: Callable[..., Any]) -> Callable[..., Any]:
    """A replacement for one of OPENAI_ONLY: it refuses OpenRouter's models and keys.

    If the call names an address, the caller has decided where the key goes.
    """

    def check(call: Mapping[str, Any]) -> None:
        if (is_for_openrouter(call) or _has_key(call)) and not _has_address(call):
            raise errors.bad_request(
                f"litellm.{original.__name__} has no endpoint on OpenRouter, and would be sent to "
                "OpenAI with OpenRouter's key: leave it out, or name another provider and its own "
                "key",
                str(call.get("model")),
            )

    return _checking(check, original)


def refusing_unnamed(original: Callable[..., Any]) -> Callable[..., Any]:
    """A replacement for one of OPENAI_FIRST: it refuses OpenRouter's key for another provider."""

    def check(call: Mapping[str, Any]) -> None:
        if _has_key(call) and not is_for_openrouter(call) and not _has_address(call):
            raise errors.bad_request(
                f"litellm.{original.__name__} would send OpenRouter's key to "
                f"{call.get('custom_llm_provider') or 'OpenAI'}: name the provider, "
                "custom_llm_provider='openrouter'"
            )

    return _checking(check, original)


def _has_key(call: Mapping[str, Any]) -> bool:
    return str(call.get("api_key")).startswith(_KEY)


def _has_address(call: Mapping[str, Any]) -> bool:
    return bool(call.get("api_base") or call.get("base_url"))


def _checking(
    check: Callable[[Mapping[str, Any]], None], original: Callable[..., Any]
) -> Callable[..., Any]:
    """A function that checks its arguments first; a coroutine function if the original is one."""
    signature = inspect.signature(original)
    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def checked_awaited(*arguments: Any, **keywords: Any) -> Any:
            check(arguments_of(signature, arguments, keywords))
            return await original(*arguments, **keywords)

        return checked_awaited

    @functools.wraps(original)
    def checked(*arguments: Any, **keywords: Any) -> Any:
        check(arguments_of(signature, arguments, keywords))
        return original(*arguments, **keywords)

    return checked


def keep_metadata(call: dict[str, Any], *, is_lost: bool) -> dict[str, Any]:
    """The keywords of a call, with the content of its `metadata` in `litellm_metadata`, too.

    Messages and Responses have a `metadata` of their own, which goes to the model's provider.
    On these endpoints LiteLLM drops what callers give LiteLLM itself by that name (tags, a job). As
    `litellm_metadata` it reaches LiteLLM's loggers, and the ledger.

    Args:
        call: Keywords of a call on Messages or Responses; left alone, except the dict that a
            Router has put into it and reads after the call.
        is_lost: Whether LiteLLM drops `metadata` even if there is no `litellm_metadata`.
    """
    metadata, kept = call.get("metadata"), call.get("litellm_metadata")
    if not isinstance(metadata, dict) or not metadata:
        return call
    if isinstance(kept, dict):
        if not _OF_PROXY & kept.keys():
            for name, value in metadata.items():
                kept.setdefault(name, value)
        return call
    return {**call, "litellm_metadata": dict(metadata)} if is_lost else call


def keeping_fallbacks(original: Callable[..., Any]) -> Callable[..., Any]:
    """A replacement for an asynchronous function of Messages: it keeps Anthropic's `fallbacks`.

    LiteLLM mistakes them for its own, and then notifies no callback of the answer.
    """
    signature = inspect.signature(original)

    @functools.wraps(original)
    async def call(*arguments: Any, **keywords: Any) -> Any:
        given = keywords.get("fallbacks")
        if given and is_for_openrouter(arguments_of(signature, arguments, keywords)):
            keywords["openrouter_fallbacks"] = keywords.pop("fallbacks")
        return await original(*arguments, **keywords)

    return call


def keeping_metadata(*, is_lost: bool) -> Callable[[Any], Any]:
    """A replacement for a function of Messages or Responses: it keeps the metadata of our calls."""

    def replacement(original: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(original)

        @functools.wraps(original)
        def call(*arguments: Any, **keywords: Any) -> Any:
            if is_for_openrouter(arguments_of(signature, arguments, keywords)):
                keywords = keep_metadata(keywords, is_lost=is_lost)
            return original(*arguments, **keywords)

        return call

    return replacement


def keeping_fields(original: type) -> type:
    """LiteLLM's class that chooses the fields of a Messages request; it keeps all of ours.

    It also keeps them for a model that it does not know, so our calls don't name their model.
    """
    base: Any = original

    class AnthropicMessagesRequestUtils(base):  # type: ignore[misc] # a class of LiteLLM's
        @staticmethod
        def get_requested_anthropic_messages_optional_param(
            *arguments: Any, **keywords: Any
        ) -> Any:
            if keywords.get("custom_llm_provider") == errors.PROVIDER:
                keywords["model"] = None
            return base.get_requested_anthropic_messages_optional_param(*arguments, **keywords)

    return AnthropicMessagesRequestUtils


def with_budget_errors(original: list[Any]) -> list[Any]:
    """The exceptions that LiteLLM raises as they are, rather than as one of its own."""
    from litellm.exceptions import BudgetExceededError

    return [*original, BudgetExceededError]


def with_our_headers(original: type) -> type:
    """LiteLLM's class for `litellm.decisions`, with the key and the attribution in our form.

    LiteLLM reads the cost out of the answer itself.
    """
    base: Any = original

    class OpenRouterDecisionsConfig(base):  # type: ignore[misc] # a class of LiteLLM's, or of nobody's
        def validate_environment(self, **keywords: Any) -> dict[str, str]:
            key = keywords.get("api_key") or connection.api_key(None, keywords.get("model", ""))
            given = super().validate_environment(**{**keywords, "api_key": key})
            return connection.request_headers(given, key)

    return OpenRouterDecisionsConfig
