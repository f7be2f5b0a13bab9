"""The demo: what it shows, that it fits the screen, and that it fails when it should."""

from __future__ import annotations

import io
import os
import re
import struct
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from rich.console import Console

from openrouter_adapter import demo
from openrouter_adapter.emulator import Answer, Emulator
from openrouter_adapter.registration import is_registered

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=80)


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Any:
    """An emulator that the environment points at, as OpenRouter is for a live run."""
    with Emulator() as running:
        monkeypatch.setenv("OPENROUTER_API_KEY", running.api_key)
        monkeypatch.setenv("OPENROUTER_API_BASE", running.base_url)
        yield running


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture
def keep_bills(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The emulators that the demo starts, to read their bills afterwards."""
    started: list[Any] = []

    class Kept(Emulator):
        def __init__(self, **options: Any) -> None:
            super().__init__(**{**options, "chunk_delay": 0})
            started.append(self)

    monkeypatch.setattr(demo, "Emulator", Kept)
    return started


def test_the_table_sums_to_the_bill(
    console: Console, tmp_path: Path, keep_bills: list[Any]
) -> None:
    assert demo.run_emulated(tmp_path, console) == 0

    billed = sum(row.cost for row in keep_bills[0].bill())
    text = printed(console)
    rows = re.findall(
        r"^ (chat|stream|tool call|  answer|embedding|image) .* (0\.\d+) *$", text, re.MULTILINE
    )
    assert len(rows) == len(keep_bills[0].bill()) == 6
    assert sum(Decimal(cost) for _, cost in rows) == billed
    last = re.search(r"^ sum .* (0\.\d+) *$", text, re.MULTILINE)
    assert last is not None
    assert Decimal(last[1]) == billed


def test_each_step_says_what_it_cost(
    console: Console, tmp_path: Path, keep_bills: list[Any]
) -> None:
    demo.run_emulated(tmp_path, console)

    costs = re.findall(r"cost   (\S+) USD", printed(console))
    assert len(costs) == 5
    assert sum(map(Decimal, costs)) == demo.sum_of(keep_bills[0].bill())


def test_the_image_is_a_png_that_opens(
    console: Console, tmp_path: Path, keep_bills: list[Any]
) -> None:
    demo.run_emulated(tmp_path, console)

    data = (tmp_path / "openrouter-demo.png").read_bytes()
    assert data.startswith(demo.PNG_SIGNATURE)
    width, height = struct.unpack(">II", data[16:24])
    assert width / height == pytest.approx(3 / 2, rel=0.02)
    assert str(tmp_path / "openrouter-demo.png") in printed(console).replace("\n", "")
    assert keep_bills


def test_it_fits_eighty_columns(console: Console, tmp_path: Path, keep_bills: list[Any]) -> None:
    demo.run_emulated(tmp_path, console)

    lines = [line for line in printed(console).splitlines() if "wrote" not in line]
    assert max(map(len, lines)) <= 80
    assert "…" not in printed(console).replace("sk-or-v1-…", "")
    assert keep_bills


def test_it_leaves_everything_as_it_was(
    console: Console, tmp_path: Path, keep_bills: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-of-somebody")
    before, hints = dict(os.environ), litellm.suppress_debug_info

    demo.run_emulated(tmp_path, console)

    assert dict(os.environ) == before
    assert litellm.suppress_debug_info == hints
    assert not is_registered()
    assert keep_bills


def test_litellm_prints_nothing_of_its_own(
    console: Console,
    tmp_path: Path,
    keep_bills: list[Any],
    capfd: pytest.CaptureFixture[str],
    recwarn: pytest.WarningsRecorder,
) -> None:
    demo.run_emulated(tmp_path, console)

    assert capfd.readouterr() == ("", "")
    assert [str(one.message) for one in recwarn] == []
    assert keep_bills


def test_without_a_folder_the_image_goes_to_a_new_one(
    console: Console, keep_bills: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo.tempfile, "mkdtemp", lambda **_: str(tmp_path / "new"))

    assert demo.run_emulated(console=console) == 0

    assert [file.name for file in (tmp_path / "new").iterdir()] == ["openrouter-demo.png"]
    assert keep_bills


def test_it_fails_when_the_costs_are_not_the_bill(
    console: Console,
    tmp_path: Path,
    keep_bills: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = demo.cost_of_call

    def one_picodollar_more(*arguments: Any) -> demo.CallCost:
        charge = honest(*arguments)
        return replace(charge, cost=charge.cost + Decimal("1e-12"))

    monkeypatch.setattr(demo, "cost_of_call", one_picodollar_more)

    assert demo.run_emulated(tmp_path, console) == 1
    assert "The emulator's bill differs" in printed(console)
    assert keep_bills


def test_a_failed_call_ends_it_with_what_was_spent_so_far(
    console: Console, tmp_path: Path, emulator: Emulator
) -> None:
    emulator.faults.add("status=502; model=google/gemini-2.5-flash")

    assert demo.run_live(tmp_path, console) == 1

    text = printed(console)
    assert "BadGatewayError" in text
    assert re.search(r"^ stream ", text, re.MULTILINE)
    assert not re.search(r"^ embedding ", text, re.MULTILINE)


def test_an_image_that_is_none_is_a_failure(
    console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = Answer(images=("data:image/png;base64,AAAA",))
    with Emulator(answer={"google/gemini-2.5-flash-image": drawn}) as emulator:
        monkeypatch.setenv("OPENROUTER_API_KEY", emulator.api_key)
        monkeypatch.setenv("OPENROUTER_API_BASE", emulator.base_url)
        assert demo.run_live(tmp_path, console) == 1

    assert "is not a PNG file" in " ".join(printed(console).split())


def test_a_live_run_says_where_the_account_lists_it(
    console: Console, tmp_path: Path, emulator: Emulator
) -> None:
    assert demo.run_live(tmp_path, console) == 0

    assert "https://openrouter.ai/activity" in printed(console)
    assert len(emulator.bill()) == 6


def test_a_stream_is_printed_as_it_comes(emulator: Emulator) -> None:
    class Screen(io.StringIO):
        writes = 0

        def write(self, text: str) -> int:
            self.writes += bool(text)
            return super().write(text)

    screen = Screen()
    with demo._without_noise(), demo.registered():
        costs = demo.stream(Console(file=screen, width=80))

    # A write for each token of the answer, and a few around it.
    assert screen.writes > costs[0].tokens / 2
    assert costs[0].cost == demo.sum_of(emulator.bill())


def test_no_proxy_keeps_what_the_environment_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "example.com")

    assert demo._without_proxy("127.0.0.1") == "127.0.0.1,example.com"
