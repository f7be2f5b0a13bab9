"""`/messages` of the emulator, by Anthropic's own client."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from openrouter_adapter.emulator import Answer, Thought, ToolCall
from tests.support import openapi

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


@STREAMED
def test_images_and_documents_in_a_tools_result(emulator: Emulator, is_streamed: bool) -> None:
    image = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    results = (
        [{"type": "text", "text": "21 °C"}],
        [{"type": "text", "text": "21 °C"}, {"type": "image", "source": image}],
        [{"type": "text", "text": "21 °C"}, {"type": "document", "source": DOCUMENTS["base64"][0]}],
    )
    first = ask(emulator, QUESTION, tools=[WEATHER])
    (call,) = first.content
    prompts = []
    for content in results:
        result = {"type": "tool_result", "tool_use_id": call.id, "content": content}
        turns = [user(QUESTION), {"role": "assistant", "content": first.content}, user([result])]
        answer = ask(emulator, turns, is_streamed, tools=[WEATHER])
        assert "21 °C" in answer.content[0].text
        prompts.append(answer.usage.input_tokens)
    assert prompts[1] > prompts[0] < prompts[2]


@STREAMED
@pytest.mark.parametrize("ttl", ["5m", "1h"])
def test_cache_breakpoints(emulator: Emulator, ttl: str, is_streamed: bool) -> None:
    mark = {"type": "ephemeral", "ttl": ttl}
    system = [{"type": "text", "text": "one two three " * 800, "cache_control": mark}]
    first, second = (ask(emulator, "Hi", is_streamed, system=system) for _ in range(2))
    written = first.usage.cache_creation_input_tokens
    assert written > 1024
    if not is_streamed:
        # Anthropic's client does not keep these two of a stream.
        kinds = first.usage.cache_creation
        found = (kinds.ephemeral_5m_input_tokens, kinds.ephemeral_1h_input_tokens)
        assert found == ((written, 0) if ttl == "5m" else (0, written))
    assert second.usage.cache_read_input_tokens == written
    assert second.usage.input_tokens == first.usage.input_tokens < 50
    costs = [row.cost for row in emulator.bill()]
    assert costs[1] < costs[0]


def test_a_fifth_breakpoint_is_refused(emulator: Emulator) -> None:
    block = {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}
    with pytest.raises(anthropic.BadRequestError, match="A maximum of 4 blocks"):
        ask(emulator, [block] * 5)


@STREAMED
@pytest.mark.parametrize("model", [CLAUDE, DEEPSEEK])
def test_a_search_on_the_web(emulator: Emulator, model: str, is_streamed: bool) -> None:
    tool = {"type": "web_search_20250305", "name": "web_search", "allowed_domains": ["a.org"]}
    message = ask(emulator, "What are wrens?", is_streamed, model=model, tools=[tool])
    blocks = {block.type: block for block in message.content}
    assert blocks["server_tool_use"].name == "web_search"
    found = blocks["web_search_tool_result"]
    assert found.tool_use_id == blocks["server_tool_use"].id
    assert {one.url.split("/")[2] for one in found.content} == {"a.org"}
    assert [one.url for one in blocks["text"].citations] == [one.url for one in found.content]
    assert message.usage.server_tool_use.web_search_requests == 1
    # The next turn takes the search back.
    turns = [user("Wrens?"), {"role": "assistant", "content": message.content}, user("Why?")]
    assert ask(emulator, turns, is_streamed, model=model, tools=[tool]).content


def test_parsed_output(emulator: Emulator) -> None:
    pydantic = pytest.importorskip("pydantic")
    city = pydantic.create_model("City", name=str, people=int)
    message = of(emulator).messages.parse(
        model=CLAUDE, max_tokens=500, messages=[user("Paris")], output_format=city
    )
    assert isinstance(message.parsed_output, city)


def test_the_tool_runner_runs_to_the_end(emulator: Emulator) -> None:
    @anthropic.beta_tool
    def get_weather(city: str) -> str:
        """Get the weather of a city."""
        return f"21 °C in {city}"

    runner = of(emulator).beta.messages.tool_runner(
        model=CLAUDE,
        max_tokens=500,
        tools=[get_weather],
        messages=[user(QUESTION)],
        thread=False,  # OpenRouter stores no conversations.
    )
    assert "21 °C in Paris" in runner.until_done().content[0].text
    assert len(emulator.bill()) == 2


async def test_the_asynchronous_client(emulator: Emulator) -> None:
    async with anthropic.AsyncAnthropic(
        auth_token=emulator.api_key, base_url=emulator.base_url.removesuffix("/v1")
    ) as client:
        body: Any = {"model": CLAUDE, "max_tokens": 50, "messages": [user("Hello")]}
        whole = await client.messages.create(**body)
        async with client.messages.stream(**body) as stream:
            streamed = await stream.get_final_message()
    assert whole.content[0].text == streamed.content[0].text


def test_reasons_to_stop(emulator: Emulator, emulate: Callable[..., Client]) -> None:
    assert ask(emulator, "Write 50 words about wrens", max_tokens=3).stop_reason == "max_tokens"
    stopped = ask(emulator, "Count 1 to 9", stop_sequences=["5"])
    assert (stopped.stop_reason, stopped.content[0].text) == ("stop_sequence", "1\n2\n3\n4\n")
    refused = ask(emulate(answer=Answer("No.", finish_reason="content_filter")).emulator, "Hi")
    assert (refused.stop_reason, refused.stop_details.type) == ("refusal", "refusal")


def test_fallbacks_are_tried(emulator: Emulator) -> None:
    emulator.faults.add(f"status=502; model={CLAUDE}")
    message = ask(emulator, "Hi", extra_body={"fallbacks": [{"model": "openai/gpt-4o-mini"}]})
    assert message.model == "openai/gpt-4o-mini"
    for wrong in ([{"model": "a/b", "max_tokens": 5}], [{"model": "a/b"}] * 4):
        with pytest.raises(anthropic.BadRequestError, match="fallbacks"):
            ask(emulator, "Hi", extra_body={"fallbacks": wrong})


def test_redacted_thinking_of_anthropics_test_string(emulator: Emulator) -> None:
    trigger = (
        "ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING_"
        "46C9A13E193C177646C7398A98432ECCCE4C1253D5E2D82641AC0E52CC2876CB"
    )
    content = ask(emulator, trigger, thinking=THINKING).content
    assert [block.type for block in content] == ["redacted_thinking", "text"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("credits", "APIStatusError"),
        ("status=404", "NotFoundError"),
        ("rate-limit=5", "RateLimitError"),
        ("status=503; type=provider_overloaded", "InternalServerError"),
        ("status; type=context_length_exceeded", "BadRequestError"),
    ],
)
def test_failures_are_the_clients_own_errors(emulator: Emulator, fault: str, error: str) -> None:
    emulator.faults.add(fault)
    for is_streamed in (False, True):
        with pytest.raises(getattr(anthropic, error)) as caught:
            ask(emulator, "Hi", is_streamed)
        assert caught.value.body["error"]["error_type"]
    assert all(row.cost == 0 for row in emulator.bill())


@pytest.mark.parametrize("fault", ["error-chunk=502; after=2", "error-in-200=502"])
def test_failures_in_mid_stream(emulator: Emulator, fault: str) -> None:
    emulator.faults.add(fault)
    with pytest.raises(anthropic.APIStatusError) as caught:
        ask(emulator, "Hi", is_streamed=True)
    assert caught.value.body["error"]["error_type"] == "provider_unavailable"
    assert emulator.bill()[0].cost == 0


def test_tool_results_must_follow_their_calls(emulator: Emulator) -> None:
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"}
    call = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}
    for turns, words in (
        ([user([result])], "unexpected `tool_use_id`"),
        ([user("Hi"), {"role": "assistant", "content": [call]}, user("And?")], "without"),
    ):
        with pytest.raises(anthropic.BadRequestError, match=words):
            ask(emulator, turns, tools=[WEATHER])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"messages": []}, "messages: Invalid input"),
        ({"messages": [user(5)]}, "messages.0.content: Invalid input"),
        ({"messages": [user([{"type": "document"}])]}, "messages.0.content.0.source.type"),
        ({"messages": [user([{"type": "video"}])]}, "messages.0.content.0.type"),
        ({"thinking": {"type": "enabled", "budget_tokens": 5}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "on"}}, "thinking.type: Invalid option"),
        ({"max_tokens": 1024, "thinking": THINKING}, "must be greater than"),
        ({"tools": [{"name": "x"}]}, "tools.0.input_schema"),
        ({"tool_choice": {"type": "some"}}, "tool_choice.type"),
        ({"output_config": 5}, "output_config: Invalid input"),
    ],
)
def test_invalid_bodies(client: Client, body: dict[str, Any], words: str) -> None:
    whole = {"model": CLAUDE, "max_tokens": 3000, "messages": [user("Hi")], **body}
    reply = client.send("POST", "/messages", whole)
    assert reply.status == 400
    assert reply.json["type"] == "error"
    assert words in reply.json["error"]["message"]


CITED = {"type": "document", "source": DOCUMENTS["content"][0], "citations": {"enabled": True}}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
MARKED = {"type": "text", "text": "one two " * 1500, "cache_control": {"type": "ephemeral"}}
KINDS: dict[str, dict[str, Any]] = {
    "text": {},
    "thinking and a call": {"thinking": THINKING, "tools": [WEATHER]},
    "encrypted": {"thinking": THINKING, "model": GEMINI},
    "encrypted alone": {"thinking": THINKING, "model": "x-ai/grok-4"},
    "search": {"tools": [SEARCH]},
    "documents": {"messages": [user([CITED, {"type": "text", "text": "What?"}])]},
    "cached": {"system": [MARKED]},
    "edits": {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}},
    "cut": {"max_tokens": 2},
}


def events_of(text: str) -> list[dict[str, Any]]:
    """Return a stream's events."""
    return [json.loads(line[6:]) for line in text.split("\n") if line.startswith("data: {")]


@pytest.mark.parametrize("kind", KINDS)
def test_answers_and_events_fit_openrouters_description(
    emulate: Callable[..., Client], kind: str
) -> None:
    client = emulate(stream_cost=True)
    body = {"model": CLAUDE, "max_tokens": 3000, "messages": [user(QUESTION)], **KINDS[kind]}
    assert openapi.faults("/messages", body) == []
    answer = client.send("POST", "/messages", body).json
    assert openapi.answer_faults("MessagesResult", answer) == []
    events = events_of(client.send("POST", "/messages", {**body, "stream": True}).text)
    assert len(events) > 5
    for event in events:
        assert openapi.answer_faults("MessagesStreamEvents", event) == []


@pytest.mark.parametrize("fault", ["status=429", "credits", "error-in-200=502", "error-chunk=502"])
def test_errors_fit_openrouters_description(client: Client, fault: str) -> None:
    body = {"model": CLAUDE, "max_tokens": 50, "messages": [user("Hi")]}
    reply = client.send("POST", "/messages", body, x_emulator_fault=fault)
    assert openapi.answer_faults("AnthropicMessagesErrorResponse", reply.json) == []
    streamed = client.send("POST", "/messages", {**body, "stream": True}, x_emulator_fault=fault)
    for event in events_of(streamed.text) if streamed.status == 200 else ():
        assert openapi.answer_faults("MessagesStreamEvents", event) == []


def test_the_description_refuses_what_it_does_not_have() -> None:
    assert openapi.answer_faults("MessagesResult", {"type": "message"})
    assert openapi.answer_faults("MessagesStreamEvents", {"type": "message_end"})


def test_the_end_of_a_stream_as_an_event_of_its_own(client: Client) -> None:
    body = {"model": CLAUDE, "messages": [user("Hi")], "stream": True}
    for fault, end in (
        ("", "\n\ndata: [DONE]\n\n"),
        ("named-done", "\n\nevent: data\ndata: [DONE]\n\n"),
    ):
        headers = {"x_emulator_fault": fault} if fault else {}
        assert client.send("POST", "/messages", body, **headers).text.endswith(end)
