"""smolagents: `LiteLLMModel` alone, and under an agent with a tool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from openrouter_adapter.emulator import Answer, ToolCall

if TYPE_CHECKING:
    from tests.clients.conftest import Spending

smolagents: Any = pytest.importorskip("smolagents", reason="run by scripts/test-clients smolagents")

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture
def model() -> Any:
    return smolagents.LiteLLMModel("openrouter/openai/gpt-4o-mini")


def test_a_chat_has_its_cost_on_the_message(spending: Spending, model: Any) -> None:
    message = model.generate(QUESTION)
    assert message.content == "The capital of France is Paris."
    assert [message.raw._hidden_params["response_cost"]] == spending.costs(1)


@pytest.mark.parametrize("is_stream", [False, True])
def test_an_agent_calls_its_tool_and_costs_what_was_billed(
    spending: Spending, model: Any, *, is_stream: bool
) -> None:
    asked = []

    @smolagents.tool  # type: ignore[untyped-decorator]
    def get_weather(city: str) -> str:
        """Say what the weather is like.

        Args:
            city: The city.
        """
        asked.append(city)
        return "Sunny."

    spending.will_answer(
        Answer(tool_calls=(ToolCall("get_weather", '{"city": "Rome"}'),)),
        Answer(tool_calls=(ToolCall("final_answer", '{"answer": "Sunny in Rome."}'),)),
    )
    agent = smolagents.ToolCallingAgent([get_weather], model, stream_outputs=is_stream)
    assert agent.run("What is the weather in Rome?") == "Sunny in Rome."
    assert asked == ["Rome"]
    assert spending.costs(2)


def test_a_stream_costs_what_was_billed(spending: Spending, model: Any) -> None:
    pieces = [delta.content or "" for delta in model.generate_stream(QUESTION)]
    assert "".join(pieces) == "The capital of France is Paris."
    assert len(pieces) > 1
    assert spending.costs(1)
