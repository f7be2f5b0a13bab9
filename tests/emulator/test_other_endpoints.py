"""Reranking, audio and images: the official SDK, the recorded key paths and prices, refusals."""

from __future__ import annotations

import base64
import contextlib
import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openrouter_adapter.emulator import Emulator

    from .conftest import Client

pytest.importorskip("openrouter")

RECORDED = Path(__file__).parents[3] / "shared" / "recorded"
DOCUMENTS = ["Paris is the capital of France", "Ruby is a language created by Matz"]
RERANK = {"model": "voyageai/rerank-2.5-lite", "query": "what is ruby", "documents": DOCUMENTS}
SPEECH = {"model": "hexgrad/kokoro-82m", "input": "A wren.", "response_format": "mp3"}
AUDIO = {"data": base64.b64encode(bytes(32_000)).decode(), "format": "mp3"}
LISTENER = "openai/gpt-4o-mini-transcribe"
PAINTER = "google/gemini-3.1-flash-lite-image"


def billed(emulator: Emulator) -> float:
    (row,) = emulator.bill()
    return float(row.cost)


def test_the_sdk_reranks(sdk: Any, emulator: Emulator) -> None:
    result = sdk.rerank.rerank(**RERANK)
    assert [one.index for one in result.results] == [1, 0]
    assert result.results[0].document.text == DOCUMENTS[1]
    assert result.usage.cost == billed(emulator) > 0
    assert result.id == emulator.bill()[0].generation_id


def test_the_sdk_speaks(sdk: Any, emulator: Emulator) -> None:
    answer = sdk.tts.create_speech(**SPEECH, voice="af_bella")
    assert answer.read().startswith(b"\xff\xfb")
    generation_id = answer.headers["x-generation-id"]
    assert sdk.generations.get_generation(id=generation_id).data.total_cost == billed(emulator) > 0


def test_the_sdk_transcribes_json(sdk: Any, emulator: Emulator) -> None:
    result = sdk.stt.create_transcription(input_audio=AUDIO, model=LISTENER)
    assert result.text == "This is what the emulator"
    assert result.usage.cost == billed(emulator) > 0


def test_the_sdk_transcribes_a_form_with_every_detail(sdk: Any, emulator: Emulator) -> None:
    result = sdk.stt.create_transcription_multipart(
        model=LISTENER,
        file={"file_name": "birds.mp3", "content": bytes(32_000)},
        response_format="verbose_json",
        timestamp_granularities=["word"],
        diarize=True,
        provider='{"zdr": false}',
        temperature=0.5,
    )
    assert (result.duration, result.task, len(result.words)) == (2.0, "transcribe", 5)
    assert result.words[0].speaker_label == "A"
    assert result.segments[0].text == result.text
    assert emulator.requests[0].body["provider"] == {"zdr": False}
    assert emulator.requests[0].body["input_audio"]["format"] == "mp3"


def test_the_sdk_draws(sdk: Any, emulator: Emulator) -> None:
    result = sdk.images.generate(model=PAINTER, prompt="a wren", n=2, aspect_ratio="16:9")
    assert [one.media_type for one in result.data] == ["image/png"] * 2
    assert result.usage.cost == billed(emulator) > 0
    assert result.usage.completion_tokens_details.image_tokens == 2240


def recorded(kind: str) -> dict[str, Any]:
    files = sorted((RECORDED / kind).glob("*.json"))
    if not files:
        pytest.skip(f"the recorded traffic is not at {RECORDED}")
    exchange: dict[str, Any] = json.loads(files[0].read_text(encoding="utf-8"))
    return exchange


def key_paths(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, below in value.items():
            yield f"{path}.{name}"
            yield from key_paths(below, f"{path}.{name}")
    elif isinstance(value, list):
        for below in value:
            yield from key_paths(below, f"{path}[]")


@pytest.mark.parametrize("kind", ["rerank", "images"])
def test_the_recorded_request_gets_the_recorded_key_paths(kind: str, client: Client) -> None:
    exchange = recorded(kind)
    reply = client.send("POST", f"/{kind}", exchange["request"]["body"])
    assert set(key_paths(reply.json)) == set(key_paths(exchange["response"]["body"]))


def test_transcriptions_have_the_recorded_key_paths(client: Client) -> None:
    exchange = recorded("audio-transcriptions")
    body = {"model": LISTENER, "input_audio": AUDIO}
    reply = client.send("POST", "/audio/transcriptions", body)
    assert set(key_paths(reply.json)) == set(key_paths(exchange["response"]["body"]))


@pytest.mark.parametrize(
    ("kind", "model", "counts"),
    [
        ("rerank", "voyageai/rerank-2.5-lite", ("total_tokens", None)),
        ("audio-transcriptions", LISTENER, ("input_tokens", "output_tokens")),
    ],
)
def test_prices_are_the_recorded_ones(kind: str, model: str, counts: tuple[str, Any]) -> None:
    from openrouter_adapter.emulator import catalog

    usage = recorded(kind)["response"]["body"]["usage"]
    endpoint = catalog.find(model).endpoints[0]
    prompt, answer = (Decimal(usage[name]) if name else Decimal(0) for name in counts)
    total = prompt * endpoint.price("prompt") + answer * endpoint.price("completion")
    assert total == Decimal(repr(usage["cost"]))


def test_an_images_price_is_the_recorded_one() -> None:
    from openrouter_adapter.emulator import catalog

    usage = recorded("images")["response"]["body"]["usage"]
    endpoint = catalog.find(PAINTER).endpoints[0]
    drawn = usage["completion_tokens_details"]["image_tokens"]
    total = (
        usage["prompt_tokens"] * endpoint.price("prompt")
        + drawn * endpoint.price("image_output")
        + (usage["completion_tokens"] - drawn) * endpoint.price("completion")
    )
    assert total == Decimal(repr(usage["cost"]))


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/rerank", {**RERANK, "documents": []}, "documents: "),
        ("/rerank", {**RERANK, "documents": [3]}, "documents.0: "),
        ("/rerank", {**RERANK, "query": ""}, "query: "),
        ("/rerank", {**RERANK, "top_n": 0}, "top_n: "),
        ("/audio/speech", {**SPEECH, "input": ""}, "input: "),
        ("/audio/speech", {**SPEECH, "voice": 3}, "voice: "),
        ("/audio/speech", {**SPEECH, "response_format": "wav"}, "response_format: "),
        ("/audio/transcriptions", {"model": LISTENER}, "input_audio: "),
        (
            "/audio/transcriptions",
            {"model": LISTENER, "input_audio": {"data": "?"}},
            "input_audio.data: ",
        ),
        (
            "/audio/transcriptions",
            {"model": LISTENER, "input_audio": AUDIO, "diarize": True},
            "diarize: ",
        ),
        ("/images", {"model": PAINTER}, "prompt: "),
        ("/images", {"model": PAINTER, "prompt": "x", "n": 11}, "n: "),
        ("/images", {"model": PAINTER, "prompt": "x", "background": "red"}, "background: "),
        ("/images", {"model": PAINTER, "prompt": "x", "input_references": ["u"]}, "input_ref"),
        (
            "/images",
            {"model": PAINTER, "prompt": "x", "background": "transparent", "output_format": "jpeg"},
            "background: ",
        ),
        ("/images", {"prompt": "x"}, "No models"),
        ("/completions", {"model": "openai/gpt-4o"}, "Input required"),
        ("/completions", {"model": "openai/gpt-4o", "prompt": ["one", 2]}, "Input required"),
    ],
)
def test_a_bad_body_is_refused(
    path: str, body: dict[str, Any], said: str, client: Client, emulator: Emulator
) -> None:
    reply = client.send("POST", path, body)
    assert reply.status == 400
    assert reply.json["error"]["message"].startswith(said)
    assert not emulator.bill()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/rerank", {**RERANK, "model": "openai/gpt-4o"}),
        ("/audio/speech", {**SPEECH, "model": "openai/gpt-4o"}),
        ("/audio/transcriptions", {"model": "openai/gpt-4o", "input_audio": AUDIO}),
        ("/images", {"model": "openai/gpt-4o", "prompt": "x"}),
    ],
)
def test_a_model_that_cannot_is_not_found(path: str, body: dict[str, Any], client: Client) -> None:
    reply = client.send("POST", path, body)
    assert reply.status == 404
    assert "No endpoints found that support" in reply.json["error"]["message"]


def test_credits_run_out(emulate: Any) -> None:
    client = emulate(credits=Decimal("0.001"))
    reply = client.send("POST", "/images", {"model": PAINTER, "prompt": "a wren"})
    assert reply.status == 402
    assert not client.emulator.bill()


def test_a_form_that_is_too_large_is_refused(sdk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from openrouter import errors

    from openrouter_adapter.emulator import audio

    monkeypatch.setattr(audio, "MOST_FORM_BYTES", 10)
    with pytest.raises(errors.BadRequestResponseError, match="Too big"):
        sdk.stt.create_transcription_multipart(
            model=LISTENER, file={"file_name": "a.mp3", "content": bytes(11)}
        )


def test_a_text_completion_is_a_chats_words_as_text(client: Client, emulator: Emulator) -> None:
    body = {"model": "openai/gpt-3.5-turbo", "prompt": "What is the capital of France?"}
    whole = client.send("POST", "/completions", body)
    assert whole.json["object"] == "text_completion"
    (choice,) = whole.json["choices"]
    assert (choice["text"], choice["finish_reason"]) == ("The capital of France is Paris.", "stop")
    assert whole.json["usage"]["cost"] == billed(emulator)
    chunks = client.send("POST", "/completions", {**body, "stream": True}).chunks
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == choice["text"]
    assert {chunk["object"] for chunk in chunks} == {"text_completion"}
    assert [row.endpoint for row in emulator.bill()] == ["/completions"] * 2


@pytest.mark.parametrize(
    "fault", ["nested-body", "bad-json", "comments-only", "error-in-200", "error-chunk", "cut=50"]
)
@pytest.mark.parametrize("stream", [False, True])
def test_faults_strike_text_completions_too(fault: str, stream: bool, emulator: Emulator) -> None:
    import httpx

    emulator.faults.add(fault)
    answer: Any = None
    with contextlib.suppress(httpx.HTTPError):
        answer = httpx.post(
            f"{emulator.base_url}/completions",
            headers={"Authorization": f"Bearer {emulator.api_key}"},
            json={"model": "openai/gpt-3.5-turbo", "prompt": "Hello", "stream": stream},
        )
    assert answer is None or answer.status_code == 200
    assert emulator.bill()[0].fault == fault.partition("=")[0]
