"""The parts of an input item's content, each in the form in which models read it.

The Responses API's counterpart of chat/parts.py, whose parts have other names and fields. See
https://openrouter.ai/docs/api-reference/responses-api/overview.
"""

from __future__ import annotations

from typing import Any, Final

from openrouter_adapter.wire import errors, media

# The fields that may hold a part's content; one of them is required.
_SOURCES: Final = {
    "input_text": ("text",),
    "input_image": ("image_url", "file_id"),
    "input_video": ("video_url",),
    "input_file": ("file_data", "file_url", "file_id"),
}
_OF_KINDS: Final = frozenset(
    {"type", "detail", "filename", "input_audio"}.union(*_SOURCES.values())
)
_KINDS: Final[dict[Any, media.Kind]] = {
    "input_image": "image",
    "input_video": "video",
    "input_file": "file",
    "input_audio": "audio",
}


def to_wire(item: Any, position: int, model: str = "") -> Any:
    """An input item with its parts in OpenRouter's form; the same item if they need no conversion.

    Raises:
        litellm.BadRequestError: a part of a known type lacks a field that OpenRouter requires.
    """
    if not isinstance(item, dict):
        return item
    for field in ("content", "output"):
        parts = item.get(field)
        if isinstance(parts, list):
            where = f"input[{position}].{field}"
            sent = [_part(part, f"{where}[{i}]", model) for i, part in enumerate(parts)]
            item = {**item, field: sent}
    return item


def _part(part: Any, where: str, model: str) -> Any:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "input_audio":
        return _audio(part, where, model)
    sources = _SOURCES.get(kind) if isinstance(kind, str) else None
    if sources is None:
        return part
    given = next((part[name] for name in sources if name in part), None)
    if not isinstance(given, str) or (not given and kind != "input_text"):
        needed = " or ".join(map(repr, sources))
        raise errors.bad_request(f"{where}: a part of type {kind!r} needs a text {needed}", model)
    if kind == "input_text" or not media.is_link(given):
        return part
    media_type = media.type_of(given)
    holds = media.kind_of(media_type, given)
    if holds is None or holds == _KINDS[kind]:
        return part
    return _as_kind(holds, given, media_type, part)


def _audio(part: dict[str, Any], where: str, model: str) -> dict[str, Any]:
    audio = part.get("input_audio")
    data = audio.get("data") if isinstance(audio, dict) else None
    if not isinstance(audio, dict) or not isinstance(data, str) or not data:
        raise _bad_audio("'input_audio' with base64 'data'", where, model)
    if data.startswith("data:"):
        media_type = media.type_of(data)
        holds = media.kind_of(media_type, data) or "audio"
        if holds != "audio":
            return _as_kind(holds, data, media_type, part)
        form = media.audio_format(media_type)
        audio = {"format": form, **audio, "data": media.base64_of(data)}
    elif media.is_link(data):
        raise _bad_audio("base64 'data', not a URL: download the recording", where, model)
    if not audio.get("format"):
        raise _bad_audio("a 'format', such as 'wav' or 'mp3'", where, model)
    return {**part, "input_audio": audio}


def _bad_audio(needed: str, where: str, model: str) -> Exception:
    return errors.bad_request(f"{where}: a part of type 'input_audio' needs {needed}", model)


def _as_kind(kind: media.Kind, link: str, media_type: str, part: dict[str, Any]) -> dict[str, Any]:
    """A part of the kind that a link or a data URL holds, without the fields of its old kind."""
    made: dict[str, Any] = {name: value for name, value in part.items() if name not in _OF_KINDS}
    if kind == "image":
        made |= {"type": "input_image", "image_url": link, "detail": "auto"}
    elif kind == "video":
        made |= {"type": "input_video", "video_url": link}
    elif kind == "audio":
        audio = {"data": media.base64_of(link), "format": media.audio_format(media_type)}
        made |= {"type": "input_audio", "input_audio": audio}
    else:
        field = "file_data" if link.startswith("data:") else "file_url"
        name = media.filename(link, media_type)
        made |= {"type": "input_file", "filename": name, field: link}
    return made
