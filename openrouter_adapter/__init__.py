"""Everything OpenRouter can do, through LiteLLM's own calls, with the exact price of each.

>>> import litellm, openrouter_adapter
>>> openrouter_adapter.register()
>>> litellm.completion("openrouter/openai/gpt-4o-mini", messages=[…])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from openrouter_adapter._version import __version__
from openrouter_adapter.registration import register, registered, unregister

if TYPE_CHECKING:
    from openrouter_adapter.audio_transcription.transformation import (
        OpenRouterAudioTranscriptionConfig,
    )
    from openrouter_adapter.chat.transformation import OpenRouterChatConfig
    from openrouter_adapter.embedding.transformation import OpenRouterEmbeddingConfig
    from openrouter_adapter.image_edit.transformation import OpenRouterImageEditConfig
    from openrouter_adapter.image_generation.transformation import OpenRouterImageGenerationConfig
    from openrouter_adapter.rerank.transformation import OpenRouterRerankConfig
    from openrouter_adapter.responses.transformation import OpenRouterResponsesConfig
    from openrouter_adapter.text_to_speech.transformation import OpenRouterTextToSpeechConfig

__all__ = [
    "OpenRouterAudioTranscriptionConfig",
    "OpenRouterChatConfig",
    "OpenRouterEmbeddingConfig",
    "OpenRouterImageEditConfig",
    "OpenRouterImageGenerationConfig",
    "OpenRouterRerankConfig",
    "OpenRouterResponsesConfig",
    "OpenRouterTextToSpeechConfig",
    "__version__",
    "register",
    "registered",
    "unregister",
]

# These bring LiteLLM with them, two seconds that the emulator and `--help` need not take.
_CLASSES = {
    "OpenRouterAudioTranscriptionConfig": "audio_transcription",
    "OpenRouterChatConfig": "chat",
    "OpenRouterEmbeddingConfig": "embedding",
    "OpenRouterImageEditConfig": "image_edit",
    "OpenRouterImageGenerationConfig": "image_generation",
    "OpenRouterRerankConfig": "rerank",
    "OpenRouterResponsesConfig": "responses",
    "OpenRouterTextToSpeechConfig": "text_to_speech",
}


def __getattr__(name: str) -> Any:
    if name in _CLASSES:
        module = importlib.import_module(f"openrouter_adapter.{_CLASSES[name]}.transformation")
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
