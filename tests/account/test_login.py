"""Logging in: a real HTTP client plays the browser, the emulator plays OpenRouter."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx
import litellm
import pytest

from openrouter_adapter import account, api

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.emulator import Emulator


def callback_of(page: str) -> str:
    return parse_qs(urlsplit(page).query)["callback_url"][0]


def agree(page: str) -> None:
    """Do as a person who agrees: follow OpenRouter's page to the callback."""
    answer = httpx.get(page, follow_redirects=True)
    assert (answer.status_code, answer.url.host) == (200, "127.0.0.1")
    assert "You can close this page" in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_who_agrees_gets_a_key_that_calls_models(emulator: Emulator) -> None:
    key = account.login(agree)
    assert key != emulator.api_key
    assert api.get_key(api_key=key)["usage"] == 0


def test_the_page_is_asked_for_with_s256_and_a_state_of_its_own(emulator: Emulator) -> None:
    pages: list[str] = []

    def look(page: str) -> None:
        pages.append(page)
        agree(page)

    account.login(look)
    account.login(look)
    asked = [parse_qs(urlsplit(page).query) for page in pages]
    assert pages[0].startswith(emulator.base_url.removesuffix("/api/v1") + "/auth?")
    assert [one["code_challenge_method"] for one in asked] == [["S256"], ["S256"]]
    assert len(asked[0]["code_challenge"][0]) == 43
    states = [urlsplit(one["callback_url"][0]).path.rpartition("/")[2] for one in asked]
    assert min(map(len, states)) >= 43
    assert states[0] != states[1]
    assert asked[0]["code_challenge"] != asked[1]["code_challenge"]


def test_neither_code_nor_key_of_another_is_sent(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "")
    account.login(agree)
    # The page is asked for before it is shown.
    exchange = emulator.requests[-1]
    assert [one.path for one in emulator.requests] == ["/auth", "/auth", "/auth/keys"]
    assert "authorization" not in {name.lower() for name in exchange.headers}
    assert set(exchange.body) == {"code", "code_verifier", "code_challenge_method"}


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize(
    "spoil",
    [
        lambda callback: callback[:-1] + ("A" if callback[-1] != "A" else "B"),
        lambda callback: callback.rpartition("/")[0],
        lambda callback: f"{callback}/more",
        lambda callback: callback.partition("/callback")[0] + "/",
    ],
)
def test_a_wrong_state_is_turned_away_and_the_right_one_still_counts(
    spoil: Callable[[str], str],
) -> None:
    def browse(page: str) -> None:
        answer = httpx.get(spoil(callback_of(page)), params={"code": "of-somebody-else"})
        assert answer.status_code == 404
        agree(page)

    assert account.login(browse).startswith("sk-or-v1-")


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize("query", ["", "?code=", "?other=1"])
def test_a_callback_without_a_code_is_turned_away_and_the_next_counts(query: str) -> None:
    def browse(page: str) -> None:
        answer = httpx.get(callback_of(page) + query)
        assert (answer.status_code, "no code" in answer.text) == (400, True)
        agree(page)

    assert account.login(browse).startswith("sk-or-v1-")


@pytest.mark.usefixtures("emulator")
def test_who_refuses_ends_the_login() -> None:
    def refuse(page: str) -> None:
        asked = {"error": "access_denied", "error_description": "You said no.\x1b[31m"}
        answer = httpx.get(callback_of(page), params=asked)
        assert "You are not logged in" in answer.text
        assert httpx.get(callback_of(page), params=asked).status_code == 409

    with pytest.raises(account.LoginError, match=r"refused: You said no\. \[31m"):
        account.login(refuse)


@pytest.mark.usefixtures("emulator")
def test_a_second_callback_changes_nothing() -> None:
    def browse(page: str) -> None:
        agree(page)
        answer = httpx.get(callback_of(page), params={"code": "of-somebody-else"})
        assert (answer.status_code, "already ended" in answer.text) == (409, True)

    assert account.login(browse).startswith("sk-or-v1-")


@pytest.mark.usefixtures("emulator")
def test_a_code_that_openrouter_does_not_know_is_its_error() -> None:
    def browse(page: str) -> None:
        assert httpx.get(callback_of(page), params={"code": "made-up"}).status_code == 200

    with pytest.raises(litellm.PermissionDeniedError, match="Invalid code or code_verifier"):
        account.login(browse)


@pytest.mark.usefixtures("emulator")
def test_nobody_in_time_is_an_error_and_the_port_is_free_again() -> None:
    ports: list[int] = []

    def ignore(page: str) -> None:
        ports.append(urlsplit(callback_of(page)).port or 0)

    with pytest.raises(account.LoginError, match=r"The login was not approved within 0\.2 seconds"):
        account.login(ignore, timeout=0.2)
    assert account.login(agree, port=ports[0]).startswith("sk-or-v1-")


@pytest.mark.usefixtures("emulator")
def test_a_port_in_use_is_said_before_a_browser_opens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(account.LoginError, match=rf"Can't listen on 127\.0\.0\.1, port {port}"):
            account.login(lambda _: pytest.fail("a page was opened"), port=port)


@pytest.mark.usefixtures("emulator")
def test_it_listens_on_this_machine_only() -> None:
    def browse(page: str) -> None:
        parts = urlsplit(callback_of(page))
        assert parts.hostname == "127.0.0.1"
        # Every address of 127/8 is this machine's; only the one is listened on.
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", parts.port or 0), timeout=5)
        agree(page)

    assert account.login(browse).startswith("sk-or-v1-")


@pytest.mark.usefixtures("emulator")
def test_who_connects_and_says_nothing_holds_up_nobody() -> None:
    held: list[socket.socket] = []

    def browse(page: str) -> None:
        parts = urlsplit(callback_of(page))
        held.append(socket.create_connection(("127.0.0.1", parts.port or 0)))
        agree(page)

    assert account.login(browse).startswith("sk-or-v1-")
    held[0].close()


@pytest.mark.usefixtures("emulator")
def test_no_thread_is_left_behind() -> None:
    account.login(agree)
    assert not [one for one in threading.enumerate() if one.name == "openrouter-login"]
