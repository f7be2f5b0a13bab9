"""Jobs of many small requests, and an OpenRouter for them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from openrouter_adapter.batch import Pace
from openrouter_adapter.emulator import Emulator
from tests.ledger.conftest import new_postgres, postgres, postgres_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["new_postgres", "postgres", "postgres_server"]

MODEL = "openai/gpt-4o-mini"
# Tests wait for hundredths of a second where a person waits for seconds.
QUICK = Pace(backoff=0.02, first_pause=0.02)


@pytest.fixture(autouse=True)
def own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No catalogue and no ledger of the machine's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("OPENROUTER_ADAPTER_LEDGER", raising=False)


@pytest.fixture
def em() -> Iterator[Emulator]:
    """An emulator that remembers every request."""
    with Emulator(log_size=100_000) as running:
        yield running


@pytest.fixture
def openrouter_at(em: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The emulator where the environment says that OpenRouter is."""
    monkeypatch.setenv("OPENROUTER_API_BASE", em.base_url)
    monkeypatch.setenv("OPENROUTER_API_KEY", em.api_key)
    return em


def chat(number: int, **fields: Any) -> dict[str, Any]:
    """Return a line that asks for a sum; its answer names the number."""
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": f"What is {number} + 1?"}],
        "max_tokens": 20,
        **fields,
    }
    return line(f"sum-{number}", "/v1/chat/completions", body)


def line(custom_id: str, url: str, body: Any) -> dict[str, Any]:
    """Return a line of a job."""
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": body}


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., Path]:
    """Write a job of some lines, or of so many sums."""

    def write(lines: int | list[Any], name: str = "job.jsonl") -> Path:
        found = [chat(number) for number in range(lines)] if isinstance(lines, int) else lines
        path = tmp_path / name
        path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in found))
        return path

    return write


def read(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a result file."""
    return [orjson.loads(one) for one in path.read_bytes().splitlines()] if path.exists() else []


def assert_each_once(out: Path, count: int) -> None:
    """Every request has exactly one result, and it is the answer to its own question."""
    results = read(out / "results.jsonl")
    assert Counter(one["custom_id"] for one in results) == {f"sum-{n}": 1 for n in range(count)}
    for one in results:
        number = int(one["custom_id"].removeprefix("sum-"))
        said = one["response"]["body"]["choices"][0]["message"]["content"]
        assert str(number + 1) in said, one
