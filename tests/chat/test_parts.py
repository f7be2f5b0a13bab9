"""A part goes in the form that models read what it holds from, or is an error that names it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import litellm
import pytest

from openrouter_adapter.chat.messages import to_wire
from tests.support.asking import QUESTION, WAYS, Way
from tests.support.failures import delta_chunk, said
from tests.support.wire import Reply, Wire

if TYPE_CHECKING:
    from collections.abc import Callable

MARK = {"cache_control": {"type": "ephemeral"}}
PNG, PDF = "data:image/png;base64,aGk=", "data:application/pdf;base64,aGk="
MP4, MP3, CSV = (f"data:{kind};base64,aGk=" for kind in ("video/mp4", "audio/mpeg", "text/csv"))

IMAGE = {"type": "image_url", "image_url": {"url": PNG}}
VIDEO = {"type": "video_url", "video_url": {"url": MP4}}
AUDIO = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}}
TABLE = {"type": "file", "file": {"filename": "document.csv", "file_data": CSV}}
PAPER = {"type": "file", "file": {"filename": "document.pdf", "file_data": PDF}}

GIVEN: dict[str, Callable[[str], dict[str, Any]]] = {
    "image_url": lambda url: {"type": "image_url", "image_url": {"url": url}},
    "image_url-text": lambda url: {"type": "image_url", "image_url": url},
    "video_url": lambda url: {"type": "video_url", "video_url": {"url": url}},
    "file": lambda url: {"type": "file", "file": {"file_data": url}},
    "file_id": lambda url: {"type": "file", "file": {"file_id": url}},
    "input_audio": lambda url: {"type": "input_audio", "input_audio": {"data": url}},
}


def part_sent(part: Any) -> Any:
    (message,) = to_wire([{"role": "user", "content": [part]}])
    return message["content"][0]


@pytest.mark.parametrize(
    ("url", "sent"),
    [(PNG, IMAGE), (MP4, VIDEO), (MP3, AUDIO), (PDF, PAPER), (CSV, TABLE)],
    ids=["image", "video", "audio", "pdf", "csv"],
)
@pytest.mark.parametrize("given", GIVEN)
def test_what_a_data_url_holds_decides_the_part(given: str, url: str, sent: Any) -> None:
    part = GIVEN[given](url) | MARK
    before = copy.deepcopy(part)
    assert part_sent(part) == sent | MARK
    assert part == before


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_pdf_given_as_an_image_goes_as_a_file(wire: Wire, way: Way) -> None:
    wire.reply = Reply([delta_chunk({"content": "Hi"}, "stop")] if way.is_stream else said("Hi"))
    part = {"type": "image_url", "image_url": {"url": PDF, "detail": "high"}}
    way.ask(wire, messages=[{"role": "user", "content": [part]}])
    assert wire.requests[0]["messages"][0]["content"] == [PAPER]


@pytest.mark.parametrize(
    ("link", "kind"),
    [
        ("https://a.example/my%20birds.pdf?v=2", "file"),
        ("https://a.example/birds.mp4", "video_url"),
        ("https://a.example/bird.php?id=1", "image_url"),
        ("https://a.example/bird", "image_url"),
        ("https://a.example/birds.mp3", "image_url"),
        ("data:application/octet-stream;base64,aGk=", "image_url"),
        ("iVBORw0KGgo=", "image_url"),
    ],
)
def test_a_link_given_as_an_image_is_what_its_name_says(link: str, kind: str) -> None:
    sent = part_sent({"type": "image_url", "image_url": {"url": link}})
    assert sent["type"] == kind
    if kind == "file":
        assert sent["file"] == {"filename": "my birds.pdf", "file_data": link}


def test_litellms_format_says_what_a_link_leads_to() -> None:
    link = {"url": "https://a.example/7", "format": "application/pdf"}
    assert part_sent({"type": "image_url", "image_url": link}) == {
        "type": "file",
        "file": {"filename": "7", "file_data": "https://a.example/7"},
    }


def test_a_recording_that_is_not_base64_becomes_so() -> None:
    part = GIVEN["image_url"]("data:audio/wav,h%69")
    assert part_sent(part)["input_audio"] == {"data": "aGk=", "format": "wav"}


@pytest.mark.parametrize(
    "part",
    [
        {"type": "text", "text": ""},
        IMAGE,
        VIDEO,
        AUDIO,
        PAPER,
        {"type": "input_video", "video_url": {"url": MP4}},
        {"type": "image_url", "image_url": {"url": PNG, "detail": "original"}},
        {"type": "file", "file": {"file_id": "file-abc123"}},
        {"type": "of_next_week", "of_next_week": None},
    ],
)
def test_a_part_that_needs_nothing_is_the_same_object(part: dict[str, Any]) -> None:
    assert part_sent(part) is part


# What OpenRouter's schema refuses is refused before it is sent.
REFUSED: list[tuple[Any, str]] = [
    ({"type": "text", "text": None}, "'text'"),
    ({"type": "text"}, "'text'"),
    ({"type": "text", "text": 1}, "'text'"),
    ({"type": "image_url"}, "'url'"),
    ({"type": "image_url", "image_url": None}, "'url'"),
    ({"type": "image_url", "image_url": {"url": ""}}, "'url'"),
    ({"type": "image_url", "image_url": {"detail": "high"}}, "'url'"),
    ({"type": "video_url", "video_url": None}, "'url'"),
    ({"type": "input_video", "input_video": {"url": MP4}}, "'url'"),
    ({"type": "file", "file": {"filename": "a.pdf"}}, "'file_data'"),
    ({"type": "file", "file": {"file_data": b"%PDF-1.4", "file_id": "f"}}, "'file_data'"),
    ({"type": "file", "file": {"file_data": None, "file_id": ""}}, "'file_data'"),
    ({"type": "file"}, "'file'"),
    ({"type": "input_audio"}, "'data'"),
    ({"type": "input_audio", "input_audio": {"format": "wav"}}, "'data'"),
    ({"type": "input_audio", "input_audio": {"data": "aGk="}}, "format"),
    ({"type": "input_audio", "input_audio": {"data": "https://a.example/b.wav"}}, "base64"),
    ({}, "'type'"),
    (None, "'type'"),
]


@pytest.mark.parametrize(("part", "words"), REFUSED, ids=str)
def test_a_part_that_cannot_be_sent_is_an_error_that_names_it(part: Any, words: str) -> None:
    messages = [*QUESTION, {"role": "user", "content": [{"type": "text", "text": "Hi"}, part]}]
    with pytest.raises(litellm.BadRequestError) as raised:
        to_wire(messages)
    assert "messages[1].content[1]" in str(raised.value)
    assert words in str(raised.value)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_text_that_is_null_is_an_error_before_anything_is_sent(wire: Wire, way: Way) -> None:
    messages = [{"role": "user", "content": [{"type": "text", "text": None}]}]
    raised = way.failure(wire, messages=messages)
    assert isinstance(raised, litellm.BadRequestError)
    assert "messages[0].content[0]" in str(raised)
    assert wire.requests == []


def test_no_parts_are_sent_as_none() -> None:
    assert to_wire([{"role": "user", "content": []}])[0]["content"] == []
