"""The examples of docs/responses.md and docs/anthropic_messages.md run as they stand."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

import litellm
import pytest

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator

DOCS = Path(__file__).parents[2] / "docs"
CODE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
EXAMPLES = [
    pytest.param(block, id=f"{page}-{place}")
    for page in ("responses", "anthropic_messages")
    for place, block in enumerate(CODE.findall((DOCS / f"{page}.md").read_text()))
    # An event loop of its own can't run within another.
    if "asyncio.run(" not in block
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example(example: str, emulated: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    indented = "".join(f"    {line}\n" for line in example.splitlines())
    names: dict[str, object] = {"litellm": litellm}
    exec(f"async def run():\n{indented}", names)  # noqa: S102 - our own pages
    run = names["run"]
    asyncio.run(run())  # type: ignore[operator]
    assert capsys.readouterr().out.strip()
    assert all(row.cost > 0 for row in emulated.bill())
    assert emulated.bill()
