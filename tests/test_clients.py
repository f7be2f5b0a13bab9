"""Requests that LiteLLM sends to OpenRouter by ways of its own are admitted and billed too."""

from __future__ import annotations

import asyncio
import contextlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import litellm
import openai
import pytest
from litellm.integrations.custom_logger import CustomLogger
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler, HTTPHandler

import openrouter_adapter
from tests.conftest import KEY
from tests.support import answers
from tests.support.gate import RecordingGate, RefusingGate, guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.loopback import Loopback

COST = Decimal(repr(answers.COST))
MESSAGES = [{"role": "user", "content": "Name three birds."}]
DECISION = {
    "id": "gen-1",
    "model": "openai/gpt-4o-mini",
    "answers": {"bird": {"type": "noul", "noul": 0.9}},
    "usage": {"cost": answers.COST, "prompt_tokens": 5, "total_tokens": 5},
}


@pytest.fixture
def gate(openrouter: Loopback) -> Iterator[RecordingGate]:  # noqa: ARG001 - registers first
    with guarded(RecordingGate()) as installed:
        yield installed


def by_openai(base: str, **asked: Any) -> Any:
    return litellm.completion(
        "openai/gpt-4o-mini", MESSAGES, api_base=base, api_key=KEY, max_retries=2, **asked
    )


def by_openai_as_stream(base: str) -> Any:
    return list(by_openai(base, stream=True))


def by_async_openai(base: str) -> Any:
    async def call() -> Any:
        return await litellm.acompletion(
            "openai/gpt-4o-mini", MESSAGES, api_base=base, api_key=KEY, max_retries=2
        )

    return asyncio.run(call())


def by_async_openai_as_stream(base: str) -> Any:
    async def call() -> Any:
        stream = await litellm.acompletion(
            "openai/gpt-4o-mini", MESSAGES, api_base=base, api_key=KEY, stream=True
        )
        return [chunk async for chunk in stream]

    return asyncio.run(call())


def by_embedding(base: str) -> Any:
    return litellm.embedding("openai/text-embedding-3-small", "owl", api_base=base, api_key=KEY)


def by_a_client_of_litellm(base: str) -> Any:
    body = {"model": "openai/gpt-4o-mini", "messages": MESSAGES}
    return HTTPHandler().post(f"{base}/chat/completions", json=body)


def by_an_async_client_of_litellm(base: str) -> Any:
    body = {"model": "openai/gpt-4o-mini", "messages": MESSAGES}

    async def call() -> Any:
        async with AsyncHTTPHandler().client as client:
            return await client.post(f"{base}/chat/completions", json=body)

    return asyncio.run(call())


WAYS: dict[str, Callable[[str], Any]] = {
    name: made for name, made in globals().items() if name.startswith("by_") and name != "by_openai"
} | {"by_openai": by_openai}
EVERY_WAY = pytest.mark.parametrize("way", WAYS)


@EVERY_WAY
def test_it_is_asked_for_and_billed_once(
    openrouter: Loopback, gate: RecordingGate, way: str
) -> None:
    WAYS[way](openrouter.base_url)
    [bill] = gate.bills
    assert bill is not None
    assert bill.generation_id in {"gen-1", "gen-emb-1"}
    [(body, call)] = gate.asked
    assert body["model"] == openrouter.body["model"]
    assert len(openrouter.requests) == 1
    assert call.keys() >= {"metadata", "api_key"}
    assert bill.cost == COST


@EVERY_WAY
def test_what_the_gate_refuses_is_not_sent(openrouter: Loopback, way: str) -> None:
    with guarded(RefusingGate()) as gate, pytest.raises(Exception, match="budget zoo"):
        WAYS[way](openrouter.base_url)
    assert openrouter.requests == []
    assert len(gate.asked) == 1
    assert gate.settled == []


@EVERY_WAY
def test_a_failure_settles_once(openrouter: Loopback, gate: RecordingGate, way: str) -> None:
    openrouter.replies(answers.error(400, "no"), 400)
    with contextlib.suppress(openai.OpenAIError, httpx.HTTPStatusError):
        WAYS[way](openrouter.base_url)
    assert [bill is None or bill.cost is None for bill in gate.bills] == [True]
    assert gate.failures[0] is not None


@EVERY_WAY
def test_it_is_left_alone_without_a_gate(openrouter: Loopback, way: str) -> None:
    WAYS[way](openrouter.base_url)
    assert len(openrouter.requests) == 1


def test_a_stream_that_is_left_settles_once(openrouter: Loopback, gate: RecordingGate) -> None:
    body = {"model": "openai/gpt-4o-mini", "messages": MESSAGES, "stream": True}
    client = HTTPHandler().client
    with client.stream("POST", f"{openrouter.base_url}/chat/completions", json=body) as response:
        next(response.iter_raw(16))
    assert len(gate.bills) == 1


def test_what_goes_elsewhere_is_not_asked_for(gate: RecordingGate, openrouter: Loopback) -> None:
    other = openrouter.base_url.replace("127.0.0.1", "localhost")
    HTTPHandler().post(f"{other}/chat/completions", json={"model": "a/b", "messages": MESSAGES})
    assert gate.asked == []


@pytest.mark.parametrize("path", ["keys", "auth/keys", "guardrails", "files"])
def test_what_costs_nothing_is_not_asked_for(
    gate: RecordingGate, openrouter: Loopback, path: str
) -> None:
    openrouter.beyond_schema = {"name"}
    HTTPHandler().post(f"{openrouter.base_url}/{path}", json={"name": "zoo"})
    assert gate.asked == []


def test_a_client_that_cant_be_watched_is_refused(
    openrouter: Loopback, gate: RecordingGate
) -> None:
    with pytest.raises(litellm.BadRequestError, match="name the model openrouter/"):
        litellm.completion(
            "aiohttp_openai/openai/gpt-4o-mini", MESSAGES, api_base=openrouter.base_url, api_key=KEY
        )
    assert openrouter.requests == gate.asked == []


@pytest.mark.usefixtures("openrouter")
def test_a_client_is_its_own_again_after_unregister() -> None:
    client = HTTPHandler().client
    assert "send" in vars(client)
    openrouter_adapter.unregister()
    assert "send" not in vars(client)


def asked_decision(base: str) -> dict[str, Any]:
    return {
        "model": "openrouter/openai/gpt-4o-mini",
        "input": "An owl.",
        "questions": [{"type": "predicate", "name": "bird", "instructions": "Is it a bird?"}],
        "api_base": base,
        "api_key": KEY,
        "metadata": {"job": "J"},
    }


def decide(base: str) -> Any:
    return litellm.decisions(**asked_decision(base))


@pytest.mark.usefixtures("openrouter")
@pytest.mark.parametrize(
    "call",
    [
        lambda: litellm.list_batches(api_key=KEY),
        lambda: asyncio.run(litellm.alist_batches(model="a/b", api_key=KEY)),
        lambda: litellm.create_file(file=("a", b"b"), purpose="batch", api_key=KEY),
        lambda: litellm.list_fine_tuning_jobs(api_key=KEY),
        lambda: litellm.moderation(input="owl", model="openrouter/a/b", api_key=KEY),
        lambda: litellm.video_status("video_1", api_key=KEY),
    ],
)
def test_a_key_of_openrouter_is_not_shown_to_openai(
    monkeypatch: pytest.MonkeyPatch, call: Callable[[], Any]
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(openai.OpenAIError, match=r"OpenRouter's key|a key of OpenRouter"):
        call()


def test_a_router_shows_none_either(monkeypatch: pytest.MonkeyPatch, openrouter: Loopback) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", openrouter.base_url)
    monkeypatch.delenv("OPENROUTER_API_BASE")
    deployment = {"model": "openrouter/openai/gpt-4o-mini", "api_key": KEY}
    router = litellm.Router([{"model_name": "m", "litellm_params": deployment}])
    listed = asyncio.run(router.alist_batches(model="m"))
    assert listed["data"] == []
    assert openrouter.requests == []


def test_a_call_that_names_another_provider_goes_its_way(openrouter: Loopback) -> None:
    openrouter.replies(answers.error(400, "no"), 400)
    with pytest.raises(openai.OpenAIError, match="no"):
        litellm.create_batch(
            completion_window="24h",
            endpoint="/v1/chat/completions",
            input_file_id="file-1",
            api_key="sk-openai",
            api_base=openrouter.base_url,
            max_retries=0,
        )
    [request] = openrouter.requests
    assert request.headers["authorization"] == "Bearer sk-openai"
    openrouter.requests.clear()


def test_a_client_from_before_unregister_is_not_used_unwatched(
    openrouter: Loopback, gate: RecordingGate
) -> None:
    openrouter.replies(DECISION)
    decide(openrouter.base_url)
    cache = litellm.in_memory_llm_clients_cache
    kept = list(cache.cache_dict.values())
    openrouter_adapter.unregister()
    cache.flush_cache()
    openrouter_adapter.register()
    decide(openrouter.base_url)
    assert kept
    assert len(gate.asked) == 2


@pytest.mark.parametrize("is_async", [False, True])
def test_a_decision_is_admitted_with_its_labels_and_billed(
    openrouter: Loopback, gate: RecordingGate, is_async: bool
) -> None:
    openrouter.replies(DECISION)
    asyncio.run(adecide(openrouter.base_url)) if is_async else decide(openrouter.base_url)
    [(_, call)] = gate.asked
    assert call["metadata"]["job"] == "J"
    assert [bill and bill.cost for bill in gate.bills] == [COST]
    assert openrouter.headers["x-title"]


async def adecide(base: str) -> Any:
    return await litellm.adecisions(**asked_decision(base))


class Posting(CustomLogger):
    """A callback that posts by a client of LiteLLM's when a request is about to be sent."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def log_pre_api_call(self, **_: Any) -> None:  # type: ignore[override]
        HTTPHandler().post(self._address, json={"event": "sent"})


def test_what_a_callback_sends_during_a_call_gets_none_of_its_headers(
    openrouter: Loopback,
) -> None:
    elsewhere = openrouter.base_url.replace("/api/v1", "/events")
    litellm.callbacks.append(Posting(elsewhere))
    litellm.completion(
        "openrouter/openai/gpt-4o-mini",
        MESSAGES,
        openrouter_cache=True,
        litellm_session_id="mine",
    )
    event, request = openrouter.requests
    openrouter.requests.remove(event)
    assert event.path == "/events"
    assert {"x-openrouter-cache", "x-session-id"} & event.headers.keys() == set()
    assert {"x-openrouter-cache", "x-session-id"} <= request.headers.keys()
