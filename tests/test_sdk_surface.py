"""What the documentation of OpenRouter's Python SDK shows, through `account.client()`."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

import pytest
from openrouter import errors

from openrouter_adapter import account

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.emulator import Emulator

MODEL = "openai/gpt-4o-mini"
HELLO = [{"role": "user", "content": "Hello!"}]
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

# Its calls in the order of its documentation; those of `MANAGED` need the provisioning key.
SURFACE: dict[str, Callable[[Any], Any]] = {
    "chat.send": lambda sdk: sdk.chat.send(model=MODEL, messages=HELLO, max_tokens=50),
    "beta.responses.send": lambda sdk: sdk.beta.responses.send(
        model=MODEL, input="Hello!", service_tier="auto"
    ),
    "models.list": lambda sdk: sdk.models.list().result.data,
    "models.count": lambda sdk: sdk.models.count().data.count,
    "models.list by category": lambda sdk: sdk.models.list(category="programming").result.data,
    "models.list_for_user": lambda sdk: (
        sdk.models.list_for_user(
            security={"bearer": sdk.sdk_configuration.security().api_key}
        ).result.data
    ),
    "embeddings.generate": lambda sdk: (
        sdk.embeddings.generate(
            model="openai/text-embedding-3-small", input=["one", "two"], encoding_format="float"
        ).data
    ),
    "embeddings.list_models": lambda sdk: sdk.embeddings.list_models().result.data,
    "api_keys.get_current_key_metadata": lambda sdk: (
        sdk.api_keys.get_current_key_metadata().data.label
    ),
    "providers.list": lambda sdk: [row.slug for row in sdk.providers.list().data],
    "endpoints.list": lambda sdk: (
        sdk.endpoints.list(author="openai", slug="gpt-4o-mini").data.endpoints
    ),
    "endpoints.list_zdr_endpoints": lambda sdk: sdk.endpoints.list_zdr_endpoints().data,
}
MANAGED: dict[str, Callable[[Any], Any]] = {
    "api_keys.create": lambda sdk: (
        sdk.api_keys.create(
            name="One", limit=100.0, limit_reset="monthly", include_byok_in_limit=True
        ).key
    ),
    "api_keys.list": lambda sdk: sdk.api_keys.list(include_disabled=False, offset=0),
    "credits.get_credits": lambda sdk: sdk.credits.get_credits().data,
    "analytics.get_user_activity": lambda sdk: sdk.analytics.get_user_activity(),
    "guardrails.create": lambda sdk: (
        sdk.guardrails.create(
            name="One",
            description="Holds back",
            limit_usd=100.0,
            reset_interval="monthly",
            allowed_providers=["openai", "anthropic"],
            allowed_models=["openai/gpt-4o-mini"],
            enforce_zdr=True,
        ).data.id
    ),
    "guardrails.list": lambda sdk: sdk.guardrails.list(),
    "o_auth.create_auth_code": lambda sdk: (
        sdk.o_auth.create_auth_code(
            callback_url="https://myapp.com/auth/callback",
            code_challenge=CHALLENGE,
            code_challenge_method="S256",
            limit=100.0,
        ).data.id
    ),
}
# Shown there, and no longer in the SDK of today.
GONE = ("completions.generate", "credits.create_coinbase_charge")


@pytest.mark.parametrize("call", SURFACE)
def test_a_call_works_with_the_key_and_address_of_the_environment(
    emulated: Emulator, call: str
) -> None:
    with account.client() as sdk:
        assert SURFACE[call](sdk)
    assert emulated.requests


@pytest.mark.parametrize("call", MANAGED)
def test_a_call_that_manages_works_with_the_provisioning_key(
    emulated: Emulator, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    monkeypatch.setenv("OPENROUTER_PROVISIONING_KEY", emulated.provisioning_key)
    with account.client(provisioning=True) as sdk:
        assert MANAGED[call](sdk)


@pytest.mark.parametrize("call", GONE)
def test_what_the_sdk_no_longer_has(call: str) -> None:
    with account.client(api_key="none") as sdk, pytest.raises(AttributeError):
        attrgetter(call)(sdk)


def test_its_errors_have_their_names_but_one() -> None:
    for status in (
        *("Unauthorized", "TooManyRequests", "PaymentRequired", "BadRequest"),
        *("InternalServer", "ProviderOverloaded"),
    ):
        assert issubclass(getattr(errors, f"{status}ResponseError"), errors.OpenRouterError)
    with pytest.raises(AttributeError):
        _ = errors.ChatError
