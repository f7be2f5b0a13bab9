"""A job that goes the usual way, though it could go at half price, says what that would cost."""

from __future__ import annotations

import io
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from openrouter_adapter import batch
from openrouter_adapter.batch.display import Display, Screen
from openrouter_adapter.cli import app
from openrouter_adapter.emulator import Emulator
from tests.batch.conftest import MODEL, QUICK, chat, line
from tests.batch.test_half_price import EMBEDDER, MODELS, mixed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openrouter_adapter.batch import Progress

SAID = re.compile(
    r"With --half-price it would likely cost USD ([0-9.]+), with answers within a day"
)


def command(*words: Any) -> Any:
    return CliRunner().invoke(app, ["batch", *map(str, words)])


def said(output: str) -> list[Decimal]:
    return [Decimal(found) for found in SAID.findall(" ".join(output.split()))]


def test_the_estimate_has_a_line_with_the_cost_in_batches(
    openrouter_at: Emulator, job: Callable[..., Path]
) -> None:
    path = job(mixed(60))
    exact = batch.dry_run(path, half_price=True).total.likely
    output = command("run", path, "--dry-run").output
    assert said(output) == [exact]
    usual = batch.dry_run(path).total.likely
    assert 0 < exact < usual * Decimal("0.51")
    found = json.loads(command("run", path, "--dry-run", "--json").output)
    assert Decimal(found["at_half_price_usd"]) == exact
    assert "With --half-price" not in command("run", path, "--dry-run", "--half-price").output
    assert "With --half-price" not in command("run", path, "--dry-run", "--cache").output
    assert not openrouter_at.bill()


@pytest.mark.parametrize("budget", [(), ("--budget", "1")])
@pytest.mark.usefixtures("openrouter_at")
def test_a_run_says_it_once_before_it_sends(
    job: Callable[..., Path], tmp_path: Path, budget: tuple[str, ...]
) -> None:
    path, out = job(mixed(60)), tmp_path / "out"
    exact = batch.dry_run(path, half_price=True).total.likely
    ran = command("run", path, "--out", out, *budget)
    (cost,) = said(ran.output)
    assert abs(cost - exact) <= exact / 100_000
    # Its folder belongs to the usual way now.
    assert not said(command("run", path, "--out", out).output)
    for silent in ("--quiet", "--json"):
        again = command("run", path, "--out", tmp_path / silent, *budget, silent)
        assert (again.exit_code, "With --half-price" in again.output) == (0, False)
    assert not said(command("run", path, "--out", tmp_path / "cached", "--cache").output)


@pytest.mark.parametrize(
    "other",
    [
        chat(99, model=MODEL),  # has no price in batches
        chat(99, model=MODELS[0], provider={"zdr": True}),
        chat(
            99,
            model=MODELS[0],
            messages=[
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
                    ],
                }
            ],
        ),
        line("e", "/v1/embeddings", {"model": EMBEDDER, "input": "x", "input_type": "query"}),
        line(
            "i",
            "/v1/images/generations",
            {"model": "google/gemini-2.5-flash-image", "prompt": "a cat"},
        ),
    ],
)
@pytest.mark.usefixtures("openrouter_at")
def test_one_line_that_cannot_go_there_keeps_it_silent(
    job: Callable[..., Path], tmp_path: Path, other: dict[str, Any]
) -> None:
    path = job([*mixed(6), other])
    assert batch.dry_run(path).at_half_price is None
    seen: list[Progress] = []
    batch.run(path, tmp_path / "out", pace=QUICK, watch=seen.append)
    assert {one.snapshot().at_half_price for one in seen} == {None}


@pytest.mark.usefixtures("openrouter_at")
def test_a_large_job_is_estimated_from_some_of_its_requests(
    job: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from openrouter_adapter.batch.estimates import Prices

    estimated, original = [], Prices.likely_in_batch

    def count(self: Prices, request: Any) -> Decimal | None:
        estimated.append(request.line)
        return original(self, request)

    monkeypatch.setattr(Prices, "likely_in_batch", count)
    path = job(mixed(1500))
    seen: list[Progress] = []
    batch.run(path, tmp_path / "out", pace=QUICK, watch=seen.append)
    likely = seen[0].snapshot().at_half_price
    exact = batch.dry_run(path).at_half_price
    assert likely is not None
    assert exact is not None
    assert abs(likely - exact) < exact / 20
    assert 300 < len(estimated) < 350


def test_no_request_is_made_for_it(job: Callable[..., Path], tmp_path: Path) -> None:
    """The list of models is read once, as before; and not at all if nothing else needs it."""
    path = job(mixed(6))
    for keep_going, asked in ((True, 0), (False, 1)):
        with Emulator(log_size=1000) as em:
            options: dict[str, Any] = {"api_base": em.base_url, "api_key": em.api_key}
            seen: list[Progress] = []
            batch.run(
                path,
                tmp_path / f"out-{keep_going}",
                keep_going=keep_going,
                watch=seen.append,
                **options,
            )
            others = [one.path for one in em.requests if one.method == "GET"]
            assert len(others) == asked, others
            assert (seen[0].snapshot().at_half_price is None) == keep_going


def test_a_catalogue_that_cannot_be_read_costs_no_second_try(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    openrouter_at.faults.add("status=500; path=/models")
    summary = batch.run(job(mixed(6)), tmp_path / "out", pace=QUICK)
    assert summary.done == 6
    assert len([one for one in openrouter_at.requests if one.path == "/models"]) == 1


def test_a_dry_run_at_half_price_refuses_what_the_run_would(
    openrouter_at: Emulator, job: Callable[..., Path]
) -> None:
    path = job([*mixed(6), chat(9)])
    refused = command("run", path, "--dry-run", "--half-price")
    assert refused.exit_code == 2
    assert "openai/gpt-4o-mini has no price in OpenRouter's Batch API" in refused.output
    found = batch.dry_run(path, half_price=True, rest="send")
    usual = batch.dry_run(path)
    assert found.requests == 7
    assert found.models["openai/gpt-4o-mini"] == usual.models["openai/gpt-4o-mini"]
    assert found.models[MODELS[0]].likely < usual.models[MODELS[0]].likely
    assert not openrouter_at.bill()


def test_a_display_says_it_on_a_terminal_too() -> None:
    text = io.StringIO()
    screen = Screen(file=text, force_terminal=True, width=100)
    with Display(screen) as display:
        for done in range(3):
            display.show(batch.Snapshot(requests=3, done=done, at_half_price=Decimal("0.0123")))
    assert text.getvalue().count("likely cost USD 0.0123") == 1
