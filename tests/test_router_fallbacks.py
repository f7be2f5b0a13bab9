"""A Router takes each failure of OpenRouter the way that its fallbacks say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import litellm
import pytest

import openrouter_adapter
from openrouter_adapter.emulator import Emulator
from tests.support.failures import KEY, delta_chunk, words
from tests.support.wire import Reply, Wire, events

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST = "openai/gpt-4o-mini"
PLAIN = "meta-llama/llama-3.3-70b-instruct"
LONG = "google/gemini-2.5-flash"
LENIENT = "deepseek/deepseek-chat"
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


def router_to(base_url: str, key: str = KEY, **settings: Any) -> litellm.Router:
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
