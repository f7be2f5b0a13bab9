"""A server that answers as a test says, in OpenRouter's place."""

from tests.responses.conftest import wire

__all__ = ["wire"]
