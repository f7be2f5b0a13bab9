"""LangChain on its LiteLLM model."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.clients.conftest import Spending

langchain: Any = pytest.importorskip(
    "langchain_litellm", reason="run by scripts/test-clients langchain-litellm"
)

MODEL = "openrouter/openai/gpt-4o-mini"
QUESTION = "What is the capital of France?"
PARIS = "The capital of France is Paris."


def get_weather(city: str) -> str:
    """Say what the weather is like in a city."""
    return f"Sunny in {city}."


@pytest.mark.parametrize("is_async", [False, True])
def test_a_chat_costs_what_was_billed(spending: Spending, *, is_async: bool) -> None:
    model = langchain.ChatLiteLLM(model=MODEL)
    message = asyncio.run(model.ainvoke(QUESTION)) if is_async else model.invoke(QUESTION)
    assert message.content == PARIS
    assert spending.costs(1)


def test_a_tool_call_and_its_result_cost_what_was_billed(spending: Spending) -> None:
    from langchain_core.messages import HumanMessage, ToolMessage

    model = langchain.ChatLiteLLM(model=MODEL).bind_tools([get_weather])
    asked = HumanMessage("What is the weather in Rome?")
    called = model.invoke([asked])
    [call] = called.tool_calls
    assert (call["name"], call["args"]) == ("get_weather", {"city": "Rome"})
    result = ToolMessage(get_weather(**call["args"]), tool_call_id=call["id"])
    assert "Sunny in Rome." in model.invoke([asked, called, result]).content
    assert spending.costs(2)


@pytest.mark.parametrize("is_async", [False, True])
def test_a_stream_costs_what_was_billed(spending: Spending, *, is_async: bool) -> None:
    model = langchain.ChatLiteLLM(model=MODEL)

    async def ask() -> list[str]:
        return [chunk.content async for chunk in model.astream(QUESTION)]

    pieces = asyncio.run(ask()) if is_async else [one.content for one in model.stream(QUESTION)]
    assert "".join(pieces) == PARIS
    assert len(pieces) > 1
    assert spending.costs(1)
