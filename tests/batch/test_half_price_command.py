"""`openrouter-adapter batch run --half-price`, as a user types it, leaves it, and comes back."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from openrouter_adapter import batch
from openrouter_adapter.batch import options
from openrouter_adapter.cli import app
from openrouter_adapter.emulator import Emulator
from tests.batch.conftest import chat, read
from tests.batch.test_half_price import MODELS, QUICK, assert_books_agree, billed, em, mixed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openrouter_adapter.batch import Progress

__all__ = ["em"]

NO_PRICE = "openai/gpt-4o-mini has no price in OpenRouter's Batch API"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asks for a batch's status after hundredths of a second."""
    monkeypatch.setattr(options, "_pace_of_options", lambda _: QUICK)


def command(*words: Any) -> Any:
    return CliRunner().invoke(app, ["batch", *map(str, words)])


def said(result: Any) -> str:
    """Everything it printed, as one line."""
    return " ".join(result.output.replace("│", " ").split())


def paths(em: Emulator) -> set[str]:
    """The paths of what was sent to be answered."""
    return {one.path for one in em.requests if one.method == "POST"}


def test_a_job_goes_in_batches_and_says_what_it_cost(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    out, where, path = tmp_path / "out", tmp_path / "ledger.db", job(mixed(30))
    words = ("run", path, "--out", out, "--half-price", "--budget", "1", "--ledger", where)
    ran = command(*words)
    assert ran.exit_code == 0, ran.output
    cost = billed(openrouter_at)
    assert "30 of 30 requests answered, 0 failed, 0 left" in ran.output
    assert f"It cost USD {cost.normalize():f} of a budget of 1" in ran.output
    assert "Batches that have ended: 3." in ran.output
    assert paths(openrouter_at) == {"/batches"}
    assert_books_agree(openrouter_at, out, where, 30)
    # It is over: nothing is sent again, and its folder is of batches.
    again = command(*words, "--json")
    found = json.loads(again.stdout)
    assert (found["done"], Decimal(found["cost_usd"])) == (30, cost)
    assert [one["status"] for one in found["batches"]] == ["completed"] * 3
    assert billed(openrouter_at) == cost
    usual = command("run", path, "--out", out)
    assert usual.exit_code == 2
    assert "--half-price" in usual.output


def test_the_rest_is_refused_unless_it_is_to_be_sent(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    path = job([*(chat(number, model=MODELS[0]) for number in range(5)), chat(5)])
    for words in ((), ("--rest", "refuse")):
        refused = command("run", path, "--out", tmp_path / "no", "--half-price", *words)
        assert refused.exit_code == 2
        assert f"line 6: can't be sent at half price: {NO_PRICE}" in said(refused)
        assert "--rest send" in said(refused)
    assert not paths(openrouter_at)

    out, where = tmp_path / "out", tmp_path / "ledger.db"
    sent = ("--half-price", "--rest", "send", "--ledger", where)
    ran = command("run", path, "--out", out, *sent)
    assert ran.exit_code == 0, ran.output
    assert "6 of 6 requests answered" in ran.output
    assert paths(openrouter_at) == {"/batches", "/chat/completions"}
    assert_books_agree(openrouter_at, out, where, 6)


@pytest.mark.usefixtures("openrouter_at")
@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--rest", "send"), "is only for --half-price"),
        (("--half-price", "--rest", "all"), "Invalid rest 'all': use send or refuse"),
        (("--half-price", "--cache"), "no response cache"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    job: Callable[..., Path], tmp_path: Path, words: tuple[str, ...], reason: str
) -> None:
    refused = command("run", job(mixed(3)), "--out", tmp_path / "out", *words)
    assert refused.exit_code == 2
    assert reason in said(refused)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("openrouter_at")
def test_the_status_names_each_batch_that_is_waited_for(
    job: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, where, path = tmp_path / "out", tmp_path / "ledger.db", job(mixed(30))
    with Emulator(log_size=100_000, batch_seconds=3600) as slow:
        monkeypatch.setenv("OPENROUTER_API_BASE", slow.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", slow.api_key)

        def leave(now: Progress) -> None:
            if now.snapshot().in_flight == 30:
                now.stop("That is enough.")

        batch.run(path, out, half_price=True, ledger=where, pace=QUICK, watch=leave)
        shown = command("status", out)
        assert shown.exit_code == 0
        assert "0 of 30 requests answered, 0 failed, 30 left" in shown.output
        found = json.loads(command("status", out, "--json").stdout)["batches"]
        assert len(found) == 3
        for one in found:
            assert (
                f"  {one['id']}: {one['status']}, 10 requests to {one['model']}"
                in shown.output.splitlines()
            )
            assert one["status"] not in ("completed", "failed")
        assert "Batches that have ended" not in shown.output
        assert f"batch resume {out}" in said(shown)

        slow.advance(seconds=3600)
        resumed = command("resume", out, "--ledger", where)
        assert resumed.exit_code == 0, resumed.output
        over = command("status", out)
        assert "Batches that have ended: 3." in over.output
        assert not [one for one in found if one["id"] in over.output]
        assert_books_agree(slow, out, where, 30)


def test_a_model_that_openrouter_refuses_in_batches_goes_the_usual_way_later(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    out, where = tmp_path / "out", tmp_path / "ledger.db"
    reason = "Model 'x' does not have a :batch endpoint."
    openrouter_at.faults.add(f"status=400; path=/batches; message={reason}")
    path = job([chat(number, model=MODELS[0]) for number in range(5)])
    ran = command("run", path, "--out", out, "--half-price", "--ledger", where)
    assert ran.exit_code == 1
    assert "0 of 5 requests answered, 5 failed" in ran.output
    assert reason in said(ran)
    assert len(read(out / "failures.jsonl")) == 5
    again = command("retry", out, "--rest", "send", "--ledger", where)
    assert again.exit_code == 0, again.output
    assert_books_agree(openrouter_at, out, where, 5)
    assert "/chat/completions" in paths(openrouter_at)
