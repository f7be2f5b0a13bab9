"""Costs that did not come with the answer are asked for, in time and once."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import litellm
import pytest

from openrouter_adapter import ledger
from openrouter_adapter.ledger import to_pico
from openrouter_adapter.ledger.reconcile import reconcile

from .rows import billed, unknown
from .test_writer import CODE, run
from .traffic import CHAT

if TYPE_CHECKING:
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator
    from openrouter_adapter.ledger import Ledger

HELLO = [{"role": "user", "content": "Hello"}]


def now() -> int:
    return time.time_ns() // 1000


def missing(_: str) -> Any:
    raise litellm.NotFoundError(message="no such generation", model="", llm_provider="openrouter")


def test_not_found_is_asked_again_later_and_later(book: Ledger) -> None:
    row = unknown("gen-1", outcome="left", started_at=now(), ask_after=now() - 1)
    book.store.write([row])
    for asks in range(1, 5):
        done = reconcile(book.store, missing, is_forced=True)
        assert (done.settled, done.pending, done.failed) == (0, 1, 0)
        [row] = book.store.rows()
        assert row.asks == asks
        assert row.ask_after is not None
        assert row.ask_after - now() > (2 ** (asks - 1) * 2 - 1) * 10**6
    assert reconcile(book.store, missing).pending == 0
    done = reconcile(book.store, lambda _: {"total_cost": 0.5}, is_forced=True)
    assert done.settled == 1
    [row] = book.store.rows()
    assert (row.cost, row.cost_status, row.ask_after) == (to_pico_of("0.5"), "billed", None)


def to_pico_of(usd: str) -> int:
    from decimal import Decimal

    return to_pico(Decimal(usd))


def test_after_a_month_nobody_asks_any_more(book: Ledger) -> None:
    book.store.write([unknown("gen-1", started_at=now() - 31 * 86_400 * 10**6, ask_after=0)])
    reconcile(book.store, missing)
    [row] = book.store.rows()
    assert (row.ask_after, row.cost) == (None, None)


def test_a_failed_question_harms_nothing(book: Ledger) -> None:
    book.store.write([unknown("gen-1", started_at=now(), ask_after=0)])

    def fail(_: str) -> Any:
        raise litellm.APIConnectionError(message="no network", model="", llm_provider="openrouter")

    assert reconcile(book.store, fail).failed == 1

    def wrong_key(_: str) -> Any:
        raise litellm.AuthenticationError(message="no", model="", llm_provider="openrouter")

    with pytest.raises(litellm.AuthenticationError):
        reconcile(book.store, wrong_key, is_forced=True)


def test_rows_whose_cost_is_known_are_not_asked_for(book: Ledger) -> None:
    book.store.write([billed(5, generation_id="gen-1"), unknown(None)])
    asked: list[str] = []
    reconcile(book.store, lambda one: asked.append(one) or {}, is_forced=True)  # type: ignore[func-returns-value]
    assert asked == []


def test_byok_is_put_right_with_what_the_provider_charges(book: Ledger) -> None:
    book.store.write([unknown("gen-1", started_at=now(), ask_after=0)])
    reconcile(
        book.store,
        lambda _: {"total_cost": 0.1, "is_byok": True, "upstream_inference_cost": 2},
    )
    [row] = book.store.rows()
    assert (row.cost, row.upstream, row.is_byok) == (10**11, 2 * 10**12, True)


def test_a_killed_process_leaves_its_generation_id(emulator: Emulator, tmp_path: Path) -> None:
    ready = 'print("ready", flush=True)\n'
    loop = "for _ in range(3):"
    code = CODE.replace(ready, "").replace(loop, f"{ready}{loop}")
    emulator.faults.add("slow-drip=0.3")
    where = str(tmp_path / "ledger.db")
    process = run(where, emulator, "wait", code)
    with contextlib.closing(ledger.open(where)) as seen:
        deadline = time.monotonic() + 60
        while not seen.store.rows() and time.monotonic() < deadline:
            time.sleep(0.05)
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
    book = ledger.open(where)
    [row] = book.store.rows()
    assert (row.outcome, row.cost) == ("open", None)
    deadline = time.monotonic() + 10
    while not emulator.bill() and time.monotonic() < deadline:
        time.sleep(0.05)
    [bill] = emulator.bill()
    done = book.reconcile(api_key=emulator.api_key, base_url=emulator.base_url, is_forced=True)
    assert done.settled == 1
    [row] = book.store.rows()
    assert (row.generation_id, row.cost) == (bill.generation_id, to_pico(bill.cost))
    book.close()


def test_a_left_stream_is_put_right_once(
    enabled: Ledger, emulator: Emulator, to: dict[str, str]
) -> None:
    stream = litellm.completion(CHAT, HELLO, stream=True, **to)
    next(stream)
    stream.close()
    for expected in (1, 0):
        done = enabled.reconcile(
            api_key=emulator.api_key, base_url=emulator.base_url, is_forced=True
        )
        assert done.settled == expected
    [row] = enabled.store.rows()
    [bill] = emulator.bill()
    assert (row.outcome, row.cost) == ("left", to_pico(bill.cost))
    assert enabled.spend("total")[0].unknown == 0
