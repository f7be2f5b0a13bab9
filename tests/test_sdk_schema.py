"""Every kind of body that our classes build passes the official SDK's request models.

The fixture `openrouter` holds every body that any test sends against them too; here are the
options page's examples, all forms of messages and input, and proof that the judge judges.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import litellm
import pytest

from openrouter_adapter.chat import transformation as chat
from openrouter_adapter.chat.transformation import build_body
from openrouter_adapter.embedding.transformation import build_body as embedding_body
from openrouter_adapter.image_generation.transformation import build_body as image_body
from openrouter_adapter.images import sizing
from openrouter_adapter.options import OPENROUTER_FIELDS
from tests.options.values import GOOD
from tests.support import answers
from tests.support.calls import ask, stream
from tests.support.sdk_schema import OLDER_FIELDS, faults
from tests.test_options_doc import EXAMPLES

if TYPE_CHECKING:
    from tests.support.loopback import Loopback
    from tests.test_options_doc import Example

CHAT = "/chat/completions"
QUESTION = [{"role": "user", "content": "Name three birds."}]
DATA = "data:image/png;base64,aGk="
TOOL_CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'},
}

PARTS: list[dict[str, Any]] = [
    {"type": "text", "text": "Hi"},
    {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    {"type": "image_url", "image_url": {"url": DATA, "detail": "high"}},
    {"type": "image_url", "image_url": "https://a.example/bird.png"},
    {"type": "image_url", "image_url": {"url": DATA, "format": "image/png"}},
    {"type": "file", "file": {"file_id": "https://a.example/bird.pdf"}},
    {"type": "file", "file": {"file_data": "aGk=", "format": "application/pdf"}},
    {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aA"}},
    {"type": "file", "file": {"file_data": "aGk=", "format": "image/png"}},
    {"type": "file", "file": {"file_data": "aGk=", "format": "video/mp4"}},
    {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
    {"type": "input_audio", "input_audio": {"data": "data:audio/mpeg;base64,aGk="}},
    {"type": "video_url", "video_url": {"url": "https://a.example/bird.mp4"}},
    {"type": "video_url", "video_url": "data:video/mp4;base64,aGk="},
]

MESSAGES: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief.", "cache_control": {"type": "ephemeral"}},
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": "Hi", "name": "Ann"},
    {"role": "user", "content": "Hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    *({"role": "user", "content": [part]} for part in PARTS),
    *({"role": "tool", "tool_call_id": "call_1", "content": [part]} for part in PARTS),
    {"role": "tool", "tool_call_id": "call_1", "content": "4 degrees"},
    {"role": "assistant", "content": None, "tool_calls": [TOOL_CALL]},
    {"role": "assistant", "content": None, "tool_calls": [{**TOOL_CALL, "index": 0}]},
    {"role": "assistant", "content": "Hi", "reasoning_content": "Let me think."},
    {
        "role": "assistant",
        "content": "Hi",
        "thinking_blocks": [
            {"type": "thinking", "thinking": "Let me think.", "signature": "sig"},
            {"type": "redacted_thinking", "data": "ciphertext"},
        ],
    },
    {
        "role": "assistant",
        "content": "Hi",
        "reasoning_details": [
            {"type": "reasoning.summary", "summary": "Thought.", "format": "openai-responses-v1"},
            {"type": "reasoning.encrypted", "data": "c", "id": "rs_1", "index": 0},
            {"type": "reasoning.text", "text": "Hm.", "signature": None, "format": "unknown"},
        ],
        "annotations": [{"type": "file", "file": {"hash": "h", "name": "a.pdf", "content": []}}],
        "images": [{"type": "image_url", "image_url": {"url": DATA}}],
    },
]

INPUTS: list[Any] = [
    "a bird",
    ["a bird", "a nest"],
    [1, 2, 3],
    [[1, 2], [3]],
    [
        {
            "content": [
                {"type": "text", "text": "a"},
                {"type": "image_url", "image_url": {"url": DATA}},
            ]
        }
    ],
]


@pytest.mark.parametrize(
    ("name", "value"),
    # The schema lists the plugins; a new one is sent all the same.
    [one for one in GOOD if one[0] != "input_type" and "of-next-week" not in json.dumps(one[1])],
)
def test_every_good_option_passes(name: str, value: Any) -> None:
    body = build_body("openai/gpt-4o-mini", QUESTION, {name: value})
    assert body[name] == value
    assert faults(CHAT, body) == []


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: json.dumps(message)[:60])
def test_every_form_of_message_passes(message: dict[str, Any]) -> None:
    body = build_body("anthropic/claude-sonnet-4.5", [message], {})
    assert faults(CHAT, body) == []


@pytest.mark.parametrize("inputs", INPUTS, ids=lambda inputs: json.dumps(inputs)[:40])
@pytest.mark.parametrize(
    "keywords",
    [
        {},
        {"dimensions": 256, "encoding_format": "base64", "user": "u"},
        {"provider": {"sort": "price"}, "input_type": "search_query"},
        {"session_id": "s", "trace": {"trace_id": "t"}},
    ],
)
def test_every_form_of_embedding_passes(inputs: Any, keywords: dict[str, Any]) -> None:
    body = embedding_body("openai/text-embedding-3-small", inputs, keywords)
    assert faults("/embeddings", body) == []


@pytest.mark.parametrize(
    "keywords",
    [
        {},
        *({"size": ratio, "quality": "high"} for ratio in sizing.PIXELS),
        {"size": "1536x1024", "quality": "medium", "user": "u", "n": 2},
        {"image_config": {"aspect_ratio": "1:4", "strength": 0.5}, "response_format": "url"},
        {"provider": {"only": ["google"]}, "extra_body": {"seed": 1}},
    ],
    ids=str,
)
def test_every_form_of_image_request_passes(keywords: dict[str, Any]) -> None:
    assert faults(CHAT, image_body("google/gemini-2.5-flash-image", "a bird", keywords)) == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.heading)
def test_the_examples_of_the_options_page_pass(openrouter: Loopback, example: Example) -> None:
    openrouter.beyond_schema = {"of_next_week"}
    exec(example.code, {"litellm": litellm, "messages": QUESTION})  # noqa: S102
    (request,) = openrouter.requests
    assert faults(request.path, request.body, {"of_next_week"}) == []


def test_a_conversation_with_all_its_answers_passes(openrouter: Loopback) -> None:
    details = [
        {"type": "reasoning.text", "text": "Hm.", "signature": "s", "format": "anthropic-claude-v1"}
    ]
    openrouter.replies(
        answers.completion(None, tool_calls=[TOOL_CALL], reasoning="Hm.", reasoning_details=details)
    )
    answer = ask().choices[0].message
    result = {"role": "tool", "tool_call_id": "call_1", "content": "4 degrees"}
    ask(messages=[*QUESTION, answer, result])
    assert faults(CHAT, openrouter.requests[-1].body) == []
    assert openrouter.requests[-1].body["messages"][1]["reasoning_details"] == details


def test_a_streamed_body_passes(openrouter: Loopback) -> None:
    stream(stream_options={"include_usage": True}, tools=[{"type": "openrouter:web_search"}])
    assert faults(CHAT, openrouter.body) == []


# The judge itself.


def test_every_older_field_is_one_that_we_send() -> None:
    assert OPENROUTER_FIELDS | set(chat.SUPPORTED) >= OLDER_FIELDS


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"messages": QUESTION, "max_tokens": "many"}, "max_tokens"),
        ({"messages": [{"role": "user"}]}, "messages.0"),
        ({"messages": [{"role": "tool", "content": "4"}]}, "tool_call_id"),
        ({"messages": QUESTION, "plugins": [{"id": "of-next-week"}]}, "plugins.0"),
        ({"messages": QUESTION, "extra_headers": {}}, "extra_headers"),
        ({"messages": QUESTION, "thinking": {}}, "thinking"),
    ],
)
def test_a_wrong_body_is_seen(body: dict[str, Any], place: str) -> None:
    assert any(place in fault for fault in faults(CHAT, body))


def test_a_wrong_embedding_body_is_seen() -> None:
    assert faults("/embeddings", {"input": "a", "model": "m", "dimensions": "many"})
    assert faults("/embeddings", {"input": "a", "model": "m", "usage": {}}) == []
