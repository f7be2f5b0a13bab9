"""`litellm.decisions("openrouter/…")`: LiteLLM's own class, with our headers on its requests."""

from __future__ import annotations

from typing import Any

from openrouter_adapter.wire import connection


def with_headers(original: type) -> type:
    """Makes of LiteLLM's transformation class one that sends the key and the attribution as ours.

    What such a request costs, LiteLLM reads out of its answer itself.
    """
    base: Any = original

    class OpenRouterDecisionsConfig(base):  # type: ignore[misc] # a class of LiteLLM's, or of nobody's
        def validate_environment(self, **keywords: Any) -> dict[str, str]:
            key = keywords.get("api_key") or connection.api_key(None, keywords.get("model", ""))
            given = super().validate_environment(**{**keywords, "api_key": key})
            return connection.request_headers(given, key)

    return OpenRouterDecisionsConfig
