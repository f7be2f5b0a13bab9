"""docs/report.md: its Python runs, its commands exist, its numbers are the code's."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from openrouter_adapter import ledger
from openrouter_adapter.cli import app
from openrouter_adapter.report import cube, figures

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator

PAGE = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPENROUTER_ADAPTER_LEDGER", str(tmp_path / "ledger.db"))
    monkeypatch.setenv("OPENROUTER_ADAPTER_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("emulated")
def test_the_python_runs(folder: Path) -> None:
    [example] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(example, {})  # noqa: S102 - our own page

    assert (folder / "spend.html").stat().st_size > 5_000


@pytest.mark.usefixtures("folder")
def test_the_commands_run(emulated: Emulator) -> None:
    ledger.open().spend()
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL):
        for line in block.splitlines():
            command = shlex.split(line.partition("#")[0].partition(">")[0])[1:]
            result = CliRunner().invoke(app, command)
            assert result.exit_code == 0, result.output
    assert not emulated.bill()


def test_what_sums_are_by_is_all_there_is() -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| `--by`"))

    assert set(re.findall(r"`(\w+)`", row)) == set(ledger.DIMENSIONS)
    assert f"{figures.MOST_REQUESTS} most expensive" in PAGE
    assert f"{cube.LEVELS[0].values} most expensive values" in PAGE
