"""The test's own files, and an emulator to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from openrouter_adapter.emulator import Emulator
from tests.doctor.asking import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep to the test's own folder."""
    monkeypatch.setenv("OPENROUTER_ADAPTER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENROUTER_ADAPTER_LEDGER", str(tmp_path / "ledger.db"))
    monkeypatch.setenv("OPENROUTER_ADAPTER_KEY_FILE", str(tmp_path / "key.json"))
    for name in ("SSL_CERT_FILE", "SSL_VERIFY", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator(api_key=KEY) as running:
        monkeypatch.setenv("OPENROUTER_API_BASE", running.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
        yield running
