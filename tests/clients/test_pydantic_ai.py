"""pydantic-ai's own OpenRouter model, which knows no LiteLLM, against the emulator."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from openrouter_adapter.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

pydantic_ai: Any = pytest.importorskip(
    "pydantic_ai", reason="run by scripts/test-clients pydantic-ai"
)

GPT = "openai/gpt-4o-mini"
THINKERS = ("anthropic/claude-sonnet-4.5", "openai/gpt-5-mini", "google/gemini-2.5-flash")
QUESTION = "What is the capital of France?"
PARIS = "The capital of France is Paris."


class City(BaseModel):
    """A city."""

    name: str


def with_tool(agent: Any) -> Any:
    """Give an agent a tool."""

    @agent.tool_plain  # type: ignore[untyped-decorator]
    def get_weather(city: str) -> str:
        """Say what the weather is like in a city."""
        return f"Sunny in {city}."

    return agent


def streamed(agent: Any, question: str = QUESTION) -> tuple[list[str], Any]:
    """Return the pieces of a streamed answer, and the response they make."""

    async def ask() -> tuple[list[str], Any]:
        async with agent.run_stream(question) as running:
            pieces = [one async for one in running.stream_text(delta=True, debounce_by=None)]
            return pieces, running.all_messages()[-1]

    return asyncio.run(ask())


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


def agent(emulator: Emulator, name: str = GPT, **options: Any) -> Any:
    """Make an agent on pydantic-ai's own OpenRouter model."""
    from openai import AsyncOpenAI
    from pydantic_ai.models.openrouter import OpenRouterModel
    from pydantic_ai.providers.openrouter import OpenRouterProvider

    client = AsyncOpenAI(base_url=emulator.base_url, api_key=emulator.api_key)
    model = OpenRouterModel(name, provider=OpenRouterProvider(openai_client=client))
    return pydantic_ai.Agent(model, **options)


def costs(emulator: Emulator) -> list[float]:
    return [float(row.cost) for row in emulator.bill()]


class TestItsOpenRouterModel:
    def test_a_chat_is_understood_with_its_cost(self, emulator: Emulator) -> None:
        result = agent(emulator).run_sync(QUESTION)
        assert result.output == PARIS
        assert [result.all_messages()[-1].provider_details["cost"]] == costs(emulator)

    def test_a_tool_is_called_and_its_result_taken(self, emulator: Emulator) -> None:
        result = with_tool(agent(emulator)).run_sync("What is the weather in Rome?")
        assert "Sunny in Rome." in result.output
        assert len(emulator.bill()) == 2

    def test_a_stream_is_understood_with_its_cost(self, emulator: Emulator) -> None:
        pieces, response = streamed(agent(emulator))
        assert "".join(pieces) == PARIS
        assert len(pieces) > 1
        assert [response.provider_details["cost"]] == costs(emulator)

    @pytest.mark.parametrize("name", THINKERS)
    def test_reasoning_goes_back_whole(self, emulator: Emulator, name: str) -> None:
        thinker = agent(emulator, name, model_settings={"openrouter_reasoning": {"effort": "high"}})
        thought = thinker.run_sync("Why is the sky blue?")
        # The emulator refuses a signature that has changed.
        thinker.run_sync("And at night?", message_history=thought.all_messages())
        [_, sent, _] = emulator.requests[-1].body["messages"]
        signed = [one for one in sent["reasoning_details"] if one.get("signature", one.get("data"))]
        assert signed

    @pytest.mark.parametrize("name", THINKERS)
    def test_reasoning_streams(self, emulator: Emulator, name: str) -> None:
        thinker = agent(emulator, name, model_settings={"openrouter_reasoning": {"effort": "high"}})
        pieces, response = streamed(thinker)
        assert "".join(pieces) == PARIS
        assert "capital" in "".join(
            part.content for part in response.parts if part.part_kind == "thinking"
        )

    def test_structured_output_fits(self, emulator: Emulator) -> None:
        assert isinstance(agent(emulator, output_type=City).run_sync("Name a city.").output, City)

    def test_web_search_is_counted_and_billed(self, emulator: Emulator) -> None:
        from pydantic_ai.capabilities import NativeTool

        searching = agent(emulator, capabilities=[NativeTool(pydantic_ai.WebSearchTool())])
        details = searching.run_sync("Any news?").all_messages()[-1].provider_details
        assert details["server_tool_use"]["web_search_requests"] == 1
        assert [details["cost"]] == costs(emulator)
