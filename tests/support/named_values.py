"""Every value that the documents name from which docs/coverage.md was made, by its field.

Those are LiteLLM's page on OpenRouter, pydantic-ai's page and API reference, OpenRouter's own
documentation, and the documentation of its Python SDK.
"""

from __future__ import annotations

from typing import Any, Final

PROVIDERS: Final = (
    *("z-ai", "cerebras", "venice", "moonshotai", "morph", "stealth", "wandb", "klusterai"),
    *("openai", "sambanova", "amazon-bedrock", "mistral", "nextbit", "atoma", "ai21", "minimax"),
    *("baseten", "anthropic", "featherless", "groq", "lambda", "azure", "ncompass", "deepseek"),
    *("hyperbolic", "crusoe", "cohere", "mancer", "avian", "perplexity", "novita", "siliconflow"),
    *("switchpoint", "xai", "inflection", "fireworks", "deepinfra", "inference-net", "inception"),
    *("atlas-cloud", "nvidia", "alibaba", "friendli", "infermatic", "targon", "ubicloud"),
    *("aion-labs", "liquid", "nineteen", "cloudflare", "nebius", "chutes", "enfer", "crofai"),
    *("open-inference", "phala", "gmicloud", "meta", "relace", "parasail", "together"),
    *("google-ai-studio", "google-vertex", "deepinfra/turbo"),
)

# A chat's body, field by field; each value is sent by itself.
CHAT: Final[dict[str, tuple[Any, ...]]] = {
    "provider.order": PROVIDERS,
    "provider.only": ("azure", "openai"),
    "provider.ignore": ("deepinfra",),
    "provider.allow_fallbacks": (True, False),
    "provider.require_parameters": (True, False),
    "provider.data_collection": ("allow", "deny"),
    "provider.zdr": (True, False),
    "provider.enforce_distillable_text": (True, False),
    "provider.sort": ("price", "throughput", "latency"),
    "provider.quantizations": (
        *("int4", "int8", "fp4", "fp6", "fp8", "fp16", "bf16", "fp32", "unknown"),
    ),
    "provider.max_price.prompt": (1,),
    "provider.max_price.completion": (2,),
    "provider.max_price.request": (0.01,),
    "provider.max_price.image": (0.02,),
    "models": ("anthropic/claude-3.5-sonnet", "gryphe/mythomax-l2-13b"),
    "preset": ("email-copywriter",),
    "transforms": ("middle-out",),
    "reasoning.effort": ("high", "medium", "low"),
    "reasoning.max_tokens": (2000,),
    "reasoning.exclude": (True, False),
    "reasoning.enabled": (True, False),
    "include_reasoning": (True, False),
    "usage.include": (True, False),
    "plugins.id": ("web", "file-parser", "response-healing"),
    "plugins.enabled": (True, False),
    "plugins.engine": ("native", "exa"),
    "plugins.max_results": (1, 3, 5),
    "plugins.search_prompt": ("Some relevant web results:",),
    "plugins.pdf.engine": ("pdf-text", "mistral-ocr", "native"),
    "web_search_options.search_context_size": ("low", "medium", "high"),
    "tool_choice": (
        "auto",
        "none",
        {"type": "function", "function": {"name": "search_database"}},
    ),
    "parallel_tool_calls": (True, False),
    "response_format.type": ("json_schema",),
    "response_format.json_schema.strict": (True,),
    "structured_outputs": (True,),
    "modalities": ("image", "text"),
    "image_config.aspect_ratio": (
        *("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"),
    ),
    "image_config.image_size": ("1K", "2K", "4K"),
    "temperature": (0.7, 0),
    "top_p": (0.9,),
    "max_tokens": (1000,),
    "stop": ("END",),
    "frequency_penalty": (0.5,),
    "presence_penalty": (0.5,),
    "seed": (7,),
}

# Fields that hold a list of the value.
LISTS: Final = {
    *("provider.order", "provider.only", "provider.ignore", "provider.quantizations"),
    *("models", "transforms", "modalities", "stop"),
}

# Names of models, as they are sent.
MODELS: Final = (
    *("openai/gpt-3.5-turbo", "openai/gpt-3.5-turbo-16k", "openai/gpt-4", "openai/gpt-4-32k"),
    *("anthropic/claude-2", "anthropic/claude-instant-v1"),
    *("google/palm-2-chat-bison", "google/palm-2-codechat-bison"),
    *("meta-llama/llama-2-13b-chat", "meta-llama/llama-2-70b-chat"),
    "meta-llama/llama-3.2-3b-instruct:free",
    "anthropic/claude-3.5-sonnet:extended",
    *("moonshotai/kimi-k2-0905:exacto", "deepseek/deepseek-r1:thinking"),
    *("openai/gpt-4o:online", "openai/gpt-oss-20b:free:online"),
    *("openai/gpt-4o:nitro", "openai/gpt-4o:floor"),
    *("openrouter/auto", "openrouter/bodybuilder"),
    *("@preset/ravenel-bridge", "openai/gpt-4@preset/email-copywriter"),
)

# Types of what a message's part holds as a data URL, or of a recording its format.
IMAGES: Final = ("image/png", "image/jpeg", "image/webp", "image/gif")
VIDEOS: Final = ("video/mp4", "video/mpeg", "video/mov", "video/webm")
RECORDINGS: Final = ("wav", "mp3", "aiff", "aac", "ogg", "flac", "m4a", "pcm16", "pcm24")

# LiteLLM's words for an image, with OpenRouter's.
SIZES: Final = {
    "1024x1024": "1:1",
    "1536x1024": "3:2",
    "1024x1536": "2:3",
    "1792x1024": "16:9",
    "1024x1792": "9:16",
}
QUALITIES: Final = {
    "low": "1K",
    "standard": "1K",
    "medium": "2K",
    "high": "4K",
    "hd": "4K",
}

# Anthropic's features that a header switches on.
BETAS: Final = (
    "fine-grained-tool-streaming-2025-05-14",
    "interleaved-thinking-2025-05-14",
    "fine-grained-tool-streaming-2025-05-14,interleaved-thinking-2025-05-14",
)

# Parameters that a model's `supported_parameters` may list.
SUPPORTED_PARAMETERS: Final = (
    *("tools", "tool_choice", "max_tokens", "temperature", "top_p", "reasoning"),
    *("include_reasoning", "structured_outputs", "response_format", "stop"),
    *("frequency_penalty", "presence_penalty", "seed"),
)

# Fields of a model in the list of models, and of what it holds.
MODEL_FIELDS: Final = {
    "": (
        *("id", "canonical_slug", "name", "created", "description", "context_length"),
        *("architecture", "pricing", "top_provider", "per_request_limits"),
        "supported_parameters",
    ),
    "architecture": ("input_modalities", "output_modalities", "tokenizer", "instruct_type"),
    "pricing": ("prompt", "completion"),
    "top_provider": ("context_length", "max_completion_tokens", "is_moderated"),
}
