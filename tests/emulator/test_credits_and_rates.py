"""Credits run out, and requests come too fast: refused in OpenRouter's words until it changes."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Client

openrouter = pytest.importorskip("openrouter")
errors = pytest.importorskip("openrouter.errors")

# Ten seconds before a minute ends.
CLOCK = datetime(2026, 4, 29, 12, 0, 50, tzinfo=timezone.utc).timestamp()
FREE = "meta-llama/llama-3.3-70b-instruct:free"


@pytest.fixture
def sdk_of() -> Callable[[Client], Any]:
    def connect(client: Client) -> Any:
        em = client.emulator
        # The SDK would wait and try again on its own.
        return openrouter.OpenRouter(
            api_key=em.api_key, server_url=em.base_url, retry_config=None
        ).chat.send

    return connect


def words(reply: Any) -> str:
    assert reply.status == reply.json["error"]["code"]
    return str(reply.json["error"]["message"])


class TestCredits:
    def test_an_account_that_never_bought_any(
        self, emulate: Callable[..., Client], sdk_of: Callable[[Client], Any]
    ) -> None:
        client = emulate(credits=Decimal(0))
        with pytest.raises(errors.PaymentRequiredResponseError, match="never purchased credits"):
            sdk_of(client)(
                model="openai/gpt-4o-mini", messages=[{"role": "user", "content": "Hello"}]
            )
        assert client.get("/key").json["data"]["is_free_tier"]

    def test_they_run_out_and_are_bought(self, emulate: Callable[..., Client]) -> None:
        price = emulate().chat(max_tokens=9).json["usage"]["cost"]
        client = emulate(credits=2 * Decimal(repr(price)))
        assert [client.chat(max_tokens=9).status for _ in range(3)] == [200, 200, 402]
        reply = client.chat(max_tokens=9)
        assert words(reply).startswith("Insufficient credits. Add more using https://openrouter.ai")
        assert reply.json["error"]["metadata"]["limit_source"] == "openrouter_credits"
        client.emulator.add_credits(Decimal(1))
        assert client.chat(max_tokens=9).status == 200
        balance = client.manage("GET", "/credits").json["data"]
        assert balance["total_credits"] == float(1 + 2 * Decimal(repr(price)))
        assert balance["total_usage"] == pytest.approx(3 * price)

    def test_more_output_than_they_can_pay(self, emulate: Callable[..., Client]) -> None:
        reply = emulate(credits=Decimal("0.001")).chat(max_tokens=16_000)
        assert reply.status == 402
        assert "up to 16000 tokens, but can only afford 16" in words(reply)

    def test_a_prompt_that_they_cannot_pay(self, emulate: Callable[..., Client]) -> None:
        client = emulate(credits=Decimal("0.0001"))
        reply = client.chat("word " * 5_000, max_tokens=1)
        assert words(reply).startswith("Prompt tokens limit exceeded: 50")
        assert " > 666. " in words(reply)

    def test_a_negative_balance_blocks_free_models_too(
        self, emulate: Callable[..., Client]
    ) -> None:
        client = emulate(credits=Decimal("0.01"))
        # The search is not part of the worst case that the balance must cover.
        assert client.chat(plugins=[{"id": "web"}], max_tokens=20).status == 200
        balance = client.manage("GET", "/credits").json["data"]
        assert balance["total_usage"] > balance["total_credits"]
        assert client.chat(model=FREE).status == 402
        client.emulator.add_credits(Decimal(1))
        assert client.chat(model=FREE).status == 200

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/embeddings", {"model": "openai/text-embedding-3-small", "input": "one " * 500}),
            ("/images", {"model": "google/gemini-3.1-flash-lite-image", "prompt": "A tree"}),
            ("/audio/speech", {"model": "hexgrad/kokoro-82m", "input": "Hello", "voice": "x"}),
        ],
    )
    def test_other_endpoints_take_them_too(
        self, emulate: Callable[..., Client], path: str, body: dict[str, Any]
    ) -> None:
        client = emulate(credits=Decimal("0.0000001"))
        assert words(client.send("POST", path, body)).startswith("Insufficient credits")
        assert not client.emulator.bill()


class TestRates:
    def test_a_keys_requests_in_a_minute(
        self, emulate: Callable[..., Client], sdk_of: Callable[[Client], Any]
    ) -> None:
        client = emulate(requests_per_minute=2, clock=lambda: CLOCK)
        assert [client.chat().status for _ in range(2)] == [200, 200]
        with pytest.raises(errors.TooManyRequestsResponseError, match="Rate limit exceeded"):
            sdk_of(client)(
                model="openai/gpt-4o-mini", messages=[{"role": "user", "content": "Hello"}]
            )
        client.emulator.advance(seconds=10)
        assert client.chat().status == 200

    def test_each_key_has_its_own_minute(self, emulate: Callable[..., Client]) -> None:
        client = emulate(requests_per_minute=1, clock=lambda: CLOCK)
        other = client.manage("POST", "/keys", {"name": "Other"}).json["key"]
        assert [client.chat().status for _ in range(2)] == [200, 429]
        assert client.chat(headers={"Authorization": f"Bearer {other}"}).status == 200

    def test_the_refusal_says_until_when(self, emulate: Callable[..., Client]) -> None:
        client = emulate(requests_per_minute=0, clock=lambda: CLOCK)
        reply = client.chat()
        expected = {
            "X-RateLimit-Limit": "0",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(int(CLOCK + 10) * 1000),
        }
        assert reply.json["error"]["metadata"]["headers"] == expected
        assert expected.items() <= reply.headers.items()
        assert reply.headers["Retry-After"] == "10"

    def test_twenty_free_requests_a_minute(self, emulate: Callable[..., Client]) -> None:
        client = emulate(clock=lambda: CLOCK)
        assert {client.chat(model=FREE).status for _ in range(20)} == {200}
        assert words(client.chat(model=FREE)) == "Rate limit exceeded: free-models-per-min. "
        assert client.chat().status == 200
        client.emulator.advance(minutes=1)
        assert client.chat(model=FREE).status == 200

    @pytest.mark.parametrize(("usd", "limit"), [(0, 50), (9, 50), (10, 1000), (None, 1000)])
    def test_free_requests_a_day_by_what_was_bought(
        self, emulate: Callable[..., Client], usd: int | None, limit: int
    ) -> None:
        client = emulate(credits=None if usd is None else Decimal(usd))
        client.chat(model=FREE)
        today = client.get("/key").json["data"]["free_model_daily_requests"]
        assert today == {"limit": limit, "used": 1, "remaining": limit - 1}

    def test_a_free_day_ends_at_midnight(self, emulate: Callable[..., Client]) -> None:
        client = emulate(credits=Decimal(0), free_requests_per_day=1, clock=lambda: CLOCK)
        assert client.chat(model=FREE).status == 200
        reply = client.chat(model=FREE)
        assert words(reply).startswith("Rate limit exceeded: free-models-per-day. Add 10 credits")
        assert reply.json["error"]["metadata"]["limit_source"] == "openrouter_free_tier_daily"
        assert reply.headers["Retry-After"] == str(12 * 3600 - 50)
        client.emulator.advance(hours=12)
        assert client.chat(model=FREE).status == 200

    def test_another_model_is_tried_after_a_free_one(self, emulate: Callable[..., Client]) -> None:
        client = emulate(free_requests_per_minute=0)
        reply = client.chat(model=FREE, models=["openai/gpt-4o-mini"])
        assert reply.status == 200
        assert reply.json["model"] == "openai/gpt-4o-mini"

    def test_without_limits_there_are_none(self, emulate: Callable[..., Client]) -> None:
        client = emulate(free_requests_per_minute=None)
        assert {client.chat(model=FREE).status for _ in range(25)} == {200}
