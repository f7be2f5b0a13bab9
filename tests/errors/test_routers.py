"""A Router takes the fallback that is meant for a typed error, streamed and not."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import litellm
import pytest

from tests.errors import table
from tests.errors.table import interruption, refusal, typed, unavailable
from tests.responses.test_requests import response
from tests.support import answers
from tests.support.failures import delta_chunk, said, whole_stream
from tests.support.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.wire import Wire

FIRST, PLAIN, LONG, MILD = "a/first", "a/plain", "a/long", "a/mild"
# Which model is asked instead.
INSTEAD = {
    "context_length_exceeded": LONG,
    "content_policy_violation": MILD,
    "provider_overloaded": PLAIN,
}
QUESTION = [{"role": "user", "content": "Name three birds."}]


def router() -> litellm.Router:
    return litellm.Router(
        [
            {"model_name": model, "litellm_params": {"model": f"openrouter/{model}"}}
            for model in (FIRST, PLAIN, LONG, MILD)
        ],
        num_retries=0,
        fallbacks=[{FIRST: [PLAIN]}],
        context_window_fallbacks=[{FIRST: [LONG]}],
        content_policy_fallbacks=[{FIRST: [MILD]}],
    )


async def chat(*, is_async: bool, is_stream: bool = False) -> str:
    call: dict[str, Any] = {"model": FIRST, "messages": QUESTION, "stream": is_stream}
    answer: Any = await router().acompletion(**call) if is_async else router().completion(**call)
    if not is_stream:
        return str(answer.choices[0].message.content)
    chunks = [chunk async for chunk in answer] if is_async else list(answer)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


async def respond(*, is_stream: bool = False) -> str:
    call: dict[str, Any] = {"model": FIRST, "input": "Name three birds.", "stream": is_stream}
    answer: Any = await router().aresponses(**call)
    if is_stream:
        events = [event async for event in answer]
        answer = events[-1].response
    return str(answer.output_text)


async def embed(*, is_async: bool) -> Any:
    call: dict[str, Any] = {"model": FIRST, "input": ["a bird"]}
    answer = await router().aembedding(**call) if is_async else router().embedding(**call)
    return answer.data


async def draw(*, is_async: bool) -> Any:
    call: dict[str, Any] = {"model": FIRST, "prompt": "a bird"}
    if is_async:
        return (await router().aimage_generation(**call)).data
    return router().image_generation(**call).data


WAYS: dict[str, Callable[[], Awaitable[Any]]] = {
    "completion": partial(chat, is_async=False),
    "acompletion": partial(chat, is_async=True),
    "stream": partial(chat, is_async=False, is_stream=True),
    "astream": partial(chat, is_async=True, is_stream=True),
    "aresponses": partial(respond),
    "aresponses, streamed": partial(respond, is_stream=True),
    "embedding": partial(embed, is_async=False),
    "aembedding": partial(embed, is_async=True),
    "image_generation": partial(draw, is_async=False),
    "aimage_generation": partial(draw, is_async=True),
}


def answer_to(body: dict[str, Any]) -> Reply:
    """Answer as a model does that can."""
    if "modalities" in body:
        return Reply(answers.image())
    if "messages" in body:
        return Reply(whole_stream("Wren") if body.get("stream") else said("Wren"))
    if isinstance(body["input"], list) and isinstance(body["input"][0], str):
        return Reply(answers.embeddings(body["input"]))
    whole = response()
    if not body.get("stream"):
        return Reply(whole)
    return Reply([{"type": "response.completed", "response": whole, "sequence_number": 0}])


def early(error: dict[str, Any]) -> Callable[[dict[str, Any]], Reply]:
    """Answer with status 200, and break off before the first word."""
    late = interruption(error)

    def reply(body: dict[str, Any]) -> Reply:
        if "messages" in body and body.get("stream"):
            return Reply([delta_chunk({"content": ""}, "error", error=error)])
        return late(body)

    return reply


def late(error: dict[str, Any]) -> Callable[[dict[str, Any]], Reply]:
    """Break off after a chunk that says nothing yet."""
    lead = delta_chunk({"role": "assistant", "content": ""})
    return lambda body: Reply([lead, *early(error)(body).body])


CASES = [
    pytest.param(way, error_type, form, id=f"{way}-{error_type}-{name}")
    for name, form, ways in (
        ("refused", lambda error: refusal(error, error["code"]), WAYS),
        ("early", early, WAYS),
        ("late", late, ("stream", "astream")),
    )
    for way in ways
    for error_type in INSTEAD
]


@pytest.mark.parametrize(("way", "error_type", "form"), CASES)
async def test_fallback_of_a_typed_error(wire: Wire, way: str, error_type: str, form: Any) -> None:
    broken = form(typed(error_type))
    wire.reply = lambda body: broken(body) if body["model"] == FIRST else answer_to(body)
    assert await WAYS[way]()
    assert [body["model"] for body in wire.requests] == [FIRST, INSTEAD[error_type]]


@pytest.mark.parametrize("way", ["stream", "astream"])
async def test_refusal_after_the_first_word_is_raised_as_it_is(wire: Wire, way: str) -> None:
    for error_type, name in (
        ("context_length_exceeded", "ContextWindowExceededError"),
        ("content_policy_violation", "ContentPolicyViolationError"),
    ):
        wire.reply = interruption(typed(error_type))
        wire.requests.clear()
        with pytest.raises(litellm.BadRequestError) as caught:
            await WAYS[way]()
        assert type(caught.value).__name__ == name
        assert caught.value.partial_response.choices[0].message.content == "Wren"
        assert [body["model"] for body in wire.requests] == [FIRST]


@pytest.mark.parametrize(
    "way", ["stream", "astream", "responses, streamed", "aresponses, streamed"]
)
def test_refusal_in_a_stream_is_caught_as_what_it_is_without_a_router(wire: Wire, way: str) -> None:
    for error_type, kind in (
        ("context_length_exceeded", litellm.ContextWindowExceededError),
        ("content_policy_violation", litellm.ContentPolicyViolationError),
    ):
        wire.reply = early(typed(error_type))
        with pytest.raises(kind) as caught:
            table.WAYS[way]()
        raised: Any = caught.value
        assert isinstance(raised, litellm.exceptions.MidStreamFallbackError)
        assert type(raised.original_exception) is kind
        assert raised.status_code == raised.original_exception.status_code == 400
        assert raised.openrouter["error_type"] == error_type
        assert "Provider returned error" in str(raised)
        litellm.in_memory_llm_clients_cache.flush_cache()


def test_router_waits_as_long_as_the_availability_says(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    sleep = asyncio.sleep

    async def sleep_a_moment(seconds: float, *result: Any) -> Any:
        asked.append(seconds)
        return await sleep(min(seconds, 0.01), *result)

    monkeypatch.setattr(asyncio, "sleep", sleep_a_moment)
    wire.reply = refusal(unavailable("capacity_exhausted", retry_after=7), 429)
    deployment = {"model_name": FIRST, "litellm_params": {"model": f"openrouter/{FIRST}"}}
    lone = litellm.Router([deployment], num_retries=1)
    with pytest.raises(litellm.RateLimitError):
        asyncio.run(lone.acompletion(FIRST, QUESTION))
    assert len(wire.requests) == 2
    assert any(7 <= seconds < 8 for seconds in asked)
