"""Bodies of video requests: OpenAI's names, OpenRouter's, checks, and models' descriptors."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import litellm
import pytest

from openrouter_adapter import catalog
from openrouter_adapter.video_generation.requests import build_body
from tests.support import openapi, sdk_schema
from tests.support.endpoints import PNG

if TYPE_CHECKING:
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator

MODEL = "google/veo-3.1"
DATA = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
FIRST = {"type": "image_url", "image_url": {"url": DATA}, "frame_type": "first_frame"}
CLIP = {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}
FIELDS: dict[str, Any] = {
    "aspect_ratio": "16:9",
    "callback_url": "https://example.com/hook",
    "creativity": 1,
    "duration": 8,
    "frame_images": [FIRST, {**FIRST, "frame_type": "last_frame"}],
    "generate_audio": True,
    "input_references": [{"type": "image_url", "image_url": {"url": DATA}}, CLIP],
    "previous_job_id": "gen-vid-1",
    "provider": {"options": {"google-vertex": {"personGeneration": "allow"}}},
    "resolution": "1080p",
    "seed": 7,
    "session_id": "birds",
    "trace": {"trace_id": "t"},
    "upscale_factor": 2.0,
    "user": "ann",
}


def body(**fields: Any) -> dict[str, Any]:
    made = build_body(MODEL, "A wren.", fields)
    assert openapi.faults("/videos", made) == []
    assert sdk_schema.faults("/videos", made) == []
    return made


@pytest.fixture
def described(emulated: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The emulator, whose list of video models was read."""
    monkeypatch.setenv("OPENROUTER_ADAPTER_CACHE", str(tmp_path))
    catalog.load_video_models()
    return emulated


def test_every_field_of_openrouter_is_sent_as_given_and_fits_both_schemas() -> None:
    assert body(**FIELDS) == {"model": MODEL, "prompt": "A wren.", **FIELDS}
    prefixed = {f"openrouter_{name}": value for name, value in FIELDS.items()}
    assert body(**prefixed) == body(**FIELDS)


def test_litellms_call_sends_every_field(emulated: Emulator) -> None:
    # The emulator's model does not take all of them.
    emulated.faults.add("status=400")
    with pytest.raises(litellm.BadRequestError):
        litellm.video_generation(model=f"openrouter/{MODEL}", prompt="A wren.", **FIELDS)
    assert emulated.requests[-1].body == {"model": MODEL, "prompt": "A wren.", **FIELDS}


def test_extra_body_is_sent_unchecked(emulated: Emulator) -> None:
    litellm.video_generation(
        model=f"openrouter/{MODEL}", prompt="A wren.", seconds="4", extra_body={"beak": 1}
    )
    assert emulated.requests[-1].body["beak"] == 1


@pytest.mark.parametrize("seconds", ["8", 8, " 8 "])
def test_seconds_are_the_duration(seconds: Any) -> None:
    assert body(seconds=seconds)["duration"] == 8
    assert "seconds" not in body(seconds=seconds)


@pytest.mark.parametrize(
    ("size", "sent"),
    [
        ("1280x720", {"size": "1280x720"}),
        (" 1280 X 720 ", {"size": "1280x720"}),
        ("16:9", {"aspect_ratio": "16:9"}),
        ("4k", {"resolution": "4K"}),
        ("720P", {"resolution": "720p"}),
        ("auto", {}),
    ],
)
def test_a_size_is_pixels_a_ratio_or_a_resolution(size: str, sent: dict[str, str]) -> None:
    assert body(size=size) == {"model": MODEL, "prompt": "A wren.", **sent}


def test_pixels_that_a_model_lacks_become_its_resolution_and_ratio(described: Emulator) -> None:
    assert "size" in body(size="1920x1080")
    # 1.75 : 1, next to 16:9.
    found = body(size="1890x1080")
    assert (found["resolution"], found["aspect_ratio"]) == ("1080p", "16:9")
    with pytest.raises(litellm.BadRequestError, match="accepts '1280x720'"):
        body(size="640x480")
    assert described.requests[-1].path == "/videos/models"


def image_file() -> Any:
    file = io.BytesIO(PNG)
    file.name = "a.png"
    return file


@pytest.mark.parametrize(
    "image", [PNG, image_file(), ("a.png", PNG), DATA], ids=["bytes", "file", "tuple", "data URL"]
)
def test_an_input_reference_is_the_first_frame(image: Any) -> None:
    assert body(input_reference=image)["frame_images"] == [FIRST]


def test_an_input_reference_may_be_a_path_or_a_link(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    assert body(input_reference=path)["frame_images"] == [FIRST]
    link = "https://example.com/a.png"
    (frame,) = body(input_reference=link)["frame_images"]
    assert frame["image_url"] == {"url": link}


def test_an_input_reference_is_a_reference_if_there_are_several_or_the_model_has_no_frames(
    described: Emulator,  # noqa: ARG001 - reads the list
) -> None:
    image = {"type": "image_url", "image_url": {"url": DATA}}
    assert body(input_reference=[PNG, PNG])["input_references"] == [image, image]
    made = build_body("runway/aleph-2", "A wren.", {"input_reference": PNG})
    assert made["input_references"] == [image]


@pytest.mark.parametrize(
    ("link", "kind"),
    [
        ("https://example.com/a.MP4?x=1", "video_url"),
        ("data:video/mp4;base64,AAAA", "video_url"),
        ("https://example.com/a.wav", "audio_url"),
        ("https://example.com/a", "image_url"),
    ],
)
def test_references_are_images_recordings_and_videos(link: str, kind: str) -> None:
    assert body(input_references=[link])["input_references"] == [
        {"type": kind, kind: {"url": link}}
    ]


def test_the_id_of_a_video_of_litellm_names_its_job() -> None:
    from litellm.types.videos.utils import encode_video_id_with_provider

    video_id = encode_video_id_with_provider("gen-vid-1", "openrouter", MODEL)
    assert body(previous_job_id=video_id)["previous_job_id"] == "gen-vid-1"


def test_images_need_no_prompt() -> None:
    made = build_body(MODEL, "", {"input_reference": PNG})
    assert "prompt" not in made
    with pytest.raises(litellm.BadRequestError, match="prompt=''"):
        build_body(MODEL, "", {})


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"seconds": "long"}, "seconds='long': give whole seconds from 1"),
        ({"seconds": 4, "duration": 8}, "contradict"),
        ({"duration": 0}, "duration=0: give whole seconds from 1"),
        ({"duration": True}, "duration=True"),
        ({"size": "large"}, "size='large': give pixels"),
        ({"size": "16:9", "aspect_ratio": "9:16"}, "contradict"),
        ({"aspect_ratio": "wide"}, "aspect_ratio='wide'"),
        ({"generate_audio": "yes"}, "generate_audio='yes': give True or False"),
        ({"seed": "x"}, "seed='x'"),
        ({"upscale_factor": -1}, "upscale_factor=-1"),
        ({"callback_url": "http://example.com/?token=abc"}, "callback_url: give an https"),
        ({"frame_images": [{"type": "image_url"}]}, r"frame_images\[0\]"),
        ({"frame_images": PNG}, "give a list of objects"),
        ({"input_references": [{"type": "text"}]}, r"input_references\[0\].type='text'"),
        ({"input_reference": "a.png"}, r"input_reference\[0\]='a.png'"),
        ({"provider": "openai"}, "provider"),
    ],
)
def test_an_invalid_field_is_refused_before_it_is_sent(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(litellm.BadRequestError, match=said) as caught:
        build_body(MODEL, "A wren.", fields)
    assert "abc" not in str(caught.value)


def test_a_callback_may_be_on_this_machine_for_an_emulator() -> None:
    for url in ("http://127.0.0.1:8000/hook", "http://localhost/hook", "http://[::1]/hook"):
        assert build_body(MODEL, "A wren.", {"callback_url": url})["callback_url"] == url


@pytest.mark.parametrize(
    ("model", "fields", "said"),
    [
        (MODEL, {"duration": 5}, r"duration=5: google/veo-3.1 accepts 4 \| 6 \| 8"),
        (MODEL, {"resolution": "480p"}, "resolution='480p'"),
        (MODEL, {"aspect_ratio": "1:1"}, "aspect_ratio='1:1'"),
        (MODEL, {"upscale_factor": 2}, "does not upscale"),
        (MODEL, {"creativity": 1}, "creativity=1: google/veo-3.1 accepts none"),
        ("alibaba/wan-2.6", {"frame_images": [{**FIRST, "frame_type": "last_frame"}]}, "last_fr"),
    ],
)
def test_what_a_model_does_not_take_is_refused_once_its_list_was_read(
    described: Emulator, model: str, fields: dict[str, Any], said: str
) -> None:
    sent = len(described.requests)
    with pytest.raises(litellm.BadRequestError, match=said):
        litellm.video_generation(model=f"openrouter/{model}", prompt="A wren.", **fields)
    assert len(described.requests) == sent
