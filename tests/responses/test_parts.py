"""A part of a Responses request goes as what it holds, or is an error that names it."""

from __future__ import annotations

import copy
from typing import Any

import litellm
import pytest

from openrouter_adapter.responses.requests import build_body

PNG, PDF = "data:image/png;base64,aGk=", "data:application/pdf;base64,aGk="
MP4, MP3 = "data:video/mp4;base64,aGk=", "data:audio/mpeg;base64,aGk="
IMAGE = {"type": "input_image", "image_url": PNG, "detail": "auto"}
VIDEO = {"type": "input_video", "video_url": MP4}
AUDIO = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}}
PAPER = {"type": "input_file", "filename": "document.pdf", "file_data": PDF}


def sent(part: Any, field: str = "content") -> Any:
    head = {"role": "user"} if field == "content" else {"type": "function_call_output"}
    (item,) = build_body("a/b", [{**head, field: [part]}], {})["input"]
    return item[field][0]


@pytest.mark.parametrize("field", ["content", "output"])
@pytest.mark.parametrize(
    ("url", "wire"), [(PNG, IMAGE), (MP4, VIDEO), (MP3, AUDIO), (PDF, PAPER)], ids=str
)
@pytest.mark.parametrize(
    "given",
    [
        lambda url: {"type": "input_image", "image_url": url, "detail": "auto"},
        lambda url: {"type": "input_video", "video_url": url},
        lambda url: {"type": "input_file", "filename": "document.pdf", "file_data": url},
        lambda url: {"type": "input_audio", "input_audio": {"data": url}},
    ],
    ids=["image", "video", "file", "audio"],
)
def test_what_a_data_url_holds_decides_the_part(
    given: Any, url: str, wire: Any, field: str
) -> None:
    mark = {"prompt_cache_breakpoint": {"mode": "explicit"}}
    part = given(url) | mark
    before = copy.deepcopy(part)
    assert sent(part, field) == wire | mark
    assert part == before


def test_a_link_to_a_pdf_given_as_an_image_goes_as_a_file() -> None:
    link = "https://a.example/my%20birds.pdf?v=2"
    part = {"type": "input_image", "image_url": link, "detail": "auto"}
    assert sent(part) == {"type": "input_file", "filename": "my birds.pdf", "file_url": link}


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_text", "text": ""},
        {"type": "output_text", "text": "Hi", "annotations": []},
        {"type": "input_image", "file_id": "file-1", "detail": "low"},
        {"type": "input_image", "image_url": "https://a.example/bird.php"},
        {"type": "input_file", "file_url": "https://a.example/birds.csv"},
        {"type": "input_file", "file_id": "file-1"},
        {"type": "of_next_week"},
        "Hi",
    ],
    ids=str,
)
def test_a_part_that_needs_nothing_stays(part: Any) -> None:
    assert sent(part) == part


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"type": "input_text", "text": None}, "'text'"),
        ({"type": "input_text"}, "'text'"),
        ({"type": "input_image", "image_url": None}, "'image_url'"),
        ({"type": "input_image", "image_url": {"url": PNG}}, "'image_url'"),
        ({"type": "input_video"}, "'video_url'"),
        ({"type": "input_file", "filename": "a.pdf"}, "'file_data'"),
        ({"type": "input_audio"}, "'data'"),
        ({"type": "input_audio", "input_audio": {"data": "aGk="}}, "'format'"),
        ({"type": "input_audio", "input_audio": {"data": "https://a.example/b.mp3"}}, "URL"),
    ],
    ids=str,
)
def test_a_part_that_cannot_be_sent_is_an_error_that_names_it(part: Any, words: str) -> None:
    with pytest.raises(litellm.BadRequestError) as raised:
        sent(part)
    assert "input[0].content[0]" in str(raised.value)
    assert words in str(raised.value)
