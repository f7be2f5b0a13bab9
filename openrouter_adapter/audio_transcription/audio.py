"""The recording of a transcription, in whatever form the caller has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from openrouter_adapter import errors

# How files of each format begin, to name what comes as bare bytes.
_BEGINNINGS: Final = (
    (b"RIFF", "wav"),
    (b"ID3", "mp3"),
    (b"\xff\xfb", "mp3"),
    (b"\xff\xf3", "mp3"),
    (b"fLaC", "flac"),
    (b"OggS", "ogg"),
    (b"\x1aE\xdf\xa3", "webm"),
)
_MEDIA_TYPES: Final = {"mp3": "audio/mpeg", "m4a": "audio/mp4"}
_ALLOWED: Final = (
    "give bytes, an open file, a pathlib.Path, a tuple (name, content), or an http(s) URL"
)


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording's bytes with the name that says their format, or the URL where it lies."""

    content: bytes = b""
    name: str = ""
    media_type: str = ""
    url: str = ""

    @property
    def format(self) -> str:
        """The format by the name's end, such as `wav`; empty where the name has none."""
        path = urlsplit(self.url).path if self.url else self.name
        return path.rpartition(".")[2].lower() if "." in path.rpartition("/")[2] else ""


def read(given: Any, model: str = "") -> Recording:
    """The recording that a caller gave.

    A string is a URL, never a path: a proxy's callers choose strings, and would read its files.

    Raises:
        litellm.BadRequestError: it is nothing of that, or it is empty.
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
    if isinstance(given, bytes | bytearray):
        kind = _kind(found.file_content)
        return Recording(
            found.file_content, f"audio.{kind}", _MEDIA_TYPES.get(kind, f"audio/{kind}")
        )
    return Recording(found.file_content, found.filename, found.content_type)


def _kind(content: bytes) -> str:
    if content[4:8] == b"ftyp":
        return "m4a"
    return next((kind for start, kind in _BEGINNINGS if content.startswith(start)), "wav")
