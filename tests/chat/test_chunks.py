"""Chunks are built once, share nothing, and are not kept; what LiteLLM asks of them is there."""

from __future__ import annotations

import gc
import json
import weakref
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.types.utils import Delta, ModelResponseStream, StreamingChoices

from openrouter_adapter.chat.accumulator import Accumulator
from openrouter_adapter.chat.chunks import ChunkBuilder, ChunksSoFar
from tests.support.asking import MODEL, QUESTION
from tests.support.failures import KEY, whole_stream
from tests.support.wire import Reply

if TYPE_CHECKING:
    from tests.support.wire import Wire

HEAD = {"id": "gen-1", "object": "chat.completion.chunk", "created": 7, "model": "openai/gpt-5"}
DELTAS: list[dict[str, Any]] = [
    {"content": "Hi"},
    {"role": "assistant", "content": ""},
    {"role": "assistant", "content": None, "reasoning": "Hm."},
    {"refusal": "No."},
    {"annotations": [{"type": "url_citation", "url_citation": {"url": "https://a.example"}}]},
    {"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}]},
    {"of_next_week": 1},
    {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}]},
]


def event(delta: dict[str, Any], **more: Any) -> dict[str, Any]:
    # Through JSON, for what the accumulator changes must not be the next test's.
    return json.loads(json.dumps({**HEAD, "choices": [{"index": 0, "delta": delta}], **more}))


def built(*events: dict[str, Any]) -> list[ModelResponseStream]:
    accumulator = Accumulator()
    builder = ChunkBuilder(accumulator, {}, "openai/gpt-5")
    chunks = []
    for one in events:
        accumulator.add(one)
        chunks.append(builder.build(one))
    return chunks


@pytest.mark.parametrize("delta", DELTAS, ids="-".join)
def test_a_copied_chunk_is_what_the_constructor_makes(delta: dict[str, Any]) -> None:
    [chunk] = built(event(delta, provider="Groq", system_fingerprint="f"))
    fields = {name: value for name, value in chunk.choices[0].delta if value is not None}
    made = ModelResponseStream(
        choices=[StreamingChoices(delta=Delta(**fields))],
        **{name: HEAD[name] for name in ("id", "created", "model")},
        provider="Groq",
        system_fingerprint="f",
    )
    assert chunk.model_dump() == made.model_dump()
    assert json.loads(chunk.model_dump_json()) == json.loads(made.model_dump_json())


def test_chunks_share_nothing() -> None:
    one, other = built(event({"content": "a"}), event({"content": "b"}))
    one._hidden_params["seen"] = True
    one.choices[0].delta.note = "mine"
    one.choices[0].note = one.note = "mine"
    one.choices.append(one.choices[0])
    [third] = built(event({"content": "c"}))
    for untouched in (other, third):
        assert untouched._hidden_params == {}
        assert "mine" not in untouched.model_dump_json()
        assert len(untouched.choices) == 1


def test_a_value_of_another_kind_takes_the_constructors_way() -> None:
    [chunk] = built({**event({"content": "a"}), "created": 7.0})
    assert chunk.created == 7
    with pytest.raises(ValueError, match="created"):
        built({**event({"content": "a"}), "created": "yesterday"})


def test_a_stream_keeps_no_chunk(wire: Wire) -> None:
    wire.reply = Reply(whole_stream(*"abc"))
    stream = litellm.completion(MODEL, QUESTION, stream=True, api_base=wire.base_url, api_key=KEY)
    first = next(stream)
    assert first.choices[0].delta.content == "a"
    gone = weakref.ref(first)
    del first
    gc.collect()
    assert gone() is None


def test_litellm_finds_the_answer_so_far_in_one_chunk() -> None:
    accumulator = Accumulator()
    so_far = ChunksSoFar(accumulator, {}, "openai/gpt-5")
    assert not so_far
    assert list(so_far) == []
    for delta in DELTAS:
        accumulator.add(event(delta))
    assert isinstance(so_far, list)
    assert len(so_far) == 1
    whole = litellm.stream_chunk_builder(so_far, messages=QUESTION)
    message = whole.choices[0].message
    assert message.content == "Hi"
    assert message.reasoning_content == "Hm."
    assert message.tool_calls[0].function.arguments == "{}"
    assert so_far[0].id == so_far[:1][0].id == "gen-1"
