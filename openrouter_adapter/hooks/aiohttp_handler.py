"""LiteLLM's handler for models of `aiohttp_openai/…`, which no gate can watch."""

from __future__ import annotations

from typing import Any

from openrouter_adapter import admission
from openrouter_adapter.hooks import clients
from openrouter_adapter.wire import errors


class AiohttpHandler:
    """LiteLLM's handler for `aiohttp_openai/…`, whose client is none of httpx's."""

    def __init__(self, original: Any) -> None:
        self._original = original

    def __getattr__(self, name: str) -> Any:
        """Everything else is LiteLLM's own."""
        return getattr(self._original, name)

    def completion(self, *arguments: Any, **call: Any) -> Any:
        """A chat.

        Raises:
            litellm.BadRequestError: it would go to OpenRouter while there is a gate.
        """
        if admission.is_guarded() and clients.is_openrouter(call.get("api_base")):
            raise errors.bad_request(
                "a ledger or a budget can't see requests that LiteLLM sends by aiohttp_openai/: "
                f"name the model openrouter/{call.get('model')}",
                str(call.get("model")),
            )
        return self._original.completion(*arguments, **call)
