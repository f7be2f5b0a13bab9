"""One test for each wrong that was done to users of OpenRouter adapters, named by it."""

from __future__ import annotations

import json
import sys
from typing import Any

import litellm
import pytest

from tests.chat.offline import open_stream
from tests.support.asking import (
    QUESTION,
    STREAMED,
    WAYS,
    WHOLE,
    Way,
    cause_of,
    finish_reason_of,
    text_of,
)
from tests.support.failures import (
    COST,
    HEAD,
    KEY,
    SAID,
    TWO_WORDS,
    USAGE,
    delta_chunk,
    error,
    message_body,
    said,
    whole_stream,
    words,
)
from tests.support.waiting import happens
from tests.support.wire import Reply, Wire, events

ASK = WHOLE[0]
EVERY_STREAM = pytest.mark.parametrize("way", STREAMED, ids=str)
SIGNED = {
    "type": "reasoning.text",
    "text": "Hm",
    "signature": "c2ln",
    "format": "anthropic-claude-v1",
    "index": 0,
}
ENCRYPTED = {
    "type": "reasoning.encrypted",
    "data": "b3BhcXVl",
    "format": "google-gemini-v1",
    "id": "r1",
    "index": 0,
}
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "f", "arguments": '{"b":  1,"a":2}'},
}


def sent(wire: Wire, *messages: Any, **keywords: Any) -> dict[str, Any]:
    """Return the body that these messages and keywords make."""
    wire.reply = Reply(said("ok"))
    ASK.ask(wire, messages=list(messages) or QUESTION, **keywords)
    return wire.requests[-1]


def answered(wire: Wire, message: dict[str, Any], reason: str | None = "stop") -> Any:
    """Return LiteLLM's message of an answer."""
    wire.reply = Reply(message_body({"role": "assistant", **message}, reason))
    return ASK.ask(wire).choices[0].message


def test_01_signatures_survive_streaming_and_storage(wire: Wire) -> None:
    unsigned = {**SIGNED, "signature": None}
    pieces = [{"reasoning_details": [unsigned]}, {"reasoning_details": [{**SIGNED, "text": None}]}]
    stream = open_stream(events([*map(delta_chunk, pieces), *whole_stream("Wren")]))
    list(stream)
    stored = json.loads(json.dumps(stream.response.choices[0].message.model_dump()))
    body = sent(wire, *QUESTION, stored, *QUESTION)
    assert body["messages"][1]["reasoning_details"] == [SIGNED]


def test_01_entry_that_lost_its_signature_is_left_out(wire: Wire) -> None:
    message = {
        "role": "assistant",
        "content": "Wren",
        "reasoning_details": [{**SIGNED, "signature": ""}, ENCRYPTED],
    }
    assert sent(wire, *QUESTION, message)["messages"][1]["reasoning_details"] == [ENCRYPTED]


def test_02_thoughts_of_gemini_go_back_unchanged_and_never_show(wire: Wire) -> None:
    text = {"type": "reasoning.text", "text": "Hm", "format": "google-gemini-v1", "index": 0}
    message = answered(wire, {"content": "Wren", "reasoning_details": [text, ENCRYPTED]})
    assert message.reasoning_content == "Hm"
    assert "REDACTED" not in str(message.model_dump())
    body = sent(wire, *QUESTION, message, *QUESTION)
    assert body["messages"][1]["reasoning_details"] == [text, ENCRYPTED]


@pytest.mark.parametrize("reason", [None, "", "stop"])
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_03_finish_reason_of_tool_calls_keeps_agents_going(
    wire: Wire, way: Way, reason: str | None
) -> None:
    delta = {"role": "assistant", "tool_calls": [{"index": 0, **CALL}]}
    whole = message_body({"role": "assistant", "content": None, "tool_calls": [CALL]}, reason)
    wire.reply = Reply([delta_chunk(delta, reason)] if way.is_stream else whole)
    assert finish_reason_of(way.ask(wire)) == "tool_calls"


def test_03_unknown_finish_reason_is_kept_beside_stop(wire: Wire) -> None:
    wire.reply = Reply(said("Wren", "novel"))
    choice = ASK.ask(wire).choices[0]
    assert choice.finish_reason == "stop"
    assert choice.provider_specific_fields["finish_reason"] == "novel"


@pytest.mark.parametrize("given", ["", None, "same"])
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_04_parallel_calls_have_ids_of_their_own(wire: Wire, way: Way, given: str | None) -> None:
    calls = [{**CALL, "id": given, "index": i} for i in range(2)]
    whole = message_body({"role": "assistant", "content": None, "tool_calls": calls}, "tool_calls")
    stream = [delta_chunk({"tool_calls": calls}), delta_chunk({}, "tool_calls")]
    wire.reply = Reply(stream if way.is_stream else whole)
    answer = way.ask(wire)
    if way.is_stream:
        answer = litellm.stream_chunk_builder(answer)
    assert len({call.id for call in answer.choices[0].message.tool_calls if call.id}) == 2


def test_05_arguments_go_back_byte_for_byte(wire: Wire) -> None:
    message = answered(wire, {"content": None, "tool_calls": [CALL]}, "tool_calls")
    for form in (message, message.model_dump(), json.loads(message.model_dump_json())):
        result = {"role": "tool", "tool_call_id": "call_1", "content": "1"}
        body = sent(wire, *QUESTION, form, result)
        assert body["messages"][1]["tool_calls"] == [CALL]


def test_06_cache_control_is_on_the_last_text_part_only(wire: Wire) -> None:
    mark = {"type": "ephemeral", "ttl": "1h"}
    parts = [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
        {"type": "image_url", "image_url": {"url": "https://x.y/z.png?a=b"}},
    ]
    body = sent(
        wire,
        {"role": "system", "content": "Be brief.", "cache_control": mark},
        {"role": "user", "content": parts, "cache_control": mark},
        model="openrouter/anthropic/claude-haiku-4.5",
        cache_control={"type": "ephemeral"},
    )
    system, user = body["messages"]
    assert system["content"] == [{"type": "text", "text": "Be brief.", "cache_control": mark}]
    assert ["cache_control" in part for part in user["content"]] == [False, True, False]
    assert user["content"][1]["cache_control"] == mark
    assert body["cache_control"] == {"type": "ephemeral"}


def test_07_images_and_pdfs_of_tools_stay_parts(wire: Wire) -> None:
    parts = [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}},
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,J"},
        },
    ]
    call = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    result = {"role": "tool", "tool_call_id": "call_1", "content": parts}
    assert sent(wire, *QUESTION, call, result)["messages"][2]["content"] == parts


def test_08_video_audio_and_files_go_as_their_kind(wire: Wire) -> None:
    link = "https://x.y/clip.mp4?token=a&b=c"
    parts = [
        {"type": "video_url", "video_url": {"url": link}},
        {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "https://x.y/a.pdf?b=c"}},
        {"type": "image_url", "image_url": {"url": "https://x.y/a?format=png"}},
    ]
    body = sent(wire, {"role": "user", "content": parts})
    assert body["messages"][0]["content"] == parts


@pytest.mark.parametrize("effort", ["none", "minimal", "xhigh", "max"])
def test_09_every_effort_passes(wire: Wire, effort: str) -> None:
    assert sent(wire, reasoning_effort=effort)["reasoning"] == {"effort": effort}


def test_09_temperature_zero_is_sent(wire: Wire) -> None:
    assert sent(wire, temperature=0)["temperature"] == 0


@pytest.mark.parametrize("strict", [{}, {"strict": False}, {"strict": True}], ids=str)
def test_10_strict_is_the_callers(wire: Wire, strict: dict[str, bool]) -> None:
    schema = {"name": "bird", "schema": {"type": "object", "properties": {}}, **strict}
    form = {"type": "json_schema", "json_schema": schema}
    assert sent(wire, response_format=form)["response_format"] == form


def test_11_response_format_and_tools_are_both_sent(wire: Wire) -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    body = sent(wire, response_format={"type": "json_object"}, tools=tools)
    assert body["response_format"] == {"type": "json_object"}
    assert body["tools"] == tools


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_12_upstreams_words_are_told(wire: Wire, way: Way) -> None:
    wire.reply = Reply(error(502, raw="tool 'f' has no schema", provider_name="Novita"), 502)
    assert "Novita said: tool 'f' has no schema" in str(way.failure(wire))


@EVERY_STREAM
def test_13_end_in_mid_stream_is_typed_and_keeps_the_text(wire: Wire, way: Way) -> None:
    wire.reply = Reply(events(words(*TWO_WORDS), done=False), cut=True)
    raised = way.failure(wire)
    assert isinstance(cause_of(raised), litellm.APIConnectionError)
    assert text_of(raised.partial_response) == SAID


def test_14_what_is_repeated_on_every_chunk_grows_no_square() -> None:
    def payload(count: int) -> int:
        notes = [
            {"type": "url_citation", "url_citation": {"url": f"https://x.y/{i:04}"}}
            for i in range(count)
        ]
        repeating = [
            delta_chunk({"content": "a", "annotations": notes[: i + 1]}) for i in range(count)
        ]
        got = list(open_stream(events([*repeating, delta_chunk({}, "stop")])))
        return sum(len(chunk.model_dump_json()) for chunk in got)

    assert payload(200) < 5 * payload(50)


def test_15_usage_is_in_the_standard_place(wire: Wire) -> None:
    usage = {
        **USAGE,
        "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    wire.reply = Reply({**said("Wren"), "usage": usage})
    got = ASK.ask(wire).usage
    assert (got.prompt_tokens, got.completion_tokens, got.total_tokens) == (5, 2, 7)
    assert got.prompt_tokens_details.cached_tokens == got.cache_read_input_tokens == 3
    assert got.cache_creation_input_tokens == 1
    assert got.completion_tokens_details.reasoning_tokens == 2


@EVERY_STREAM
def test_16_citations_come_in_streams(wire: Wire, way: Way) -> None:
    note = {"type": "url_citation", "url_citation": {"url": "https://x.y", "title": "x"}}
    wire.reply = Reply([delta_chunk({"annotations": [note]}), *whole_stream("Wren")])
    deltas = [chunk.choices[0].delta for chunk in way.ask(wire)]
    got = [delta.annotations for delta in deltas if getattr(delta, "annotations", None)]
    assert got == [[note]]


def test_16_server_tools_are_sent(wire: Wire) -> None:
    tools = [{"type": "openrouter:web_search", "parameters": {"max_results": 3}}]
    assert sent(wire, tools=tools)["tools"] == tools


@EVERY_STREAM
def test_17_images_come_in_streams(wire: Wire, way: Way) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}
    wire.reply = Reply([delta_chunk({"images": [image]}), *whole_stream("Here.")])
    got = [i for c in way.ask(wire) for i in getattr(c.choices[0].delta, "images", None) or ()]
    assert [dict(i) for i in got] == [image]


def test_17_image_files_are_sent_as_images(wire: Wire) -> None:
    file = {"type": "file", "file": {"file_data": "data:image/png;base64,iVBO"}}
    body = sent(wire, {"role": "user", "content": [file]})
    assert body["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}
    ]


def test_18_streaming_spend_is_logged(wire: Wire) -> None:
    logged: list[float] = []
    wire.reply = Reply(whole_stream("Wren"))
    litellm.success_callback.append(lambda kwargs, *_: logged.append(kwargs["response_cost"]))
    before = litellm.utils.callback_list
    litellm.utils.callback_list = []
    try:
        STREAMED[0].ask(wire)
        assert happens(lambda: logged)
    finally:
        litellm.utils.callback_list = before
        litellm.success_callback.pop()
    assert logged == [COST]


def test_18_embedding_spend_is_logged(wire: Wire) -> None:
    data = [{"object": "embedding", "index": 0, "embedding": [0.5]}]
    wire.reply = Reply({**HEAD, "object": "list", "data": data, "usage": USAGE})
    answer = litellm.embedding(
        "openrouter/openai/text-embedding-3-small", ["a"], api_base=wire.base_url, api_key=KEY
    )
    assert answer._hidden_params["response_cost"] == COST


def test_19_provider_preferences_come_from_router_configs(wire: Wire) -> None:
    wire.reply = Reply(said("ok"))
    preferences = {"order": ["anthropic"], "allow_fallbacks": False}
    settings = {"api_base": wire.base_url, "api_key": KEY, "provider": preferences}
    deployment = {"model": "openrouter/anthropic/claude-haiku-4.5", **settings}
    router = litellm.Router([{"model_name": "m", "litellm_params": deployment}])
    router.completion("m", QUESTION)
    assert wire.requests[-1]["provider"] == preferences


@pytest.mark.parametrize(
    ("asked", "arrives"),
    [
        ("openrouter/auto", "openrouter/auto"),
        ("openrouter/openrouter/auto", "openrouter/auto"),
        ("openrouter/@preset/birds", "@preset/birds"),
        ("openrouter/openai/gpt-4o@preset/birds", "openai/gpt-4o@preset/birds"),
        ("openrouter/openai/gpt-4o:online", "openai/gpt-4o:online"),
        ("openrouter/openai/gpt-oss-20b:free:online", "openai/gpt-oss-20b:free:online"),
        ("openrouter/~anthropic/claude-sonnet-latest", "~anthropic/claude-sonnet-latest"),
    ],
)
def test_20_model_arrives_as_written(wire: Wire, asked: str, arrives: str) -> None:
    assert sent(wire, model=asked)["model"] == arrives


def test_every_reported_problem_has_its_test() -> None:
    numbers = {name[5:7] for name in vars(sys.modules[__name__]) if name[5:7].isdecimal()}
    assert numbers == {f"{number:02}" for number in range(1, 21)}
