"""docs/doctor.md: its commands and examples run, and it names every subject."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from openrouter_adapter.cli import app
from tests.doctor.asking import report

PAGE = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text()


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize("line", re.findall("^openrouter-adapter (doctor.*)$", PAGE, re.MULTILINE))
def test_the_commands_of_the_page_run(line: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)

    assert CliRunner().invoke(app, shlex.split(line)).exit_code == 0


@pytest.mark.usefixtures("emulator")
def test_the_examples_of_the_page_run(capsys: pytest.CaptureFixture[str]) -> None:
    [example] = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)

    exec(example, {})  # noqa: S102 - our own page

    assert "ok key sk-or-v1-…cdef" in capsys.readouterr().out


@pytest.mark.usefixtures("emulator")
def test_the_page_names_every_subject() -> None:
    _, found = report()

    assert all(f"`{one['subject']}`" in PAGE for one in found["findings"])
