"""scripts/words finds odd words where prose is, and only there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "words"


def found(*arguments: str | Path) -> list[str]:
    """Return the lines and the words that the script prints."""
    done = subprocess.run(  # noqa: S603 - our own script
        [SCRIPT, *arguments], capture_output=True, text=True, check=False
    )
    assert not done.stderr
    lines = done.stdout.splitlines()
    assert done.returncode == bool(lines)
    return [line.rpartition(".")[2].partition(":")[2].partition(" ->")[0] for line in lines[:-1]]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("page.md", "Ten are in\nthe air.", ["1: 'in the air'"]),
        ("page.md", "`in the air` and\n\n```python\nanew = 'anew'\n```\n", []),
        ("page.md", "An example:\n\n```python\n# Made anew.\n```\n", ["4: 'anew'"]),
        ("code.py", '"""Top.\n\nIt is made anew."""\n', ["3: 'anew'"]),
        ("code.py", "x = 1  # made\n# anew\n# of late\n", ["2: 'anew'", "3: 'of late'"]),
        ("code.py", "raise E(f'{x} is no ' f'scope of {y}')\n", ["1: 'is no'"]),
        ("code.py", "anew = {'anew': 'SELECT a AS anew FROM anew'}\n", []),
        ("code.py", "SQL = 'SELECT a AS anew FROM anew'\n", []),
        ("script", "echo anew # comes anew\n", ["1: 'anew'"]),
        ("page.md", "There is no key, and this one is no longer valid.", []),
    ],
)
def test_words_of_prose(tmp_path: Path, name: str, text: str, words: list[str]) -> None:
    file = tmp_path / name
    file.write_text(text, "utf-8")
    assert found(file) == words


def test_names_are_read_if_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "code.py"
    file.write_text("class FaultyInput: ...\ndef made_anew(x): in_the_air = x\n", "utf-8")
    assert found(file) == []
    assert [line.split(" ", 1)[1] for line in found("--names", file)] == [
        *("'Faulty'", "'in the air'", "'anew'"),
    ]
