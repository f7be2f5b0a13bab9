"""Each way in which a chat can fail is the exception that retries and fallbacks expect."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import litellm
import pytest

from tests.support.asking import (
    STREAMED,
    WHOLE,
    Way,
    cause_of,
    finish_reason_of,
    text_of,
)
from tests.support.failures import (
    COST,
    FAILURES,
    FLAGGED,
    HEAD,
    KEY,
    SAID,
    TWO_WORDS,
    USAGE,
    Failure,
    delta_chunk,
    error,
    message_body,
    said,
    whole_stream,
    words,
)
from tests.support.wire import Reply, Wire, events

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES = [
    pytest.param(failure, reply, way, id=f"{failure.name}-{way}")
    for failure in FAILURES
    for reply, ways in ((failure.whole, WHOLE), (failure.stream, STREAMED))
    if reply is not None
    for way in ways
]
WRONG = [
    pytest.param(reply, way, wrong, id=f"{failure.name}-{way}")
    for failure in FAILURES
    for reply, wrong, ways in (
        (failure.whole, failure.builtin[0], WHOLE),
        (failure.stream, failure.builtin[1], STREAMED),
    )
    if reply is not None and wrong is not None
    for way in ways
]
TOOL_CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather"}}


@pytest.mark.parametrize(("failure", "reply", "way"), CASES)
def test_failure_is_the_right_exception(
    wire: Wire, failure: Failure, reply: Reply, way: Way
) -> None:
    wire.reply = reply
    raised = way.failure(wire)
    cause = cause_of(raised)
    assert type(cause).__name__ == failure.raised
    assert type(cause) in litellm.LITELLM_EXCEPTION_TYPES
    assert cause.status_code == failure.status
    for piece in failure.words:
        assert piece in str(raised)
    assert KEY not in str(raised)
    assert len(str(cause)) < 800
    partial = failure.partial if way.is_stream or failure.name.startswith("a choice") else None
    for exception in (raised, cause):
        assert failure.facts.items() <= exception.openrouter.items()
        assert _partial_text(exception) == partial
    assert len(wire.requests) == 1


def _partial_text(exception: Exception) -> str | None:
    response = exception.partial_response
    return None if response is None else text_of(response)


@pytest.mark.parametrize(("reply", "way", "wrong"), WRONG)
def test_builtin_adapter_gets_it_wrong(
    builtin_wire: Wire, reply: Reply, way: Way, wrong: str
) -> None:
    builtin_wire.reply = reply
    assert _outcome(builtin_wire, way) == wrong


def _outcome(builtin_wire: Wire, way: Way) -> str:
    try:
        answer = way.ask(builtin_wire)
    except Exception as raised:  # noqa: BLE001 - the built-in adapter raises anything
        return type(cause_of(raised)).__name__
    if not isinstance(answer, list) and not answer.choices:
        return "success: no choices"
    return f"success: {finish_reason_of(answer)} {text_of(answer)!r}"


@pytest.mark.parametrize("way", WHOLE, ids=str)
def test_completion_nested_in_provider_is_read(wire: Wire, way: Way) -> None:
    wire.reply = Reply({"id": "gen-out", "choices": None, "provider": said(SAID)})
    answer = way.ask(wire)
    assert text_of(answer) == SAID
    assert answer._hidden_params["response_cost"] == COST
    assert answer.id == HEAD["id"]


def test_bill_beside_a_nested_completion_is_kept(wire: Wire) -> None:
    inner = {name: value for name, value in said(SAID).items() if name != "usage"}
    wire.reply = Reply({"choices": [], "provider": inner, "usage": USAGE})
    assert WHOLE[0].ask(wire)._hidden_params["response_cost"] == COST


@pytest.mark.parametrize("way", STREAMED, ids=str)
def test_chunk_nested_in_provider_is_read(wire: Wire, way: Way) -> None:
    wire.reply = Reply([{"choices": None, "provider": chunk} for chunk in whole_stream(*TWO_WORDS)])
    assert text_of(way.ask(wire)) == SAID


@pytest.mark.parametrize("way", WHOLE + STREAMED, ids=str)
def test_half_a_surrogate_pair_spoils_one_character(wire: Wire, way: Way) -> None:
    half = "a \ud83d b \U0001f426"
    assert b"\\ud83d b \\ud83d\\udc26" in json.dumps(half).encode()
    wire.reply = Reply(whole_stream(half) if way.is_stream else said(half))
    answer = way.ask(wire)
    assert text_of(answer) == "a \ufffd b \U0001f426"
    for one in answer if way.is_stream else [answer]:
        one.model_dump_json()


@pytest.mark.parametrize("message", [None, "Wren", {}], ids=["null", "text", "empty"])
@pytest.mark.parametrize("way", WHOLE + STREAMED, ids=str)
def test_choice_without_a_message_is_no_empty_success(
    wire: Wire, way: Way, message: object
) -> None:
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    wire.reply = Reply({**HEAD, "choices": [choice], "usage": USAGE})
    raised = way.failure(wire)
    assert isinstance(cause_of(raised), litellm.ServiceUnavailableError)
    assert "no message" in str(raised)
    assert raised.openrouter["cost"] == COST


@pytest.mark.parametrize("way", WHOLE, ids=str)
def test_byte_order_mark_before_an_answer_is_skipped(wire: Wire, way: Way) -> None:
    wire.reply = Reply(b"\xef\xbb\xbf" + json.dumps(said(SAID)).encode())
    answer = way.ask(wire)
    assert text_of(answer) == SAID
    assert answer._hidden_params["response_cost"] == COST


def test_builtin_adapter_refuses_a_nested_completion(builtin_wire: Wire) -> None:
    builtin_wire.reply = Reply({"choices": None, "provider": said(SAID)})
    assert type(WHOLE[0].failure(builtin_wire)).__name__ == "APIError"


@pytest.mark.parametrize("arguments", [{}, {"arguments": None}], ids=["missing", "null"])
@pytest.mark.parametrize("way", WHOLE, ids=str)
def test_tool_call_without_arguments_gets_an_empty_object(
    wire: Wire, way: Way, arguments: dict[str, None]
) -> None:
    call = {**TOOL_CALL, "function": {"name": "get_weather", **arguments}}
    wire.reply = Reply(message_body({"content": None, "tool_calls": [call]}, None))
    answer = way.ask(wire)
    assert finish_reason_of(answer) == "tool_calls"
    assert answer.choices[0].message.tool_calls[0].function.arguments == "{}"


@pytest.mark.parametrize("way", STREAMED, ids=str)
def test_streamed_tool_call_without_arguments_gets_an_empty_object(wire: Wire, way: Way) -> None:
    wire.reply = Reply([delta_chunk({"tool_calls": [{"index": 0, **TOOL_CALL}]})])
    chunks = way.ask(wire)
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    assert "".join(call.function.arguments or "" for call in calls) == "{}"
    assert finish_reason_of(chunks) == "tool_calls"


def test_builtin_adapter_gives_no_arguments(builtin_wire: Wire) -> None:
    message = {"role": "assistant", "content": None, "tool_calls": [TOOL_CALL]}
    builtin_wire.reply = Reply(message_body(message, None))
    message = WHOLE[0].ask(builtin_wire).choices[0].message
    assert message.tool_calls[0].function.arguments != "{}"


@pytest.mark.parametrize("way", STREAMED, ids=str)
def test_error_after_words_keeps_what_was_billed(wire: Wire, way: Way) -> None:
    broken = {**HEAD, "choices": [], **error("server_error", "Gone"), "usage": USAGE}
    wire.reply = Reply([*words(*TWO_WORDS), broken])
    raised = way.failure(wire)
    assert raised.openrouter["cost"] == COST
    assert raised.openrouter["generation_id"] == HEAD["id"]
    assert raised.generated_content == SAID
    assert raised.partial_response._hidden_params["openrouter"]["cost"] == COST


@pytest.mark.parametrize("way", STREAMED, ids=str)
def test_cut_after_the_bill_but_before_the_reason_keeps_the_bill(wire: Wire, way: Way) -> None:
    chunks = [*words(*TWO_WORDS), delta_chunk({}, usage=USAGE)]
    wire.reply = Reply(events(chunks, done=False), headers={"X-Generation-Id": "gen-header"})
    raised = way.failure(wire)
    assert raised.openrouter["cost"] == COST
    assert raised.openrouter["generation_id"] == "gen-header"


@pytest.mark.parametrize("way", STREAMED, ids=str)
def test_error_of_the_caller_in_a_stream_is_raised_as_it_is(wire: Wire, way: Way) -> None:
    flagged = error(403, "Flagged.", reasons=["violence"], flagged_input=FLAGGED)
    wire.reply = Reply([*words(*TWO_WORDS), {**HEAD, "choices": [], **flagged}])
    raised = way.failure(wire)
    assert isinstance(raised, litellm.ContentPolicyViolationError)
    assert raised.flagged_input == FLAGGED
    assert FLAGGED not in str(raised)
    assert _partial_text(raised) == SAID


@pytest.mark.parametrize("way", STREAMED, ids=str)
def test_connection_that_breaks_after_the_end_is_no_failure(wire: Wire, way: Way) -> None:
    wire.reply = Reply(events(whole_stream(*TWO_WORDS), done=False), cut=True)
    assert text_of(way.ask(wire)) == SAID


@pytest.mark.parametrize("way", STREAMED, ids=str)
def test_whole_answer_to_a_stream_request_is_taken(wire: Wire, way: Way) -> None:
    wire.reply = Reply(said(SAID))
    assert text_of(way.ask(wire)) == SAID


@pytest.mark.parametrize("way", STREAMED, ids=str)
def test_error_without_a_content_type_is_told_in_its_own_words(wire: Wire, way: Way) -> None:
    body = b'{"error": {"code": 402, "message": "Insufficient credits"}}\n'
    wire.reply = Reply([body], headers={"Content-Type": "text/plain"})
    raised = way.failure(wire)
    assert isinstance(raised, litellm.exceptions.PaymentRequiredError)
    assert "Insufficient credits" in str(raised)


@pytest.mark.parametrize("way", STREAMED, ids=str)
def test_page_in_place_of_a_stream_is_an_error(wire: Wire, way: Way) -> None:
    wire.reply = Reply([b"<html>\n<body>Down</body>\n</html>\n"])
    assert isinstance(cause_of(way.failure(wire)), litellm.ServiceUnavailableError)


@pytest.mark.parametrize("way", WHOLE + STREAMED, ids=str)
def test_nobody_listening_is_a_connection_error(wire: Wire, way: Way) -> None:
    raised = way.failure(wire, api_base="http://127.0.0.1:1/api/v1")
    assert isinstance(raised, litellm.APIConnectionError)
    assert "OpenRouter was not reached" in str(raised)


@pytest.mark.parametrize("way", WHOLE + STREAMED, ids=str)
def test_silence_is_a_timeout(wire: Wire, way: Way) -> None:
    wire.reply = Reply([b": OPENROUTER PROCESSING\n\n"] if way.is_stream else b" ", hold=5)
    assert isinstance(cause_of(way.failure(wire, timeout=0.2)), litellm.Timeout)


@pytest.fixture
def failures_logged() -> Iterator[list[dict[str, object]]]:
    """Keep what a failure callback is told."""
    told: list[dict[str, object]] = []

    def remember(kwargs: dict[str, object], *_: object) -> None:
        told.append(kwargs)

    litellm.failure_callback.append(remember)
    yield told
    litellm.failure_callback.remove(remember)


def test_failure_callback_is_told_once_what_a_broken_stream_cost(
    wire: Wire, failures_logged: list[dict[str, object]]
) -> None:
    broken = {**HEAD, "choices": [], **error(502, "Gone"), "usage": USAGE}
    wire.reply = Reply([*words(*TWO_WORDS), broken])
    STREAMED[0].failure(wire)
    litellm.litellm_core_utils.thread_pool_executor.executor.submit(int).result()
    deadline = time.monotonic() + 30
    while not failures_logged and time.monotonic() < deadline:
        time.sleep(0.01)
    [kwargs] = failures_logged
    assert kwargs["response_cost"] == COST
    assert kwargs["exception"].openrouter["cost"] == COST
