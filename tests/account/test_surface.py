"""Every call of the official SDK that its guide shows, through `account.client()`.

What the present version no longer has is listed here and in docs/account.md.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import openrouter
import pytest
from openrouter import errors, operations

from openrouter_adapter import account

if TYPE_CHECKING:
    from openrouter import OpenRouter

    from openrouter_adapter.emulator import Emulator

PAGE = Path(__file__).parents[2] / "docs" / "account.md"
MODEL = "openai/gpt-4o-mini"
EMBEDDING = "openai/text-embedding-3-small"
QUESTION: list[Any] = [{"role": "user", "content": "Name three birds."}]
WEATHER: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather in a city",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
]


# Calls of models.


def test_chat(client: OpenRouter, emulator: Emulator) -> None:
    answer = client.chat.send(
        model=MODEL, messages=QUESTION, temperature=0.7, max_tokens=1000, provider={"zdr": True}
    )
    assert answer.choices[0].message.content
    assert answer.usage is not None
    assert answer.usage.cost == float(emulator.bill()[0].cost)


def test_chat_streamed(client: OpenRouter) -> None:
    with client.chat.send(model=MODEL, messages=QUESTION, stream=True) as events:
        words = [one.choices[0].delta.content for one in events if one.choices]
    assert "".join(filter(None, words))


async def test_chat_asynchronous_and_streamed(emulator: Emulator) -> None:
    async with account.client() as client:
        answer = await client.chat.send_async(model=MODEL, messages=QUESTION)
        stream = await client.chat.send_async(model=MODEL, messages=QUESTION, stream=True)
        async with stream as events:
            words = [one.choices[0].delta.content async for one in events if one.choices]
    assert answer.choices[0].message.content == "".join(filter(None, words))
    assert len(emulator.bill()) == 2


def test_chat_with_tools(client: OpenRouter) -> None:
    asked: list[Any] = [{"role": "user", "content": "The weather in Paris?"}]
    first = client.chat.send(model=MODEL, messages=asked, tools=WEATHER, tool_choice="auto")
    message = first.choices[0].message
    [call] = message.tool_calls or []
    assert call.function.name == "get_weather"
    result = {"role": "tool", "tool_call_id": call.id, "content": "18 degrees"}
    last = client.chat.send(model=MODEL, messages=[*asked, message, result], tools=WEATHER)
    assert last.choices[0].message.content


def test_responses(client: OpenRouter) -> None:
    answer = client.beta.responses.send(
        model=MODEL, input="What is the capital of France?", service_tier="auto", stream=False
    )
    assert answer.status == "completed"
    assert answer.output


def test_responses_streamed(client: OpenRouter) -> None:
    with client.beta.responses.send(model=MODEL, input="Hi", stream=True) as events:
        kinds = [str(getattr(event, "type", "")) for event in events]
    assert "response.completed" in kinds


@pytest.mark.parametrize("inputs", ["a bird", ["a bird", "a nest", "an egg"]])
def test_embeddings(client: OpenRouter, inputs: Any) -> None:
    answer: Any = client.embeddings.generate(model=EMBEDDING, input=inputs, encoding_format="float")
    assert len(answer.data) == (1 if isinstance(inputs, str) else 3)
    assert all(len(one.embedding) > 100 for one in answer.data)


def test_embedding_models(client: OpenRouter) -> None:
    found = client.embeddings.list_models()
    assert found is not None
    assert EMBEDDING in {one.id for one in found.result.data}


# Models, endpoints, providers.


def test_models(client: OpenRouter) -> None:
    found = client.models.list()
    assert found is not None
    [model] = [one for one in found.result.data if one.id == MODEL]
    assert Decimal(str(model.pricing.prompt)) > 0
    assert model.context_length


def test_the_number_of_models(client: OpenRouter) -> None:
    assert client.models.count().data.count > 1


def test_the_models_of_a_user(client: OpenRouter, emulator: Emulator) -> None:
    security = operations.ListModelsUserSecurity(bearer=emulator.api_key)
    found = client.models.list_for_user(security=security)
    assert found is not None
    assert found.result.data


def test_the_endpoints_of_a_model(client: OpenRouter) -> None:
    found = client.endpoints.list(author="openai", slug="gpt-4o-mini").data
    assert found.id == MODEL
    assert all(one.provider_name and one.context_length for one in found.endpoints)


def test_the_endpoints_without_retention(client: OpenRouter) -> None:
    assert client.endpoints.list_zdr_endpoints().data


def test_providers(client: OpenRouter) -> None:
    found = client.providers.list().data
    assert "openai" in {one.slug for one in found}
    assert all(one.name for one in found)


# Keys, credits, generations, activity.


def test_the_key_in_use(client: OpenRouter, emulator: Emulator) -> None:
    client.chat.send(model=MODEL, messages=QUESTION)
    found = client.api_keys.get_current_key_metadata().data
    assert found.usage == float(emulator.bill()[0].cost)
    assert (found.limit, found.limit_remaining) == (None, None)


def test_keys(manager: OpenRouter) -> None:
    made = manager.api_keys.create(
        name="Production", limit=100.0, limit_reset="monthly", include_byok_in_limit=True
    )
    with account.client(api_key=made.key) as client:
        assert client.api_keys.get_current_key_metadata().data.limit_remaining == 100
    digest = made.data.hash
    assert digest in {one.hash for one in manager.api_keys.list(include_disabled=False).data}
    manager.api_keys.update(hash=digest, name="Old", limit=150.0, disabled=True)
    found = manager.api_keys.get(hash=digest).data
    assert (found.name, found.limit, found.disabled) == ("Old", 150, True)
    assert manager.api_keys.delete(hash=digest).DELETED
    with pytest.raises(errors.NotFoundResponseError):
        manager.api_keys.get(hash=digest)


def test_credits(client: OpenRouter, manager: OpenRouter, emulator: Emulator) -> None:
    client.chat.send(model=MODEL, messages=QUESTION)
    found = manager.credits.get_credits().data
    assert found.total_usage == float(emulator.bill()[0].cost)
    assert found.total_credits > found.total_usage


def test_a_generation(client: OpenRouter, emulator: Emulator) -> None:
    client.chat.send(model=MODEL, messages=QUESTION)
    [row] = emulator.bill()
    found = client.generations.get_generation(id=row.generation_id).data
    assert (found.model, found.provider_name) == (row.model, row.provider)
    assert found.total_cost == float(row.cost)
    assert (found.tokens_prompt, found.tokens_completion) == (
        row.tokens_prompt,
        row.tokens_completion,
    )
    assert (found.latency or 0) > 0
    assert found.finish_reason == "stop"


def test_activity(client: OpenRouter, manager: OpenRouter, emulator: Emulator) -> None:
    client.chat.send(model=MODEL, messages=QUESTION)
    [row] = emulator.bill()
    day = dt.datetime.fromtimestamp(row.created_at, dt.timezone.utc).date().isoformat()
    emulator.advance(days=1)
    [found] = manager.analytics.get_user_activity(request={"date_": day}).data
    assert (found.date_[:10], found.model, found.requests) == (day, MODEL, 1)
    assert found.usage == float(row.cost)


# Guardrails.


def test_guardrails(manager: OpenRouter) -> None:
    made = manager.guardrails.create(
        name="Production",
        description="No more than this",
        limit_usd=100.0,
        reset_interval="monthly",
        allowed_providers=["openai"],
        allowed_models=[MODEL],
        enforce_zdr=True,
    ).data
    listed = manager.guardrails.list()
    assert listed is not None
    assert made.id in {one.id for one in listed.result.data}
    digest = manager.api_keys.create(name="Guarded").data.hash
    assert manager.guardrails.bulk_assign_keys(id=made.id, key_hashes=[digest]).assigned_count == 1
    assigned = manager.guardrails.list_guardrail_key_assignments(id=made.id)
    assert assigned is not None
    assert [one.key_hash for one in assigned.result.data] == [digest]
    changed = manager.guardrails.update(id=made.id, limit_usd=150.0, name="Still").data
    assert (changed.limit_usd, changed.name) == (150, "Still")
    assert manager.guardrails.delete(id=made.id).DELETED


def test_guardrails_of_members(manager: OpenRouter) -> None:
    made = manager.guardrails.create(name="Members").data
    members = manager.organization.list_members()
    assert members is not None
    user = members.result.data[0].id
    done = manager.guardrails.bulk_assign_members(id=made.id, member_user_ids=[user])
    assert done.assigned_count == 1


# OAuth.


def test_oauth(client: OpenRouter, emulator: Emulator) -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    digest = hashlib.sha256(verifier.encode()).digest()
    made = client.o_auth.create_auth_code(
        callback_url="https://app.example/callback",
        code_challenge=base64.urlsafe_b64encode(digest).decode().rstrip("="),
        code_challenge_method="S256",
        limit=100.0,
    )
    found = client.o_auth.exchange_auth_code_for_api_key(
        code=made.data.id, code_verifier=verifier, code_challenge_method="S256"
    )
    answer = httpx.get(
        f"{emulator.base_url}/key", headers={"Authorization": f"Bearer {found.key}"}
    ).json()
    assert answer["data"]["limit"] == 100


# Failures.


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("400", errors.BadRequestResponseError),
        ("402", errors.PaymentRequiredResponseError),
        ("429", errors.TooManyRequestsResponseError),
        ("500", errors.InternalServerResponseError),
        ("529", errors.ProviderOverloadedResponseError),
    ],
)
def test_failures(client: OpenRouter, fault: str, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        client.chat.send(
            model=MODEL, messages=QUESTION, http_headers={"X-Emulator-Fault": f"status={fault}"}
        )


def test_a_wrong_key(emulator: Emulator) -> None:
    made = account.client(api_key="sk-or-v1-wrong", base_url=emulator.base_url)
    with made as client, pytest.raises(errors.UnauthorizedResponseError):
        client.chat.send(model=MODEL, messages=QUESTION)


# What was there once.


def gone() -> dict[str, bool]:
    """What the SDK's guide shows and the present version lacks, with whether that is so."""
    with openrouter.OpenRouter(api_key="sk-or-v1-x") as sdk:
        return {
            "completions.generate": not hasattr(sdk, "completions"),
            "credits.create_coinbase_charge": not hasattr(sdk.credits, "create_coinbase_charge"),
            "errors.ChatError": not hasattr(errors, "ChatError"),
        }


def test_what_the_present_version_lacks_is_lacking_and_listed() -> None:
    assert all(gone().values())
    section = PAGE.read_text("utf-8").partition("no longer has")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([\w.]+)", section, re.MULTILINE)) == {
        *gone(),
        "analytics.get_user_activity",
    }
