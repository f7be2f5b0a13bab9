"""The emulator's `/responses`: by OpenRouter's recordings, and by its own SDK."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.emulator import Emulator

    from .conftest import Client

pytest.importorskip("openrouter")

RECORDED = Path(__file__).parents[3] / "shared" / "recorded"
recorded_only = pytest.mark.skipif(
    not RECORDED.is_dir(), reason=f"the recorded traffic is not at {RECORDED}"
)
QUESTION = "What is the capital of France?"
PARIS = "The capital of France is Paris."
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
THINKERS = ["anthropic/claude-haiku-4.5", "openai/gpt-5-mini", "google/gemini-2.5-pro"]

# The recorded model is a later one than the emulator knows: it says which phase a message is of,
# and caches by breakpoints of its own. OpenRouter added the options to its answers since.
OF_A_LATER_MODEL = (
    ".output[].phase",
    ".output[].format",
    ".output[].encrypted_content",
    ".output[].summary",
    ".usage.input_tokens_details.cache_write_tokens",
    ".prompt_cache_options",
)


def recordings(kind: str) -> list[Path]:
    return sorted((RECORDED / kind).glob("*.json"))


def key_paths(value: Any, path: str = "") -> set[str]:
    if isinstance(value, dict):
        below = [key_paths(inner, f"{path}.{name}") for name, inner in value.items()]
        return {f"{path}.{name}" for name in value}.union(*below)
    if isinstance(value, list):
        return set().union(*(key_paths(inner, f"{path}[]") for inner in value))
    return set()


def exchange(path: Path) -> tuple[dict[str, Any], Any]:
    recorded = json.loads(path.read_text())
    return recorded["request"]["body"], recorded["response"]["body"]


def text_of(response: Any) -> str:
    return "".join(
        part.text for item in response.output if item.type == "message" for part in item.content
    )


@recorded_only
@pytest.mark.parametrize("path", recordings("responses"), ids=lambda path: path.stem)
def test_answers_have_the_recorded_key_paths(path: Path, client: Client) -> None:
    request, answer = exchange(path)
    reply = client.send("POST", "/responses", {**request, "model": "openai/gpt-5.2"})
    assert reply.status == 200, reply.text
    differences = key_paths(answer) ^ key_paths(reply.json)
    assert {path for path in differences if not path.startswith(OF_A_LATER_MODEL)} == set()


@recorded_only
@pytest.mark.parametrize("path", recordings("responses-stream"), ids=lambda path: path.stem)
def test_streams_have_the_recorded_events(path: Path, client: Client) -> None:
    request, events = exchange(path)
    recorded = [json.loads(line[6:]) for line in events.split("\n") if line[:7] == "data: {"]
    reply = client.send("POST", "/responses", request)
    assert reply.text.endswith("data: [DONE]\n\n")
    ours = reply.chunks
    assert {event["type"] for event in ours} == {event["type"] for event in recorded}
    for kind in {event["type"] for event in recorded}:
        theirs, made = (
            set().union(*(key_paths(event) for event in events if event["type"] == kind))
            for events in (recorded, ours)
        )
        # The recorded gpt-4o ran at a provider that says nothing of reasoning.
        silent = ".response.reasoning." if "gpt-4o" in request["model"] else "-"
        assert {path for path in theirs ^ made if not path.startswith(silent)} == set(), kind
    assert [event["sequence_number"] for event in ours] == list(range(len(ours)))


def test_the_sdk_reads_an_answer(sdk: Any, emulator: Emulator) -> None:
    result = sdk.responses.send(model="openai/gpt-4o-mini", input=QUESTION)
    assert text_of(result) == PARIS
    (row,) = emulator.bill()
    assert result.usage.cost == float(row.cost)
    assert (row.endpoint, row.generation_id) == ("/responses", result.id)


def test_the_sdk_reads_a_stream(sdk: Any, emulator: Emulator) -> None:
    with sdk.responses.send(model="openai/gpt-4o-mini", input=QUESTION, stream=True) as stream:
        events = list(stream)
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == PARIS
    assert len(deltas) > 1
    assert text_of(events[-1].response) == PARIS
    assert events[-1].response.usage.cost == float(emulator.bill()[0].cost)


@pytest.mark.parametrize("model", THINKERS)
def test_thoughts_go_back(sdk: Any, model: str) -> None:
    asked: dict[str, Any] = {
        "model": model,
        "tools": [WEATHER],
        "reasoning": {"effort": "high", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
    }
    question = {"role": "user", "content": "What is the weather in Paris?"}
    with sdk.responses.send(input=[question], stream=True, **asked) as stream:
        events = list(stream)
    first = events[-1].response
    thought, call = first.output
    assert (thought.type, call.type) == ("reasoning", "function_call")
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "21 °C"}
    turn = [item.model_dump(by_alias=True) for item in first.output]
    second = sdk.responses.send(input=[question, *turn, result], **asked)
    assert "21 °C" in text_of(second)


def test_a_changed_signature_is_refused(client: Client) -> None:
    asked = {"model": "anthropic/claude-haiku-4.5", "reasoning": {"max_tokens": 1024}}
    first = client.send("POST", "/responses", {**asked, "input": QUESTION}).json["output"]
    first[0]["signature"] += "x"
    again = [{"role": "user", "content": QUESTION}, *first, {"role": "user", "content": "Why?"}]
    reply = client.send("POST", "/responses", {**asked, "input": again})
    assert reply.status == 400
    assert "Invalid `signature`" in reply.json["error"]["metadata"]["raw"]


def test_a_limit_leaves_the_answer_incomplete(client: Client) -> None:
    body = {"model": "openai/gpt-4o-mini", "input": "Count 1 to 50", "max_output_tokens": 16}
    answer = client.send("POST", "/responses", body).json
    assert answer["status"] == "incomplete"
    assert answer["incomplete_details"] == {"reason": "max_output_tokens"}
    events = client.send("POST", "/responses", {**body, "stream": True}).chunks
    assert events[-1]["type"] == "response.incomplete"


@pytest.mark.parametrize("field", [{"previous_response_id": "gen-1"}, {"store": True}])
def test_nothing_is_stored(client: Client, field: dict[str, Any]) -> None:
    body = {"model": "openai/gpt-4o-mini", "input": QUESTION, **field}
    assert client.send("POST", "/responses", body).status == 400


@pytest.mark.parametrize(
    ("fault", "last"),
    [("error-chunk", "response.failed"), ("choice-error", "error")],
)
def test_a_stream_that_breaks_off_says_so(client: Client, fault: str, last: str) -> None:
    body = {"model": "openai/gpt-4o-mini", "input": QUESTION, "stream": True}
    reply = client.send("POST", "/responses", body, x_emulator_fault=fault)
    assert reply.chunks[-1]["type"] == last
    assert client.emulator.bill()[0].cost == 0


def test_models_fall_back(emulate: Callable[..., Client]) -> None:
    client = emulate()
    client.emulator.faults.add("status=503; model=openai/gpt-4o")
    body = {"model": "openai/gpt-4o", "models": ["openai/gpt-4o-mini"], "input": QUESTION}
    assert client.send("POST", "/responses", body).json["model"] == "openai/gpt-4o-mini"
