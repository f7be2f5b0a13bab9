"""docs/account.md and docs/debugging.md: their Python runs, their commands exist and succeed."""

from __future__ import annotations

import logging
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

import openrouter_adapter
from openrouter_adapter import debugging, ledger
from openrouter_adapter.cli import app

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_ADAPTER_LEDGER", str(tmp_path / "ledger.db"))
    made = ledger.open()
    made.spend()
    made.close()


@pytest.mark.usefixtures("book")
def test_the_account_s_examples_run(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    examples = blocks("account.md", "python")
    exec("\n".join(examples), {"__name__": "__main__"})  # noqa: S102 - our own page
    printed = capsys.readouterr().out
    assert f"{float(emulator.bill()[0].cost)} USD, 250.0 ms" in printed
    assert "OPENROUTER_PROVISIONING_KEY" in printed
    assert "True 0 USD" in printed


@pytest.mark.usefixtures("book", "emulator")
def test_the_account_s_commands_run() -> None:
    commands = [line for block in blocks("account.md", "sh") for line in block.splitlines()]
    shown = [shlex.split(line, comments=True)[1:] for line in commands if "pip" not in line]
    assert len(shown) > 3
    for command in shown:
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output


def test_the_page_names_every_command_and_option() -> None:
    text = (DOCS / "account.md").read_text("utf-8")
    for name in ("key", "credits", "generation", "keys", "login", "logout"):
        assert f"`{name}" in text or f"openrouter-adapter {name}" in text
        assert CliRunner().invoke(app, [name, "--help"]).exit_code == 0
    for option in ("--timeout", "--no-browser", "--port"):
        assert option in CliRunner().invoke(app, ["login", "--help"], color=False).output
        assert option in text


@pytest.mark.usefixtures("emulator")
def test_the_debugging_examples_run(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("openrouter_adapter")
    handlers = list(logger.handlers)
    try:
        exec("\n".join(blocks("debugging.md", "python")), {})  # noqa: S102 - our own page
    finally:
        debugging.disable()
        logger.handlers = handlers
        openrouter_adapter.unregister()
    assert re.fullmatch(r"openai/gpt-4o-mini 0\.\d+ USD after \d+ ms\n", capsys.readouterr().out)
