"""Known values of OpenRouter's options, for editors and to detect misspelled ones.

Every list is open: OpenRouter adds values weekly, so any other string is sent unchanged.
Lists follow OpenRouter's documentation and the request schema of its official SDK 1.3.84.
"""
# ruff: noqa: PYI051 -- the values next to `str` are for editors

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


class _AnyString:
    """Makes pydantic accept any string, while editors offer the known ones."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return handler.generate_schema(str)


_any_string = _AnyString()

KnownProvider = Literal[
    "01ai",
    "ai21",
    "aion-labs",
    "akashml",
    "alibaba",
    "amazon-bedrock",
    "amazon-nova",
    "ambient",
    "anthropic",
    "anyscale",
    "arcee-ai",
    "assemblyai",
    "atlas-cloud",
    "atoma",
    "avian",
    "azure",
    "baidu",
    "baseten",
    "black-forest-labs",
    "byteplus",
    "centml",
    "cerebras",
    "chutes",
    "cirrascale",
    "clarifai",
    "claude-on-aws",
    "cloudflare",
    "cohere",
    "coreweave",
    "cosine",
    "crofai",
    "crucible",
    "crusoe",
    "darkbloom",
    "databricks",
    "decart",
    "deepgram",
    "deepinfra",
    "deepseek",
    "dekallm",
    "digitalocean",
    "elevenlabs",
    "enfer",
    "featherless",
    "fireworks",
    "fish-audio",
    "friendli",
    "gmicloud",
    "google-ai-studio",
    "google-vertex",
    "gopomelo",
    "groq",
    "heygen",
    "huggingface",
    "hyperbolic",
    "inception",
    "inceptron",
    "inferact-vllm",
    "inference-net",
    "infermatic",
    "inflection",
    "inocloud",
    "io-net",
    "ionstream",
    "klusterai",
    "krea",
    "lambda",
    "lepton",
    "liquid",
    "lynn",
    "makora",
    "mancer",
    "mara",
    "meta",
    "minimax",
    "mistral",
    "modal",
    "modelrun",
    "modular",
    "moonshotai",
    "morph",
    "ncompass",
    "near-ai",
    "nebius",
    "nex-agi",
    "nextbit",
    "nineteen",
    "novita",
    "nvidia",
    "octoai",
    "ollama",
    "open-inference",
    "openai",
    "parasail",
    "pareto-alpha",
    "perceptron",
    "perplexity",
    "phala",
    "poolside",
    "primeintellect",
    "quiver",
    "recraft",
    "recursal",
    "recursive",
    "reflection",
    "reka",
    "relace",
    "replicate",
    "respan",
    "runway",
    "sail-research",
    "sakana",
    "sakana-ai",
    "sambanova",
    "scaledown",
    "seed",
    "sf-compute",
    "siliconflow",
    "sourceful",
    "stealth",
    "stepfun",
    "streamlake",
    "switchpoint",
    "targon",
    "tencent",
    "tenstorrent",
    "thinkingmachines",
    "together",
    "typesafe",
    "ubicloud",
    "unbiased",
    "upstage",
    "venice",
    "voyageai",
    "wafer",
    "wandb",
    "xai",
    "xiaomi",
    "z-ai",
]
"""Slugs of providers.

https://openrouter.ai/docs/api-reference/list-available-providers
"""

PROVIDERS: frozenset[str] = frozenset(get_args(KnownProvider))

Provider = Annotated[KnownProvider | str, _any_string]
"""A provider's slug; `deepinfra/turbo` names one endpoint of a provider."""

DataCollection = Annotated[Literal["allow", "deny"] | str, _any_string]
Quantization = Annotated[
    Literal[
        "int4",
        "int8",
        "fp4",
        "mxfp4",
        "nvfp4",
        "fp6",
        "fp8",
        "mxfp8",
        "fp16",
        "bf16",
        "fp32",
        "unknown",
    ]
    | str,
    _any_string,
]
SortBy = Annotated[Literal["price", "throughput", "latency", "exacto"] | str, _any_string]
SortPartition = Annotated[Literal["model", "none"] | str, _any_string]

Effort = Annotated[
    Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | str, _any_string
]
ReasoningSummary = Annotated[Literal["auto", "concise", "detailed"] | str, _any_string]
ReasoningContext = Annotated[Literal["auto", "all_turns", "current_turn"] | str, _any_string]
ReasoningMode = Annotated[Literal["standard", "pro"] | str, _any_string]

Transform = Annotated[Literal["middle-out"] | str, _any_string]
Route = Annotated[Literal["fallback"] | str, _any_string]
Modality = Annotated[Literal["text", "image", "audio"] | str, _any_string]
Verbosity = Annotated[Literal["low", "medium", "high", "xhigh", "max"] | str, _any_string]
ServiceTier = Annotated[
    Literal["auto", "default", "fast", "flex", "priority", "scale", "ultrafast"] | str,
    _any_string,
]
SearchContextSize = Annotated[Literal["low", "medium", "high"] | str, _any_string]
AspectRatio = Annotated[
    Literal["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"] | str,
    _any_string,
]
ImageSize = Annotated[Literal["1K", "2K", "4K"] | str, _any_string]

CacheControlType = Annotated[Literal["ephemeral"] | str, _any_string]
CacheLifetime = Annotated[Literal["5m", "1h"] | str, _any_string]
PromptCacheMode = Annotated[Literal["explicit"] | str, _any_string]
PromptCacheLifetime = Annotated[Literal["30m", "12h"] | str, _any_string]

DeferredToolsProfile = Annotated[Literal["portable"] | str, _any_string]
DeferredToolsProtocol = Annotated[Literal["v1"] | str, _any_string]
DeferredToolsValidation = Annotated[Literal["runtime"] | str, _any_string]
DeferredToolsSearchType = Annotated[Literal["bm25", "regex", "custom"] | str, _any_string]
StopConditionType = Annotated[
    Literal["step_count_is", "has_tool_call", "max_tokens_used", "max_cost", "finish_reason_is"]
    | str,
    _any_string,
]

PdfEngine = Annotated[
    Literal["pdf-text", "mistral-ocr", "native", "cloudflare-ai"] | str, _any_string
]
WebEngine = Annotated[
    Literal["native", "exa", "firecrawl", "parallel", "perplexity"] | str, _any_string
]
WebMode = Annotated[
    Literal[
        "instant",
        "fast",
        "auto",
        "deep-lite",
        "deep",
        "deep-reasoning",
        "turbo",
        "basic",
        "advanced",
    ]
    | str,
    _any_string,
]
LocationType = Annotated[Literal["approximate"] | str, _any_string]
CompressionEngine = Annotated[Literal["middle-out"] | str, _any_string]
CostTier = Annotated[Literal["low", "medium", "high", "xhigh", "max"] | str, _any_string]
PriceSource = Annotated[Literal["prompt", "weighted_avg"] | str, _any_string]
FusionPreset = Annotated[
    Literal["general-high", "general-budget", "general-fast"] | str, _any_string
]
SwitchyardAlgorithm = Annotated[
    Literal["capability", "stage", "auto", "random", "composite", "passthrough"] | str,
    _any_string,
]
Enforcement = Annotated[Literal["enforce", "audit"] | str, _any_string]
WatchedField = Annotated[
    Literal["content", "tool_calls", "refusal", "images", "audio"] | str, _any_string
]
ArmorFailure = Annotated[Literal["log", "block"] | str, _any_string]
ArmorOutput = Annotated[
    Literal["text", "custom_item", "claude_code_compatibility"] | str, _any_string
]
