"""The examples of the pages about single features run one after the other, and cost something."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import openrouter_adapter
from openrouter_adapter.emulator import Emulator

DOCS = Path(__file__).parents[1] / "docs"
PAGES = (
    *(
        "anthropic_messages",
        "embeddings",
        "files",
        "files_audio_video",
        "images",
        "presets_and_routing",
        "prompt_caching",
    ),
    *("tools_and_schemas", "video", "web_search"),
)
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PRESETS = {"short-answers": {"model": "openai/gpt-4o-mini", "max_tokens": 40}}


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_run(
    page: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    blocks = BLOCK.findall((DOCS / f"{page}.md").read_text("utf-8"))
    monkeypatch.chdir(tmp_path)  # The video's file is written there.
    with Emulator(presets=PRESETS) as emulator:
        monkeypatch.setenv("OPENROUTER_API_KEY", emulator.api_key)
        monkeypatch.setenv("OPENROUTER_API_BASE", emulator.base_url)
        try:
            # Each begins by registering the adapter, as its reader does.
            exec(compile("\n".join(blocks), page, "exec"), {})  # noqa: S102 - our own page
        finally:
            openrouter_adapter.unregister()
        bill = emulator.bill()

    assert blocks
    assert len(bill) >= len(blocks) - 1  # One block may only define what the others call.
    assert all(row.cost > 0 for row in bill)
    assert capsys.readouterr().out.strip()
