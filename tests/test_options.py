"""The OpenRouter options: how they are given, what is refused, and what is sent as it is."""

from __future__ import annotations

import os

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import contextlib
import copy
import logging
import subprocess
import sys
import typing
from typing import Any

import litellm
import pytest
import typing_extensions
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from openrouter import components

from openrouter_adapter import options
from openrouter_adapter.options import OPENROUTER_FIELDS, check, gather, plugins, slips, vocabulary

MODEL = "openai/gpt-4o-mini"

# Every option with every documented value.
GOOD: list[tuple[str, Any]] = [
    ("provider", {}),
    ("provider", {"order": ["anthropic", "deepinfra/turbo"], "allow_fallbacks": False}),
    ("provider", {"order": None, "only": None, "ignore": None, "sort": None}),
    ("provider", {"only": ["openai"], "ignore": ["azure"]}),
    ("provider", {"require_parameters": True, "zdr": True, "enforce_distillable_text": True}),
    *(("provider", {"data_collection": word}) for word in ("allow", "deny")),
    *(("provider", {"sort": word}) for word in ("price", "throughput", "latency", "exacto")),
    *(("provider", {"sort": {"by": "price", "partition": word}}) for word in ("model", "none")),
    *(
        ("provider", {"quantizations": [word]})
        for word in (
            *("int4", "int8", "fp4", "mxfp4", "nvfp4", "fp6", "fp8"),
            *("mxfp8", "fp16", "bf16", "fp32", "unknown"),
        )
    ),
    ("provider", {"max_price": {"prompt": 1, "completion": 2.5, "request": "0.01", "image": 0}}),
    ("provider", {"max_price": {"audio": "1"}}),
    ("provider", {"preferred_min_throughput": 50, "preferred_max_latency": 1.5}),
    ("provider", {"preferred_min_throughput": {"p50": 50, "p90": 20.0}}),
    ("provider", {"preferred_max_latency": {"p75": 1, "p99": None}}),
    ("provider", {"options": {"openai": {"anything": [1]}}}),
    ("models", ["anthropic/claude-sonnet-4.5", "~openai/gpt-latest"]),
    ("route", "fallback"),
    ("preset", "email-copywriter"),
    ("transforms", ["middle-out"]),
    ("transforms", []),
    ("plugins", []),
    ("plugins", [{"id": "web"}, {"id": "response-healing", "enabled": False}]),
    *(
        ("plugins", [{"id": "web", "engine": word, "max_results": 3, "max_uses": 2}])
        for word in ("native", "exa", "firecrawl", "parallel", "perplexity")
    ),
    *(("plugins", [{"id": "web", "mode": word}]) for word in ("auto", "deep-lite", "turbo")),
    ("plugins", [{"id": "web", "search_prompt": "Found:", "include_domains": ["a.org"]}]),
    ("plugins", [{"id": "web", "exclude_domains": [], "user_location": None}]),
    ("plugins", [{"id": "web", "user_location": {"type": "approximate", "city": "Oslo"}}]),
    (
        "plugins",
        [{"id": "web", "x_search": {"allowed_x_handles": ["a"], "from_date": "2025-01-01"}}],
    ),
    ("plugins", [{"id": "web-fetch", "allowed_domains": ["a.org"], "max_content_tokens": 9}]),
    *(
        ("plugins", [{"id": "file-parser", "pdf": {"engine": word}}])
        for word in ("pdf-text", "mistral-ocr", "native", "cloudflare-ai")
    ),
    ("plugins", [{"id": "context-compression", "engine": "middle-out"}]),
    ("plugins", [{"id": "moderation"}]),
    *(
        ("plugins", [{"id": router, "allowed_models": ["openai/*"], "cost_tier": "low"}])
        for router in ("auto-router", "auto-beta-router", "jev-router")
    ),
    ("plugins", [{"id": "auto-router", "cost_quality_tradeoff": 7, "pin_model": True}]),
    ("plugins", [{"id": "pareto-router", "max_price": 1, "price_source": "weighted_avg"}]),
    ("plugins", [{"id": "pareto-router", "min_coding_score": 0.8}]),
    ("plugins", [{"id": "switchyard-router", "algorithm": "stage", "judge_model": "a/b"}]),
    ("plugins", [{"id": "fusion", "preset": "general-fast", "max_tool_calls": 2, "tools": []}]),
    ("plugins", [{"id": "fusion", "tools": [{"type": "openrouter:web_search"}]}]),
    ("plugins", [{"id": "alignment", "rules": [{"rule": "Be kind", "watch": ["content"]}]}]),
    ("plugins", [{"id": "armor", "mode": "audit", "on_error": "log", "output_mode": "text"}]),
    ("plugins", [{"id": "of-next-week", "depth": 3}]),
    *(
        ("reasoning", {"effort": word})
        for word in ("none", "minimal", "low", "medium", "high", "xhigh", "max", None)
    ),
    ("reasoning", {"max_tokens": 2000, "exclude": True}),
    ("reasoning", {"enabled": True}),
    ("reasoning", {"enabled": True, "max_tokens": 100}),
    ("reasoning", {"enabled": False, "effort": "none"}),
    *(("reasoning", {"summary": word}) for word in ("auto", "concise", "detailed")),
    *(("reasoning", {"context": word}) for word in ("auto", "all_turns", "current_turn")),
    *(("reasoning", {"mode": word}) for word in ("standard", "pro")),
    *(("include_reasoning", word) for word in (True, False)),
    *(("usage", {"include": word}) for word in (True, False)),
    ("modalities", ["image", "text"]),
    ("modalities", ["text", "audio"]),
    *(
        ("image_config", {"aspect_ratio": word})
        for word in ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
    ),
    *(("image_config", {"image_size": word}) for word in ("1K", "2K", "4K")),
    ("image_config", {"font_inputs": [{"text": "a"}], "strength": 0.5}),
    *(("web_search_options", {"search_context_size": w}) for w in ("low", "medium", "high")),
    ("web_search_options", {"user_location": {"type": "approximate", "approximate": {}}}),
    *(("structured_outputs", word) for word in (True, False)),
    *(("verbosity", word) for word in ("low", "medium", "high", "xhigh", "max")),
    *(("top_k", number) for number in (0, 40)),
    *(("top_a", number) for number in (0, 0.5, 1)),
    *(("min_p", number) for number in (0, 0.05, 1.0)),
    *(("repetition_penalty", number) for number in (0, 1.1, 2)),
    *(
        ("service_tier", word)
        for word in ("auto", "default", "fast", "flex", "priority", "scale", "ultrafast")
    ),
    ("session_id", "s" * 256),
    ("trace", {"trace_id": "t", "span_name": "s", "my_own": {"any": "thing"}}),
    ("cache_control", {"type": "ephemeral"}),
    *(("cache_control", {"type": "ephemeral", "ttl": word}) for word in ("5m", "1h")),
    ("prompt_cache_key", "key"),
    *(("prompt_cache_options", {"mode": "explicit", "ttl": w}) for w in ("30m", "12h", None)),
    *(
        (
            "deferred_tools",
            {
                "protocol": "v1",
                "profile": "portable",
                "validation": "runtime",
                "search": search,
            },
        )
        for search in (
            {"type": "bm25", "max_results": 5},
            {"type": "regex"},
            {"type": "custom", "result_key": "names", "tool_id": "find"},
        )
    ),
    (
        "stop_server_tools_when",
        [
            {"type": "step_count_is", "step_count": 3},
            {"type": "has_tool_call", "tool_name": "f"},
            {"type": "max_tokens_used", "max_tokens": 100},
            {"type": "max_cost", "max_cost_in_dollars": 0.5},
            {"type": "finish_reason_is", "reason": "length"},
        ],
    ),
    *(("debug", {"echo_upstream_body": word}) for word in (True, False)),
    *(("input_type", word) for word in ("search_query", "search_document")),
]

# A wrong shape, and the path that the message must name.
BAD: list[tuple[str, Any, str]] = [
    ("provider", "openai", "provider"),
    ("provider", ["openai"], "provider"),
    ("provider", {"order": "openai"}, "provider.order"),
    ("provider", {"order": ["openai", 1]}, "provider.order.1"),
    ("provider", {"only": "openai"}, "provider.only"),
    ("provider", {"ignore": {"openai": True}}, "provider.ignore"),
    ("provider", {"allow_fallbacks": "no"}, "provider.allow_fallbacks"),
    ("provider", {"require_parameters": 1}, "provider.require_parameters"),
    ("provider", {"data_collection": False}, "provider.data_collection"),
    ("provider", {"zdr": "true"}, "provider.zdr"),
    ("provider", {"enforce_distillable_text": 0}, "provider.enforce_distillable_text"),
    ("provider", {"sort": ["price"]}, "provider.sort"),
    ("provider", {"sort": {"by": 1}}, "provider.sort.by"),
    ("provider", {"quantizations": "fp8"}, "provider.quantizations"),
    ("provider", {"max_price": 5}, "provider.max_price"),
    ("provider", {"max_price": {"prompt": True}}, "provider.max_price.prompt"),
    ("provider", {"preferred_max_latency": "fast"}, "provider.preferred_max_latency"),
    ("provider", {"preferred_max_latency": {"p50": "1"}}, "provider.preferred_max_latency.p50"),
    ("provider", {"options": {"openai": 1}}, "provider.options.openai"),
    ("models", "openai/gpt-4o", "models"),
    ("models", ["a", None], "models.1"),
    ("route", ["fallback"], "route"),
    ("preset", 5, "preset"),
    ("transforms", "middle-out", "transforms"),
    ("transforms", [True], "transforms.0"),
    ("plugins", "web", "plugins"),
    ("plugins", {"id": "web"}, "plugins"),
    ("plugins", {"web": True}, "plugins.web"),
    ("plugins", {"web": {"id": "moderation"}}, "plugins.web"),
    ("plugins", ["web"], "plugins.0"),
    ("plugins", [{"engine": "exa"}], "plugins.0.id"),
    ("plugins", [{"id": "web"}, {"id": ["web"]}], "plugins.1.id"),
    ("plugins", [{"id": "web", "max_results": "3"}], "plugins.0.max_results"),
    ("plugins", [{"id": "web", "enabled": "false"}], "plugins.0.enabled"),
    ("plugins", [{"id": "of-next-week", "enabled": 0}], "plugins.0.enabled"),
    ("plugins", [{"id": "file-parser", "pdf": "native"}], "plugins.0.pdf"),
    ("plugins", [{"id": "alignment"}], "plugins.0.rules"),
    ("plugins", [{"id": "fusion", "tools": [{}]}], "plugins.0.tools.0.type"),
    ("reasoning", "high", "reasoning"),
    ("reasoning", {"effort": 3}, "reasoning.effort"),
    ("reasoning", {"max_tokens": "2000"}, "reasoning.max_tokens"),
    ("reasoning", {"exclude": "yes"}, "reasoning.exclude"),
    ("reasoning", {"enabled": 1}, "reasoning.enabled"),
    ("include_reasoning", "true", "include_reasoning"),
    ("usage", True, "usage"),
    ("usage", {"include": "yes"}, "usage.include"),
    ("modalities", "image", "modalities"),
    ("image_config", "16:9", "image_config"),
    ("image_config", {"aspect_ratio": 1.78}, "image_config.aspect_ratio"),
    ("web_search_options", {"search_context_size": 2}, "web_search_options.search_context_size"),
    ("structured_outputs", {}, "structured_outputs"),
    ("verbosity", 1, "verbosity"),
    ("top_k", 1.5, "top_k"),
    ("top_k", True, "top_k"),
    ("top_k", -1, "top_k"),
    ("top_a", "0.5", "top_a"),
    ("top_a", 1.1, "top_a"),
    ("min_p", 2, "min_p"),
    ("min_p", float("nan"), "min_p"),
    ("repetition_penalty", -0.1, "repetition_penalty"),
    ("service_tier", True, "service_tier"),
    ("session_id", 12, "session_id"),
    ("session_id", "s" * 257, "session_id"),
    ("trace", "id", "trace"),
    ("trace", {"trace_id": 5}, "trace.trace_id"),
    ("cache_control", {"ttl": "5m"}, "cache_control.type"),
    ("prompt_cache_key", 1, "prompt_cache_key"),
    ("prompt_cache_options", {"ttl": "30m"}, "prompt_cache_options.mode"),
    ("deferred_tools", {}, "deferred_tools.search"),
    ("stop_server_tools_when", {"type": "max_cost"}, "stop_server_tools_when"),
    ("stop_server_tools_when", [{"step_count": 3}], "stop_server_tools_when.0.type"),
    ("debug", True, "debug"),
    ("input_type", ["search_query"], "input_type"),
]

CONTRADICTIONS: list[tuple[dict[str, Any], tuple[str, str]]] = [
    (
        {"reasoning": {"effort": "high", "max_tokens": 2000}},
        ('reasoning.effort = "high"', "reasoning.max_tokens = 2000"),
    ),
    (
        {"reasoning": {"enabled": False, "effort": "low"}},
        ("reasoning.enabled = false", 'reasoning.effort = "low"'),
    ),
    (
        {"reasoning": {"enabled": False, "max_tokens": 10}},
        ("reasoning.enabled = false", "reasoning.max_tokens = 10"),
    ),
    (
        {"reasoning": {"enabled": True, "effort": "none"}},
        ("reasoning.enabled = true", 'reasoning.effort = "none"'),
    ),
    (
        {"include_reasoning": False, "reasoning": {"exclude": False}},
        ("include_reasoning = false", "reasoning.exclude = false"),
    ),
    (
        {"include_reasoning": True, "reasoning": {"exclude": True}},
        ("include_reasoning = true", "reasoning.exclude = true"),
    ),
    (
        {"provider": {"only": ["deepinfra/turbo"], "ignore": ["deepinfra", "azure"]}},
        ('provider.only = ["deepinfra/turbo"]', 'provider.ignore = ["deepinfra", "azure"]'),
    ),
    (
        {"provider": {"order": ["azure"], "allow_fallbacks": False, "ignore": ["azure"]}},
        ('provider.order = ["azure"]', 'provider.ignore = ["azure"]'),
    ),
]

AGREEING: list[dict[str, Any]] = [
    {"reasoning": {"effort": "high"}, "include_reasoning": False},
    {"reasoning": {"exclude": True}, "include_reasoning": False},
    {"provider": {"only": ["azure", "openai"], "ignore": ["azure"]}},
    {"provider": {"only": ["azure"], "ignore": ["azure/eu"]}},
    {"provider": {"order": ["azure"], "ignore": ["azure"]}},
]


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(slips, "_warned", set())
    monkeypatch.setattr(logging.getLogger("openrouter_adapter"), "propagate", True)
    caplog.set_level(logging.WARNING, logger="openrouter_adapter")
    return lambda: [record.getMessage() for record in caplog.records]


def refusal(fields: dict[str, Any]) -> str:
    with pytest.raises(litellm.BadRequestError) as caught:
        check(fields, MODEL)
    assert caught.value.model == MODEL
    assert caught.value.llm_provider == "openrouter"
    assert caught.value.status_code == 400
    return caught.value.message


# How options are given


def test_gather_folds_a_prefixed_name() -> None:
    assert gather({"openrouter_provider": {"zdr": True}}) == {"provider": {"zdr": True}}


def test_gather_folds_names_that_litellm_keeps_for_itself() -> None:
    assert gather({"openrouter_metadata": {"a": "b"}}) == {"metadata": {"a": "b"}}


@pytest.mark.parametrize("prefixed_first", [True, False])
def test_gather_lets_the_keyword_win_with_its_whole_value(*, prefixed_first: bool) -> None:
    given_ones = [("provider", {"zdr": True}), ("openrouter_provider", {"sort": "price"})]
    parameters = dict(reversed(given_ones) if prefixed_first else given_ones)
    assert gather(parameters) == {"provider": {"zdr": True}}


def test_gather_takes_the_prefixed_value_when_the_keyword_is_none() -> None:
    assert gather({"top_k": None, "openrouter_top_k": 4}) == {"top_k": 4}


def test_gather_drops_none_and_keeps_zero_and_false() -> None:
    parameters = {"min_p": None, "top_k": 0, "openrouter_zdr": None, "structured_outputs": False}
    assert gather(parameters) == {"top_k": 0, "structured_outputs": False}


def test_gather_keeps_the_order() -> None:
    parameters = {"temperature": 0, "openrouter_top_k": 1, "seed": 2, "openrouter_min_p": 0.1}
    assert list(gather(parameters)) == ["temperature", "top_k", "seed", "min_p"]


def test_gather_returns_a_new_dict_of_the_callers_own_values() -> None:
    preferences = {"zdr": True}
    parameters = {"provider": preferences}
    fields = gather(parameters)
    assert fields is not parameters
    assert fields["provider"] is preferences


def test_gather_leaves_a_bare_prefix_alone() -> None:
    assert gather({"openrouter_": 1}) == {"openrouter_": 1}


# What passes


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_every_documented_value_passes_as_it_is_and_without_a_word(
    name: str, value: Any, warnings: Any
) -> None:
    before = copy.deepcopy(value)
    fields = {"temperature": 0, name: value}
    check(fields, MODEL)
    assert fields[name] is value
    assert value == before
    assert warnings() == []


def test_every_option_is_among_the_documented_values() -> None:
    assert {name for name, _ in GOOD} == OPENROUTER_FIELDS
    assert {name for name, *_ in BAD} == OPENROUTER_FIELDS


def test_none_is_no_value() -> None:
    check(dict.fromkeys(OPENROUTER_FIELDS), MODEL)


@pytest.mark.parametrize("fields", AGREEING)
def test_what_goes_together_passes(fields: dict[str, Any]) -> None:
    check(fields, MODEL)


def test_a_tuple_is_as_good_as_a_list() -> None:
    fields = {"models": ("a/b", "c/d"), "provider": {"order": ("openai",)}}
    check(fields, MODEL)
    assert fields == {"models": ("a/b", "c/d"), "provider": {"order": ("openai",)}}


def test_the_items_of_a_tuple_are_checked() -> None:
    assert "models.1: must be a string" in refusal({"models": ("a/b", 3)})


# What is put into OpenRouter's own form


def test_empty_words_of_transforms_are_dropped() -> None:
    given_list = ["", "middle-out"]
    fields = {"transforms": given_list}
    check(fields, MODEL)
    assert fields == {"transforms": ["middle-out"]}
    assert given_list == ["", "middle-out"]


def test_transforms_of_empty_words_only_are_an_empty_list() -> None:
    fields = {"transforms": [""]}
    check(fields, MODEL)
    assert fields == {"transforms": []}


def test_an_empty_route_is_dropped() -> None:
    fields = {"route": "", "seed": 1}
    check(fields, MODEL)
    assert fields == {"seed": 1}


def test_plugins_by_name_become_a_list() -> None:
    by_name = {"web": {}, "file-parser": {"pdf": {"engine": "native"}}}
    before = copy.deepcopy(by_name)
    fields: dict[str, Any] = {"plugins": by_name}
    check(fields, MODEL)
    assert fields["plugins"] == [
        {"id": "web"},
        {"id": "file-parser", "pdf": {"engine": "native"}},
    ]
    assert by_name == before


def test_plugins_by_name_are_checked() -> None:
    message = refusal({"plugins": {"web": {"max_results": "3"}}})
    assert "plugins.0.max_results" in message


# What is refused


@pytest.mark.parametrize(("name", "value", "path"), BAD)
def test_a_wrong_shape_is_refused_by_its_path(name: str, value: Any, path: str) -> None:
    assert f"{path}: must " in refusal({name: value})


@pytest.mark.parametrize(("fields", "sides"), CONTRADICTIONS)
def test_a_contradiction_shows_both_sides(fields: dict[str, Any], sides: tuple[str, str]) -> None:
    message = refusal(fields)
    assert sides[0] in message
    assert sides[1] in message


def test_the_message_names_value_and_what_is_allowed() -> None:
    message = refusal({"reasoning": {"effort": 3}})
    assert 'reasoning.effort: must be a string such as "none", "minimal"' in message
    assert message.endswith("but is 3")


def test_all_faults_are_named_at_once() -> None:
    message = refusal({"top_k": "4", "models": "a/b", "provider": {"zdr": 1, "only": 2}})
    for path in ("top_k", "models", "provider.zdr", "provider.only"):
        assert f"{path}: must be" in message


def test_a_fault_in_one_form_of_an_option_hides_the_other_form() -> None:
    message = refusal({"provider": {"sort": {"by": 3}}})
    assert "provider.sort: " not in message


@pytest.mark.parametrize(
    "fields",
    [
        {"models": "Dear diary, today I met"},
        {"models": "sk-or-v1-0123456789"},
        {"preset": ["sk-or-v1-0123456789"]},
        {"transforms": "Dear diary, " * 1000},
        {"provider": {"options": {"azure": "0123456789"}}},
        {"trace": {"trace_id": 123456789}},
        {"plugins": [{"id": "alignment", "rules": "diary"}]},
        {"session_id": "0123456789" * 30},
    ],
)
def test_the_message_has_no_prompt_and_no_key(fields: dict[str, Any]) -> None:
    message = refusal(fields)
    assert "diary" not in message
    assert "123456789" not in message
    assert len(message) < 500


# What looks like a slip


def test_an_unknown_word_is_sent_without_a_word(warnings: Any) -> None:
    fields = {"reasoning": {"effort": "ultra"}, "provider": {"sort": "fastest"}}
    check(fields, MODEL)
    assert fields == {"reasoning": {"effort": "ultra"}, "provider": {"sort": "fastest"}}
    assert warnings() == []


@pytest.mark.parametrize(
    ("fields", "place", "meant"),
    [
        ({"provder": {}}, "provder", "provider"),
        ({"topk": 5}, "topk", "top_k"),
        ({"provider": {"sotr": "price"}}, "provider.sotr", "sort"),
        ({"provider": {"max_price": {"promt": 1}}}, "provider.max_price.promt", "prompt"),
        ({"provider": {"order": ["opneai"]}}, "provider.order", "openai"),
        ({"provider": {"quantizations": ["int-8"]}}, "provider.quantizations", "int8"),
        ({"reasoning": {"effort": "hihg"}}, "reasoning.effort", "high"),
        ({"reasoning": {"effort": "HIGH"}}, "reasoning.effort", "high"),
        ({"plugins": [{"id": "file-praser"}]}, "plugins.id", "file-parser"),
        ({"plugins": [{"id": "web", "engin": "exa"}]}, "plugins.engin", "engine"),
        ({"plugins": {"web": {"engine": "nativ"}}}, "plugins.engine", "native"),
        ({"transforms": ["middleout"]}, "transforms", "middle-out"),
    ],
)
def test_a_slip_is_sent_with_one_warning(
    fields: dict[str, Any], place: str, meant: str, warnings: Any
) -> None:
    for _ in range(3):
        check(copy.deepcopy(fields), MODEL)
    assert len(warnings()) == 1
    assert warnings()[0].startswith(f"{place}: ")
    assert f"'{meant}' meant" in warnings()[0]


@pytest.mark.parametrize(
    "fields",
    [
        # OpenAI's and LiteLLM's own names, near ours or not.
        {"top_p": 1, "top_n": 3, "model_list": [], "messages": [], "num_retries": 2},
        {"api_base": "x", "timeout": 3, "stream_timeout": 3, "user": "u", "tags": []},
        # Parameters of a provider, which OpenRouter hands on.
        {"safe_prompt": True, "raw_mode": True, "min_tokens": 4},
        # Other names of known providers, and new sizes.
        {"provider": {"order": ["OpenAI", "AtlasCloud", "deepinfra/turbo", "Z.AI"]}},
        {"provider": {"quantizations": ["fp12"]}},
    ],
)
def test_what_is_no_slip_gets_no_warning(fields: dict[str, Any], warnings: Any) -> None:
    check(fields, MODEL)
    assert warnings() == []


def test_warnings_come_to_an_end(warnings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slips, "_MOST_WARNINGS", 2)
    for number in range(5):
        check({f"provider{number}x": 1}, MODEL)
    assert len(warnings()) == 2


# The types, and the official SDK


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


# Cost


def test_the_types_wait_for_the_first_option() -> None:
    code = (
        "import sys; from openrouter_adapter import options;"
        "options.check({'temperature': 0}, 'm');"
        "print(*(name for name in sys.modules if name.startswith('openrouter_adapter.options.')))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert "openrouter_adapter.options.checking" in run.stdout
    for module in ("vocabulary", "request", "validation"):
        assert f"openrouter_adapter.options.{module}" not in run.stdout


# Anything


json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["web", "price", "high", "none", "openai", "ephemeral"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=8)
            | st.sampled_from(["id", "effort", "max_tokens", "enabled", "only", "ignore", "order"])
            | st.sampled_from(["sort", "by", "max_price", "prompt", "options", "type", "rules"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=1000, deadline=None)
@given(fields=st.dictionaries(st.sampled_from(sorted(OPENROUTER_FIELDS)), json_like, max_size=4))
def test_anything_passes_or_is_a_bad_request(fields: dict[str, Any]) -> None:
    before = copy.deepcopy(fields)
    values = list(fields.values())
    with contextlib.suppress(litellm.BadRequestError):
        check(fields, MODEL)
    # Whatever came of it, no value of the caller's was touched.
    assert repr(values) == repr(list(before.values()))
