"""pydantic-ai on LiteLLM: through LiteLLM's proxy, as its own provider does it, and in-process."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from openrouter_adapter import ledger
from openrouter_adapter.emulator import Emulator
from openrouter_adapter.ledger import to_pico

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.clients.conftest import Spending

REASON = "run by scripts/test-clients pydantic-ai-litellm"
pydantic_ai: Any = pytest.importorskip("pydantic_ai", reason=REASON)
direct: Any = pytest.importorskip("pydantic_ai_litellm", reason=REASON)

MODEL = "openrouter/openai/gpt-4o-mini"
QUESTION = "What is the capital of France?"
PARIS = "The capital of France is Paris."
MASTER_KEY = "sk-proxy-master-0123456789"
SECONDS = 300.0
"""How long anything of the proxy may take on a loaded machine."""
PROXY = {
    "model_list": [{"model_name": "openrouter/*", "litellm_params": {"model": "openrouter/*"}}],
    "litellm_settings": {"callbacks": "openrouter_adapter.proxy.handler"},
    "general_settings": {"master_key": MASTER_KEY},
}


def patiently() -> Iterator[None]:
    """Give a turn every tenth of a second, until it has taken too long."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        yield
        time.sleep(0.1)


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def with_tool(agent: Any) -> Any:
    """Give an agent a tool."""

    @agent.tool_plain  # type: ignore[untyped-decorator]
    def get_weather(city: str) -> str:
        """Say what the weather is like in a city."""
        return f"Sunny in {city}."

    return agent


def streamed(agent: Any, question: str = QUESTION) -> list[str]:
    """Return the pieces of a streamed answer."""

    async def ask() -> list[str]:
        async with agent.run_stream(question) as running:
            return [piece async for piece in running.stream_text(delta=True, debounce_by=None)]

    return asyncio.run(ask())


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ledger") / "ledger.db"


@pytest.fixture(scope="module")
def url(emulator: Emulator, book: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("proxy")
    (folder / "config.yaml").write_text(yaml.safe_dump(PROXY))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    environment = os.environ | {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "OPENROUTER_API_BASE": emulator.base_url,
        "OPENROUTER_API_KEY": emulator.api_key,
        "OPENROUTER_ADAPTER_CACHE": str(folder / "catalog"),
        "OPENROUTER_ADAPTER_LEDGER": str(book),
    }
    environment.pop("DATABASE_URL", None)
    command = [str(Path(sys.executable).parent / "litellm"), "--config", "config.yaml"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    log = folder / "proxy.log"
    with log.open("w") as output:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        for _ in patiently():
            assert process.poll() is None, log.read_text()
            if answers(f"http://127.0.0.1:{port}/health/readiness"):
                break
        else:
            raise TimeoutError(log.read_text())
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


class TestThroughTheProxy:
    """`LiteLLMProvider`, whose client is OpenAI's, in front of the proxy as it ships."""

    @pytest.fixture
    def model(self, url: str) -> Any:
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.providers.litellm import LiteLLMProvider

        provider = LiteLLMProvider(api_base=f"{url}/v1", api_key=MASTER_KEY)
        return OpenAIChatModel(MODEL, provider=provider)

    @pytest.fixture
    def is_billed(self, emulator: Emulator, book: Path) -> Any:
        """Return a check that the proxy's ledger has so many more rows, each as it was billed."""
        before = len(emulator.bill())

        def check(requests: int) -> None:
            bill = emulator.bill()
            assert len(bill) == before + requests
            expected = {row.generation_id: to_pico(row.cost) for row in bill}
            assert all(cost > 0 for cost in expected.values())
            store = ledger.open(book).store
            for _ in patiently():
                if len(store.rows()) >= len(bill):
                    break
            assert {row.generation_id: row.cost for row in store.rows()} == expected

        return check

    def test_a_chat_costs_what_was_billed(self, model: Any, is_billed: Any) -> None:
        assert pydantic_ai.Agent(model).run_sync(QUESTION).output == PARIS
        is_billed(1)

    def test_a_tool_is_called_and_costs_what_was_billed(self, model: Any, is_billed: Any) -> None:
        result = with_tool(pydantic_ai.Agent(model)).run_sync("What is the weather in Rome?")
        assert "Sunny in Rome." in result.output
        is_billed(2)

    def test_a_stream_costs_what_was_billed(self, model: Any, is_billed: Any) -> None:
        pieces = streamed(pydantic_ai.Agent(model))
        assert "".join(pieces) == PARIS
        assert len(pieces) > 1
        is_billed(1)

    def test_a_stream_with_a_tool_costs_what_was_billed(self, model: Any, is_billed: Any) -> None:
        pieces = streamed(with_tool(pydantic_ai.Agent(model)), "What is the weather in Rome?")
        assert "Sunny in Rome." in "".join(pieces)
        is_billed(2)


class TestInTheProcess:
    """`pydantic_ai_litellm.LiteLLMModel`, which calls `litellm.acompletion` itself."""

    @pytest.fixture
    def model(self) -> Any:
        return direct.LiteLLMModel(MODEL)

    def test_a_chat_costs_what_was_billed(self, spending: Spending, model: Any) -> None:
        assert pydantic_ai.Agent(model).run_sync(QUESTION).output == PARIS
        assert spending.costs(1)

    def test_a_tool_is_called_and_costs_what_was_billed(
        self, spending: Spending, model: Any
    ) -> None:
        result = with_tool(pydantic_ai.Agent(model)).run_sync("What is the weather in Rome?")
        assert "Sunny in Rome." in result.output
        assert spending.costs(2)

    def test_a_stream_costs_what_was_billed(self, spending: Spending, model: Any) -> None:
        pieces = streamed(pydantic_ai.Agent(model))
        assert "".join(pieces) == PARIS
        assert len(pieces) > 1
        assert spending.costs(1)

    def test_a_stream_with_a_tool_costs_what_was_billed(
        self, spending: Spending, model: Any
    ) -> None:
        pieces = streamed(with_tool(pydantic_ai.Agent(model)), "What is the weather in Rome?")
        assert "Sunny in Rome." in "".join(pieces)
        assert spending.costs(2)
