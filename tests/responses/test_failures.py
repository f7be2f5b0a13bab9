"""Each failure is the exception that fallbacks expect, with the provider's words and its bill."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm import exceptions

from tests.responses.asking import STREAMED, WAYS, WHOLE, Way
from tests.responses.test_requests import OUTPUT, response
from tests.support.gate import RecordingGate, guarded
from tests.support.wire import Reply, events

if TYPE_CHECKING:
    from tests.support.wire import Wire

USAGE = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7, "cost": 0.0004970133333333333}
STARTED = response([], status="in_progress", usage=None)
CREATED = {"type": "response.created", "response": STARTED, "sequence_number": 0}
SAID = OUTPUT[1]


def delta(text: str) -> dict[str, Any]:
    place = {"output_index": 0, "item_id": "msg_1", "content_index": 0, "sequence_number": 1}
    return {"type": "response.output_text.delta", **place, "delta": text, "logprobs": []}


def failed(error: dict[str, Any] | None, **fields: Any) -> dict[str, Any]:
    return response([SAID], status="failed", error=error, usage=USAGE, **fields)


def event_of(body: dict[str, Any]) -> dict[str, Any]:
    return {"type": f"response.{body['status']}", "response": body, "sequence_number": 9}


CODES = [
    ("server_error", exceptions.InternalServerError, 500),
    ("rate_limit_exceeded", exceptions.RateLimitError, 429),
    ("invalid_prompt", exceptions.BadRequestError, 400),
    ("invalid_image_url", exceptions.BadRequestError, 400),
    ("vector_store_timeout", exceptions.Timeout, 504),
    ("cyber_policy", exceptions.ContentPolicyViolationError, 400),
    ("context_length_exceeded", exceptions.ContextWindowExceededError, 400),
    (402, exceptions.PaymentRequiredError, 402),
    ("something_new", exceptions.BadGatewayError, 502),
]


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize(("code", "kind", "status"), CODES)
def test_a_response_that_failed(
    way: Way, code: Any, kind: type[Exception], status: int, wire: Wire
) -> None:
    body = failed({"code": code, "message": "The upstream's own words"})
    wire.reply = lambda asked: Reply(
        [CREATED, delta("Let me"), event_of(body)] if asked.get("stream") else body
    )
    raised: Any = way.failure()
    assert type(raised) is kind
    assert raised.status_code == status
    assert "The upstream's own words" in str(raised)
    assert raised.openrouter["generation_id"] == "gen-1"
    assert raised.openrouter["cost"] == USAGE["cost"]
    assert raised.partial_response.output_text == "Let me see."
    assert len(wire.requests) == 1


@pytest.mark.parametrize("way", WHOLE, ids=str)
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": {"code": 402, "message": "No credits"}}, exceptions.PaymentRequiredError),
        (response([], status=None), exceptions.ServiceUnavailableError),
        (response(output=None), exceptions.ServiceUnavailableError),  # type: ignore[arg-type]
        (failed(None), exceptions.BadGatewayError),
        (b"<html>Bad</html>", exceptions.ServiceUnavailableError),
        (b"[]", exceptions.ServiceUnavailableError),
        (b'{"id": "gen-1", "outp', exceptions.ServiceUnavailableError),
    ],
)
def test_an_answer_that_is_none(way: Way, body: Any, kind: type[Exception], wire: Wire) -> None:
    wire.reply = Reply(body)
    assert type(way.failure()) is kind


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, exceptions.BadRequestError),
        (401, exceptions.AuthenticationError),
        (402, exceptions.PaymentRequiredError),
        (404, exceptions.NotFoundError),
        (429, exceptions.RateLimitError),
        (502, exceptions.BadGatewayError),
    ],
)
def test_a_refusal(way: Way, status: int, kind: type[Exception], wire: Wire) -> None:
    metadata = {"provider_name": "OpenAI", "raw": '{"error": {"message": "the raw words"}}'}
    error = {"code": status, "message": "Provider returned error", "metadata": metadata}
    wire.reply = Reply({"error": error}, status=status, headers={"X-Generation-Id": "gen-7"})
    raised: Any = way.failure()
    assert type(raised) is kind
    assert "OpenAI said: the raw words" in str(raised)
    assert raised.openrouter["generation_id"] == "gen-7"


BROKEN: dict[str, tuple[Reply, type[Exception], str]] = {
    "error event": (
        Reply([CREATED, delta("Let"), {"type": "error", "code": "429", "message": "Slow down"}]),
        exceptions.RateLimitError,
        "Slow down",
    ),
    "nested error event": (
        Reply(
            [CREATED, delta("Let"), {"type": "error", "error": {"code": 503, "message": "Gone"}}]
        ),
        exceptions.ServiceUnavailableError,
        "Gone",
    ),
    "bare error": (
        Reply([{"error": {"code": 402, "message": "No credits"}}]),
        exceptions.PaymentRequiredError,
        "No credits",
    ),
    "error as JSON": (
        Reply({"error": {"code": 402, "message": "No credits"}}),
        exceptions.PaymentRequiredError,
        "No credits",
    ),
    "no end": (
        Reply(events([CREATED, delta("Let")], done=False)),
        exceptions.ServiceUnavailableError,
        "ended early",
    ),
    "only DONE": (Reply([]), exceptions.ServiceUnavailableError, "without an answer"),
    "nothing": (
        Reply([b": OPENROUTER PROCESSING\n\n"]),
        exceptions.ServiceUnavailableError,
        "without an answer",
    ),
    "not JSON": (
        Reply([*events([CREATED], done=False), b'data: {"type": "resp\n\n', b"data: [DONE]\n\n"]),
        exceptions.ServiceUnavailableError,
        "not JSON",
    ),
    "malformed": (
        Reply([CREATED, {"type": "response.output_text.delta"}]),
        exceptions.ServiceUnavailableError,
        "malformed",
    ),
    "a delta that is not text": (
        Reply([CREATED, delta("Let"), {**delta("x"), "delta": ["x"]}, event_of(response())]),
        exceptions.ServiceUnavailableError,
        "malformed",
    ),
    "places of several types": (
        Reply([CREATED, delta("Let"), {**delta("x"), "output_index": "1"}]),
        exceptions.ServiceUnavailableError,
        "malformed",
    ),
    "an item's place that is not a number": (
        Reply(
            [
                CREATED,
                delta("Let"),
                {"type": "response.output_item.done", "output_index": None, "item": {}},
                {"type": "error", "code": "429", "message": "Slow down"},
            ]
        ),
        exceptions.ServiceUnavailableError,
        "malformed",
    ),
    "cut": (
        Reply(events([CREATED, delta("Let")], done=False), cut=True),
        exceptions.APIConnectionError,
        "the connection to OpenRouter broke",
    ),
}


@pytest.mark.parametrize("way", STREAMED, ids=str)
@pytest.mark.parametrize("name", BROKEN)
def test_a_stream_that_breaks(way: Way, name: str, wire: Wire) -> None:
    wire.reply, kind, words = BROKEN[name]
    with guarded(RecordingGate()) as gate:
        raised: Any = way.failure()
    assert type(raised) is kind
    assert words in str(raised)
    has_text = b"Let" in b"".join(wire.reply.pieces)
    assert (raised.partial_response is not None) == has_text
    if has_text:
        assert raised.partial_response.output_text == "Let"
    assert len(gate.bills) == 1


WHOLE = json.dumps(event_of(response())).encode()
# What https://html.spec.whatwg.org/multipage/server-sent-events.html allows, besides OpenRouter's.
ALLOWED = {
    "byte order mark": [b"\xef\xbb\xbfdata: " + WHOLE + b"\n\n"],
    "empty data": [b"data:\n\ndata: \n\n", b"data: " + WHOLE + b"\n\n"],
    "carriage returns": [b"data: " + WHOLE + b"\r\r"],
    "carriage returns and line feeds": [b"event: x\r\ndata: " + WHOLE + b"\r\n\r\n"],
    "no space": [b"data:" + WHOLE + b"\n\n"],
    "event, id and retry": [b"event: x\nid: 7\nretry: 10\ndata: " + WHOLE + b"\n\n"],
    "an event without data": [b"event: ping\n\n", b"data: " + WHOLE + b"\n\n"],
    "several data lines": [b"data: " + WHOLE.replace(b", ", b",\ndata: ", 1) + b"\n\n"],
    "comments": [b": x\n\n:\ndata: " + WHOLE + b"\n: y\n\n"],
    "no blank line at the end": [b"data: " + WHOLE],
    "line separators of Unicode": [
        b"data: " + WHOLE.replace(b"Let me see.", "Let\u2028me\x85see.".encode()) + b"\n\n"
    ],
    "pieces": [bytes([byte]) for byte in b"data: " + WHOLE + b"\n\n"],
}


@pytest.mark.parametrize("way", STREAMED, ids=str)
@pytest.mark.parametrize("name", ALLOWED)
def test_a_stream_of_any_form_that_the_standard_allows(way: Way, name: str, wire: Wire) -> None:
    wire.reply = Reply(ALLOWED[name])
    said = way.ask().output_text
    assert said.replace("\u2028", " ").replace("\x85", " ") == "Let me see."


@pytest.mark.parametrize("way", STREAMED, ids=str)
def test_a_stream_that_stalls(way: Way, wire: Wire) -> None:
    wire.reply = Reply([*events([CREATED, delta("Let")], done=False)], hold=5)
    raised: Any = way.failure(timeout=0.3)
    assert type(raised) is exceptions.Timeout
    assert raised.partial_response.output_text == "Let"


@pytest.mark.parametrize("way", STREAMED, ids=str)
def test_a_connection_that_breaks_after_the_end_is_no_failure(way: Way, wire: Wire) -> None:
    done = event_of(response())
    wire.reply = Reply(events([CREATED, done], done=False), cut=True)
    assert way.ask().status == "completed"


@pytest.mark.parametrize("way", STREAMED, ids=str)
def test_an_answer_in_one_piece_is_a_stream_too(way: Way, wire: Wire) -> None:
    wire.reply = Reply(response())
    answer = way.ask()
    assert answer.output_text == "Let me see."
    assert answer._hidden_params["response_cost"] == 0.0001


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_what_a_failed_response_cost_reaches_the_gate(way: Way, wire: Wire) -> None:
    body = failed({"code": "server_error", "message": "Broken"})
    wire.reply = lambda asked: Reply([CREATED, event_of(body)] if asked.get("stream") else body)
    with guarded(RecordingGate()) as gate:
        way.failure()
    (bill,) = gate.bills
    assert bill is not None
    assert (bill.cost, bill.generation_id) == (Decimal("0.0004970133333333333"), "gen-1")


def test_a_router_falls_back_from_a_broken_stream(wire: Wire) -> None:
    broken = {"type": "error", "code": "502", "message": "Broken"}
    wire.reply = lambda asked: Reply(
        [CREATED, broken] if asked["model"] == "a/broken" else [CREATED, event_of(response())]
    )
    router = litellm.Router(
        model_list=[
            {"model_name": name, "litellm_params": {"model": f"openrouter/a/{name}"}}
            for name in ("broken", "whole")
        ],
        fallbacks=[{"broken": ["whole"]}],
        num_retries=0,
    )

    async def ask() -> Any:
        stream: Any = await router.aresponses(model="broken", input="Hi", stream=True)
        return [event async for event in stream]

    events_seen = asyncio.run(ask())
    assert events_seen[-1].type == "response.completed"
    assert [request["model"] for request in wire.requests] == ["a/broken", "a/whole"]
