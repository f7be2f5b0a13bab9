"""Begin and end with nothing registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import openrouter_adapter
from openrouter_adapter.registration import is_registered

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def nothing_registered() -> Iterator[None]:
    assert not is_registered()
    yield
    openrouter_adapter.unregister()
