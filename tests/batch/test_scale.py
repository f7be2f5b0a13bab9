"""Many requests: memory that does not grow with the file, and many in the air at once."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from openrouter_adapter import batch
from tests.batch.conftest import chat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow


ANSWER = {
    "id": "gen-1-stub",
    "model": "openai/gpt-4o-mini",
    "provider": "Stub",
    "object": "chat.completion",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Yes."}}
    ],
    "usage": {"prompt_tokens": 12, "completion_tokens": 2, "total_tokens": 14, "cost": 0.000003},
}


@pytest.fixture
def stub() -> Iterator[str]:
    """A server of prebuilt bytes in another process, half a second late where `/slow` is asked."""
    command = [sys.executable, "-m", __name__, orjson.dumps(ANSWER).decode()]
    with subprocess.Popen(  # noqa: S603 - this file itself
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.terminate()


def write_job(path: Path, count: int) -> Path:
    with path.open("wb") as file:
        for number in range(count):
            file.write(orjson.dumps(chat(number), option=orjson.OPT_APPEND_NEWLINE))
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.timeout(1800)
def test_a_million_requests_in_memory_that_does_not_grow(stub: str, tmp_path: Path) -> None:
    path = write_job(tmp_path / "job.jsonl", 1_000_000)
    # Seconds of our own CPU time, so that what else the machine does counts for nothing.
    samples: list[tuple[float, int, int]] = []

    def watch(progress: batch.Progress) -> None:
        samples.append((time.process_time(), progress.left.tally.done, resident()))

    summary = batch.run(
        path, tmp_path / "out", concurrency=64, api_base=stub, api_key="sk-x", watch=watch
    )
    assert (summary.done, summary.failed) == (1_000_000, 0)
    early = next(memory for _, done, memory in samples if done >= 10_000)
    growth = (max(memory for _, _, memory in samples) - early) / 1e6
    first, last = rate(samples, 0.02, 0.22), rate(samples, 0.79, 0.99)
    said = f"memory grew by {growth:.1f} MB; {first:,.0f} requests/s at first, {last:,.0f} at last"
    print(said)  # noqa: T201 - for who runs it
    assert growth < 100
    assert last > 0.9 * first


def resident() -> int:
    """Return this process's resident memory in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def rate(samples: list[tuple[float, int, int]], start: float, end: float) -> float:
    """Return requests a second between two parts of the whole."""
    total = samples[-1][1]
    chosen = [one for one in samples if start * total <= one[1] <= end * total]
    return (chosen[-1][1] - chosen[0][1]) / (chosen[-1][0] - chosen[0][0])


def test_two_thousand_in_the_air_at_half_a_second(
    stub: str, job: Callable[..., Path], tmp_path: Path
) -> None:
    path = job(20_000)
    seen: list[tuple[float, int, int]] = []

    def watch(progress: batch.Progress) -> None:
        seen.append((time.monotonic(), progress.left.tally.done, progress.engine.in_flight))

    summary = batch.run(
        path, tmp_path / "out", concurrency=2000, api_base=f"{stub}/slow", api_key="k", watch=watch
    )
    assert summary.done == 20_000
    busy = rate(seen, 0.15, 0.9)
    print(f"{busy:,.0f} requests/s with 2,000 in the air")  # noqa: T201 - the same  # noqa: T201
    assert max(flying for *_, flying in seen) == 2000
    assert busy > 2000


def test_auto_finds_its_level(stub: str, job: Callable[..., Path], tmp_path: Path) -> None:
    limits: list[int] = []
    summary = batch.run(
        job(10_000),
        tmp_path / "out",
        api_base=f"{stub}/slow",
        api_key="k",
        watch=lambda progress: limits.append(progress.engine.lanes.limit),
    )
    assert summary.done == 10_000
    assert max(limits) >= 512
    assert threading.active_count() < 50


class Connection(asyncio.Protocol):
    """Answers every request with the same bytes."""

    def __init__(self, content: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self._answer = head % len(content) + content
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if not end or len(body) < int(length or 0):
            return
        self._received = b""
        if b" /slow" in head[:20]:
            asyncio.get_running_loop().call_later(0.5, self._transport.write, self._answer)
        else:
            self._transport.write(self._answer)


async def serve(content: bytes) -> None:
    """Serve until the process is ended; prints the port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(content), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(json.dumps(json.loads(sys.argv[1])).encode()))
