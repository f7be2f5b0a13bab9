"""The parts of a message's content, each in the form in which models read it.

The content of a part decides its type: a PDF given as an image is sent as a file, and a recording
given as a file is sent as audio. A part of a known type that lacks a field that OpenRouter requires
is an error that names the part; a part of an unknown type is sent unchanged. See
https://openrouter.ai/docs/guides/overview/multimodal/overview.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.wire import errors, media

if TYPE_CHECKING:
    from collections.abc import Callable

# Types whose parts have their URL under a name other than the type's.
_FIELDS: Final = {"input_video": "video_url"}
_TYPES: Final[dict[media.Kind | None, str]] = {
    "image": "image_url",
    "video": "video_url",
    "audio": "input_audio",
    "file": "file",
}


@dataclass(frozen=True, slots=True)
class _Place:
    """The place of a part, for an error."""

    message: int
    part: int
    kind: str
    model: str

    def error(self, problem: str) -> Exception:
        where = f"messages[{self.message}].content[{self.part}]"
        of_type = f" of type {self.kind!r}" if self.kind else ""
        return errors.bad_request(f"{where}: a part{of_type} {problem}", self.model)


def to_wire(part: Any, model: str = "", message: int = 0, position: int = 0) -> Any:
    """A part in OpenRouter's form; the part itself if it needs no conversion.

    Args:
        part: In OpenAI's, OpenRouter's or LiteLLM's form.
        model: The model asked for, named in an error.
        message: The index of its message, for an error.
        position: Its index in the message's content, for an error.

    Raises:
        litellm.BadRequestError: the part lacks a field, or is audio by URL.
    """
    if isinstance(part, str):
        return part  # not a part in OpenRouter's schema, which may change
    kind = part.get("type") if isinstance(part, dict) else None
    place = _Place(message, position, kind if isinstance(kind, str) else "", model)
    if kind is None:
        raise place.error(f"needs an object with a 'type', such as 'text'; it is {part!r:.100}")
    if kind == "text":
        if not isinstance(part.get("text"), str):
            raise place.error(f"needs a string 'text'; it is {part.get('text')!r:.100}")
        return part
    convert = _CONVERTERS.get(kind)
    return convert(part, place) if convert else part


def _link(part: dict[str, Any], place: _Place) -> dict[str, Any]:
    """An image or a video."""
    field = _FIELDS.get(place.kind, place.kind)
    given: Any = part.get(field)
    link = {"url": given} if isinstance(given, str) else given
    url = link.get("url") if isinstance(link, dict) else None
    if not isinstance(link, dict) or not isinstance(url, str) or not url:
        raise place.error(f"needs {field!r} with a string 'url'; it is {given!r:.100}")
    # `format` is LiteLLM's own hint for other providers.
    media_type = link.get("format") or media.type_of(url)
    kind = _TYPES.get(media.kind_of(media_type, url), field)
    if kind != field:
        return _as_kind(kind, url, media_type, _other_fields(part, field))
    if link is given and "format" not in link:
        return part
    return {**part, field: {name: value for name, value in link.items() if name != "format"}}


def _file(part: dict[str, Any], place: _Place) -> dict[str, Any]:
    """A file with `file_data` and `filename`; LiteLLM's `file_id` may be a URL."""
    file = part.get("file")
    if not isinstance(file, dict):
        raise place.error("needs a 'file' object with 'file_data'")
    data, given = file.get("file_data"), file.get("file_id")
    if not data and media.is_link(given):
        data = given
    if not isinstance(data, str) or not data:
        if isinstance(given, str) and given and not data:
            return part
        raise place.error(
            f"needs 'file_data', a data: or http(s) URL, or a 'file_id'; it is {data!r:.100}"
        )
    media_type = file.get("format")
    if not media.is_link(data):
        data = f"data:{media_type or 'application/pdf'};base64,{data}"
    media_type = media_type or media.type_of(data)
    kind = _TYPES.get(media.kind_of(media_type, data), "file")
    if kind != "file":
        return _as_kind(kind, data, media_type, _other_fields(part, "file"))
    if data == file.get("file_data") and file.get("filename") and "format" not in file:
        return part
    kept = {n: v for n, v in file.items() if n not in {"format", "file_id", "file_data"}}
    named = kept.pop("filename", None) or media.filename(data, media_type)
    return {**part, "file": {"filename": named, "file_data": data, **kept}}


def _audio(part: dict[str, Any], place: _Place) -> dict[str, Any]:
    """Audio as bare base64 with its format; a data URL is split, a link is refused."""
    audio = part.get("input_audio")
    data = audio.get("data") if isinstance(audio, dict) else None
    if not isinstance(audio, dict) or not isinstance(data, str) or not data:
        raise place.error(f"needs 'input_audio' with base64 'data'; it is {audio!r:.100}")
    if data.startswith(("http://", "https://")):
        raise place.error(
            "takes no URL: OpenRouter reads input_audio.data as base64. Download the recording "
            "and pass its bytes"
        )
    if data.startswith("data:"):
        media_type = media.type_of(data)
        kind = _TYPES.get(media.kind_of(media_type, data), "input_audio")
        if kind != "input_audio":
            return _as_kind(kind, data, media_type, _other_fields(part, "input_audio"))
        form = audio.get("format") or media.audio_format(media_type)
        audio = {**audio, "data": media.base64_of(data), "format": form}
        part = {**part, "input_audio": audio}
    if not isinstance(audio.get("format"), str) or not audio["format"]:
        raise place.error("needs input_audio.format, such as 'wav' or 'mp3'")
    return part


_CONVERTERS: Final[dict[str, Callable[[dict[str, Any], _Place], dict[str, Any]]]] = {
    "image_url": _link,
    "video_url": _link,
    "input_video": _link,
    "file": _file,
    "input_audio": _audio,
}


def _as_kind(kind: str, link: str, media_type: str, others: dict[str, Any]) -> dict[str, Any]:
    """A part converted to another type."""
    if kind == "input_audio":
        value = {"data": media.base64_of(link), "format": media.audio_format(media_type)}
    elif kind == "file":
        value = {"filename": media.filename(link, media_type), "file_data": link}
    else:
        value = {"url": link}
    return {**others, "type": kind, kind: value}


def _other_fields(part: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name not in {"type", field}}
