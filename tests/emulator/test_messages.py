"""`/messages` of the emulator, by Anthropic's own client."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from openrouter_adapter.emulator import Answer, Thought, ToolCall

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.emulator import Emulator

    from .conftest import Client

anthropic = pytest.importorskip("anthropic")

CLAUDE, GEMINI, DEEPSEEK = (
    "anthropic/claude-sonnet-4.5",
    "google/gemini-2.5-pro",
    "deepseek/deepseek-r1-0528",
)
QUESTION = "What is the weather in Paris?"
WEATHER = {
    "name": "get_weather",
    "description": "Gets the current weather of a city",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
THINKING = {"type": "enabled", "budget_tokens": 1024}
STREAMED = pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def of(emulator: Emulator) -> Any:
    """Return Anthropic's client of an emulator."""
    return anthropic.Anthropic(
        auth_token=emulator.api_key,
        base_url=emulator.base_url.removesuffix("/v1"),
        max_retries=0,
    )


def ask(emulator: Emulator, content: Any, is_streamed: bool = False, **fields: Any) -> Any:
    messages = content if isinstance(content, list) and "role" in content[0] else [user(content)]
    body = {"model": CLAUDE, "max_tokens": 3000, "messages": messages, **fields}
    if not is_streamed:
        return of(emulator).messages.create(**body)
    with of(emulator).messages.stream(**body) as stream:
        return stream.get_final_message()


@STREAMED
def test_an_answer_and_its_bill(emulator: Emulator, is_streamed: bool) -> None:
    message = ask(emulator, "What is the capital of France?", is_streamed)
    (row,) = emulator.bill()
    assert [block.text for block in message.content] == ["The capital of France is Paris."]
    assert (message.stop_reason, message.type) == ("end_turn", "message")
    assert (message.id, row.endpoint) == (row.generation_id, "/messages")
    assert message.usage.input_tokens == row.tokens_prompt
    assert message.usage.output_tokens == row.tokens_completion


def test_the_cost_is_in_a_whole_answer_and_by_default_not_in_a_stream(
    emulate: Callable[..., Client],
) -> None:
    for tells in (False, True):
        emulator = emulate(stream_cost=tells).emulator
        assert ask(emulator, "Hello").usage.cost == float(emulator.bill()[0].cost) > 0
        with of(emulator).messages.stream(
            model=CLAUDE, max_tokens=9, messages=[user("Hello")]
        ) as stream:
            (delta,) = [event for event in stream if event.type == "message_delta"]
            generation_id = stream.response.headers["x-generation-id"]
        assert (getattr(delta.usage, "cost", None) is not None) == tells
        assert generation_id == emulator.bill()[1].generation_id


@STREAMED
@pytest.mark.parametrize("model", [CLAUDE, GEMINI, DEEPSEEK, "x-ai/grok-4", "openai/gpt-5-mini"])
def test_a_second_turn_takes_back_what_the_first_gave(
    emulator: Emulator, model: str, is_streamed: bool
) -> None:
    fields = {"model": model, "thinking": THINKING, "tools": [WEATHER]}
    first = ask(emulator, QUESTION, is_streamed, **fields)
    assert first.stop_reason == "tool_use"
    (call,) = [block for block in first.content if block.type == "tool_use"]
    assert call.input == {"city": "Paris"}
    assert first.content[-1].data.startswith("openrouter.reasoning:")
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "21 °C"}
    turns = [user(QUESTION), {"role": "assistant", "content": first.content}, user([result])]
    second = ask(emulator, turns, is_streamed, **fields)
    assert any("21 °C" in block.text for block in second.content if block.type == "text")


def test_signatures_by_model(emulator: Emulator) -> None:
    for model, is_signed in ((CLAUDE, True), (DEEPSEEK, False), (GEMINI, False)):
        thought = ask(emulator, "Hello", model=model, thinking=THINKING).content[0]
        assert thought.type == "thinking"
        assert bool(thought.signature) == is_signed


@pytest.mark.parametrize("changed", [{"signature": "ErX"}, {"signature": ""}, {"thinking": "No."}])
def test_changed_thinking_is_refused(emulator: Emulator, changed: dict[str, str]) -> None:
    content = [block.model_dump() for block in ask(emulator, "Hi", thinking=THINKING).content]
    content[0] |= changed
    turns = [user("Hi"), {"role": "assistant", "content": content}, user("And?")]
    with pytest.raises(anthropic.BadRequestError) as caught:
        ask(emulator, turns, thinking=THINKING)
    assert caught.value.body["error"]["error_type"] == "invalid_request"
    raw = caught.value.body["metadata"]["raw"]
    assert "messages.1.content.0: Invalid `signature` in `thinking` block" in raw


@STREAMED
def test_two_thoughts_and_a_redacted_one(emulate: Callable[..., Client], is_streamed: bool) -> None:
    thoughts = (Thought("One."), Thought("Two."), Thought("Hidden.", is_redacted=True))
    emulator = emulate(answer=Answer("Yes.", reasoning=thoughts)).emulator
    content = ask(emulator, "Is it?", is_streamed, thinking=THINKING).content
    kinds = [block.type for block in content]
    assert kinds[:4] == ["thinking", "thinking", "redacted_thinking", "text"]
    assert [block.thinking for block in content[:2]] == ["One.", "Two."]
    assert content[0].signature != content[1].signature
    turns = [user("Is it?"), {"role": "assistant", "content": content}, user("Sure?")]
    assert ask(emulator, turns, thinking=THINKING).content[-1]
    changed = [block.model_dump() for block in content]
    changed[2]["data"] = "RW5jcnlwdGVk"
    turns[1] = {"role": "assistant", "content": changed}
    with pytest.raises(anthropic.BadRequestError, match="Invalid `data`"):
        ask(emulator, turns, thinking=THINKING)


@STREAMED
def test_tool_input_is_the_models_text(emulate: Callable[..., Client], is_streamed: bool) -> None:
    text = '{"n": 1.0,  "big": 12345678901234567890123}'
    call = Answer(tool_calls=(ToolCall("count", text),), finish_reason="tool_calls")
    client = emulate(answer=call)
    body = {"model": CLAUDE, "messages": [user("Go")], "stream": is_streamed}
    raw = client.send("POST", "/messages", body).text
    if is_streamed:
        deltas = [json.loads(line[6:]) for line in raw.split("\n") if line.startswith("data: {")]
        raw = "".join(one.get("delta", {}).get("partial_json", "") for one in deltas)
    assert text in raw


PDF = b"%PDF-1.4 /Type /Page (Wrens are small.) Tj (They sing.) Tj"
DATA = base64.b64encode(PDF).decode()
DOCUMENTS = {
    "base64": ({"type": "base64", "media_type": "application/pdf", "data": DATA}, "page_location"),
    "text": (
        {"type": "text", "media_type": "text/plain", "data": "Wrens are small. They sing."},
        "char_location",
    ),
    "content": (
        {"type": "content", "content": [{"type": "text", "text": "Wrens are small."}]},
        "content_block_location",
    ),
}


@STREAMED
@pytest.mark.parametrize("kind", DOCUMENTS)
def test_documents_are_cited(emulator: Emulator, kind: str, is_streamed: bool) -> None:
    source, location = DOCUMENTS[kind]
    document = {"type": "document", "source": source, "title": "Wrens"}
    asked = {"type": "text", "text": "What are wrens?"}
    uncited = ask(emulator, [document, asked], is_streamed)
    assert not uncited.content[0].citations
    cited = ask(emulator, [{**document, "citations": {"enabled": True}}, asked], is_streamed)
    (citation,) = cited.content[0].citations
    assert citation.type == location
    assert citation.cited_text.startswith("Wrens are small.")
    assert citation.document_title == "Wrens"
    assert emulator.bill()[0].tokens_prompt > emulator_tokens(emulator, "What are wrens?")


def emulator_tokens(emulator: Emulator, prompt: str) -> int:
    return ask(emulator, prompt).usage.input_tokens
