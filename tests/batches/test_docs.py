"""The example of docs/batches.md runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from openrouter_adapter.emulator import Emulator
from tests.support.documents import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "batches.md"


@pytest.fixture
def quick(emulated: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """An emulator whose batches take no time; `emulated` registers and sets the key."""
    with Emulator(api_key=emulated.api_key, batch_seconds=0) as running:
        monkeypatch.setenv("OPENROUTER_API_BASE", running.base_url)
        yield running


def test_the_example_prints_the_bill_and_the_answers(
    quick: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = blocks(PAGE, "python")
    exec(example, {})  # noqa: S102 - our own page
    cost, *lines = capsys.readouterr().out.strip().splitlines()
    assert float(cost) == float(sum(row.cost for row in quick.bill())) > 0
    assert len(lines) == 2
