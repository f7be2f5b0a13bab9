"""`/audio`: speech is silence, a transcription repeats a few words, both of a likely length."""

from __future__ import annotations

import base64
import binascii
import struct
from typing import TYPE_CHECKING, Any

import orjson

from . import billing, inference, tokens
from .billing import Usage
from .bodies import invalid_option
from .errors import invalid_body
from .inference import single

if TYPE_CHECKING:
    from aiohttp.web import FileField
    from multidict import MultiDictProxy

    from .faults import Fault
    from .state import State

# An MPEG-1 Layer III frame at 128 kbit/s and 44.1 kHz, 26 ms of silence.
_FRAME = b"\xff\xfb\x90\x00" + bytes(413)
_FRAMES_A_CHARACTER = 3
# 24 kHz, 16 bits, mono.
_PCM_BYTES_A_CHARACTER = 3744
_MEDIA_TYPES = {"mp3": "audio/mpeg", "pcm": "audio/pcm"}
_WORDS = ("This", "is", "what", "the", "emulator", "hears", "in", "your", "recording.")
_WORDS_A_SECOND = 2.5
# As OpenAI's models count.
_TOKENS_A_SECOND = 10
# For recordings without a rate of their own: MP3 at 128 kbit/s.
_BYTES_A_SECOND = 16_000
_SECONDS_AT_A_URL = 30.0
_LISTS = ("keyterms", "timestamp_granularities")
_OBJECTS = ("provider", "trace")
MOST_FORM_BYTES = 25_000_000


def read_form(form: MultiDictProxy[str | bytes | bytearray | FileField]) -> dict[str, Any]:
    """Return the JSON body that asks for the same as a form.

    Raises:
        ApiError: 400 for a file that is too large, or invalid JSON in a field.
    """
    body: dict[str, Any] = {}
    for name, value in form.items():
        if not isinstance(value, str):
            # Without a file name, aiohttp gives the bytes alone.
            content = bytes(value) if isinstance(value, bytes | bytearray) else value.file.read()
            if len(content) > MOST_FORM_BYTES:
                raise invalid_body("file: Too big: expected <=25MB; send base64 JSON instead")
            filename = "" if isinstance(value, bytes | bytearray) else value.filename
            body["input_audio"] = {
                "data": base64.b64encode(content).decode(),
                "format": filename.rpartition(".")[2],
            }
        elif (plain := name.removesuffix("[]")) in _LISTS:
            body.setdefault(plain, []).append(value)
        elif name == "source_url":
            body["input_audio"] = {"url": value}
        else:
            body[name] = _read_field(name, value)
    return body


def _read_field(name: str, value: str) -> Any:
    try:
        if name in _OBJECTS:
            return orjson.loads(value)
        if name == "temperature":
            return float(value)
    except ValueError:
        raise invalid_body(f"{name}: Invalid input: {value}") from None
    return value == "true" if name == "diarize" else value


def transcribe(
    state: State, body: dict[str, Any], fault: Fault | None
) -> tuple[bytes, dict[str, str]]:
    """Answer a transcription request and bill it.

    Returns:
        The body and its headers.

    Raises:
        ApiError: 400 for an invalid body, 404 for a model without transcription.
    """
    seconds = _seconds(body.get("input_audio"))
    verbose = body.get("response_format") == "verbose_json"
    if body.get("diarize") and not verbose:
        raise invalid_body('diarize: requires response_format "verbose_json"')
    served = inference.choose(state, body, "transcription", "transcription")
    number = max(1, round(seconds * _WORDS_A_SECOND))
    words = [_WORDS[place % len(_WORDS)] for place in range(number)]
    text = " ".join(words)
    used = Usage(prompt=max(1, round(seconds * _TOKENS_A_SECOND)), completion=tokens.count(text))
    charged = inference.charge(state, "/audio/transcriptions", "gen-stt", served, used, fault)
    headers = {"X-Generation-Id": charged.row.generation_id}
    if charged.error is not None:
        return charged.error, headers
    answer: dict[str, Any] = {"text": text}
    if verbose:
        answer |= _details(body, words, seconds)
    answer["usage"] = {
        "total_tokens": used.prompt + used.completion,
        "input_tokens": used.prompt,
        "output_tokens": used.completion,
        "cost": billing.wire_number(charged.cost.total),
    }
    if fault is not None and fault.name == "null-choices":
        answer["text"] = None
    return orjson.dumps(answer), headers


def _details(body: dict[str, Any], words: list[str], seconds: float) -> dict[str, Any]:
    step = seconds / len(words)
    details: dict[str, Any] = {
        "task": "transcribe",
        "language": body.get("language") or "en",
        "duration": round(seconds, 2),
        "segments": [{"id": 0, "start": 0, "end": round(seconds, 2), "text": " ".join(words)}],
    }
    if "word" in (body.get("timestamp_granularities") or ()) or body.get("diarize"):
        speaker = {"speaker": 0, "speaker_label": "A"} if body.get("diarize") else {}
        details["words"] = [
            {
                "word": word,
                "start": round(place * step, 3),
                "end": round((place + 1) * step, 3),
                **speaker,
            }
            for place, word in enumerate(words)
        ]
    return details


def _seconds(given: Any) -> float:
    """Return the length of a recording in seconds, by a WAV file's rate or by the size."""
    if not isinstance(given, dict) or not (given.get("data") or given.get("url")):
        raise invalid_body("input_audio: Invalid input: expected object with data or url")
    if given.get("url"):
        return _SECONDS_AT_A_URL
    try:
        content = base64.b64decode(given["data"], validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise invalid_body("input_audio.data: Invalid input: expected base64") from None
    rate = _BYTES_A_SECOND
    if content[:4] == b"RIFF" and len(content) >= 32:
        rate = struct.unpack_from("<I", content, 28)[0] or rate
    return max(0.1, len(content) / rate)


def speak(state: State, body: dict[str, Any], fault: Fault | None) -> tuple[bytes, dict[str, str]]:
    """Answer a speech request and bill it by the character.

    Returns:
        The audio and its headers.

    Raises:
        ApiError: 400 for an invalid body, 404 for a model without speech.
    """
    kind = body.get("response_format") or "pcm"
    if kind not in _MEDIA_TYPES:
        raise invalid_option("response_format", tuple(_MEDIA_TYPES))
    characters = _characters(body)
    served = inference.choose(state, body, "speech", "speech")
    used = Usage(prompt=characters)
    charged = inference.charge(state, "/audio/speech", "gen-tts", served, used, fault)
    headers = {"X-Generation-Id": charged.row.generation_id}
    if charged.error is not None:
        return charged.error, headers
    headers["Content-Type"] = _MEDIA_TYPES[kind]
    if fault is not None and fault.name == "comments-only":
        return b"", headers
    if kind == "mp3":
        return _FRAME * (_FRAMES_A_CHARACTER * characters), headers
    return bytes(_PCM_BYTES_A_CHARACTER * characters), headers


def _characters(body: dict[str, Any]) -> int:
    given = body.get("input")
    turns = given if isinstance(given, list) else [{"text": given}]
    texts = [turn.get("text") or "" if isinstance(turn, dict) else "" for turn in turns]
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise invalid_body("input: Invalid input: expected string or array of turns")
    if body.get("voice") is not None and not isinstance(body["voice"], str):
        raise invalid_body("voice: Invalid input: expected string")
    return sum(map(len, texts))


ROUTES = (single("/audio/speech", speak), single("/audio/transcriptions", transcribe, read_form))
