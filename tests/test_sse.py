"""Events come out whole, wherever the network cuts the stream and however its lines end."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

from openrouter_adapter.sse import EventParser, NotJSONError

STREAM = b': hi\n\ndata: {"a": "\xc3\xa9"}\n\nevent: x\ndata:{"b":\ndata: 2}\n\ndata: [DONE]\n\n'
EVENTS = [{"a": "é"}, {"b": 2}]


def read(*pieces: bytes) -> list[dict[str, Any]]:
    parser = EventParser()
    found = [event for piece in pieces for event in parser.feed(piece)]
    return [*found, *parser.close()]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=repr)
def test_every_cut_in_two_gives_the_same_events(line_end: bytes) -> None:
    content = STREAM.replace(b"\n", line_end)
    for place in range(len(content) + 1):
        assert read(content[:place], content[place:]) == EVENTS


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=repr)
def test_byte_by_byte_gives_the_same_events(line_end: bytes) -> None:
    content = STREAM.replace(b"\n", line_end)
    assert read(*(content[i : i + 1] for i in range(len(content)))) == EVENTS


def test_empty_pieces_between_a_carriage_return_and_its_line_feed() -> None:
    assert read(b'data: {"a": 1}\r', b"", b"\n\r", b"", b'\ndata: {"b": 2}\r\n\r\n') == [
        {"a": 1},
        {"b": 2},
    ]


def test_mixed_line_ends() -> None:
    assert read(b'data: {"a": 1}\r\n\ndata: {"b": 2}\r\rdata: {"c": 3}\n\r\n') == [
        {"a": 1},
        {"b": 2},
        {"c": 3},
    ]


def test_comments_come_anywhere() -> None:
    assert read(b': x\ndata: {"a":\n: OPENROUTER PROCESSING\ndata: 1}\n: y\n\n:\n\n') == [{"a": 1}]


def test_last_event_needs_no_blank_line() -> None:
    assert read(b'data: {"a": 1}') == [{"a": 1}]
    assert read(b'data: {"a": 1}\n') == [{"a": 1}]


def test_nothing_after_done_is_read() -> None:
    parser = EventParser()
    found = list(parser.feed(b'data: {"a": 1}\n\ndata: [DONE]\n\ndata: nonsense\n\n'))
    assert found == [{"a": 1}]
    assert parser.done
    assert not list(parser.close())


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n"], ids=repr)
def test_done_is_seen_however_it_ends(end: bytes) -> None:
    parser = EventParser()
    assert not [*parser.feed(b"data: [DONE]" + end), *parser.close()]
    assert parser.done


def test_byte_order_mark_hides_no_event() -> None:
    assert read(b'\xef\xbb\xbfdata: {"a": 1}\n\n') == [{"a": 1}]


def test_fields_that_are_not_data_are_skipped() -> None:
    assert read(
        b'id: 7\nevent: message\nretry: 10\nfuture-field: x\nretry\ndata: {"a": 1}\n\n'
    ) == [{"a": 1}]


def test_bare_object_is_data() -> None:
    assert read(b'{"error": {"code": 502}}\n') == [{"error": {"code": 502}}]


@pytest.mark.parametrize(
    "content",
    [
        b'data: {"a": \n\n',
        b"data: [1]\n\n",
        b"data: null\n\n",
        b"data: 7\n\n",
        b'data: {"a": NaN}\n\n',
        b'data: {"a": "\xff"}\n\n',
        b'data: {"a": 1}\ndata: {"b": 2}\n\n',
        b"<html>\n\n",
        b"upstream connect error\n\n",
    ],
    ids=repr,
)
def test_line_that_is_no_object_is_an_error(content: bytes) -> None:
    with pytest.raises(NotJSONError):
        read(content)


def test_error_shows_the_line_cut_short() -> None:
    with pytest.raises(NotJSONError) as caught:
        read(b"data: {" + b"x" * 1000 + b"\n\n")
    assert caught.value.line.startswith("{xxx")
    assert len(caught.value.line) == 200


def test_events_before_a_bad_line_are_given() -> None:
    parser = EventParser()
    events = parser.feed(b'data: {"a": 1}\n\ndata: {\n\n')
    assert next(events) == {"a": 1}
    with pytest.raises(NotJSONError):
        next(events)


def test_long_line_in_many_pieces_costs_its_length() -> None:
    def seconds(pieces: int) -> float:
        line = itertools.chain([b'data: {"a": "'], [b"x" * 100] * pieces, [b'"}\n\n'])
        begin = time.thread_time()
        [event] = read(*line)
        assert len(event["a"]) == 100 * pieces
        return time.thread_time() - begin

    seconds(100)
    small, large = (min(seconds(count) for _ in range(3)) for count in (2_000, 20_000))
    assert large < 40 * small
