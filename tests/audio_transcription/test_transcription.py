"""`litellm.transcription` on OpenRouter: recordings of every form, what is sent, what it cost."""

from __future__ import annotations

import asyncio
import base64
import io
import struct
from typing import TYPE_CHECKING, Any

import litellm
import pytest

import openrouter_adapter
from openrouter_adapter.audio_transcription import audio, transformation
from openrouter_adapter.audio_transcription.transformation import form_fields, json_body
from tests.support.costs import listening
from tests.support.sdk_schema import faults

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator

MODEL = "openrouter/openai/gpt-4o-mini-transcribe"
PATH = "/audio/transcriptions"


def wav(seconds: float = 2.0) -> bytes:
    """Return silence at 16 kHz, 16 bits, mono."""
    data = bytes(int(seconds * 32_000))
    head = struct.pack(
        "<4sI4s4sIHHIIHH",
        b"RIFF",
        36 + len(data),
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        16_000,
        32_000,
        2,
        16,
    )
    return head + struct.pack("<4sI", b"data", len(data)) + data


def hear(**keywords: Any) -> Any:
    return litellm.transcription(**{"model": MODEL, "file": wav(), **keywords})


def hear_async(**keywords: Any) -> Any:
    return asyncio.run(litellm.atranscription(**{"model": MODEL, "file": wav(), **keywords}))


def hear_router(**keywords: Any) -> Any:
    deployment = {"model_name": "listener", "litellm_params": {"model": MODEL}}
    router = litellm.Router(model_list=[deployment], num_retries=0)
    return asyncio.run(router.atranscription(**{"model": "listener", "file": wav(), **keywords}))


way = pytest.mark.parametrize(
    "call", [hear, hear_async, hear_router], ids=["transcription", "atranscription", "router"]
)


@way
def test_the_bill_is_on_the_response(call: Callable[..., Any], emulated: Emulator) -> None:
    response = call()
    (row,) = emulated.bill()
    assert response.text == "This is what the emulator"
    hidden = response._hidden_params
    assert hidden["response_cost"] == float(row.cost) > 0
    assert hidden["additional_headers"]["llm_provider-x-litellm-response-cost"] == float(row.cost)
    assert hidden["openrouter"]["generation_id"] == row.generation_id
    assert response.usage.input_tokens == row.tokens_prompt == 20
    assert response.usage.cost == hidden["openrouter"]["usage"]["cost"] == float(row.cost)


@way
def test_every_field_and_option_reaches_the_wire(
    call: Callable[..., Any], emulated: Emulator
) -> None:
    fields = {
        "language": "en",
        "temperature": 0.2,
        "response_format": "verbose_json",
        "timestamp_granularities": ["word", "segment"],
        "diarize": True,
        "keyterms": ["wren", "tit"],
        "provider": {"zdr": False, "options": {"openai": {"prompt": "birds"}}},
        "trace": {"trace_name": "t"},
    }
    response = call(
        **fields,
        openrouter_session_id="session",
        extra_body={"user": "somebody", "language": "de"},
        extra_headers={"X-Trace": "t"},
        metadata={"of": "litellm"},
    )
    (request,) = emulated.requests
    assert request.path == PATH
    assert request.headers["x-trace"] == "t"
    assert request.headers["content-type"].startswith("multipart/form-data")
    expected = {**fields, "session_id": "session", "user": "somebody"}
    assert request.body == {
        **expected,
        "model": MODEL.removeprefix("openrouter/"),
        "input_audio": {"data": base64.b64encode(wav()).decode(), "format": "wav"},
    }
    assert faults(PATH, request.body) == []
    assert response.words[0]["speaker_label"] == "A"
    assert response.segments[0]["end"] == response.duration == 2.0
    assert (response.language, response.task) == ("en", "transcribe")


def test_recordings_of_every_form(emulated: Emulator, tmp_path: Path) -> None:
    path = tmp_path / "birds.mp3"
    path.write_bytes(b"ID3birds")
    with path.open("rb") as opened:
        for file in (path, opened, ("birds.mp3", b"ID3birds"), b"ID3birds", bytearray(b"ID3birds")):
            hear(file=file)
    named = io.BytesIO(b"ID3birds")
    named.name = "birds.mp3"
    hear(file=named)
    sent = [request.body["input_audio"] for request in emulated.requests]
    assert sent == [{"data": base64.b64encode(b"ID3birds").decode(), "format": "mp3"}] * 6


def test_a_file_object_can_be_heard_again(emulated: Emulator) -> None:
    opened = io.BytesIO(wav())
    first, second = hear(file=opened), hear(file=opened)
    assert first.text == second.text
    assert len(emulated.bill()) == 2


def test_a_recording_at_a_url_goes_as_json(emulated: Emulator) -> None:
    hear(file="https://host.example/birds.ogg?signature=1", keyterms=["wren"])
    (request,) = emulated.requests
    assert request.headers["content-type"] == "application/json"
    assert request.body["input_audio"] == {"url": "https://host.example/birds.ogg?signature=1"}
    assert faults(PATH, request.body) == []


@pytest.mark.parametrize("call", [hear, hear_async], ids=["transcription", "atranscription"])
def test_a_recording_too_large_for_a_form_goes_as_json(
    call: Callable[..., Any], emulated: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transformation, "MOST_FORM_BYTES", 1000)
    call()
    (request,) = emulated.requests
    assert request.headers["content-type"] == "application/json"
    assert request.body["input_audio"]["format"] == "wav"
    assert base64.b64decode(request.body["input_audio"]["data"]) == wav()


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"RIFF....WAVE", "wav"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x02..\xff\xfb\x90\x00", "mp3"),
        (b"ID3\x04\x00\x00\x00\x00\x01\x00" + b"." * 128 + b"\xff\xf1\x50\x80", "aac"),
        (b"\xff\xfb\x90\x00", "mp3"),  # version 1, layer 3
        (b"\xff\xfa\x90\x00", "mp3"),  # the same with a checksum
        (b"\xff\xf3\x80\x00", "mp3"),  # version 2
        (b"\xff\xf2\x80\x00", "mp3"),
        (b"\xff\xe3\x80\x00", "mp3"),  # version 2.5
        (b"\xff\xe2\x80\x00", "mp3"),
        (b"\xff\xfd\x90\x00", "mp3"),  # layer 2
        (b"\xff\xff\x90\x00", "mp3"),  # layer 1
        (b"\xff\xfb\x90", "mp3"),
        (b"\xff\xf1\x50\x80", "aac"),
        (b"\xff\xf0\x50\x80", "aac"),
        (b"\xff\xf9\x50\x80", "aac"),
        (b"\xff\xf8\x50\x80", "aac"),
        (b"ADIF", "aac"),
        (b"FORM....AIFF", "aiff"),
        (b"FORM....AIFC", "aiff"),
        (b"fLaC", "flac"),
        (b"OggS", "ogg"),
        (b"....ftypM4A ", "m4a"),
        (b"\x1aE\xdf\xa3", "webm"),
        (b"?", "wav"),
    ],
)
def test_bare_bytes_are_named_by_how_they_begin(start: bytes, kind: str) -> None:
    assert audio.read(start).name == f"audio.{kind}"
    assert audio.read(start).media_type != "audio/wav" or kind == "wav"
    assert audio.read(io.BytesIO(start)).name == f"audio.{kind}"
    assert audio.read((None, start)).name == f"audio.{kind}"
    assert audio.read(("birds", start)).name == f"birds.{kind}"
    assert audio.read(("birds.opus", start)).name == "birds.opus"


@pytest.mark.parametrize(
    "start",
    [
        b"RIFF....AVI ",
        b"FORM....ILBM",
        b"#!AMR\n",
        b"caff\x00\x01",
        b".snd",
        b"0&\xb2u\x8ef\xcf\x11",
        b"\xff\xeb\x90\x00",  # a reserved version
        b"\xff\xe1\x90\x00",  # a reserved layer
        b"\xff\xfb\xf0\x00",  # a reserved bit rate
        b"\xff\xfb\x9c\x00",  # a reserved sampling rate
    ],
)
def test_bare_bytes_of_a_format_that_openrouter_does_not_take_are_refused(start: bytes) -> None:
    with pytest.raises(litellm.BadRequestError, match=r"\(name, content\)"):
        audio.read(start)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"file": b""}, "the recording is empty"),
        ({"file": "/etc/hosts"}, r"file='/etc/hosts': give bytes, an open file"),
        ({"file": 3}, "file=3: .*give bytes"),
        ({"prompt": "birds"}, "prompt='birds' is not supported.*keyterms"),
        ({"response_format": "srt"}, "response_format='srt' is not supported.*verbose_json"),
        ({"provider": 3}, "provider: must be an object"),
    ],
    ids=str,
)
@pytest.mark.parametrize("call", [hear, hear_async], ids=["transcription", "atranscription"])
def test_what_is_wrong_is_not_sent(
    call: Callable[..., Any], wrong: dict[str, Any], said: str, emulated: Emulator
) -> None:
    with pytest.raises(litellm.BadRequestError, match=said):
        call(**wrong)
    assert not emulated.requests


def test_drop_params_drops_the_prompt(
    emulated: Emulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(litellm, "drop_params", True)
    hear(prompt="birds")
    assert "prompt" not in emulated.requests[0].body
    assert "prompt='birds' is not supported" in caplog.text


def test_text_is_asked_for_as_json_which_says_what_it_cost(emulated: Emulator) -> None:
    response = hear(response_format="text")
    assert emulated.requests[0].body["response_format"] == "json"
    assert response.text
    assert response._hidden_params["response_cost"] > 0


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ("error-in-200=502", litellm.BadGatewayError),
        ("null-choices", litellm.BadGatewayError),
        ("bad-json", litellm.ServiceUnavailableError),
    ],
)
@pytest.mark.parametrize("call", [hear, hear_async], ids=["transcription", "atranscription"])
def test_a_failure_is_litellms_exception(
    call: Callable[..., Any], fault: str, raised: type, emulated: Emulator
) -> None:
    emulated.faults.add(fault)
    with pytest.raises(raised) as caught:
        call(num_retries=0, max_retries=0)
    assert type(caught.value) is raised


def test_an_answer_without_text_says_what_it_cost(emulated: Emulator) -> None:
    emulated.faults.add("null-choices")
    with pytest.raises(litellm.BadGatewayError, match="no text") as caught:
        hear()
    assert caught.value.openrouter["cost"] == float(emulated.bill()[0].cost) > 0


async def test_callbacks_hear_the_billed_cost(emulated: Emulator) -> None:
    with listening() as costs:
        await litellm.atranscription(model=MODEL, file=wav(), litellm_call_id="test-hearing")
        assert await costs.of("test-hearing") == float(emulated.bill()[0].cost)


def test_a_recording_paid_by_the_second() -> None:
    usage: Any = transformation._usage({"seconds": 3.5, "cost": 0.1})
    assert (usage.type, usage.seconds, usage.cost) == ("duration", 3.5, 0.1)


def test_a_form_repeats_lists_and_writes_objects_as_json() -> None:
    form = form_fields({"keyterms": ["a", "b"], "provider": {"zdr": True}, "diarize": False})
    assert form == {"keyterms[]": ["a", "b"], "provider": '{"zdr": true}', "diarize": "false"}


def test_a_format_is_named_only_where_the_url_needs_it() -> None:
    recording = audio.read("https://host.example/birds")
    assert recording.format == ""
    assert json_body({"model": "a/b"}, recording)["input_audio"] == {
        "url": "https://host.example/birds"
    }


def test_other_providers_keep_litellms_own_class() -> None:
    from litellm.utils import ProviderConfigManager

    with openrouter_adapter.registered():
        config = ProviderConfigManager.get_provider_audio_transcription_config(
            "nova-2", litellm.LlmProviders.DEEPGRAM
        )
    assert type(config).__module__.startswith("litellm.")
