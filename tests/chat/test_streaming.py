"""A stream keeps what LiteLLM promises of streams: to its caller, the server and the callbacks."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING, Any

import litellm
import pytest

from openrouter_adapter.wire.usage import COST_HEADER
from tests.chat.offline import Log, open_stream
from tests.support.asking import MODEL, QUESTION, STREAMED, Way, cause_of, finish_reason_of, text_of
from tests.support.failures import (
    COST,
    HEAD,
    KEY,
    SAID,
    TWO_WORDS,
    USAGE,
    delta_chunk,
    error,
    whole_stream,
    words,
)
from tests.support.gate import RecordingGate, guarded
from tests.support.waiting import PATIENCE, ahappens, happens
from tests.support.wire import Reply, Wire, events

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERY_WAY = pytest.mark.parametrize("way", STREAMED, ids=str)
WHOLE_STREAM = whole_stream(*TWO_WORDS)


def open_sync(wire: Wire, **keywords: Any) -> Any:
    return litellm.completion(
        MODEL, QUESTION, api_base=wire.base_url, api_key=KEY, stream=True, **keywords
    )


async def open_async(wire: Wire, **keywords: Any) -> Any:
    return await litellm.acompletion(
        MODEL, QUESTION, api_base=wire.base_url, api_key=KEY, stream=True, **keywords
    )


@pytest.fixture(autouse=True)
def clients_of_this_loop() -> Iterator[None]:
    """LiteLLM keeps its asynchronous clients, whose event loop ends with the test."""
    yield
    litellm.in_memory_llm_clients_cache.flush_cache()


@pytest.fixture
def endless(wire: Wire) -> Wire:
    """Send two words and then nothing, until the client has left."""
    wire.reply = Reply(events(words(*TWO_WORDS), done=False), hold=PATIENCE)
    return wire


class TestItsCaller:
    @EVERY_WAY
    def test_chunks_end_with_reason_and_bill(self, wire: Wire, way: Way) -> None:
        wire.reply = Reply(WHOLE_STREAM)
        chunks = way.ask(wire)
        assert text_of(chunks) == SAID
        assert [c.choices[0].finish_reason for c in chunks] == [None, None, "stop"]
        assert chunks[-1].usage.cost == COST
        assert chunks[-1]._hidden_params["response_cost"] == COST
        assert {c.id for c in chunks} == {HEAD["id"]}

    @EVERY_WAY
    @pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": True}}], ids=str)
    def test_usage_comes_once_asked_or_not(
        self, wire: Wire, way: Way, options: dict[str, Any]
    ) -> None:
        wire.reply = Reply(
            [*words("Wren"), delta_chunk({}, "stop"), {**HEAD, "choices": [], "usage": USAGE}]
        )
        chunks = way.ask(wire, **options)
        assert [c.usage.cost for c in chunks if getattr(c, "usage", None)] == [COST]
        assert litellm.stream_chunk_builder(chunks).usage.total_tokens == USAGE["total_tokens"]

    @EVERY_WAY
    def test_a_rule_of_litellms_breaks_it_as_a_failure_does(
        self, endless: Wire, way: Way, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read: list[str] = []

        def rule(text: str) -> bool:
            read.append(text)
            return text != SAID

        monkeypatch.setattr(litellm, "post_call_rules", [rule])
        raised = way.failure(endless)
        assert isinstance(raised, litellm.exceptions.MidStreamFallbackError)
        assert isinstance(cause_of(raised), litellm.APIResponseValidationError)
        assert read == [TWO_WORDS[0], SAID]
        assert text_of(raised.partial_response) == SAID  # type: ignore[attr-defined]
        assert endless.left.wait(3)

    @EVERY_WAY
    def test_reasoning_is_put_into_the_content_where_litellm_is_asked_to(
        self, wire: Wire, way: Way
    ) -> None:
        deltas = [{"reasoning": "Hm, "}, {"reasoning": "owls?"}, {"content": "Owls."}]
        wire.reply = Reply([*map(delta_chunk, deltas), delta_chunk({}, "stop")])
        chunks = way.ask(wire, merge_reasoning_content_in_choices=True)
        assert text_of(chunks) == "<think>Hm, owls?</think>Owls."

    def test_whole_answer_is_there_after_the_last_chunk(self, wire: Wire) -> None:
        wire.reply = Reply(WHOLE_STREAM)
        stream = open_sync(wire)
        assert stream.response is None
        list(stream)
        assert stream.response.choices[0].message.content == SAID
        assert stream.response._hidden_params["response_cost"] == COST
        assert list(stream) == []

    async def test_whole_answer_of_an_async_stream(self, wire: Wire) -> None:
        wire.reply = Reply(WHOLE_STREAM)
        stream = await open_async(wire)
        assert [chunk async for chunk in stream]
        assert stream.response.choices[0].message.content == SAID
        assert [chunk async for chunk in stream] == []

    async def test_async_for_over_a_sync_stream(self, wire: Wire) -> None:
        wire.reply = Reply(WHOLE_STREAM)
        stream = open_sync(wire)
        assert text_of([chunk async for chunk in stream]) == SAID
        assert stream.response.choices[0].message.content == SAID

    async def test_async_for_over_a_sync_stream_that_breaks(self, wire: Wire) -> None:
        wire.reply = Reply(events(words("Wren"), done=False))
        with pytest.raises(litellm.exceptions.MidStreamFallbackError):
            _ = [chunk async for chunk in open_sync(wire)]

    async def test_plain_for_over_an_async_stream_says_what_to_do(self, wire: Wire) -> None:
        wire.reply = Reply(WHOLE_STREAM)
        stream = await open_async(wire)
        with pytest.raises(TypeError, match="async for"):
            next(stream)
        assert text_of([chunk async for chunk in stream]) == SAID

    def test_two_choices(self, wire: Wire) -> None:
        chunks = [
            {**HEAD, "choices": [{"index": i, "delta": {"content": c}}]} for i, c in enumerate("ab")
        ]
        ends = [
            {**HEAD, "choices": [{"index": i, "delta": {}, "finish_reason": "stop"}]}
            for i in (1, 0)
        ]
        wire.reply = Reply([*chunks, *ends])
        stream = open_sync(wire, n=2)
        assert [c.choices[0].index for c in stream] == [0, 1, 1, 0]
        assert [c.message.content for c in stream.response.choices] == ["a", "b"]

    def test_one_choice_of_two_without_an_end_is_cut(self, wire: Wire) -> None:
        chunks = [{**HEAD, "choices": [{"index": i, "delta": {"content": "a"}}]} for i in (0, 1)]
        wire.reply = Reply([*chunks, delta_chunk({}, "stop")])
        with pytest.raises(litellm.exceptions.MidStreamFallbackError, match="incomplete"):
            list(open_sync(wire))

    @EVERY_WAY
    def test_everything_a_delta_can_hold(self, wire: Wire, way: Way) -> None:
        image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}
        note = {"type": "url_citation", "url_citation": {"url": "https://x.y", "title": "x"}}
        logprobs = {"content": [{"token": "W", "logprob": -0.1, "bytes": [87], "top_logprobs": []}]}
        deltas = [
            {"reasoning": "Hm", "reasoning_details": [{"type": "reasoning.text", "text": "Hm"}]},
            {"images": [image]},
            {"annotations": [note]},
            {"audio": {"id": "a", "data": "UklG", "transcript": "W"}},
            {"refusal": "no"},
        ]
        chunks = [*map(delta_chunk, deltas), *whole_stream("W")]
        chunks[-2]["choices"][0]["logprobs"] = logprobs
        wire.reply = Reply(chunks)
        got = [c.choices[0] for c in way.ask(wire)]
        assert got[0].delta.reasoning_content == "Hm"
        assert got[0].delta.reasoning_details == deltas[0]["reasoning_details"]
        assert got[1].delta.images == [image]
        assert got[2].delta.annotations == [note]
        assert got[3].delta.audio["transcript"] == "W"
        assert got[4].delta.refusal == "no"
        assert got[5].logprobs.content[0].token == "W"

    @EVERY_WAY
    def test_two_parallel_calls_under_one_index(self, wire: Wire, way: Way) -> None:
        calls = [
            {"index": 0, "id": "", "type": "function", "function": {"name": n, "arguments": "{}"}}
            for n in "fg"
        ]
        wire.reply = Reply(
            [*(delta_chunk({"tool_calls": [c]}) for c in calls), delta_chunk({}, "stop")]
        )
        chunks = way.ask(wire)
        pieces = [p for c in chunks for p in c.choices[0].delta.tool_calls or ()]
        assert [(p.index, p.function.name) for p in pieces] == [(0, "f"), (1, "g")]
        assert len({p.id for p in pieces if p.id}) == 2
        assert finish_reason_of(chunks) == "tool_calls"
        rebuilt = litellm.stream_chunk_builder(chunks).choices[0].message.tool_calls
        assert [call.function.name for call in rebuilt] == ["f", "g"]

    @EVERY_WAY
    def test_break_in_mid_stream_carries_cause_and_content(self, wire: Wire, way: Way) -> None:
        wire.reply = Reply([*words(*TWO_WORDS), {**HEAD, "choices": [], **error(502, "Gone")}])
        raised = way.failure(wire)
        assert isinstance(raised, litellm.exceptions.MidStreamFallbackError)
        assert isinstance(raised.original_exception, litellm.BadGatewayError)
        assert raised.generated_content == SAID
        assert not raised.is_pre_first_chunk

    @EVERY_WAY
    def test_break_before_the_first_word_says_so(self, wire: Wire, way: Way) -> None:
        wire.reply = Reply([{**HEAD, "choices": [], **error(502, "Gone")}])
        raised = way.failure(wire)
        assert raised.is_pre_first_chunk
        assert raised.generated_content == ""

    def test_longest_duration_of_litellm_is_kept(
        self, wire: Wire, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("litellm.constants.LITELLM_MAX_STREAMING_DURATION_SECONDS", 0.05)
        wire.reply = Reply(events(words(*"abcdefgh"), done=False), delay=0.02, hold=1)
        with pytest.raises(litellm.Timeout):
            list(open_sync(wire))

    def test_stream_timeout_of_a_router(self, endless: Wire) -> None:
        settings = {"model": MODEL, "api_base": endless.base_url, "api_key": KEY}
        router = litellm.Router(
            [{"model_name": "birds", "litellm_params": {**settings, "stream_timeout": 0.2}}],
            num_retries=0,
        )
        begin = time.monotonic()
        with pytest.raises(Exception) as caught:  # noqa: PT011 - judged below
            list(router.completion("birds", QUESTION, stream=True))
        assert isinstance(cause_of(caught.value), litellm.Timeout)
        assert time.monotonic() - begin < 3

    def test_time_grows_with_the_answer_and_not_with_its_square(self) -> None:
        def seconds(count: int) -> float:
            pieces = events(whole_stream(*(["word "] * count)))
            begin = time.thread_time()
            stream = open_stream(pieces)
            assert sum(1 for _ in stream) == count + 1
            assert len(stream.response.choices[0].message.content) == 5 * count
            return time.thread_time() - begin

        seconds(100)
        small, large = (min(seconds(count) for _ in range(3)) for count in (2_000, 20_000))
        assert large < 40 * small


class TestItsConnection:
    def test_close_frees_it(self, endless: Wire) -> None:
        stream = open_sync(endless)
        next(stream)
        stream.close()
        assert endless.left.wait(PATIENCE)
        assert list(stream) == []
        assert stream.response is None

    async def test_aclose_frees_it(self, endless: Wire) -> None:
        stream = await open_async(endless)
        await anext(stream)
        await stream.aclose()
        assert await ahappens(endless.left.is_set)
        assert [chunk async for chunk in stream] == []

    async def test_close_of_an_async_stream_frees_it(self, endless: Wire) -> None:
        stream = await open_async(endless)
        await anext(stream)
        stream.close()
        assert await ahappens(endless.left.is_set)

    async def test_aclose_of_a_sync_stream_frees_it(self, endless: Wire) -> None:
        stream = open_sync(endless)
        await anext(stream)
        await stream.aclose()
        assert await ahappens(endless.left.is_set)

    def test_break_without_close_frees_it_and_settles(self, endless: Wire) -> None:
        with guarded(RecordingGate()) as gate:
            for _ in open_sync(endless):
                break
            assert endless.left.wait(PATIENCE)
        [bill] = gate.bills
        assert bill.generation_id == HEAD["id"]
        assert bill.cost is None

    async def test_break_out_of_an_async_stream_frees_it_and_settles(self, endless: Wire) -> None:
        with guarded(RecordingGate()) as gate:
            async for _ in await open_async(endless):
                break
            assert await ahappens(endless.left.is_set)
        assert len(gate.bills) == 1

    async def test_cancelled_task_frees_it(self, endless: Wire) -> None:
        started = asyncio.Event()

        async def read() -> None:
            async for _ in await open_async(endless):
                started.set()

        task = asyncio.create_task(read())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await ahappens(endless.left.is_set)

    def test_stream_that_was_never_read_frees_it(self, endless: Wire) -> None:
        stream = open_sync(endless)
        del stream
        # LiteLLM's log holds the stream until its first chunk, and a thread of LiteLLM's the log.
        assert happens(lambda: gc.collect() >= 0 and endless.left.is_set())

    def test_broken_answer_frees_it(self, wire: Wire) -> None:
        bad = [*events(words("Wren"), done=False), b"data: {\n\n"]
        wire.reply = Reply(bad, hold=PATIENCE)
        with pytest.raises(litellm.exceptions.MidStreamFallbackError):
            list(open_sync(wire))
        assert wire.left.wait(PATIENCE)

    def test_answer_read_to_its_end_leaves_it_for_the_next(self, wire: Wire) -> None:
        wire.reply = Reply(WHOLE_STREAM)
        for _ in range(3):
            list(open_sync(wire))
        assert wire.connections == 1

    async def test_async_answer_read_to_its_end_leaves_it_for_the_next(self, wire: Wire) -> None:
        wire.reply = Reply(WHOLE_STREAM)
        for _ in range(3):
            assert [chunk async for chunk in await open_async(wire)]
        assert wire.connections == 1

    def test_server_that_goes_on_after_done_is_left(self, wire: Wire) -> None:
        wire.reply = Reply([*events(WHOLE_STREAM), *[b": still here\n\n"] * 500], delay=0.01)
        list(open_sync(wire))
        assert wire.left.wait(3)

    async def test_server_that_goes_on_after_done_of_an_async_stream_is_left(
        self, wire: Wire
    ) -> None:
        wire.reply = Reply([*events(WHOLE_STREAM), *[b": still here\n\n"] * 500], delay=0.01)
        assert [chunk async for chunk in await open_async(wire)]
        assert await ahappens(wire.left.is_set)

    def test_a_cost_header_of_somebody_elses_is_not_the_price(self, wire: Wire) -> None:
        wire.reply = Reply(
            [delta_chunk({"content": "Wren"}, "stop")], headers={"x-litellm-response-cost": "9.99"}
        )
        stream = open_sync(wire)
        assert COST_HEADER not in stream._hidden_params["additional_headers"]
        for _ in stream:
            pass
        assert COST_HEADER not in stream.response._hidden_params["additional_headers"]


class TestWithoutANetwork:
    def test_callbacks_get_a_copy(self) -> None:
        log = Log()
        stream = open_stream(events(WHOLE_STREAM), log=log)
        list(stream)
        assert happens(lambda: log.succeeded)
        [logged] = log.succeeded
        assert logged is not stream.response
        assert logged == stream.response

    def test_the_answer_so_far_is_there_for_the_router(self) -> None:
        stream = open_stream(events(WHOLE_STREAM))
        given = [chunk.choices[0].delta.content or "" for chunk in stream]
        [whole] = stream.chunks
        assert whole.choices[0].delta.content == "".join(given)
        assert stream.response_uptil_now == SAID

    def test_answer_whose_pieces_make_no_message_is_an_exception(self) -> None:
        call = {"index": 0, "id": "a", "function": {"name": 7, "arguments": "{}"}}
        chunks = [delta_chunk({"tool_calls": [call]}), delta_chunk({}, "stop")]
        with pytest.raises(litellm.exceptions.MidStreamFallbackError):
            list(open_stream(events(chunks)))


@EVERY_WAY
def test_stream_of_a_llama_model_fetches_no_tokenizer(
    wire: Wire, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[Any] = []
    monkeypatch.setattr(
        "litellm.cost_calculator.token_counter", lambda **what: counted.append(what)
    )
    wire.reply = Reply(WHOLE_STREAM)
    chunks = way.ask(wire, model="openrouter/meta-llama/llama-3.3-70b-instruct")
    assert text_of(chunks) == SAID
    assert counted == []
