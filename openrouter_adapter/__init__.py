"""OpenRouter's models through LiteLLM's own calls, with the exact price of each.

>>> import litellm, openrouter_adapter
>>> openrouter_adapter.register()
>>> litellm.completion("openrouter/openai/gpt-4o-mini", messages=[…])
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from openrouter_adapter._version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

    from openrouter_adapter.anthropic_messages.transformation import (
        OpenRouterAnthropicMessagesConfig,
    )
    from openrouter_adapter.audio_transcription.transformation import (
        OpenRouterAudioTranscriptionConfig,
    )
    from openrouter_adapter.chat.transformation import OpenRouterChatConfig
    from openrouter_adapter.embedding.transformation import OpenRouterEmbeddingConfig
    from openrouter_adapter.image_edit.transformation import OpenRouterImageEditConfig
    from openrouter_adapter.image_generation.transformation import OpenRouterImageGenerationConfig
    from openrouter_adapter.registration import RegistrationError
    from openrouter_adapter.rerank.transformation import OpenRouterRerankConfig
    from openrouter_adapter.responses.transformation import OpenRouterResponsesConfig
    from openrouter_adapter.text_to_speech.transformation import OpenRouterTextToSpeechConfig
    from openrouter_adapter.video_generation.transformation import OpenRouterVideoConfig
    from openrouter_adapter.video_generation.waiting import (
        adownload_video,
        await_for_video,
        download_video,
        wait_for_video,
    )
    from openrouter_adapter.wire.connection import Settings

__all__ = [
    "OpenRouterAnthropicMessagesConfig",
    "OpenRouterAudioTranscriptionConfig",
    "OpenRouterChatConfig",
    "OpenRouterEmbeddingConfig",
    "OpenRouterImageEditConfig",
    "OpenRouterImageGenerationConfig",
    "OpenRouterRerankConfig",
    "OpenRouterResponsesConfig",
    "OpenRouterTextToSpeechConfig",
    "OpenRouterVideoConfig",
    "RegistrationError",
    "__version__",
    "adownload_video",
    "await_for_video",
    "download_video",
    "register",
    "registered",
    "unregister",
    "wait_for_video",
]


def _settings(
    app_url: str | None,
    app_title: str | None,
    app_categories: str | Iterable[str] | None,
    max_response_bytes: int | None,
) -> Settings:
    from openrouter_adapter.wire.connection import Settings

    if app_categories is not None and not isinstance(app_categories, str):
        app_categories = ",".join(app_categories)
    return Settings(app_url, app_title, app_categories, max_response_bytes)


def register(
    *,
    app_url: str | None = None,
    app_title: str | None = None,
    app_categories: str | Iterable[str] | None = None,
    max_response_bytes: int | None = None,
) -> None:
    """Makes LiteLLM's calls on `openrouter/…` models run on this package.

    If OPENROUTER_ADAPTER_LEDGER names a ledger, calls are written to it from now on and its
    budgets apply, as after `ledger.enable()`; without the variable, neither network nor disk is
    used. Calling it again only changes the settings that are given. Safe from any thread.

    Args:
        app_url: The app's address, sent as `HTTP-Referer` if the call does not send its own.
        app_title: The app's name, sent as `X-Title`. See
            https://openrouter.ai/docs/app-attribution.
        app_categories: Its marketplace categories, such as `["cli-agent", "cloud-agent"]`, sent as
            `X-OpenRouter-Categories`.
        max_response_bytes: The largest body of a response that is read, after decompression. A
            larger one is a `litellm.BadRequestError`. If not given,
            OPENROUTER_ADAPTER_MAX_RESPONSE_BYTES, or else 200,000,000.

    Raises:
        ValueError: `app_categories` or `max_response_bytes` is invalid.
        RegistrationError: this version of LiteLLM has no place for chat, embeddings or images, or
            the variable names a ledger that this installation can't write. LiteLLM is as before.
    """
    from openrouter_adapter import counting, registration

    was_registered = registration.is_registered()
    counting.attach()
    registration.register(_settings(app_url, app_title, app_categories, max_response_bytes))
    try:
        _enable_ledger()
    except BaseException:
        if not was_registered:
            registration.unregister()
        raise


def unregister() -> None:
    """Puts LiteLLM's own objects back, and disables the ledger that `register()` enabled."""
    from openrouter_adapter import registration

    registration.unregister()
    _disable_ledger()


@contextlib.contextmanager
def registered(
    *,
    app_url: str | None = None,
    app_title: str | None = None,
    app_categories: str | Iterable[str] | None = None,
    max_response_bytes: int | None = None,
) -> Iterator[None]:
    """`register()` for the duration of a `with` block.

    Blocks may be nested, or run in several threads at once: the last one that ends unregisters,
    unless the package was registered before the first. A block's settings end with the block.
    """
    from openrouter_adapter import counting, registration

    given = _settings(app_url, app_title, app_categories, max_response_bytes)
    counting.attach()
    try:
        with registration.registered(given):
            _enable_ledger()
            yield
    finally:
        if not registration.is_registered():
            _disable_ledger()


_LEDGER = "OPENROUTER_ADAPTER_LEDGER"
# The ledger's module, if `register()` enabled it.
_ledger: ModuleType | None = None


def _enable_ledger() -> None:
    """Enables the ledger that the environment names, unless the program has enabled one."""
    global _ledger
    if not os.environ.get(_LEDGER):
        return
    from openrouter_adapter import registration

    try:
        from openrouter_adapter import ledger
    except ImportError as missing:
        raise registration.RegistrationError(f"{_LEDGER} is set, but {missing}") from missing
    if ledger.is_enabled():
        return
    try:
        ledger.enable()
    except ledger.LedgerError as wrong:
        raise registration.RegistrationError(f"{_LEDGER} is set, but {wrong}") from wrong
    _ledger = ledger


def _disable_ledger() -> None:
    global _ledger
    ledger, _ledger = _ledger, None
    if ledger is not None:
        ledger.disable()


def __getattr__(name: str) -> Any:
    # The classes bring LiteLLM with them, two seconds that the emulator and the command line need
    # not take. `registration` waits until it is used too: it brings httpx.
    if name == "RegistrationError":
        from openrouter_adapter.registration import RegistrationError

        return RegistrationError
    if name.endswith("_video") and name in __all__:
        from openrouter_adapter.video_generation import waiting

        return getattr(waiting, name)
    if name in __all__:
        from openrouter_adapter.hooks.table import ENDPOINTS

        for row in ENDPOINTS:
            if row.config == name:
                return row.load()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
