"""The emulator's typed errors are the exceptions that OpenRouter's would be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.errors.table import CODES, TYPES, WAYS, failure_of

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator

EVERY_WAY = pytest.mark.parametrize("way", WAYS)
CHATS = ("completion", "acompletion", "stream", "astream")
SOME_TYPES = ("context_length_exceeded", "refusal", "authentication", "provider_overloaded")
SOME_CODES = ("privacy_restricted", "capacity_exhausted")


def failure(emulator: Emulator, way: str, fault: str) -> Any:
    emulator.faults.clear()
    emulator.faults.add(fault)
    return failure_of(way, extra_headers={"X-OpenRouter-Metadata": "enabled"})


PLACES = [(way, name) for way in WAYS for name in ("status", "error-in-200")]
PLACES += [(way, name) for way in CHATS for name in ("error-chunk", "choice-error")]


@pytest.mark.parametrize(("way", "name"), PLACES)
def test_typed_error(emulated: Emulator, way: str, name: str) -> None:
    for error_type in SOME_TYPES:
        raised = failure(emulated, way, f"{name}; type={error_type}; provider-code=zzz")
        assert (type(raised).__name__, error_type) == (TYPES[error_type][1], error_type)
        assert raised.openrouter["error_type"] == error_type
        assert raised.openrouter["openrouter_metadata"]["strategy"] == "direct"


@EVERY_WAY
@pytest.mark.parametrize("name", ["status", "error-in-200"])
def test_model_that_can_not_be_served(emulated: Emulator, way: str, name: str) -> None:
    for code in SOME_CODES:
        spec = f"{name}; availability={code}; retry-after=40; excluded=geo; instead=a/b"
        raised = failure(emulated, way, spec)
        assert (type(raised).__name__, code) == (CODES[code][3], code)
        assert raised.openrouter["availability"]["code"] == code
        assert raised.litellm_response_headers["retry-after"] == "40"
        assert "excluded by: your region (geo)" in str(raised)
        assert "available instead: a/b" in str(raised)


@pytest.mark.parametrize("way", [way for way in WAYS if "responses" in way])
def test_response_that_fails(emulated: Emulator, way: str) -> None:
    for error_type in SOME_TYPES:
        raised = failure(emulated, way, f"error-chunk; type={error_type}")
        assert (type(raised).__name__, error_type) == (TYPES[error_type][1], error_type)
        raised = failure(emulated, way, f"choice-error; type={error_type}")
        assert (type(raised).__name__, error_type) == (TYPES[error_type][1], error_type)


@pytest.mark.parametrize("way", CHATS)
@pytest.mark.parametrize("name", ["error-chunk", "choice-error"])
def test_native_finish_reason(emulated: Emulator, way: str, name: str) -> None:
    raised = failure(emulated, way, f"{name}=502; native=MALFORMED_FUNCTION_CALL")
    assert raised.openrouter["native_finish_reason"] == "MALFORMED_FUNCTION_CALL"
    assert "native finish reason: MALFORMED_FUNCTION_CALL" in str(raised)
