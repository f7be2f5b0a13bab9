"""Gives `register()` the token counter, which is in a layer above the registration's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openrouter_adapter.hooks import token_counts

if TYPE_CHECKING:
    from openrouter_adapter.catalog.token_counts import TokenCounter


def attach() -> None:
    """Has LiteLLM count the tokens of OpenRouter's models with the catalogue's counter."""
    token_counts.count_with(_make)


def _make() -> TokenCounter:
    # Imported here, because it brings LiteLLM and tiktoken.
    from openrouter_adapter.catalog.token_counts import TokenCounter

    return TokenCounter()
