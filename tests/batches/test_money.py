"""What a batch may cost, and did: budgets, the ledger's row, LiteLLM's callbacks, the debug log."""

from __future__ import annotations

import asyncio
import logging
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.exceptions import BudgetExceededError

from openrouter_adapter import ledger
from openrouter_adapter.money import to_usd
from tests.support.costs import listening
from tests.support.gate import RecordingGate, RefusingGate, guarded

from .conftest import NANO, create, line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator
    from openrouter_adapter.ledger import Ledger, Row

OURS = {"custom_llm_provider": "openrouter"}


@pytest.fixture
def book(emulated: Emulator, tmp_path: Path) -> Iterator[Ledger]:  # noqa: ARG001 - registers
    """A ledger that LiteLLM's calls are written to."""
    yield ledger.enable(tmp_path / "ledger.db")
    ledger.disable()


def rows(book: Ledger) -> list[Row]:
    book.flush()
    return book.store.rows()


def billed(emulated: Emulator) -> Decimal:
    return sum((row.cost for row in emulated.bill()), Decimal(0))


def test_a_batch_is_one_row_with_its_bill(
    emulated: Emulator, book: Ledger, finish: Callable[[], None]
) -> None:
    made = litellm.create_batch(**create(line("a"), line("b"), metadata={"job": "night"}))
    (row,) = rows(book)
    assert (row.endpoint, row.model, row.generation_id) == ("/batches", NANO, made.id)
    assert (row.cost, row.cost_status, row.outcome, row.job) == (None, "unknown", "open", "night")

    litellm.retrieve_batch(made.id, **OURS)
    assert rows(book)[0].cost is None

    finish()
    for _ in range(2):
        litellm.retrieve_batch(made.id, **OURS)
    (row,) = rows(book)
    assert row.total is not None
    assert to_usd(row.total) == billed(emulated) > 0
    assert (row.cost_status, row.provider) == ("billed", "OpenAI")
    assert row.prompt_tokens == sum(one.tokens_prompt for one in emulated.bill())


async def test_an_asynchronous_one_likewise(emulated: Emulator, book: Ledger) -> None:
    made = await litellm.acreate_batch(**create(line("a")))
    emulated.advance(hours=1)
    for _ in range(2):
        await litellm.aretrieve_batch(made.id, **OURS)
    await asyncio.sleep(0.2)
    (row,) = rows(book)
    assert row.total is not None
    assert to_usd(row.total) == billed(emulated) > 0


def test_a_batch_that_nobody_retrieves_is_reconciled(
    emulated: Emulator, book: Ledger, finish: Callable[[], None]
) -> None:
    litellm.create_batch(**create(line("a")))
    assert book.reconcile(is_forced=True).pending == 1
    finish()
    assert book.reconcile(is_forced=True).settled == 1
    (row,) = rows(book)
    assert row.total is not None
    assert to_usd(row.total) == billed(emulated) > 0
    assert row.prompt_tokens > 0


def test_a_failed_batch_costs_nothing(book: Ledger, finish: Callable[[], None]) -> None:
    made = litellm.create_batch(**create(line("a", max_tokens=10**7)))
    finish()
    litellm.retrieve_batch(made.id, **OURS)
    (row,) = rows(book)
    assert (row.cost, row.cost_status, row.outcome) == (0, "billed", "error")


def test_a_refused_submission_costs_nothing(emulated: Emulator, book: Ledger) -> None:
    emulated.faults.add("status=429; path=/batches")
    with pytest.raises(litellm.RateLimitError):
        litellm.create_batch(**create(line("a")))
    (row,) = rows(book)
    assert (row.cost, row.cost_status, row.outcome) == (0, "billed", "error")


def test_an_answer_that_was_lost_leaves_the_cost_unknown(emulated: Emulator, book: Ledger) -> None:
    emulated.faults.add("hang-up; path=/batches", times=1)
    with pytest.raises(litellm.APIConnectionError, match="look for it with list_batches"):
        litellm.create_batch(**create(line("a")))
    (row,) = rows(book)
    assert (row.cost, row.cost_status, row.outcome) == (None, "unknown", "error")
    assert len(litellm.list_batches(**OURS).data) == 1


def test_withheld_results_are_billed_nevertheless(
    emulated: Emulator, book: Ledger, finish: Callable[[], None]
) -> None:
    emulated.add_credits(Decimal("0.000001"))
    made = litellm.create_batch(**create(line("a")))
    finish()
    with pytest.raises(litellm.exceptions.PaymentRequiredError, match="available once"):
        litellm.retrieve_batch(made.id, **OURS)
    (row,) = rows(book)
    emulated.add_credits(Decimal(1))
    assert litellm.retrieve_batch(made.id, **OURS).status == "completed"
    assert row.total is not None
    assert to_usd(row.total) == billed(emulated) > 0
    assert rows(book)[0].total == row.total


def test_a_budget_reserves_the_worst_case_until_the_bill(
    emulated: Emulator, book: Ledger, finish: Callable[[], None]
) -> None:
    book.budget("night", Decimal("0.0001"), job="night")
    more: dict[str, Any] = {"metadata": {"job": "night"}}
    made = litellm.create_batch(**create(line("a"), **more))
    (status,) = book.budgets()
    assert status.held > 0
    assert status.spent == 0
    with pytest.raises(BudgetExceededError, match="budget night"):
        litellm.create_batch(**create(*(line(str(n)) for n in range(20)), **more))
    assert len(litellm.list_batches(**OURS).data) == 1

    finish()
    litellm.retrieve_batch(made.id, **OURS)
    book.flush()
    (status,) = book.budgets()
    assert (status.held, status.spent) == (0, billed(emulated))


def test_a_gate_that_refuses_keeps_a_batch_from_being_sent(emulated: Emulator) -> None:
    with guarded(RefusingGate()) as gate, pytest.raises(BudgetExceededError):
        litellm.create_batch(**create(line("a")))
    assert emulated.requests == []
    (asked,) = gate.asked
    assert asked[0]["model"] == NANO
    assert len(asked[0]["requests"]) == 1


def test_each_attempt_ends_once(emulated: Emulator) -> None:
    with guarded(RecordingGate()) as gate:
        litellm.create_batch(**create(line("a")))
        emulated.faults.add("status=500; path=/batches", times=1)
        with pytest.raises(litellm.InternalServerError):
            litellm.create_batch(**create(line("a")))
        asyncio.run(litellm.acreate_batch(**create(line("a"))))
    assert [bill and bill.cost for bill in gate.bills] == [None, None, None]


async def test_litellms_callbacks_get_the_bill_once(emulated: Emulator) -> None:
    with listening() as costs:
        made = await litellm.acreate_batch(**create(line("a"), litellm_call_id="made"))
        emulated.advance(hours=1)
        for name in ("first", "second"):
            await litellm.aretrieve_batch(made.id, litellm_call_id=name, **OURS)
        told = [await costs.of(name) for name in ("made", "first", "second")]
    assert told == [None, float(billed(emulated)), 0.0]


def test_the_debug_log_has_each_request_and_no_prompt(
    emulated: Emulator, caplog: pytest.LogCaptureFixture, finish: Callable[[], None]
) -> None:
    from openrouter_adapter import debugging

    debugging.enable()
    try:
        with caplog.at_level(logging.DEBUG, "openrouter_adapter.debug"):
            made = litellm.create_batch(**create(line("a secret")))
            finish()
            litellm.retrieve_batch(made.id, **OURS)
    finally:
        debugging.disable()
    assert [record.message.split()[0] for record in caplog.records] == ["POST", "GET"]
    assert emulated.api_key not in caplog.text
    assert "secret" not in caplog.text
