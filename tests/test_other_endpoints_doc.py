"""The examples of docs/other_endpoints.md run as they stand, and what they cost is billed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import litellm
import pytest

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator

PAGE = Path(__file__).parents[1] / "docs" / "other_endpoints.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example(example: str, emulated: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(example, str(PAGE), "exec"), {"litellm": litellm})  # noqa: S102 - our own page
    assert capsys.readouterr().out.strip()
    rows = emulated.bill()
    assert rows
    assert all(row.cost > 0 for row in rows)
