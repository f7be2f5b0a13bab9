"""`spend --serve`: the page on loopback, for the one who has its address, and up to date."""

from __future__ import annotations

import base64
import http.client
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
import zlib
from typing import TYPE_CHECKING

import pytest

from openrouter_adapter import ledger, report
from openrouter_adapter.emulator import Emulator

from . import ledgers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from openrouter_adapter.ledger import Ledger
    from tests.support.browser import Browser


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Ledger]:
    opened = ledger.open(tmp_path / "ledger.db")
    opened.store.write(ledgers.rows(count=40))
    yield opened
    opened.close()


@pytest.fixture
def server(own: Ledger) -> Iterator[report.Server]:
    made = report.Server(own)
    thread = threading.Thread(target=made.run)
    thread.start()
    yield made
    made.close()
    thread.join()


def unpacked(text: str) -> str:
    """The data of a page."""
    return zlib.decompress(base64.b85decode(text.replace(",", "<"))).decode()


def ask(
    server: report.Server, method: str = "GET", path: str | None = None, **headers: str
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    there = server.url.split(str(server.port))[1] if path is None else path
    connection.request(method, there, headers=headers)
    return connection.getresponse()


def test_it_listens_on_loopback_alone(server: report.Server) -> None:
    assert server.url.startswith(f"http://127.0.0.1:{server.port}/")
    assert server._http.server_address[0] == "127.0.0.1"
    assert ask(server).status == 200
    assert ask(server, Host=f"localhost:{server.port}").status == 200


def test_others_get_nothing(server: report.Server) -> None:
    assert ask(server, Host="rebound.example").status == 403
    assert ask(server, Host=f"rebound.example:{server.port}").status == 403
    for path in ("/", "/data", "/wrong-token/", "/wrong-token/data"):
        assert ask(server, path=path).status == 404
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert ask(server, method).status == 501


def test_what_did_not_change_is_not_sent_again(server: report.Server) -> None:
    path = server.url.split(str(server.port))[1] + "data"
    first = ask(server, path=path)
    tag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "no-store"
    assert ask(server, path=path, **{"If-None-Match": tag}).status == 304


def test_the_page_keeps_up_with_the_ledger(
    browser: Browser, server: report.Server, own: Ledger
) -> None:
    browser.open(server.url)
    requests = "return document.querySelectorAll('#tiles .big')[1]?.textContent === arguments[0]"
    assert browser.run(requests, "40")

    rows = ledgers.rows(count=50)[40:]
    own.store.write(rows)
    browser.until(requests.replace("arguments[0]", "'50'"), seconds=60)
    assert browser.run("return document.getElementById('live').textContent") == "live"
    assert browser.errors() == []


@pytest.mark.usefixtures("own")
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for single processes")
def test_the_command_serves_the_page_until_ctrl_c(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "openrouter_adapter", "spend", "--serve"]
    with (
        Emulator() as emulator,
        subprocess.Popen(  # noqa: S603
            [*command, "--ledger", str(tmp_path / "ledger.db")],
            env={
                **os.environ,
                "OPENROUTER_API_BASE": emulator.base_url,
                "OPENROUTER_API_KEY": emulator.api_key,
                "OPENROUTER_ADAPTER_CACHE": str(tmp_path / "cache"),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        ) as process,
    ):
        try:
            assert process.stdout is not None
            words, _, url = process.stdout.readline().strip().partition(": ")
            assert words == "The spend page, until Ctrl-C"
            assert url.startswith("http://127.0.0.1:")
            with urllib.request.urlopen(url, timeout=60) as page:  # noqa: S310
                shown = page.read().decode()
            process.send_signal(signal.SIGINT)
            rest, errors = process.communicate(timeout=20)
        finally:
            process.kill()

    assert shown.startswith("<!doctype html>")
    (data,) = re.findall(r'id="data">([^<]+)</script>', shown)
    assert "anthropic/claude-sonnet-4.5" in unpacked(data)
    assert (process.returncode, rest) == (0, "")
    assert "Traceback" not in errors
