"""The plain GETs: what they ask for, what they return, how they fail."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import litellm
import pytest

from openrouter_adapter import api
from openrouter_adapter.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def where(emulator: Emulator) -> dict[str, Any]:
    return {"api_key": emulator.api_key, "base_url": emulator.base_url}


@contextmanager
def answering(status: int, body: bytes, headers: dict[str, str] | None = None) -> Iterator[Any]:
    """A server with one answer; gives its address and the headers that arrived."""
    arrived: list[tuple[str, dict[str, str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            arrived.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", arrived
    finally:
        server.shutdown()
        server.server_close()


def test_models_and_endpoints_come_as_the_wire_has_them(where: dict[str, Any]) -> None:
    listing = api.get_models(**where)
    assert listing.rows is not None
    assert {"openai/gpt-4o-mini", "openai/text-embedding-3-small"} <= {
        row["id"] for row in listing.rows
    }
    endpoints = api.get_endpoints("meta-llama/llama-3.3-70b-instruct", **where)
    assert [row["tag"] for row in endpoints][:2] == ["deepinfra/turbo", "groq"]


def test_models_of_every_modality_are_asked_for() -> None:
    with answering(200, b'{"data": []}') as (base, arrived):
        api.get_models(base_url=base, api_key="sk-or-v1-x")
    assert arrived[0][0] == "/models?output_modalities=all"
    assert arrived[0][1]["authorization"] == "Bearer sk-or-v1-x"


def test_models_need_no_key() -> None:
    with answering(200, b'{"data": [{"id": "a/b"}]}') as (base, arrived):
        assert api.get_models(base_url=base).rows == [{"id": "a/b"}]
    assert "authorization" not in arrived[0][1]
    assert "x-title" in arrived[0][1]


def test_a_list_that_did_not_change_is_not_transferred() -> None:
    with answering(304, b"", {"ETag": '"x"'}) as (base, arrived):
        assert api.get_models(base_url=base, etag='"x"') == api.Listing(None, '"x"')
    assert arrived[0][1]["if-none-match"] == '"x"'


def test_the_key_and_the_credits(emulator: Emulator, where: dict[str, Any]) -> None:
    assert "limit" in api.get_key(**where)
    # OpenRouter tells the balance to provisioning keys only.
    manager = {**where, "api_key": emulator.provisioning_key}
    assert set(api.get_credits(**manager)) >= {"total_credits", "total_usage"}


def test_one_generation_sync_and_async(emulator: Emulator, where: dict[str, Any]) -> None:
    import httpx

    httpx.post(
        f"{emulator.base_url}/chat/completions",
        headers={"Authorization": f"Bearer {emulator.api_key}"},
        json={"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]},
    ).raise_for_status()
    row = emulator.bill()[0]
    found = api.get_generation(row.generation_id, **where)
    assert found["total_cost"] == float(row.cost)
    assert asyncio.run(api.aget_generation(row.generation_id, **where)) == found


def test_a_generation_that_is_not_there(where: dict[str, Any]) -> None:
    with pytest.raises(litellm.NotFoundError):
        api.get_generation("gen-none", **where)
    with pytest.raises(litellm.NotFoundError):
        asyncio.run(api.aget_generation("gen-none", **where))


def test_the_key_is_needed_where_it_is_needed(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)
    with pytest.raises(litellm.AuthenticationError, match="OPENROUTER_API_KEY"):
        api.get_key(base_url=emulator.base_url)
    with pytest.raises(litellm.AuthenticationError):
        api.get_credits(base_url=emulator.base_url, api_key="sk-or-v1-wrong")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (500, b"<html>down</html>", litellm.InternalServerError),
        (429, b'{"error": {"code": 429, "message": "slow"}}', litellm.RateLimitError),
        (200, b'{"error": {"code": 402, "message": "no"}}', litellm.APIError),
        (200, b"not json", litellm.ServiceUnavailableError),
        (200, b"[]", litellm.ServiceUnavailableError),
        (200, b'{"data": 1}', litellm.ServiceUnavailableError),
    ],
)
def test_failures_are_litellm_s_exceptions(
    status: int, body: bytes, expected: type[Exception]
) -> None:
    if b"402" in body:
        expected = litellm.exceptions.PaymentRequiredError
    with answering(status, body) as (base, _), pytest.raises(expected):
        api.get_key(base_url=base, api_key="sk-or-v1-x")


def test_nobody_there_and_nobody_in_time() -> None:
    with pytest.raises(litellm.APIConnectionError):
        api.get_models(base_url="http://127.0.0.1:1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        base = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(litellm.Timeout):
            api.get_models(base_url=base, timeout=0.1)
        with pytest.raises(litellm.Timeout):
            asyncio.run(api.aget_generation("g", base_url=base, api_key="k", timeout=0.1))


def test_a_model_without_endpoints_has_none() -> None:
    body = json.dumps({"data": {"id": "a/b"}}).encode()
    with answering(200, body) as (base, arrived):
        assert api.get_endpoints("a/b:free", base_url=base) == []
    assert arrived[0][0] == "/models/a/b:free/endpoints"


def test_a_list_in_pages_is_read_to_its_end() -> None:
    pages = [[{"id": "a/b"}], [{"id": "c/d"}]]
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            number = len(asked) - 1
            links = {"next": "/api/v1/models?offset=1" if number == 0 else None}
            body = {"data": pages[number], "total_count": 2, "links": links}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        listing = api.get_models(base_url=f"http://127.0.0.1:{server.server_address[1]}/api/v1")
    finally:
        server.shutdown()
        server.server_close()

    assert listing.rows == [{"id": "a/b"}, {"id": "c/d"}]
    assert listing.total_count == 2
    assert asked == ["/api/v1/models?output_modalities=all", "/api/v1/models?offset=1"]


def test_a_list_does_not_lead_to_another_server() -> None:
    body = {"data": [{"id": "a/b"}], "links": {"next": "http://127.0.0.1:9/api/v1/models"}}
    with answering(200, json.dumps(body).encode()) as (root, arrived):
        listing = api.get_models(base_url=f"{root}/api/v1", api_key="sk-or-v1-test")

    assert listing.rows == body["data"]
    assert len(arrived) == 1


@pytest.mark.parametrize(("rows", "pages"), [([], 1), ([{"id": "a/b"}], 2)])
def test_pages_that_lead_in_a_circle_come_to_an_end(rows: list[Any], pages: int) -> None:
    body = {"data": rows, "links": {"next": "/api/v1/models?offset=0"}}
    with answering(200, json.dumps(body).encode()) as (root, arrived):
        listing = api.get_models(base_url=f"{root}/api/v1", api_key="sk-or-v1-test")

    assert listing.rows == rows * pages
    assert len(arrived) == pages
