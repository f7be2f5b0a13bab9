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


# Odd words, without the blank that would have them found here.
AIR, LATE, NO = (words.replace("_", " ") for words in ("in_the_air", "of_late", "is_no"))
ODD = "Faulty"
BROKEN = LATE.replace(" ", "\n")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("page.md", f"It is made {BROKEN}.", [f"1: '{LATE}'"]),
        ("page.md", f"`{AIR}` and\n\n```python\nx = '{AIR}'\n```\n", []),
        ("page.md", f"An example:\n\n```python\n# Made {LATE}.\n```\n", [f"4: '{LATE}'"]),
        ("code.py", f'"""Top.\n\nIt is made {LATE}."""\n', [f"3: '{LATE}'"]),
        ("code.py", f"x = 1  # made\n# {LATE}\n# {AIR}\n", [f"2: '{LATE}'", f"3: '{AIR}'"]),
        ("code.py", f"raise E(f'{{x}} {NO} ' f'scope of {{y}}')\n", [f"1: '{NO}'"]),
        ("code.py", f"{ODD} = {{'{ODD}': '{ODD}'}}\n", []),
        ("code.py", f"SQL = 'WITH b AS {LATE}'\n", []),
        ("script", f"echo {LATE} # comes {LATE}\n", [f"1: '{LATE}'"]),
        ("page.md", "There is no key, and this one is no longer valid.", []),
    ],
)
def test_words_of_prose(tmp_path: Path, name: str, text: str, words: list[str]) -> None:
    file = tmp_path / name
    file.write_text(text, "utf-8")
    assert found(file) == words


def test_names_are_read_if_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "code.py"
    file.write_text(f"class {ODD}Input: ...\ndef made_of_late(x): in_the_air = x\n", "utf-8")
    assert found(file) == []
    assert found("--names", file) == [f"1: '{ODD}'", f"2: '{AIR}'", f"2: '{LATE}'"]
