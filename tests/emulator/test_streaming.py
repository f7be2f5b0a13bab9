"""Streams: what comes in pieces adds up to what would have come whole."""

from __future__ import annotations

import http.client
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from openrouter_adapter.emulator import Answer
from tests.support.waiting import happens

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Client, Reply


def deltas(reply: Reply) -> list[dict[str, Any]]:
    return [choice["delta"] for chunk in reply.chunks for choice in chunk["choices"]]


def assembled_details(reply: Reply) -> list[dict[str, Any]]:
    whole: dict[tuple[str, int], dict[str, Any]] = {}
    for delta in deltas(reply):
        for detail in delta.get("reasoning_details") or ():
            kept = whole.setdefault((detail["type"], detail["index"]), {})
            for name, value in detail.items():
                grows = name in {"text", "summary"} and name in kept
                kept[name] = kept[name] + value if grows else value
    return list(whole.values())


def test_the_frame_of_a_stream(client: Client) -> None:
    reply = client.chat("Count from 1 to 3", stream=True)
    first, *_, last = reply.chunks
    assert reply.headers["Content-Type"] == "text/event-stream"
    assert reply.headers["X-Generation-Id"] == first["id"] == last["id"]
    assert reply.text.startswith(": OPENROUTER PROCESSING\n\n")
    assert reply.text.endswith("data: [DONE]\n\n")
    assert reply.streamed_text == "1\n2\n3"
    assert [chunk for chunk in reply.chunks if "usage" in chunk] == [last]
    # The finish reason comes in a chunk of its own and again with the usage.
    assert [chunk["choices"][0]["finish_reason"] for chunk in reply.chunks[-2:]] == ["stop"] * 2


@pytest.mark.parametrize(
    "model",
    ["anthropic/claude-haiku-4.5", "openai/gpt-5-mini", "google/gemini-2.5-pro", "x-ai/grok-4"],
)
def test_a_stream_says_what_the_whole_answer_says(
    client: Client, model: str, weather: dict[str, Any]
) -> None:
    ask = {
        "prompt": "What's the weather in Rome?",
        "model": model,
        "tools": [weather],
        "reasoning": {"effort": "high"},
    }
    whole, stream = client.chat(**ask), client.chat(**ask, stream=True)
    thought = "".join(delta.get("reasoning") or "" for delta in deltas(stream))
    calls = [call for delta in deltas(stream) for call in delta.get("tool_calls") or ()]
    arguments = "".join(call["function"].get("arguments", "") for call in calls)
    assert assembled_details(stream) == whole.message["reasoning_details"]
    assert (thought or None) == whole.message["reasoning"]
    assert arguments == whole.message["tool_calls"][0]["function"]["arguments"]
    assert calls[0]["function"]["name"] == "get_weather"
    assert all("id" not in call for call in calls[1:])
    assert stream.chunks[-1]["usage"] == whole.json["usage"]


def test_chunks_have_as_many_tokens_as_configured(emulate: Callable[..., Client]) -> None:
    text = "Übergrößenträger 🦊🦊 naïve 漢字"
    for size in (1, 3, 1000):
        client = emulate(answer=text, chunk_tokens=size)
        assert client.chat(stream=True).streamed_text == text
    assert len(emulate(answer="word " * 50).chat(stream=True).chunks) > 50


def test_images_and_annotations_come_in_deltas(client: Client) -> None:
    drawn = deltas(client.chat("A fox", model="google/gemini-2.5-flash-image", stream=True))
    assert [len(delta["images"]) for delta in drawn if "images" in delta] == [1]
    cited = deltas(client.chat("News", model="openai/gpt-4o-mini:online", stream=True))
    assert [len(delta["annotations"]) for delta in cited if "annotations" in delta] == [5]


def test_comments_can_be_left_out(emulate: Callable[..., Client]) -> None:
    assert emulate(comments=0).chat(stream=True).text.startswith("data: ")


def open_stream(client: Client, **body: Any) -> http.client.HTTPResponse:
    address = urlsplit(client.emulator.base_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    whole = {
        "model": "openai/gpt-4o",
        "stream": True,
        "messages": [{"role": "user", "content": "x"}],
    }
    connection.request(
        "POST",
        f"{address.path}/chat/completions",
        json.dumps({**whole, **body}),
        {"Authorization": f"Bearer {client.emulator.api_key}"},
    )
    return connection.getresponse()


def test_a_caller_who_leaves_pays_for_what_was_sent(emulate: Callable[..., Client]) -> None:
    client = emulate(answer="word " * 1000, chunk_delay=0.005)
    stream = open_stream(client)
    stream.read(2000)
    stream.close()
    assert happens(client.emulator.bill)
    (row,) = client.emulator.bill()
    assert row.cancelled
    assert row.finish_reason is None
    assert 0 < row.tokens_completion < 1000
    assert row.generation_id == stream.headers["X-Generation-Id"]
    assert client.get(f"/generation?id={row.generation_id}").json["data"]["cancelled"] is True


@pytest.mark.timed
def test_leaving_the_block_ends_open_streams_fast(emulate: Callable[..., Client]) -> None:
    client = emulate(answer="word " * 1000, chunk_delay=0.05)
    stream = open_stream(client)
    stream.read(100)
    began = time.monotonic()
    client.emulator.__exit__(None, None, None)
    # The rest of the answer would take 50 seconds.
    assert time.monotonic() - began < 10
    stream.close()


def test_an_answer_that_died_has_no_finish_reason(emulate: Callable[..., Client]) -> None:
    reply = emulate(answer=Answer(content="Half", finish_reason=None)).chat(stream=True)
    assert {choice["finish_reason"] for chunk in reply.chunks for choice in chunk["choices"]} == {
        None
    }
