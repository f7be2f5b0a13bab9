"""README and the pages it leads to: its Python runs, its links lead somewhere."""

from __future__ import annotations

import re
import shlex
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from openrouter_adapter import __version__, unregister
from openrouter_adapter.cli import app
from openrouter_adapter.emulator import Emulator

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#([^)]+))?\)")


def test_the_examples_run_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {}
    with Emulator() as emulator:
        monkeypatch.setenv("OPENROUTER_API_KEY", emulator.api_key)
        monkeypatch.setenv("OPENROUTER_API_BASE", emulator.base_url)
        try:
            for block in BLOCK.findall((ROOT / "README.md").read_text()):
                exec(compile(block, "README.md", "exec"), names)  # noqa: S102
        finally:
            unregister()
        chat, stream, _, image = emulator.bill()

    assert names["total"] == chat.cost + stream.cost
    assert names["paid"] == chat.cost
    assert Decimal(repr(names["image"]._hidden_params["response_cost"])) == image.cost
    printed = capsys.readouterr().out
    assert f"{chat.cost + stream.cost:f} USD so far" in printed
    assert "provider.order" in printed


def test_the_table_that_is_there_to_try_is_answered_by_the_one_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = (ROOT / "README.md").read_text().split("## A prompt for each row of a table", 1)[1]
    block = section.split("```sh\n", 1)[1].split("```", 1)[0].replace("\\\n", " ")
    commands = [shlex.split(line)[1:] for line in block.splitlines()]
    monkeypatch.chdir(tmp_path)
    Path("cookbook").mkdir()
    birds = (ROOT / "cookbook" / "birds.csv").read_text()
    Path("cookbook/birds.csv").write_text(birds)
    count = len(birds.splitlines()) - 1
    with Emulator() as emulator:
        monkeypatch.setenv("OPENROUTER_API_KEY", emulator.api_key)
        monkeypatch.setenv("OPENROUTER_API_BASE", emulator.base_url)
        printed = [CliRunner().invoke(app, words, catch_exceptions=False) for words in commands]
        cost = sum((row.cost for row in emulator.bill()), Decimal(0))
        assert len(emulator.bill()) == count
    assert [result.exit_code for result in printed] == [0, 0]
    assert all(f"{cost.normalize():f}" in result.output for result in printed)
    assert len(Path("answers/results.jsonl").read_text().splitlines()) == count


@pytest.mark.parametrize(
    "page", ["README.md", "CHANGELOG.md", "cookbook/README.md", "docs/differences.md"]
)
def test_links_lead_somewhere(page: str) -> None:
    for path, anchor in LINK.findall((ROOT / page).read_text()):
        target = (ROOT / page).parent / path
        assert target.exists(), f"{page} links to {path}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            assert anchor in {heading.lower().replace(" ", "-") for heading in headings}


def test_the_changelog_names_this_version() -> None:
    assert __version__ in (ROOT / "CHANGELOG.md").read_text()
