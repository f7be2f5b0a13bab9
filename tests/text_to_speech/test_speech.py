"""`litellm.speech` on OpenRouter: what is sent, the audio, its generation id, how it fails."""

from __future__ import annotations

import asyncio
import json
import urllib.request
import warnings
from typing import TYPE_CHECKING, Any

import litellm
import pytest

import openrouter_adapter
from tests.support.sdk_schema import faults

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator
    from tests.support.loopback import Loopback

MODEL = "openrouter/hexgrad/kokoro-82m"
WORDS = "Ruby is made for happiness."
QUESTION: dict[str, Any] = {"input": WORDS, "voice": "af_bella", "response_format": "mp3"}


def say(**keywords: Any) -> Any:
    return litellm.speech(**{"model": MODEL, **QUESTION, **keywords})


def say_async(**keywords: Any) -> Any:
    return asyncio.run(litellm.aspeech(**{"model": MODEL, **QUESTION, **keywords}))


def say_router(**keywords: Any) -> Any:
    deployment = {"model_name": "speaker", "litellm_params": {"model": MODEL}}
    router = litellm.Router(model_list=[deployment], num_retries=0)
    return asyncio.run(router.aspeech(**{"model": "speaker", **QUESTION, **keywords}))


WAYS = [say, say_async, say_router]
way = pytest.mark.parametrize("call", WAYS, ids=["speech", "aspeech", "router"])
both = pytest.mark.parametrize("call", WAYS[:2], ids=["speech", "aspeech"])


@way
def test_audio_comes_with_its_generation_id_and_no_cost(
    call: Callable[..., Any], emulated: Emulator
) -> None:
    response = call()
    (row,) = emulated.bill()
    assert response.content.startswith(b"\xff\xfb")
    hidden = response._hidden_params
    assert hidden["openrouter"] == {"generation_id": row.generation_id}
    assert hidden.get("response_cost") is None
    assert "llm_provider-x-litellm-response-cost" not in hidden["additional_headers"]


def test_the_generation_id_knows_what_it_cost(emulated: Emulator) -> None:
    generation_id = say()._hidden_params["openrouter"]["generation_id"]
    request = urllib.request.Request(  # noqa: S310
        f"{emulated.base_url}/generation?id={generation_id}",
        headers={"Authorization": f"Bearer {emulated.api_key}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        generation = json.load(answer)["data"]
    assert generation["total_cost"] == float(emulated.bill()[0].cost) == len(WORDS) * 0.62e-6
    assert generation["api_type"] == "tts"


def test_it_streams_to_a_file(emulated: Emulator, tmp_path: Path) -> None:
    response = say()
    path = tmp_path / "words.mp3"
    with warnings.catch_warnings():
        # OpenAI's class says of its own method that it reads the answer first.
        warnings.simplefilter("ignore", DeprecationWarning)
        response.stream_to_file(path)
    assert path.read_bytes() == response.content
    response.write_to_file(tmp_path / "again.mp3")
    assert (tmp_path / "again.mp3").read_bytes() == path.read_bytes()
    assert len(emulated.bill()) == 1


async def test_it_is_read_piece_by_piece(emulated: Emulator) -> None:
    response = await litellm.aspeech(model=MODEL, **QUESTION)
    pieces = [piece async for piece in await response.aiter_bytes(1000)]
    assert b"".join(pieces) == response.content
    assert len(pieces) > 1
    assert emulated.requests[0].path == "/audio/speech"


@way
def test_every_field_and_option_reaches_the_wire(
    call: Callable[..., Any], emulated: Emulator
) -> None:
    fields = {
        "speed": 1.5,
        "instructions": "softly",
        "input_references": [{"type": "text", "text": "a wren"}],
        "user": "somebody",
        "provider": {"zdr": False},
    }
    call(
        **fields,
        openrouter_session_id="session",
        extra_body={"trace": {"trace_name": "t"}, "speed": 3},
        extra_headers={"X-Trace": "t"},
        metadata={"of": "litellm"},
    )
    (request,) = emulated.requests
    assert request.body == {
        "model": "hexgrad/kokoro-82m",
        **QUESTION,
        **fields,
        "session_id": "session",
        "trace": {"trace_name": "t"},
    }
    assert faults(request.path, request.body) == []
    assert request.headers["x-trace"] == "t"
    assert request.headers["content-type"] == "application/json"


@way
def test_several_speakers(call: Callable[..., Any], emulated: Emulator) -> None:
    turns = [{"text": "Who is there?", "voice": "af_bella"}, {"text": "A wren."}]
    call(input=turns)
    assert emulated.requests[0].body["input"] == turns
    assert emulated.bill()[0].tokens_prompt == 20


def test_what_was_not_given_is_not_sent(emulated: Emulator) -> None:
    response = litellm.speech(MODEL, WORDS)
    assert emulated.requests[0].body == {"model": "hexgrad/kokoro-82m", "input": WORDS}
    assert response.response.headers["content-type"] == "audio/pcm"


def test_arguments_by_position(emulated: Emulator) -> None:
    litellm.speech(MODEL, WORDS, "af_bella")
    assert emulated.requests[0].body["voice"] == "af_bella"


def test_the_provider_may_be_named_apart(emulated: Emulator) -> None:
    litellm.speech("hexgrad/kokoro-82m", WORDS, custom_llm_provider="openrouter")
    assert emulated.requests[0].body["model"] == "hexgrad/kokoro-82m"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"input": ""}, "input='': give a text, or turns"),
        ({"input": []}, r"input=\[\]: give a text, or turns"),
        ({"input": [{"voice": "x"}]}, "input=.*give a text, or turns"),
        ({"voice": {"name": "x"}}, "voice=.*give a voice's name"),
        ({"speed": "fast"}, "speed='fast': give a number"),
        ({"provider": 3}, "provider: must be an object"),
    ],
    ids=str,
)
@both
def test_what_is_wrong_is_not_sent(
    call: Callable[..., Any], wrong: dict[str, Any], said: str, emulated: Emulator
) -> None:
    with pytest.raises(litellm.BadRequestError, match=said):
        call(**wrong)
    assert not emulated.requests


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ("comments-only", litellm.ServiceUnavailableError),
        ("cut=100", litellm.APIConnectionError),
    ],
)
@both
def test_a_failure_is_litellms_exception(
    call: Callable[..., Any], fault: str, raised: type, emulated: Emulator
) -> None:
    emulated.faults.add(fault)
    with pytest.raises(raised) as caught:
        call(num_retries=0, max_retries=0)
    assert type(caught.value) is raised


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(b"<html>Oops</html>", "text/html"), (b'{"fine": true}', "application/json")],
)
def test_an_answer_that_is_no_audio_is_no_success(
    answer: bytes, kind: str, openrouter: Loopback
) -> None:
    openrouter.replies(answer, Content_Type=kind)
    with pytest.raises(litellm.ServiceUnavailableError, match="can't be read as one"):
        say()


def test_other_providers_keep_litellms_own_way(emulated: Emulator) -> None:
    with pytest.raises(litellm.BadRequestError, match="'voice' is required"):
        litellm.speech("openai/tts-1", WORDS, api_key="none", api_base=emulated.base_url)
    assert not emulated.requests


def test_unregister_puts_litellms_own_back() -> None:
    before = litellm.speech
    with openrouter_adapter.registered():
        assert litellm.speech is not before
        assert litellm.speech.__name__ == "speech"
    assert litellm.speech is before is litellm.main.speech
