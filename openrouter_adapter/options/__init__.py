"""The request options that only OpenRouter has: their types, collection and validation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openrouter_adapter.options.collect import (
    HEADER_OPTIONS,
    cache_headers,
    check,
    fold_reasoning,
    gather,
    gather_known,
    headers_of,
    unsaid,
    with_extra,
)
from openrouter_adapter.options.collect import body_fields as body_fields
from openrouter_adapter.options.collect import contradiction as contradiction
from openrouter_adapter.options.names import OPENROUTER_FIELDS

if TYPE_CHECKING:
    from openrouter_adapter.options.plugins import (
        AlignmentPlugin,
        AlignmentRule,
        ArmorPlugin,
        AutoBetaRouterPlugin,
        AutoRouterPlugin,
        ContextCompressionPlugin,
        FileParserPlugin,
        FusionPlugin,
        JevRouterPlugin,
        Location,
        ModerationPlugin,
        OtherPlugin,
        ParetoRouterPlugin,
        PdfOptions,
        Plugin,
        ResponseHealingPlugin,
        ServerTool,
        SwitchyardRouterPlugin,
        WebFetchPlugin,
        WebPlugin,
        XSearch,
    )
    from openrouter_adapter.options.request import (
        CacheControl,
        Debug,
        DeferredTools,
        DeferredToolsSearch,
        ImageConfig,
        MaxPrice,
        Options,
        Percentiles,
        PromptCacheOptions,
        ProviderPreferences,
        ProviderSort,
        Reasoning,
        StopCondition,
        Trace,
        UsageAccounting,
        WebSearchOptions,
    )
    from openrouter_adapter.options.vocabulary import KnownProvider, Provider

__all__ = [
    "HEADER_OPTIONS",
    "OPENROUTER_FIELDS",
    "AlignmentPlugin",
    "AlignmentRule",
    "ArmorPlugin",
    "AutoBetaRouterPlugin",
    "AutoRouterPlugin",
    "CacheControl",
    "ContextCompressionPlugin",
    "Debug",
    "DeferredTools",
    "DeferredToolsSearch",
    "FileParserPlugin",
    "FusionPlugin",
    "ImageConfig",
    "JevRouterPlugin",
    "KnownProvider",
    "Location",
    "MaxPrice",
    "ModerationPlugin",
    "Options",
    "OtherPlugin",
    "ParetoRouterPlugin",
    "PdfOptions",
    "Percentiles",
    "Plugin",
    "PromptCacheOptions",
    "Provider",
    "ProviderPreferences",
    "ProviderSort",
    "Reasoning",
    "ResponseHealingPlugin",
    "ServerTool",
    "StopCondition",
    "SwitchyardRouterPlugin",
    "Trace",
    "UsageAccounting",
    "WebFetchPlugin",
    "WebPlugin",
    "WebSearchOptions",
    "XSearch",
    "cache_headers",
    "check",
    "fold_reasoning",
    "gather",
    "gather_known",
    "headers_of",
    "unsaid",
    "with_extra",
]


def __getattr__(name: str) -> Any:
    # Editors and the first check need the types; importing them takes 4 ms.
    if name in __all__:
        from openrouter_adapter.options import plugins, request, vocabulary

        for module in (plugins, request, vocabulary):
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
