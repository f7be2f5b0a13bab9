"""Key, address and attribution: the same rules on every endpoint, synchronous or not."""

from __future__ import annotations

import copy
import ssl
from typing import TYPE_CHECKING, Any

import litellm
import pytest

import openrouter_adapter
from openrouter_adapter.wire import connection, model_names
from tests.conftest import KEY
from tests.support.calls import WAYS, ask

if TYPE_CHECKING:
    from tests.support.loopback import Loopback

EVERY_WAY = pytest.mark.parametrize("way", WAYS)
CHAT_WAYS = pytest.mark.parametrize("way", ["completion", "acompletion", "stream", "astream"])
DEFAULTS = ("https://litellm.ai", "liteLLM")
NOWHERE = "http://127.0.0.1:9/api/v1"


def attribution(server: Loopback) -> tuple[str | None, str | None]:
    """Return the referer and the title that arrived."""
    return server.headers.get("http-referer"), server.headers.get("x-title")


def key_sent(server: Loopback) -> str:
    """Return the key that arrived."""
    return server.headers["authorization"].removeprefix("Bearer ")


# The key.


@EVERY_WAY
def test_an_argument_goes_over_litellms_settings(
    openrouter: Loopback, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litellm, "api_key", "sk-or-general")
    WAYS[way](api_key="sk-or-argument")
    assert key_sent(openrouter) == "sk-or-argument"


@EVERY_WAY
def test_litellms_settings_go_over_the_environment(
    openrouter: Loopback, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litellm, "openrouter_key", "sk-or-setting")
    WAYS[way]()
    assert key_sent(openrouter) == "sk-or-setting"


@EVERY_WAY
def test_the_environments_key(openrouter: Loopback, way: str) -> None:
    WAYS[way]()
    assert key_sent(openrouter) == KEY


@EVERY_WAY
def test_the_environments_second_name(
    openrouter: Loopback, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "")
    monkeypatch.setenv("OR_API_KEY", "sk-or-second")
    WAYS[way]()
    assert key_sent(openrouter) == "sk-or-second"


@EVERY_WAY
def test_an_empty_argument_is_not_given(openrouter: Loopback, way: str) -> None:
    WAYS[way](api_key="")
    assert key_sent(openrouter) == KEY


@EVERY_WAY
@pytest.mark.parametrize("value", [None, ""])
def test_no_key_is_an_error_before_anything_is_sent(
    openrouter: Loopback, way: str, value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY")
    if value is not None:
        monkeypatch.setenv("OPENROUTER_API_KEY", value)
    with pytest.raises(litellm.AuthenticationError) as caught:
        WAYS[way]()
    assert "OPENROUTER_API_KEY" in str(caught.value)
    assert "https://openrouter.ai/keys" in str(caught.value)
    assert openrouter.requests == []


@EVERY_WAY
def test_the_line_break_at_the_end_of_a_secrets_file_is_no_part_of_the_key(
    openrouter: Loopback, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", " \n")
    monkeypatch.setenv("OR_API_KEY", f"{KEY}\n")
    WAYS[way]()
    assert key_sent(openrouter) == KEY


@EVERY_WAY
@pytest.mark.parametrize("odd", ["ключ", " ", "\n", "\x00"])
def test_what_can_be_no_key_is_an_error_before_anything_is_sent(
    openrouter: Loopback, way: str, odd: str
) -> None:
    with pytest.raises(litellm.AuthenticationError, match=r"https://openrouter\.ai/keys") as caught:
        WAYS[way](api_key=f"sk-or-v1-0123456789abcdef{odd}0123456789abcdef")
    assert "0123456789abcdef" not in str(caught.value)
    assert openrouter.requests == []


def test_a_rotated_key_is_used_by_the_next_request(
    openrouter: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask()
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-new")
    ask()
    assert [one.headers["authorization"] for one in openrouter.requests] == [
        f"Bearer {KEY}",
        "Bearer sk-or-new",
    ]


def test_an_authorization_header_of_the_callers_needs_no_key(
    openrouter: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY")
    ask(extra_headers={"authorization": "Bearer sk-or-theirs"})
    assert key_sent(openrouter) == "sk-or-theirs"


# The address.


@EVERY_WAY
def test_an_addresss_argument_goes_over_litellms_setting(
    openrouter: Loopback, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litellm, "api_base", NOWHERE)
    WAYS[way](api_base=openrouter.base_url)
    assert len(openrouter.requests) == 1


@EVERY_WAY
def test_litellms_setting_goes_over_the_environments_address(
    openrouter: Loopback, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_BASE", NOWHERE)
    monkeypatch.setattr(litellm, "api_base", openrouter.base_url)
    WAYS[way]()
    assert len(openrouter.requests) == 1


# LiteLLM's core takes `base_url` for a chat only; of other calls it never tells a provider.
@CHAT_WAYS
def test_base_url_works_as_api_base_does(
    openrouter: Loopback, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_BASE", NOWHERE)
    WAYS[way](base_url=openrouter.base_url)
    assert "base_url" not in openrouter.body


@EVERY_WAY
def test_a_trailing_slash_makes_no_difference(openrouter: Loopback, way: str) -> None:
    WAYS[way](api_base=f"{openrouter.base_url}/")
    (request,) = openrouter.requests
    endpoint = "/embeddings" if "embedding" in way else "/chat/completions"
    assert request.path == f"/api/v1{endpoint}"


@EVERY_WAY
@pytest.mark.parametrize("address", ["openrouter.ai/api/v1", "ftp://openrouter.ai", KEY])
def test_an_address_of_another_kind_is_refused_and_not_shown(
    openrouter: Loopback, way: str, address: str
) -> None:
    with pytest.raises(litellm.BadRequestError, match="must begin with https://") as caught:
        WAYS[way](api_base=address)
    assert address not in str(caught.value)
    assert openrouter.requests == []


def test_an_address_that_names_the_endpoint_stays() -> None:
    url = "https://proxy.example/v1/chat/completions"
    assert connection.endpoint_url(url, "/chat/completions") == url


def test_no_address_is_openrouters(monkeypatch: pytest.MonkeyPatch) -> None:
    assert connection.base_url() == "https://openrouter.ai/api/v1"
    monkeypatch.setenv("OPENROUTER_API_BASE", "")
    assert connection.base_url("") == "https://openrouter.ai/api/v1"


# Attribution: the call's headers, else register()'s, else the variables, else LiteLLM's.


@EVERY_WAY
def test_attribution_defaults_to_litellms(openrouter: Loopback, way: str) -> None:
    WAYS[way]()
    assert attribution(openrouter) == DEFAULTS


@EVERY_WAY
def test_variables_go_over_the_defaults(
    openrouter: Loopback, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OR_SITE_URL", "https://variable.example")
    monkeypatch.setenv("OR_APP_NAME", "Variable")
    WAYS[way]()
    assert attribution(openrouter) == ("https://variable.example", "Variable")


@EVERY_WAY
def test_empty_variables_send_none(
    openrouter: Loopback, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OR_SITE_URL", "")
    monkeypatch.setenv("OR_APP_NAME", "")
    WAYS[way]()
    assert attribution(openrouter) == (None, None)


@EVERY_WAY
def test_register_goes_over_the_variables(
    openrouter: Loopback, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OR_SITE_URL", "https://variable.example")
    monkeypatch.setenv("OR_APP_NAME", "")
    openrouter_adapter.register(app_url="https://ours.example", app_title="Ours")
    WAYS[way]()
    assert attribution(openrouter) == ("https://ours.example", "Ours")


@EVERY_WAY
@pytest.mark.parametrize("given", ["cli-agent,game", ["cli-agent", "game"]], ids=["text", "list"])
def test_the_app_s_categories_are_sent(openrouter: Loopback, way: str, given: Any) -> None:
    openrouter_adapter.register(app_categories=given)
    WAYS[way]()
    assert openrouter.headers["x-openrouter-categories"] == "cli-agent,game"
    openrouter.reset()
    WAYS[way](extra_headers={"X-OpenRouter-Categories": "roleplay"})
    assert openrouter.headers["x-openrouter-categories"] == "roleplay"
    openrouter.reset()
    openrouter_adapter.unregister()
    openrouter_adapter.register()
    WAYS[way]()
    assert "x-openrouter-categories" not in openrouter.headers


def test_categories_that_are_no_header() -> None:
    with pytest.raises(ValueError, match="app_categories"):
        openrouter_adapter.register(app_categories=["spiel\n"])


@EVERY_WAY
def test_the_calls_headers_go_over_register(openrouter: Loopback, way: str) -> None:
    openrouter_adapter.register(app_url="https://ours.example", app_title="Ours")
    WAYS[way](extra_headers={"HTTP-Referer": "https://call.example", "X-Title": "Call"})
    assert attribution(openrouter) == ("https://call.example", "Call")


@EVERY_WAY
def test_header_names_in_another_case_count(openrouter: Loopback, way: str) -> None:
    openrouter_adapter.register(app_url="https://ours.example", app_title="Ours")
    WAYS[way](extra_headers={"http-referer": "https://call.example", "x-title": "Call"})
    assert attribution(openrouter) == ("https://call.example", "Call")


@EVERY_WAY
def test_the_newer_title_header_counts_as_given(openrouter: Loopback, way: str) -> None:
    openrouter_adapter.register(app_title="Ours")
    WAYS[way](extra_headers={"X-OpenRouter-Title": "Call"})
    assert openrouter.headers["x-openrouter-title"] == "Call"
    assert "x-title" not in openrouter.headers


@EVERY_WAY
def test_an_empty_header_of_the_call_sends_none(openrouter: Loopback, way: str) -> None:
    openrouter_adapter.register(app_url="https://ours.example", app_title="Ours")
    WAYS[way](extra_headers={"HTTP-Referer": "", "X-Title": ""})
    assert attribution(openrouter) == (None, None)


@EVERY_WAY
def test_litellms_global_headers_count_as_the_calls(
    openrouter: Loopback, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litellm, "headers", {"X-Title": "Global", "X-Team": "birds"})
    WAYS[way]()
    assert attribution(openrouter) == (DEFAULTS[0], "Global")
    assert openrouter.headers["x-team"] == "birds"


def test_registered_empty_words_send_none(openrouter: Loopback) -> None:
    openrouter_adapter.register(app_url="", app_title="")
    ask()
    assert attribution(openrouter) == (None, None)


# What is in no body.


@EVERY_WAY
def test_neither_headers_nor_key_are_in_a_body(openrouter: Loopback, way: str) -> None:
    headers = {"X-Secret": "do-not-show", "x-anthropic-beta": "context-1m-2025-08-07"}
    WAYS[way](extra_headers=headers, api_key="sk-or-v1-do-not-show-either")
    (request,) = openrouter.requests
    assert request.headers["x-secret"] == "do-not-show"
    assert request.headers["x-anthropic-beta"] == "context-1m-2025-08-07"
    assert b"do-not-show" not in request.raw
    assert b"extra_headers" not in request.raw


@EVERY_WAY
def test_the_callers_headers_are_not_changed(openrouter: Loopback, way: str) -> None:
    headers: dict[str, Any] = {"X-Team": "birds", "X-Title": "Call"}
    before = copy.deepcopy(headers)
    WAYS[way](extra_headers=headers)
    assert headers == before
    assert len(openrouter.requests) == 1


# LiteLLM's core keeps an image's `headers` to itself; `extra_headers` arrive everywhere.
@pytest.mark.parametrize("way", [way for way in WAYS if "image" not in way])
def test_headers_given_as_headers_arrive(openrouter: Loopback, way: str) -> None:
    WAYS[way](headers={"X-Team": "birds"})
    assert openrouter.headers["x-team"] == "birds"
    assert "headers" not in openrouter.body


# TLS and proxies, for requests that do not go through LiteLLM.


@pytest.fixture
def proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example,127.0.0.1")


@pytest.mark.usefixtures("proxies")
@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("https://openrouter.ai/api/v1", "http://proxy.example:3128"),
        ("https://inside.example/api/v1", None),
        ("http://127.0.0.1:8080/api/v1", None),
        ("http://openrouter.ai/api/v1", None),
        ("no url", None),
    ],
)
def test_the_environments_proxy_is_used(url: str, proxy: str | None) -> None:
    assert connection.proxy(url) == proxy


def test_tls_follows_litellms_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(connection.tls(), ssl.SSLContext)
    monkeypatch.setattr(litellm, "ssl_verify", False)
    assert connection.tls() is False


# Model names.


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("auto", "openrouter/auto"),
        ("bodybuilder", "openrouter/bodybuilder"),
        ("openrouter/auto", "openrouter/auto"),
        ("@preset/birds", "@preset/birds"),
        ("openai/gpt-4@preset/birds", "openai/gpt-4@preset/birds"),
        ("~anthropic/claude-latest", "~anthropic/claude-latest"),
        ("openai/gpt-oss-20b:free:online", "openai/gpt-oss-20b:free:online"),
    ],
)
def test_the_model_as_openrouter_names_it(given: str, sent: str) -> None:
    assert model_names.wire_model(given) == sent
