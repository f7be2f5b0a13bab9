"""The recording of a transcription, in any form that a caller gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from openrouter_adapter.wire import errors

# First bytes of each format, for recordings without a name.
_BEGINNINGS: Final = (
    (b"fLaC", "flac"),
    (b"OggS", "ogg"),
    (b"\x1aE\xdf\xa3", "webm"),
    (b"ADIF", "aac"),
)
# Containers with their content's name at this offset.
_CONTAINERS: Final = (
    (b"RIFF", b"WAVE", "wav"),
    (b"FORM", b"AIFF", "aiff"),
    (b"FORM", b"AIFC", "aiff"),
)
# Formats that OpenRouter does not accept.
_REFUSED: Final = (b"RIFF", b"FORM", b"#!AMR", b"caff", b".snd", b"0&\xb2u", b"MThd")
_MEDIA_TYPES: Final = {"mp3": "audio/mpeg", "m4a": "audio/mp4"}
_ALLOWED: Final = (
    "give bytes, an open file, a pathlib.Path, a tuple (name, content), or an http(s) URL"
)


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording's bytes with a name that shows their format, or its URL."""

    content: bytes = b""
    name: str = ""
    media_type: str = ""
    url: str = ""

    @property
    def format(self) -> str:
        """The format by the end of the name, such as `wav`; empty if it has none."""
        path = urlsplit(self.url).path if self.url else self.name
        return path.rpartition(".")[2].lower() if "." in path.rpartition("/")[2] else ""


def read(given: Any, model: str = "") -> Recording:
    """The recording that a caller gives.

    A string is a URL, never a path: otherwise a proxy's callers could read its files.

    Raises:
        litellm.BadRequestError: it has an unknown form, or is empty.
    """
    from litellm.litellm_core_utils.audio_utils.utils import process_audio_file

    if isinstance(given, str):
        if urlsplit(given).scheme not in {"http", "https"}:
            raise errors.bad_request(f"file={given!r:.200}: {_ALLOWED}", model)
        return Recording(url=given)
    try:
        found = process_audio_file(given)
    except (ValueError, OSError) as problem:
        raise errors.bad_request(f"file={given!r:.100}: {problem}; {_ALLOWED}", model) from None
    if not found.file_content:
        raise errors.bad_request("file: the recording is empty", model)
    name = _name(given)
    if Recording(name=name).format:
        return Recording(found.file_content, name, found.content_type)
    kind = _kind(found.file_content)
    if kind is None:
        raise errors.bad_request(
            "file: the recording has no name, and its first bytes, "
            f"{found.file_content[:12]!r}, belong to no format that OpenRouter accepts: give a "
            "tuple (name, content), such as ('birds.mp3', content)",
            model,
        )
    media_type = _MEDIA_TYPES.get(kind, f"audio/{kind}")
    return Recording(found.file_content, f"{name or 'audio'}.{kind}", media_type)


def _name(given: Any) -> str:
    """The name that a caller gave a recording; LiteLLM would name any other one a WAV."""
    name = given[0] if isinstance(given, tuple) else getattr(given, "name", "")
    return name.rsplit("/", 1)[-1] if isinstance(name, str) else ""


def _kind(content: bytes) -> str | None:
    """The format of a recording by its first bytes; None for one that OpenRouter does not accept.

    Unknown formats are named WAV, as LiteLLM does.
    """
    if content[4:8] == b"ftyp":
        return "m4a"
    for start, inside, kind in _CONTAINERS:
        if content.startswith(start) and content[8:12] == inside:
            return kind
    for start, kind in _BEGINNINGS:
        if content.startswith(start):
            return kind
    if content.startswith(b"ID3"):
        # A tag before the first frame, with its length in four bytes of seven bits.
        length = sum(byte << 7 * place for place, byte in enumerate(content[9:5:-1]))
        return _kind_of_frame(content[10 + length :]) or "mp3"
    if content[:1] == b"\xff" and content[1:2] >= b"\xe0":
        return _kind_of_frame(content)
    return None if content.startswith(_REFUSED) else "wav"


def _kind_of_frame(content: bytes) -> str | None:
    """`mp3` or `aac` by the header of an MPEG frame; None for any other bytes.

    Eleven set bits, two of the version (01 is reserved), two of the layer (00 is AAC's), one for a
    checksum; then four of the bit rate and two of the sampling rate, of which all ones are
    reserved.
    """
    if len(content) < 2 or content[0] != 0xFF or content[1] < 0xE0:
        return None
    version, layer = content[1] >> 3 & 3, content[1] >> 1 & 3
    if layer == 0:
        return "aac" if version >= 2 else None
    rates = content[2] if len(content) > 2 else 0
    is_reserved = version == 1 or rates >> 4 == 15 or rates >> 2 & 3 == 3
    return None if is_reserved else "mp3"
