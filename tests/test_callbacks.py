"""What LiteLLM's callbacks are told: the caller's response, its exact cost, the raw answer."""

from __future__ import annotations

import asyncio
import json
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.integrations.custom_logger import CustomLogger

from openrouter_adapter import endpoint
from tests.conftest import KEY
from tests.support import answers
from tests.support.calls import WAYS, aask, adraw, aembed, ask, draw, embed, stream
from tests.support.versions import litellm_from
from tests.support.waiting import happens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.loopback import Loopback

EVERY_WAY = pytest.mark.parametrize("way", WAYS)
EXACT = Decimal(repr(answers.COST))


LISTS = [
    "callbacks",
    *("input_callback", "success_callback", "failure_callback"),
    *("_async_input_callback", "_async_success_callback", "_async_failure_callback"),
]

# LiteLLM hands late events of an earlier test's calls to the callbacks of that moment.
CALL_ID = "test-callbacks"


class Listener(CustomLogger):  # type: ignore[misc] # LiteLLM's class is untyped
    """Keeps every event of the calls of that id."""

    def __init__(self) -> None:
        super().__init__()
        self.successes: list[tuple[dict[str, Any], Any]] = []
        self.failures: list[dict[str, Any]] = []

    def log_success_event(self, kwargs: Any, response_obj: Any, **_: Any) -> None:
        if kwargs["litellm_call_id"] == CALL_ID:
            self.successes.append((kwargs, response_obj))

    async def async_log_success_event(self, kwargs: Any, response_obj: Any, **_: Any) -> None:
        if kwargs["litellm_call_id"] == CALL_ID:
            self.successes.append((kwargs, response_obj))

    def log_failure_event(self, kwargs: Any, **_: Any) -> None:
        if kwargs["litellm_call_id"] == CALL_ID:
            self.failures.append(kwargs)

    async def async_log_failure_event(self, kwargs: Any, **_: Any) -> None:
        if kwargs["litellm_call_id"] == CALL_ID:
            self.failures.append(kwargs)


@pytest.fixture
def listener() -> Iterator[Listener]:
    installed = Listener()
    lists = [getattr(litellm, name) for name in LISTS]
    litellm.callbacks.append(installed)
    yield installed
    for held in lists:
        held[:] = [one for one in held if one is not installed]


def wait_for_events(found: list[Any]) -> list[Any]:
    """Return the events once there is one; LiteLLM tells of them from a thread."""
    happens(lambda: found)
    time.sleep(0.02)
    return found


@pytest.mark.parametrize("call", [ask, embed, draw, stream])
@pytest.mark.usefixtures("openrouter")
def test_a_success_is_told_once_with_its_cost(listener: Listener, call: Any) -> None:
    call(litellm_call_id=CALL_ID)
    ((kwargs, _),) = wait_for_events(listener.successes)
    assert Decimal(repr(kwargs["response_cost"])) == EXACT


@pytest.mark.parametrize("call", [aask, aembed, adraw])
@pytest.mark.usefixtures("openrouter")
async def test_an_async_success_is_told_once_with_its_cost(listener: Listener, call: Any) -> None:
    await call(litellm_call_id=CALL_ID)
    ((kwargs, _),) = await asyncio.to_thread(wait_for_events, listener.successes)
    assert Decimal(repr(kwargs["response_cost"])) == EXACT


@pytest.mark.usefixtures("openrouter")
def test_a_spend_log_has_the_cost(listener: Listener) -> None:
    ask(litellm_call_id=CALL_ID)
    ((kwargs, _),) = wait_for_events(listener.successes)
    assert kwargs["standard_logging_object"]["response_cost"] == answers.COST
    assert kwargs["standard_logging_object"]["total_tokens"] == 11


@pytest.mark.parametrize("call", [ask, embed, draw, stream])
@pytest.mark.usefixtures("openrouter")
def test_a_spend_log_says_who_served(listener: Listener, call: Any) -> None:
    call(litellm_call_id=CALL_ID)
    ((kwargs, response),) = wait_for_events(listener.successes)
    assert response._hidden_params["upstream_provider"] == "OpenAI"
    logged = kwargs["standard_logging_object"]["hidden_params"].get("upstream_provider")
    # LiteLLM's log has a place for it from 1.109 on.
    assert logged == ("OpenAI" if litellm_from("1.109") else None)


@pytest.mark.parametrize("call", [ask, embed, draw])
@pytest.mark.usefixtures("openrouter")
def test_a_callback_sees_the_raw_answer(listener: Listener, call: Any) -> None:
    call(litellm_call_id=CALL_ID)
    ((kwargs, _),) = wait_for_events(listener.successes)
    raw = kwargs["original_response"]
    assert "provider" in (raw if isinstance(raw, str) else json.dumps(str(raw)))


def test_no_key_is_in_what_callbacks_see(openrouter: Loopback, listener: Listener) -> None:
    ask(litellm_call_id=CALL_ID)
    ((kwargs, _),) = wait_for_events(listener.successes)
    assert KEY not in str(kwargs["additional_args"].get("complete_input_dict"))
    assert len(openrouter.requests) == 1


@pytest.mark.parametrize("way", ["completion", "embedding", "image_generation"])
def test_a_failure_is_told(openrouter: Loopback, listener: Listener, way: str) -> None:
    openrouter.replies(answers.error(402, "no credits"), 402)
    with pytest.raises(litellm.exceptions.BadRequestError):
        WAYS[way](max_retries=0, litellm_call_id=CALL_ID)
    (kwargs,) = wait_for_events(listener.failures)
    assert "no credits" in str(kwargs["exception"])


@pytest.mark.usefixtures("openrouter")
def test_n_images_are_one_event_with_the_whole_cost(listener: Listener) -> None:
    draw(n=3, litellm_call_id=CALL_ID)
    ((kwargs, response),) = wait_for_events(listener.successes)
    assert kwargs["response_cost"] == float(EXACT * 3)
    assert len(response.data) == 3


class Asked:
    """A logging object that keeps what it is told."""

    def __init__(self) -> None:
        self.told: dict[str, Any] = {}

    def post_call(self, **told: Any) -> None:
        self.told = told


class Answer:
    """An HTTP answer that counts how often its text is read."""

    def __init__(self) -> None:
        self.read = 0

    @property
    def text(self) -> str:
        self.read += 1
        return "the answer"


@pytest.fixture
def nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LISTS:
        monkeypatch.setattr(litellm, name, [])


def told(logging_obj: Any) -> tuple[Answer, dict[str, Any]]:
    """Tell a logging object of an answer."""
    answer: Any = Answer()
    endpoint.tell_of_answer(logging_obj, answer, {"model": "m"}, inputs=["a"], key="sk-or-1")
    return answer, logging_obj.told


@pytest.mark.usefixtures("nobody_listens")
def test_an_answer_that_nobody_reads_is_not_decoded() -> None:
    answer, seen = told(Asked())
    assert answer.read == 0
    assert seen["input"] == ["a"]


@pytest.mark.parametrize(
    "attribute",
    ["dynamic_success_callbacks", "dynamic_async_success_callbacks", "dynamic_input_callbacks"],
)
@pytest.mark.usefixtures("nobody_listens")
def test_a_callback_of_one_call_reads_it(attribute: str) -> None:
    logging_obj = Asked()
    setattr(logging_obj, attribute, [print])
    answer, seen = told(logging_obj)
    assert answer.read == 1
    assert seen["original_response"] == "the answer"
