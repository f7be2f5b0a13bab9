"""What the proxy says it serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from openrouter_adapter import catalog

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator

    from .conftest import Caller

pytestmark = pytest.mark.timeout(600)  # a proxy starts slowly on a busy machine


def test_a_wildcard_lists_the_models_of_the_catalogue(
    caller: Caller, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("OPENROUTER_ADAPTER_CACHE", str(tmp_path))
    known = catalog.load(base_url=emulator.base_url)

    listed = {model.id for model in caller.openai.models.list()}

    assert {f"openrouter/{model.id}" for model in known} <= listed
    assert "openrouter/anthropic/claude-haiku-4.5" in listed
    assert not any("*" in name for name in listed)
