"""DSPy: `dspy.LM`, a tool that the model calls by itself, a streamed field."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from openrouter_adapter.emulator import Answer, ToolCall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.clients.conftest import Spending

dspy: Any = pytest.importorskip("dspy", reason="run by scripts/test-clients dspy")

MODEL = "openrouter/openai/gpt-4o-mini"


def get_weather(city: str) -> str:
    """Say what the weather is like in a city."""
    return f"Sunny in {city}."


@pytest.fixture
def lm() -> Iterator[Any]:
    model = dspy.LM(MODEL, cache=False)
    adapter = dspy.ChatAdapter(use_native_function_calling=True)
    with dspy.context(lm=model, adapter=adapter):
        yield model


def test_a_chat_has_its_cost_in_the_history(spending: Spending, lm: Any) -> None:
    assert lm("What is the capital of France?") == ["The capital of France is Paris."]
    assert [entry["cost"] for entry in lm.history] == spending.costs(1)


def test_a_tool_call_arrives_and_costs_what_was_billed(spending: Spending, lm: Any) -> None:
    class Weather(dspy.Signature):  # type: ignore[misc]
        """Call the tool that answers the question."""

        question: str = dspy.InputField()
        tools: list[dspy.Tool] = dspy.InputField()
        calls: dspy.ToolCalls = dspy.OutputField()

    call = ToolCall("get_weather", '{"city": "Rome"}')
    spending.will_answer(Answer(tool_calls=(call,), finish_reason="tool_calls"))
    tool = dspy.Tool(get_weather)
    predicted = dspy.Predict(Weather)(question="Weather in Rome?", tools=[tool])
    [asked] = predicted.calls.tool_calls
    assert asked.name == "get_weather"
    assert tool(**asked.args) == "Sunny in Rome."
    assert [entry["cost"] for entry in lm.history] == spending.costs(1)


@pytest.mark.usefixtures("lm")
def test_a_stream_costs_what_was_billed(spending: Spending) -> None:
    spending.will_answer("[[ ## answer ## ]]\nA city on the Tiber.\n\n[[ ## completed ## ]]\n")
    listener = dspy.streaming.StreamListener(signature_field_name="answer")
    program = dspy.streamify(dspy.Predict("question -> answer"), stream_listeners=[listener])

    async def ask() -> tuple[str, Any]:
        text, last = "", None
        async for piece in program(question="What is Rome?"):
            text += getattr(piece, "chunk", "")
            last = piece
        return text, last

    text, last = asyncio.run(ask())
    assert text.strip() == last.answer == "A city on the Tiber."
    assert spending.costs(1)
