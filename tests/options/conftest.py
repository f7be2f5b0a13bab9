"""What the tests of the options share."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from openrouter_adapter.options import names


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(names, "_warned", set())
    monkeypatch.setattr(logging.getLogger("openrouter_adapter"), "propagate", True)
    caplog.set_level(logging.WARNING, logger="openrouter_adapter")
    return lambda: [record.getMessage() for record in caplog.records]
