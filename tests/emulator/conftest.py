"""A running emulator, and the plainest client there is."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from openrouter_adapter.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class Reply:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def message(self) -> dict[str, Any]:
        return self.json["choices"][0]["message"]

    @property
    def chunks(self) -> list[dict[str, Any]]:
        lines = self.text.split("\n\n")
        return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]

    @property
    def streamed_text(self) -> str:
        return "".join(
            choice["delta"].get("content") or ""
            for chunk in self.chunks
            for choice in chunk["choices"]
        )


@dataclass
class Client:
    """Sends JSON with the standard library."""

    emulator: Emulator
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        request = urllib.request.Request(  # noqa: S310
            self.emulator.base_url + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
        )
        request.add_header("Authorization", f"Bearer {self.emulator.api_key}")
        request.add_header("Content-Type", "application/json")
        for name, value in {**self.headers, **headers}.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
                return Reply(response.status, dict(response.headers), response.read().decode())
        except urllib.error.HTTPError as error:
            return Reply(error.code, dict(error.headers), error.read().decode())

    def get(self, path: str) -> Reply:
        return self.send("GET", path)

    def manage(self, method: str, path: str, body: Any = None) -> Reply:
        """Send with the provisioning key."""
        key = f"Bearer {self.emulator.provisioning_key}"
        return self.send(method, path, body, Authorization=key)

    def chat(self, prompt: str | list[Any] = "Hello", **body: Any) -> Reply:
        headers = body.pop("headers", {})
        messages = prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]
        whole = {"model": "openai/gpt-4o-mini", "messages": messages, **body}
        return self.send("POST", "/chat/completions", whole, **headers)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def client(emulator: Emulator) -> Client:
    return Client(emulator)


@pytest.fixture
def sdk(client: Client) -> Iterator[Any]:
    """OpenRouter's own SDK, with the key that calls models."""
    openrouter = pytest.importorskip("openrouter")
    em = client.emulator
    with openrouter.OpenRouter(api_key=em.api_key, server_url=em.base_url) as made:
        yield made


@pytest.fixture
def manager(client: Client) -> Iterator[Any]:
    """The SDK with the key that manages the account."""
    openrouter = pytest.importorskip("openrouter")
    em = client.emulator
    with openrouter.OpenRouter(api_key=em.provisioning_key, server_url=em.base_url) as made:
        yield made


@pytest.fixture
def connect() -> type[Client]:
    return Client


@pytest.fixture
def emulate() -> Iterator[Callable[..., Client]]:
    """Start emulators with options of a test's own."""
    running: list[Emulator] = []

    def start(**options: Any) -> Client:
        emulator = Emulator(**options)
        emulator.__enter__()
        running.append(emulator)
        return Client(emulator)

    yield start
    for emulator in running:
        emulator.__exit__(None, None, None)


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Gets the current weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


@pytest.fixture
def weather() -> dict[str, Any]:
    return WEATHER
