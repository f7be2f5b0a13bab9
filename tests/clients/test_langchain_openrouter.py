"""LangChain's own OpenRouter model, which knows no LiteLLM, against the emulator."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from openrouter_adapter.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

langchain: Any = pytest.importorskip(
    "langchain_openrouter", reason="run by scripts/test-clients langchain-openrouter"
)

GPT = "openai/gpt-4o-mini"
THINKERS = ("anthropic/claude-sonnet-4.5", "openai/gpt-5-mini", "google/gemini-2.5-flash")
QUESTION = "What is the capital of France?"
PARIS = "The capital of France is Paris."


class City(BaseModel):
    """A city."""

    name: str


def get_weather(city: str) -> str:
    """Say what the weather is like in a city."""
    return f"Sunny in {city}."


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


def model(emulator: Emulator, name: str = GPT, **options: Any) -> Any:
    return langchain.ChatOpenRouter(
        model=name, api_key=emulator.api_key, base_url=emulator.base_url, **options
    )


def costs(emulator: Emulator) -> list[float]:
    return [float(row.cost) for row in emulator.bill()]


def test_a_chat_is_understood_with_its_cost(emulator: Emulator) -> None:
    message = model(emulator).invoke(QUESTION)
    assert message.content == PARIS
    assert message.usage_metadata["total_tokens"] == 21
    assert [message.response_metadata["cost"]] == costs(emulator)


def test_a_tool_is_called_and_its_result_taken(emulator: Emulator) -> None:
    from langchain_core.messages import HumanMessage, ToolMessage

    with_tool = model(emulator).bind_tools([get_weather])
    asked = HumanMessage("What is the weather in Rome?")
    called = with_tool.invoke([asked])
    [call] = called.tool_calls
    result = ToolMessage(get_weather(**call["args"]), tool_call_id=call["id"])
    assert "Sunny in Rome." in with_tool.invoke([asked, called, result]).content


def test_a_stream_is_understood_with_its_cost(emulator: Emulator) -> None:
    chunks = list(model(emulator).stream(QUESTION))
    whole = reduce(add, chunks)
    assert whole.content == PARIS
    assert len(chunks) > len(PARIS.split())
    assert [whole.response_metadata["cost"]] == costs(emulator)


def test_a_streamed_tool_call_is_put_together(emulator: Emulator) -> None:
    with_tool = model(emulator).bind_tools([get_weather])
    whole = reduce(add, with_tool.stream("What is the weather in Rome?"))
    assert [(call["name"], call["args"]) for call in whole.tool_calls] == [
        ("get_weather", {"city": "Rome"})
    ]


@pytest.mark.parametrize("name", THINKERS)
def test_reasoning_goes_back_as_it_was_signed(emulator: Emulator, name: str) -> None:
    thinker = model(emulator, name, reasoning={"effort": "high"})
    thought = thinker.invoke("Why is the sky blue?")
    assert thought.additional_kwargs["reasoning_content"]
    # The emulator refuses a signature that has changed.
    thinker.invoke([("user", "Why is the sky blue?"), thought, ("user", "And at night?")])
    [_, sent, _] = emulator.requests[-1].body["messages"]
    kept = thought.additional_kwargs["reasoning_details"]
    # This client leaves out the ids of encrypted details, and nothing else.
    assert sent["reasoning_details"] == [
        {name: value for name, value in one.items() if name != "id"} for one in kept
    ]


@pytest.mark.parametrize("name", THINKERS)
def test_reasoning_streams(emulator: Emulator, name: str) -> None:
    thinker = model(emulator, name, reasoning={"effort": "high"})
    whole = reduce(add, thinker.stream("Why is the sky blue?"))
    assert "sky blue" in whole.additional_kwargs["reasoning_content"]
    assert whole.usage_metadata["output_token_details"]["reasoning"] > 0


@pytest.mark.parametrize("method", ["function_calling", "json_schema"])
def test_structured_output_fits(emulator: Emulator, method: str) -> None:
    asked = model(emulator).with_structured_output(City, method=method)
    assert isinstance(asked.invoke("Name a city."), City)


def test_the_web_plugin_is_billed(emulator: Emulator) -> None:
    message = model(emulator, plugins=[{"id": "web"}]).invoke("News?")
    assert message.response_metadata["cost"] > 0.01
    assert [message.response_metadata["cost"]] == costs(emulator)
