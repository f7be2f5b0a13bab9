"""Whole calls on the emulator: cost, facts, turns, Router, callbacks, caching, leaving early."""

from __future__ import annotations

import asyncio
import gc
import time
import uuid
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.integrations.custom_logger import CustomLogger

import openrouter_adapter
from openrouter_adapter.responses.streaming import (
    AsyncOpenRouterResponsesStream,
    OpenRouterResponsesStream,
)
from tests.responses.asking import MODEL, STREAMED, WAYS, Way
from tests.responses.test_failures import CREATED, USAGE, delta, event_of, failed
from tests.responses.test_requests import FLAT, FORMS, NESTED, response
from tests.support.gate import RecordingGate, guarded
from tests.support.waiting import PATIENCE, ahappens, happens
from tests.support.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openrouter_adapter.emulator import Emulator
    from tests.support.wire import Wire

THINKERS = ["anthropic/claude-haiku-4.5", "openai/gpt-5-mini", "google/gemini-2.5-pro"]
QUESTION = {"role": "user", "content": "What is the weather in Paris?"}


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_the_cost_and_the_facts(way: Way, emulated: Emulator) -> None:
    answer = way.ask(service_tier="default")
    (row,) = emulated.bill()
    hidden = answer._hidden_params
    cost = float(row.cost)
    assert cost > 0
    assert hidden["response_cost"] == answer.usage.cost == cost
    assert (
        hidden["additional_headers"]["llm_provider-x-litellm-response-cost"]
        == hidden["openrouter"]["cost"]
        == cost
    )
    facts = hidden["openrouter"]
    assert facts["generation_id"] == row.generation_id
    assert facts["service_tier"] == "default"
    assert facts["is_byok"] is False
    assert "output" not in facts
    assert row.streamed is way.is_stream


def test_streams_are_real(wire: Wire) -> None:
    wire.reply = Reply(lifecycle(response()))
    *_, last = litellm.responses("Hi", MODEL, stream=True)
    assert last.type == "response.completed"
    assert wire.requests[0]["stream"] is True

    wire.reply = endless
    stream: Any = litellm.responses("Hi", MODEL, stream=True)
    assert next(stream).type == "response.created"
    del stream


@pytest.mark.usefixtures("emulated")
@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("model", THINKERS)
def test_a_second_turn_after_thinking_and_a_tool(way: Way, model: str) -> None:
    asked: dict[str, Any] = {
        "model": f"openrouter/{model}",
        "tools": [NESTED],
        "reasoning": {"effort": "high", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
    }
    for form in FORMS.values():
        first = way.ask(input=[QUESTION], **asked)
        thought, call = form(first)
        call_id = call["call_id"] if isinstance(call, dict) else call.call_id
        result = {"type": "function_call_output", "call_id": call_id, "output": "21 °C"}
        second = way.ask(input=[QUESTION, thought, call, result], **asked)
        assert "21 °C" in second.output_text


def test_options_of_a_router_reach_the_wire(wire: Wire) -> None:
    wire.reply = Reply(response())
    router = litellm.Router(
        model_list=[
            {
                "model_name": "birds",
                "litellm_params": {
                    "model": "openrouter/a/b",
                    "provider": {"only": ["azure"]},
                    "openrouter_session_id": "s-1",
                    "extra_body": {"brand_new": 1},
                },
            }
        ]
    )
    answer: Any = asyncio.run(router.aresponses(model="birds", input="Hi", tools=[FLAT]))
    assert answer._hidden_params["openrouter"]["generation_id"] == "gen-1"
    (body,) = wire.requests
    assert body == {
        "model": "a/b",
        "input": "Hi",
        "tools": [FLAT],
        "provider": {"only": ["azure"]},
        "session_id": "s-1",
        "brand_new": 1,
    }


class Events(CustomLogger):
    """Counts the success events and keeps their cost, by side."""

    def __init__(self) -> None:
        super().__init__()
        # LiteLLM may tell of an earlier test's call when the next event loop runs.
        self.call_id = str(uuid.uuid4())
        self.costs: dict[str, list[Any]] = {"sync": [], "async": []}
        self.facts: list[Any] = []
        self.failures: list[Any] = []
        self.failure_costs: list[Any] = []

    def _keep(self, side: str, kwargs: dict[str, Any], response_obj: Any) -> None:
        if kwargs["litellm_call_id"] != self.call_id:
            return
        payload = kwargs["standard_logging_object"]
        self.costs[side].append((kwargs["response_cost"], payload["response_cost"]))
        self.facts.append(response_obj._hidden_params["openrouter"])

    def log_success_event(self, kwargs: Any, response_obj: Any, **_: Any) -> None:
        self._keep("sync", kwargs, response_obj)

    async def async_log_success_event(self, kwargs: Any, response_obj: Any, **_: Any) -> None:
        self._keep("async", kwargs, response_obj)

    def _keep_failure(self, side: str, kwargs: dict[str, Any]) -> None:
        if kwargs["litellm_call_id"] == self.call_id:
            payload = kwargs["standard_logging_object"]
            self.failure_costs.append((payload["response_cost"], payload["total_tokens"]))
            self.failures.append((side, kwargs["exception"]))

    def log_failure_event(self, kwargs: Any, **_: Any) -> None:
        self._keep_failure("sync", kwargs)

    async def async_log_failure_event(self, kwargs: Any, **_: Any) -> None:
        self._keep_failure("async", kwargs)


@pytest.fixture
def heard() -> Iterator[Events]:
    callback = Events()
    litellm.callbacks.append(callback)
    yield callback
    for name in ("callbacks", "success_callback", "failure_callback"):
        for prefix in ("", "_async_"):
            held = getattr(litellm, prefix + name, None) or []
            held[:] = [one for one in held if one is not callback]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_callbacks_see_the_exact_cost_once_a_side(
    way: Way, emulated: Emulator, heard: Events
) -> None:
    way.ask(litellm_call_id=heard.call_id)
    assert happens(lambda: any(heard.costs.values()))
    time.sleep(0.1)
    (row,) = emulated.bill()
    assert all(len(costs) <= 1 for costs in heard.costs.values())
    for costs in filter(None, heard.costs.values()):
        assert costs == [(float(row.cost), float(row.cost))]
    assert {facts["generation_id"] for facts in heard.facts} == {row.generation_id}
    assert {facts["cost"] for facts in heard.facts} == {float(row.cost)}


@pytest.mark.parametrize("way", STREAMED, ids=str)
def test_a_broken_stream_is_told_as_our_exception(
    way: Way, emulated: Emulator, heard: Events
) -> None:
    emulated.faults.add("error-chunk=502")
    raised = way.failure(litellm_call_id=heard.call_id)
    assert happens(lambda: heard.failures)
    time.sleep(0.1)
    sides = [side for side, _ in heard.failures]
    assert sorted(set(sides)) == sorted(sides)
    assert {id(exception) for _, exception in heard.failures} == {id(raised)}


@pytest.mark.parametrize("way", STREAMED, ids=str)
def test_a_failed_stream_is_told_at_what_it_was_billed(way: Way, wire: Wire, heard: Events) -> None:
    body = failed({"code": "server_error", "message": "Broken"})
    wire.reply = Reply([CREATED, delta("Let me"), event_of(body)])
    way.failure(litellm_call_id=heard.call_id)
    assert happens(lambda: heard.failures)
    assert set(heard.failure_costs) == {(USAGE["cost"], USAGE["total_tokens"])}


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_the_gate_hears_of_each_request_once(way: Way, emulated: Emulator) -> None:
    with guarded(RecordingGate()) as gate:
        way.ask(extra_body={"brand_new": 1}, litellm_metadata={"tags": ["a"]})
    ((body, call),) = gate.asked
    assert body["brand_new"] == 1
    assert call["metadata"]["tags"] == ["a"]
    assert call["litellm_call_id"]
    (bill,) = gate.bills
    assert bill is not None
    assert bill.cost == emulated.bill()[0].cost
    assert bill.generation_id == emulated.bill()[0].generation_id


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_gate_that_says_no_keeps_the_request_from_being_sent(way: Way, wire: Wire) -> None:
    class Closed(RecordingGate):
        def before_send(self, *_: Any) -> object:
            raise litellm.BudgetExceededError(current_cost=1, max_budget=1)

    with guarded(Closed()), pytest.raises(litellm.BudgetExceededError):
        way.ask()
    assert wire.requests == []


def test_a_stream_that_is_closed_frees_its_connection(wire: Wire) -> None:
    wire.reply = endless
    with guarded(RecordingGate()) as gate:
        stream: Any = litellm.responses("Hi", MODEL, stream=True)
        assert isinstance(stream, OpenRouterResponsesStream)
        next(stream)
        stream.close()
        assert wire.left.wait(PATIENCE)
        assert list(stream) == []
    (bill,) = gate.bills
    assert bill is not None
    assert (bill.cost, bill.generation_id) == (None, "gen-1")


def test_a_stream_that_is_left_frees_its_connection(wire: Wire) -> None:
    wire.reply = endless
    with guarded(RecordingGate()) as gate:
        for _ in litellm.responses("Hi", MODEL, stream=True):  # type: ignore[union-attr]
            break
        assert happens(lambda: gc.collect() >= 0 and wire.left.is_set())
        assert len(gate.bills) == 1


async def test_an_asynchronous_stream_that_is_closed_frees_its_connection(wire: Wire) -> None:
    wire.reply = endless
    with guarded(RecordingGate()) as gate:
        stream: Any = await litellm.aresponses("Hi", MODEL, stream=True)
        assert isinstance(stream, AsyncOpenRouterResponsesStream)
        await anext(stream)
        await stream.aclose()
        assert await ahappens(wire.left.is_set)
        assert [event async for event in stream] == []
        assert len(gate.bills) == 1


def test_headers_and_key(loopback: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    loopback.replies(response())
    monkeypatch.setenv("OPENROUTER_API_BASE", loopback.base_url)
    with openrouter_adapter.registered(app_url="https://birds.example", app_title="Birds"):
        with pytest.raises(litellm.AuthenticationError, match="OPENROUTER_API_KEY"):
            litellm.responses("Hi", MODEL)
        litellm.responses("Hi", MODEL, api_key="sk-or-1", extra_headers={"x-one": "1"})
        litellm.responses("Hi", MODEL, extra_headers={"Authorization": "Bearer own"})
    first, second = loopback.requests
    assert first.path.endswith("/responses")
    assert first.headers["authorization"] == "Bearer sk-or-1"
    assert first.headers["http-referer"] == "https://birds.example"
    assert first.headers["x-title"] == "Birds"
    assert first.headers["x-one"] == "1"
    assert second.headers["authorization"] == "Bearer own"
    assert first.body == {"model": "openai/gpt-5-mini", "input": "Hi"}


@pytest.mark.usefixtures("emulated")
def test_unregister_puts_litellms_own_back() -> None:
    ours = litellm.OpenRouterResponsesAPIConfig
    assert ours is openrouter_adapter.OpenRouterResponsesConfig
    openrouter_adapter.unregister()
    assert litellm.OpenRouterResponsesAPIConfig is not ours
    litellm.responses("Hi", MODEL)
    from litellm.llms.openrouter.responses import transformation

    assert transformation.OpenRouterResponsesAPIConfig is litellm.OpenRouterResponsesAPIConfig


def test_other_providers_are_left_alone(loopback: Any) -> None:
    loopback.replies(response())
    with openrouter_adapter.registered():
        litellm.responses(
            "Hi", "openai/gpt-4o", api_key="sk-1", api_base=loopback.base_url, max_output_tokens=1
        )
    assert loopback.body["max_output_tokens"] == 16


def test_fields_that_litellm_does_not_foresee_ride_along(wire: Wire) -> None:
    odd = {"instructions": [{"role": "system", "content": "Hi"}], "brand_new": {"a": 1}}
    wire.reply = Reply(response(**odd))
    answer: Any = litellm.responses("Hi", MODEL)
    assert answer.instructions == odd["instructions"]
    assert answer.brand_new == {"a": 1}
    assert answer.usage.cost == 0.0001
    assert answer._hidden_params["response_cost"] == 0.0001


def endless(_: Any) -> Reply:
    return Reply(lifecycle(response())[:1], hold=PATIENCE, headers={"X-Generation-Id": "gen-1"})


def lifecycle(body: dict[str, Any]) -> list[bytes]:
    from tests.support.wire import events

    started = {**body, "status": "in_progress", "output": [], "usage": None}
    kinds = ("created", "in_progress")
    opening = [{"type": f"response.{kind}", "response": started} for kind in kinds]
    return events([*opening, {"type": "response.completed", "response": body}])
