"""A video's row: open from its submission on, billed once when its job ends, under budgets."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.exceptions import BudgetExceededError

from openrouter_adapter import ledger
from openrouter_adapter.emulator import Emulator
from openrouter_adapter.ledger import to_pico
from openrouter_adapter.video_generation import jobs, models

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openrouter_adapter.ledger import Ledger, Row

ROOT = Path(__file__).parents[2]
VEO = "openrouter/google/veo-3.1"
SUBMIT = """
import os, litellm, openrouter_adapter
from openrouter_adapter import ledger
openrouter_adapter.register()
litellm.video_generation("A wren.", model="openrouter/google/veo-3.1", seconds="4", user="ann")
ledger.current().flush()
os.kill(os.getpid(), 9)
"""


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("OPENROUTER_ADAPTER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(jobs, "_reported", {})
    yield
    models.forget()


@pytest.fixture
def to(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    # The list of prices is asked for at the address of the environment.
    monkeypatch.setenv("OPENROUTER_API_BASE", emulator.base_url)
    monkeypatch.setenv("OPENROUTER_API_KEY", emulator.api_key)
    return {}


def submit(**fields: Any) -> Any:
    return litellm.video_generation(
        **{"model": VEO, "prompt": "A wren.", "seconds": "4", "user": "ann", **fields}
    )


def rows(book: Ledger) -> list[Row]:
    assert book.flush(60)
    return book.store.rows()


def test_a_video_has_one_row_that_its_first_completed_status_bills(
    enabled: Ledger, emulator: Emulator, to: dict[str, Any]
) -> None:
    video = submit(metadata={"tags": ["birds"], "job": "zoo"}, **to)
    litellm.video_status(video.id)
    (row,) = rows(enabled)
    assert (row.endpoint, row.model, row.outcome) == ("/videos", "google/veo-3.1", "open")
    assert (row.cost, row.cost_status) == (None, "unknown")
    assert (row.tags, row.job, row.end_user_id or row.user_id) == ('["birds"]', "zoo", "ann")
    emulator.advance(seconds=5)
    for _ in range(3):
        litellm.video_status(video.id)
    litellm.video_content(video.id)
    (row,), (bill,) = rows(enabled), emulator.bill()
    assert row.generation_id == bill.generation_id
    assert (row.cost, row.cost_status, row.outcome) == (to_pico(bill.cost), "billed", "ok")
    assert "wren" not in repr(row)


def test_a_budget_refuses_a_minute_in_4k_before_it_is_sent_naming_the_sum(
    enabled: Ledger, emulator: Emulator, to: dict[str, Any]
) -> None:
    enabled.budget("zoo", 10)
    with pytest.raises(BudgetExceededError, match=r"of 10 USD .* could cost 14\.4 USD"):
        submit(model="openrouter/lightricks/ltx-2-pro", seconds="60", size="4K", **to)
    assert [one.path for one in emulator.requests] == ["/videos/models"]
    (row,) = rows(enabled)
    assert (row.outcome, row.cost, row.error_class) == ("error", 0, "BudgetExceededError")


def test_a_reservation_stays_until_the_job_ends(
    enabled: Ledger, emulator: Emulator, to: dict[str, Any]
) -> None:
    enabled.budget("zoo", 3)
    video = submit(size="1280x720", **to)
    (state,) = enabled.budgets()
    assert (state.spent, state.held) == (0, Decimal("1.6"))
    with pytest.raises(BudgetExceededError, match=r"1\.6 USD reserved"):
        submit(size="1280x720", **to)
    emulator.advance(seconds=5)
    litellm.video_status(video.id)
    assert enabled.flush(60)
    (state,) = enabled.budgets()
    assert (state.spent, state.held) == (emulator.bill()[0].cost, 0)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"model": "openrouter/bytedance/seedance-2.5"}, "video_tokens has a unit"),
        ({"model": "openrouter/google/unknown"}, "lists no such video model"),
        ({"provider": {"options": {"google-vertex": {"sampleCount": 4}}}}, "provider.options"),
    ],
)
def test_what_has_no_bound_needs_a_limit_of_one_request(
    enabled: Ledger, emulator: Emulator, to: dict[str, Any], fields: dict[str, Any], why: str
) -> None:
    enabled.budget("zoo", 10)
    with pytest.raises(BudgetExceededError, match=f"{why}.*max_request_usd"):
        submit(**fields, **to)
    assert not [one for one in emulator.requests if one.method == "POST"]


def test_a_job_without_a_bound_reserves_the_limit_of_one_request(
    enabled: Ledger, emulator: Emulator, to: dict[str, Any]
) -> None:
    enabled.budget("zoo", 10, max_request_usd=2)
    video = submit(model="openrouter/bytedance/seedance-2.5", seconds="5", **to)
    assert enabled.budgets()[0].held == 2
    emulator.advance(seconds=5)
    litellm.video_status(video.id)
    assert enabled.flush(60)
    assert enabled.budgets()[0].spent == emulator.bill()[0].cost


def test_reconcile_finds_what_nobody_looked_at(
    enabled: Ledger, emulator: Emulator, to: dict[str, Any]
) -> None:
    submit(**to)
    done = enabled.reconcile(is_forced=True)
    assert (done.settled, done.pending) == (0, 1)
    emulator.advance(seconds=5)
    assert enabled.reconcile(is_forced=True).settled == 1
    (row,), (bill,) = rows(enabled), emulator.bill()
    assert (row.cost, row.outcome) == (to_pico(bill.cost), "ok")


def test_a_status_after_reconcile_adds_nothing(
    enabled: Ledger, emulator: Emulator, to: dict[str, Any]
) -> None:
    video = submit(**to)
    emulator.advance(seconds=5)
    enabled.reconcile(is_forced=True)
    assert litellm.video_status(video.id)._hidden_params["response_cost"] == 0
    assert [row.cost for row in rows(enabled)] == [to_pico(emulator.bill()[0].cost)]


@pytest.mark.parametrize("ending", ["failed", "cancelled", "expired"])
@pytest.mark.parametrize("is_seen", [True, False], ids=["seen", "reconciled"])
def test_a_job_that_failed_costs_what_openrouter_says(
    enabled: Ledger, emulator: Emulator, to: dict[str, Any], ending: str, is_seen: bool
) -> None:
    emulator.faults.add(f"choice-error=502; job={ending}")
    enabled.budget("zoo", 10)
    video = submit(**to)
    emulator.advance(seconds=5)
    if is_seen:
        litellm.video_status(video.id)
        (row,) = rows(enabled)
        assert (row.outcome, row.error_code, row.cost) == ("error", ending, None)
    # A status of a failed job has no cost; the generation has.
    assert enabled.reconcile(is_forced=True).settled == 1
    (row,) = rows(enabled)
    assert (row.outcome, row.cost, row.cost_status) == ("error", 0, "billed")
    assert (enabled.budgets()[0].spent, enabled.budgets()[0].held) == (0, 0)


def test_with_ones_own_provider_key_the_providers_charge_is_counted_too(
    enabled: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Emulator(byok=["google-vertex"]) as emulator:
        monkeypatch.setenv("OPENROUTER_API_BASE", emulator.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", emulator.api_key)
        video = submit()
        emulator.advance(seconds=5)
        done = litellm.video_status(video.id)
        assert done._hidden_params["response_cost"] == 0.08
        # The status has OpenRouter's fee alone.
        assert rows(enabled)[0].cost is None
        assert enabled.reconcile(is_forced=True).settled == 1
        (row,), (bill,) = rows(enabled), emulator.bill()
    assert row.is_byok
    assert (row.cost, row.upstream) == (to_pico(bill.cost), to_pico(bill.upstream_cost))


def test_a_process_that_is_killed_after_the_submission_loses_nothing(
    where: str, emulator: Emulator, to: dict[str, Any], enable: Any
) -> None:
    with contextlib.closing(ledger.open(where)) as planned:
        planned.budget("zoo", 10)
    environment = {**os.environ, "OPENROUTER_ADAPTER_LEDGER": where}
    killed = subprocess.run(  # noqa: S603
        [sys.executable, "-c", SUBMIT], cwd=ROOT, env=environment, timeout=110, check=False
    )
    assert killed.returncode == -9
    book = enable(where)
    (row,) = rows(book)
    assert (row.outcome, row.cost) == ("open", None)
    assert book.budgets()[0].held > 0
    emulator.advance(seconds=5)
    assert book.reconcile().settled == 1
    (row,), (bill,) = rows(book), emulator.bill()
    assert (row.cost, row.outcome) == (to_pico(bill.cost), "ok")
    assert (book.budgets()[0].spent, book.budgets()[0].held) == (bill.cost, 0)
    assert to == {}


def test_another_process_than_the_one_that_submitted_bills_the_row(
    where: str, emulator: Emulator, to: dict[str, Any], enable: Any
) -> None:
    first = enable(where)
    video = submit(**to)
    rows(first)
    ledger.disable()
    emulator.advance(seconds=5)
    second = enable(where)
    litellm.video_status(video.id)
    assert [row.cost for row in rows(second)] == [to_pico(emulator.bill()[0].cost)]


def test_a_job_of_no_row_is_no_ones(
    enabled: Ledger, emulator: Emulator, to: dict[str, Any]
) -> None:
    ledger.disable()
    video = submit(**to)
    emulator.advance(seconds=5)
    book = ledger.enable(enabled.store.database.url.render_as_string(hide_password=False))
    assert litellm.video_status(video.id)._hidden_params["response_cost"] == 1.6
    assert rows(book) == []
