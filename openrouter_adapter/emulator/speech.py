"""`/audio/speech`: a silence as long as the words would take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import charging
from .billing import Usage
from .errors import invalid_body

if TYPE_CHECKING:
    from .faults import Fault
    from .state import State

# An MPEG-1 Layer III frame at 128 kbit/s and 44.1 kHz, 26 ms of silence.
_FRAME = b"\xff\xfb\x90\x00" + bytes(413)
_FRAMES_A_CHARACTER = 3
# 24 kHz, 16 bits, mono.
_PCM_BYTES_A_CHARACTER = 3744
_MEDIA_TYPES = {"mp3": "audio/mpeg", "pcm": "audio/pcm"}


def speak(
    state: State, body: dict[str, Any], fault: Fault | None = None
) -> tuple[bytes, dict[str, str]]:
    """Answer a speech request and bill it by the character; returns the audio and its headers.

    Raises:
        ApiError: 400 for a bad body, 404 for a model that does not speak.
    """
    kind = body.get("response_format") or "pcm"
    if kind not in _MEDIA_TYPES:
        raise invalid_body('response_format: Invalid option: expected one of "mp3"|"pcm"')
    characters = _characters(body)
    served = charging.choose(state, body, "speech", "speech")
    used = Usage(prompt=characters)
    charged = charging.charge(state, "/audio/speech", "gen-tts", served, used, fault)
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
