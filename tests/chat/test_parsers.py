"""Whatever bytes arrive, and however they are cut: an answer, or one of LiteLLM's exceptions."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litellm.types.utils import ModelResponse

from openrouter_adapter.chat.accumulator import Accumulator
from openrouter_adapter.chat.response import model_response
from openrouter_adapter.chat.transformation import OpenRouterChatConfig
from openrouter_adapter.wire import errors
from openrouter_adapter.wire.completion import parse
from tests.chat.offline import ALLOWED, EVENTS, Log, open_stream
from tests.chat.spoiling import (
    STREAMS,
    any_body,
    any_stream,
    event_bytes,
    good_chunks,
    pieces_of,
)
from tests.support.wire import events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# A field of another type than LiteLLM's objects have: kept as it came, and remarked upon.
pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")

EXAMPLES = pytest.mark.parametrize(
    "examples", [300, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
# What is made up at each reading: ids that were missing, and the time.
MADE_UP = re.compile(r'call_[0-9a-f]{32}|chatcmpl-[0-9a-f-]{36}|"created": \d+')


def prove(examples: int, strategy: st.SearchStrategy[Any], holds: Callable[..., None]) -> None:
    """Try a property on that many examples."""
    limits = settings(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    limits(given(strategy)(holds))()


def outcome(pieces: Iterable[bytes], content_type: str = EVENTS) -> str:
    """Read a stream to its end and return all that came of it, as text."""
    stream = open_stream(pieces, content_type)
    seen: list[Any] = []
    try:
        seen += [chunk.model_dump() for chunk in stream]
        assert stream.response is not None
        seen += [stream.response.model_dump(), stream.response._hidden_params["openrouter"]]
    except Exception as raised:  # noqa: BLE001 - what may be raised is the question
        seen += [*told_by(raised), getattr(raised, "generated_content", None)]
    return MADE_UP.sub("…", json.dumps(seen, default=str))


def told_by(raised: Exception) -> list[Any]:
    """Return all that an exception says, which must be one of LiteLLM's."""
    assert type(raised) in ALLOWED, repr(raised)
    partial = raised.partial_response
    return [str(raised), raised.openrouter, partial and partial.model_dump()]


def read_whole(content: bytes) -> None:
    """Take an unstreamed answer the way LiteLLM has it taken."""
    try:
        response = OpenRouterChatConfig().transform_response(
            "openai/gpt-4o-mini",
            httpx.Response(200, content=content),
            ModelResponse(),
            Log(),
            {},
            [],
            {},
            {},
            None,
        )
        response.model_dump()
    except Exception as raised:  # noqa: BLE001 - what may be raised is the question
        told_by(raised)


@EXAMPLES
def test_any_body_is_an_answer_or_an_exception(examples: int) -> None:
    prove(examples, any_body, read_whole)


@EXAMPLES
def test_any_error_body_is_an_exception(examples: int) -> None:
    def holds(given: tuple[bytes, int]) -> None:
        content, status = given
        text = content.decode("utf-8", "replace")
        told_by(errors.from_http(text, status, {"x": "y"}, "model"))

    prove(examples, st.tuples(any_body, st.integers(400, 599)), holds)


@EXAMPLES
def test_any_stream_is_an_answer_or_an_exception(examples: int) -> None:
    prove(examples, any_stream, lambda content: outcome([content]) and None)


@EXAMPLES
def test_any_body_in_place_of_a_stream_is_an_answer_or_an_exception(examples: int) -> None:
    prove(examples, any_body, lambda content: outcome([content], "application/json") and None)


@EXAMPLES
def test_cuts_of_the_network_change_nothing(examples: int) -> None:
    def holds(given: tuple[bytes, list[bytes]]) -> None:
        content, pieces = given
        assert outcome(pieces) == outcome([content])

    cut = any_stream.flatmap(lambda content: st.tuples(st.just(content), pieces_of(content)))
    prove(examples, cut, holds)


@EXAMPLES
def test_line_ends_and_comments_change_nothing(examples: int) -> None:
    same = {outcome(events(chunks)) for chunks in STREAMS}
    prove(examples, event_bytes(good_chunks), lambda content: _is_one_of(outcome([content]), same))


def _is_one_of(found: str, known: set[str]) -> None:
    assert found in known


@pytest.mark.parametrize("chunks", STREAMS[:3], ids=["text", "all kinds", "two choices"])
def test_stream_put_together_is_the_whole_answer(chunks: list[dict[str, Any]]) -> None:
    accumulator = Accumulator()
    for chunk in json.loads(json.dumps(chunks)):
        accumulator.add(chunk)
    stream = open_stream(events(chunks))
    assert list(stream)
    body = parse(json.dumps(accumulator.completion()).encode())
    assert stream.response.model_dump() == model_response(body).model_dump()


@pytest.mark.parametrize("depth", [50, 200, 900, 100_000])
def test_nesting_without_end_is_an_exception_at_most(depth: int) -> None:
    deep = b'{"a":' * depth + b"1" + b"}" * depth
    for content in (
        b'{"error": %b}' % deep,
        b'{"error": {"metadata": {"raw": %b}}}' % deep,
        b'{"choices": [{"message": {"content": "x", "annotations": [%b]}}]}' % deep,
        b'{"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "x": %b}' % deep,
    ):
        read_whole(content)
        told_by(errors.from_http(content.decode(), 500))
        outcome([b"data: %b\n\n" % content])
        outcome([content], "application/json")
