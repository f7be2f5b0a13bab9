"""A server that answers as a test says, in OpenRouter's place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import litellm
import pytest

import openrouter_adapter
from tests.support.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "sk-or-v1-0123456789abcdef0123456789abcdef"


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """A server that breaks as it is told to; the adapter is registered."""
    with Wire() as running, openrouter_adapter.registered():
        monkeypatch.setenv("OPENROUTER_API_BASE", running.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
        yield running
    litellm.in_memory_llm_clients_cache.flush_cache()
