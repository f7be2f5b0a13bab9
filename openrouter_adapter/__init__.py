"""Everything OpenRouter can do, through LiteLLM's own calls, with the exact price of each.

>>> import litellm, openrouter_adapter
>>> openrouter_adapter.register()
>>> litellm.completion("openrouter/openai/gpt-4o-mini", messages=[…])
"""

from openrouter_adapter._version import __version__
from openrouter_adapter.chat.transformation import OpenRouterChatConfig
from openrouter_adapter.embedding.transformation import OpenRouterEmbeddingConfig
from openrouter_adapter.image_generation.transformation import OpenRouterImageGenerationConfig
from openrouter_adapter.registration import register, registered, unregister

__all__ = [
    "OpenRouterChatConfig",
    "OpenRouterEmbeddingConfig",
    "OpenRouterImageGenerationConfig",
    "__version__",
    "register",
    "registered",
    "unregister",
]
