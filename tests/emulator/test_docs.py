"""The examples of docs/emulator.md run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest_plugins = ("openrouter_adapter.pytest_plugin",)

PAGE = Path(__file__).parents[2] / "docs" / "emulator.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs(example: str) -> None:
    # Tests in an example are defined, not run: they belong to the reader's own code.
    exec(compile(example, str(PAGE), "exec"), {})  # noqa: S102
