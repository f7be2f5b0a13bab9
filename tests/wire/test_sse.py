"""Events come out whole, wherever the network cuts the stream and however its lines end."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

from openrouter_adapter.wire.sse import EventParser, NotJSONError

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


def test_error_keeps_the_line_cut_short_and_does_not_say_it() -> None:
    with pytest.raises(NotJSONError) as caught:
        read(b"data: {" + b"x" * 5000 + b"\n\n")
    assert caught.value.line.startswith("{xxx")
    assert len(caught.value.line) == 2000
    assert "xxx" not in str(caught.value)


# What https://html.spec.whatwg.org/multipage/server-sent-events.html allows a server to send.
ALLOWED = {
    "no space after the colon": (b'data:{"a": 1}\n\n', [{"a": 1}]),
    "two spaces after the colon": (b'data:  {"a": 1}\n\n', [{"a": 1}]),
    "empty data": (b'data:\n\ndata: {"a": 1}\n\n', [{"a": 1}]),
    "empty data with a space": (b'data: \n\ndata: {"a": 1}\n\n', [{"a": 1}]),
    "data without a colon": (b'data\n\ndata: {"a": 1}\n\n', [{"a": 1}]),
    "empty data lines only": (b"data:\ndata:\ndata\n\n", []),
    "empty data at the end": (b'data: {"a": 1}\n\ndata:', [{"a": 1}]),
    "empty data among the lines of an event": (b'data: {"a":\ndata:\ndata: 1}\n\n', [{"a": 1}]),
    "an event of several data lines": (b'data: {\ndata: "a"\ndata: :1}\n\n', [{"a": 1}]),
    "byte order mark": (b'\xef\xbb\xbfdata: {"a": 1}\n\n', [{"a": 1}]),
    "byte order mark before a comment": (b'\xef\xbb\xbf: hi\n\ndata: {"a": 1}\n\n', [{"a": 1}]),
    "byte order mark before an empty line": (b'\xef\xbb\xbf\ndata: {"a": 1}\n\n', [{"a": 1}]),
    "carriage returns": (b'data: {"a": 1}\r\rdata: {"b": 2}\r\r', [{"a": 1}, {"b": 2}]),
    "event": (b'event: response.created\ndata: {"a": 1}\n\n', [{"a": 1}]),
    "event after data": (b'data: {"a": 1}\nevent: message\n\n', [{"a": 1}]),
    "event without data": (b'event: ping\n\ndata: {"a": 1}\n\n', [{"a": 1}]),
    "empty event": (b'event:\ndata: {"a": 1}\n\n', [{"a": 1}]),
    "id": (b'id: 1\ndata: {"a": 1}\n\n', [{"a": 1}]),
    "id with a colon": (b'id: a:b\ndata: {"a": 1}\n\n', [{"a": 1}]),
    "id without a colon": (b'id\ndata: {"a": 1}\n\n', [{"a": 1}]),
    "retry": (b'retry: 3000\n\ndata: {"a": 1}\n\n', [{"a": 1}]),
    "retry that is not a number": (b'retry: soon\ndata: {"a": 1}\n\n', [{"a": 1}]),
    "unknown field": (b'x.trace-2: 7\ndata: {"a": 1}\n\n', [{"a": 1}]),
    "comment": (b': OPENROUTER PROCESSING\n\ndata: {"a": 1}\n\n', [{"a": 1}]),
    "comment within an event": (b'data: {"a":\n: x\ndata: 1}\n\n', [{"a": 1}]),
    "empty comment": (b':\n\ndata: {"a": 1}\n\n', [{"a": 1}]),
    "blank lines": (b'\n\n\ndata: {"a": 1}\n\n\n\n', [{"a": 1}]),
    "line separators of Unicode in a text": (
        'data: {"a": "\u2028\u0085\u000c"}\n\n'.replace("\f", "\\f").encode(),
        [{"a": "\u2028\x85\f"}],
    ),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_the_standard_allows_is_read(name: str) -> None:
    content, events = ALLOWED[name]
    assert read(content) == events
    assert read(*(content[i : i + 1] for i in range(len(content)))) == events


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
