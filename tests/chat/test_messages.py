"""Messages on their way out: every form that LiteLLM's pages show, and answers put back."""

from __future__ import annotations

import copy
import json
import logging
from typing import TYPE_CHECKING, Any

import litellm
import pytest

from openrouter_adapter.chat.messages import limit_breakpoints, to_wire
from tests.support import answers
from tests.support.calls import ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.loopback import Loopback

PNG = "data:image/png;base64,aGk="
PDF = "data:application/pdf;base64,aGk="
MARK = {"type": "ephemeral"}
CLAUDE = "openrouter/anthropic/claude-sonnet-4.5"


def part_sent(part: dict[str, Any]) -> dict[str, Any]:
    """Return a part of a user's message as it is sent."""
    (message,) = to_wire([{"role": "user", "content": [part]}])
    (sent,) = message["content"]
    return dict(sent)


def text(words: str, **beside: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **beside}


# Roles


@pytest.mark.parametrize("role", ["system", "developer", "user"])
def test_a_role_stays(openrouter: Loopback, role: str) -> None:
    messages = [{"role": role, "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    ask(messages=messages)
    assert openrouter.body["messages"] == messages


def test_a_message_that_needs_nothing_is_the_same_object() -> None:
    message = {"role": "user", "content": [text("Hi")], "name": "Ann"}
    assert to_wire([message])[0] is message


# Images, files, audio, video


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"url": PNG}, {"url": PNG}),
        (PNG, {"url": PNG}),
        ("https://a.example/bird.png?size=2", {"url": "https://a.example/bird.png?size=2"}),
        ({"url": PNG, "detail": "high"}, {"url": PNG, "detail": "high"}),
        ({"url": PNG, "format": "image/png"}, {"url": PNG}),
    ],
)
def test_an_image(given: Any, sent: dict[str, Any]) -> None:
    assert part_sent({"type": "image_url", "image_url": given})["image_url"] == sent


@pytest.mark.parametrize(
    ("file", "sent"),
    [
        (
            {"filename": "a.pdf", "file_data": PDF},
            {"filename": "a.pdf", "file_data": PDF},
        ),
        ({"file_data": PDF}, {"filename": "document.pdf", "file_data": PDF}),
        (
            {"file_data": "aGk=", "format": "application/pdf"},
            {"filename": "document.pdf", "file_data": PDF},
        ),
        (
            {"file_data": "aGk=", "format": "text/csv", "filename": "birds.csv"},
            {"filename": "birds.csv", "file_data": "data:text/csv;base64,aGk="},
        ),
        (
            {"file_id": "https://a.example/my%20birds.pdf?v=2"},
            {"filename": "my birds.pdf", "file_data": "https://a.example/my%20birds.pdf?v=2"},
        ),
        (
            {"file_id": "https://a.example/7", "format": "application/pdf"},
            {"filename": "7", "file_data": "https://a.example/7"},
        ),
        ({"file_id": PDF}, {"filename": "document.pdf", "file_data": PDF}),
    ],
)
def test_a_file_in_each_of_litellms_forms(file: dict[str, Any], sent: dict[str, Any]) -> None:
    assert part_sent({"type": "file", "file": file}) == {"type": "file", "file": sent}


@pytest.mark.parametrize(
    ("file", "kind", "url"),
    [
        ({"file_data": "aGk=", "format": "image/png"}, "image_url", PNG),
        ({"file_id": "https://a.example/bird.jpg"}, "image_url", "https://a.example/bird.jpg"),
        ({"file_id": "https://a.example/bird.mp4"}, "video_url", "https://a.example/bird.mp4"),
        ({"file_data": "data:video/mp4;base64,aGk="}, "video_url", "data:video/mp4;base64,aGk="),
    ],
)
def test_an_image_or_a_video_as_a_file_becomes_what_models_read(
    file: dict[str, Any], kind: str, url: str
) -> None:
    assert part_sent({"type": "file", "file": file}) == {"type": kind, kind: {"url": url}}


def test_a_file_id_of_another_providers_storage_stays() -> None:
    part = {"type": "file", "file": {"file_id": "file-abc123"}}
    assert part_sent(part) == part


def test_a_file_part_without_a_file_is_an_error() -> None:
    with pytest.raises(litellm.BadRequestError, match="file_data"):
        part_sent({"type": "file"})


@pytest.mark.parametrize(
    ("audio", "sent"),
    [
        ({"data": "aGk=", "format": "wav"}, {"data": "aGk=", "format": "wav"}),
        ({"data": "data:audio/mpeg;base64,aGk="}, {"data": "aGk=", "format": "mp3"}),
        ({"data": "data:audio/x-wav;base64,aGk="}, {"data": "aGk=", "format": "wav"}),
        ({"data": "data:audio/flac;base64,aGk="}, {"data": "aGk=", "format": "flac"}),
        (
            {"data": "data:audio/mp4;base64,aGk=", "format": "aac"},
            {"data": "aGk=", "format": "aac"},
        ),
    ],
)
def test_audio(audio: dict[str, str], sent: dict[str, str]) -> None:
    assert part_sent({"type": "input_audio", "input_audio": audio})["input_audio"] == sent


def test_audio_by_url_is_an_error_before_anything_is_sent(openrouter: Loopback) -> None:
    audio = {"data": "https://a.example/song.mp3", "format": "mp3"}
    content = [{"type": "input_audio", "input_audio": audio}]
    with pytest.raises(litellm.BadRequestError, match="base64"):
        ask(messages=[{"role": "user", "content": content}])
    assert openrouter.requests == []


@pytest.mark.parametrize("given", ["https://youtu.be/x?t=1", {"url": "https://youtu.be/x?t=1"}])
def test_a_video(given: Any) -> None:
    sent = {"type": "video_url", "video_url": {"url": "https://youtu.be/x?t=1"}}
    assert part_sent({"type": "video_url", "video_url": given}) == sent


def test_all_kinds_of_parts_arrive_through_litellm(openrouter: Loopback) -> None:
    content = [
        text("Compare."),
        {"type": "image_url", "image_url": {"url": PNG}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
        {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,aGk="}},
    ]
    ask(messages=[{"role": "user", "content": content}])
    assert openrouter.body["messages"] == [{"role": "user", "content": content}]


def test_a_part_of_next_week_is_sent_as_it_is() -> None:
    part = {"type": "of_next_week", "of_next_week": {"url": PNG}}
    assert part_sent(part) == part


@pytest.mark.parametrize(
    "message",
    [
        "Hi",
        None,
        {"role": "assistant", "content": "Hi", "tool_calls": ["odd"]},
        {"role": "assistant", "content": "Hi", "tool_calls": [{"id": "c", "type": "custom"}]},
    ],
)
def test_a_message_of_an_odd_form_is_openrouters_to_judge(message: Any) -> None:
    assert to_wire([message]) == [message]


@pytest.mark.parametrize("content", ["", None, [], ["Hi"]])
def test_cache_control_that_has_no_part_to_be_on_is_left_out(content: Any) -> None:
    (sent,) = to_wire([{"role": "user", "content": content, "cache_control": MARK}])
    assert sent == {"role": "user", "content": content}


def test_images_and_pdfs_of_a_tool_arrive_as_parts(openrouter: Loopback) -> None:
    content = [
        text("Two files."),
        {"type": "image_url", "image_url": {"url": PNG}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}},
    ]
    call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "Find it."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": content},
    ]
    ask(messages=messages)
    assert openrouter.body["messages"][2]["content"] == content


# Cache breakpoints


def test_cache_control_of_a_string_moves_to_its_text() -> None:
    (sent,) = to_wire([{"role": "system", "content": "Be brief.", "cache_control": MARK}])
    assert sent == {"role": "system", "content": [text("Be brief.", cache_control=MARK)]}


def test_cache_control_of_a_message_goes_to_its_last_text_only() -> None:
    image = {"type": "image_url", "image_url": {"url": PNG}}
    message = {"role": "user", "content": [text("a"), text("b"), image], "cache_control": MARK}
    (sent,) = to_wire([message])
    assert sent == {"role": "user", "content": [text("a"), text("b", cache_control=MARK), image]}


def test_cache_control_goes_to_the_last_part_where_there_is_no_text() -> None:
    image = {"type": "image_url", "image_url": {"url": PNG}}
    (sent,) = to_wire([{"role": "user", "content": [image], "cache_control": MARK}])
    assert sent["content"] == [{**image, "cache_control": MARK}]


def test_cache_control_of_a_tools_message_goes_to_its_text() -> None:
    message = {"role": "tool", "tool_call_id": "c", "content": "4", "cache_control": MARK}
    (sent,) = to_wire([message])
    assert sent["content"] == [text("4", cache_control=MARK)]


def test_a_longer_lifetime_passes(openrouter: Loopback) -> None:
    hour = {"type": "ephemeral", "ttl": "1h"}
    content = [text("Hi", cache_control=hour)]
    ask(model=CLAUDE, messages=[{"role": "user", "content": content}], cache_control=hour)
    assert openrouter.body["messages"][0]["content"] == content
    assert openrouter.body["cache_control"] == hour


def marked_parts(body: dict[str, Any]) -> list[str]:
    """Return the texts and tools that carry a breakpoint."""
    parts = [part for message in body["messages"] for part in message["content"]]
    return [part.get("text", part.get("type")) for part in parts if "cache_control" in part]


def test_anthropics_limit_of_four_keeps_the_newest(
    openrouter: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    turns = [
        {"role": "user", "content": [text(str(turn), cache_control=MARK)]} for turn in range(6)
    ]
    system = {"role": "system", "content": [text("system", cache_control=MARK)]}
    with caplog.at_level(logging.WARNING, "openrouter_adapter"):
        ask(model=CLAUDE, messages=[system, *turns])
    assert marked_parts(openrouter.body) == ["system", "3", "4", "5"]
    assert "7 cache breakpoints" in caplog.text


def test_the_requests_own_cache_control_counts(openrouter: Loopback) -> None:
    turns = [
        {"role": "user", "content": [text(str(turn), cache_control=MARK)]} for turn in range(4)
    ]
    ask(model=CLAUDE, messages=turns, cache_control=MARK)
    assert marked_parts(openrouter.body) == ["1", "2", "3"]


def test_tools_breakpoints_count_and_stay(openrouter: Loopback) -> None:
    tools = [
        {"type": "function", "function": {"name": f"f{i}"}, "cache_control": MARK} for i in range(2)
    ]
    turns = [
        {"role": "user", "content": [text(str(turn), cache_control=MARK)]} for turn in range(3)
    ]
    before = copy.deepcopy((tools, turns))
    ask(model=CLAUDE, messages=turns, tools=tools)
    assert marked_parts(openrouter.body) == ["1", "2"]
    assert openrouter.body["tools"] == tools
    assert (tools, turns) == before


def test_too_many_breakpoints_of_tools_alone_give_way_too() -> None:
    tools = [{"type": "function", "cache_control": MARK} for _ in range(6)]
    body = {"model": "anthropic/claude-opus-4", "messages": [], "tools": tools}
    limit_breakpoints(body)
    assert sum("cache_control" in tool for tool in body["tools"]) == 4
    assert sum("cache_control" in tool for tool in tools) == 6


def test_other_models_have_no_limit(openrouter: Loopback) -> None:
    turns = [
        {"role": "user", "content": [text(str(turn), cache_control=MARK)]} for turn in range(6)
    ]
    ask(model="openrouter/google/gemini-2.5-pro", messages=turns)
    assert len(marked_parts(openrouter.body)) == 6


def test_litellms_injection_points_arrive(openrouter: Loopback) -> None:
    messages = [
        {"role": "system", "content": "A long text."},
        {"role": "user", "content": "Hi"},
        {"role": "user", "content": [text("one"), text("two")]},
    ]
    points = [{"location": "message", "role": "system"}, {"location": "message", "index": -1}]
    ask(model=CLAUDE, messages=messages, cache_control_injection_points=points)
    system, plain, last = openrouter.body["messages"]
    assert system["content"] == [text("A long text.", cache_control=MARK)]
    assert plain == {"role": "user", "content": "Hi"}
    assert last["content"] == [text("one"), text("two", cache_control=MARK)]
    assert "cache_control_injection_points" not in openrouter.body


# Answers put back

ARGUMENTS = '{"b":  1,"a" : [ 1.50,\t"\\u00e9"]}'
SIGNED = {
    "type": "reasoning.text",
    "text": "Let me think.",
    "signature": "c2ln",
    "format": "anthropic-claude-v1",
    "index": 0,
}
HIDDEN = {
    "type": "reasoning.encrypted",
    "data": "Y2lwaGVy",
    "format": "anthropic-claude-v1",
    "index": 1,
}
ANNOTATIONS = [
    {"type": "file", "file": {"hash": "abc", "name": "a.pdf", "content": [text("Birds.")]}},
    {
        "type": "url_citation",
        "url_citation": {
            "url": "https://a.example",
            "title": "A",
            "start_index": 0,
            "end_index": 1,
        },
    },
]
ANSWER = {
    "role": "assistant",
    "content": "I will look.",
    "refusal": None,
    "reasoning": "Let me think.",
    "reasoning_details": [SIGNED, HIDDEN],
    "tool_calls": [
        {
            "id": "toolu_1",
            "type": "function",
            "index": 0,
            "function": {"name": "get_weather", "arguments": ARGUMENTS},
        }
    ],
    "annotations": ANNOTATIONS,
    "images": [{"type": "image_url", "image_url": {"url": PNG}, "index": 0}],
}
FORMS: dict[str, Callable[[Any], Any]] = {
    "object": lambda message: message,
    "dict": lambda message: message.model_dump(),
    "dict without null": lambda message: message.model_dump(exclude_none=True),
    "JSON": lambda message: json.loads(message.model_dump_json()),
    "JSON of its dict": lambda message: json.loads(json.dumps(message.model_dump())),
    "item by item": dict,
}


@pytest.mark.parametrize("form", FORMS)
def test_an_answer_goes_back_complete(openrouter: Loopback, form: str) -> None:
    openrouter.replies(answers.completion(**ANSWER))  # type: ignore[arg-type]
    message = FORMS[form](ask().choices[0].message)
    ask(messages=[{"role": "user", "content": "Hi"}, message])
    (back,) = openrouter.requests[1].body["messages"][1:]
    assert back["content"] == "I will look."
    assert back["reasoning_details"] == [SIGNED, HIDDEN]
    assert back["annotations"] == ANNOTATIONS
    assert back["images"] == ANSWER["images"]
    assert back["tool_calls"] == [
        {
            "id": "toolu_1",
            "type": "function",
            "function": {"name": "get_weather", "arguments": ARGUMENTS},
        }
    ]
    allowed = {"role", "content", "reasoning_details", "annotations", "images", "tool_calls"}
    assert back.keys() <= allowed


@pytest.mark.parametrize("form", FORMS)
def test_putting_an_answer_back_does_not_change_it(openrouter: Loopback, form: str) -> None:
    openrouter.replies(answers.completion(**ANSWER))  # type: ignore[arg-type]
    message = FORMS[form](ask().choices[0].message)
    before = copy.deepcopy(message)
    ask(messages=[{"role": "user", "content": "Hi"}, message])
    assert message == before


def test_an_answer_with_tool_calls_only_goes_back_without_content(openrouter: Loopback) -> None:
    openrouter.replies(answers.completion(None, tool_calls=ANSWER["tool_calls"]))
    message = ask().choices[0].message
    ask(messages=[{"role": "user", "content": "Hi"}, message.model_dump()])
    assert openrouter.requests[1].body["messages"][1].get("content") is None


def test_plain_reasoning_goes_back_as_reasoning(openrouter: Loopback) -> None:
    openrouter.replies(answers.completion("Hi", reasoning="Let me think."))
    message = ask().choices[0].message
    ask(messages=[{"role": "user", "content": "Hi"}, message])
    assert openrouter.requests[1].body["messages"][1] == {
        "role": "assistant",
        "content": "Hi",
        "reasoning": "Let me think.",
    }


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [(None, "{}"), ({"city": "Oslo"}, '{"city":"Oslo"}'), (ARGUMENTS, ARGUMENTS), ("", "")],
)
def test_tool_arguments_are_text(arguments: Any, sent: str) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    (message,) = to_wire([{"role": "assistant", "content": None, "tool_calls": [call]}])
    assert message["tool_calls"][0]["function"]["arguments"] == sent


def test_an_old_function_call_goes_back() -> None:
    call = {"name": "f", "arguments": "{}"}
    message = {"role": "assistant", "content": None, "function_call": call}
    assert to_wire([message]) == [message]


def test_the_callers_messages_are_not_changed(openrouter: Loopback) -> None:
    messages = [
        {"role": "system", "content": "Be brief.", "cache_control": MARK},
        {
            "role": "user",
            "content": [
                text("Hi"),
                {"type": "image_url", "image_url": {"url": PNG, "format": "image/png"}},
                {"type": "file", "file": {"file_data": "aGk=", "format": "application/pdf"}},
                {"type": "input_audio", "input_audio": {"data": "data:audio/mpeg;base64,aGk="}},
            ],
        },
        {**ANSWER, "thinking_blocks": [{"type": "thinking", "thinking": "a", "signature": "s"}]},
        {"role": "tool", "tool_call_id": "toolu_1", "content": "4", "cache_control": MARK},
    ]
    wire = copy.deepcopy(messages)
    to_wire(messages)
    assert messages == wire
    ask(model=CLAUDE, messages=messages)
    assert len(openrouter.requests) == 1


# LiteLLM's core takes them off before any provider sees the message.
def test_null_fields_of_a_users_message_are_litellms_to_drop(openrouter: Loopback) -> None:
    ask(messages=[{"role": "user", "content": "Hi", "name": None}])
    assert openrouter.body["messages"] == [{"role": "user", "content": "Hi"}]
