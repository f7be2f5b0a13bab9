"""What holds on every endpoint, by every way to call it.

A new endpoint is held to it by its calls in tests/support/endpoints.py.
"""

from __future__ import annotations

import functools
import json
import logging
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.exceptions import BudgetExceededError, PaymentRequiredError

from tests.support.endpoints import CALLS, PROMPT
from tests.support.gate import RecordingGate, RefusingGate, guarded
from tests.support.waiting import happens

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator

IMAGES_API: dict[str, Any] = {"openrouter_image_route": "images"}
WAYS = CALLS | {
    f"{way}, images API": functools.partial(CALLS[way], **IMAGES_API)
    for way in ("image_generation", "aimage_generation", "image_edit", "aimage_edit")
}
EVERY_WAY = pytest.mark.parametrize("way", WAYS)
# Audio says no cost, and a video's is known when its job ends.
UNKNOWN = frozenset({"speech", "aspeech", "video_generation", "avideo_generation"})
# A stream of Messages says none: OpenRouter is asked for it afterwards.
WITHOUT_COST = UNKNOWN | {"anthropic_messages stream", "messages.create stream"}
FAILURES = {
    "error-in-200=402": PaymentRequiredError,
    "status=404": litellm.NotFoundError,
    "status=503": litellm.ServiceUnavailableError,
    "rate-limit": litellm.RateLimitError,
    "html=500": litellm.InternalServerError,
}
# By way, an answer without anything in it that OpenRouter bills all the same.
EMPTY = {
    "completion": "null-choices",
    "image_edit, images API": "empty-choices",
    "image_generation, images API": "empty-choices",
    "rerank": "empty-choices",
    "text_completion": "null-choices",
    "transcription": "null-choices",
}
NO_RETRIES: dict[str, Any] = {"num_retries": 0, "max_retries": 0}


def cost_of(answer: Any) -> Any:
    """Return what an answer says it cost: a stream in the usage of its last piece."""
    if not isinstance(answer, list):
        return answer._hidden_params["response_cost"]
    last = answer[-1]
    return getattr(last, "response", last).usage.cost


@pytest.mark.parametrize("way", [way for way in WAYS if way not in WITHOUT_COST])
def test_the_answer_says_what_it_cost(way: str, emulated: Emulator) -> None:
    answer = WAYS[way]()
    (bill,) = emulated.bill()
    assert cost_of(answer) == float(bill.cost) > 0


@EVERY_WAY
def test_the_gate_is_asked_once_and_settled_once_with_the_bill(
    way: str, emulated: Emulator
) -> None:
    with guarded(RecordingGate()) as gate:
        WAYS[way]()
        assert happens(lambda: gate.settled)
        assert happens(emulated.bill)
    (told,), (bill,) = gate.bills, emulated.bill()
    assert told is not None
    assert told.generation_id == bill.generation_id
    assert told.cost == (None if way in UNKNOWN else bill.cost)
    assert gate.failures == [None]
    if "transcription" in way:
        assert "input_audio" not in gate.asked[0][0]
    else:
        assert gate.asked[0][0] == emulated.requests[0].body


@pytest.mark.parametrize("fault", FAILURES)
@EVERY_WAY
def test_a_failure_is_litellms_exception_and_settles_once(
    way: str, fault: str, emulated: Emulator
) -> None:
    emulated.faults.add(fault)
    with guarded(RecordingGate()) as gate:
        with pytest.raises(FAILURES[fault]) as caught:
            WAYS[way](**NO_RETRIES)
        assert happens(lambda: gate.settled)
    assert type(caught.value) is FAILURES[fault]
    (bill,) = gate.bills
    assert bill is None or not bill.cost
    assert type(gate.failures[0]) is FAILURES[fault]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("way", EMPTY)
def test_an_empty_answer_is_a_failure_and_settles_with_what_it_cost(
    way: str, is_async: bool, emulated: Emulator
) -> None:
    emulated.faults.add(EMPTY[way])
    with guarded(RecordingGate()) as gate:
        with pytest.raises((litellm.BadGatewayError, litellm.ServiceUnavailableError)):
            WAYS[f"a{way}" if is_async else way](**NO_RETRIES)
        assert happens(lambda: gate.settled)
    (told,), (bill,) = gate.bills, emulated.bill()
    assert told is not None
    assert told.cost == bill.cost


@EVERY_WAY
def test_a_spent_budget_is_its_own_exception_and_sends_nothing(
    way: str, emulated: Emulator
) -> None:
    with guarded(RefusingGate()), pytest.raises(BudgetExceededError):
        WAYS[way](**NO_RETRIES)
    assert emulated.requests == []


@EVERY_WAY
def test_no_key_is_said_before_anything_is_sent(
    way: str, emulated: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY")
    with pytest.raises(litellm.AuthenticationError, match="OPENROUTER_API_KEY"):
        WAYS[way](**NO_RETRIES)
    assert emulated.requests == []


@EVERY_WAY
def test_a_line_of_debugging_has_the_request_and_neither_key_nor_prompt(
    way: str, emulated: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="openrouter_adapter")

    def lines() -> list[logging.LogRecord]:
        # A bill that comes later is asked for with a GET of its own.
        found = [one for one in caplog.records if "openrouter" in vars(one)]
        return [one for one in found if vars(one)["openrouter"]["method"] == "POST"]

    WAYS[way]()
    assert happens(lines)
    assert happens(emulated.bill)
    (line,), (bill,) = lines(), emulated.bill()
    said = vars(line)["openrouter"]
    assert (said["method"], said["status"]) == ("POST", 202 if "video" in way else 200)
    assert said["url"] == emulated.base_url + emulated.requests[0].path
    assert said["generation"] == bill.generation_id
    assert said["cost_usd"] == ("unknown" if way in UNKNOWN else f"{bill.cost:f}")
    assert emulated.api_key not in line.getMessage()
    assert PROMPT not in line.getMessage()


@EVERY_WAY
def test_the_app_is_named_in_the_headers_and_the_key_in_no_body(
    way: str, emulated: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OR_SITE_URL", "https://birds.example")
    monkeypatch.setenv("OR_APP_NAME", "Birds")
    WAYS[way]()
    (request,) = emulated.requests
    assert request.headers["http-referer"] == "https://birds.example"
    assert request.headers["x-title"] == "Birds"
    assert emulated.api_key not in json.dumps(request.body)
