"""LiteLLM's batches on the emulator, with their files in a folder of the test's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import litellm
import pytest

from openrouter_adapter.batches import store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator

NANO = "openai/gpt-5-nano"
CHAT = "/v1/chat/completions"


def line(custom_id: str, endpoint: str = CHAT, **body: Any) -> str:
    """A line of an input file."""
    whole: dict[str, Any] = {"model": NANO, **body}
    if endpoint == CHAT:
        whole.setdefault("messages", [{"role": "user", "content": f"Add {custom_id} and 2"}])
        whole.setdefault("max_tokens", 50)
    row = {"custom_id": custom_id, "method": "POST", "url": endpoint, "body": whole}
    return json.dumps(row)


def upload(*lines: str) -> str:
    """Upload an input file; its id."""
    file = ("rows.jsonl", "\n".join(lines).encode() or b"\n")
    made = litellm.create_file(file=file, purpose="batch", custom_llm_provider="openrouter")
    return str(made.id)


def create(*lines: str, endpoint: str = CHAT, **more: Any) -> dict[str, Any]:
    """The arguments of `create_batch` for these lines."""
    return {
        "completion_window": "24h",
        "endpoint": endpoint,
        "input_file_id": upload(*lines),
        "custom_llm_provider": "openrouter",
        **more,
    }


@pytest.fixture(autouse=True)
def batch_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of the files; it does not exist yet."""
    where = tmp_path / "batches"
    monkeypatch.setenv(store.VARIABLE, str(where))
    return where


@pytest.fixture
def finish(emulated: Emulator) -> Callable[[], None]:
    """Let the time of all batches pass."""
    return lambda: emulated.advance(hours=1)
