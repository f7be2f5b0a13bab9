"""Providers, models and variants: who serves a request, and why nobody does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Client

LLAMA = "meta-llama/llama-3.3-70b-instruct"


def provider(client: Client, **body: Any) -> str:
    reply = client.chat(**{"model": LLAMA, **body})
    assert reply.status == 200, reply.text
    return str(reply.json["provider"])


@pytest.mark.parametrize(
    ("preferences", "served"),
    [
        ({}, "DeepInfra"),
        ({"order": ["groq"]}, "Groq"),
        ({"order": ["nobody", "together", "groq"]}, "Together"),
        ({"order": ["deepinfra/turbo"]}, "DeepInfra"),
        ({"only": ["cerebras"]}, "Cerebras"),
        ({"only": ["Cerebras"]}, "Cerebras"),
        ({"ignore": ["deepinfra"]}, "Groq"),
        ({"sort": "price"}, "DeepInfra"),
        ({"sort": "throughput"}, "Cerebras"),
        ({"sort": "latency"}, "Cerebras"),
        ({"sort": {"by": "throughput"}}, "Cerebras"),
        ({"quantizations": ["fp16"]}, "Cerebras"),
        ({"max_price": {"prompt": 0.6, "completion": 1}, "ignore": ["deepinfra"]}, "Groq"),
        ({"order": ["together"], "allow_fallbacks": False}, "Together"),
        ({"require_parameters": True}, "DeepInfra"),
    ],
)
def test_preferences_choose(client: Client, preferences: dict[str, Any], served: str) -> None:
    assert provider(client, provider=preferences) == served


def test_max_tokens_passes_over_who_can_not(client: Client) -> None:
    order = {"order": ["together"]}
    assert provider(client, provider=order, max_tokens=2048) == "Together"
    assert provider(client, provider=order, max_tokens=2049) != "Together"


def test_tools_pass_over_who_can_not(client: Client, weather: dict[str, Any]) -> None:
    order = {"order": ["together"]}
    assert provider(client, model="openai/gpt-oss-20b", provider=order) == "Together"
    with_tools = {"model": "openai/gpt-oss-20b", "provider": order, "tools": [weather]}
    assert provider(client, **with_tools) == "DeepInfra"


def test_required_parameters_pass_over_who_can_not(client: Client) -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}
    body = {"response_format": schema, "structured_outputs": True}
    assert provider(client, **body) == "DeepInfra"
    assert provider(client, **body, provider={"require_parameters": True}) == "Cerebras"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"provider": {"only": ["nobody"]}}, "No allowed providers are available"),
        ({"provider": {"order": ["nobody"], "allow_fallbacks": False}}, "No allowed providers"),
        ({"provider": {"max_price": {"prompt": 0.01}}}, "match the requested max price"),
        ({"provider": {"quantizations": ["int4"]}}, "with quantizations int4"),
        ({"max_tokens": 100_000}, "support 100000 max tokens"),
        (
            {"provider": {"require_parameters": True}, "logprobs": True},
            "that can handle the requested parameters",
        ),
        ({"model": "google/gemma-3-27b-it", "tools": "weather"}, "that support tool use"),
    ],
)
def test_nobody_is_left(
    client: Client, body: dict[str, Any], words: str, weather: dict[str, Any]
) -> None:
    body = {**body, "tools": [weather]} if "tools" in body else body
    reply = client.chat(**{"model": LLAMA, **body})
    assert reply.status == 404
    assert words in reply.json["error"]["message"]


class TestVariants:
    @pytest.mark.parametrize(
        ("model", "served"),
        [
            (f"{LLAMA}:nitro", "Cerebras"),
            (f"{LLAMA}:floor", "DeepInfra"),
            (f"{LLAMA}:free", "Venice"),
            (f"{LLAMA}:free:online", "Venice"),
            (f"{LLAMA}:nitro:online", "Cerebras"),
        ],
    )
    def test_they_stack(self, client: Client, model: str, served: str) -> None:
        assert provider(client, model=model) == served

    def test_online_searches_and_costs_even_on_a_free_model(self, client: Client) -> None:
        reply = client.chat(model=f"{LLAMA}:free:online")
        assert len(reply.message["annotations"]) == 5
        assert reply.json["usage"]["cost"] == 0.02

    def test_a_variant_that_nobody_knows_is_a_model_that_nobody_knows(self, client: Client) -> None:
        assert client.chat(model=f"{LLAMA}:wat").status == 404


class TestFallbacks:
    def test_an_unknown_model_falls_back(self, client: Client) -> None:
        reply = client.chat(model="nobody/nothing", models=["openai/gpt-4o"])
        assert reply.json["model"] == "openai/gpt-4o"

    def test_models_alone_are_enough(self, client: Client) -> None:
        reply = client.chat(model=None, models=["openai/gpt-4o"])
        assert reply.json["model"] == "openai/gpt-4o"

    def test_a_prompt_that_is_too_long_falls_back(self, client: Client) -> None:
        reply = client.chat(
            "word " * 20_000, model="openai/gpt-3.5-turbo", models=["openai/gpt-4o"]
        )
        assert reply.json["model"] == "openai/gpt-4o"

    def test_a_provider_that_fails_falls_back_to_the_next(self, client: Client) -> None:
        client.emulator.faults.add("status=502; provider=deepinfra")
        assert provider(client) == "Groq"
        assert [row.status for row in client.emulator.bill()] == [502, 200]
        refused = client.chat(
            model=LLAMA, provider={"order": ["deepinfra"], "allow_fallbacks": False}
        )
        assert refused.status == 502

    @pytest.mark.parametrize("fault", ["status=503", "rate-limit", "moderation"])
    def test_a_model_that_fails_falls_back_to_the_next(self, client: Client, fault: str) -> None:
        client.emulator.faults.add(f"{fault}; model={LLAMA}")
        reply = client.chat(model=LLAMA, models=["openai/gpt-4o"])
        assert reply.json["model"] == "openai/gpt-4o"
        assert client.chat(model=LLAMA).status in {403, 429, 503}

    def test_the_last_error_tells_of_the_ones_before(self, client: Client) -> None:
        client.emulator.faults.add(f"status=502; model={LLAMA}")
        error = client.chat(model=LLAMA, models=["nobody/nothing"]).json["error"]
        assert error["code"] == 404
        assert [one["code"] for one in error["metadata"]["previous_errors"]] == [502] * 4 + [404]


@pytest.mark.parametrize(
    ("model", "served"),
    [
        ("openrouter/auto", "openai/gpt-5-mini-2025-08-07"),
        ("~anthropic/claude-sonnet-latest", "anthropic/claude-4.6-sonnet-20260217"),
        ("anthropic/claude-haiku-4-5", "anthropic/claude-4.5-haiku-20251001"),
    ],
)
def test_other_names_of_models(client: Client, model: str, served: str) -> None:
    assert client.chat(model=model).json["model"] == served


def test_one_model_calls_a_tool_at_every_turn(client: Client, weather: dict[str, Any]) -> None:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "hello"}]
    for _ in range(3):
        message = client.chat(messages, model="emulator/tool-caller", tools=[weather]).message
        call = message["tool_calls"][0]
        messages += [message, {"role": "tool", "tool_call_id": call["id"], "content": "done"}]
    listed = client.get("/models").json["data"]
    assert not any(model["id"].startswith("emulator/") for model in listed)


PRESETS = {
    "short": {
        "model": "openai/gpt-4o",
        "max_tokens": 3,
        "provider": {"order": ["azure"], "allow_fallbacks": True},
        "system_prompt": "Be short.",
    }
}


class TestPresets:
    @pytest.fixture
    def client(self, emulate: Any) -> Client:
        return emulate(presets=PRESETS)

    @pytest.mark.parametrize(
        "body",
        [
            {"model": "@preset/short"},
            {"model": "openai/gpt-4o@preset/short"},
            {"model": "openai/gpt-4o", "preset": "short"},
        ],
    )
    def test_three_ways_to_name_one(self, client: Client, body: dict[str, Any]) -> None:
        reply = client.chat(**body)
        assert (reply.json["model"], reply.json["provider"]) == ("openai/gpt-4o", "Azure")
        assert reply.json["usage"]["completion_tokens"] == 3

    def test_the_request_wins_one_level_deep(self, client: Client) -> None:
        reply = client.chat(
            model="openai/gpt-4o-mini@preset/short",
            max_tokens=2,
            provider={"allow_fallbacks": False},
        )
        assert (reply.json["model"], reply.json["provider"]) == ("openai/gpt-4o-mini", "Azure")
        assert reply.json["usage"]["completion_tokens"] == 2

    def test_an_unknown_one(self, client: Client) -> None:
        reply = client.chat(model="@preset/long")
        assert reply.status == 404
        assert "Preset long not found" in reply.json["error"]["message"]


class TestMiddleOut:
    SMALL = "gryphe/mythomax-l2-13b"
    LONG = "START " + "word " * 6000 + "END"

    def test_it_is_on_by_default_for_small_models(self, client: Client) -> None:
        reply = client.chat(self.LONG, model=self.SMALL)
        assert reply.status == 200
        assert 3000 < reply.json["usage"]["prompt_tokens"] <= 4096

    def test_an_empty_list_switches_it_off(self, client: Client) -> None:
        assert client.chat(self.LONG, model=self.SMALL, transforms=[]).status == 400

    def test_large_models_must_ask(self, client: Client) -> None:
        long, model = "word " * 20_000, "openai/gpt-3.5-turbo"
        assert client.chat(long, model=model).status == 400
        assert client.chat(long, model=model, transforms=["middle-out"]).status == 200
        compressed = client.chat(long, model=model, plugins=[{"id": "context-compression"}])
        assert compressed.json["usage"]["prompt_tokens"] <= 16_385

    def test_the_start_and_the_end_stay(self, emulate: Any) -> None:
        seen: list[str] = []
        client = emulate()
        turns = [{"role": "user", "content": f"Turn {turn}. " + "word " * 600} for turn in range(9)]
        assert client.chat(turns, model=self.SMALL).status == 200
        from openrouter_adapter.emulator import plugins

        kept = plugins.middle_out(turns, 2500)
        seen = [message["content"][:7] for message in kept]
        assert seen[0] == "Turn 0."
        assert seen[-1] == "Turn 8."
        (squeezed,) = plugins.middle_out([{"role": "user", "content": self.LONG}], 100)
        assert squeezed["content"].startswith("START")
        assert squeezed["content"].endswith("END")
