"""The connection of a job: key, proxy and TLS as everywhere else in the adapter."""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING

import httpx
import litellm
import pytest

from openrouter_adapter import batch
from openrouter_adapter import ledger as ledgers
from openrouter_adapter.batch import concurrency, retries
from openrouter_adapter.batch.concurrency import THRESHOLD, CircuitBreaker
from openrouter_adapter.wire import connection, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator

DAY_LATER = "Sun, 29 Nov 2026 12:00:00 GMT"


def test_the_environment_s_proxy_is_used(
    em: Emulator, job: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The emulator takes whole URLs, as a proxy does; the host itself is nowhere.
    monkeypatch.setenv("http_proxy", em.base_url.removesuffix("/api/v1"))
    monkeypatch.delenv("no_proxy", raising=False)
    base = "http://openrouter.invalid/api/v1"
    summary = batch.run(job(3), tmp_path / "a", api_base=base, api_key=em.api_key)
    assert summary.done == len(em.bill()) == 3
    monkeypatch.setenv("no_proxy", "127.0.0.1,.invalid")
    assert connection.proxy(base) is None
    assert connection.proxy("http://example.com/x") is not None


def test_tls_follows_litellm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_VERIFY", raising=False)
    assert isinstance(connection.tls(), ssl.SSLContext)
    monkeypatch.setattr(litellm, "ssl_verify", False)
    assert connection.tls() is False


@pytest.mark.usefixtures("openrouter_at")
def test_no_key_is_ever_written(em: Emulator, job: Callable[..., Path], tmp_path: Path) -> None:
    em.faults.add("status=400; message=no access for sk-or-v1-emulator-0123456789abcdef", times=1)
    batch.run(job(5), tmp_path / "out", ledger=tmp_path / "ledger.db")
    for file in (*(tmp_path / "out").iterdir(), tmp_path / "ledger.db"):
        assert b"sk-or-v1-emulator" not in file.read_bytes(), file


def test_a_level_doubles_creeps_and_halves() -> None:
    limit = concurrency.ConcurrencyLimit(most=1000)
    seen = []
    for _ in range(6):
        for _ in range(int(limit.limit)):
            limit.sent()
        seen.append(int(limit.limit))
        for _ in range(limit.in_flight):
            limit.in_flight -= 1
            limit.answered(1.0)
    assert seen == [8, 16, 32, 64, 128, 256]
    limit.throttled(sent_at=5.0, now=6.0, wait=None)
    limit.throttled(sent_at=5.5, now=6.1, wait=None)
    assert limit.limit == 256
    limit.throttled(sent_at=6.2, now=7.0, wait=9.0)
    assert limit.limit == 128
    # The third refusal in a row: everybody waits.
    assert not limit.has_room(15.0)
    assert limit.has_room(16.0)


def test_a_level_shrinks_where_more_is_only_slower() -> None:
    limit = concurrency.ConcurrencyLimit(most=1000)
    for _ in range(8):
        for _ in range(int(limit.limit)):
            limit.sent()
        for _ in range(limit.in_flight):
            limit.in_flight -= 1
            limit.answered(0.01 * max(limit.limit, 64))
    assert 64 <= limit.limit < 300


def test_a_circuit_lets_one_try_at_a_time() -> None:
    circuit = CircuitBreaker()
    for _ in range(THRESHOLD):
        assert circuit.may_send(10.0, 50)
        circuit.failed(10.0, "down")
    assert not circuit.may_send(10.5, 0)
    assert circuit.may_send(11.0, 0)
    assert not circuit.may_send(11.0, 1)
    circuit.failed(11.2)
    assert not circuit.may_send(12.5, 0)
    assert circuit.may_send(13.2, 0)
    circuit.close()
    assert circuit.may_send(13.2, 500)


def test_backoff_grows_and_is_spread() -> None:
    waits = [retries.backoff(tries, 1.0) for tries in (1, 3, 50) for _ in range(200)]
    assert max(waits[:200]) <= 1 < max(waits[200:400]) <= 4
    assert max(waits) <= retries.LONGEST_BACKOFF
    assert len(set(waits)) > 500


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "Sat, 28 Nov 2026 12:00:07 GMT"}, 7),
        ({"x-ratelimit-reset": "1795867207000"}, 7),
        ({"x-ratelimit-reset": "1795867207000", "retry-after": "99"}, 7),
        # What is over is not waited for.
        ({"retry-after": "-3"}, 0),
        ({"x-ratelimit-reset": "1795867100000"}, 0),
        # By the server's clock where it tells the time.
        ({"retry-after": "Sat, 28 Nov 2026 12:00:07 GMT", "date": DAY_LATER}, 0),
        ({"x-ratelimit-reset": "1795953607000", "date": DAY_LATER}, 7),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_how_long_an_answer_asks_to_wait(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], seconds: float | None
) -> None:
    monkeypatch.setattr(retry_after.time, "time", lambda: 1795867200.0)  # 12:00:00 on that day
    failure = litellm.RateLimitError("too many", "openrouter", "a/b")
    failure.litellm_response_headers = httpx.Headers(headers)
    assert retry_after.asked_wait(failure) == seconds


@pytest.mark.parametrize("fault", ["rate-limit=1", "status=429; retry-after=1"])
def test_a_request_that_was_told_to_wait_is_sent_no_sooner(
    em: Emulator, job: Callable[..., Path], tmp_path: Path, fault: str
) -> None:
    em.faults.add(fault, times=1)
    pace = batch.Pace(1, backoff=0.001)
    access = {"api_key": em.api_key, "api_base": em.base_url}
    summary = batch.run(job(1), tmp_path / "out", pace=pace, **access)
    assert (summary.done, summary.retries) == (1, 1)
    assert summary.seconds is not None
    assert summary.seconds >= (0.9 if "retry-after" in fault else 0.1)


@pytest.mark.usefixtures("openrouter_at")
@pytest.mark.parametrize("cache", [True, 60], ids=str)
def test_a_job_that_was_run_before_costs_nothing_from_the_cache(
    cache: bool | int, em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.db"
    for run in ("a", "b"):
        batch.run(job(3), tmp_path / run, cache=cache, ledger=ledger)
    costs = [row.cost for row in em.bill()]
    assert min(costs[:3]) > 0
    assert costs[3:] == [0, 0, 0]
    with contextlib.closing(ledgers.open(ledger)) as opened:
        rows = opened.store.rows()
    assert sum(row.saved for row in rows) == sum(row.cost or 0 for row in rows) > 0
    last = {name.lower(): value for name, value in em.requests[-1].headers.items()}
    assert last.get("x-openrouter-cache-ttl") == (None if cache is True else "60")


def test_a_job_names_a_wrong_time_of_its_cache(
    job: Callable[..., Path], em: Emulator, tmp_path: Path
) -> None:
    with pytest.raises(litellm.BadRequestError, match="openrouter_cache=0"):
        batch.run(job(1), tmp_path / "a", cache=0, api_base=em.base_url, api_key=em.api_key)
    assert not em.requests
