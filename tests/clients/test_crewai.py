"""CrewAI: its LiteLLM model alone, streamed and not, and a crew of one with a tool.

A crew that streams loses the ids of tool calls, with any provider; so here only words stream.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from openrouter_adapter import catalog

if TYPE_CHECKING:
    from tests.clients.conftest import Spending

if find_spec("crewai"):
    # CrewAI reads these when it is imported.
    os.environ |= {"CREWAI_DISABLE_TELEMETRY": "true", "OTEL_SDK_DISABLED": "true"}
crewai: Any = pytest.importorskip("crewai", reason="run by scripts/test-clients crewai")

MODEL = "openrouter/openai/gpt-4o-mini"
QUESTION = "What is the capital of France?"
PARIS = "The capital of France is Paris."


def test_a_chat_costs_what_was_billed(spending: Spending) -> None:
    assert crewai.LLM(model=MODEL, is_litellm=True).call(QUESTION) == PARIS
    assert spending.costs(1)


def test_a_crew_calls_its_tool_and_costs_what_was_billed(spending: Spending) -> None:
    from crewai.tools import tool

    @tool("get_weather")  # type: ignore[untyped-decorator]
    def get_weather(city: str) -> str:
        """Say what the weather is like in a city."""
        return f"Sunny in {city}."

    # CrewAI asks LiteLLM whether the model can call tools; without the catalogue it can't.
    catalog.register_prices()
    model = crewai.LLM(model=MODEL, is_litellm=True)
    guide = crewai.Agent(
        role="Guide", goal="Answer", backstory="Knows cities.", llm=model, tools=[get_weather]
    )
    task = crewai.Task(
        description="What is the weather in Rome?", expected_output="A sentence.", agent=guide
    )
    assert "Sunny in Rome." in crewai.Crew(agents=[guide], tasks=[task]).kickoff().raw
    assert spending.costs(2)


def test_a_stream_costs_what_was_billed(spending: Spending) -> None:
    from crewai.events import LLMStreamChunkEvent, crewai_event_bus

    pieces: list[str] = []
    with crewai_event_bus.scoped_handlers():

        @crewai_event_bus.on(LLMStreamChunkEvent)  # type: ignore[untyped-decorator]
        def keep(_: Any, event: Any) -> None:
            pieces.append(event.chunk)

        assert crewai.LLM(model=MODEL, is_litellm=True, stream=True).call(QUESTION) == PARIS
        crewai_event_bus.flush()
    assert len([piece for piece in pieces if piece]) > 1
    assert spending.costs(1)
