"""`openrouter-adapter doctor` on keys, credits, addresses, proxies: each fault made real."""

from __future__ import annotations

import socket
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx
import pytest
from typer.testing import CliRunner

import openrouter_adapter
from openrouter_adapter.cli import app
from openrouter_adapter.doctor import installation
from openrouter_adapter.emulator import Emulator
from openrouter_adapter.hooks.table import places
from openrouter_adapter.registration import is_registered
from tests.doctor.asking import KEY, OTHER_KEY, one, report

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.usefixtures("emulator")
def test_where_all_is_well_the_exit_code_is_0() -> None:
    code, found = report()

    assert code == 0
    assert found["ok"] is True
    assert all(one["state"] != "wrong" for one in found["findings"])
    assert one(found, "version", "litellm ")["state"] == "ok"
    assert one(found, "key", "from OPENROUTER_API_KEY")["text"].startswith("sk-or-v1-…cdef")
    assert "has no limit" in one(found, "key", "OpenRouter knows it")["text"]
    assert one(found, "base URL", " responds after ")["state"] == "ok"


@pytest.mark.usefixtures("emulator")
def test_it_prints_what_is_in_each_place_and_leaves_it_as_it_was() -> None:
    _, found = report()

    assert len(found["places"]) == len(places())
    assert all(row["found"] for row in found["places"])
    [chat] = [row for row in found["places"] if row["place"] == "litellm.OpenrouterConfig"]
    assert chat["found"].startswith("litellm.llms.openrouter")
    assert not is_registered()
    assert chat["place"] in CliRunner().invoke(app, ["doctor", "--places"]).output


def test_what_is_registered_is_named_as_ours() -> None:
    with openrouter_adapter.registered():
        named = {row["place"]: row["found"] for row in installation.places()}

    assert named["litellm.OpenrouterConfig"].endswith(".OpenRouterChatConfig")


def test_offline_asks_nobody(emulator: Emulator) -> None:
    code, found = report("--offline")

    assert code == 0
    assert emulator.requests == []
    assert not [one for one in found["findings"] if "responds" in one["text"]]


def test_no_key(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY")

    code, found = report()

    assert code == 1
    assert one(found, "key", "No OpenRouter API key")["advice"].startswith("export OPENROUTER_API")
    assert one(found, "base URL", f"{emulator.base_url} responds after")["state"] == "ok"


@pytest.mark.usefixtures("emulator")
def test_a_revoked_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", OTHER_KEY)

    code, found = report()

    assert code == 1
    assert one(found, "key", "OpenRouter rejects the key")["state"] == "wrong"
    assert "responds after" in one(found, "base URL", "responds")["text"]


@pytest.mark.usefixtures("emulator")
def test_a_key_with_its_quotes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", f'"{KEY}"')

    code, found = report("--offline")

    assert code == 1
    assert one(found, "key", "is in quotes")["state"] == "wrong"


@pytest.mark.usefixtures("emulator")
def test_two_keys_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OR_API_KEY", OTHER_KEY)

    code, found = report()

    assert code == 0
    assert "OPENROUTER_API_KEY is used" in one(found, "key", "contain different keys")["text"]


@pytest.mark.usefixtures("emulator")
def test_the_same_key_twice_is_no_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OR_API_KEY", KEY)

    assert not [one for one in report("--offline")[1]["findings"] if "different" in one["text"]]


def test_no_credits(monkeypatch: pytest.MonkeyPatch) -> None:
    with Emulator(api_key=KEY, credits=Decimal(0)) as running:
        monkeypatch.setenv("OPENROUTER_API_BASE", running.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
        code, found = report()

    assert code == 1
    assert "openrouter.ai/settings/credits" in one(found, "credits", "no credits")["advice"]


def test_a_management_key_calls_no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    with Emulator(provisioning_key=KEY, credits=Decimal(5)) as running:
        monkeypatch.setenv("OPENROUTER_API_BASE", running.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
        code, found = report()

    assert code == 1
    assert one(found, "key", "it is a management key")["state"] == "wrong"
    assert one(found, "credits", "5 of 5 USD are left")["state"] == "ok"


@pytest.mark.parametrize(
    ("limit", "state", "said"),
    [(2.5, "ok", "has 2.5 of 2.5 USD left"), (0, "wrong", "its limit of 0 USD is used up")],
)
def test_the_keys_limit(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, limit: float, state: str, said: str
) -> None:
    made = httpx.post(
        f"{emulator.base_url}/keys",
        headers={"Authorization": "Bearer sk-or-v1-emulator-provisioning"},
        json={"name": "limited", "limit": limit},
    ).json()
    monkeypatch.setenv("OPENROUTER_API_KEY", made["key"])

    _, found = report()

    assert one(found, "key", said)["state"] == state


def test_a_dead_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    monkeypatch.setenv("OPENROUTER_API_BASE", f"http://user:secret@127.0.0.1:{port}/api/v1")
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)

    code, found = report()

    assert code == 1
    assert one(found, "base URL", "was not reached")["advice"].startswith("Check the base URL")


def test_an_address_under_which_there_is_no_api(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_BASE", emulator.base_url.replace("/api/v1", "/web"))

    code, found = report()

    assert code == 1
    assert "ends in /api/v1" in one(found, "base URL", "not as OpenRouter does")["advice"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://openrouter.ai", "under /api/v1, not under /"),
        ("https://openrouter.ai/v1", "under /api/v1, not under /v1"),
        ("http://openrouter.ai/api/v1", "unencrypted"),
        ("openrouter.ai/api/v1", "is not a web address"),
    ],
)
def test_a_wrong_address(monkeypatch: pytest.MonkeyPatch, url: str, said: str) -> None:
    monkeypatch.setenv("OPENROUTER_API_BASE", url)
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)

    code, found = report("--offline")

    assert code == 1
    assert one(found, "base URL", said)["state"] == "wrong"


@pytest.mark.usefixtures("emulator")
def test_proxies_and_certificates_are_told_without_a_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("http_proxy", "http://me:secret@proxy.example:3128")
    monkeypatch.setenv("OPENROUTER_API_BASE", "http://api.example/api/v1")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone.pem"))
    monkeypatch.setenv("SSL_VERIFY", "False")

    code, found = report("--offline")

    assert code == 1
    assert one(found, "proxy", "through http://proxy.example:3128")["state"] == "note"
    assert one(found, "TLS", "gone.pem, which is not a file")["state"] == "wrong"
    assert one(found, "TLS", "certificates are not verified")["state"] == "note"
