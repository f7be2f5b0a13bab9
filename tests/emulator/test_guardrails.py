"""Guardrails hold the keys and members they are assigned to; the official SDK is the client."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.emulator import Emulator

    from .conftest import Client

openrouter = pytest.importorskip("openrouter")
errors = pytest.importorskip("openrouter.errors")

NOON = datetime(2026, 4, 29, 12, tzinfo=timezone.utc).timestamp()
HAIKU = "anthropic/claude-haiku-4.5"
MINI = "openai/gpt-4o-mini"


@pytest.fixture
def client(emulate: Callable[..., Client]) -> Client:
    return emulate(clock=lambda: NOON)


@pytest.fixture
def em(client: Client) -> Emulator:
    return client.emulator


@pytest.fixture
def key(manager: Any) -> Any:
    return manager.api_keys.create(name="Assigned")


@pytest.fixture
def hold(manager: Any, key: Any) -> Callable[..., Any]:
    """Put the key under a guardrail of its own."""

    def hold(**fields: Any) -> Any:
        made = manager.guardrails.create(name="Rule", **fields).data
        manager.guardrails.bulk_assign_keys(id=made.id, key_hashes=[key.data.hash])
        return made

    return hold


@pytest.fixture
def ask(client: Client, key: Any) -> Callable[..., Any]:
    def ask(prompt: Any = "Hello", **body: Any) -> Any:
        return client.chat(prompt, headers={"Authorization": f"Bearer {key.key}"}, **body)

    return ask


def words(reply: Any) -> str:
    return str(reply.json["error"]["message"])


def test_made_changed_listed_and_removed(manager: Any) -> None:
    made = manager.guardrails.create(
        name="Rule",
        description="For tests",
        limit_usd=100,
        reset_interval="monthly",
        allowed_models=[HAIKU],
        allowed_providers=["anthropic"],
        enforce_zdr=True,
    ).data
    # Models are kept by their dated slug, and one switch sets the five.
    assert made.allowed_models == ["anthropic/claude-4.5-haiku-20251001"]
    assert made.enforce_zdr_openai is made.enforce_zdr_xai is True
    changed = manager.guardrails.update(id=made.id, limit_usd=150, enforce_zdr_openai=False).data
    assert (changed.limit_usd, changed.reset_interval) == (150, "monthly")
    assert (changed.enforce_zdr_openai, changed.enforce_zdr_other) == (False, True)
    assert manager.guardrails.get(id=made.id).data == changed
    assert manager.guardrails.list().result.total_count == 1
    manager.guardrails.delete(id=made.id)
    assert manager.guardrails.list().result.data == []
    with pytest.raises(errors.NotFoundResponseError):
        manager.guardrails.get(id=made.id)


def test_keys_are_assigned_and_set_free(manager: Any, key: Any, hold: Any) -> None:
    first = hold()
    second = manager.guardrails.create(name="Another").data
    count = manager.guardrails.bulk_assign_keys(id=second.id, key_hashes=[key.data.hash])
    assert count.assigned_count == 1
    # A key has one guardrail at most.
    assert manager.guardrails.list_guardrail_key_assignments(id=first.id).result.total_count == 0
    (found,) = manager.guardrails.list_key_assignments().result.data
    assert (found.guardrail_id, found.key_hash) == (second.id, key.data.hash)
    assert found.key_name == "Assigned"
    freed = manager.guardrails.bulk_unassign_keys(id=second.id, key_hashes=[key.data.hash])
    assert freed.unassigned_count == 1
    assert manager.guardrails.list_key_assignments().result.data == []
    with pytest.raises(errors.NotFoundResponseError, match="API key not found"):
        manager.guardrails.bulk_assign_keys(id=second.id, key_hashes=["0" * 64])


def test_members_are_assigned_and_set_free(manager: Any) -> None:
    rule = manager.guardrails.create(name="Rule").data
    users = ["user_1", "user_2"]
    made = manager.guardrails.bulk_assign_members(id=rule.id, member_user_ids=users)
    assert made.assigned_count == 2
    listed = manager.guardrails.list_guardrail_member_assignments(id=rule.id).result.data
    assert [one.user_id for one in listed] == users
    manager.guardrails.bulk_unassign_members(id=rule.id, member_user_ids=["user_1"])
    (left,) = manager.guardrails.list_member_assignments().result.data
    assert left.user_id == "user_2"
    manager.guardrails.delete(id=rule.id)
    assert manager.guardrails.list_member_assignments().result.data == []


def test_one_that_is_not_assigned_holds_nobody(manager: Any, ask: Any) -> None:
    manager.guardrails.create(name="Rule", allowed_models=[HAIKU])
    assert ask().status == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"allowed_models": [HAIKU]},
        {"ignored_models": [MINI]},
        {"allowed_providers": ["anthropic"]},
        {"ignored_providers": ["openai", "azure"]},
    ],
)
def test_models_and_providers(ask: Any, hold: Any, fields: dict[str, Any]) -> None:
    hold(**fields)
    reply = ask()
    assert reply.status == 404
    assert words(reply) == (
        "No endpoints available matching your guardrail restrictions and data policy. "
        "Configure: https://openrouter.ai/settings/privacy"
    )
    assert ask(model=HAIKU).status == 200


def test_what_is_left_of_the_providers_serves(ask: Any, hold: Any) -> None:
    hold(ignored_providers=["openai"])
    assert ask().json["provider"] == "Azure"


def test_an_allowed_model_is_tried_next(ask: Any, hold: Any) -> None:
    hold(allowed_models=[HAIKU])
    assert ask(models=[HAIKU]).json["model"].startswith("anthropic/")


def test_zero_data_retention_by_group(ask: Any, hold: Any) -> None:
    hold(enforce_zdr_anthropic=True)
    assert ask(model=HAIKU, provider={"only": ["anthropic"]}).status == 404
    assert ask(model=HAIKU).json["provider"] == "Amazon Bedrock"
    assert ask(provider={"only": ["openai"]}).status == 200


def test_training_on_prompts(ask: Any, hold: Any) -> None:
    hold(enable_free_model_training=False)
    assert ask(model="openai/gpt-oss-20b:free").status == 404
    assert ask(model="meta-llama/llama-3.3-70b-instruct:free").status == 200


def test_requests_have_a_data_policy_too(client: Client) -> None:
    reply = client.chat(model="perplexity/sonar", provider={"zdr": True})
    assert words(reply).startswith("No endpoints found matching your data policy (Zero data")
    reply = client.chat(model="minimax/minimax-m2:free", provider={"data_collection": "deny"})
    assert words(reply).startswith("No endpoints found matching your data policy (Free model")
    reply = client.chat(provider={"zdr": True, "data_collection": "deny"})
    assert reply.json["provider"] == "Azure"


def test_a_budget_is_held_until_it_resets(manager: Any, em: Emulator, ask: Any, hold: Any) -> None:
    price = ask(max_tokens=9).json["usage"]["cost"]
    rule = hold(limit_usd=2 * price, reset_interval="daily")
    assert [ask(max_tokens=9).status for _ in range(2)] == [200, 403]
    error = ask(max_tokens=9).json["error"]
    assert "Guardrail budget exceeded (daily limit)" in error["message"]
    assert error["metadata"] == {
        "limit_source": "openrouter_guardrail_budget",
        "scope": "api_key",
        "limit_usd": 2 * price,
        "spend_usd": 2 * price,
        "resets_at": "2026-04-30T00:00:00.000Z",
    }
    em.advance(hours=12)
    assert ask(max_tokens=9).status == 200
    manager.guardrails.update(id=rule.id, limit_usd=0)
    assert ask(max_tokens=9).status == 403


def test_the_current_key_tells_its_budgets(em: Emulator, key: Any, hold: Any) -> None:
    rule = hold(limit_usd=1, reset_interval="weekly")
    own = openrouter.OpenRouter(api_key=key.key, server_url=em.base_url)
    current = own.api_keys.get_current_key_metadata().data
    assert current.effective_budget == current.budgets[0]
    first = current.effective_budget
    assert (first.guardrail_id, first.scope) == (rule.id, "api_key")


def test_a_members_budget_counts_all_of_their_keys(
    client: Client, manager: Any, key: Any, ask: Any
) -> None:
    own = manager.api_keys.create(name="Second")
    price = client.chat(max_tokens=9, headers={"Authorization": f"Bearer {own.key}"}).json["usage"]
    rule = manager.guardrails.create(
        name="Rule", limit_usd=price["cost"], reset_interval="monthly"
    ).data
    owner = key.data.creator_user_id
    manager.guardrails.bulk_assign_members(id=rule.id, member_user_ids=[owner])
    reply = ask(max_tokens=9)
    assert reply.status == 403
    assert reply.json["error"]["metadata"]["scope"] == "member"


def test_other_endpoints_are_held_too(client: Client, key: Any, hold: Any) -> None:
    hold(allowed_providers=["anthropic"])
    body = {"model": "openai/text-embedding-3-small", "input": "one"}
    reply = client.send("POST", "/embeddings", body, Authorization=f"Bearer {key.key}")
    assert reply.status == 404


def test_patterns_block_and_redact(ask: Any, hold: Any) -> None:
    hold(
        content_filters=[
            {"pattern": "secret-\\d+", "action": "block"},
            {"pattern": "ACME", "action": "redact", "label": "NAME"},
        ]
    )
    reply = ask("This is secret-42")
    assert reply.status == 403
    assert reply.json["error"]["metadata"] == {"patterns": ["secret-\\d+"]}
    parts = [{"type": "text", "text": "Tell me about ACME"}]
    for prompt in ("Tell me about ACME", [{"role": "user", "content": parts}]):
        said = ask(prompt).message["content"]
        assert "[NAME]" in said
        assert "ACME" not in said


def test_a_region_that_is_not_here(ask: Any, hold: Any) -> None:
    hold(allowed_data_regions=["europe"])
    assert ask().status == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"name": "x", "limit_usd": 5}, 400),
        ({"name": "x", "reset_interval": "hourly", "limit_usd": 5}, 400),
        ({"name": "x", "allowed_models": ["nobody/nothing"]}, 400),
        ({"name": "x", "allowed_models": "openai/gpt-4o"}, 400),
        ({"name": "x", "allowed_data_regions": []}, 400),
        ({"name": "x", "content_filters": [{"pattern": "(", "action": "block"}]}, 400),
        ({"name": "x", "content_filters": ["("]}, 400),
        ({"name": "x", "content_filter_builtins": [{"slug": "email", "action": "block"}]}, 501),
    ],
)
def test_bad_guardrails_are_refused(client: Client, body: dict[str, Any], status: int) -> None:
    assert client.manage("POST", "/guardrails", body).status == status
    assert client.manage("GET", "/guardrails").json["data"] == []


def test_an_inference_key_sees_none(client: Client) -> None:
    assert words(client.get("/guardrails")) == "Invalid management key"
