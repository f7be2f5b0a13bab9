"""Which streamed piece belongs to which tool call, however the provider numbers and names them."""

from __future__ import annotations

import asyncio
import copy
import json
import time
from typing import TYPE_CHECKING, Any

import hypothesis
import litellm
import pytest
from hypothesis import strategies as st

from openrouter_adapter.chat.accumulator import Accumulator
from openrouter_adapter.chat.chunks import ChunkBuilder
from openrouter_adapter.chat.response import model_response
from openrouter_adapter.chat.tool_calls import StreamedToolCalls
from tests.support.asking import MODEL, QUESTION, STREAMED, WAYS, Way, finish_reason_of
from tests.support.failures import KEY, delta_chunk, message_body
from tests.support.wire import Reply, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

X1, X2 = '{"x": 1}', '{"x": 2}'
ANY = None  # an id that the adapter makes up


def piece(
    index: Any, given: str | None = None, name: str | None = None, text: str | None = None
) -> dict[str, Any]:
    """Return one piece of a call with the fields that are given."""
    function = {"name": name, "arguments": text}
    made: dict[str, Any] = {"function": {n: v for n, v in function.items() if v is not None}}
    if index is not None:
        made["index"] = index
    if given is not None:
        made["id"] = given
    return made


# Case: the deltas, each a list of pieces, and the calls (id, name, arguments) they make.
CASES: dict[str, tuple[list[list[dict[str, Any]]], list[tuple[str | None, str, str]]]] = {
    # Indexes and ids as OpenAI sends them.
    "one call in pieces": (
        [[piece(0, "a", "f", "")], [piece(0, text='{"x":')], [piece(0, text=" 1}")]],
        [("a", "f", X1)],
    ),
    "two calls interleaved by index": (
        [
            [piece(0, "a", "f", ""), piece(1, "b", "g", "")],
            [piece(1, text='{"x":'), piece(0, text='{"x":')],
            [piece(0, text=" 1}")],
            [piece(1, text=" 2}")],
        ],
        [("a", "f", X1), ("b", "g", X2)],
    ),
    "indexes that begin at one and leave gaps": (
        [[piece(1, "a", "f", X1)], [piece(7, "b", "g", '{"x":')], [piece(7, text=" 2}")]],
        [("a", "f", X1), ("b", "g", X2)],
    ),
    "nested objects, and brackets and quotes in texts": (
        [
            [piece(0, "a", "f", '{"x": {"y": "}{\\')],
            [piece(0, "", "f", '"]"}')],
            [piece(0, text="}")],
        ],
        [("a", "f", '{"x": {"y": "}{\\"]"}}')],
    ),
    "two calls without arguments": (
        [[piece(0, "a", "f", "")], [piece(1, "b", "f", "")]],
        [("a", "f", "{}"), ("b", "f", "{}")],
    ),
    # One index for all.
    "two whole calls under one index and one id": (
        [[piece(0, "a", "f", X1)], [piece(0, "a", "g", X2)]],
        [("a", "f", X1), (ANY, "g", X2)],
    ),
    "two whole calls under one index, one id and one name": (
        [[piece(0, "a", "f", X1)], [piece(0, "a", "f", X2)]],
        [("a", "f", X1), (ANY, "f", X2)],
    ),
    "two whole calls under one index in one delta": (
        [[piece(0, "a", "f", X1), piece(0, "a", "g", X2)]],
        [("a", "f", X1), (ANY, "g", X2)],
    ),
    "another function follows arguments that are not whole": (
        [[piece(0, "a", "f", "")], [piece(0, "a", "g", X2)]],
        [("a", "f", "{}"), (ANY, "g", X2)],
    ),
    "calls in pieces under one index with ids": (
        [
            [piece(0, "a", "f", "")],
            [piece(0, text='{"x":')],
            [piece(0, text=" 1}")],
            [piece(0, "b", "f", "")],
            [piece(0, text=X2)],
        ],
        [("a", "f", X1), ("b", "f", X2)],
    ),
    "calls in pieces under one index without ids": (
        [
            [piece(0, None, "f", "")],
            [piece(0, text=X1)],
            [piece(0, None, "f", "")],
            [piece(0, text=X2)],
        ],
        [(ANY, "f", X1), (ANY, "f", X2)],
    ),
    "calls interleaved by id under one index": (
        [
            [piece(0, "a", "f", '{"x":')],
            [piece(0, "b", "g", '{"x":')],
            [piece(0, "a", None, " 1}")],
            [piece(0, "b", None, " 2}")],
        ],
        [("a", "f", X1), ("b", "g", X2)],
    ),
    "two calls of one function without arguments under one index": (
        [[piece(0, "a", "f", "")], [piece(0, "b", "f", "")]],
        [("a", "f", "{}"), ("b", "f", "{}")],
    ),
    "equal whole calls without ids are two": (
        [[piece(0, None, "f", X1)], [piece(0, None, "f", X1)]],
        [(ANY, "f", X1), (ANY, "f", X1)],
    ),
    # Ids absent, late, repeated, shared, changing.
    "no ids at all": (
        [[piece(0, None, "f", X1)], [piece(1, None, "g", X2)]],
        [(ANY, "f", X1), (ANY, "g", X2)],
    ),
    "an id and a name that come late": (
        [
            [{"index": 0, "type": "function", "function": {"arguments": ""}}],
            [piece(0, "toolu_1", "f", '{"x":')],
            [piece(0, text=" 1}")],
        ],
        [("toolu_1", "f", X1)],
    ),
    "a late id after the name": (
        [[piece(0, None, "f", "")], [piece(0, "late", None, '{"x":')], [piece(0, text=" 1}")]],
        [("late", "f", X1)],
    ),
    "a late id after the arguments have begun": (
        [[piece(0, None, "f", '{"x":')], [piece(0, "late", None, " 1}")], [piece(0, "late")]],
        [(ANY, "f", X1)],
    ),
    "the late id of a second call": (
        [
            [piece(0, "a", "f", X1)],
            [piece(1, text="")],
            [piece(1, "b", "g", '{"x":')],
            [piece(1, text=" 2}")],
        ],
        [("a", "f", X1), ("b", "g", X2)],
    ),
    "the late id of a second call after one without arguments": (
        [[piece(0, "a", "f", "")], [piece(1, text="")], [piece(1, "b", "f", X2)]],
        [("a", "f", "{}"), ("b", "f", X2)],
    ),
    "an id and a name on every piece": (
        [[piece(0, "a", "f", '{"x":')], [piece(0, "a", "f", " 1}")], [piece(0, "a", "f", "")]],
        [("a", "f", X1)],
    ),
    "another id on every piece": (
        [[piece(0, "a", "f", '{"x"')], [piece(0, "b", None, ":")], [piece(0, "c", "f", " 1}")]],
        [("a", "f", X1)],
    ),
    "one id for two indexes": (
        [
            [piece(0, "a", "f", '{"x":'), piece(1, "a", "g", '{"x":')],
            [piece(0, "a", None, " 1}")],
            [piece(1, "a", None, " 2}")],
        ],
        [("a", "f", X1), (ANY, "g", X2)],
    ),
    "one id and one name for two indexes": (
        [[piece(0, "a", "f", ""), piece(1, "a", "f", "")], [piece(0, text=X1), piece(1, text=X2)]],
        [("a", "f", X1), (ANY, "f", X2)],
    ),
    "empty ids": (
        [[piece(0, "", "f", X1)], [piece(0, "", "g", X2)]],
        [(ANY, "f", X1), (ANY, "g", X2)],
    ),
    # Indexes absent.
    "no index": (
        [[piece(None, "a", "f", "")], [piece(None, text='{"x":')], [piece(None, text=" 1}")]],
        [("a", "f", X1)],
    ),
    "no index, two calls one after the other": (
        [
            [piece(None, "a", "f", "")],
            [piece(None, text=X1)],
            [piece(None, "b", "g", "")],
            [piece(None, text=X2)],
        ],
        [("a", "f", X1), ("b", "g", X2)],
    ),
    "no index, interleaved by id": (
        [
            [piece(None, "a", "f", '{"x":'), piece(None, "b", "f", '{"x":')],
            [piece(None, "b", None, " 2}"), piece(None, "a", None, " 1}")],
        ],
        [("a", "f", X1), ("b", "f", X2)],
    ),
    "no index and no id, whole calls": (
        [[piece(None, None, "f", X1)], [piece(None, None, "f", X2), piece(None, None, "g", X1)]],
        [(ANY, "f", X1), (ANY, "f", X2), (ANY, "g", X1)],
    ),
    "no index and no id, interleaved by their order": (
        [
            [piece(None, None, "f", '{"x":'), piece(None, None, "g", '{"x":')],
            [piece(None, text=" 1}"), piece(None, text=" 2}")],
        ],
        [(ANY, "f", X1), (ANY, "g", X2)],
    ),
    "no index, one id for two whole calls": (
        [[piece(None, "a", "f", X1)], [piece(None, "a", "g", X2)]],
        [("a", "f", X1), (ANY, "g", X2)],
    ),
    "an index on the first piece only": (
        [[piece(0, "a", "f", '{"x":')], [piece(None, text=" 1}")], [piece(1, "b", "g", X2)]],
        [("a", "f", X1), ("b", "g", X2)],
    ),
    # Indexes wrong.
    "an index that grows with every piece, with the id": (
        [[piece(0, "a", "f", '{"x":')], [piece(1, "a", None, " 1}")], [piece(2, "b", "g", X2)]],
        [("a", "f", X1), ("b", "g", X2)],
    ),
    "an index that grows with every piece, with id and name": (
        [[piece(0, "a", "f", '{"x":')], [piece(1, "a", "f", " 1}")]],
        [("a", "f", X1)],
    ),
    "an index that grows with every piece, with nothing": (
        [[piece(0, "a", "f", "")], [piece(1, text='{"x":')], [piece(2, text=" 1}")]],
        [("a", "f", X1)],
    ),
    "the index of an earlier call on a piece with a later one's id": (
        [[piece(0, "a", "f", X1)], [piece(1, "b", "g", '{"x":')], [piece(0, "b", None, " 2}")]],
        [("a", "f", X1), ("b", "g", X2)],
    ),
    "an index that is a text": (
        [[piece("0", "a", "f", '{"x":')], [piece("0", text=" 1}")], [piece("1", "b", "g", X2)]],
        [("a", "f", X1), ("b", "g", X2)],
    ),
    # Names late and repeated, arguments repeated.
    "a name that comes after the arguments": (
        [[piece(0, "a", None, X1)], [piece(0, None, "f")]],
        [("a", "f", X1)],
    ),
    "a name on every piece, without ids": (
        [[piece(0, None, "f", '{"x":')], [piece(0, None, "f", " 1}")], [piece(0, None, "f", "")]],
        [(ANY, "f", X1)],
    ),
    "a last piece that says the whole call again": (
        [[piece(0, "a", "f", "")], [piece(0, text=X1)], [piece(0, "a", "f", X1)]],
        [("a", "f", X1)],
    ),
    "a piece that says nothing": ([[piece(0, "a", "f", X1)], [piece(1)]], [("a", "f", X1)]),
    "a name alone": ([[piece(0, None, "f")]], [(ANY, "f", "{}")]),
}


@pytest.fixture(params=CASES, ids=lambda name: name.replace(" ", "-").replace(",", ""))
def case(
    request: pytest.FixtureRequest,
) -> tuple[list[dict[str, Any]], list[tuple[str | None, str, str]]]:
    """Return a stream's chunks, and the calls that they make."""
    deltas, calls = CASES[request.param]
    opening = delta_chunk({"role": "assistant", "content": None})
    chunks = [opening, *(delta_chunk({"tool_calls": pieces}) for pieces in deltas)]
    return json.loads(json.dumps([*chunks, delta_chunk({}, "tool_calls")])), calls


def read(wire: Wire, way: Way) -> tuple[list[Any], Any]:
    """Return a stream's chunks and its whole answer."""
    call = {"model": MODEL, "messages": QUESTION, "api_base": wire.base_url, "api_key": KEY}
    if not way.is_async:
        stream = litellm.completion(**call, stream=True)
        return list(stream), stream.response

    async def go() -> tuple[list[Any], Any]:
        stream = await litellm.acompletion(**call, stream=True)
        try:
            return [chunk async for chunk in stream], stream.response
        finally:
            litellm.in_memory_llm_clients_cache.flush_cache()

    return asyncio.run(go())


def joined(chunks: list[Any]) -> list[tuple[str, str, str]]:
    """Return the calls as a consumer makes them who joins all that comes under an index."""
    calls: dict[int, list[str]] = {}
    for chunk in chunks:
        for delta in chunk.choices[0].delta.tool_calls or ():
            if delta.index not in calls:
                assert delta.index == len(calls)
                assert delta.id
                calls[delta.index] = [delta.id, "", ""]
            assert delta.id in {None, calls[delta.index][0]}
            calls[delta.index][1] += delta.function.name or ""
            calls[delta.index][2] += delta.function.arguments or ""
    return [(given, name, arguments) for given, name, arguments in calls.values()]


def listed(calls: list[Any]) -> list[tuple[str, str, str]]:
    return [(call.id, call.function.name, call.function.arguments) for call in calls]


@pytest.mark.parametrize("way", STREAMED, ids=str)
def test_each_piece_goes_to_its_call(wire: Wire, way: Way, case: Any) -> None:
    sent, calls = case
    wire.reply = Reply(sent)
    chunks, response = read(wire, way)
    got = joined(chunks)
    assert [made[1:] for made in got] == [call[1:] for call in calls]
    for (given, _, _), (wanted, _, _) in zip(got, calls, strict=True):
        assert given == wanted if wanted else given.startswith("call_")
    assert len({given for given, _, _ in got}) == len(got)
    assert listed(response.choices[0].message.tool_calls) == got
    assert listed(litellm.stream_chunk_builder(chunks).choices[0].message.tool_calls) == got
    assert finish_reason_of(chunks) == response.choices[0].finish_reason == "tool_calls"


def test_pieces_that_say_nothing_are_no_call(wire: Wire) -> None:
    wire.reply = Reply(
        [delta_chunk({"content": "Hi", "tool_calls": [piece(0, text="")]}), delta_chunk({}, "stop")]
    )
    chunks, response = read(wire, STREAMED[0])
    assert joined(chunks) == []
    assert response.choices[0].message.tool_calls is None
    assert response.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("reason", ["other", "OTHER", "unknown", "error_max_turns", "end_turn"])
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_tool_calls_that_end_for_a_reason_nobody_knows_end_as_tool_calls(
    wire: Wire, way: Way, reason: str
) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": X1}}
    delta = {"role": "assistant", "tool_calls": [{"index": 0, **call}]}
    whole = message_body({"role": "assistant", "content": None, "tool_calls": [call]}, reason)
    wire.reply = Reply([delta_chunk(delta), delta_chunk({}, reason)] if way.is_stream else whole)
    answer = way.ask(wire)
    assert finish_reason_of(answer) == "tool_calls"
    last = answer[-1] if way.is_stream else answer
    assert last.choices[0].provider_specific_fields["finish_reason"] == reason
    if way.is_stream:
        assert litellm.stream_chunk_builder(answer).choices[0].finish_reason == "tool_calls"


def test_arguments_that_break_off_without_a_finish_reason_are_a_cut_answer(wire: Wire) -> None:
    wire.reply = Reply([delta_chunk({"tool_calls": [piece(0, "a", "f", '{"x":')]})])
    raised = STREAMED[0].failure(wire)
    assert "the answer is incomplete" in str(raised)
    whole = Reply([delta_chunk({"tool_calls": [piece(0, "a", "f", X1)]})])
    wire.reply = whole
    assert finish_reason_of(STREAMED[0].ask(wire)) == "tool_calls"


def test_a_name_repeated_in_an_old_function_call_stands_once(wire: Wire) -> None:
    deltas = [{"name": "f", "arguments": '{"x":'}, {"name": "f", "arguments": " 1}"}]
    chunks = [delta_chunk({"function_call": delta}) for delta in deltas]
    wire.reply = Reply([*chunks, delta_chunk({}, "function_call")])
    _, response = read(wire, STREAMED[0])
    function = response.choices[0].message.function_call
    assert (function.name, function.arguments) == ("f", X1)


DELTAS = st.lists(
    st.lists(
        st.builds(
            piece,
            st.sampled_from([None, 0, 1, 5]),
            st.sampled_from([None, "", "a", "b"]),
            st.sampled_from([None, "f", "g"]),
            st.sampled_from([None, "", "{", '"x": 1', "}", X1, X2]),
        ),
        min_size=1,
        max_size=2,
    ),
    max_size=6,
)


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(deltas=DELTAS)
def test_all_who_read_a_stream_have_the_same_calls_whatever_comes(deltas: Any) -> None:
    accumulator = Accumulator()
    builder = ChunkBuilder(accumulator, {}, MODEL)
    sent = [delta_chunk({"tool_calls": pieces}) for pieces in copy.deepcopy(deltas)]
    chunks = []
    for event in [*sent, delta_chunk({}, "tool_calls")]:
        accumulator.add(event)
        chunks.append(builder.build(event))
    got = joined(chunks)
    assert len({given for given, _, _ in got}) == len(got)
    message = model_response(accumulator.completion()).choices[0].message
    assert [(g, n or "", a) for g, n, a in listed(message.tool_calls or [])] == got
    rebuilt = litellm.stream_chunk_builder(chunks).choices[0].message.tool_calls or []
    # LiteLLM's has no calls of functions without a name.
    assert listed(rebuilt) == [call for call in got if call[1]]


def forms(count: int) -> Iterator[list[dict[str, Any]]]:
    """Return a call of so many pieces, each of which must be looked into."""
    yield [piece(0, "a", "f", '{"x": "')]
    for _ in range(count):
        yield [piece(0, "a", "f", '\\"{[')]
        yield [piece(0, "b", None, ']}\\"')]
    yield [piece(0, "a", "f", '"}')]


@pytest.mark.timed
def test_time_grows_with_the_arguments_and_no_faster() -> None:
    def seconds(count: int) -> float:
        best = 60.0
        for _ in range(3):
            calls, deltas = StreamedToolCalls(), list(forms(count))
            begun = time.perf_counter()
            for delta in deltas:
                calls.add(delta)
            best = min(best, time.perf_counter() - begun)
            assert len(calls.whole()) == 1
        return best

    assert seconds(20_000) < 20 * seconds(2_000)
