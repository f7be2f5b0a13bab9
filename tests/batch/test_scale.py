"""Many requests: memory that does not grow with the file, and many in flight at once."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Sample:
    """A look at a run: requests done, our CPU seconds, those of a piece of work, our memory."""

    done: int
    seconds: float
    piece: float
    memory: int


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.timeout(1800)
def test_a_million_requests_in_memory_and_time_that_do_not_grow(stub: str, tmp_path: Path) -> None:
    path = write_job(tmp_path / "job.jsonl", 1_000_000)
    samples: list[Sample] = []
    pieces: list[float] = []

    def watch(progress: batch.Progress) -> None:
        pieces.append(piece_of_work())
        seconds = time.process_time() - sum(pieces)
        samples.append(Sample(progress.left.tally.done, seconds, pieces[-1], resident()))

    summary = batch.run(
        path, tmp_path / "out", concurrency=64, api_base=stub, api_key="sk-x", watch=watch
    )
    assert (summary.done, summary.failed) == (1_000_000, 0)
    early = next(one.memory for one in samples if one.done >= 10_000)
    growth = (max(one.memory for one in samples) - early) / 1e6
    first, last = rate_by_pieces(samples, 0.02, 0.22), rate_by_pieces(samples, 0.79, 0.99)
    said = f"memory grew by {growth:.1f} MB; the rate at the end is {last / first:.3f} of the first"
    print(said)  # noqa: T201 - for who runs it
    assert growth < 100
    assert last > 0.9 * first


def piece_of_work() -> float:
    """Return the CPU seconds of what is always the same: how fast the machine is right now."""
    text, started = orjson.dumps(ANSWER), time.thread_time()
    for number in range(500):
        orjson.dumps({**orjson.loads(text), "words": [str(number + one) for one in range(20)]})
    return time.thread_time() - started


def rate_by_pieces(samples: list[Sample], start: float, end: float) -> float:
    """Return the requests done in the time of a piece of work, the median of a part of a run.

    A shared machine is faster at one moment and slower at the next.
    """
    total = samples[-1].done
    return statistics.median(
        (after.done - before.done) / (after.seconds - before.seconds) * after.piece
        for before, after in itertools.pairwise(samples)
        if start * total <= after.done <= end * total
    )


def resident() -> int:
    """Return this process's resident memory in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


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
    (started, early), *_, (ended, late) = [
        (moment, done) for moment, done, _ in seen if 0.15 * 20_000 <= done <= 0.9 * 20_000
    ]
    busy = (late - early) / (ended - started)
    print(f"{busy:,.0f} requests/s with 2,000 in flight")  # noqa: T201 - the same
    assert max(flying for *_, flying in seen) == 2000
    assert busy > 2000


def test_auto_finds_its_level(stub: str, job: Callable[..., Path], tmp_path: Path) -> None:
    limits: list[int] = []
    summary = batch.run(
        job(10_000),
        tmp_path / "out",
        api_base=f"{stub}/slow",
        api_key="k",
        watch=lambda progress: limits.append(progress.engine.queues.limit),
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
