"""Chat completions: what is said, called, thought and drawn."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from openrouter_adapter.emulator import Answer, ToolCall

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Client


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("What is the capital of France?", "The capital of France is Paris."),
        ("What's 2 + 2?", "2 + 2 = 4"),
        ("What is 7 / 0?", "7 / 0 is not defined."),
        ("Count from 1 to 3", "1\n2\n3"),
        ("Hello there", "Hello! How can I help you today?"),
        ("Reply with the single word: ok", "ok"),
    ],
)
def test_an_answer_reads_well(client: Client, prompt: str, answer: str) -> None:
    assert client.chat(prompt).message["content"] == answer


def test_any_other_prompt_is_answered_by_name(client: Client) -> None:
    assert (
        "distributed systems" in client.chat("Tell me about distributed systems").message["content"]
    )


def test_a_length_in_words_is_kept(client: Client) -> None:
    content = client.chat("Write 300 words about rivers").message["content"]
    assert len(content.split()) == 300


def test_the_served_model_and_provider_are_named(client: Client) -> None:
    answer = client.chat(model="anthropic/claude-haiku-4.5").json
    assert answer["model"] == "anthropic/claude-4.5-haiku-20251001"
    assert answer["provider"] == "Amazon Bedrock"
    assert answer["choices"][0]["native_finish_reason"] == "end_turn"


def test_the_same_request_gives_the_same_answer(emulate: Callable[..., Client]) -> None:
    first, second = (emulate(clock=lambda: 1_790_000_000.0) for _ in range(2))
    assert first.chat("Tell me about rivers").text == second.chat("Tell me about rivers").text
    assert first.chat("Hello").json["id"] != first.chat("Hello").json["id"]


def test_another_seed_gives_other_ids(emulate: Callable[..., Client]) -> None:
    ids = {emulate(seed=seed, clock=lambda: 0.0).chat().json["id"] for seed in range(3)}
    assert len(ids) == 3


def test_max_tokens_cuts_the_answer(client: Client) -> None:
    for name in ("max_tokens", "max_completion_tokens"):
        answer = client.chat("Tell me about rivers", **{name: 5}).json
        assert answer["choices"][0]["finish_reason"] == "length"
        assert answer["usage"]["completion_tokens"] == 5


def test_max_tokens_counts_the_thought(client: Client) -> None:
    answer = client.chat(model="openai/gpt-5-mini", max_tokens=5).json
    assert answer["choices"][0]["message"]["content"] == ""
    assert answer["usage"]["completion_tokens_details"]["reasoning_tokens"] == 5
    assert answer["choices"][0]["native_finish_reason"] == "max_output_tokens"


def test_stop_ends_the_answer(client: Client) -> None:
    for stop in ("2", ["2", "3"]):
        assert client.chat("Count from 1 to 3", stop=stop).message["content"] == "1\n"


def test_older_and_unknown_fields_are_taken(client: Client) -> None:
    reply = client.chat(
        transforms=["middle-out"],
        route="fallback",
        usage={"include": True},
        include_reasoning=True,
        web_search_options={"search_context_size": "low"},
        structured_outputs=True,
        a_field_of_the_future={"yes": 1},
    )
    assert reply.status == 200


class TestTools:
    def test_a_prompt_that_needs_a_tool_gets_a_call(
        self, client: Client, weather: dict[str, Any]
    ) -> None:
        reply = client.chat(
            "What's the weather in New York?", tools=[weather], model="anthropic/claude-haiku-4.5"
        )
        choice = reply.json["choices"][0]
        call = choice["message"]["tool_calls"][0]
        assert choice["finish_reason"] == "tool_calls"
        assert choice["native_finish_reason"] == "tool_use"
        assert choice["message"]["content"] is None
        assert call["id"].startswith("toolu_bdrk_")
        assert call["function"]["name"] == "get_weather"
        assert json.loads(call["function"]["arguments"]) == {"city": "New York"}

    def test_a_prompt_that_needs_none_is_answered(
        self, client: Client, weather: dict[str, Any]
    ) -> None:
        assert "tool_calls" not in client.chat("hello", tools=[weather]).message

    def test_tool_choice_decides(self, client: Client, weather: dict[str, Any]) -> None:
        named = {"type": "function", "function": {"name": "get_weather"}}
        for choice in ("required", named):
            assert client.chat("hello", tools=[weather], tool_choice=choice).message["tool_calls"]
        asked = client.chat("What's the weather in Rome?", tools=[weather], tool_choice="none")
        assert "tool_calls" not in asked.message

    def test_several_tools_are_called_side_by_side_unless_forbidden(
        self, client: Client, weather: dict[str, Any]
    ) -> None:
        clock = {"type": "function", "function": {"name": "get_time", "parameters": {}}}
        ask = {"prompt": "The weather and the time in Rome?", "tools": [weather, clock]}
        calls = client.chat(**ask).message["tool_calls"]
        assert [call["function"]["name"] for call in calls] == ["get_weather", "get_time"]
        assert len({call["id"] for call in calls}) == 2
        assert len(client.chat(**ask, parallel_tool_calls=False).message["tool_calls"]) == 1

    def test_a_result_is_answered_in_words(self, client: Client, weather: dict[str, Any]) -> None:
        ask = [{"role": "user", "content": "What's the weather in Rome?"}]
        first = client.chat(ask, tools=[weather]).message
        turn = [
            *ask,
            first,
            {"role": "tool", "tool_call_id": first["tool_calls"][0]["id"], "content": "Sunny"},
        ]
        assert (
            client.chat(turn, tools=[weather]).message["content"] == "Here is what I found: Sunny"
        )


class TestReasoning:
    def test_claude_signs_its_thoughts(self, client: Client) -> None:
        message = client.chat(
            model="anthropic/claude-haiku-4.5", reasoning={"max_tokens": 2000}
        ).message
        (detail,) = message["reasoning_details"]
        assert detail["type"] == "reasoning.text"
        assert detail["format"] == "anthropic-claude-v1"
        assert detail["text"] == message["reasoning"]
        assert len(detail["signature"]) > 100

    def test_openai_sums_up_and_encrypts(self, client: Client) -> None:
        details = client.chat(model="openai/gpt-5-mini").message["reasoning_details"]
        assert [detail["type"] for detail in details] == [
            "reasoning.summary",
            "reasoning.encrypted",
        ]
        assert details[1]["id"].startswith("rs_")

    def test_gemini_puts_two_details_under_one_index(self, client: Client) -> None:
        details = client.chat(model="google/gemini-2.5-pro").message["reasoning_details"]
        assert [(detail["type"], detail["index"]) for detail in details] == [
            ("reasoning.text", 0),
            ("reasoning.encrypted", 0),
        ]

    def test_grok_only_encrypts(self, client: Client) -> None:
        message = client.chat(model="x-ai/grok-4").message
        assert message["reasoning"] is None
        assert [detail["type"] for detail in message["reasoning_details"]] == [
            "reasoning.encrypted"
        ]

    @pytest.mark.parametrize("off", [{"effort": "none"}, {"enabled": False}])
    def test_it_can_be_switched_off(self, client: Client, off: dict[str, Any]) -> None:
        answer = client.chat(model="anthropic/claude-haiku-4.5", reasoning=off).json
        assert "reasoning_details" not in answer["choices"][0]["message"]

    @pytest.mark.parametrize(
        "hidden", [{"reasoning": {"exclude": True}}, {"include_reasoning": False}]
    )
    def test_it_can_be_hidden_and_costs_all_the_same(
        self, client: Client, hidden: dict[str, Any]
    ) -> None:
        answer = client.chat(model="openai/gpt-5-mini", **hidden).json
        assert "reasoning_details" not in answer["choices"][0]["message"]
        assert answer["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0

    def test_more_effort_thinks_longer(self, client: Client) -> None:
        tokens = [
            client.chat(model="openai/gpt-5-mini", reasoning={"effort": effort}).json["usage"][
                "completion_tokens_details"
            ]["reasoning_tokens"]
            for effort in ("minimal", "medium", "high")
        ]
        assert tokens == sorted(set(tokens))


class TestConfiguredAnswers:
    def test_a_text(self, emulate: Callable[..., Client]) -> None:
        assert emulate(answer="Yes.").chat().message["content"] == "Yes."

    def test_a_text_for_one_model(self, emulate: Callable[..., Client]) -> None:
        client = emulate(answer={"openai/gpt-4o": "Yes."})
        assert client.chat(model="openai/gpt-4o").message["content"] == "Yes."
        assert client.chat(model="openai/gpt-4o-mini").message["content"] != "Yes."

    def test_a_function_of_the_body(self, emulate: Callable[..., Client]) -> None:
        client = emulate(answer=lambda body: body.get("user"))
        assert client.chat(user="me").message["content"] == "me"
        assert client.chat("Hello").message["content"] == "Hello! How can I help you today?"

    def test_a_whole_answer(self, emulate: Callable[..., Client]) -> None:
        answer = Answer(
            reasoning="Hm.",
            tool_calls=(ToolCall("f", '{"b":1,"a":2}'),),
            finish_reason="tool_calls",
        )
        message = emulate(answer=answer).chat(model="anthropic/claude-haiku-4.5").message
        assert message["reasoning"] == "Hm."
        assert message["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"b":1,"a":2}'}
