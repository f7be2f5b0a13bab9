"""The bill: exact, and the same number everywhere."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from openrouter_adapter.emulator import Answer, catalog
from openrouter_adapter.emulator.billing import Usage, price, wire_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Client

CHAT_MODELS = [
    model.id
    for model in catalog.models()
    if {"text", "image"} & {*model.output} and not model.is_batch_only
]


def on_the_wire(usage: dict[str, Any]) -> Decimal:
    return Decimal(repr(usage["cost"]))


def test_prices_are_the_catalogs(client: Client) -> None:
    usage = client.chat("What is the capital of France?").json["usage"]
    exact = usage["prompt_tokens"] * Decimal("0.00000015")
    exact += usage["completion_tokens"] * Decimal("0.0000006")
    assert client.emulator.bill()[0].cost == exact == on_the_wire(usage)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", CHAT_MODELS)
def test_the_bill_is_what_the_wire_says(client: Client, model: str, stream: bool) -> None:
    reply = client.chat("A fox, please", model=model, stream=stream)
    answer = reply.chunks[-1] if stream else reply.json
    (row,) = client.emulator.bill()
    usage = answer["usage"]
    assert row.generation_id == answer["id"] == reply.headers["X-Generation-Id"]
    assert row.cost == on_the_wire(usage)
    assert (row.tokens_prompt, row.tokens_completion) == (
        usage["prompt_tokens"],
        usage["completion_tokens"],
    )
    assert (row.model, row.provider) == (answer["model"], answer["provider"])
    assert (row.endpoint, row.streamed, row.status) == ("/chat/completions", stream, 200)
    asked = client.get(f"/generation?id={row.generation_id}").json["data"]
    assert Decimal(repr(asked["total_cost"])) == row.cost


@examples(deadline=None)
@given(
    st.sampled_from([endpoint for model in catalog.models() for endpoint in model.endpoints]),
    st.builds(
        Usage,
        prompt=st.integers(0, 10**6),
        completion=st.integers(0, 10**5),
        surcharge=st.sampled_from([Decimal(0), Decimal("0.02")]),
    ),
)
def test_any_cost_survives_the_wire(endpoint: catalog.Endpoint, usage: Usage) -> None:
    cost = price(usage, endpoint)
    for amount in (cost.total, cost.upstream, cost.upstream_prompt, cost.upstream_completions):
        assert Decimal(repr(wire_number(amount))) == amount


def test_free_models_are_free(client: Client) -> None:
    reply = client.chat(model="meta-llama/llama-3.3-70b-instruct:free")
    # A whole number has no point on the wire.
    assert '"cost":0,' in reply.text
    assert client.emulator.bill()[0].cost == 0


def test_a_long_prompt_costs_more_a_token() -> None:
    endpoint = catalog.find("google/gemini-2.5-pro").endpoints[0]
    short, long = (price(Usage(prompt=tokens), endpoint) for tokens in (200_000, 200_001))
    assert short.total == 200_000 * Decimal("0.00000125")
    assert long.total == 200_001 * Decimal("0.0000025")


class TestZeroCompletionInsurance:
    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize("finish_reason", [None, ""])
    def test_nothing_said_and_no_reason_costs_nothing(
        self, emulate: Callable[..., Client], finish_reason: str | None, stream: bool
    ) -> None:
        client = emulate(answer=Answer(content="", finish_reason=finish_reason))
        client.chat(stream=stream)
        (row,) = client.emulator.bill()
        assert row.cost == 0
        assert row.tokens_prompt > 0

    def test_an_error_costs_nothing(self, emulate: Callable[..., Client]) -> None:
        client = emulate(answer=Answer(content="Half", finish_reason="error"))
        assert client.chat().json["usage"]["cost"] == 0
        assert client.emulator.bill()[0].cost == 0

    def test_a_reason_to_stop_costs_the_prompt(self, emulate: Callable[..., Client]) -> None:
        client = emulate(answer=Answer(content=""))
        client.chat()
        assert client.emulator.bill()[0].cost > 0

    def test_words_without_a_reason_cost(self, emulate: Callable[..., Client]) -> None:
        client = emulate(answer=Answer(content="Half", finish_reason=None))
        client.chat()
        assert client.emulator.bill()[0].cost > 0


def test_with_an_own_provider_key_only_the_fee_is_charged(emulate: Callable[..., Client]) -> None:
    client = emulate(byok={"openai"})
    usage = client.chat().json["usage"]
    (row,) = client.emulator.bill()
    assert usage["is_byok"] is row.is_byok is True
    upstream = Decimal(repr(usage["cost_details"]["upstream_inference_cost"]))
    assert row.upstream_cost == upstream
    assert row.cost == upstream * Decimal("0.05")
    assert client.get("/key").json["data"]["byok_usage"] == float(upstream)


class TestCredits:
    def test_the_balance_falls(self, emulate: Callable[..., Client]) -> None:
        client = emulate(credits=Decimal(1))
        client.chat(max_tokens=100)
        balance = client.manage("GET", "/credits").json["data"]
        assert balance["total_credits"] == 1
        assert Decimal(repr(balance["total_usage"])) == client.emulator.bill()[0].cost
        assert client.get("/key").json["data"]["usage"] == balance["total_usage"]

    def test_without_enough_of_them_the_request_is_refused(
        self, emulate: Callable[..., Client]
    ) -> None:
        client = emulate(credits=Decimal("0.00001"))
        reply = client.chat(max_tokens=1000)
        assert reply.status == 402
        assert "requires more credits, or fewer max_tokens" in reply.json["error"]["message"]
        assert not client.emulator.bill()
        assert client.chat(max_tokens=3).status == 200

    def test_free_models_and_own_keys_need_none(self, emulate: Callable[..., Client]) -> None:
        client = emulate(credits=Decimal(0), byok={"openai"})
        assert client.chat(model="minimax/minimax-m2:free").status == 200
        assert client.chat(model="anthropic/claude-haiku-4.5").status == 402
        assert client.chat().status == 200
