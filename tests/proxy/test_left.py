"""What a client costs its key that leaves in the middle of a stream: OpenRouter's bill."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import httpx
import pytest

from openrouter_adapter.ledger.rows import LEFT

from . import requests
from .conftest import SECONDS, patiently

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator
    from openrouter_adapter.emulator.billing import BillRow

    from .conftest import Caller, Proxy

pytestmark = pytest.mark.timeout(600)  # a proxy starts slowly on a busy machine


def leave(proxy: Proxy, caller: Caller, path: str) -> None:
    """Ask for a stream, and go away when some of it has come."""
    headers = {"Authorization": f"Bearer {caller.key}"}
    with httpx.stream(
        "POST", proxy.url + path, headers=headers, timeout=SECONDS, **requests.of(path, stream=True)
    ) as answer:
        assert answer.status_code == 200
        for count, _ in enumerate(answer.iter_lines()):
            if count == 4:
                return


def billed(emulator: Emulator, before: int, count: int) -> list[BillRow]:
    """Return the new rows of the bill; a stream that was left has one when that was noticed."""
    for _ in patiently():
        found = emulator.bill()[before:]
        if len(found) == count:
            return found
    raise TimeoutError


def spend(proxy: Proxy, caller: Caller, count: int) -> list[tuple[Decimal, int, int]]:
    """Return cost, input and output tokens of so many requests, as LiteLLM has logged them."""
    for _ in patiently():
        found = proxy.query(
            "SELECT l.spend, l.prompt_tokens, l.completion_tokens "
            'FROM "LiteLLM_SpendLogs" l JOIN "LiteLLM_VerificationToken" k '
            "ON l.api_key = k.token WHERE k.key_alias = %s",
            caller.alias,
        )
        if len(found) == count:
            break
    return sorted((Decimal(repr(cost)), prompt, answer) for cost, prompt, answer in found)


def test_a_client_that_leaves_its_stream_costs_its_key_what_openrouter_billed(
    proxy: Proxy, emulator: Emulator
) -> None:
    caller = proxy.caller(max_parallel_requests=1)
    before = len(emulator.bill())
    for number, path in enumerate(requests.STREAMED):
        # OpenRouter stops in the middle, so that the client is the one who ends it; the next
        # stream is let in although the bill of the one before is not known yet.
        emulator.faults.add("stall; after=4", times=1)
        leave(proxy, caller, path)
        billed(emulator, before, number + 1)

    rows = billed(emulator, before, len(requests.STREAMED))
    assert all(row.cancelled and row.cost > 0 for row in rows)
    costs = sorted((row.cost, row.tokens_prompt, row.tokens_completion) for row in rows)
    assert spend(proxy, caller, len(costs)) == costs
    total = float(sum(cost for cost, *_ in costs))
    of_key = 'SELECT spend FROM "LiteLLM_VerificationToken" WHERE key_alias = %s'
    for _ in patiently():
        [(counted,)] = proxy.query(of_key, caller.alias)
        if counted == pytest.approx(total, rel=1e-9):
            break
    assert counted == pytest.approx(total, rel=1e-9)
    assert {row.outcome for row in proxy.rows(caller, len(costs))} == {LEFT}
