"""What a coding agent sends arrives as sent, and what comes back is whole."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.anthropic_messages import wire

if TYPE_CHECKING:
    from tests.support.loopback import Loopback

PDF = base64.b64encode(b"%PDF-1.4 1 0 obj").decode()
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"name": "get_weather", "description": "Weather of a city", "input_schema": SCHEMA}
STREAMED = pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "streamed"])


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def result(call: dict[str, Any], content: Any = "21 °C") -> dict[str, Any]:
    return user({"type": "tool_result", "tool_use_id": call["id"], "content": content})


async def sent(openrouter: Loopback, *, is_stream: bool = False, **fields: Any) -> dict[str, Any]:
    """Send fields by every way, and return the body that arrives: it is the same each time."""
    openrouter.answer = wire.replies()
    for way in wire.WAYS.values():
        await way(stream=is_stream, **fields)
    bodies = [request.body for request in openrouter.requests]
    assert [request.path for request in openrouter.requests] == ["/api/v1/messages"] * 3
    assert bodies[0] == bodies[1] == bodies[2]
    return bodies[0]


@STREAMED
async def test_the_body_has_what_was_given_and_nothing_else(
    openrouter: Loopback, is_stream: bool
) -> None:
    fields = {"system": "Be brief.", "temperature": 0.5, "stop_sequences": ["."], "top_k": 5}
    body = await sent(openrouter, is_stream=is_stream, **fields)
    assert body == {
        "model": "anthropic/claude-haiku-4.5",
        "max_tokens": 100,
        "messages": wire.HELLO,
        **fields,
        **({"stream": True} if is_stream else {}),
    }


async def arrives(
    openrouter: Loopback, *messages: dict[str, Any], model: str = wire.CLAUDE, **fields: Any
) -> None:
    """Check that messages and fields arrive as they were sent."""
    body = await sent(openrouter, model=model, messages=list(messages or wire.HELLO), **fields)
    assert body["messages"] == list(messages or wire.HELLO)
    assert {name: body[name] for name in fields} == fields
    assert body["model"] == model.removeprefix("openrouter/")


async def test_a_base64_pdf(openrouter: Loopback) -> None:
    source = {"type": "base64", "media_type": "application/pdf", "data": PDF}
    await arrives(openrouter, user({"type": "document", "source": source, "title": "Report"}))


async def test_a_pdf_by_url(openrouter: Loopback) -> None:
    source = {"type": "url", "url": "https://birds.example/report.pdf"}
    await arrives(openrouter, user({"type": "document", "source": source}))


@pytest.mark.parametrize(
    "source",
    [
        {"type": "text", "media_type": "text/plain", "data": "Wrens are small."},
        {"type": "content", "content": [{"type": "text", "text": "Wrens are small."}]},
    ],
    ids=["text", "content"],
)
async def test_a_document_with_citations(openrouter: Loopback, source: Any) -> None:
    document = {"type": "document", "source": source, "citations": {"enabled": True}}
    await arrives(openrouter, user(document, {"type": "text", "text": "Which?"}))


async def test_citations_come_back(openrouter: Loopback) -> None:
    citation = {
        "type": "char_location",
        "cited_text": "Wrens are small.",
        "document_index": 0,
        "document_title": None,
        "start_char_index": 0,
        "end_char_index": 16,
        "file_id": None,
    }
    text = {"type": "text", "text": "Wrens.", "citations": [citation]}
    delta = {"type": "citations_delta", "citation": citation}
    events = wire.stream(*wire.block(0, {"type": "text", "text": ""}, delta))
    openrouter.answer = wire.replies(wire.message(text), events)
    assert (await wire.anthropic_messages())["content"] == [text]
    assert await wire.anthropic_messages(stream=True) == events


async def test_a_pdf_in_a_tool_result(openrouter: Loopback) -> None:
    source = {"type": "base64", "media_type": "application/pdf", "data": PDF}
    call = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}}
    document = {"type": "document", "source": source}
    await arrives(
        openrouter, *wire.HELLO, assistant(call), result(call, [document]), tools=[WEATHER]
    )


async def test_web_search_20250305_with_max_uses_and_allowed_domains(openrouter: Loopback) -> None:
    tool = {
        "type": "web_search_20250305",
        "name": "web_search",
        "max_uses": 3,
        "allowed_domains": ["birds.example"],
    }
    await arrives(openrouter, tools=[tool])


async def test_web_search_of_openrouter(openrouter: Loopback) -> None:
    await arrives(openrouter, tools=[{"type": "openrouter:web_search"}])


async def test_context_management(openrouter: Loopback) -> None:
    edit = {
        "type": "clear_tool_uses_20250919",
        "trigger": {"type": "input_tokens", "value": 30000},
        "keep": {"type": "tool_uses", "value": 3},
    }
    await arrives(openrouter, context_management={"edits": [edit]})


async def test_applied_context_management_comes_back(openrouter: Loopback) -> None:
    applied = {"applied_edits": [{"type": "clear_tool_uses_20250919", "cleared_tool_uses": 8}]}
    openrouter.answer = wire.replies(wire.message(context_management=applied))
    assert (await wire.anthropic_messages())["context_management"] == applied


async def test_the_effort_of_output_config(openrouter: Loopback) -> None:
    await arrives(openrouter, output_config={"effort": "low"})


async def test_anthropics_fallbacks(openrouter: Loopback) -> None:
    await arrives(openrouter, fallbacks=[{"model": "anthropic/claude-sonnet-4.5"}])


async def test_speed_service_tier_and_sampling_of_any_model(openrouter: Loopback) -> None:
    fields = {"speed": "fast", "service_tier": "auto", "temperature": 0.5, "top_p": 0.9}
    await arrives(openrouter, model="openrouter/anthropic/claude-opus-4.7", **fields)


async def test_openrouters_own_fields(openrouter: Loopback) -> None:
    await arrives(
        openrouter,
        models=["openai/gpt-5-mini"],
        provider={"only": ["anthropic"], "max_price": {"prompt": "3"}},
        plugins=[{"id": "web", "max_results": 3}],
        session_id="s-1",
        trace={"trace_id": "t-1"},
        user="u-1",
        cache_control={"type": "ephemeral", "ttl": "1h"},
        stop_server_tools_when=[{"type": "max_cost", "max_cost_in_dollars": 0.5}],
    )


async def test_fields_that_nobody_knows_yet(openrouter: Loopback) -> None:
    openrouter.beyond_schema = {"of_next_year"}
    await arrives(openrouter, of_next_year={"a": [1]})


async def test_extra_body_fills_in_what_no_keyword_sets(openrouter: Loopback) -> None:
    openrouter.beyond_schema = {"later"}
    extra = {"later": True, "max_tokens": 7, "top_p": 0.5}
    body = await sent(openrouter, extra_body=extra)
    assert (body["later"], body["max_tokens"], body["top_p"]) == (True, 100, 0.5)
    assert "extra_body" not in body


TWO_THOUGHTS = [
    {"type": "thinking", "thinking": "One.", "signature": "sig-1"},
    {"type": "thinking", "thinking": "Two.", "signature": "sig-2"},
]
CALL = {
    "type": "tool_use",
    "id": "toolu_1",
    "name": "get_weather",
    "input": {"city": "Paris"},
    "caller": {"type": "direct"},
}
UNSIGNED = [{"type": "thinking", "thinking": "Weather.", "signature": ""}, CALL]
ENCRYPTED = [
    {
        "type": "redacted_thinking",
        "data": "openrouter.reasoning:"
        + base64.b64encode(
            b'{"type":"reasoning.encrypted","data":"Q2lR","format":"google-gemini-v1","id":"1"}'
        ).decode(),
    },
    CALL,
]


async def comes_back_and_goes(openrouter: Loopback, content: list[dict[str, Any]]) -> None:
    """Check that an answer's content is whole, and arrives unchanged with the next turn."""
    openrouter.answer = wire.replies(wire.message(*content, stop_reason="tool_use"))
    first = await wire.anthropic_messages(tools=[WEATHER])
    assert first["content"] == content
    turns = [*wire.HELLO, assistant(*first["content"]), result(CALL)]
    await wire.anthropic_messages(tools=[WEATHER], messages=turns)
    assert openrouter.requests[-1].body["messages"] == turns


async def test_two_thoughts_in_a_row(openrouter: Loopback) -> None:
    await comes_back_and_goes(openrouter, [*TWO_THOUGHTS, CALL])


async def test_two_thoughts_in_a_row_streamed(openrouter: Loopback) -> None:
    blocks = [
        one
        for index, thought in enumerate(TWO_THOUGHTS)
        for one in wire.block(
            index,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": thought["thinking"]},
            {"type": "signature_delta", "signature": thought["signature"]},
        )
    ]
    openrouter.answer = wire.replies(events=wire.stream(*blocks))
    assert await wire.anthropic_messages(stream=True) == wire.stream(*blocks)


async def test_redacted_thinking_streamed(openrouter: Loopback) -> None:
    events = wire.stream(*wire.block(0, {"type": "redacted_thinking", "data": "EvAF"}))
    openrouter.answer = wire.replies(events=events)
    for way in wire.WAYS.values():
        assert await way(stream=True) == events


async def test_an_encrypted_detail_of_gemini_with_a_tool_call_and_its_next_turn(
    openrouter: Loopback,
) -> None:
    await comes_back_and_goes(openrouter, ENCRYPTED)


async def test_unsigned_thinking_of_deepseek_with_a_tool_call_and_its_next_turn(
    openrouter: Loopback,
) -> None:
    await comes_back_and_goes(openrouter, UNSIGNED)


async def test_tool_arguments_streamed_byte_for_byte(openrouter: Loopback) -> None:
    pieces = ['{"city" :', ' "Par\\u00eds", "x": 1.0', '0, "deep":\t[1e2] }']
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    events = wire.stream(*wire.block(0, {**CALL, "input": {}}, *deltas))
    openrouter.answer = wire.replies(events=events)
    got = await wire.anthropic_messages(stream=True)
    assert got == events
    arrived = [
        one["delta"]["partial_json"]
        for one in wire.data_of(got)
        if "delta" in one and "index" in one
    ]
    assert "".join(arrived) == "".join(pieces)


async def test_tool_arguments_of_a_past_turn_byte_for_byte(openrouter: Loopback) -> None:
    arguments = {"city": "Paris é", "n": 1.50, "big": 2**60, "deep": [{"a": None}], "z": ""}
    await arrives(openrouter, *wire.HELLO, assistant({**CALL, "input": arguments}), result(CALL))
    (raw,) = {request.raw for request in openrouter.requests}
    assert json.dumps(arguments).encode() in raw


async def test_unknown_fields_of_an_answer_come_back(openrouter: Loopback) -> None:
    answer = wire.message({**wire.TEXT, "of_next_year": 1}, later={"a": 1})
    openrouter.answer = wire.replies(answer)
    assert await wire.anthropic_messages() == answer


async def test_unknown_events_of_a_stream_pass(openrouter: Loopback) -> None:
    later = wire.event({"type": "of_next_year", "a": 1})
    events = wire.stream(b": OPENROUTER PROCESSING\n\n", later, b"event: ping\ndata: {}\n\n")
    openrouter.answer = wire.replies(events=events)
    assert await wire.anthropic_messages(stream=True) == events
