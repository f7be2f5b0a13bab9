"""A header's letters reach OpenRouter as UTF-8, or the header is named and nothing is sent."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import httpx
import litellm
import pytest

import openrouter_adapter
from openrouter_adapter import account, api, batch
from openrouter_adapter.wire import connection
from tests.conftest import KEY
from tests.errors.table import WAYS
from tests.image_edit.test_image_edit import PNG

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator
    from tests.support.loopback import Loopback

TITLE, SITE, TEAM = "Übersetzer", "https://übersetzer.example/→", "Köln → 東京"
EVERY_WAY = pytest.mark.parametrize("way", WAYS)
REFUSED = {"error": {"code": 400, "message": "not today"}}


def arrived(server: Loopback, name: str) -> bytes:
    """Return the bytes of a header of the only request."""
    return server.headers[name].encode("latin-1")


def refused(way: str, **keywords: Any) -> litellm.BadRequestError:
    """Return what a call raises."""
    try:
        with pytest.raises(litellm.BadRequestError) as caught:
            WAYS[way](**keywords)
    finally:
        litellm.in_memory_llm_clients_cache.flush_cache()
    return caught.value


@EVERY_WAY
def test_letters_beyond_ascii_arrive_as_utf_8(
    openrouter: Loopback, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OR_APP_NAME", TITLE)
    monkeypatch.setenv("OR_SITE_URL", SITE)
    openrouter.replies(REFUSED, 400)
    assert "not today" in str(
        refused(way, extra_headers={"X-Team": TEAM, "X-Bytes": TEAM.encode()})
    )
    assert arrived(openrouter, "x-title") == TITLE.encode()
    assert arrived(openrouter, "http-referer") == SITE.encode()
    assert arrived(openrouter, "x-team") == arrived(openrouter, "x-bytes") == TEAM.encode()


@EVERY_WAY
def test_registered_title_beyond_ascii_arrives_as_utf_8(openrouter: Loopback, way: str) -> None:
    openrouter_adapter.register(app_title=TITLE, app_url=SITE)
    openrouter.replies(REFUSED, 400)
    refused(way)
    assert arrived(openrouter, "x-title") == TITLE.encode()
    assert arrived(openrouter, "http-referer") == SITE.encode()


@EVERY_WAY
@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"X-Team": "birds\r\nX-Title: theirs"}, "The header X-Team can't be sent"),
        ({"X-Team": "birds\x00"}, "The header X-Team can't be sent"),
        ({"X-Team": "birds\ud800"}, "The header X-Team can't be sent"),
        ({"X-Team": 7}, "The header X-Team can't be sent: its value must be a text, not int"),
        ({"X Team": "birds"}, "The header 'X Team' can't be sent"),
        ({"X-Köln": "birds"}, "The header 'X-Köln' can't be sent"),
    ],
    ids=["line break", "control", "surrogate", "number", "space in name", "letter in name"],
)
def test_header_that_http_has_no_place_for_is_named(
    openrouter: Loopback, way: str, headers: dict[str, Any], words: str
) -> None:
    raised = refused(way, extra_headers=headers)
    assert words in str(raised)
    assert "birds" not in str(raised)
    assert openrouter.requests == []


@EVERY_WAY
def test_line_break_in_a_variable_is_named(
    openrouter: Loopback, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OR_APP_NAME", "Ours\nTheirs")
    assert "The header X-Title can't be sent" in str(refused(way))
    assert openrouter.requests == []


OTHERS: dict[str, Callable[..., Any]] = {
    "text_completion": lambda **keywords: litellm.text_completion(
        model="openrouter/openai/gpt-4o-mini", prompt="Wrens", **keywords
    ),
    "rerank": lambda **keywords: litellm.rerank(
        "openrouter/voyageai/rerank-2.5-lite", "bird", ["a wren"], **keywords
    ),
    "speech": lambda **keywords: litellm.speech(
        "openrouter/hexgrad/kokoro-82m", "Wrens.", "af_bella", **keywords
    ),
    "transcription": lambda **keywords: litellm.transcription(
        "openrouter/openai/gpt-4o-mini-transcribe", _sound(), **keywords
    ),
    "image_edit": lambda **keywords: litellm.image_edit(
        model="openrouter/google/gemini-2.5-flash-image", image=PNG, prompt="Blue.", **keywords
    ),
}


def _sound() -> io.BytesIO:
    found = io.BytesIO(b"ID3" + b"\0" * 200)
    found.name = "wren.mp3"
    return found


@pytest.mark.parametrize("way", OTHERS)
def test_letters_beyond_ascii_on_the_other_endpoints(
    emulated: Emulator, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OR_APP_NAME", TITLE)
    OTHERS[way](extra_headers={"X-Team": TEAM})
    headers = emulated.requests[-1].headers
    assert (headers["x-title"], headers["x-team"]) == (TITLE, TEAM)
    with pytest.raises(litellm.BadRequestError, match="The header X-Team can't be sent"):
        OTHERS[way](extra_headers={"X-Team": "birds\n"})


def test_letters_beyond_ascii_where_the_account_is_asked(
    emulated: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OR_APP_NAME", TITLE)
    api.get_models()
    api.get_key()
    assert [request.headers["x-title"] for request in emulated.requests] == [TITLE, TITLE]
    monkeypatch.setenv("OR_APP_NAME", "a\nb")
    with pytest.raises(litellm.BadRequestError, match="The header X-Title can't be sent"):
        api.get_key()


@pytest.mark.usefixtures("openrouter")
def test_letters_beyond_ascii_in_a_batch(
    loopback: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OR_APP_NAME", TITLE)
    monkeypatch.setattr(litellm, "headers", {"X-Team": TEAM})
    loopback.replies(REFUSED, 400)
    body = {"model": "a/b", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": body}
    (tmp_path / "job.jsonl").write_text(json.dumps(line) + "\n")
    batch.run(tmp_path / "job.jsonl", tmp_path / "out")
    # The first were to find out whether the model exists.
    del loopback.requests[:-1]
    assert arrived(loopback, "x-title") == TITLE.encode()
    assert arrived(loopback, "x-team") == TEAM.encode()
    monkeypatch.setattr(litellm, "headers", {"X-Team": "a\nb"})
    with pytest.raises(litellm.BadRequestError, match="The header X-Team can't be sent"):
        batch.run(tmp_path / "job.jsonl", tmp_path / "again")


def test_letters_beyond_ascii_over_the_official_sdk(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openrouter")
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    monkeypatch.setenv("OR_APP_NAME", TITLE)
    loopback.replies({"key": "sk-or-v1-new", "user_id": None})
    with account.client(base_url=loopback.base_url) as client:
        client.o_auth.exchange_auth_code_for_api_key(code="c")
    assert arrived(loopback, "x-openrouter-title") == TITLE.encode()
    assert arrived(loopback, "http-referer") == b"https://litellm.ai"


@pytest.mark.parametrize("value", ["birds", " birds\t", "a\tb", "", "é", "\x80", b"birds", "東京"])
def test_value_is_the_text_that_it_was_without_white_space_around_it(value: Any) -> None:
    text = value.decode() if isinstance(value, bytes) else value
    found = connection.header_value("X-Team", value)
    assert found == text.strip(" \t")
    assert json.dumps(found) == json.dumps(text.strip(" \t"))
    assert httpx.Headers({"X-Team": found}).raw == [(b"X-Team", found.encode())]


def test_latin_1_bytes_are_refused_before_they_are_mistaken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    given: Any = {"X-Team": "Köln".encode("latin-1")}
    with pytest.raises(litellm.BadRequestError, match="can't be encoded as UTF-8"):
        connection.request_headers(given, None)
