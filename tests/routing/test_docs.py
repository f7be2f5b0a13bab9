"""The examples of docs/router.md run as they stand, and its tables say what the tests do."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from typer.testing import CliRunner

from openrouter_adapter import routing
from openrouter_adapter.catalog.cache import FOLDER_VARIABLE
from openrouter_adapter.cli import app

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator

PAGE = (Path(__file__).parents[2] / "docs" / "router.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.usefixtures("routers")
def test_the_page_runs_from_top_to_bottom(
    emulated: Emulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    for line in "".join(blocks("sh")).splitlines():
        program, *arguments = shlex.split(line)
        result = CliRunner().invoke(app, arguments)
        assert program == "openrouter-adapter"
        assert result.exit_code == 0, result.stderr
        written = yaml.safe_load(Path(arguments[-1]).read_text("utf-8"))
        assert routing.check(written) == len(written["model_list"])
    exec("\n".join(blocks("python")), {"__name__": "__main__"})  # noqa: S102 - our own page
    text, cost = capsys.readouterr().out.strip().rsplit(" ", 1)
    assert text
    assert float(cost) == float(emulated.bill()[0].cost)
    assert len(emulated.bill()) == 4


def test_the_page_names_every_need() -> None:
    assert all(f"`{need}`" in PAGE for need in routing.NEEDS)
