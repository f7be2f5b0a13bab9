"""Calls that LiteLLM would send to OpenAI with a key of OpenRouter.

Batches, files, fine-tuning and moderations exist for some providers, and where a call names none
of them LiteLLM takes OpenAI: its address, and the key of the call or of a Router's deployment.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.wire import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FUNCTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "litellm.batches.main": ("create_batch", "retrieve_batch", "list_batches", "cancel_batch"),
    "litellm.files.main": (
        *("create_file", "file_content", "file_delete", "file_list", "file_retrieve"),
    ),
    "litellm.fine_tuning.main": (
        "create_fine_tuning_job",
        "cancel_fine_tuning_job",
        "list_fine_tuning_jobs",
        "retrieve_fine_tuning_job",
    ),
    "litellm.main": ("moderation",),
}
"""Of each module the functions that OpenRouter has no endpoint for; each has a twin in `a…`."""

_KEY: Final = "sk-or-"


def refusing(original: Callable[..., Any]) -> Callable[..., Any]:
    """Makes of a function one that refuses calls on OpenRouter's models or with its keys.

    Where the call names an address of its own, it is the caller who says where a key goes.
    """
    signature = inspect.signature(original)
    name = original.__name__

    def check(arguments: Any, keywords: Any) -> None:
        call = signature.bind_partial(*arguments, **keywords).arguments
        call = {**call, **call.pop("kwargs", {})}
        model = str(call.get("model"))
        is_ours = model.startswith(f"{errors.PROVIDER}/") or (
            str(call.get("api_key")).startswith(_KEY)
            or call.get("custom_llm_provider") == errors.PROVIDER
        )
        if is_ours and not call.get("api_base") and not call.get("base_url"):
            raise errors.bad_request(
                f"litellm.{name} has no endpoint on OpenRouter, and would be sent to OpenAI with "
                "OpenRouter's key: leave it out, or name another provider and its own key",
                model,
            )

    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def refuse_awaited(*arguments: Any, **keywords: Any) -> Any:
            check(arguments, keywords)
            return await original(*arguments, **keywords)

        return refuse_awaited

    @functools.wraps(original)
    def refuse(*arguments: Any, **keywords: Any) -> Any:
        check(arguments, keywords)
        return original(*arguments, **keywords)

    return refuse
