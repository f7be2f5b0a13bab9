"""Values of the options: documented ones, wrong ones, and those that contradict each other."""

from __future__ import annotations

from typing import Any

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
