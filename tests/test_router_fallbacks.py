"""A Router takes each failure of OpenRouter the way that its fallbacks say."""

from __future__ import annotations

import asyncio
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.integrations.custom_logger import CustomLogger
from litellm.utils import Rules, function_setup

import openrouter_adapter
from openrouter_adapter.emulator import Emulator
from tests.routing.sites import until
from tests.support.failures import COST, KEY, USAGE, delta_chunk, whole_stream, words
from tests.support.versions import litellm_from
from tests.support.wire import Reply, Wire, events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIRST = "openai/gpt-4o-mini"
PLAIN = "meta-llama/llama-3.3-70b-instruct"
LONG = "google/gemini-2.5-flash"
LENIENT = "deepseek/deepseek-chat"
CITATION = {"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A"}}
QUESTION = [{"role": "user", "content": "Name three birds."}]
EVERY_MODE = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
STREAMED = pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])

# What goes wrong with the first model, and the model that must answer instead.
WAYS = {
    "status=502": PLAIN,
    "status=503": PLAIN,
    "status=529": PLAIN,
    "status=500": PLAIN,
    "status=524": PLAIN,
    "status=402": PLAIN,
    "status=404": PLAIN,
    "rate-limit=1": PLAIN,
    "html=502": PLAIN,
    "error-in-200=529": PLAIN,
    "null-choices": PLAIN,
    "moderation=violence": LENIENT,
    "status=400; message=This endpoint's maximum context length is 10 tokens.": LONG,
}
BEFORE_THE_FIRST_WORD = ("error-chunk=502; after=0", "comments-only", "cut=0", "no-finish; after=0")


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running, openrouter_adapter.registered():
        yield running
    litellm.in_memory_llm_clients_cache.flush_cache()


def router_to(
    base_url: str, key: str = KEY, model_info: dict[str, Any] | None = None, **settings: Any
) -> litellm.Router:
    """Return a router with a deployment of each model, and a fallback of each kind."""
    return litellm.Router(
        [
            {
                "model_name": model,
                "litellm_params": {
                    "model": f"openrouter/{model}",
                    "api_base": base_url,
                    "api_key": key,
                },
                "model_info": model_info or {},
            }
            for model in (FIRST, PLAIN, LONG, LENIENT)
        ],
        num_retries=0,
        fallbacks=[{FIRST: [PLAIN]}],
        context_window_fallbacks=[{FIRST: [LONG]}],
        content_policy_fallbacks=[{FIRST: [LENIENT]}],
        **settings,
    )


async def ask(router: litellm.Router, *, is_async: bool, is_stream: bool) -> str:
    """Return the text of an answer."""
    if is_async:
        answer = await router.acompletion(FIRST, QUESTION, stream=is_stream)
    else:
        answer = router.completion(FIRST, QUESTION, stream=is_stream)
    if not is_stream:
        return str(answer.choices[0].message.content)
    chunks = [chunk async for chunk in answer] if is_async else list(answer)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def asked(emulator: Emulator) -> list[str]:
    """Return the models that were asked, in order."""
    return [request.body["model"] for request in emulator.requests]


@EVERY_MODE
@STREAMED
@pytest.mark.parametrize(("fault", "instead"), WAYS.items(), ids=WAYS.keys())
async def test_failure_takes_its_way(
    emulator: Emulator, fault: str, instead: str, is_async: bool, is_stream: bool
) -> None:
    emulator.faults.add(fault, times=1)
    router = router_to(emulator.base_url, emulator.api_key)
    assert await ask(router, is_async=is_async, is_stream=is_stream)
    assert asked(emulator) == [FIRST, instead]
    assert emulator.bill()[-1].model.startswith(instead)


@EVERY_MODE
@pytest.mark.parametrize("fault", BEFORE_THE_FIRST_WORD)
async def test_stream_that_breaks_before_its_first_word_falls_back(
    emulator: Emulator, fault: str, is_async: bool
) -> None:
    emulator.faults.add(fault, times=1)
    router = router_to(emulator.base_url, emulator.api_key)
    assert await ask(router, is_async=is_async, is_stream=True)
    assert asked(emulator) == [FIRST, PLAIN]


@EVERY_MODE
@pytest.mark.parametrize(
    ("reply", "name"),
    [
        (Reply(events(words("Wren"), done=False)), "ServiceUnavailableError"),
        (Reply(events(words("Wren"), done=False), cut=True), "APIConnectionError"),
        (
            Reply([*words("Wren"), {"choices": [], "error": {"code": 502, "message": "Gone"}}]),
            "BadGatewayError",
        ),
    ],
    ids=["no end", "cut", "error chunk"],
)
async def test_stream_that_breaks_after_its_first_word_raises_the_original(
    reply: Reply, name: str, is_async: bool
) -> None:
    with Wire(reply) as wire, openrouter_adapter.registered():
        with pytest.raises(tuple(litellm.LITELLM_EXCEPTION_TYPES)) as caught:
            await ask(router_to(wire.base_url), is_async=is_async, is_stream=True)
        assert type(caught.value).__name__ == name
        assert caught.value.partial_response.choices[0].message.content == "Wren"
        assert [body["model"] for body in wire.requests] == [FIRST]
    litellm.in_memory_llm_clients_cache.flush_cache()


@EVERY_MODE
@pytest.mark.parametrize(
    ("delta", "field"),
    [
        ({"reasoning": "Hm."}, "reasoning_content"),
        ({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f"}}]}, "tool_calls"),
        ({"images": [{"type": "image_url", "image_url": {"url": "data:,a"}}]}, "images"),
    ],
    ids=["a thought", "a tool call", "an image"],
)
async def test_stream_that_breaks_after_something_else_raises_the_original(
    delta: dict[str, Any], field: str, is_async: bool
) -> None:
    broken = {"choices": [], "error": {"code": 502, "message": "Gone"}}
    with Wire(Reply([delta_chunk(delta), broken])) as wire, openrouter_adapter.registered():
        with pytest.raises(litellm.BadGatewayError, match="Gone") as caught:
            await ask(router_to(wire.base_url), is_async=is_async, is_stream=True)
        assert caught.value.partial_response.choices[0].message[field]
        assert [body["model"] for body in wire.requests] == [FIRST]
    litellm.in_memory_llm_clients_cache.flush_cache()


GONE = {"choices": [], "error": {"code": 502, "message": "Gone"}, "usage": USAGE}


def broken_after(delta: dict[str, Any]) -> Callable[[dict[str, Any]], Reply]:
    """Return what the first model breaks off after, and the others say to the end."""
    return lambda asked: Reply(
        [delta_chunk(delta), GONE] if asked["model"] == FIRST else whole_stream("Wren", ", tit.")
    )


class Listener(CustomLogger):
    """Keeps what it gets of each attempt, and takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, str, float]] = []

    async def async_log_success_event(self, kwargs: dict[str, Any], *_: Any, **__: Any) -> None:
        self._keep(kwargs)

    async def async_log_failure_event(self, kwargs: dict[str, Any], *_: Any, **__: Any) -> None:
        if litellm_from("1.109"):  # before, the fallback's attempt would be told twice
            await asyncio.sleep(0.1)
        self._keep(kwargs)

    def _keep(self, kwargs: dict[str, Any]) -> None:
        told = kwargs["standard_logging_object"]
        model = told["model"].removeprefix("openrouter/")
        self.told.append((told["status"], model, told["response_cost"]))


async def test_failure_before_a_fallback_is_told_as_it_was_on_the_proxy() -> None:
    litellm.callbacks.append(listener := Listener())
    call: dict[str, Any] = {"model": FIRST, "messages": QUESTION, "stream": True, "metadata": {}}
    call["litellm_call_id"] = str(uuid.uuid4())
    # The proxy gives all attempts of a request one log.
    log, call = function_setup("acompletion", Rules(), datetime.now(), **call)  # noqa: DTZ005
    with Wire(broken_after({"content": ""})) as wire, openrouter_adapter.registered():
        stream: Any = await router_to(wire.base_url).acompletion(**call, litellm_logging_obj=log)
        assert [chunk async for chunk in stream]
        await until(lambda: len(listener.told) == 2)
    litellm.in_memory_llm_clients_cache.flush_cache()
    failed, answered = sorted(listener.told)
    assert answered == ("success", PLAIN, COST)
    # Before, LiteLLM may name the fallback's model for both.
    assert failed[1] == FIRST or not litellm_from("1.109")
    assert failed == ("failure", failed[1], COST)


@pytest.mark.skipif(not litellm_from("1.110"), reason="LiteLLM goes on with no answer before 1.110")
@pytest.mark.parametrize(
    "delta",
    [
        {"content": "Wren"},
        {"content": "Wren", "reasoning": "Hm."},
        {"content": "Wren", "annotations": [CITATION]},
        {"content": "Wren", "tool_calls": [{"index": 0, "id": "a", "function": {"name": "f"}}]},
    ],
    ids=["words", "a thought", "a citation", "a tool call"],
)
async def test_a_router_goes_on_elsewhere_with_words_and_with_nothing_else(
    delta: dict[str, Any],
) -> None:
    with Wire(broken_after(delta)) as wire, openrouter_adapter.registered():
        router = router_to(
            wire.base_url,
            enable_mid_stream_fallback_continuation=True,
            model_info={"supports_assistant_prefill": True},
        )
        if len(delta) > 1:
            with pytest.raises(litellm.BadGatewayError, match="Gone"):
                await ask(router, is_async=True, is_stream=True)
            assert [asked["model"] for asked in wire.requests] == [FIRST]
        else:
            assert await ask(router, is_async=True, is_stream=True) == "Wren, tit."
            prefill = {"role": "assistant", "content": "Wren", "prefix": True}
            assert wire.requests[-1]["messages"] == [*QUESTION, prefill]
    litellm.in_memory_llm_clients_cache.flush_cache()


@EVERY_MODE
@STREAMED
async def test_failure_without_a_fallback_is_the_providers(
    emulator: Emulator, is_async: bool, is_stream: bool
) -> None:
    emulator.faults.add("status=502; raw=CUDA out of memory")
    router = router_to(emulator.base_url, emulator.api_key)
    with pytest.raises(litellm.BadGatewayError, match="CUDA out of memory"):
        await ask(router, is_async=is_async, is_stream=is_stream)
    assert asked(emulator) == [FIRST, PLAIN]


@EVERY_MODE
async def test_bill_of_a_fallback_is_the_sum_of_what_was_charged(
    emulator: Emulator, is_async: bool
) -> None:
    emulator.faults.add("null-choices", times=1)
    router = router_to(emulator.base_url, emulator.api_key)
    call = {"model": FIRST, "messages": QUESTION}
    answer = await router.acompletion(**call) if is_async else router.completion(**call)
    assert answer._hidden_params["response_cost"] == float(emulator.bill()[-1].cost)
    assert sum(row.cost for row in emulator.bill()) == emulator.bill()[-1].cost
