"""A cache folder of the test's own, and a server of models that can be broken."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from openrouter_adapter import catalog as package
from openrouter_adapter.catalog import cache, loading
from openrouter_adapter.emulator import models as emulated_models
from openrouter_adapter.emulator.catalog import models as emulated
from openrouter_adapter.wire.model_names import is_batch_only

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class ModelServer:
    """Answers GETs.

    Attributes:
        rows: What `/models` lists.
        status: Of every answer.
        etag: Of the list; None sends none and knows none.
        raw: Sent instead of JSON, where it is given.
        requests: The paths asked for, with the headers.
    """

    base_url: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    etag: str | None = '"one"'
    raw: bytes | None = None
    answers: dict[str, Any] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def answer(self, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        self.requests.append((path, headers))
        if self.status != 200:
            error = {"error": {"code": self.status, "message": "broken on purpose"}}
            return self.status, {}, json.dumps(error).encode()
        if self.raw is not None:
            return 200, {}, self.raw
        plain = path.partition("?")[0].removeprefix("/api/v1")
        if plain in self.answers:
            return 200, {}, json.dumps(self.answers[plain]).encode()
        if plain != "/models":
            return 404, {}, b'{"error": {"code": 404, "message": "nothing here"}}'
        if self.etag is not None and headers.get("if-none-match") == self.etag:
            return 304, {"ETag": self.etag}, b""
        sent = {"ETag": self.etag} if self.etag is not None else {}
        return 200, sent, json.dumps({"data": self.rows}).encode()


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "cache"
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(folder))
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-test")
    loading._kept.clear()
    loading._warned.clear()
    yield folder
    loading._kept.clear()
    loading._warned.clear()
    package.unregister_prices()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    # Without the rows of batches: each is a model of its own in a catalogue.
    rows = [row for row in emulated_models.listing()["data"] if not is_batch_only(row["id"])]
    state = ModelServer(rows=rows)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, sent, body = state.answer(self.path, headers)
            self.send_response(status)
            for name, value in sent.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    state.base_url = f"http://127.0.0.1:{http.server_address[1]}/api/v1"
    monkeypatch.setenv("OPENROUTER_API_BASE", state.base_url)
    yield state
    http.shutdown()
    http.server_close()
    thread.join()


@pytest.fixture
def catalog() -> package.Catalog:
    """The emulator's models, without their providers."""
    return package.Catalog(emulated_models.listing()["data"])


@pytest.fixture
def wide_catalog(catalog: package.Catalog) -> package.Catalog:
    """The same with all providers."""
    return catalog.with_endpoints(
        {
            model.id: emulated_models.endpoints_object(model)["data"]["endpoints"]
            for model in emulated()
            if model.listed and not model.is_batch_only
        }
    )
