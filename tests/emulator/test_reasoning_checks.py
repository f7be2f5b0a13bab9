"""Thoughts that come back changed are refused, as the upstreams refuse them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Client, Reply

CLAUDE, GEMINI = "anthropic/claude-haiku-4.5", "google/gemini-2.5-pro"
ASK = [{"role": "user", "content": "What's the weather in Rome?"}]


def first_turn(client: Client, model: str) -> dict[str, Any]:
    return client.chat(ASK, model=model, reasoning={"effort": "high"}).message


def second_turn(client: Client, model: str, message: dict[str, Any]) -> Reply:
    turn = [*ASK, message, {"role": "user", "content": "And tomorrow?"}]
    return client.chat(turn, model=model, reasoning={"effort": "high"})


@pytest.mark.parametrize("model", [CLAUDE, GEMINI, "openai/gpt-5-mini", "x-ai/grok-4"])
def test_what_came_unchanged_is_taken(client: Client, model: str) -> None:
    assert second_turn(client, model, first_turn(client, model)).status == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [("signature", "Er0BCkYIAxABGAIi"), ("signature", ""), ("text", "Another thought.")],
)
def test_claude_refuses_a_changed_signature_or_text(client: Client, field: str, value: str) -> None:
    message = copy.deepcopy(first_turn(client, CLAUDE))
    message["reasoning_details"][0][field] = value
    reply = second_turn(client, CLAUDE, message)
    assert reply.status == 400
    assert reply.json["error"]["message"] == "Provider returned error"
    metadata = reply.json["error"]["metadata"]
    assert metadata["provider_name"] == "Amazon Bedrock"
    assert "messages.1.content.0: Invalid `signature` in `thinking` block" in metadata["raw"]


def test_claude_misses_a_lost_signature(client: Client) -> None:
    message = copy.deepcopy(first_turn(client, CLAUDE))
    del message["reasoning_details"][0]["signature"]
    raw = second_turn(client, CLAUDE, message).json["error"]["metadata"]["raw"]
    assert "messages.1.content.0.thinking.signature: Field required" in raw


@pytest.mark.parametrize("data", ["[REDACTED]", None, "x"])
def test_gemini_refuses_a_changed_thought(client: Client, data: Any) -> None:
    message = copy.deepcopy(first_turn(client, GEMINI))
    message["reasoning_details"][1]["data"] = data
    reply = second_turn(client, GEMINI, message)
    assert reply.status == 400
    assert "Corrupted thought signature." in reply.json["error"]["metadata"]["raw"]


def test_the_checks_can_be_switched_off(emulate: Callable[..., Client]) -> None:
    client = emulate(check_signatures=False)
    message = copy.deepcopy(first_turn(client, CLAUDE))
    message["reasoning_details"][0]["signature"] = "of somebody else"
    assert second_turn(client, CLAUDE, message).status == 200
