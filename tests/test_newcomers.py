"""Ten questions of a newcomer: each has its page, whose first screen has the code of the answer."""

from __future__ import annotations

import re
import shlex
import warnings
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import openrouter_adapter
from openrouter_adapter import ledger
from openrouter_adapter.cli import app
from openrouter_adapter.emulator import Emulator
from tests.registration.test_surface import NEWEST_KNOWN
from tests.support.documents import blocks

DOCS = Path(__file__).parents[1] / "docs"
INDEX = (DOCS / "README.md").read_text("utf-8")
QUESTIONS = dict(re.findall(r"^\| \[([^\]]+\?)\]\(([\w.]+)\) \|", INDEX, re.MULTILINE))
# About what a window of 1,400 by 900 pixels shows.
FIRST_SCREEN = 45
# Of each question a word to find it by, and the code that answers it.
ANSWERS = {
    "proxy": "callbacks: openrouter_adapter.proxy.handler",
    "cap": 'each="user"',
    "stream": "stream.response._hidden_params",
    "reasoning": "reasoning={",
    "long prompt": "cache_control",
    "built-in": "openrouter_adapter.register()",
    "million": "openrouter-adapter batch run",
    "breaks": "openrouter-adapter doctor --offline",
    "without a key": "with Emulator() as em:",
    "remove": "pip uninstall openrouter-adapter",
}
CODE = re.compile(r"^```\w+\n(.*?)(?:^```|\Z)", re.MULTILINE | re.DOTALL)


def test_there_are_ten_questions_at_the_top_of_the_documentation() -> None:
    assert len(QUESTIONS) == len(ANSWERS)
    first_lines = INDEX.splitlines()[:20]
    assert all(any(question in line for line in first_lines) for question in QUESTIONS)


@pytest.mark.parametrize("word", ANSWERS)
def test_the_first_screen_of_the_page_has_the_code_of_the_answer(word: str) -> None:
    (page,) = (page for question, page in QUESTIONS.items() if word in question)
    lines = (DOCS / page).read_text("utf-8").splitlines()[:FIRST_SCREEN]
    code = CODE.findall("\n".join(lines) + "\n")
    assert any(ANSWERS[word] in block for block in code), f"{page}: {ANSWERS[word]}"


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    with Emulator() as running:
        monkeypatch.setenv("OPENROUTER_API_KEY", running.api_key)
        monkeypatch.setenv("OPENROUTER_API_BASE", running.base_url)
        monkeypatch.setenv("OPENROUTER_ADAPTER_LEDGER", str(tmp_path / "spend.db"))
        monkeypatch.setenv("OPENROUTER_ADAPTER_CACHE", str(tmp_path / "catalog"))
        yield running
        openrouter_adapter.unregister()
        ledger.disable()


@pytest.mark.parametrize(
    ("page", "requests"),
    [
        ("caps_per_user", 1),
        ("costs", 2),
        ("litellm_updates", 0),
        ("migrating", 1),
        ("uninstalling", 0),
    ],
)
def test_the_examples_of_a_page_run_as_printed(
    page: str, requests: int, emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {}
    for block in blocks(DOCS / f"{page}.md", "python"):
        exec(compile(block, page, "exec"), names)  # noqa: S102 - our own page
    bill = emulator.bill()
    assert len(bill) == requests
    printed = capsys.readouterr().out
    assert all(f"{row.cost:f}" in printed or f"{float(row.cost)}" in printed for row in bill)


@pytest.mark.usefixtures("emulator")
def test_the_commands_of_a_cap_run_as_printed() -> None:
    (block,) = blocks(DOCS / "caps_per_user.md", "sh")
    for line in block.splitlines():
        made = CliRunner().invoke(app, shlex.split(line)[1:], catch_exceptions=False)
        assert made.exit_code == 0, made.output


def test_the_versions_to_pin_are_those_that_are_tested() -> None:
    text = (DOCS / "litellm_updates.md").read_text("utf-8")
    assert f"<={NEWEST_KNOWN}'" in text
    compatibility = (DOCS / "compatibility.md").read_text("utf-8")
    (oldest,) = re.findall(r"litellm>=([\d.]+),", text)
    assert f"| {oldest}," in compatibility
    assert f"| {NEWEST_KNOWN}," in compatibility


def test_register_warns_of_nothing_on_this_litellm() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        with openrouter_adapter.registered():
            pass
