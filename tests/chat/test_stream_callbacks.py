"""What LiteLLM's callbacks get of a stream: everything, once, at its end."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.integrations.custom_logger import CustomLogger

from tests.support import waiting
from tests.support.asking import MODEL, QUESTION
from tests.support.failures import COST, KEY, SAID, TWO_WORDS, USAGE, whole_stream, words
from tests.support.wire import Reply, Wire, events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LISTS = [
    *("callbacks", "success_callback", "failure_callback", "input_callback"),
    *("_async_success_callback", "_async_failure_callback", "_async_input_callback"),
]
A_MOMENT = 0.1


class Listener(CustomLogger):  # type: ignore[misc] # LiteLLM's class is untyped
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.sync: list[tuple[dict[str, Any], Any]] = []
        self.asynchronous: list[tuple[dict[str, Any], Any]] = []
        self.failed: list[dict[str, Any]] = []

    def log_success_event(self, kwargs: Any, response_obj: Any, **_: Any) -> None:
        self.sync.append((kwargs, response_obj))

    async def async_log_success_event(self, kwargs: Any, response_obj: Any, **_: Any) -> None:
        self.asynchronous.append((kwargs, response_obj))

    def log_failure_event(self, kwargs: Any, **_: Any) -> None:
        self.failed.append(kwargs)

    async def async_log_failure_event(self, kwargs: Any, **_: Any) -> None:
        self.failed.append(kwargs)


@pytest.fixture(autouse=True)
def lists_of_litellm(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # LiteLLM sets functions up only while this is empty.
    monkeypatch.setattr("litellm.utils.callback_list", [])
    before = {name: list(getattr(litellm, name)) for name in LISTS}
    yield
    for name, held in before.items():
        getattr(litellm, name)[:] = held
    litellm.in_memory_llm_clients_cache.flush_cache()


@pytest.fixture
def listener() -> Listener:
    installed = Listener()
    litellm.callbacks.append(installed)
    return installed


def open_stream(wire: Wire) -> Any:
    return litellm.completion(
        MODEL, QUESTION, api_base=wire.base_url, api_key=KEY, stream=True, num_retries=0
    )


def read(wire: Wire) -> Any:
    stream = open_stream(wire)
    list(stream)
    return stream


async def aread(wire: Wire) -> Any:
    stream = await litellm.acompletion(
        MODEL, QUESTION, api_base=wire.base_url, api_key=KEY, stream=True, num_retries=0
    )
    assert [chunk async for chunk in stream]
    return stream


def happens(happened: Callable[[], Any]) -> bool:
    """Wait until it happened, and long enough to see it happen twice."""
    found = waiting.happens(happened)
    time.sleep(A_MOMENT)
    return found


async def ahappens(happened: Callable[[], Any], seconds: float = waiting.PATIENCE) -> bool:
    found = await waiting.ahappens(happened, seconds)
    await asyncio.sleep(A_MOMENT)
    return found


@pytest.fixture
def answering(wire: Wire) -> Wire:
    wire.reply = Reply(whole_stream(*TWO_WORDS))
    return wire


async def test_what_the_proxys_guardrails_will_tell_is_left_to_them(
    answering: Wire, listener: Listener
) -> None:
    stream = await litellm.acompletion(
        MODEL, QUESTION, api_base=answering.base_url, api_key=KEY, stream=True
    )
    stream.logging_obj._on_deferred_stream_complete = print
    assert [chunk async for chunk in stream]
    assert not await ahappens(lambda: listener.asynchronous, A_MOMENT)
    assert stream.logging_obj._deferred_stream_complete_args == (stream.response, False)


def test_sync_stream_is_told_once_with_response_and_cost(
    answering: Wire, listener: Listener
) -> None:
    stream = read(answering)
    assert happens(lambda: listener.sync)
    [(kwargs, response)] = listener.sync
    assert response.choices[0].message.content == SAID
    assert response == stream.response
    assert kwargs["response_cost"] == COST
    assert kwargs["standard_logging_object"]["response_cost"] == COST
    assert listener.asynchronous == []


async def test_async_stream_is_told_once_with_response_and_cost(
    answering: Wire, listener: Listener
) -> None:
    stream = await aread(answering)
    assert await ahappens(lambda: listener.asynchronous)
    [(kwargs, response)] = listener.asynchronous
    assert response == stream.response
    assert kwargs["response_cost"] == COST
    assert kwargs["standard_logging_object"]["response_cost"] == COST


def test_plain_function_is_told_once_with_response_and_cost(answering: Wire) -> None:
    told: list[tuple[Any, Any]] = []

    def remember(kwargs: Any, response: Any, *_: Any) -> None:
        told.append((kwargs, response))

    litellm.success_callback.append(remember)
    read(answering)
    assert happens(lambda: told)
    [(kwargs, response)] = told
    assert response.choices[0].message.content == SAID
    assert kwargs["response_cost"] == COST


async def test_async_function_is_told_once_with_response_and_cost(answering: Wire) -> None:
    told: list[tuple[Any, Any]] = []

    async def remember(kwargs: Any, response: Any, *_: Any) -> None:
        told.append((kwargs, response))

    litellm.success_callback.append(remember)
    await aread(answering)
    assert await ahappens(lambda: told)
    [(kwargs, response)] = told
    assert response.choices[0].message.content == SAID
    assert kwargs["response_cost"] == COST


def test_time_to_the_first_chunk_is_known(wire: Wire, listener: Listener) -> None:
    wire.reply = Reply(whole_stream(*"abcd"), delay=0.05)
    read(wire)
    assert happens(lambda: listener.sync)
    [(kwargs, _)] = listener.sync
    first = (kwargs["completion_start_time"] - kwargs["start_time"]).total_seconds()
    whole = (kwargs["end_time"] - kwargs["start_time"]).total_seconds()
    assert first < whole - 0.1


async def test_hook_that_changes_the_last_chunk_is_asked(answering: Wire) -> None:
    seen: list[Any] = []

    class Hook(Listener):
        async def async_post_call_streaming_deployment_hook(
            self, response_chunk: Any, **_: Any
        ) -> Any:
            seen.append(response_chunk)
            response_chunk.seen = True
            return response_chunk

    litellm.callbacks.append(Hook())
    stream = await litellm.acompletion(
        MODEL, QUESTION, api_base=answering.base_url, api_key=KEY, stream=True
    )
    chunks = [chunk async for chunk in stream]
    assert seen == chunks[-1:]
    assert chunks[-1].seen


def test_what_litellm_did_with_mcp_tools_is_on_the_first_and_last_chunk(answering: Wire) -> None:
    stream = open_stream(answering)
    tools = {"mcp_list_tools": ["search"], "mcp_call_results": ["a wren"]}
    stream._hidden_params["mcp_metadata"] = tools
    first, middle, last = (chunk.choices[0].delta for chunk in stream)
    assert first.provider_specific_fields == {"mcp_list_tools": ["search"]}
    assert not middle.provider_specific_fields
    assert last.provider_specific_fields == tools


def test_listener_that_wants_chunks_gets_each_once(answering: Wire) -> None:
    chunks: list[Any] = []

    class ChunkListener(Listener):
        def log_stream_event(self, kwargs: Any, response_obj: Any, *_: Any) -> None:
            assert kwargs["model"]
            chunks.append(response_obj)

    litellm.callbacks.append(ChunkListener())
    given = list(open_stream(answering))
    assert happens(lambda: len(chunks) >= len(given))
    assert sorted(map(id, chunks)) == sorted(map(id, given))


def test_no_thread_for_a_chunk_that_nobody_listens_to(
    answering: Wire, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    from openrouter_adapter.chat import streaming

    given: list[Any] = []
    submit = streaming.executor.submit
    monkeypatch.setattr(
        streaming.executor, "submit", lambda *job: (given.append(job), submit(*job))[1]
    )
    read(answering)
    assert happens(lambda: listener.sync)
    assert len([job for job in given if "success_handler" in str(job[0])]) == 1
    assert len(given) <= 2


def test_broken_stream_is_told_once_as_a_failure(wire: Wire, listener: Listener) -> None:
    wire.reply = Reply(events(words(*TWO_WORDS), done=False))
    with pytest.raises(litellm.exceptions.MidStreamFallbackError):
        read(wire)
    assert happens(lambda: listener.failed)
    [kwargs] = listener.failed
    assert isinstance(kwargs["exception"], litellm.ServiceUnavailableError)
    assert kwargs["exception"].partial_response.choices[0].message.content == SAID
    assert listener.sync == []


async def test_broken_async_stream_is_told_once_as_a_failure(
    wire: Wire, listener: Listener
) -> None:
    wire.reply = Reply(events(words(*TWO_WORDS), done=False))
    with pytest.raises(litellm.exceptions.MidStreamFallbackError):
        await aread(wire)
    assert await ahappens(lambda: listener.failed)
    assert len(listener.failed) == 1
    assert listener.asynchronous == []


GONE = {"choices": [], "error": {"code": 502, "message": "Gone"}, "usage": USAGE}


@pytest.mark.parametrize("said", [(), TWO_WORDS], ids=["nothing", "two words"])
async def test_broken_stream_is_told_at_what_it_was_billed(
    wire: Wire, listener: Listener, said: tuple[str, ...]
) -> None:
    wire.reply = Reply([*words(*said), GONE])
    for ask in (aread(wire), asyncio.to_thread(read, wire)):
        with pytest.raises(litellm.exceptions.MidStreamFallbackError):
            await ask
        assert await ahappens(lambda: listener.failed)
        told = listener.failed.pop()["standard_logging_object"]
        assert (told["response_cost"], told["total_tokens"]) == (COST, USAGE["total_tokens"])


def test_callback_may_change_its_copy(answering: Wire) -> None:
    told: list[Any] = []

    def spoil(_: Any, response: Any, *__: Any) -> None:
        response.choices[0].message.content = "spoilt"
        told.append(response)

    litellm.success_callback.append(spoil)
    stream = read(answering)
    assert happens(lambda: told)
    assert stream.response.choices[0].message.content == SAID
