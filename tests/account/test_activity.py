"""The ledger compared with OpenRouter's activity: what agrees, what does not, and why."""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import litellm
import pytest

from openrouter_adapter import account, ledger
from openrouter_adapter.emulator import Emulator
from openrouter_adapter.ledger import Row, metadata, to_pico

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from openrouter_adapter.emulator import BillRow

DAY = 86_400
NOON = time.time() // DAY * DAY + DAY / 2
TODAY = dt.datetime.fromtimestamp(NOON, dt.timezone.utc).date()
YESTERDAY = TODAY - dt.timedelta(days=1)
MINI, LARGE = "openai/gpt-4o-mini", "anthropic/claude-sonnet-4.5"


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """OpenRouter, on noon of yesterday."""
    with Emulator(
        clock=lambda: NOON - DAY, byok=["amazon-bedrock", "anthropic", "google-vertex"]
    ) as running:
        monkeypatch.setenv("OPENROUTER_API_BASE", running.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", running.api_key)
        monkeypatch.setenv("OPENROUTER_PROVISIONING_KEY", running.provisioning_key)
        yield running


@pytest.fixture
def book(tmp_path: Path) -> Iterator[ledger.Ledger]:
    with_rows = ledger.open(tmp_path / "ledger.db")
    yield with_rows
    with_rows.close()


def ask(emulator: Emulator, model: str = MINI, *, key: str | None = None) -> BillRow:
    """Have a request billed, and return its row of the bill."""
    httpx.post(
        f"{emulator.base_url}/chat/completions",
        headers={"Authorization": f"Bearer {key or emulator.api_key}"},
        json={"model": model, "messages": [{"role": "user", "content": "Hi"}]},
    ).raise_for_status()
    return emulator.bill()[-1]


def write(book: ledger.Ledger, bill: BillRow, **changes: Any) -> None:
    """Write what was billed into the ledger, as the gate would."""
    fields: dict[str, Any] = {
        "generation_id": bill.generation_id,
        "model": bill.model_id or bill.model,
        "served_model": bill.model,
        "outcome": "ok",
        "cost_status": "billed",
        "cost": to_pico(bill.cost),
        "upstream": to_pico(bill.upstream_cost) if bill.is_byok else 0,
        "is_byok": bill.is_byok,
        "key_name": metadata.key_name("sk-or-v1-emulator"),
        **changes,
    }
    started = fields.pop("started_at", round(bill.created_at * 1e6))
    book.store.write([Row(fields.pop("call_id", bill.generation_id), 1, started, **fields)])


def check(emulator: Emulator, book: ledger.Ledger, **options: Any) -> account.Check:
    """Compare the two, on the day after."""
    emulator.advance(days=1)
    return account.check(book, today=TODAY, **options)


def only(found: account.Check) -> account.Comparison:
    [one] = found.comparisons
    return one


def test_what_was_billed_and_written_agrees(emulator: Emulator, book: ledger.Ledger) -> None:
    bills = [ask(emulator) for _ in range(3)]
    for bill in bills:
        write(book, bill)
    found = check(emulator, book)
    assert found.agrees
    assert found.difference == 0
    one = only(found)
    assert (one.day, one.model, one.reasons) == (YESTERDAY, MINI, [])
    assert one.ledger.requests == one.openrouter.requests == 3
    assert one.ledger.credits == sum(bill.cost for bill in bills)
    assert (found.since, found.until) == (TODAY - dt.timedelta(days=30), YESTERDAY)


def test_what_your_own_provider_account_pays_is_held_apart(
    emulator: Emulator, book: ledger.Ledger
) -> None:
    bill = ask(emulator, LARGE)
    assert bill.is_byok
    write(book, bill)
    one = only(check(emulator, book))
    assert one.openrouter.byok == one.ledger.byok == bill.upstream_cost > 0
    assert not one.differs


def test_a_byok_bill_that_lacks_is_named(emulator: Emulator, book: ledger.Ledger) -> None:
    bill = ask(emulator, LARGE)
    write(book, bill, upstream=0)
    found = check(emulator, book, tolerance=Decimal(0))
    assert not found.agrees
    assert found.difference == only(found).byok_difference == bill.upstream_cost
    assert "BYOK" in only(found).reasons[0]


def test_other_programs_are_named(emulator: Emulator, book: ledger.Ledger) -> None:
    write(book, ask(emulator))
    other = ask(emulator)
    found = check(emulator, book, tolerance=Decimal(0))
    assert only(found).difference == other.cost
    assert "1 request more at OpenRouter: other programs" in only(found).reasons[0]


def test_with_one_key_only_others_do_not_count(emulator: Emulator, book: ledger.Ledger) -> None:
    write(book, ask(emulator))
    made = httpx.post(
        f"{emulator.base_url}/keys",
        headers={"Authorization": f"Bearer {emulator.provisioning_key}"},
        json={"name": "other"},
    ).json()
    other = ask(emulator, key=made["key"])
    write(book, other, key_name=metadata.key_name(made["key"]))
    ask(emulator, key=made["key"])
    found = check(emulator, book, only_key=emulator.api_key, tolerance=Decimal(0))
    assert found.agrees
    assert only(found).openrouter.requests == only(found).ledger.requests == 1
    digest = hashlib.sha256(emulator.api_key.encode()).hexdigest()
    assert emulator.requests[-1].query["api_key_hash"] == digest


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cost": None, "cost_status": "unknown"}, "1 request in the ledger without a known cost"),
        (
            {"cost": None, "cost_status": "unknown", "outcome": "open"},
            "1 request in the ledger whose end was not recorded",
        ),
    ],
)
def test_what_is_not_settled_is_named_and_nobody_else_is_blamed(
    emulator: Emulator, book: ledger.Ledger, changes: dict[str, Any], words: str
) -> None:
    write(book, ask(emulator), **changes)
    one = only(check(emulator, book))
    assert one.differs
    assert words in one.reasons[0]
    assert "spend reconcile" in one.reasons[0]
    assert not any("other programs" in reason for reason in one.reasons)


def test_a_request_around_midnight_is_named(emulator: Emulator, book: ledger.Ledger) -> None:
    bill = ask(emulator)
    write(book, bill, started_at=round((bill.created_at - DAY) * 1e6))
    found = check(emulator, book, tolerance=Decimal(0))
    assert [one.day for one in found.comparisons] == [YESTERDAY, YESTERDAY - dt.timedelta(days=1)]
    assert found.difference == 2 * bill.cost
    assert all("midnight UTC" in one.reasons[0] for one in found.comparisons)


def test_what_only_the_ledger_has_is_named(emulator: Emulator, book: ledger.Ledger) -> None:
    bill = ask(emulator)
    write(book, bill)
    write(book, bill, call_id="another", model="x/y", served_model="x/y")
    [one, two] = check(emulator, book).comparisons
    assert not one.differs
    assert (two.model, two.openrouter.requests, two.difference) == ("x/y", 0, -bill.cost)
    assert "1 request more in the ledger: the key of another account" in two.reasons[0]


def test_a_charge_that_was_changed_is_named(emulator: Emulator, book: ledger.Ledger) -> None:
    bill = ask(emulator)
    write(book, bill, cost=to_pico(bill.cost) * 2)
    one = only(check(emulator, book))
    assert one.difference == -bill.cost
    assert one.reasons == [
        "the same number of requests on both sides: OpenRouter changed a charge later"
    ]


@pytest.mark.parametrize(
    ("model", "served"),
    [
        (MINI, None),
        (f"{MINI}:nitro", None),
        ("openrouter/auto", "DATED"),
        ("@preset/team", MINI),
        ("another/first-choice", "DATED"),
    ],
)
def test_the_ledger_s_names_are_openrouter_s(
    emulator: Emulator, book: ledger.Ledger, model: str, served: str | None
) -> None:
    bill = ask(emulator)
    write(book, bill, model=model, served_model=bill.model if served == "DATED" else served)
    one = only(check(emulator, book))
    assert (one.model, one.differs) == (MINI, False)


def test_what_openrouter_has_no_part_in_does_not_count(
    emulator: Emulator, book: ledger.Ledger
) -> None:
    bill = ask(emulator)
    write(book, bill)
    write(book, bill, call_id="hit", cache_hit=True, cost=0)
    write(book, bill, call_id="other", via="openai", cost_status="estimate")
    write(book, bill, call_id="refused", outcome="error", cost=0)
    write(book, bill, call_id="today", started_at=round(NOON * 1e6))
    write(book, bill, call_id="long ago", started_at=round((NOON - 40 * DAY) * 1e6))
    one = only(check(emulator, book))
    assert (one.ledger.requests, one.differs) == (1, False)


def test_the_tolerance_is_of_the_sum_without_signs(emulator: Emulator, book: ledger.Ledger) -> None:
    bill = ask(emulator)
    write(book, bill, model="x/y", served_model="x/y")
    found = check(emulator, book, tolerance=2 * bill.cost)
    assert sum(one.difference for one in found.comparisons) == 0
    assert found.difference == 2 * bill.cost
    assert found.agrees
    assert not account.check(book, today=TODAY, tolerance=2 * bill.cost - Decimal("1e-9")).agrees


def test_a_key_that_calls_models_is_told_nothing(
    emulator: Emulator, book: ledger.Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_PROVISIONING_KEY", emulator.api_key)
    with pytest.raises(litellm.PermissionDeniedError, match="OPENROUTER_PROVISIONING_KEY"):
        account.check(book)


def test_a_client_of_the_caller_s_is_used(emulator: Emulator, book: ledger.Ledger) -> None:
    write(book, ask(emulator))
    with account.client(api_key=emulator.provisioning_key) as client:
        assert check(emulator, book, client=client).agrees
        assert client.credits.get_credits().data.total_usage > 0
