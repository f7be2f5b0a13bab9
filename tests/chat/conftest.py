"""A server that breaks as it is told to, with the adapter switched on or off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import openrouter_adapter
from tests.support.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def wire() -> Iterator[Wire]:
    """Run a server whose reply the test sets, with the adapter registered."""
    with Wire() as running, openrouter_adapter.registered():
        yield running


@pytest.fixture
def builtin_wire() -> Iterator[Wire]:
    """Run the same server, with LiteLLM's own adapter in place."""
    openrouter_adapter.unregister()
    with Wire() as running:
        yield running
