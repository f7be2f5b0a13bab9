"""docs/batch.md and docs/scale.md say what is so: their commands run as they stand."""

from __future__ import annotations

import re
import shlex
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from openrouter_adapter.cli import app
from tests.batch.conftest import read

if TYPE_CHECKING:
    import pytest

    from openrouter_adapter.emulator import Emulator

DOCS = Path(__file__).parents[2] / "docs"


def commands(page: str) -> list[list[str]]:
    """Every `openrouter-adapter` command of a page's shell blocks, in words."""
    blocks = re.findall(
        r"^ *```bash\n(.*?)^ *```", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL
    )
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    found = [shlex.split(line) for line in lines]
    return [words[1:] for words in found if words and words[0] == "openrouter-adapter"]


def test_a_new_user_gets_from_a_table_to_answers_and_their_cost(
    openrouter_at: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred reviews, the page's commands one after the other, and its Python."""
    monkeypatch.chdir(tmp_path)
    rows = "".join(f'r{number},"It was good, all {number} of it"\n' for number in range(100))
    Path("reviews.csv").write_text(f"review_id,text\n{rows}")
    one_command, *steps = commands("batch.md")
    done = CliRunner().invoke(app, one_command)
    assert done.exit_code == 0, done.output
    cost = sum((row.cost for row in openrouter_at.bill()), Decimal(0))
    assert "100 of 100 requests answered, 0 failed, 0 left" in done.stdout
    assert f"It cost USD {cost.normalize():f} of a budget of 25;" in done.stdout
    ids = {one["custom_id"] for one in read(Path("answers/results.jsonl"))}
    assert ids == {f"r{number}" for number in range(100)}

    assert [words[1] for words in steps] == ["make", "run", "run"]
    for words in steps:
        assert CliRunner().invoke(app, words).exit_code == 0
    assert len(openrouter_at.bill()) == 200
    (example,) = re.findall(
        r"^```python\n(.*?)^```", (DOCS / "batch.md").read_text(), re.MULTILINE | re.DOTALL
    )
    exec(example, {})  # noqa: S102 - our own page
    assert len(openrouter_at.bill()) == 200


def test_the_commands_of_the_page_on_scale_are_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What test_ray.py runs on a cluster is here as the page has it, without one."""
    monkeypatch.chdir(tmp_path)
    found = commands("scale.md")
    assert any("--on-ray" in words for words in found)
    for words in found:
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 2
        # They fail over what isn't here, not over how they are written.
        assert re.search(r"can't be read|No Ray cluster|needs Ray", done.output), done.output


def test_the_page_names_every_kind_of_line_of_the_output() -> None:
    text = (DOCS / "batch.md").read_text()
    for name in ("results.jsonl", "failures.jsonl", "summary.json", "journal.log", "job.json"):
        assert f"`{name}`" in text
