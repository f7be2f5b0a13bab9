"""What the one line of YAML does when the proxy starts, with no OpenRouter in reach."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(600)  # LiteLLM is imported slowly on a busy machine

PROGRAM = """
import litellm
import openrouter_adapter.proxy as proxy
print(litellm.OpenrouterConfig.__name__, proxy.handler in litellm.callbacks)
print(len(litellm.get_valid_models(custom_llm_provider="openrouter")) > 10)
"""


def imported(base_url: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [sys.executable, "-c", PROGRAM],
        env={
            **os.environ,
            "OPENROUTER_API_BASE": base_url,
            "OPENROUTER_ADAPTER_CACHE": str(folder),
            **settings,
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )


def test_without_openrouter_in_reach_it_starts_with_a_warning(tmp_path: Path) -> None:
    done = imported("http://127.0.0.1:9/api/v1", tmp_path)
    assert done.stdout.split() == ["OpenRouterChatConfig", "False", "False"]
    assert "starts without OpenRouter's models and prices" in done.stderr


def test_the_catalogue_can_be_left_alone(tmp_path: Path) -> None:
    ledger = str(tmp_path / "ledger.db")
    done = imported(
        "http://127.0.0.1:9/api/v1",
        tmp_path,
        OPENROUTER_ADAPTER_CATALOG="off",
        OPENROUTER_ADAPTER_LEDGER=ledger,
    )
    assert done.stdout.split() == ["OpenRouterChatConfig", "True", "False"]
    assert "starts without" not in done.stderr
