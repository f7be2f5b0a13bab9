"""Emulators in two places, and Routers that leave nothing in LiteLLM."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.router import Router

import openrouter_adapter
from openrouter_adapter import api, catalog
from openrouter_adapter.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from openrouter_adapter.catalog import Catalog


@pytest.fixture
def east() -> Iterator[Emulator]:
    with Emulator(api_key="sk-or-v1-east") as running, openrouter_adapter.registered():
        yield running
    litellm.in_memory_llm_clients_cache.flush_cache()


@pytest.fixture
def west() -> Iterator[Emulator]:
    with Emulator(api_key="sk-or-v1-west") as running, openrouter_adapter.registered():
        yield running


@pytest.fixture
def routers() -> Iterator[Callable[..., Router]]:
    """Make Routers, without retries if nothing else is said; what they told LiteLLM goes again."""
    models, made = set(litellm.model_cost), []

    def make(*rows: dict[str, Any], **settings: Any) -> Router:
        made.append(Router(list(rows), **{"num_retries": 0, **settings}))
        return made[-1]

    yield make
    for router in made:
        router.discard()
    for added in litellm.model_cost.keys() - models:
        del litellm.model_cost[added]
    litellm.openrouter_models.clear()


@pytest.fixture
def within_a_minute() -> None:
    """Wait for the next minute where this one ends soon: LiteLLM counts by the clock's minutes."""
    second = time.time() % 60
    if second > 50:
        time.sleep(60.1 - second)


@pytest.fixture(scope="session")
def models() -> Catalog:
    """The emulator's models as a catalogue."""
    with Emulator() as emulator:
        rows = api.get_models(base_url=emulator.base_url).rows
    assert rows
    return catalog.Catalog(rows)
