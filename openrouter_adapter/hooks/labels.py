"""A caller's metadata, kept where LiteLLM's Messages and Responses would lose it.

These two endpoints have a `metadata` of their own, which goes to the model's provider: what LiteLLM
is told by the same name (tags, a job) is dropped there. LiteLLM's name for it is
`litellm_metadata`, which goes through to its loggers, and to the ledger.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# The proxy has written either: it keeps a copy of the client's metadata beside its own.
_OF_PROXY: Final = frozenset({"requester_metadata", "user_api_key_hash"})


def keep(call: dict[str, Any], *, is_lost: bool) -> dict[str, Any]:
    """The keywords of a call, with what its `metadata` says in `litellm_metadata` too.

    Args:
        call: Keywords of a call on Messages or Responses; left alone, save for the dict that a
            Router has put into it and reads after the call.
        is_lost: Whether LiteLLM drops `metadata` also where there is no `litellm_metadata`.
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


def keeping(*, is_lost: bool) -> Callable[[Any], Any]:
    """Makes of one of LiteLLM's functions one that keeps the metadata of OpenRouter's calls."""

    def replacement(original: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(original)

        @functools.wraps(original)
        def call(*arguments: Any, **keywords: Any) -> Any:
            model = str(signature.bind_partial(*arguments, **keywords).arguments.get("model"))
            if "openrouter" in {keywords.get("custom_llm_provider"), model.partition("/")[0]}:
                keywords = keep(keywords, is_lost=is_lost)
            return original(*arguments, **keywords)

        return call

    return replacement
