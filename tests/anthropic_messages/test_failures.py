"""Failures before, at the beginning and in the middle of an answer, and streams that are left."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm import Router
from litellm.exceptions import MidStreamFallbackError

from tests.anthropic_messages import wire
from tests.support.gate import RecordingGate, guarded
from tests.support.loopback import Reply
from tests.support.waiting import ahappens

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator
    from tests.support.loopback import Loopback

SSE = {"Content-Type": "text/event-stream", "X-Generation-Id": wire.GENERATION}
START = wire.stream().partition(b"event: content_block_start")[0]


def envelope(kind: str, error_type: str, message: str = "Words of OpenRouter") -> dict[str, Any]:
    error = {"type": kind, "error_type": error_type, "message": message}
    return {"type": "error", "error": error, "request_id": wire.GENERATION}


@pytest.mark.parametrize(
    ("status", "kind", "error_type", "expected"),
    [
        (400, "invalid_request_error", "invalid_request", litellm.BadRequestError),
        (
            400,
            "invalid_request_error",
            "context_length_exceeded",
            litellm.ContextWindowExceededError,
        ),
        (400, "invalid_request_error", "refusal", litellm.ContentPolicyViolationError),
        (401, "authentication_error", "authentication", litellm.AuthenticationError),
        (402, "billing_error", "payment_required", litellm.exceptions.PaymentRequiredError),
        (404, "not_found_error", "not_found", litellm.NotFoundError),
        (429, "rate_limit_error", "rate_limit_exceeded", litellm.RateLimitError),
        (503, "overloaded_error", "provider_overloaded", litellm.ServiceUnavailableError),
    ],
)
@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "streamed"])
async def test_anthropics_envelope_is_litellms_exception(
    is_stream: bool,
    status: int,
    kind: str,
    error_type: str,
    expected: type[Exception],
    openrouter: Loopback,
) -> None:
    openrouter.replies(envelope(kind, error_type), status)
    with pytest.raises(expected, match="Words of OpenRouter") as caught:
        await wire.anthropic_messages(stream=is_stream, num_retries=0)
    assert type(caught.value) is expected
    assert vars(caught.value)["openrouter"]["error_type"] == error_type


async def test_a_refused_signature_is_not_sent_again_without_its_thinking(
    openrouter: Loopback,
) -> None:
    words = "messages.1.content.0: Invalid `signature` in `thinking` block"
    openrouter.replies(envelope("invalid_request_error", "invalid_request", words), 400)
    with pytest.raises(litellm.BadRequestError, match="signature"):
        await wire.anthropic_messages()
    assert len(openrouter.requests) == 1


def failing(*events: bytes) -> Any:
    return lambda _: Reply(b"".join(events), headers=SSE)


OVERLOADED = wire.event(envelope("overloaded_error", "provider_overloaded"))
TOO_LONG = wire.event(envelope("invalid_request_error", "context_length_exceeded"))


async def test_an_error_before_the_answer_is_raised_for_the_fallbacks_of_a_router(
    openrouter: Loopback,
) -> None:
    openrouter.answer = failing(START, TOO_LONG)
    with pytest.raises(litellm.ContextWindowExceededError) as caught:
        await wire.anthropic_messages(stream=True)
    assert isinstance(caught.value, MidStreamFallbackError)


@pytest.mark.parametrize(
    ("event", "fallbacks"),
    [(OVERLOADED, "fallbacks"), (TOO_LONG, "context_window_fallbacks")],
    ids=["overloaded", "too long"],
)
async def test_a_router_falls_back_from_a_stream_that_has_not_answered(
    event: bytes, fallbacks: str, openrouter: Loopback
) -> None:
    whole = wire.replies()
    openrouter.answer = lambda request: (
        whole(request) if "sonnet" in request.body["model"] else failing(START, event)(request)
    )
    names = {
        "first": wire.CLAUDE,
        "second": "openrouter/anthropic/claude-sonnet-4.5",
        "third": "openrouter/anthropic/claude-opus-4.5",
    }
    router = Router(
        [{"model_name": name, "litellm_params": {"model": model}} for name, model in names.items()],
        num_retries=0,
        # LiteLLM asks for the special ones only where there are usual ones, too.
        **{"fallbacks": [{"first": ["third"]}], fallbacks: [{"first": ["second"]}]},  # type: ignore[arg-type]
    )
    stream: Any = await router.aanthropic_messages(**wire.asked(model="first", stream=True))
    assert b"".join([piece async for piece in stream]) == wire.stream()


async def test_an_error_in_the_middle_is_openrouters_event_and_the_last(
    openrouter: Loopback,
) -> None:
    begun = wire.stream().partition(b"event: content_block_stop")[0]
    openrouter.answer = failing(begun, OVERLOADED)
    with guarded(RecordingGate()) as gate:
        assert await wire.anthropic_messages(stream=True) == begun + OVERLOADED
    [failure] = gate.failures
    assert type(failure) is litellm.ServiceUnavailableError


async def test_a_stream_that_is_cut_ends_in_an_error_event(openrouter: Loopback) -> None:
    begun = wire.stream().partition(b"event: content_block_stop")[0]
    openrouter.answer = failing(begun)
    got = await wire.anthropic_messages(stream=True)
    assert got.startswith(begun)
    *_, last = wire.data_of(got)
    assert last["error"]["type"] == "overloaded_error"
    assert "the answer is incomplete" in last["error"]["message"]


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_events_are_whole_whatever_pieces_the_network_cuts_them_into(size: int) -> None:
    from openrouter_adapter.anthropic_messages.stream_reader import StreamReader

    sent = wire.stream() + wire.DONE
    reader = StreamReader({}, "a/b")
    blocks = [reader.feed(sent[at : at + size]) for at in range(0, len(sent), size)]
    assert b"".join(blocks) == wire.stream()
    assert all(block.endswith(b"\n\n") for block in blocks if block)
    assert reader.is_complete
    assert reader.bill().cost == Decimal("0.00123")


async def test_a_page_in_place_of_a_stream_is_an_exception(openrouter: Loopback) -> None:
    openrouter.answer = lambda _: Reply(b"<html>Bad gateway</html>\n\n", headers=SSE)
    with pytest.raises(litellm.exceptions.MidStreamFallbackError, match="not JSON"):
        await wire.anthropic_messages(stream=True)


async def test_a_stream_that_is_left_frees_its_connection(emulated: Emulator) -> None:
    emulated.faults.add("stall; after=4", times=1)
    with guarded(RecordingGate()) as gate:
        stream: Any = await litellm.anthropic_messages(**wire.asked(stream=True))
        await anext(stream)
        await stream.aclose()
        assert await ahappens(lambda: emulated.bill() and emulated.bill()[0].cancelled)
    [told] = gate.bills
    assert told is not None
    assert told.generation_id == emulated.bill()[0].generation_id


async def test_a_synchronous_stream_that_is_left_frees_its_connection(emulated: Emulator) -> None:
    def leave() -> None:
        stream: Any = litellm.anthropic.messages.create(**wire.asked(stream=True))
        next(stream)
        stream.close()

    emulated.faults.add("stall; after=4", times=1)
    with guarded(RecordingGate()) as gate:
        await asyncio.to_thread(leave)
        assert await ahappens(lambda: emulated.bill() and emulated.bill()[0].cancelled)
    assert len(gate.bills) == 1
