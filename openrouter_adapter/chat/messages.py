"""Messages on their way out: LiteLLM's and OpenAI's forms → what OpenRouter takes.

The caller's messages are never changed: a message that needs nothing is sent as the object it
is, any other is a new dict around the caller's own values.
"""

from __future__ import annotations

import logging
import mimetypes
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import unquote, urlsplit

import orjson

from openrouter_adapter import errors
from openrouter_adapter.chat import reasoning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

logger = logging.getLogger("openrouter_adapter")

# Anthropic takes this many cache breakpoints in a request:
# https://openrouter.ai/docs/features/prompt-caching
MOST_BREAKPOINTS: Final = 4

# Where a breakpoint is: the body's field, the item in it, the part of a message.
_Place: TypeAlias = "tuple[str, int, int | None]"

# Fields of a response's message that are LiteLLM's, or other views of what is sent anyway.
_NOT_SENT: Final = frozenset(
    {
        "provider_specific_fields",
        "thinking_blocks",
        "reasoning_content",
        "reasoning_items",
        "function_call",
    }
)


def to_wire(messages: Sequence[Any], model: str = "") -> list[Any]:
    """The messages as OpenRouter takes them.

    Roles stay as given. An assistant message that came out of a response goes back complete.
    `cache_control` on a message moves to its last text part.

    Raises:
        litellm.BadRequestError: a part that can't be sent, such as audio by URL.
    """
    return [_message(_as_dict(message), model) for message in messages]


def limit_breakpoints(body: dict[str, Any]) -> None:
    """Keeps an Anthropic request within four cache breakpoints: tools, system, then the newest.

    The oldest breakpoints of the conversation give way, since what they marked is a prefix of
    what the newer ones mark. Agents that mark each turn would be refused otherwise.
    """
    if "claude" not in body["model"] and "anthropic/" not in body["model"]:
        return
    allowed = MOST_BREAKPOINTS - ("cache_control" in body)
    tools = enumerate(body.get("tools") or ())
    marked: list[_Place] = [("tools", i, None) for i, tool in tools if _marked(tool)]
    conversation: list[_Place] = []
    for i, message in enumerate(body["messages"]):
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list):
            places: list[_Place] = [
                ("messages", i, j) for j, part in enumerate(content) if _marked(part)
            ]
            system = message.get("role") in {"system", "developer"}
            (marked if system else conversation).extend(places)
    excess = len(marked) + len(conversation) - allowed
    if excess <= 0:
        return
    logger.warning(
        "%d cache breakpoints, Anthropic takes %d: the %d oldest are left out",
        len(marked) + len(conversation),
        allowed,
        excess,
    )
    for place in (conversation + marked[::-1])[:excess]:
        _unmark(body, *place)


def _marked(part: Any) -> bool:
    return isinstance(part, dict) and "cache_control" in part


def _unmark(body: dict[str, Any], field: str, index: int, part: int | None) -> None:
    body[field] = list(body[field])
    item = body[field][index] = dict(body[field][index])
    if part is not None:
        parts = item["content"] = list(item["content"])
        item = parts[part] = dict(parts[part])
    del item["cache_control"]


def _as_dict(message: Any) -> Any:
    return message.model_dump() if hasattr(message, "model_dump") else message


def _message(message: Any, model: str) -> Any:
    if not isinstance(message, dict):
        return message
    if message.get("role") == "assistant":
        message = _assistant(message)
    content = message.get("content")
    if isinstance(content, list):
        parts = [_part(part, model) for part in content]
        if any(new is not old for new, old in zip(parts, content, strict=True)):
            message = {**message, "content": parts}
    if "cache_control" in message:
        message = _cache_control_on_part(message)
    return message


def _assistant(message: dict[str, Any]) -> dict[str, Any]:
    """An assistant message with what LiteLLM added taken off and what OpenRouter needs put back."""
    specific = message.get("provider_specific_fields")
    specific = specific if isinstance(specific, dict) else {}
    sent = {
        name: value
        for name, value in message.items()
        if name not in _NOT_SENT and (value is not None or name == "content")
    }
    if message.get("function_call"):
        sent["function_call"] = message["function_call"]
    if sent.get("tool_calls"):
        sent["tool_calls"] = [_tool_call(call) for call in sent["tool_calls"]]
    _put_back_reasoning(sent, message, specific)
    return sent


def _put_back_reasoning(
    sent: dict[str, Any], message: Mapping[str, Any], specific: Mapping[str, Any]
) -> None:
    blocks = message.get("thinking_blocks")
    details = message.get("reasoning_details") or specific.get("reasoning_details")
    content = sent.get("content")
    if isinstance(content, list) and any(map(_is_thinking, content)):
        # Anthropic's own form has its thinking among the parts.
        blocks = blocks or [part for part in content if _is_thinking(part)]
        sent["content"] = [part for part in content if not _is_thinking(part)]
    if not details and blocks:
        details = reasoning.details_of_blocks(blocks)
    sent.pop("reasoning_details", None)
    if details:
        # The details say all; the text beside them would be a second, unsigned telling.
        sent.pop("reasoning", None)
        details = reasoning.sendable(details)
        if details:
            sent["reasoning_details"] = details
    elif "reasoning" not in sent:
        text = message.get("reasoning_content") or specific.get("reasoning")
        if text:
            sent["reasoning"] = text


def _is_thinking(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") in {"thinking", "redacted_thinking"}


def _tool_call(call: Any) -> Any:
    call = _as_dict(call)
    if not isinstance(call, dict):
        return call
    function = call.get("function")
    function = function if isinstance(function, dict) else {"arguments": ""}
    arguments = function.get("arguments")
    if isinstance(arguments, str) and "index" not in call:
        return call
    sent = {name: value for name, value in call.items() if name != "index"}
    if not isinstance(arguments, str):
        text = "{}" if arguments is None else orjson.dumps(arguments).decode()
        sent["function"] = {**function, "arguments": text}
    return sent


def _cache_control_on_part(message: dict[str, Any]) -> dict[str, Any]:
    """The message with its `cache_control` on its last text part, where OpenRouter reads it."""
    content = message.get("content")
    rest = {name: value for name, value in message.items() if name != "cache_control"}
    mark = {"cache_control": message["cache_control"]}
    if isinstance(content, str) and content:
        return {**rest, "content": [{"type": "text", "text": content, **mark}]}
    if isinstance(content, list) and content:
        texts = [i for i, part in enumerate(content) if _type(part) == "text"]
        last = texts[-1] if texts else len(content) - 1
        if isinstance(content[last], dict):
            parts = list(content)
            parts[last] = {**mark, **content[last]}
            return {**rest, "content": parts}
    return rest


def _type(part: Any) -> str | None:
    return part.get("type") if isinstance(part, dict) else None


def _part(part: Any, model: str) -> Any:
    kind = _type(part)
    if kind in {"image_url", "video_url"}:
        return _link(part, str(kind))
    if kind == "file":
        return _file(part, model)
    if kind == "input_audio":
        return _audio(part, model)
    return part


def _link(part: dict[str, Any], kind: str) -> dict[str, Any]:
    link = part.get(kind)
    if isinstance(link, str):
        return {**part, kind: {"url": link}}
    if isinstance(link, dict) and "format" in link:
        # LiteLLM's own hint for other providers.
        return {**part, kind: {name: value for name, value in link.items() if name != "format"}}
    return part


def _file(part: dict[str, Any], model: str) -> dict[str, Any]:
    """A file part with `file_data` and `filename`; LiteLLM's `file_id` may be a URL.

    Images and videos given as files become the parts that models read them from.
    """
    file = part.get("file")
    if not isinstance(file, dict):
        raise _bad("a part of type 'file' needs a 'file' object with 'file_data'", model)
    media_type = file.get("format")
    data = file.get("file_data")
    if not data and _is_link(file.get("file_id")):
        data = file["file_id"]
    if not isinstance(data, str):
        return part
    if not _is_link(data):
        data = f"data:{media_type or 'application/pdf'};base64,{data}"
    media_type = media_type or _media_type(data)
    beside = {name: value for name, value in part.items() if name not in {"type", "file"}}
    if media_type.startswith("image/"):
        return {**beside, "type": "image_url", "image_url": {"url": data}}
    if media_type.startswith("video/"):
        return {**beside, "type": "video_url", "video_url": {"url": data}}
    if data == file.get("file_data") and file.get("filename") and "format" not in file:
        return part
    kept = {n: v for n, v in file.items() if n not in {"format", "file_id", "file_data"}}
    named = kept.pop("filename", None) or _filename(data, media_type)
    return {**part, "file": {"filename": named, "file_data": data, **kept}}


def _is_link(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("data:", "http://", "https://"))


def _media_type(link: str) -> str:
    if link.startswith("data:"):
        return link[5 : link.find(",", 5, 300)].split(";", 1)[0]
    return mimetypes.guess_type(urlsplit(link).path)[0] or ""


def _filename(link: str, media_type: str) -> str:
    if not link.startswith("data:"):
        name = unquote(urlsplit(link).path.rsplit("/", 1)[-1])
        if name:
            return name
    return "document" + (mimetypes.guess_extension(media_type) or ".pdf")


def _audio(part: dict[str, Any], model: str) -> dict[str, Any]:
    """Audio as bare base64 with its format; a data URL is taken apart, a link is refused."""
    audio = part.get("input_audio")
    data = audio.get("data") if isinstance(audio, dict) else None
    if not isinstance(data, str) or not isinstance(audio, dict):
        return part
    if data.startswith(("http://", "https://")):
        raise _bad(
            "input_audio.data must be base64: OpenRouter takes no audio by URL. "
            "Download it and pass its bytes",
            model,
        )
    if not data.startswith("data:"):
        return part
    subtype = _media_type(data).partition("/")[2]
    known = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "mp4": "m4a", "x-m4a": "m4a"}
    form = audio.get("format") or known.get(subtype, subtype)
    kept = {**audio, "data": data.partition(",")[2], "format": form}
    return {**part, "input_audio": kept}


def _bad(message: str, model: str) -> Exception:
    return errors.bad_request(message, model)
