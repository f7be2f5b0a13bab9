"""`litellm.text_completion` on OpenRouter's `/completions`, streamed and not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import litellm
import pytest

from openrouter_adapter.text_completion.transformation import TextEventParser, build_body
from tests.support import answers
from tests.support.costs import listening
from tests.support.gate import RecordingGate, guarded

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.emulator import Emulator
    from tests.support.loopback import Loopback

MODEL = "openrouter/openai/gpt-3.5-turbo"
PROMPT = "What is the capital of France?"
WORDS = "The capital of France is Paris."


def complete(**keywords: Any) -> Any:
    return litellm.text_completion(**{"model": MODEL, "prompt": PROMPT, **keywords})


def complete_async(**keywords: Any) -> Any:
    call = {"model": MODEL, "prompt": PROMPT, **keywords}
    return asyncio.run(litellm.atext_completion(**call))


def complete_router(**keywords: Any) -> Any:
    deployment = {"model_name": "writer", "litellm_params": {"model": MODEL}}
    router = litellm.Router(model_list=[deployment], num_retries=0)
    call = {"model": "writer", "prompt": PROMPT, **keywords}
    return asyncio.run(router.atext_completion(**call))


def stream(**keywords: Any) -> list[Any]:
    return list(complete(stream=True, **keywords))


def stream_async(**keywords: Any) -> list[Any]:
    async def read() -> list[Any]:
        call = {"model": MODEL, "prompt": PROMPT, "stream": True, **keywords}
        return [chunk async for chunk in await litellm.atext_completion(**call)]

    return asyncio.run(read())


WAYS = [complete, complete_async, complete_router]
STREAMS = [stream, stream_async]
way = pytest.mark.parametrize("call", WAYS, ids=["text_completion", "atext_completion", "router"])
streamed = pytest.mark.parametrize("call", STREAMS, ids=["stream", "astream"])
every = pytest.mark.parametrize(
    "call",
    [*WAYS, *STREAMS],
    ids=["text_completion", "atext_completion", "router", "stream", "astream"],
)


@way
def test_the_bill_is_on_the_response(call: Callable[..., Any], emulated: Emulator) -> None:
    response = call()
    (row,) = emulated.bill()
    assert row.endpoint == emulated.requests[0].path == "/completions"
    assert type(response).__name__ == "TextCompletionResponse"
    (choice,) = response.choices
    assert (choice.text, choice.finish_reason, choice.index) == (WORDS, "stop", 0)
    assert choice.provider_specific_fields == {"native_finish_reason": "stop"}
    hidden = response._hidden_params
    assert hidden["response_cost"] == response.usage.cost == float(row.cost) > 0
    assert hidden["additional_headers"]["llm_provider-x-litellm-response-cost"] == float(row.cost)
    assert hidden["openrouter"]["generation_id"] == response.id == row.generation_id
    assert response.usage.completion_tokens == row.tokens_completion


@streamed
def test_a_stream_has_the_same_words_and_the_bill(
    call: Callable[..., Any], emulated: Emulator
) -> None:
    chunks = call(stream_options={"include_usage": True})
    assert "".join(chunk.choices[0].text or "" for chunk in chunks) == WORDS
    assert [one.choices[0].finish_reason for one in chunks if one.choices[0].finish_reason] == [
        "stop"
    ]
    (row,) = emulated.bill()
    assert (row.endpoint, row.streamed) == ("/completions", True)
    assert chunks[-1].usage.cost == float(row.cost) > 0


def test_the_whole_answer_of_a_stream(emulated: Emulator) -> None:
    answer = complete(stream=True)
    list(answer)
    whole = answer.completion_stream.response
    assert whole.choices[0].message.content == WORDS
    assert whole._hidden_params["response_cost"] == float(emulated.bill()[0].cost)


@every
def test_every_field_and_option_reaches_the_wire(
    call: Callable[..., Any], emulated: Emulator
) -> None:
    fields: dict[str, Any] = {
        "max_tokens": 20,
        "temperature": 0,
        "stop": ["x"],
        "suffix": "the end",
        "echo": False,
        "best_of": 1,
        "logprobs": 2,
        "top_k": 5,
        "provider": {"sort": "price"},
        "transforms": [],
    }
    call(
        **fields,
        openrouter_session_id="session",
        extra_body={"seed": 3, "top_k": 7},
        extra_headers={"X-Trace": "t"},
        metadata={"of": "litellm"},
    )
    (request,) = emulated.requests
    body = {name: value for name, value in request.body.items() if name != "stream"}
    assert body == {
        "model": "openai/gpt-3.5-turbo",
        "prompt": PROMPT,
        **fields,
        "session_id": "session",
        "seed": 3,
        "usage": {"include": True},
    }
    assert request.headers["x-trace"] == "t"


def test_several_prompts_are_a_list(emulated: Emulator) -> None:
    complete(prompt=["one", "two"])
    assert emulated.requests[0].body["prompt"] == ["one", "two"]


def test_reasoning_stands_beside_the_text(openrouter: Loopback) -> None:
    body = answers.completion()
    choice = {"index": 0, "finish_reason": "length", "text": "Wren", "reasoning": "I think."}
    openrouter.replies({**body, "object": "text_completion", "choices": [choice]})
    (got,) = complete().choices
    assert (got.text, got.reasoning_content, got.finish_reason) == ("Wren", "I think.", "length")


@streamed
def test_an_answer_that_is_no_stream_after_all(
    call: Callable[..., Any], openrouter: Loopback
) -> None:
    choice = {"index": 0, "finish_reason": "stop", "text": "Wren"}
    openrouter.replies({**answers.completion(), "choices": [choice]})
    chunks = call()
    assert "".join(chunk.choices[0].text or "" for chunk in chunks) == "Wren"


def test_logprobs_in_the_text_endpoints_form(openrouter: Loopback) -> None:
    logprobs = {"tokens": ["Wren"], "token_logprobs": [-0.5], "text_offset": [0]}
    choice = {"index": 0, "finish_reason": "stop", "text": "Wren", "logprobs": logprobs}
    openrouter.replies({**answers.completion(), "choices": [choice]})
    assert complete(logprobs=1).choices[0].logprobs.token_logprobs == [-0.5]


@pytest.mark.parametrize("prompt", ["", [], ["one", ""]])
def test_what_is_wrong_is_not_sent(prompt: Any, emulated: Emulator) -> None:
    with pytest.raises(Exception, match=r"[Pp]rompt"):
        complete(prompt=prompt)
    assert not emulated.requests


def test_a_wrong_option_is_not_sent(emulated: Emulator) -> None:
    with pytest.raises(litellm.BadRequestError, match=r"provider\.sort"):
        complete(provider={"sort": 3})
    assert not emulated.requests


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ("error-in-200=402", litellm.exceptions.PaymentRequiredError),
        ("null-choices", litellm.ServiceUnavailableError),
        ("choice-error=502", litellm.BadGatewayError),
        ("comments-only", litellm.ServiceUnavailableError),
        ("no-finish", litellm.ServiceUnavailableError),
        ("bad-json", litellm.ServiceUnavailableError),
        ("status=404", litellm.NotFoundError),
        ("html=500", litellm.InternalServerError),
    ],
)
@pytest.mark.parametrize(
    "call",
    [*WAYS[:2], *STREAMS],
    ids=["text_completion", "atext_completion", "stream", "astream"],
)
def test_a_failure_is_litellms_exception(
    call: Callable[..., Any], fault: str, raised: type, emulated: Emulator
) -> None:
    if fault == "no-finish" and call in WAYS:
        pytest.skip("an answer that is not streamed and has words is whole")
    emulated.faults.add(fault)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - judged below
        call(num_retries=0, max_retries=0)
    cause = getattr(caught.value, "original_exception", None) or caught.value
    assert type(cause) is raised


@every
def test_the_gate_is_asked_once_and_settled_once(
    call: Callable[..., Any], emulated: Emulator
) -> None:
    with guarded(RecordingGate()) as gate:
        call()
        emulated.faults.add("status=404", times=1)
        with pytest.raises(litellm.NotFoundError):
            call(num_retries=0, max_retries=0)
    (row, _) = emulated.bill()
    costs = [bill and bill.cost for bill in gate.bills]
    assert costs == [row.cost, None]
    assert gate.asked[0][0]["prompt"] == PROMPT


async def test_callbacks_hear_the_billed_cost(emulated: Emulator) -> None:
    with listening() as costs:
        await litellm.atext_completion(model=MODEL, prompt=PROMPT, litellm_call_id="test-text")
        assert await costs.of("test-text") == float(emulated.bill()[0].cost)


async def test_callbacks_hear_a_streams_billed_cost(emulated: Emulator) -> None:
    with listening() as costs:
        chunks = await litellm.atext_completion(
            model=MODEL, prompt=PROMPT, stream=True, litellm_call_id="test-text-stream"
        )
        assert [chunk async for chunk in chunks]
        assert await costs.of("test-text-stream") == float(emulated.bill()[0].cost)


def test_chats_stay_chats(emulated: Emulator) -> None:
    litellm.completion(MODEL, [{"role": "user", "content": PROMPT}])
    assert emulated.requests[0].path == "/chat/completions"


def test_a_chunk_in_a_chats_form_stays_as_it_is() -> None:
    parser = TextEventParser()
    event = b'data: {"choices": [{"index": 0, "delta": {"content": "a"}}, null]}\n\n'
    assert list(parser.feed(event)) == [
        {"choices": [{"index": 0, "delta": {"content": "a"}}, None]}
    ]


def test_the_last_event_of_a_body_that_ends_within_it_is_a_chats() -> None:
    parser = TextEventParser()
    assert list(parser.feed(b'data: {"choices": [{"index": 0, "text": "a"}]}\n')) == []
    message = {"role": "assistant", "content": "a"}
    assert list(parser.close()) == [{"choices": [{"index": 0, "delta": message}]}]


def test_a_body_needs_no_litellm() -> None:
    messages = [{"role": "user", "content": "one"}]
    assert build_body("a/b", messages, {"n": 2}) == {"model": "a/b", "prompt": "one", "n": 2}
