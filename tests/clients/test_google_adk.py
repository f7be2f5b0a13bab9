"""Google's Agent Development Kit, on its LiteLLM model."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.clients.conftest import Spending

adk: Any = pytest.importorskip("google.adk", reason="run by scripts/test-clients google-adk")

PARIS = "The capital of France is Paris."


def get_weather(city: str) -> dict[str, str]:
    """Say what the weather is like in a city."""
    return {"report": f"Sunny in {city}."}


def ask(question: str, *, is_stream: bool = False) -> list[Any]:
    """Return the events of one turn of an agent with a tool."""
    from google.adk.agents.run_config import RunConfig, StreamingMode
    from google.adk.models.lite_llm import LiteLlm
    from google.adk.runners import InMemoryRunner
    from google.genai import types

    model = LiteLlm(model="openrouter/openai/gpt-4o-mini")
    agent = adk.Agent(name="guide", model=model, tools=[get_weather])
    mode = StreamingMode.SSE if is_stream else StreamingMode.NONE

    async def turn() -> list[Any]:
        runner = InMemoryRunner(agent=agent, app_name="tests")
        session = await runner.session_service.create_session(app_name="tests", user_id="ann")
        message = types.Content(role="user", parts=[types.Part(text=question)])
        events = runner.run_async(
            user_id="ann",
            session_id=session.id,
            new_message=message,
            run_config=RunConfig(streaming_mode=mode),
        )
        return [event async for event in events]

    return asyncio.run(turn())


def text_of(event: Any) -> str:
    """Return the words of an event."""
    return "".join(part.text or "" for part in event.content.parts)


def test_a_chat_costs_what_was_billed(spending: Spending) -> None:
    [event] = ask("What is the capital of France?")
    assert text_of(event) == PARIS
    assert spending.costs(1)


def test_an_agent_calls_its_tool_and_costs_what_was_billed(spending: Spending) -> None:
    called, returned, said = ask("What is the weather in Rome?")
    assert called.get_function_calls()[0].args == {"city": "Rome"}
    assert returned.get_function_responses()[0].response == {"report": "Sunny in Rome."}
    assert "Sunny in Rome." in text_of(said)
    assert spending.costs(2)


def test_a_stream_costs_what_was_billed(spending: Spending) -> None:
    *pieces, whole = ask("What is the capital of France?", is_stream=True)
    assert "".join(map(text_of, pieces)) == text_of(whole) == PARIS
    assert all(piece.partial for piece in pieces)
    assert len(pieces) > 1
    assert spending.costs(1)
