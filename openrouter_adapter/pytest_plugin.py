"""The fixture `openrouter_emulator`: OpenRouter on localhost for one test.

Switch it on in the top-level conftest.py: `pytest_plugins = ["openrouter_adapter.pytest_plugin"]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from openrouter_adapter.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKER = "openrouter_emulator"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, so that strict markers take it."""
    config.addinivalue_line(
        "markers", f"{MARKER}(**options): the options of the fixture of the same name"
    )


@pytest.fixture
def openrouter_emulator(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Emulator]:
    """Run an emulator, and point `OPENROUTER_API_KEY` and `OPENROUTER_API_BASE` at it.

    `OPENROUTER_PROVISIONING_KEY` is the key that manages its account.

    A test sets its options with `@pytest.mark.openrouter_emulator(answer="Yes.")`.
    """
    marker = request.node.get_closest_marker(MARKER)
    with Emulator(**(marker.kwargs if marker else {})) as emulator:
        monkeypatch.setenv("OPENROUTER_API_KEY", emulator.api_key)
        monkeypatch.setenv("OPENROUTER_API_BASE", emulator.base_url)
        monkeypatch.setenv("OPENROUTER_PROVISIONING_KEY", emulator.provisioning_key)
        yield emulator
