"""OpenAI's Agents SDK, on its LiteLLM model."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.clients.conftest import Spending

agents: Any = pytest.importorskip("agents", reason="run by scripts/test-clients openai-agents")

ANSWER = "Here is what I found: Sunny in Rome."


@pytest.fixture
def agent() -> Any:
    from agents.extensions.models.litellm_model import LitellmModel

    @agents.function_tool  # type: ignore[untyped-decorator]
    def get_weather(city: str) -> str:
        """Say what the weather is like in a city."""
        return f"Sunny in {city}."

    agents.set_tracing_disabled(disabled=True)
    model = LitellmModel("openrouter/openai/gpt-4o-mini")
    return agents.Agent(name="Guide", model=model, tools=[get_weather])


def test_a_chat_costs_what_was_billed(spending: Spending, agent: Any) -> None:
    result = asyncio.run(agents.Runner.run(agent, "What is the capital of France?"))
    assert result.final_output == "The capital of France is Paris."
    assert spending.costs(1)


def test_an_agent_calls_its_tool_and_costs_what_was_billed(spending: Spending, agent: Any) -> None:
    result = asyncio.run(agents.Runner.run(agent, "What is the weather in Rome?"))
    assert result.final_output == ANSWER
    assert [item.type for item in result.new_items] == [
        *("tool_call_item", "tool_call_output_item", "message_output_item")
    ]
    assert spending.costs(2)


def test_a_stream_costs_what_was_billed(spending: Spending, agent: Any) -> None:
    async def ask() -> str:
        running = agents.Runner.run_streamed(agent, "What is the weather in Rome?")
        text = ""
        async for event in running.stream_events():
            if event.type == "raw_response_event":
                is_text = event.data.type == "response.output_text.delta"
                text += event.data.delta if is_text else ""
        return text

    assert asyncio.run(ask()) == ANSWER
    assert spending.costs(2)
