"""The cost of an embedding that LiteLLM's cache had in part, which LiteLLM drops."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# What usage.attach puts on the response to the inputs that were sent.
_KEPT: Final = ("openrouter", "response_cost", "additional_headers", "headers")


def keeping_the_cost(original: Callable[..., Any]) -> Callable[..., Any]:
    """A replacement for LiteLLM's merging of cached vectors with new ones that keeps their bill."""
    signature = inspect.signature(original)

    @functools.wraps(original)
    def combine(*arguments: Any, **keywords: Any) -> Any:
        merged = original(*arguments, **keywords)
        given = signature.bind(*arguments, **keywords).arguments
        billed = getattr(given.get("embedding_response"), "_hidden_params", {})
        if "openrouter" in billed:
            kept = {name: billed[name] for name in _KEPT if name in billed}
            merged._hidden_params.update(kept)
        return merged

    return combine
