"""The types name what the official SDK and OpenAI's client know, and cost nothing before use."""

from __future__ import annotations

import subprocess
import sys
import typing
from typing import Any

import pytest
import typing_extensions
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from openrouter import components

from openrouter_adapter import options
from openrouter_adapter.options import OPENROUTER_FIELDS, plugins, vocabulary


def test_every_exported_name_is_there() -> None:
    for name in options.__all__:
        assert getattr(options, name) is not None
    with pytest.raises(AttributeError):
        _ = options.Nothing  # type: ignore[attr-defined]


def test_the_names_are_those_of_the_type() -> None:
    assert set(options.Options.__annotations__) == OPENROUTER_FIELDS


def test_the_sdk_has_no_chat_field_that_is_neither_ours_nor_openais() -> None:
    openai = set(typing.get_type_hints(CompletionCreateParamsStreaming))
    assert set(components.ChatRequest.model_fields) - OPENROUTER_FIELDS - openai == set()


def test_the_sdk_has_no_embedding_field_that_is_neither_ours_nor_openais() -> None:
    from openai.types.embedding_create_params import EmbeddingCreateParams
    from openrouter.operations import CreateEmbeddingsRequestBody

    openai = set(typing.get_type_hints(EmbeddingCreateParams))
    assert set(CreateEmbeddingsRequestBody.model_fields) - OPENROUTER_FIELDS - openai == set()


def test_the_sdk_has_no_responses_field_that_is_neither_ours_nor_openais() -> None:
    from openai.types.responses.response_create_params import ResponseCreateParamsStreaming

    # OpenRouter takes its sampling parameters on every endpoint.
    openai = set(typing.get_type_hints(ResponseCreateParamsStreaming))
    openai |= set(typing.get_type_hints(CompletionCreateParamsStreaming))
    fields = {field.lower() for field in components.ResponsesRequest.model_fields}
    assert fields - OPENROUTER_FIELDS - openai == set()


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (options.ProviderPreferences, "ProviderPreferences"),
        (options.MaxPrice, "MaxPrice"),
        (options.ProviderSort, "ProviderSortConfig"),
        (options.Percentiles, "PercentileLatencyCutoffs"),
        (options.Percentiles, "PercentileThroughputCutoffs"),
        (options.Reasoning, "ChatRequestReasoning"),
        (options.Reasoning, "ReasoningConfig"),
        (options.Trace, "TraceConfig"),
        (options.Debug, "ChatDebugOptions"),
        (options.CacheControl, "AnthropicCacheControlDirective"),
        (options.PromptCacheOptions, "PromptCacheOptions"),
        (options.DeferredTools, "DeferredToolsControl"),
        (options.DeferredToolsSearch, "DeferredCustomSearch"),
        (options.DeferredToolsSearch, "DeferredBm25Search"),
        (options.StopCondition, "StopServerToolsWhenMaxCost"),
        (options.StopCondition, "StopServerToolsWhenStepCountIs"),
        (options.StopCondition, "StopServerToolsWhenHasToolCall"),
        (options.StopCondition, "StopServerToolsWhenMaxTokensUsed"),
        (options.StopCondition, "StopServerToolsWhenFinishReasonIs"),
        (options.WebPlugin, "WebSearchPlugin"),
        (options.Location, "UserLocation"),
        (options.XSearch, "XSearchOptions"),
        (options.WebFetchPlugin, "WebFetchPlugin"),
        (options.FileParserPlugin, "FileParserPlugin"),
        (options.PdfOptions, "PDFParserOptions"),
        (options.ResponseHealingPlugin, "ResponseHealingPlugin"),
        (options.ContextCompressionPlugin, "ContextCompressionPlugin"),
        (options.ModerationPlugin, "ModerationPlugin"),
        (options.AutoRouterPlugin, "AutoRouterPlugin"),
        (options.AutoBetaRouterPlugin, "AutoBetaRouterPlugin"),
        (options.ParetoRouterPlugin, "ParetoRouterPlugin"),
        (options.JevRouterPlugin, "JevRouterPlugin"),
        (options.SwitchyardRouterPlugin, "SwitchyardRouterPlugin"),
        (options.FusionPlugin, "FusionPlugin"),
        (options.ServerTool, "FusionPluginTool"),
        (options.AlignmentPlugin, "AlignmentPlugin"),
        (options.AlignmentRule, "AlignmentRule"),
        (options.ArmorPlugin, "ArmorPlugin"),
    ],
)
def test_no_key_of_the_sdk_is_missing(ours: Any, theirs: str) -> None:
    fields = getattr(components, theirs).model_fields
    missing = {field.alias or name for name, field in fields.items()} - set(ours.__annotations__)
    assert missing == set()


def words_of(hint: Any) -> set[str]:
    if typing.get_origin(hint) is typing.Literal:
        return set(typing.get_args(hint))
    return {word for part in typing.get_args(hint) for word in words_of(part)}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (vocabulary.DataCollection, "DataCollection"),
        (vocabulary.Quantization, "Quantization"),
        (vocabulary.SortBy, "ProviderSort"),
        (vocabulary.SortPartition, "Partition"),
        (vocabulary.Effort, "ChatRequestEffort"),
        (vocabulary.ReasoningSummary, "ChatReasoningSummaryVerbosityEnum"),
        (vocabulary.ReasoningContext, "ReasoningContext"),
        (vocabulary.ReasoningMode, "ReasoningMode"),
        (vocabulary.Modality, "Modality"),
        (vocabulary.ServiceTier, "ChatRequestServiceTier"),
        (vocabulary.CacheLifetime, "AnthropicCacheControlTTL"),
        (vocabulary.WebEngine, "WebSearchEngine"),
        (vocabulary.WebMode, "WebSearchMode"),
        (vocabulary.CompressionEngine, "ContextCompressionEngine"),
        (vocabulary.Verbosity, "Verbosity"),
    ],
)
def test_no_word_of_the_sdk_is_missing(ours: Any, theirs: str) -> None:
    assert words_of(getattr(components, theirs)) - words_of(ours) == set()


def test_no_plugin_of_the_sdk_is_missing() -> None:
    schema = components.ChatRequest.model_fields["plugins"].annotation
    ids = {
        word
        for plugin in vars(components).values()
        if isinstance(plugin, type) and plugin.__name__.endswith("Plugin")
        for word in words_of(plugin.model_fields["id"].annotation)  # type: ignore[attr-defined]
    }
    tags = {tag for tag in plugins.PLUGINS if f"'{tag}'" in str(schema)}
    assert tags == set(plugins.PLUGINS)
    assert ids <= set(plugins.PLUGINS)


def test_every_plugin_is_known_by_its_own_id() -> None:
    for plugin_id, plugin in plugins.PLUGINS.items():
        assert words_of(typing_extensions.get_type_hints(plugin)["id"]) == {plugin_id}


def test_no_provider_of_the_sdk_is_missing() -> None:
    # Slugs that are accounts of OpenRouter's own, old routes, or for its tests.
    inner = {"claude-on-aws", "fake-provider", "hyperbolic-quantized", "lynn-private", "mancer-old"}
    inner |= {"amazon-bedrock/claude-on-aws", "anthropic/2", "sambanova-cloaked", "together-lite"}
    inner |= {"wandb-legacy"}
    fields = components.ProviderOptions.model_fields
    slugs = {field.alias or name for name, field in fields.items()}
    assert slugs - inner - vocabulary.PROVIDERS == set()


def test_the_types_wait_for_the_first_option() -> None:
    code = (
        "import sys; from openrouter_adapter import options;"
        "options.check({'temperature': 0}, 'm');"
        "print(*(name for name in sys.modules if name.startswith('openrouter_adapter.options.')))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert "openrouter_adapter.options.collect" in run.stdout
    for module in ("vocabulary", "request", "validation"):
        assert f"openrouter_adapter.options.{module}" not in run.stdout
