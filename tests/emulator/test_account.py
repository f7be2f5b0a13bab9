"""The rest of the account: presets, provider keys, members, feedback."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Client

openrouter = pytest.importorskip("openrouter")
errors = pytest.importorskip("openrouter.errors")

HELLO = [{"role": "user", "content": "Hello"}]


class TestPresets:
    def test_made_from_a_chat_and_used(self, sdk: Any, client: Client) -> None:
        made = sdk.presets.create_presets_chat_completions(
            slug="short",
            model="openai/gpt-4o",
            max_tokens=3,
            messages=[{"role": "system", "content": "Be short."}, *HELLO],
        ).data
        version = made.designated_version
        assert (version.version, version.system_prompt) == (1, "Be short.")
        assert version.config == {"model": "openai/gpt-4o", "max_tokens": 3}
        reply = client.chat(model="@preset/short")
        assert reply.json["model"] == "openai/gpt-4o"
        assert reply.json["usage"]["completion_tokens"] == 3

    def test_the_latest_version_is_in_use(self, sdk: Any, client: Client, emulator: Any) -> None:
        for model in ("openai/gpt-4o", "openai/gpt-4o-mini"):
            sdk.presets.create_presets_responses(
                slug="mine", model=model, input="Hello", instructions="Be kind."
            )
            emulator.advance(seconds=1)
        assert client.chat(model="@preset/mine").json["model"] == "openai/gpt-4o-mini"
        versions = sdk.presets.list_versions(slug="mine").result.data
        assert [version.version for version in versions] == [2, 1]
        first = sdk.presets.get_version(slug="mine", version="1").data
        assert first.config["model"] == "openai/gpt-4o"
        assert first.system_prompt == "Be kind."

    def test_from_a_message(self, sdk: Any) -> None:
        made = sdk.presets.create_presets_messages(
            slug="claude",
            model="anthropic/claude-haiku-4.5",
            messages=HELLO,
            max_tokens=5,
            system="Be brief.",
        ).data
        assert made.designated_version.system_prompt == "Be brief."

    def test_those_of_the_options_are_listed(self, emulate: Callable[..., Client]) -> None:
        presets = {"a": {"model": "openai/gpt-4o"}, "b": {"system_prompt": "Hi"}}
        em = emulate(presets=presets).emulator
        sdk = openrouter.OpenRouter(api_key=em.api_key, server_url=em.base_url)
        listed = sdk.presets.list().result
        assert {preset.slug for preset in listed.data} == {"a", "b"}
        assert sdk.presets.get(slug="b").data.designated_version.system_prompt == "Hi"

    def test_what_is_not_there(self, sdk: Any, client: Client) -> None:
        with pytest.raises(errors.NotFoundResponseError):
            sdk.presets.get(slug="nothing")
        assert client.get("/presets/nothing/versions/1").status == 404
        assert client.send("POST", "/presets/Not%20a%20slug/chat/completions", {}).status == 400


class TestProviderKeys:
    def test_what_they_serve_costs_a_fee(self, manager: Any, client: Client) -> None:
        made = manager.byok.create(provider="openai", key="sk-secret-1234", name="Ours").data
        assert made.label == "sk-...1234"
        assert client.chat().json["usage"]["is_byok"]
        assert not client.chat(model="anthropic/claude-haiku-4.5").json["usage"]["is_byok"]
        assert "sk-secret-1234" not in manager.byok.list().result.model_dump_json()

    def test_they_are_changed_and_forgotten(self, manager: Any, client: Client) -> None:
        made = manager.byok.create(provider="openai", key="sk-secret-1234").data
        off = manager.byok.update(id=made.id, disabled=True).data
        assert off.disabled
        assert not client.chat().json["usage"]["is_byok"]
        manager.byok.update(id=made.id, disabled=False, allowed_models=["openai/gpt-4o"])
        assert not client.chat().json["usage"]["is_byok"]
        assert client.chat(model="openai/gpt-4o").json["usage"]["is_byok"]
        assert manager.byok.get(id=made.id).data.allowed_models == ["openai/gpt-4o"]
        manager.byok.delete(id=made.id)
        assert manager.byok.list().result.total_count == 0
        with pytest.raises(errors.NotFoundResponseError):
            manager.byok.get(id=made.id)

    def test_some_of_the_accounts_keys_only(self, manager: Any, client: Client) -> None:
        other = manager.api_keys.create(name="Other")
        manager.byok.create(
            provider="openai", key="sk-secret-1234", allowed_api_key_hashes=[other.data.hash]
        )
        assert not client.chat().json["usage"]["is_byok"]
        headers = {"Authorization": f"Bearer {other.key}"}
        assert client.chat(headers=headers).json["usage"]["is_byok"]

    def test_bad_ones_are_refused(self, client: Client) -> None:
        bodies: list[dict[str, Any]] = [
            {},
            {"provider": "openai"},
            {"provider": "openai", "key": "x", "is_fallback": True, "is_byok_only": True},
        ]
        for body in bodies:
            assert client.manage("POST", "/byok", body).status == 400


class TestOrganization:
    def test_its_members_are_the_owners_of_its_keys(self, manager: Any) -> None:
        manager.api_keys.create(name="Theirs", creator_user_id="user_2")
        members = manager.organization.list_members().result
        assert [member.role for member in members.data] == ["org:admin", "org:member"]
        assert members.data[1].id == "user_2"


class TestGenerations:
    def test_feedback_is_taken(self, manager: Any, client: Client) -> None:
        made = client.chat().json["id"]
        taken = manager.generations.submit_feedback(generation_id=made, category="latency")
        assert taken.model_dump(by_alias=True)["data"]["success"]
        with pytest.raises(errors.NotFoundResponseError):
            manager.generations.submit_feedback(generation_id="gen-1-x", category="latency")

    def test_prompts_are_not_stored(self, sdk: Any, client: Client) -> None:
        made = client.chat().json["id"]
        with pytest.raises(errors.NotFoundResponseError, match="was not stored"):
            sdk.generations.list_generation_content(id=made)


def sdk_paths() -> list[tuple[str, str]]:
    """Every method and path that the official SDK asks for, with made-up names in it."""
    found: set[tuple[str, str]] = set()
    asks = re.compile(r'method="(\w+)",\s+path="([^"]+)"')
    for module in Path(openrouter.__file__).parent.glob("*.py"):
        found |= set(asks.findall(module.read_text(encoding="utf-8")))
    return sorted((method, re.sub(r"\{\w+\}", "made-up", path)) for method, path in found)


def honest(reply: Any) -> bool:
    """Tell whether an answer is one, a refusal of its own, or says that it isn't emulated."""
    if reply.status in {405, 500}:
        return False
    words = reply.json["error"]["message"] if reply.status in {404, 501} else ""
    unknown = words.startswith("Not Found:")
    return not unknown and (reply.status == 501) == words.startswith("The emulator does not")


def test_every_path_of_the_sdk_is_answered_or_said_not_to_be_emulated(client: Client) -> None:
    asked = sdk_paths()
    assert len(asked) > 100
    for method, path in asked:
        body: dict[str, Any] | None = {} if method in {"POST", "PUT", "PATCH"} else None
        for send in (client.manage, client.send):
            reply = send(method, path, body)
            assert honest(reply), (method, path, reply.text)
