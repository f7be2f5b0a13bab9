"""instructor: a model filled by a tool call, as JSON, and field by field as it streams."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from pydantic import BaseModel

from openrouter_adapter.emulator import Answer, ToolCall

if TYPE_CHECKING:
    from tests.clients.conftest import Spending

instructor: Any = pytest.importorskip("instructor", reason="run by scripts/test-clients instructor")

MODEL = "openrouter/openai/gpt-4o-mini"
MESSAGES = [{"role": "user", "content": "Rome has three million people."}]
FIELDS = '{"name": "Rome", "people": 3000000}'


class City(BaseModel):
    """A city, and how many people live there."""

    name: str
    people: int


ROME = {"name": "Rome", "people": 3_000_000}
CALL = Answer(tool_calls=(ToolCall("City", FIELDS),), finish_reason="tool_calls")


@pytest.mark.parametrize(("mode", "answer"), [("TOOLS", CALL), ("JSON_SCHEMA", FIELDS)])
def test_a_chat_has_its_cost_beside_the_model(
    spending: Spending, mode: str, answer: Answer | str
) -> None:
    client = instructor.from_litellm(litellm.completion, mode=instructor.Mode[mode])
    spending.will_answer(answer)
    city, response = client.create_with_completion(
        model=MODEL, messages=MESSAGES, response_model=City
    )
    assert city.model_dump() == ROME
    assert [response._hidden_params["response_cost"]] == spending.costs(1)


def test_what_does_not_fit_is_asked_for_again_and_both_are_billed(spending: Spending) -> None:
    client = instructor.from_litellm(litellm.acompletion)
    wrong = ToolCall("City", '{"name": "Rome", "people": "many"}')
    spending.will_answer(Answer(tool_calls=(wrong,), finish_reason="tool_calls"), CALL)
    city = asyncio.run(client.create(model=MODEL, messages=MESSAGES, response_model=City))
    assert city.model_dump() == ROME
    assert spending.costs(2)


def test_a_stream_costs_what_was_billed(spending: Spending) -> None:
    # Not a sync one: instructor 1.17 takes any stream of LiteLLM, readable both ways, for async.
    client = instructor.from_litellm(litellm.acompletion)
    spending.will_answer(CALL)

    async def ask() -> list[Any]:
        asked = client.create_partial(model=MODEL, messages=MESSAGES, response_model=City)
        return [state async for state in asked]

    states = asyncio.run(ask())
    assert states[0].people is None
    assert states[-1].model_dump() == ROME
    assert spending.costs(1)
