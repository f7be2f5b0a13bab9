"""docs/launcher.md: its commands can be given, and it names what is said."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from openrouter_adapter.cli import app
from openrouter_adapter.launcher import running


def test_the_commands_of_the_page_can_be_given() -> None:
    text = (Path(__file__).parents[2] / "docs" / "launcher.md").read_text()
    lines = re.findall("^openrouter-adapter run (.*)$", text, re.MULTILINE)
    command: Any = typer.main.get_command(app)

    given = [command.commands["run"].make_context("run", shlex.split(line)) for line in lines]

    assert [one.params["program"][0] for one in given] == ["python", "aider", "python"]
    assert given[1].params["tag"] == ["nightly"]
    assert given[2].params["program"] == ["python", "-m", "pytest", "tests/"]


@pytest.mark.parametrize(
    "words",
    [
        *("the program never imported LiteLLM", "the adapter can't be registered"),
        "install it there",
    ],
)
def test_the_page_names_what_is_said(words: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "launcher.md").read_text()
    sources = [Path(running.__file__), running.HOOK / "sitecustomize.py"]

    assert words in page
    assert any(words in source.read_text() for source in sources)
