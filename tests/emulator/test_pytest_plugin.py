"""The fixture that the package ships for its users' tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator

    from .conftest import Client

pytest_plugins = ("openrouter_adapter.pytest_plugin",)


def test_the_environment_points_at_it(openrouter_emulator: Emulator, connect: type[Client]) -> None:
    assert os.environ["OPENROUTER_API_BASE"] == openrouter_emulator.base_url
    assert os.environ["OPENROUTER_API_KEY"] == openrouter_emulator.api_key
    assert os.environ["OPENROUTER_PROVISIONING_KEY"] == openrouter_emulator.provisioning_key
    assert connect(openrouter_emulator).chat().status == 200


@pytest.fixture
def marked(request: pytest.FixtureRequest) -> None:
    # The plugin registers the marker only after this module was imported.
    request.applymarker(pytest.mark.openrouter_emulator(answer="Yes.", byok={"openai"}))


@pytest.mark.usefixtures("marked")
def test_its_options_come_from_the_marker(
    openrouter_emulator: Emulator, connect: type[Client]
) -> None:
    assert connect(openrouter_emulator).chat().message["content"] == "Yes."
    assert openrouter_emulator.bill()[0].is_byok


def test_the_environment_is_put_back() -> None:
    assert "127.0.0.1" not in os.environ.get("OPENROUTER_API_BASE", "")
