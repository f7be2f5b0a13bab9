"""A stream that a proxy's client leaves is priced by OpenRouter's bill, and by no estimate.

The proxy assembles what the client got and hands it to its handlers; so do these tests.
"""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.integrations.custom_logger import CustomLogger

from openrouter_adapter import late_bills
from tests.support.waiting import ahappens

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator

MODEL = "openrouter/openai/gpt-4o-mini"
MESSAGES = [{"role": "user", "content": "Name three birds."}]
ENDPOINTS = pytest.mark.parametrize("endpoint", ["chat", "responses"])


class Listener(CustomLogger):  # type: ignore[misc] # LiteLLM's class is untyped
    """Keeps what the asynchronous success handlers are told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[Any, Any]] = []

    async def async_log_success_event(self, kwargs: Any, response_obj: Any, **_: Any) -> None:
        self.told.append((kwargs["response_cost"], getattr(response_obj, "usage", None)))


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Listener:
    monkeypatch.setattr(late_bills, "_PAUSES", (0.05, 0.1, 0.1))
    made = Listener()
    litellm.callbacks = [made]
    return made


async def opened(endpoint: str) -> Any:
    """Return a stream of which some has been read."""
    call: Any = {"model": MODEL, "stream": True}
    if endpoint == "chat":
        stream: Any = await litellm.acompletion(messages=MESSAGES, **call)
    else:
        stream = await litellm.aresponses(input="Name three birds.", **call)
    for _ in range(3):
        await anext(stream)
    return stream


def so_far(stream: Any) -> Any:
    """Return what LiteLLM's proxy makes of a stream whose client has left."""
    if hasattr(stream, "partial_response_on_disconnect"):
        return stream.partial_response_on_disconnect()
    return litellm.stream_chunk_builder(stream.chunks, messages=MESSAGES)


async def leave(stream: Any) -> None:
    """Do what LiteLLM's proxy does when the client of a stream has left."""
    with pytest.raises(late_bills.DeferredError):
        await stream.logging_obj.dispatch_success_handlers(
            so_far(stream), cache_hit=False, prefer_async_handlers=True
        )
    await stream.aclose()


@ENDPOINTS
async def test_the_handlers_get_the_bill_once_openrouter_knows_it(
    endpoint: str, emulated: Emulator, listener: Listener
) -> None:
    emulated.faults.add("stall; after=5", times=1)
    emulated.faults.add("status=404; path=/generation", times=1)
    await leave(await opened(endpoint))

    assert listener.told == []
    assert await ahappens(lambda: listener.told)
    [billed] = [row for row in emulated.bill() if row.cancelled]
    [(cost, usage)] = listener.told
    assert Decimal(repr(cost)) == billed.cost > 0
    tokens = usage if isinstance(usage, dict) else usage.model_dump()
    assert tokens["prompt_tokens"] == billed.tokens_prompt
    assert tokens["completion_tokens"] == billed.tokens_completion


@ENDPOINTS
@pytest.mark.parametrize(("status", "asked"), [(404, 3), (401, 1)])
async def test_a_bill_that_stays_unknown_is_no_estimate(
    endpoint: str,
    status: int,
    asked: int,
    emulated: Emulator,
    listener: Listener,
    caplog: pytest.LogCaptureFixture,
) -> None:
    emulated.faults.add("stall; after=5", times=1)
    emulated.faults.add(f"status={status}; path=/generation")
    with caplog.at_level(logging.WARNING, "openrouter_adapter"):
        await leave(await opened(endpoint))
        assert await ahappens(lambda: listener.told)

    [(cost, _)] = listener.told
    assert cost is None
    [billed] = [row for row in emulated.bill() if row.cancelled]
    assert f"generation {billed.generation_id}" in caplog.text
    assert [one.path for one in emulated.requests].count("/generation") == asked


async def test_a_stream_that_is_read_to_its_end_waits_for_nothing(
    emulated: Emulator, listener: Listener
) -> None:
    stream: Any = await litellm.acompletion(MODEL, MESSAGES, stream=True)
    async for _ in stream:
        pass

    assert await ahappens(lambda: listener.told)
    [billed] = emulated.bill()
    assert [Decimal(repr(cost)) for cost, _ in listener.told] == [billed.cost]


async def test_a_bill_that_came_before_the_client_left_is_not_asked_for(
    emulated: Emulator, listener: Listener
) -> None:
    stream: Any = await litellm.acompletion(MODEL, MESSAGES, stream=True)
    async for chunk in stream:
        if getattr(chunk, "usage", None):
            break
    await leave(stream)

    assert await ahappens(lambda: listener.told)
    [billed] = emulated.bill()
    assert [Decimal(repr(cost)) for cost, _ in listener.told] == [billed.cost]
    assert "/generation" not in [one.path for one in emulated.requests]


@ENDPOINTS
async def test_a_stream_that_failed_is_not_priced_as_one_that_was_left(
    endpoint: str, emulated: Emulator, listener: Listener
) -> None:
    emulated.faults.add("error-chunk=502; after=5", times=1)
    stream = await opened(endpoint)
    with pytest.raises(Exception, match=r"502|fault|error"):
        async for _ in stream:
            pass

    # A fallback of the proxy's goes on with the same log.
    fallback = litellm.ModelResponse(model="gpt-4o-mini")
    await stream.logging_obj.dispatch_success_handlers(fallback, prefer_async_handlers=True)
    assert len(listener.told) == 1
