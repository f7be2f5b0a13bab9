"""Tests that not every version of LiteLLM can pass."""

from __future__ import annotations

from importlib.metadata import version

import pytest
from packaging.version import Version

LITELLM = Version(version("litellm"))


def before_litellm(first: str, reason: str) -> pytest.MarkDecorator:
    """Skip a test from a version on, saying what is other there."""
    return pytest.mark.skipif(
        Version(first) <= LITELLM, reason=f"litellm {first} and later: {reason}"
    )
