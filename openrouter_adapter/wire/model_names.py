"""Names of models: LiteLLM's, OpenRouter's, and the variants behind a colon, such as `:free`.

See https://openrouter.ai/docs/guides/routing/model-variants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

STATIC: Final = frozenset({"free", "extended", "thinking"})
"""Variants that are models of their own, with prices of their own."""
DYNAMIC: Final = frozenset({"online", "nitro", "floor", "exacto"})
"""Variants that route a model's requests differently, at the model's own prices."""

_BATCH: Final = "batch"


def wire_model(model: str) -> str:
    """The model as OpenRouter names it.

    LiteLLM's core splits `openrouter/auto` into a prefix and a model named `auto`; a name without
    an author that isn't a preset gets `openrouter/` back. LiteLLM's prefix, which a class that is
    used directly may get, is removed.
    """
    if model.startswith("openrouter/") and "/" in model.removeprefix("openrouter/"):
        return model.removeprefix("openrouter/")
    return model if "/" in model or model.startswith("@") else f"openrouter/{model}"


def is_batch_only(name: str) -> bool:
    """Whether only OpenRouter's Batch API accepts a name: it stands for a model's batch price."""
    return ":batch" in name and _BATCH in name.split(":")[1:]


def without_batch(name: str) -> str:
    """The name of the model without `:batch`."""
    return ":".join(part for part in name.split(":") if part != _BATCH)


def batch_only(name: str) -> str:
    """The reason why a name with `:batch` can't be called, as the end of a sentence."""
    return f"{name}, which only OpenRouter's Batch API takes; name {without_batch(name)} here"


def batch_only_in(body: Mapping[str, Any]) -> str | None:
    """The reason not to send a request whose model or fallback is a batch price, None if none is.

    OpenRouter answers 404 to it.
    """
    model, fallbacks = body.get("model"), body.get("models")
    if isinstance(model, str) and is_batch_only(model):
        return f"model is {batch_only(model)}"
    for name in fallbacks if isinstance(fallbacks, list) else ():
        if isinstance(name, str) and is_batch_only(name):
            return f"models has {batch_only(name)}"
    return None
