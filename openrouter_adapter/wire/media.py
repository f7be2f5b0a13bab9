"""Data URLs and links to images, videos, audio and files: their media types, kinds and names."""

from __future__ import annotations

import base64
import mimetypes
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import unquote, unquote_to_bytes, urlsplit

Kind: TypeAlias = Literal["image", "video", "audio", "file"]

_LINKS: Final = ("data:", "http://", "https://")
_AUDIO_FORMATS: Final = {
    "mpeg": "mp3",
    "x-wav": "wav",
    "wave": "wav",
    "vnd.wave": "wav",
    "mp4": "m4a",
    "x-m4a": "m4a",
    "x-aac": "aac",
    "x-aiff": "aiff",
    "x-flac": "flac",
}


def is_link(value: Any) -> bool:
    """Whether a value is a data URL or a link that OpenRouter can follow."""
    return isinstance(value, str) and value.startswith(_LINKS)


def type_of(link: str) -> str:
    """The media type of a data URL, or of a link by the end of its path; empty if unknown."""
    if link.startswith("data:"):
        return link[5 : link.find(",", 5, 300)].split(";", 1)[0].strip().lower()
    if not is_link(link):
        return ""
    return mimetypes.guess_type(urlsplit(link).path)[0] or ""


def kind_of(media_type: str, link: str) -> Kind | None:
    """The kind of input that a data URL or a link is; None if unknown."""
    main = media_type.partition("/")[0].lower()
    if main == "image":
        return "image"
    if main == "video":
        return "video"
    if not link.startswith("data:"):
        # Audio is sent only as base64, and the end of a path proves little: `.php` may be an image.
        return "file" if media_type == "application/pdf" else None
    if main == "audio":
        return "audio"
    return "file" if "/" in media_type and media_type != "application/octet-stream" else None


def audio_format(media_type: str) -> str:
    """OpenRouter's name of an audio format: `mp3` for `audio/mpeg`."""
    subtype = media_type.partition("/")[2].lower()
    return _AUDIO_FORMATS.get(subtype, subtype)


def base64_of(data_url: str) -> str:
    """The content of a data URL as bare base64."""
    head, _, data = data_url.partition(",")
    if head.lower().endswith(";base64"):
        return data
    return base64.b64encode(unquote_to_bytes(data)).decode()


def filename(link: str, media_type: str) -> str:
    """A name for a file: the last part of a link's path, or one made from its type."""
    if not link.startswith("data:"):
        name = unquote(urlsplit(link).path.rsplit("/", 1)[-1])
        if name:
            return name
    return "document" + (mimetypes.guess_extension(media_type) or ".pdf")
