"""What is sent: input items, tools and options in OpenRouter's form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.types.llms.openai import ResponsesAPIResponse

from openrouter_adapter.responses.requests import build_body, known_options
from tests.responses.asking import WAYS
from tests.support.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.responses.asking import Way
    from tests.support.wire import Wire

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FLAT = {"type": "function", "name": "get_weather", "parameters": PARAMETERS, "strict": True}
NESTED = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": PARAMETERS, "strict": True},
}
SEALED = "gAAAAABqcmhGUY8i3Wwd_uOby4-==.eyJlbmRwb2ludF9zbHVnIjoib3BlbmFpIn0"
OUTPUT: list[dict[str, Any]] = [
    {
        "id": "rs_1",
        "type": "reasoning",
        "status": "completed",
        "summary": [{"type": "summary_text", "text": "It wants birds."}],
        "content": [{"type": "reasoning_text", "text": "Birds.\n"}],
        "encrypted_content": SEALED,
        "signature": "Er+/=",
        "format": "anthropic-claude-v1",
    },
    {
        "id": "msg_1",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "phase": "commentary",
        "content": [{"type": "output_text", "text": "Let me see.", "annotations": []}],
    },
    {
        "id": "fc_1",
        "type": "function_call",
        "status": "completed",
        "call_id": "call_1",
        "name": "get_weather",
        "arguments": '{"b": 1,  "a":2}',
    },
    {"id": "st_1", "type": "openrouter:web_search", "status": "completed", "query": "birds"},
]
FORMS: dict[str, Callable[[Any], list[Any]]] = {
    "objects": lambda response: list(response.output),
    "dump": lambda response: response.model_dump()["output"],
    "json": lambda response: json.loads(response.model_dump_json())["output"],
}


def response(output: list[dict[str, Any]] = OUTPUT, **fields: Any) -> dict[str, Any]:
    return {
        "id": "gen-1",
        "object": "response",
        "created_at": 1_700_000_000,
        "model": "openai/gpt-5-mini",
        "status": "completed",
        "output": output,
        "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7, "cost": 0.0001},
        **fields,
    }


@pytest.mark.parametrize("form", FORMS)
def test_an_answers_items_go_back_as_they_came(form: str) -> None:
    items = FORMS[form](ResponsesAPIResponse(**response()))
    sent = build_body("openai/gpt-5-mini", [*items, {"role": "user", "content": "So?"}], {})
    assert sent["input"] == [*OUTPUT, {"role": "user", "content": "So?"}]


def test_a_text_and_all_roles_stay() -> None:
    assert build_body("a/b", "Hello", {})["input"] == "Hello"
    items = [{"role": role, "content": "Be brief."} for role in ("developer", "system", "user")]
    assert build_body("a/b", items, {})["input"] == items


def test_cache_control_stays() -> None:
    part = {"type": "input_text", "text": "…", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    items = [{"role": "user", "content": [part]}]
    assert build_body("a/b", items, {})["input"] == items


def test_a_null_in_a_callers_own_json_stays() -> None:
    item = {"type": "tool_search_call", "arguments": {"limit": None}, "status": None}
    (sent,) = build_body("a/b", [item], {})["input"]
    assert sent == {"type": "tool_search_call", "arguments": {"limit": None}}


@pytest.mark.parametrize("tool", [FLAT, NESTED], ids=["responses", "chat"])
def test_a_tool_in_either_shape(tool: dict[str, Any]) -> None:
    choice = {"type": "function", "function": {"name": "get_weather"}}
    sent = build_body("a/b", "Hi", {"tools": [tool], "tool_choice": choice})
    assert sent["tools"] == [FLAT]
    assert sent["tool_choice"] == {"type": "function", "name": "get_weather"}


def test_server_tools_and_web_search_pass() -> None:
    tools = [{"type": "openrouter:web_search", "parameters": {"max_results": 3}}]
    search = {
        "search_context_size": "low",
        "user_location": {"type": "approximate", "approximate": {"country": "DE"}},
    }
    sent = build_body("a/b", "Hi", {"tools": tools, "web_search_options": search})
    assert sent["tools"] == [
        *tools,
        {
            "type": "web_search",
            "search_context_size": "low",
            "user_location": {"type": "approximate", "country": "DE"},
        },
    ]


def test_chats_names_are_translated() -> None:
    schema = {"name": "bird", "schema": {"type": "object"}, "strict": True}
    sent = build_body(
        "a/b",
        "Hi",
        {
            "max_tokens": 50,
            "response_format": {"type": "json_schema", "json_schema": schema},
            "verbosity": "low",
        },
    )
    assert sent["max_output_tokens"] == 50
    assert sent["text"] == {"format": {"type": "json_schema", **schema}, "verbosity": "low"}
    with pytest.raises(litellm.BadRequestError, match="max_tokens=5 and max_output_tokens=6"):
        build_body("a/b", "Hi", {"max_tokens": 5, "max_output_tokens": 6})


def test_a_small_limit_is_sent_as_it_is() -> None:
    assert build_body("a/b", "Hi", {"max_output_tokens": 1})["max_output_tokens"] == 1


def test_the_order_of_the_ways_to_give_an_option() -> None:
    given = {"provider": {"only": ["a"]}, "openrouter_provider": {"only": ["b"]}}
    extra = {"provider": {"only": ["c"]}, "brand_new": {"x": None}}
    sent = build_body("a/b", "Hi", {**given, "extra_body": extra})
    assert sent["provider"] == {"only": ["a"]}
    assert sent["brand_new"] == {"x": None}
    given.pop("provider")
    assert build_body("a/b", "Hi", {**given, "extra_body": extra})["provider"] == {"only": ["b"]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"provider": {"only": "openai"}},
        {"reasoning": {"effort": "low", "max_tokens": 5}},
        {"input": None},
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_sent(wrong: dict[str, Any]) -> None:
    with pytest.raises(litellm.BadRequestError):
        build_body("a/b", wrong.pop("input", "Hi"), wrong)


def test_only_known_names_are_taken_from_litellms_parameters(
    caplog: pytest.LogCaptureFixture,
) -> None:
    parameters = {
        "provider": {"zdr": True},
        "top_k": 5,
        "openrouter_new_thing": 1,
        "litellm_call_id": "1",
        "order": 1,
        "modls": ["x"],
    }
    found = known_options(parameters)
    assert found == {"provider": {"zdr": True}, "top_k": 5, "new_thing": 1}
    assert "modls" in caplog.text


@pytest.mark.parametrize(
    "keywords",
    [
        {"tools": [NESTED], "tool_choice": "auto", "parallel_tool_calls": False},
        {"tools": [{"type": "openrouter:web_search"}], "plugins": [{"id": "web"}]},
        {
            "reasoning": {"effort": "low", "summary": "auto"},
            "include": ["reasoning.encrypted_content"],
        },
        {"provider": {"order": ["openai"], "zdr": True}, "models": ["a/b"], "service_tier": "flex"},
        {"stream": True, "temperature": 0, "session_id": "s", "top_k": 3, "user": "u"},
    ],
)
def test_the_official_schema_takes_our_bodies(keywords: dict[str, Any]) -> None:
    components = pytest.importorskip("openrouter").components
    body = build_body(
        "openai/gpt-5-mini", [{"role": "user", "content": "Hi"}, *OUTPUT[:3]], keywords
    )
    read = components.ResponsesRequest.model_validate(body).model_dump(by_alias=True)
    for name in body.keys() - {"input", "tools", "plugins"}:
        assert read[name] == body[name]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_everything_is_on_the_wire(way: Way, wire: Wire) -> None:
    wire.reply = answering(response())
    way.ask(
        tools=[NESTED],
        provider={"only": ["openai"]},
        openrouter_session_id="s-1",
        plugins={"web": {}},
        service_tier="flex",
        prompt_cache_options={"mode": "explicit"},
        metadata={"team": "birds"},
        instructions="Be brief.",
        extra_body={"provider": {"only": ["azure"]}, "brand_new": 1},
    )
    (body,) = wire.requests
    assert body == {
        "model": "openai/gpt-5-mini",
        "input": "Name three birds.",
        "tools": [FLAT],
        "provider": {"only": ["openai"]},
        "session_id": "s-1",
        "plugins": [{"id": "web"}],
        "service_tier": "flex",
        "prompt_cache_options": {"mode": "explicit"},
        "metadata": {"team": "birds"},
        "instructions": "Be brief.",
        "brand_new": 1,
        **({"stream": True} if way.is_stream else {}),
    }


def answering(body: dict[str, Any]) -> Callable[[Any], Reply]:
    """Make a server answer with a response, whole or as the stream of it."""

    def reply(request: dict[str, Any]) -> Reply:
        started = {**body, "status": "in_progress", "output": [], "usage": None}
        events = [
            {"type": "response.created", "response": started},
            {"type": f"response.{body['status']}", "response": body},
        ]
        return Reply(events if request.get("stream") else body)

    return reply


@pytest.mark.parametrize(
    ("keywords", "reasoning"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, {"max_tokens": 2000}),
        ({"thinking": {"type": "adaptive"}}, {"enabled": True}),
        ({"thinking": {"type": "disabled"}}, {"effort": "none"}),
        ({"reasoning_effort": "low"}, {"effort": "low"}),
        (
            {"thinking": {"type": "adaptive"}, "reasoning": {"summary": "auto"}},
            {"summary": "auto", "enabled": True},
        ),
        ({"openrouter_reasoning": {"effort": "high"}}, {"effort": "high"}),
        (
            {"openrouter_reasoning": {"effort": "high"}, "reasoning": {"effort": "low"}},
            {"effort": "low"},
        ),
    ],
)
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_thinking_and_effort_are_sent_as_reasoning(
    way: Way, wire: Wire, keywords: dict[str, Any], reasoning: dict[str, Any]
) -> None:
    wire.reply = answering(response())
    way.ask(**keywords)
    (body,) = wire.requests
    assert body["reasoning"] == reasoning
    assert not {"thinking", "reasoning_effort"} & body.keys()


def test_thinking_that_contradicts_reasoning_is_refused() -> None:
    wrong = {"thinking": {"type": "enabled", "budget_tokens": 9}, "reasoning": {"effort": "low"}}
    with pytest.raises(litellm.BadRequestError, match="contradict each other"):
        build_body("a/b", "Hi", wrong)
