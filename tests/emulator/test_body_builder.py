"""The body builder turns a wish into requests that the emulator answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator

    from .conftest import Client

pytest.importorskip("openrouter")


def bodies(client: Client, wish: str) -> list[dict[str, Any]]:
    reply = client.chat(wish, model="openrouter/bodybuilder")
    built: list[dict[str, Any]] = json.loads(reply.message["content"])["requests"]
    return built


def test_it_is_free_and_its_requests_are_answered(sdk: Any, emulator: Emulator) -> None:
    built = sdk.chat.send(
        model="openrouter/bodybuilder",
        messages=[{"role": "user", "content": "Count to 10 using Claude Sonnet and GPT-5"}],
    )
    assert built.usage.cost == 0
    requests = json.loads(built.choices[0].message.content)["requests"]
    served = [sdk.chat.send(**request).model for request in requests]
    assert served == ["anthropic/claude-4.6-sonnet-20260217", "openai/gpt-5.2-20251211"]
    assert [row.cost > 0 for row in emulator.bill()] == [False, True, True]


@pytest.mark.parametrize(
    ("wish", "models", "task"),
    [
        (
            "Write a haiku about rain using Claude Haiku and GPT-5 mini",
            ["anthropic/claude-haiku-4.5", "openai/gpt-5-mini"],
            "Write a haiku about rain",
        ),
        (
            "Explain gravity with openai/gpt-4o-mini, Gemini and DeepSeek",
            ["openai/gpt-4o-mini", "google/gemini-2.5-pro", "deepseek/deepseek-chat"],
            "Explain gravity",
        ),
        (
            "Answer 'What is 2+2?' using three different models for verification",
            ["openai/gpt-5.2", "anthropic/claude-sonnet-4.6", "google/gemini-2.5-pro"],
            "Answer 'What is 2+2?'",
        ),
        ("Compare the weather", ["openai/gpt-5.2"], "Compare the weather"),
        (
            "Summarize this with Grok: a text by Claude",
            ["x-ai/grok-4", "anthropic/claude-sonnet-4.6"],
            "Summarize this with Grok: a text",
        ),
        ("Say hello using gpt-4o-mini", ["openai/gpt-4o-mini"], "Say hello"),
    ],
)
def test_models_and_task(client: Client, wish: str, models: list[str], task: str) -> None:
    built = bodies(client, wish)
    assert [body["model"] for body in built] == models
    assert {body["messages"][0]["content"] for body in built} == {task}


def test_a_text_after_the_choice_stays_in_the_task(client: Client) -> None:
    (body, _) = bodies(client, "Summarize this using two models: The sun is a star.")
    assert body["messages"][0]["content"] == "Summarize this: The sun is a star."
