"""LiteLLM's proxy under 200 streams at once: with our adapter, and with LiteLLM's built-in one.

    python bench/proxy.py [--rounds 5] [--streams 200] [--chunks 50] [--ledger] [--assert]

Two proxy processes in front of one stub server, asked in turn. Of each burst: the wall time, the
CPU time of the proxy's process, and at the end its memory, now and at its peak. Ours has a
catalogue of 400 models registered, as in use; with `--ledger` it writes a ledger (SQLite) too.
`--assert`: exit code 1 when ours is clearly worse: the lower end of the 95 % interval of a time's
ratio is above 1, or ours takes more than 5 % more memory.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from _paired import BUILTIN, OURS, interval, print_machine
from _stub import MODEL, stub

from openrouter_adapter import api
from openrouter_adapter.catalog import cache
from openrouter_adapter.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "sk-bench"
MODELS = 400
# Seconds that a proxy may take to start, and a burst to end.
PATIENCE = 300.0
MEMORY_LIMIT = 1.05


@dataclass(frozen=True)
class Proxy:
    """A running proxy."""

    url: str
    process: subprocess.Popen[bytes]

    def cpu(self) -> float:
        """Return the CPU seconds that its process has used."""
        fields = self._read("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, name: str) -> float:
        """Return its memory in MB: `VmRSS` is now, `VmHWM` at its peak."""
        lines = dict(line.split(":", 1) for line in self._read("status").splitlines())
        return int(lines[name].split()[0]) / 1024

    def _read(self, name: str) -> str:
        return Path(f"/proc/{self.process.pid}/{name}").read_text(encoding="ascii")


@contextlib.contextmanager
def running(side: str, upstream: str, folder: Path, *, with_ledger: bool) -> Iterator[Proxy]:
    """Start a proxy on one of the two adapters, and stop it."""
    folder.mkdir()
    settings: dict[str, Any] = {
        "model_list": [{"model_name": "openrouter/*", "litellm_params": {"model": "openrouter/*"}}],
        "litellm_settings": {},
        "general_settings": {"master_key": KEY},
    }
    environment = {
        **os.environ,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "OPENROUTER_API_BASE": upstream,
        "OPENROUTER_API_KEY": "sk-or-v1-bench",
    }
    if side == OURS:
        settings["litellm_settings"]["callbacks"] = "openrouter_adapter.proxy.handler"
        environment["OPENROUTER_ADAPTER_CACHE"] = os.environ["OPENROUTER_ADAPTER_CACHE"]
        if with_ledger:
            environment["OPENROUTER_ADAPTER_LEDGER"] = str(folder / "ledger.db")
    # JSON is YAML.
    (folder / "config.yaml").write_text(json.dumps(settings), encoding="utf-8")
    port = free_port()
    command = [str(Path(sys.executable).parent / "litellm"), "--config", "config.yaml"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            proxy = Proxy(f"http://127.0.0.1:{port}", process)
            asyncio.run(wait_for(proxy))
            yield proxy
        finally:
            process.terminate()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


async def wait_for(proxy: Proxy) -> None:
    """Wait until the proxy answers."""
    deadline = time.monotonic() + PATIENCE
    async with aiohttp.ClientSession() as client:
        while proxy.process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(aiohttp.ClientError):
                async with client.get(f"{proxy.url}/health/liveliness") as answer:
                    if answer.ok:
                        return
            await asyncio.sleep(0.2)
    message = "the proxy did not start"
    raise RuntimeError(message)


async def burst(proxy: Proxy, streams: int, chunks: int) -> None:
    """Read so many streams at once, each to its end."""
    limits = aiohttp.ClientTimeout(total=PATIENCE)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=limits, connector=connector) as client:
        counts = await asyncio.gather(*(read(client, proxy) for _ in range(streams)))
    if min(counts) < chunks - 2:
        message = f"a stream ended after {min(counts)} of {chunks} chunks"
        raise RuntimeError(message)


async def read(client: aiohttp.ClientSession, proxy: Proxy) -> int:
    """Read one stream and return how many chunks it had."""
    body = {
        "model": f"openrouter/{MODEL}",
        "messages": [{"role": "user", "content": "Write a long text."}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    count = 0
    headers = {"Authorization": f"Bearer {KEY}"}
    url = f"{proxy.url}/v1/chat/completions"
    async with client.post(url, json=body, headers=headers) as answer:
        answer.raise_for_status()
        async for line in answer.content:
            count += line.startswith(b"data: {")
    return count


def measured(proxy: Proxy, streams: int, chunks: int) -> tuple[float, float]:
    """Return the wall and the CPU seconds of one burst, its late callbacks included."""
    cpu, wall = proxy.cpu(), time.perf_counter()
    asyncio.run(burst(proxy, streams, chunks))
    wall = time.perf_counter() - wall
    before = -1.0
    while proxy.cpu() - before > 0.02:
        before = proxy.cpu()
        time.sleep(0.5)
    return wall, proxy.cpu() - cpu


def keep_catalogue(upstream: str) -> None:
    """Put a catalogue of OpenRouter's size where the proxy looks for one."""
    with Emulator() as emulator:
        rows = api.get_models(base_url=emulator.base_url).rows or []
    many = [
        {**rows[at % len(rows)], "id": f"author-{at % 40}/model-{at}", "canonical_slug": f"m/{at}"}
        for at in range(MODELS)
    ]
    cache.write(cache.path("models", upstream), cache.CachedList(many, time.time(), None))


def compare(proxies: dict[str, Proxy], arguments: argparse.Namespace) -> bool:
    """Measure both in turn and print what came of it; tell whether ours is no worse."""
    size = arguments.streams, arguments.chunks
    for proxy in proxies.values():
        measured(proxy, *size)
    walls, cpus = [], []
    for number in range(arguments.rounds):
        order = (BUILTIN, OURS) if number % 2 == 0 else (OURS, BUILTIN)
        found = {side: measured(proxies[side], *size) for side in order}
        for side, (wall, cpu) in sorted(found.items()):
            print(f"{side:<9} wall {wall:6.2f} s, CPU {cpu:6.2f} s")
        walls.append(found[OURS][0] / found[BUILTIN][0])
        cpus.append(found[OURS][1] / found[BUILTIN][1])
    no_worse = True
    for name, ratios in (("wall", walls), ("CPU", cpus)):
        result = interval(ratios)
        no_worse &= result.low <= 1
        print(f"{name} time, ours / built-in: {result}")
    for name, title in (("VmRSS", "memory"), ("VmHWM", "peak memory")):
        ours, built_in = (proxies[side].memory(name) for side in (OURS, BUILTIN))
        no_worse &= ours <= built_in * MEMORY_LIMIT
        print(f"{title}: ours {ours:.0f} MB, built-in {built_in:.0f} MB, {ours / built_in:.3f}")
    return no_worse


def main() -> int:
    """Measure, print, and say whether ours is no worse."""
    parser = argparse.ArgumentParser(description="LiteLLM's proxy under many streams at once")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--chunks", type=int, default=50)
    parser.add_argument("--ledger", action="store_true")
    parser.add_argument("--assert", dest="must_hold", action="store_true")
    arguments = parser.parse_args()
    print_machine(f"the proxy, {arguments.streams} streams of {arguments.chunks} chunks at once")
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as stack:
        folder = Path(temporary)
        os.environ["OPENROUTER_ADAPTER_CACHE"] = str(folder / "catalogue")
        upstream = stack.enter_context(stub(chunks=arguments.chunks))
        keep_catalogue(upstream)
        proxies = {
            side: stack.enter_context(
                running(side, upstream, folder / side, with_ledger=arguments.ledger)
            )
            for side in (BUILTIN, OURS)
        }
        no_worse = compare(proxies, arguments)
    return int(arguments.must_hold and not no_worse)


if __name__ == "__main__":
    sys.exit(main())
