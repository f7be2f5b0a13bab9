"""The lists of models and providers, with their filters; the official SDK reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.emulator import Emulator

    from .conftest import Client

openrouter = pytest.importorskip("openrouter")
errors = pytest.importorskip("openrouter.errors")


@pytest.fixture
def ids(sdk: Any) -> Callable[..., list[str]]:
    def ids(**asked: Any) -> list[str]:
        return [model.id for model in sdk.models.list(**asked).result.data]

    return ids


def test_the_count_is_that_of_the_list(sdk: Any, ids: Any) -> None:
    assert sdk.models.count().data.count == len(ids())
    embedding = sdk.models.count(output_modalities="embeddings").data.count
    assert embedding == len(sdk.embeddings.list_models().result.data) > 2


@pytest.mark.parametrize(
    ("asked", "found", "not_found"),
    [
        ({"output_modalities": "embeddings"}, "openai/text-embedding-3-small", "openai/gpt-4o"),
        ({"input_modalities": "image"}, "openai/gpt-4o", "openai/gpt-3.5-turbo"),
        ({"supported_parameters": "tools,reasoning"}, "openai/gpt-5-mini", "openai/gpt-4o"),
        ({"q": "haiku"}, "anthropic/claude-haiku-4.5", "anthropic/claude-sonnet-4"),
        ({"context": 500_000}, "openai/gpt-4.1-mini", "openai/gpt-4o"),
        ({"max_price": 0}, "minimax/minimax-m2:free", "openai/gpt-4o"),
        ({"min_price": 2.5}, "openai/gpt-4o", "openai/gpt-4o-mini"),
        ({"max_output_price": 1}, "openai/gpt-4o-mini", "openai/gpt-4o"),
        ({"model_authors": "openai,google"}, "google/gemini-2.5-pro", "x-ai/grok-4"),
        ({"providers": "Groq"}, "openai/gpt-oss-20b", "openai/gpt-4o"),
        ({"arch": "Claude"}, "anthropic/claude-sonnet-4", "openai/gpt-4o"),
        ({"zdr": "true"}, "openai/gpt-4o", "perplexity/sonar"),
        ({"min_age_days": 600}, "openai/gpt-4o", "anthropic/claude-opus-4.5"),
    ],
)
def test_filters(
    emulate: Callable[..., Client], asked: dict[str, Any], found: str, not_found: str
) -> None:
    em = emulate(clock=lambda: 1_780_000_000).emulator
    sdk = openrouter.OpenRouter(api_key=em.api_key, server_url=em.base_url)
    listed = {model.id for model in sdk.models.list(**asked).result.data}
    assert found in listed
    assert not_found not in listed


def test_sorted_and_in_pages(sdk: Any, ids: Any) -> None:
    newest = sdk.models.list(sort="newest").result.data
    assert [model.created for model in newest] == sorted(
        (model.created for model in newest), reverse=True
    )
    prices = sdk.models.list(sort="pricing-low-to-high").result.data
    assert float(prices[0].pricing.prompt) == 0 < float(prices[-1].pricing.prompt)
    page = sdk.models.list(offset=2, limit=3).result
    assert [model.id for model in page.data] == ids()[2:5]
    assert page.total_count == len(ids())


def test_a_bound_that_is_no_number(client: Client) -> None:
    assert client.get("/models?max_price=cheap").status == 400
    assert client.get("/models?offset=-1").status == 400


def test_one_model(sdk: Any) -> None:
    assert sdk.models.get(author="openai", slug="gpt-4o-mini").data.name == "OpenAI: GPT-4o-mini"
    with pytest.raises(errors.NotFoundResponseError):
        sdk.models.get(author="nobody", slug="nothing")


def test_a_users_models_are_those_their_guardrails_leave(
    sdk: Any, manager: Any, emulator: Emulator
) -> None:
    from openrouter import operations

    def users() -> set[str]:
        security = operations.ListModelsUserSecurity(bearer=emulator.api_key)
        return {model.id for model in sdk.models.list_for_user(security=security).result.data}

    every = users()
    rule = manager.guardrails.create(name="Rule", allowed_providers=["anthropic"]).data
    own = manager.api_keys.list().data[0].hash
    manager.guardrails.bulk_assign_keys(id=rule.id, key_hashes=[own])
    assert (
        {name.partition("/")[0] for name in users()}
        == {"anthropic"}
        < {name.partition("/")[0] for name in every}
    )


def test_zdr_endpoints_serve_zdr_requests(sdk: Any, client: Client) -> None:
    kept = sdk.endpoints.list_zdr_endpoints().data
    assert {"Azure", "Amazon Bedrock"} <= {one.provider_name for one in kept}
    served = client.chat(provider={"zdr": True}).json["provider"]
    assert ("openai/gpt-4o-mini", served) in {(one.model_id, one.provider_name) for one in kept}


def test_providers_are_those_of_the_endpoints(sdk: Any) -> None:
    listed = {one.name: one for one in sdk.providers.list().data}
    for model in sdk.models.list().result.data:
        author, slug = model.id.split("/")
        for endpoint in sdk.endpoints.list(author=author, slug=slug).data.endpoints:
            assert endpoint.tag.partition("/")[0] == listed[endpoint.provider_name].slug
    assert listed["Azure"].privacy_policy_url.startswith("https://")
