"""LiteLLM's parameters in OpenRouter's terms, from a call to the wire."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from pydantic import BaseModel

from openrouter_adapter.chat.transformation import SUPPORTED
from tests.support.calls import CHAT_MODEL, EMBEDDING_MODEL, WAYS, ask, embed, stream

if TYPE_CHECKING:
    from tests.support.loopback import Loopback

QUESTION = [{"role": "user", "content": "Name three birds."}]
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Gets the weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def sent(openrouter: Loopback, **keywords: Any) -> dict[str, Any]:
    """Return the body of a chat without the fields that every one has."""
    ask(**keywords)
    return {n: v for n, v in openrouter.body.items() if n not in {"model", "messages", "usage"}}


def refusal(openrouter: Loopback, **keywords: Any) -> str:
    """Return the words of the error that a chat's keywords are; nothing was sent."""
    with pytest.raises(litellm.BadRequestError) as caught:
        ask(**keywords)
    assert openrouter.requests == []
    return str(caught.value)


# Reasoning


@pytest.mark.parametrize(
    "effort", ["none", "minimal", "low", "medium", "high", "xhigh", "max", "of_next_week"]
)
def test_every_effort_is_sent(openrouter: Loopback, effort: str) -> None:
    openrouter.beyond_schema = {"reasoning"} if effort == "of_next_week" else set()
    assert sent(openrouter, reasoning_effort=effort) == {"reasoning": {"effort": effort}}


def test_an_effort_as_the_responses_apis_object(openrouter: Loopback) -> None:
    asked = {"effort": "high", "summary": "detailed"}
    assert sent(openrouter, reasoning_effort=asked) == {"reasoning": asked}


@pytest.mark.parametrize(
    ("thinking", "reasoning"),
    [
        ({"type": "enabled", "budget_tokens": 2000}, {"max_tokens": 2000}),
        ({"type": "enabled"}, {"enabled": True}),
        ({"type": "adaptive"}, {"enabled": True}),
        ({"type": "disabled"}, {"effort": "none"}),
    ],
)
def test_anthropics_thinking(
    openrouter: Loopback, thinking: dict[str, Any], reasoning: dict[str, Any]
) -> None:
    assert sent(openrouter, thinking=thinking) == {"reasoning": reasoning}


def test_an_unknown_thinking_is_an_error_that_says_what_is_known(openrouter: Loopback) -> None:
    words = refusal(openrouter, thinking={"type": "deeply"})
    assert "'deeply'" in words
    assert "'adaptive'" in words


def test_an_effort_joins_the_reasoning_beside_it(openrouter: Loopback) -> None:
    body = sent(openrouter, reasoning_effort="high", reasoning={"exclude": True})
    assert body == {"reasoning": {"exclude": True, "effort": "high"}}


def test_the_same_effort_twice_is_no_contradiction(openrouter: Loopback) -> None:
    body = sent(openrouter, reasoning_effort="low", reasoning={"effort": "low"})
    assert body == {"reasoning": {"effort": "low"}}


def test_adaptive_thinking_goes_with_an_effort(openrouter: Loopback) -> None:
    body = sent(openrouter, reasoning_effort="low", thinking={"type": "adaptive"})
    assert body == {"reasoning": {"enabled": True, "effort": "low"}}


@pytest.mark.parametrize(
    ("keywords", "sides"),
    [
        (
            {"reasoning_effort": "high", "reasoning": {"effort": "low"}},
            ("reasoning_effort='high'", "'effort': 'low'"),
        ),
        (
            {"reasoning_effort": "high", "reasoning": {"max_tokens": 9}},
            ("reasoning_effort='high'", "'max_tokens': 9"),
        ),
        (
            {"reasoning_effort": "high", "thinking": {"type": "enabled", "budget_tokens": 9}},
            ("reasoning_effort='high'", "'budget_tokens': 9"),
        ),
        (
            {"reasoning_effort": "high", "thinking": {"type": "disabled"}},
            ("reasoning_effort='high'", "'disabled'"),
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 9}, "reasoning": {"effort": "low"}},
            ("'budget_tokens': 9", "'effort': 'low'"),
        ),
        (
            {"reasoning_effort": "none", "thinking": {"type": "adaptive"}},
            ("none", "enabled"),
        ),
        ({"max_tokens": 9, "max_completion_tokens": 8}, ("max_tokens=9", "tokens=8")),
    ],
)
def test_a_contradiction_shows_both_sides(
    openrouter: Loopback, keywords: dict[str, Any], sides: tuple[str, str]
) -> None:
    words = refusal(openrouter, **keywords)
    assert all(side in words for side in sides)


def test_reasoning_that_is_no_object_is_an_error_beside_an_effort_too(
    openrouter: Loopback,
) -> None:
    words = refusal(openrouter, reasoning_effort="low", reasoning="deep")
    assert "reasoning: must be" in words


# Length and sampling


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_length_is_sent_under_its_own_name(openrouter: Loopback, name: str) -> None:
    assert sent(openrouter, **{name: 100}) == {name: 100}


def test_the_same_length_under_both_names_is_no_contradiction(openrouter: Loopback) -> None:
    body = sent(openrouter, max_tokens=9, max_completion_tokens=9)
    assert body == {"max_tokens": 9, "max_completion_tokens": 9}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 0),
        ("temperature", 0.7),
        ("top_p", 0.5),
        ("frequency_penalty", 0),
        ("presence_penalty", -0.5),
        ("seed", 0),
        ("seed", 42),
        ("n", 2),
        ("logit_bias", {"50256": -100}),
        ("logprobs", True),
        ("logprobs", False),
        ("top_logprobs", 3),
        ("user", "user-1"),
        ("stop", "END"),
        ("stop", ["a", "b"]),
        ("parallel_tool_calls", False),
        ("prediction", {"type": "content", "content": "Wren"}),
        ("modalities", ["text", "audio"]),
        ("audio", {"voice": "alloy", "format": "wav"}),
        ("service_tier", "flex"),
        ("verbosity", "low"),
        ("store", False),
        ("safety_identifier", "user-1"),
        ("prompt_cache_key", "birds"),
        ("web_search_options", {"search_context_size": "low"}),
    ],
)
def test_a_parameter_is_sent_as_it_is(openrouter: Loopback, name: str, value: Any) -> None:
    assert sent(openrouter, **{name: value}) == {name: value}


# Under its plain name LiteLLM's core drops it, whatever the provider.
def test_prompt_cache_retention_arrives_with_the_prefix(openrouter: Loopback) -> None:
    body = sent(openrouter, openrouter_prompt_cache_retention="24h")
    assert body == {"prompt_cache_retention": "24h"}


# LiteLLM's core cuts a longer list before any provider's class sees it.
def test_four_stop_words_arrive_and_litellm_cuts_a_fifth(openrouter: Loopback) -> None:
    assert sent(openrouter, stop=["a", "b", "c", "d", "e"]) == {"stop": ["a", "b", "c", "d"]}


@pytest.mark.parametrize("place", ["openrouter_stop", "extra_body"])
def test_five_stop_words_arrive_with_the_prefix_or_in_extra_body(
    openrouter: Loopback, place: str
) -> None:
    openrouter.beyond_schema = {"stop"}
    words: Any = ["a", "b", "c", "d", "e"]
    keywords = {place: {"stop": words} if place == "extra_body" else words}
    assert sent(openrouter, **keywords) == {"stop": words}


# Tools and structured answers


@pytest.mark.parametrize(
    "choice",
    ["auto", "none", "required", {"type": "function", "function": {"name": "get_weather"}}],
)
def test_tools_and_their_choice(openrouter: Loopback, choice: Any) -> None:
    body = sent(openrouter, tools=[WEATHER], tool_choice=choice)
    assert body == {"tools": [WEATHER], "tool_choice": choice}


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "openrouter:web_search"},
        {"type": "openrouter:web_search", "parameters": {"max_results": 3, "engine": "exa"}},
        {"type": "openrouter:datetime"},
    ],
)
def test_server_tools_arrive(openrouter: Loopback, tool: dict[str, Any]) -> None:
    assert sent(openrouter, tools=[tool, WEATHER]) == {"tools": [tool, WEATHER]}


def test_cache_control_on_a_tool_arrives(openrouter: Loopback) -> None:
    tool = {**WEATHER, "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    assert sent(openrouter, tools=[tool]) == {"tools": [tool]}


@pytest.mark.parametrize("field", ["input_examples", "eager_input_streaming"])
def test_anthropics_own_tool_fields_arrive(openrouter: Loopback, field: str) -> None:
    value = [{"city": "Oslo"}] if field == "input_examples" else True
    tool = {**WEATHER, "function": {**WEATHER["function"], field: value}}
    assert sent(openrouter, tools=[tool]) == {"tools": [tool]}


class Birds(BaseModel):
    """Three birds."""

    names: list[str]


def test_a_pydantic_class_as_response_format(openrouter: Loopback) -> None:
    form = sent(openrouter, response_format=Birds)["response_format"]
    assert form["type"] == "json_schema"
    assert form["json_schema"]["name"] == "Birds"
    assert form["json_schema"]["schema"]["required"] == ["names"]


@pytest.mark.parametrize("strict", [True, False, None])
def test_strict_is_the_callers(openrouter: Loopback, strict: bool | None) -> None:
    schema: dict[str, Any] = {"name": "birds", "schema": {"type": "object"}}
    if strict is not None:
        schema["strict"] = strict
    form = {"type": "json_schema", "json_schema": schema}
    assert sent(openrouter, response_format=form) == {"response_format": form}


def test_json_mode_is_sent(openrouter: Loopback) -> None:
    form = {"type": "json_object"}
    assert sent(openrouter, response_format=form) == {"response_format": form}


def test_response_format_and_tools_are_both_sent(openrouter: Loopback) -> None:
    form = {"type": "json_object"}
    body = sent(openrouter, response_format=form, tools=[WEATHER])
    assert body == {"response_format": form, "tools": [WEATHER]}


# LiteLLM's own ways


def test_drop_params_drops_nothing_that_openrouter_takes(openrouter: Loopback) -> None:
    body = sent(openrouter, drop_params=True, top_k=1, seed=1, verbosity="low", user="u")
    assert body == {"top_k": 1, "seed": 1, "verbosity": "low", "user": "u"}


def test_additional_drop_params_are_dropped(openrouter: Loopback) -> None:
    body = sent(openrouter, seed=1, temperature=0, additional_drop_params=["seed"])
    assert body == {"temperature": 0}


def test_allowed_openai_params_are_let_through(openrouter: Loopback) -> None:
    openrouter.beyond_schema = {"of_next_week"}
    body = sent(openrouter, of_next_week=1, allowed_openai_params=["of_next_week", "tools"])
    assert body == {"of_next_week": 1}


def test_a_router_sends_its_deployments_parameters(openrouter: Loopback) -> None:
    parameters = {
        "model": CHAT_MODEL,
        "provider": {"order": ["openai"]},
        "models": ["anthropic/claude-haiku-4.5"],
        "temperature": 0,
        "reasoning_effort": "low",
        "max_retries": 3,
        "timeout": 5,
        "tpm": 1000,
        "rpm": 10,
        "weight": 1,
        "tags": ["birds"],
    }
    router = litellm.Router(model_list=[{"model_name": "birds", "litellm_params": parameters}])
    router.completion("birds", QUESTION)
    assert openrouter.body == {
        "model": "openai/gpt-4o-mini",
        "messages": QUESTION,
        "provider": {"order": ["openai"]},
        "models": ["anthropic/claude-haiku-4.5"],
        "temperature": 0,
        "reasoning": {"effort": "low"},
        "usage": {"include": True},
    }


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "keywords",
    [
        {"max_retries": 2},
        {"num_retries": 0},
        {"timeout": 9},
        {"metadata": {"tags": ["zoo"]}},
        {"caching": False},
        {"mock_timeout": None},
        {"litellm_call_id": "call-1"},
        {"litellm_trace_id": "trace-1"},
        {"fallbacks": []},
        {"input_cost_per_token": 0.1, "output_cost_per_token": 0.1},
        {"model_info": {"id": "m"}},
        {"ssl_verify": False},
    ],
    ids=lambda keywords: next(iter(keywords)),
)
def test_litellms_own_keywords_are_not_on_the_wire(
    openrouter: Loopback, way: str, keywords: dict[str, Any]
) -> None:
    WAYS[way](**keywords)
    (request,) = openrouter.requests
    assert request.body.keys().isdisjoint(keywords)


@pytest.mark.parametrize("name", ["extra_query", "extra_headers"])
def test_what_is_for_the_http_client_is_in_no_body(openrouter: Loopback, name: str) -> None:
    assert sent(openrouter, **{name: {"a": "b"}}) == {}


def test_every_supported_parameter_is_litellms() -> None:
    assert len(set(SUPPORTED)) == len(SUPPORTED)
    assert set(litellm.get_supported_openai_params(CHAT_MODEL) or ()) - set(SUPPORTED) == set()


# extra_body and usage


@pytest.mark.parametrize("way", WAYS)
def test_a_keyword_goes_over_extra_body(openrouter: Loopback, way: str) -> None:
    WAYS[way](
        provider={"sort": "price"},
        extra_body={"provider": {"only": ["openai"]}, "session_id": "s-1"},
    )
    assert openrouter.body["provider"] == {"sort": "price"}
    assert openrouter.body["session_id"] == "s-1"


def test_a_prefixed_keyword_goes_over_extra_body(openrouter: Loopback) -> None:
    body = sent(openrouter, openrouter_top_k=1, extra_body={"top_k": 2})
    assert body == {"top_k": 1}


@pytest.mark.parametrize("way", WAYS)
def test_extra_body_is_not_checked(openrouter: Loopback, way: str) -> None:
    openrouter.beyond_schema = {"of_next_week"}
    WAYS[way](extra_body={"of_next_week": {"depth": 3}})
    assert openrouter.body["of_next_week"] == {"depth": 3}


@pytest.mark.parametrize("way", [way for way in WAYS if "embedding" not in way])
def test_usage_is_asked_for(openrouter: Loopback, way: str) -> None:
    WAYS[way]()
    assert openrouter.body["usage"] == {"include": True}


@pytest.mark.parametrize("way", [way for way in WAYS if "embedding" not in way])
@pytest.mark.parametrize("place", ["keyword", "extra_body"])
def test_usage_is_not_asked_for_where_the_caller_says_no(
    openrouter: Loopback, way: str, place: str
) -> None:
    asked = {"usage": {"include": False}}
    WAYS[way](**(asked if place == "keyword" else {"extra_body": asked}))
    assert openrouter.body["usage"] == {"include": False}


def test_stream_options_are_sent(openrouter: Loopback) -> None:
    stream(stream_options={"include_usage": True})
    assert openrouter.body["stream"] is True
    assert openrouter.body["stream_options"] == {"include_usage": True}


# Models


@pytest.mark.parametrize("call", [ask, embed])
@pytest.mark.parametrize(
    "model",
    [
        "openai/gpt-4o-mini",
        "@preset/birds",
        "openai/gpt-4@preset/birds",
        "openai/gpt-oss-20b:free:online",
        "deepseek/deepseek-r1:nitro",
        "openrouter/auto",
        "~anthropic/claude-sonnet-latest",
    ],
)
def test_a_model_arrives_as_written(openrouter: Loopback, call: Any, model: str) -> None:
    call(model=f"openrouter/{model}")
    assert openrouter.body["model"] == model


@pytest.mark.parametrize("call", [ask, embed])
def test_auto_without_litellms_prefix_arrives_as_written(openrouter: Loopback, call: Any) -> None:
    call(model="openrouter/auto")
    assert openrouter.body["model"] == "openrouter/auto"


@pytest.mark.parametrize("call", [ask, embed])
def test_a_model_with_its_provider_named_apart(openrouter: Loopback, call: Any) -> None:
    call(model="openai/gpt-4o-mini", custom_llm_provider="openrouter")
    assert openrouter.body["model"] == "openai/gpt-4o-mini"


def test_a_routers_model_arrives_as_written(openrouter: Loopback) -> None:
    deployment = {"model": "openrouter/openrouter/auto"}
    router = litellm.Router(model_list=[{"model_name": "any", "litellm_params": deployment}])
    router.completion("any", QUESTION)
    assert openrouter.body["model"] == "openrouter/auto"


# The caller's own objects


@pytest.mark.parametrize("way", WAYS)
def test_the_callers_objects_are_not_changed(openrouter: Loopback, way: str) -> None:
    given: dict[str, Any] = {
        "provider": {"order": ["openai"]},
        "extra_body": {"trace": {"trace_id": "t"}},
        "extra_headers": {"X-Team": "birds"},
        "plugins": {"web": {"max_results": 3}},
        "transforms": ["middle-out", ""],
        "metadata": {"tags": ["zoo"]},
    }
    if way in {"completion", "acompletion", "stream", "astream"}:
        given["tools"] = [{**WEATHER, "cache_control": {"type": "ephemeral"}}]
        given["reasoning"] = {"exclude": True}
        given["reasoning_effort"] = "low"
        given["response_format"] = {"type": "json_object"}
    elif "embedding" in way:
        openrouter.beyond_schema = {"plugins", "transforms"}
        given["model"] = EMBEDDING_MODEL
    kept = {name: value for name, value in given.items() if name != "metadata"}
    before = copy.deepcopy(kept)
    WAYS[way](**given)
    assert kept == before
