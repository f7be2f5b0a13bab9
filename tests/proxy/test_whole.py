"""A busy proxy with two workers: OpenRouter's bill, our ledger and LiteLLM's spend are one sum."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest

from openrouter_adapter import ledger
from openrouter_adapter.emulator import Emulator
from openrouter_adapter.ledger import to_usd
from openrouter_adapter.ledger.rows import LEFT, OPEN

from . import requests
from .conftest import PROVIDER_KEY, SECONDS, Caller, Proxy, patiently, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from openrouter_adapter.ledger import Row

pytestmark = [pytest.mark.timeout(1800), pytest.mark.slow]
REQUESTS = 200
# Two, which may import LiteLLM slowly: uvicorn ends those that are silent.
WORKERS = ("--num_workers", "2", "--timeout_worker_healthcheck", "300")


@pytest.fixture
def slow_emulator() -> Iterator[Emulator]:
    """One whose streams take a while, so that they can be left."""
    with Emulator(api_key=PROVIDER_KEY, chunk_delay=0.01, log_size=10_000) as started:
        yield started


def answered(proxy: Proxy, caller: Caller, path: str) -> None:
    headers = {"Authorization": f"Bearer {caller.key}"}
    answer = httpx.post(proxy.url + path, headers=headers, timeout=SECONDS, **requests.of(path))
    assert answer.status_code == 200, answer.text


def streamed(proxy: Proxy, caller: Caller, path: str, *, leaves: bool) -> None:
    headers = {"Authorization": f"Bearer {caller.key}"}
    given: dict[str, Any] = requests.of(path, stream=True)
    with httpx.stream(
        "POST", proxy.url + path, headers=headers, timeout=SECONDS, **given
    ) as answer:
        assert answer.status_code == 200
        for count, _ in enumerate(answer.iter_lines()):
            if leaves and count > 4:
                return


def test_the_bill_the_ledger_and_the_spend_of_each_key_are_one_sum(
    slow_emulator: Emulator, databases: tuple[str, str], tmp_path: Path
) -> None:
    chance = random.Random(7)  # noqa: S311
    with running(slow_emulator, databases, tmp_path, *WORKERS) as (proxy, process):
        callers = [proxy.caller(user_id=f"user-{number}") for number in range(3)]

        def ask(number: int) -> None:
            caller = callers[number % len(callers)]
            if number % 10 == 0:
                streamed(proxy, caller, chance.choice(requests.STREAMED), leaves=True)
            elif number % 10 == 1:
                streamed(proxy, caller, chance.choice(requests.STREAMED), leaves=False)
            else:
                answered(proxy, caller, requests.ENDPOINTS[number % len(requests.ENDPOINTS)])

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(ask, range(REQUESTS)))
        # LiteLLM writes its own sums every second or so, and loses what it has not written yet. A
        # stream that its client left is among them once OpenRouter has reported its cost.
        spends = spend_when_still(proxy, callers)
        process.send_signal(signal.SIGTERM)
        process.wait(60)

    rows = rows_of(proxy, callers)
    assert len(rows) == REQUESTS == len(slow_emulator.bill())
    outcomes = Counter(row.outcome for row in rows)
    assert outcomes.keys() == {"ok", LEFT}
    assert outcomes[LEFT] <= REQUESTS // 10

    book = ledger.open(proxy.ledger)
    done = book.reconcile(api_key=PROVIDER_KEY, base_url=slow_emulator.base_url, is_forced=True)
    book.close()
    assert (done.pending, done.failed) == (0, 0)
    rows = rows_of(proxy, callers)
    bill = {one.generation_id: one.cost for one in slow_emulator.bill()}
    assert {row.generation_id: to_usd(row.cost or 0) for row in rows} == bill
    for caller in callers:
        costs = sorted(to_usd(row.cost or 0) for row in rows if row.key_name == caller.alias)
        logged, total = spends[caller.alias]
        assert sorted(logged) == costs
        # The proxy adds up in floating point.
        assert total == pytest.approx(float(sum(costs)), rel=1e-12)


def rows_of(proxy: Proxy, callers: list[Caller]) -> list[Row]:
    store = ledger.open(proxy.ledger).store
    found = store.rows()
    store.close()
    names = {caller.alias for caller in callers}
    return [row for row in found if row.key_name in names and row.outcome != OPEN]


def spend_when_still(proxy: Proxy, callers: list[Caller]) -> dict[str, tuple[list[Decimal], float]]:
    """LiteLLM's spend by key, request by request and in total, once all is there."""
    before: Any = None
    for _ in patiently():
        now = {caller.alias: spend(proxy, caller.alias) for caller in callers}
        is_whole = sum(len(logged) for logged, _ in now.values()) == REQUESTS
        if now == before and is_whole:
            return now
        before = now
        time.sleep(5)
    raise TimeoutError


def spend(proxy: Proxy, alias: str) -> tuple[list[Decimal], float]:
    with psycopg.connect(proxy.database) as connection:
        logged = connection.execute(
            'SELECT l.spend FROM "LiteLLM_SpendLogs" l JOIN "LiteLLM_VerificationToken" k '
            "ON l.api_key = k.token WHERE k.key_alias = %s",
            (alias,),
        ).fetchall()
        total = connection.execute(
            'SELECT spend FROM "LiteLLM_VerificationToken" WHERE key_alias = %s', (alias,)
        ).fetchone()
    return [Decimal(repr(one)) for (one,) in logged], total[0] if total else 0.0
