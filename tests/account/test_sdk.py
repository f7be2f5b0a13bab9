"""`account.client()`: the official SDK on our key, address, attribution and timeouts."""

from __future__ import annotations

import logging
import re
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import litellm
import openrouter
import pytest
from openrouter import errors
from openrouter.utils import BackoffStrategy, RetryConfig

import openrouter_adapter
from openrouter_adapter import account, installing
from tests.support.loopback import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.emulator import Emulator
    from tests.support.loopback import Loopback

QUESTION: list[Any] = [{"role": "user", "content": "Name three birds."}]
MODEL = "openai/gpt-4o-mini"


def test_it_is_the_sdk_s_own_class(client: openrouter.OpenRouter) -> None:
    assert type(client) is openrouter.OpenRouter


def exchange(loopback: Loopback, **options: Any) -> Any:
    with account.client(base_url=loopback.base_url, **options) as client:
        return client.o_auth.exchange_auth_code_for_api_key(code="c")


def test_it_has_our_key_and_attribution(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OR_API_KEY", "sk-or-v1-second")
    loopback.replies({"key": "sk-or-v1-new", "user_id": None})
    openrouter_adapter.register(app_url="https://ours.example", app_title="Ours")
    try:
        assert exchange(loopback).key == "sk-or-v1-new"
    finally:
        openrouter_adapter.unregister()
    assert loopback.headers["authorization"] == "Bearer sk-or-v1-second"
    assert loopback.headers["http-referer"] == "https://ours.example"
    assert loopback.headers["x-openrouter-title"] == "Ours"


def test_an_argument_goes_over_the_settings(emulator: Emulator) -> None:
    wrong = account.client(api_key="sk-or-v1-wrong")
    with wrong as client, pytest.raises(errors.UnauthorizedResponseError):
        client.api_keys.get_current_key_metadata()
    with account.client(base_url=emulator.base_url + "/") as client:
        assert client.api_keys.get_current_key_metadata().data.label


def test_a_rotated_key_is_used_by_the_next_request(
    client: openrouter.OpenRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.api_keys.get_current_key_metadata().data.label
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-rotated")
    with pytest.raises(errors.UnauthorizedResponseError):
        client.api_keys.get_current_key_metadata()


@pytest.mark.parametrize(
    ("provisioning", "variable"),
    [(False, "OPENROUTER_API_KEY"), (True, "OPENROUTER_PROVISIONING_KEY")],
)
def test_without_a_key_nothing_is_sent(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, provisioning: bool, variable: str
) -> None:
    monkeypatch.delenv(variable)
    made = account.client(provisioning=provisioning)
    with made as client, pytest.raises(litellm.AuthenticationError, match=variable):
        client.api_keys.list()
    assert emulator.requests == []


def test_the_sdk_s_exceptions_are_left_as_they_are(client: openrouter.OpenRouter) -> None:
    with pytest.raises(errors.OpenRouterError) as caught:
        client.api_keys.list()
    assert caught.value.status_code == 401


def test_a_key_that_may_not_manage_is_told_which_may(client: openrouter.OpenRouter) -> None:
    with pytest.raises(litellm.AuthenticationError) as caught, account.litellm_errors():
        client.api_keys.list()
    assert "OPENROUTER_PROVISIONING_KEY" in str(caught.value)
    assert isinstance(caught.value.__cause__, errors.OpenRouterError)


def test_a_provisioning_key_calls_no_models(manager: openrouter.OpenRouter) -> None:
    with pytest.raises(litellm.PermissionDeniedError), account.litellm_errors():
        manager.chat.send(model=MODEL, messages=QUESTION)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (404, b'{"error": {"code": 404, "message": "no such key"}}', litellm.NotFoundError),
        (429, b'{"error": {"code": 429, "message": "slow"}}', litellm.RateLimitError),
        (500, b"<html>down</html>", litellm.InternalServerError),
        (200, b'{"data": 1}', litellm.ServiceUnavailableError),
        (200, b"not json", litellm.ServiceUnavailableError),
    ],
)
def test_failures_become_litellm_s_and_are_tried_once(
    loopback: Loopback, status: int, body: bytes, expected: type[Exception]
) -> None:
    loopback.replies(body, status)
    with pytest.raises(expected), account.litellm_errors():
        exchange(loopback, api_key="sk-or-v1-x")
    assert len(loopback.requests) == 1


def test_the_sdk_s_retries_are_there_for_who_wants_them(loopback: Loopback) -> None:
    loopback.replies_in_turn(
        Reply({"error": {"code": 503, "message": "no"}}, 503),
        Reply({"key": "sk-or-v1-new", "user_id": None}),
    )
    backoff = BackoffStrategy(1, 1, 1.0, 60_000, jitter_ms=0)
    retries = RetryConfig("backoff", backoff, retry_connection_errors=True)
    assert exchange(loopback, api_key="sk-or-v1-x", retry_config=retries).key == "sk-or-v1-new"
    assert len(loopback.requests) == 2


def test_who_is_not_there_is_litellm_s_exception_too() -> None:
    made = account.client(base_url="http://127.0.0.1:9/api/v1", api_key="sk-or-v1-x")
    with pytest.raises(litellm.APIConnectionError), account.litellm_errors(), made as client:
        client.credits.get_credits()


def test_it_closes_what_it_made_and_leaves_the_caller_s_open(emulator: Emulator) -> None:
    with account.client() as client:
        made = client.sdk_configuration.client
    assert isinstance(made, httpx.Client)
    assert made.is_closed
    with httpx.Client() as own:
        with account.client(client=own) as client:
            client.api_keys.get_current_key_metadata()
        assert not own.is_closed
    assert len(emulator.requests) == 1


async def test_its_asynchronous_half(emulator: Emulator) -> None:
    async with account.client() as client:
        made = client.sdk_configuration.async_client
        answer = await client.chat.send_async(model=MODEL, messages=QUESTION)
        key = await client.api_keys.get_current_key_metadata_async()
    assert answer.choices[0].message.content
    assert key.data.usage == float(emulator.bill()[0].cost)
    assert isinstance(made, httpx.AsyncClient)
    assert made.is_closed


def test_tls_and_timeout_are_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litellm, "ssl_verify", False)
    with account.client(timeout=7) as client:
        made: Any = client.sdk_configuration.client
        assert made.timeout == httpx.Timeout(7)
        assert made._transport._pool._ssl_context.verify_mode is ssl.CERT_NONE
    monkeypatch.setattr(litellm, "ssl_verify", True)
    with account.client() as client:
        made = client.sdk_configuration.client
        assert made.timeout == httpx.Timeout(600, connect=10)
        assert made._transport._pool._ssl_context.verify_mode is ssl.CERT_REQUIRED


def test_the_environment_s_proxy_is_used(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", loopback.base_url.removesuffix("/api/v1"))
    loopback.replies({"key": "sk-or-v1-new", "user_id": None})
    base_url = "http://openrouter.invalid/api/v1"
    with account.client(base_url=base_url, api_key="sk-or-v1-x") as client:
        client.o_auth.exchange_auth_code_for_api_key(code="c")
    assert [one.path for one in loopback.requests] == [f"{base_url}/auth/keys"]


def test_debugging_shows_its_requests_and_neither_key_nor_prompt(
    emulator: Emulator, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With the variable set, the SDK by itself would log both.
    monkeypatch.setenv("OPENROUTER_DEBUG", "true")
    caplog.set_level(logging.DEBUG)
    with account.client() as client:
        client.chat.send(model=MODEL, messages=QUESTION)
    [line] = [one for one in caplog.records if one.name == "openrouter_adapter"]
    assert f"POST {emulator.base_url}/chat/completions status=200 generation=gen-" in line.message
    assert emulator.api_key not in caplog.text
    assert "three birds" not in caplog.text


@pytest.mark.parametrize("call", [account.client, account.login])
def test_without_the_extra_a_sentence_says_what_to_install(
    call: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openrouter", None)
    with pytest.raises(ImportError, match=re.escape(installing.command("account"))):
        call()


def test_the_package_imports_neither_sdk_nor_keyring() -> None:
    program = (
        "import os, sys; os.environ['LITELLM_LOCAL_MODEL_COST_MAP'] = 'True'\n"
        "import openrouter_adapter; openrouter_adapter.register()\n"
        "from openrouter_adapter import account\n"
        "from openrouter_adapter.wire import connection\n"
        "assert connection.api_key(None) == 'sk-or-v1-x'\n"
        "assert not {'openrouter', 'keyring'} & set(sys.modules)\n"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program],
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
        env={"OPENROUTER_API_KEY": "sk-or-v1-x", "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
