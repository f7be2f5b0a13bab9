"""LiteLLM's look-up of a counter of tokens: it finds ours for OpenRouter's models."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.wire import errors

if TYPE_CHECKING:
    from collections.abc import Callable

_PROXY: Final = "litellm.proxy.proxy_server"
# Later versions of the proxy don't ask these providers for a counter.
_NOT_ASKED: Final = "_PROVIDERS_WITH_LISTING_ONLY_MODEL_INFO"
# The counter is in a layer above this one.
_make_counter: Callable[[], Any] | None = None


def count_with(make_counter: Callable[[], Any]) -> None:
    """Says how to make the counter; it is made when it is needed."""
    global _make_counter
    _make_counter = make_counter


def with_counter(original: Any) -> Any:
    """A replacement for `get_provider_model_info`: for OpenRouter's models, it adds a counter.

    Without a model, LiteLLM asks for the list of models, and gets its own answer.
    """

    def look_up(model: str | None, provider: Any, *arguments: Any, **keywords: Any) -> Any:
        found = original.__func__(model, provider, *arguments, **keywords)
        if provider != errors.PROVIDER or model is None or _make_counter is None:
            return found
        info = _model_info()() if found is None else found
        info.get_token_counter = _make_counter
        return info

    return staticmethod(look_up)


def ask_in_proxy() -> None:
    """Has the proxy of this process, if there is one, ask for the counter."""
    proxy = sys.modules.get(_PROXY)
    not_asked = getattr(proxy, _NOT_ASKED, None)
    if not_asked is not None:
        kept = frozenset(one for one in not_asked if one != errors.PROVIDER)
        setattr(proxy, _NOT_ASKED, kept)


@functools.cache
def _model_info() -> type:
    from litellm.llms.base_llm.base_utils import BaseLLMModelInfo

    class OpenRouterModelInfo(BaseLLMModelInfo):
        """The methods that LiteLLM requires of a provider; these change nothing that is given."""

        def get_models(self, *_: Any, **__: Any) -> list[str]:
            return []

        def validate_environment(self, headers: dict[str, Any], *_: Any, **__: Any) -> Any:
            return headers

        @staticmethod
        def get_api_key(api_key: str | None = None) -> str | None:
            return api_key

        @staticmethod
        def get_api_base(api_base: str | None = None) -> str | None:
            return api_base

        @staticmethod
        def get_base_model(model: str) -> str | None:
            return model

    return OpenRouterModelInfo
