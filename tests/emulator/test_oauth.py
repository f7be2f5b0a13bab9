"""Signing in: one-time codes, PKCE checked, the state kept; the official SDK exchanges them."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator

    from .conftest import Client

errors = pytest.importorskip("openrouter.errors")

CALLBACK = "http://localhost:3000/callback?state=abc%20d&empty="
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode()[:-1]


def sign_in(emulator: Emulator, **asked: str) -> httpx.Response:
    root = emulator.base_url.removesuffix("/api/v1")
    return httpx.get(f"{root}/auth", params=asked, follow_redirects=False)


def code_of(answer: httpx.Response) -> str:
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


def agree(emulator: Emulator, **asked: str) -> str:
    return code_of(sign_in(emulator, callback_url=CALLBACK, **asked))


@pytest.mark.parametrize(("method", "challenge"), [("S256", CHALLENGE), ("plain", VERIFIER)])
def test_a_code_becomes_a_key_that_calls_models(
    emulator: Emulator, client: Client, sdk: Any, method: str, challenge: str
) -> None:
    code = agree(emulator, code_challenge=challenge, code_challenge_method=method)
    made = sdk.o_auth.exchange_auth_code_for_api_key(
        code=code, code_verifier=VERIFIER, code_challenge_method=method
    )
    assert made.user_id.startswith("user_")
    assert client.chat(headers={"Authorization": f"Bearer {made.key}"}).status == 200


def test_the_callback_keeps_its_own_parameters(emulator: Emulator) -> None:
    answer = sign_in(emulator, callback_url=CALLBACK)
    assert answer.status_code == 302
    target = urlsplit(answer.headers["location"])
    assert (target.netloc, target.path) == ("localhost:3000", "/callback")
    query = parse_qs(target.query, keep_blank_values=True)
    assert (query["state"], query["empty"]) == (["abc d"], [""])
    assert set(query) == {"state", "empty", "code"}


def test_without_a_challenge_the_code_is_enough(emulator: Emulator, sdk: Any) -> None:
    assert sdk.o_auth.exchange_auth_code_for_api_key(code=agree(emulator)).key


def test_without_a_callback_the_page_shows_the_code(emulator: Emulator, sdk: Any) -> None:
    shown = sign_in(emulator, code_challenge=CHALLENGE, code_challenge_method="S256").text
    code = shown.partition("<code>")[2].partition("</code>")[0]
    assert sdk.o_auth.exchange_auth_code_for_api_key(code=code, code_verifier=VERIFIER).key
    assert sign_in(emulator).status_code == 400


def test_a_code_is_good_once(emulator: Emulator, sdk: Any) -> None:
    code = agree(emulator)
    sdk.o_auth.exchange_auth_code_for_api_key(code=code)
    with pytest.raises(errors.ForbiddenResponseError, match="Invalid code or code_verifier"):
        sdk.o_auth.exchange_auth_code_for_api_key(code=code)


def test_a_code_expires_after_ten_minutes(emulator: Emulator, sdk: Any) -> None:
    early, late = agree(emulator), agree(emulator)
    emulator.advance(minutes=9)
    sdk.o_auth.exchange_auth_code_for_api_key(code=early)
    emulator.advance(minutes=1)
    with pytest.raises(errors.ForbiddenResponseError, match="Authorization code expired"):
        sdk.o_auth.exchange_auth_code_for_api_key(code=late)


@pytest.mark.parametrize("verifier", [None, "another", CHALLENGE])
def test_a_wrong_verifier_is_refused(emulator: Emulator, sdk: Any, verifier: str | None) -> None:
    code = agree(emulator, code_challenge=CHALLENGE, code_challenge_method="S256")
    with pytest.raises(errors.ForbiddenResponseError, match="Invalid code or code_verifier"):
        sdk.o_auth.exchange_auth_code_for_api_key(code=code, code_verifier=verifier)
    # Who has the right one can still come.
    assert sdk.o_auth.exchange_auth_code_for_api_key(code=code, code_verifier=VERIFIER).key


@pytest.mark.parametrize("method", ["plain", "MD5"])
def test_another_method_is_refused(emulator: Emulator, client: Client, method: str) -> None:
    code = agree(emulator, code_challenge=CHALLENGE, code_challenge_method="S256")
    body = {"code": code, "code_verifier": VERIFIER, "code_challenge_method": method}
    reply = client.send("POST", "/auth/keys", body)
    assert reply.status == 400
    assert reply.json["error"]["message"] == "Invalid code_challenge_method"


def test_the_exchange_is_a_post_and_needs_no_key(client: Client) -> None:
    assert client.get("/auth/keys").status == 405
    reply = client.send("POST", "/auth/keys", {"code": "made up"}, Authorization="")
    assert reply.status == 403


@pytest.mark.parametrize(
    "callback", ["http://example.com/callback", "localhost:3000", "ftp://localhost/x", "https://"]
)
def test_callbacks_lead_to_https_or_to_this_machine(emulator: Emulator, callback: str) -> None:
    answer = sign_in(emulator, callback_url=callback)
    assert answer.status_code == 400
    assert "callback_url" in answer.json()["error"]["message"]
    assert sign_in(emulator, callback_url="https://example.com/x").status_code == 302


def test_the_key_has_the_limit_and_label_that_were_asked_for(sdk: Any, manager: Any) -> None:
    made = sdk.o_auth.create_auth_code(
        callback_url="https://example.com/x",
        code_challenge=CHALLENGE,
        code_challenge_method="S256",
        key_label="My app",
        limit=3,
        usage_limit_type="weekly",
    ).data
    assert made.created_at
    sdk.o_auth.exchange_auth_code_for_api_key(code=made.id, code_verifier=VERIFIER)
    key = manager.api_keys.list().data[0]
    assert (key.name, key.limit, key.limit_reset) == ("My app", 3, "weekly")


def test_the_pages_limit_is_the_keys(emulator: Emulator, client: Client) -> None:
    code = agree(emulator, limit="0.5")
    client.send("POST", "/auth/keys", {"code": code})
    listed = client.manage("GET", "/keys").json["data"][0]
    assert (listed["name"], listed["limit"]) == ("localhost:3000", 0.5)
    assert sign_in(emulator, callback_url=CALLBACK, limit="much").status_code == 400
