"""An account at the emulator, with both of its keys in the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from openrouter_adapter import account
from openrouter_adapter.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from openrouter import OpenRouter


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator() as running:
        monkeypatch.setenv("OPENROUTER_API_BASE", running.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", running.api_key)
        monkeypatch.setenv("OPENROUTER_PROVISIONING_KEY", running.provisioning_key)
        yield running


@pytest.fixture
def client(emulator: Emulator) -> Iterator[OpenRouter]:  # noqa: ARG001 - it has to run
    with account.client() as made:
        yield made


@pytest.fixture
def manager(emulator: Emulator) -> Iterator[OpenRouter]:  # noqa: ARG001 - it has to run
    with account.client(provisioning=True) as made:
        yield made


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a key is kept, in a folder that is not there yet."""
    file = tmp_path / "settings" / "key.json"
    monkeypatch.setenv("OPENROUTER_ADAPTER_KEY_FILE", str(file))
    return file
