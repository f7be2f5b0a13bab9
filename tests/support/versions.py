"""What is other in later versions of LiteLLM."""

from __future__ import annotations

from importlib.metadata import version

from packaging.version import Version

LITELLM = Version(version("litellm"))


def litellm_from(first: str) -> bool:
    """Whether the installed LiteLLM is this version or a later one."""
    return Version(first) <= LITELLM


UNINSTALLED_PROXY = "LiteLLM's proxy is not installed: the extra 'test-proxy'"
"""Why a test is skipped."""
