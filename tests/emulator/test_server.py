"""The server's life, and what it remembers of its requests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from openrouter_adapter import emulator as package
from openrouter_adapter.emulator import Emulator, serve

if TYPE_CHECKING:
    from .conftest import Client

# The folder that holds the emulator's package, which needs nothing else.
FOLDER = str(Path(package.__file__).parents[1])


def test_it_is_ready_when_the_block_begins_and_gone_when_it_ends(connect: type[Client]) -> None:
    with Emulator() as emulator:
        assert connect(emulator).chat().status == 200
        assert emulator.base_url.startswith("http://127.0.0.1:")
        assert emulator.base_url.endswith("/api/v1")
    with pytest.raises(OSError, match="refused"):
        connect(emulator).get("/models")
    assert len(emulator.bill()) == 1


@pytest.mark.timed
def test_leaving_is_quick() -> None:
    began = time.monotonic()
    for _ in range(5):
        with Emulator():
            pass
    # A server that waits for its connections to end takes a minute each.
    assert time.monotonic() - began < 10


def test_several_at_once_keep_their_own_bills(connect: type[Client]) -> None:
    with Emulator() as one, Emulator() as two:
        assert one.base_url != two.base_url
        connect(one).chat()
        assert (len(one.bill()), len(two.bill())) == (1, 0)


def test_a_given_port_and_one_that_is_taken() -> None:
    with Emulator() as first:
        port = int(first.base_url.split(":")[2].split("/")[0])
        with pytest.raises(OSError, match="address already in use"), Emulator(port=port):
            pass
    with Emulator(port=port) as second:
        assert f":{port}/" in second.base_url


def test_requests_side_by_side_are_all_billed(connect: type[Client]) -> None:
    with Emulator() as emulator, ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(lambda _: connect(emulator).chat(), range(64)))
        assert {reply.json["id"] for reply in replies} == {
            row.generation_id for row in emulator.bill()
        }


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(TypeError, match="chunk_token"):
        Emulator(chunk_token=1)


def test_requests_are_logged_without_their_key(connect: type[Client]) -> None:
    with Emulator() as emulator:
        connect(emulator).chat(
            "Hello", headers={"HTTP-Referer": "https://example.com", "X-Title": "An app"}
        )
        connect(emulator).get("/generation?id=gen-1")
        chat, generation = emulator.requests
        assert (chat.method, chat.path) == ("POST", "/chat/completions")
        assert chat.headers["http-referer"] == "https://example.com"
        assert chat.headers["x-title"] == "An app"
        assert chat.body["messages"] == [{"role": "user", "content": "Hello"}]
        assert generation.query == {"id": "gen-1"}
        assert emulator.api_key not in repr(emulator.requests)


def test_the_log_does_not_grow_without_end(connect: type[Client]) -> None:
    with Emulator(log_size=3) as emulator:
        for _ in range(5):
            connect(emulator).get("/models")
        assert len(emulator.requests) == 3


def test_serve_stops_on_a_signal_and_gives_its_port_back() -> None:
    script = (
        "from emulator import serve\n"
        "serve(ready=lambda url: print(url, flush=True))\n"
        "print('stopped', flush=True)\n"
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen(  # noqa: S603  (this Python, our script)
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": FOLDER},
        )
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        process.send_signal(number)
        assert process.stdout.read().strip() == "stopped"
        assert process.wait(timeout=10) == 0


def test_serve_says_when_the_port_is_taken() -> None:
    with Emulator() as emulator:
        port = int(emulator.base_url.split(":")[2].split("/")[0])
        with pytest.raises(OSError, match="address already in use"):
            serve(port=port)


def test_it_knows_nothing_of_the_adapter_or_of_litellm() -> None:
    script = (
        "import sys\n"
        "from emulator import tokens\n"
        "assert tokens.count('Hello there') == 2\n"
        "loaded = {'litellm', 'openrouter_adapter'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    environment = {name: value for name, value in os.environ.items() if "TIKTOKEN" not in name}
    environment["PYTHONPATH"] = FOLDER
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)  # noqa: S603
