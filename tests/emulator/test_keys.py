"""Keys are managed with the provisioning key, and limited; the official SDK is the client."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.emulator import Emulator

    from .conftest import Client

openrouter = pytest.importorskip("openrouter")
errors = pytest.importorskip("openrouter.errors")

MESSAGES = [{"role": "user", "content": "What is the capital of France?"}]
# A Wednesday, the last one of its month.
WEDNESDAY = datetime(2026, 4, 29, 12, tzinfo=timezone.utc).timestamp()


@pytest.fixture
def client(emulate: Callable[..., Client]) -> Client:
    return emulate(clock=lambda: WEDNESDAY)


@pytest.fixture
def em(client: Client) -> Emulator:
    return client.emulator


def caller(em: Emulator, key: str) -> Any:
    return openrouter.OpenRouter(api_key=key, server_url=em.base_url)


def ask(em: Emulator, key: str, **options: Any) -> Any:
    options = {"model": "openai/gpt-4o-mini", "messages": MESSAGES, "max_tokens": 16, **options}
    return caller(em, key).chat.send(**options)


def test_a_key_is_made_and_calls_models(manager: Any, em: Emulator) -> None:
    made = manager.api_keys.create(name="Mine", limit=5, limit_reset="monthly")
    assert made.key.startswith("sk-or-v1-")
    assert (made.data.name, made.data.limit, made.data.limit_reset) == ("Mine", 5, "monthly")
    answered = ask(em, made.key)
    kept = manager.api_keys.get(hash=made.data.hash).data
    assert kept.usage == kept.usage_daily == answered.usage.cost
    assert kept.limit_remaining == float(5 - Decimal(repr(answered.usage.cost)))
    assert kept.last_used_at is not None
    assert em.bill()[0].key_hash == made.data.hash


def test_the_secret_is_told_once(manager: Any) -> None:
    made = manager.api_keys.create(name="Mine")
    kept = manager.api_keys.get(hash=made.data.hash)
    assert made.key not in kept.model_dump_json()
    assert kept.data.label == f"{made.key[:12]}...{made.key[-3:]}"


def test_the_list_has_pages_of_a_hundred_the_newest_first(manager: Any) -> None:
    for number in range(102):
        manager.api_keys.create(name=f"Key {number}")
    first, second = manager.api_keys.list().data, manager.api_keys.list(offset=100).data
    assert len(first) == 100
    assert first[0].name == "Key 101"
    assert [key.name for key in second] == ["Key 1", "Key 0", "Emulator"]


def test_disabled_and_expired_keys_are_listed_when_asked_for(manager: Any, em: Emulator) -> None:
    soon = datetime.fromtimestamp(WEDNESDAY + 60, timezone.utc)
    short = manager.api_keys.create(name="Short", expires_at=soon)
    off = manager.api_keys.create(name="Off")
    manager.api_keys.update(hash=off.data.hash, disabled=True)
    em.advance(minutes=2)
    listed = [
        {key.name for key in manager.api_keys.list(**asked).data}
        for asked in ({}, {"include_disabled": True}, {"include_expired": True})
    ]
    assert listed == [{"Emulator"}, {"Emulator", "Off"}, {"Emulator", "Short"}]
    with pytest.raises(errors.UnauthorizedResponseError, match="API key is disabled"):
        ask(em, off.key)
    with pytest.raises(errors.UnauthorizedResponseError, match="API key has expired"):
        ask(em, short.key)


def test_an_update_changes_what_it_names(manager: Any, em: Emulator) -> None:
    made = manager.api_keys.create(name="Old", limit=1, limit_reset="daily")
    em.advance(seconds=5)
    changed = manager.api_keys.update(hash=made.data.hash, name="New").data
    assert (changed.name, changed.limit, changed.limit_reset) == ("New", 1, "daily")
    assert changed.updated_at > changed.created_at
    assert manager.api_keys.update(hash=made.data.hash, limit=None).data.limit is None


def test_a_deleted_key_is_nobodys(manager: Any, em: Emulator) -> None:
    made = manager.api_keys.create(name="Gone")
    manager.api_keys.delete(hash=made.data.hash)
    with pytest.raises(errors.UnauthorizedResponseError, match="User not found"):
        ask(em, made.key)
    with pytest.raises(errors.NotFoundResponseError):
        manager.api_keys.get(hash=made.data.hash)


@pytest.mark.parametrize(
    ("reset", "within", "after"),
    [
        ("daily", {"hours": 11}, {"hours": 1}),
        ("weekly", {"days": 4}, {"hours": 12}),
        ("monthly", {"days": 1}, {"hours": 12}),
    ],
)
def test_a_limit_is_held_until_its_window_ends(
    manager: Any, em: Emulator, reset: str, within: dict[str, int], after: dict[str, int]
) -> None:
    cost = ask(em, em.api_key, max_tokens=7).usage.cost
    made = manager.api_keys.create(name="Small", limit=cost, limit_reset=reset)
    ask(em, made.key, max_tokens=7)
    em.advance(**within)
    with pytest.raises(errors.ForbiddenResponseError, match=rf"exceeded \({reset} limit\)"):
        ask(em, made.key)
    em.advance(**after)
    ask(em, made.key, max_tokens=7)
    kept = manager.api_keys.get(hash=made.data.hash).data
    assert kept.limit_remaining == 0
    assert kept.usage == pytest.approx(2 * cost)


def test_a_limit_without_a_reset_is_for_ever(manager: Any, em: Emulator) -> None:
    made = manager.api_keys.create(name="None", limit=0)
    em.advance(days=400)
    with pytest.raises(errors.ForbiddenResponseError, match=r"exceeded \(total limit\)"):
        ask(em, made.key)


def test_the_wire_says_which_limit_and_until_when(manager: Any, client: Client) -> None:
    made = manager.api_keys.create(name="None", limit=0, limit_reset="daily")
    reply = client.chat(headers={"Authorization": f"Bearer {made.key}"})
    assert reply.status == reply.json["error"]["code"] == 403
    assert reply.json["error"]["metadata"] == {
        "limit_source": "openrouter_key_limit",
        "scope": "key_limit",
        "limit_usd": 0,
        "spend_usd": 0,
        "resets_at": "2026-04-30T00:00:00.000Z",
    }


def test_more_tokens_than_the_limit_can_pay_are_refused(manager: Any, em: Emulator) -> None:
    made = manager.api_keys.create(name="Small", limit=0.001, limit_reset="monthly")
    with pytest.raises(errors.PaymentRequiredResponseError, match="a higher monthly limit"):
        ask(em, made.key, max_tokens=16_000)
    ask(em, made.key, max_tokens=1_000)


@pytest.mark.parametrize("included", [False, True])
def test_own_provider_keys_count_where_the_limit_says_so(
    emulate: Callable[..., Client], included: bool
) -> None:
    em = emulate(byok={"openai"}).emulator
    manager = caller(em, em.provisioning_key)
    made = manager.api_keys.create(name="Own", limit=1, include_byok_in_limit=included)
    ask(em, made.key)
    row, kept = em.bill()[0], manager.api_keys.get(hash=made.data.hash).data
    assert kept.byok_usage == kept.byok_usage_weekly == float(row.upstream_cost)
    counted = row.cost + row.upstream_cost if included else row.cost
    assert kept.limit_remaining == float(1 - counted)


def test_the_current_key_knows_its_limit(manager: Any, em: Emulator) -> None:
    made = manager.api_keys.create(name="Mine", limit=2, limit_reset="weekly")
    own = caller(em, made.key).api_keys.get_current_key_metadata().data
    assert (own.limit, own.limit_reset, own.is_management_key) == (2, "weekly", False)
    assert own.effective_budget.scope == "key_limit"
    assert own.effective_budget.resets_at.date().isoformat() == "2026-05-04"
    assert manager.api_keys.get_current_key_metadata().data.is_management_key


def test_a_provisioning_key_calls_no_models(em: Emulator) -> None:
    with pytest.raises(errors.ForbiddenResponseError, match="Management keys"):
        ask(em, em.provisioning_key)
    with pytest.raises(errors.ForbiddenResponseError):
        caller(em, em.provisioning_key).embeddings.generate(
            model="openai/text-embedding-3-small", input="one"
        )
    assert not em.bill()


def test_an_inference_key_manages_nothing(em: Emulator) -> None:
    own = caller(em, em.api_key)
    for manage in (own.api_keys.list, lambda: own.api_keys.create(name="More")):
        with pytest.raises(errors.UnauthorizedResponseError, match="Invalid management key"):
            manage()
    with pytest.raises(errors.ForbiddenResponseError, match="fetch credits for an account"):
        own.credits.get_credits()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "name: Invalid input: expected string, received null"),
        ({"name": ""}, "name: Invalid input"),
        ({"name": "x", "limit": "1"}, "limit: Invalid input: expected number, received string"),
        ({"name": "x", "limit": -1}, "limit: Too small"),
        ({"name": "x", "limit_reset": "hourly"}, 'expected one of "daily"|"weekly"|"monthly"'),
        ({"name": "x", "include_byok_in_limit": 1}, "expected boolean, received number"),
        ({"name": "x", "expires_at": "2027-01-01T00:00Z"}, "expires_at: Invalid ISO datetime"),
        ({"name": "x", "expires_at": "soon"}, "expires_at: Invalid ISO datetime"),
        ({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}, "expected a time in the future"),
        ([], "expected object, received array"),
    ],
)
def test_bad_keys_are_refused(client: Client, body: Any, words: str) -> None:
    reply = client.manage("POST", "/keys", body)
    assert reply.status == 400
    assert words in reply.json["error"]["message"]


def test_bad_pages_and_methods_are_refused(client: Client) -> None:
    assert client.manage("GET", "/keys?offset=-1").status == 400
    assert client.manage("GET", "/keys?offset=x").status == 400
    assert client.manage("PUT", "/keys").status == 405
    assert client.manage("GET", "/keys/nobody").json["error"]["message"] == "API key not found"


def test_the_clock_goes_ahead_only(em: Emulator) -> None:
    before = em.now()
    em.advance(days=1)
    assert em.now() - before == 86_400
    with pytest.raises(ValueError, match="only go forward"):
        em.advance(seconds=-1)


def test_the_same_run_makes_the_same_keys(emulate: Callable[..., Client]) -> None:
    made = [emulate().manage("POST", "/keys", {"name": "x"}).json["key"] for _ in range(2)]
    assert made[0] == made[1]
