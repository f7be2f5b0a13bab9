"""`litellm.anthropic_messages` on the emulator, which checks what an agent sends back."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.integrations.custom_logger import CustomLogger

from openrouter_adapter.emulator import Emulator, answers
from tests.support.waiting import ahappens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CLAUDE = "openrouter/anthropic/claude-haiku-4.5"
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
SAID = "The capital of France is Paris."

STREAMED = pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "streamed"])


class Message:
    """What a client puts together of the events of a stream, as Anthropic's own does."""

    def __init__(self, raw: bytes) -> None:
        self.events: list[dict[str, Any]] = []
        self.content: list[dict[str, Any]] = []
        for event in raw.decode().split("\n\n"):
            name, _, data = event.partition("\ndata: ")
            if data:
                self.events.append(json.loads(data))
                assert name == f"event: {self.events[-1]['type']}"
        for event in self.events:
            self._take(event)
        ends = self.of("message_delta")
        self.stop_reason = ends[0]["delta"]["stop_reason"] if ends else None
        self.usage = ends[0]["usage"] if ends else None

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    def _take(self, event: dict[str, Any]) -> None:
        if event["type"] == "content_block_start":
            assert event["index"] == len(self.content)
            self.content.append({**event["content_block"], "json": ""})
        elif event["type"] == "content_block_delta":
            block, delta = self.content[event["index"]], event["delta"]
            if delta["type"] == "signature_delta":
                block["signature"] = delta["signature"]
            else:
                name = {"input_json_delta": "json"}.get(delta["type"], delta["type"][:-6])
                source = {"input_json_delta": "partial_json"}.get(delta["type"], name)
                block[name] += delta[source]
        elif event["type"] == "content_block_stop":
            block = self.content[event["index"]]
            arguments = block.pop("json")
            if block["type"] == "tool_use":
                block["input"] = json.loads(arguments or "{}")


async def ask(is_stream: bool, messages: list[Any], **keywords: Any) -> Any:
    call = {"model": CLAUDE, "max_tokens": 2000, "messages": messages, **keywords}
    answer: Any = await litellm.anthropic_messages(stream=is_stream, **call)
    if not is_stream:
        return answer
    return Message(b"".join([piece async for piece in answer]))


def part(answer: Any, name: str) -> Any:
    return getattr(answer, name) if isinstance(answer, Message) else answer[name]


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


@STREAMED
async def test_a_second_turn_with_thinking_and_tools(is_stream: bool, emulated: Emulator) -> None:
    asked: dict[str, Any] = {"tools": [WEATHER], "thinking": THINKING}
    turns = [user(QUESTION)]
    first = await ask(is_stream, turns, **asked)
    assert part(first, "stop_reason") == "tool_use"
    thought, call, kept = part(first, "content")
    assert (thought["type"], call["type"]) == ("thinking", "tool_use")
    # OpenRouter's own copy of the thought, for its next turn.
    assert kept["data"].startswith("openrouter.reasoning:")
    assert call["input"] == {"city": "Paris"}
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": "21 °C"}
    turns += [{"role": "assistant", "content": part(first, "content")}, user([result])]
    # The emulated model refuses a thought that is not the one it signed.
    second = await ask(is_stream, turns, **asked)
    assert part(second, "stop_reason") == "end_turn"
    assert "21 °C" in part(second, "content")[-1]["text"]
    sent = emulated.requests[-1].body
    assert sent is not None
    assert sent["messages"][1]["content"] == part(first, "content")
    assert sent["thinking"] == THINKING


async def test_a_changed_signature_is_refused(emulated: Emulator) -> None:
    first = await ask(False, [user(QUESTION)], tools=[WEATHER], thinking=THINKING)
    thought, call, _ = first["content"]
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": "21 °C"}
    changed = {**thought, "thinking": thought["thinking"] + "!"}
    turns = [user(QUESTION), {"role": "assistant", "content": [changed, call]}, user([result])]
    with pytest.raises(litellm.BadRequestError, match="Invalid `signature`"):
        await ask(False, turns, tools=[WEATHER], thinking=THINKING)
    assert len(emulated.requests) == 2


async def test_the_events_of_a_stream(emulated: Emulator) -> None:
    message = await ask(True, [user("What is the capital of France?")], thinking=THINKING)
    kinds = [event["type"] for event in message.events]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert {kinds.count(kind) for kind in ("message_start", "message_delta", "message_stop")} == {1}
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 3
    assert [block["type"] for block in message.content][:2] == ["thinking", "text"]
    assert message.content[1]["text"] == SAID
    (row,) = emulated.bill()
    assert message.usage["input_tokens"] == row.tokens_prompt
    assert message.usage["output_tokens"] == row.tokens_completion


@STREAMED
@pytest.mark.parametrize(
    ("finish_reason", "stop_reason"),
    [("stop", "end_turn"), ("length", "max_tokens"), ("content_filter", "refusal")],
)
async def test_stop_reasons(
    is_stream: bool, finish_reason: str, stop_reason: str, own: Callable[..., Emulator]
) -> None:
    own(answer=answers.Answer(content="Paris.", finish_reason=finish_reason))
    answer = await ask(is_stream, [user("Hello")])
    assert part(answer, "stop_reason") == stop_reason
    assert part(answer, "content")[0]["text"] == "Paris."


@STREAMED
async def test_parallel_calls_after_words(is_stream: bool, own: Callable[..., Emulator]) -> None:
    calls = tuple(
        answers.ToolCall("get_weather", json.dumps({"city": city})) for city in ("Paris", "Rome")
    )
    own(
        answer=answers.Answer(
            content="I'll look.", reasoning="Two.", tool_calls=calls, finish_reason="tool_calls"
        )
    )
    answer = await ask(is_stream, [user("Hello")], tools=[WEATHER], thinking=THINKING)
    content = part(answer, "content")
    kinds = ["thinking", "text", "tool_use", "tool_use", "redacted_thinking"]
    assert [block["type"] for block in content] == kinds
    assert (content[0]["thinking"], content[1]["text"]) == ("Two.", "I'll look.")
    assert [block["input"] for block in content[2:4]] == [{"city": "Paris"}, {"city": "Rome"}]
    assert content[2]["id"] != content[3]["id"]


@STREAMED
async def test_cache_control_passes_and_its_tokens_come_back(
    is_stream: bool, emulated: Emulator
) -> None:
    long = {"type": "text", "text": "one two three " * 500}
    marked = {**long, "cache_control": {"type": "ephemeral"}}
    for reads in (False, True):
        answer = await ask(is_stream, [user("Hello")], system=[marked])
        sent = emulated.requests[-1].body
        assert sent is not None
        assert sent["system"] == [marked]
        name = "cache_read_input_tokens" if reads else "cache_creation_input_tokens"
        row = emulated.bill()[-1]
        counted = row.tokens_cached if reads else row.tokens_cache_write
        assert counted > 1000
        assert part(answer, "usage")[name] == counted
        assert part(answer, "usage")["input_tokens"] == row.tokens_prompt - counted


class Costs(CustomLogger):
    """Keeps the cost of each success event of one call, by side."""

    def __init__(self) -> None:
        super().__init__()
        self.call_id = str(uuid.uuid4())
        self.seen: list[tuple[str, float]] = []

    def log_success_event(self, kwargs: Any, **_: Any) -> None:
        self._keep("sync", kwargs)

    async def async_log_success_event(self, kwargs: Any, **_: Any) -> None:
        self._keep("async", kwargs)

    def _keep(self, side: str, kwargs: Any) -> None:
        if kwargs["litellm_call_id"] == self.call_id:
            self.seen.append((side, kwargs["response_cost"]))


@pytest.fixture
def costs() -> Iterator[Costs]:
    callback = Costs()
    litellm.callbacks.append(callback)
    yield callback
    for name in ("callbacks", "success_callback", "failure_callback"):
        for prefix in ("", "_async_"):
            held = getattr(litellm, prefix + name, None) or []
            held[:] = [one for one in held if one is not callback]


@STREAMED
async def test_callbacks_see_the_exact_cost_once(
    is_stream: bool, emulated: Emulator, costs: Costs
) -> None:
    await ask(is_stream, [user("Hello")], litellm_call_id=costs.call_id)
    assert await ahappens(lambda: costs.seen)
    await asyncio.sleep(0.2)
    (row,) = emulated.bill()
    assert costs.seen == [("async", float(row.cost))]


@STREAMED
async def test_provider_preferences_reach_the_wire(is_stream: bool, emulated: Emulator) -> None:
    await ask(is_stream, [user("Hello")], provider={"only": ["anthropic"]})
    sent = emulated.requests[-1].body
    assert sent is not None
    assert sent["provider"] == {"only": ["anthropic"]}
    assert emulated.bill()[0].provider == "Anthropic"


async def test_a_refusal_is_our_exception(emulated: Emulator) -> None:
    emulated.faults.add("credits")
    for is_stream in (False, True):
        with pytest.raises(litellm.exceptions.PaymentRequiredError):
            await ask(is_stream, [user("Hello")])


async def test_a_stream_that_breaks_ends_in_an_error_event(emulated: Emulator) -> None:
    emulated.faults.add("error-chunk=502; after=3")
    message = await ask(True, [user("What is the capital of France?")])
    assert message.events[-1]["type"] == "error"
    assert message.events[-1]["error"]["error_type"] == "provider_unavailable"
    assert message.of("message_delta") == []


async def test_the_assembled_chat_is_right_too(emulated: Emulator) -> None:
    """The empty block before a thought's first piece changes nothing for who reads the chunks."""
    stream: Any = await litellm.acompletion(
        CLAUDE, messages=[user("Hello")], thinking=THINKING, stream=True
    )
    chunks = [chunk async for chunk in stream]
    (built,) = litellm.stream_chunk_builder(chunks).choices[0].message.thinking_blocks
    (whole,) = stream.response.choices[0].message.thinking_blocks
    assert built == whole
    assert len(emulated.bill()) == 1


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Emulator]]:
    """Start an emulator with settings of a test's own in OpenRouter's place."""
    import openrouter_adapter

    running: list[Emulator] = []

    def start(**settings: Any) -> Emulator:
        emulator = Emulator(**settings)
        emulator.__enter__()
        running.append(emulator)
        monkeypatch.setenv("OPENROUTER_API_BASE", emulator.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", emulator.api_key)
        return emulator

    with openrouter_adapter.registered():
        yield start
    for emulator in running:
        emulator.__exit__(None, None, None)
    litellm.in_memory_llm_clients_cache.flush_cache()
