"""`/messages`, Anthropic's Messages API: how its requests become chats."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import orjson

from . import messages_citations, messages_format, messages_thinking
from .bodies import check, check_object, invalid_option
from .errors import anthropic_error, invalid_body
from .inference import Form, conversation

if TYPE_CHECKING:
    from collections.abc import Iterator

# Fields that mean the same on both endpoints.
_SHARED = (
    *("model", "models", "provider", "plugins", "route", "stream", "cache_control"),
    *("temperature", "top_p", "top_k", "max_tokens", "service_tier", "user", "session_id", "trace"),
)
_ROLES = ("user", "assistant", "system")
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_MAX_FALLBACKS = 3
# Tools that OpenRouter or the provider runs, by the start of their type.
_SERVER_TOOLS = {"web_search_": "openrouter:web_search", "advisor_": "openrouter:advisor"}
# Blocks that only have text for the model, from an earlier turn of a server tool.
_OF_SERVER_TOOLS = (
    *("server_tool_use", "web_search_tool_result", "web_fetch_tool_result", "advisor_tool_result"),
    *("openrouter_shell_tool_result", "openrouter_bash_tool_result", "compaction"),
    *("tool_addition", "tool_removal", "tool_reference", "container_upload"),
)


def chat_body(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a chat that asks for the same.

    Raises:
        ApiError: 400 for a body that OpenRouter or Anthropic refuses.
    """
    asked = {name: body[name] for name in _SHARED if body.get(name) is not None}
    if body.get("fallbacks"):
        asked["models"] = _fallbacks(body)
    asked["messages"] = _messages(body)
    if body.get("stop_sequences"):
        asked["stop"] = body["stop_sequences"]
    check("tools", body.get("tools"), [dict])
    tools = [_tool(tool, place) for place, tool in enumerate(body.get("tools") or ())]
    if tools:
        asked["tools"] = tools
    _choose(asked, body.get("tool_choice"))
    output = body.get("output_config") or {}
    check("output_config", output, {"effort": str, "format": {"type": str, "schema": dict}})
    wanted = output.get("format") or {}
    if wanted.get("type") == "json_schema":
        schema = {"name": "output", "schema": wanted.get("schema")}
        asked["response_format"] = {"type": "json_schema", "json_schema": schema}
    asked["reasoning"] = messages_thinking.wish(body, output.get("effort"))
    if str(body.get("model")).startswith("anthropic/"):
        _check_as_anthropic(body)
    return asked


def _fallbacks(body: dict[str, Any]) -> list[str]:
    given = body["fallbacks"]
    check("fallbacks", given, [{"model": str}])
    if body.get("models"):
        raise invalid_body("fallbacks: Invalid input: cannot be combined with models")
    if len(given) > _MAX_FALLBACKS:
        raise invalid_body(f"fallbacks: Too big: expected array to have <={_MAX_FALLBACKS} items")
    for place, one in enumerate(given):
        if set(one) != {"model"}:
            raise invalid_body(f"fallbacks.{place}: Invalid input: only model is supported")
    return [one["model"] for one in given]


def _choose(asked: dict[str, Any], choice: Any) -> None:
    if choice is None:
        return
    check("tool_choice", choice, {"type": str, "name": str})
    kind = choice.get("type")
    if kind == "tool":
        asked["tool_choice"] = {"type": "function", "function": {"name": choice.get("name")}}
    elif kind in _CHOICES:
        asked["tool_choice"] = _CHOICES[kind]
    else:
        raise invalid_option("tool_choice.type", (*_CHOICES, "tool"))
    if choice.get("disable_parallel_tool_use"):
        asked["parallel_tool_calls"] = False


def _tool(tool: dict[str, Any], place: int) -> dict[str, Any]:
    kind = tool.get("type") or "custom"
    cached = {"cache_control": tool["cache_control"]} if tool.get("cache_control") else {}
    for start, name in _SERVER_TOOLS.items():
        if kind.startswith(start):
            domains = tool.get("allowed_domains")
            return {"type": name, "parameters": {"allowed_domains": domains}, **cached}
    if ":" in kind:
        return tool
    if not isinstance(tool.get("name"), str):
        raise invalid_body(f"tools.{place}.name: Invalid input: expected string")
    if kind == "custom" and not isinstance(tool.get("input_schema"), dict):
        raise invalid_body(f"tools.{place}.input_schema: Invalid input: expected object")
    function = {
        "name": tool["name"],
        "description": tool.get("description") or "",
        "parameters": tool.get("input_schema") or {},
    }
    return {"type": "function", "function": function, **cached}


def _messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    given = body.get("messages")
    check("messages", given, list)
    if not given:
        raise invalid_body("messages: Invalid input: expected array with >=1 items")
    made: list[dict[str, Any]] = []
    if body.get("system"):
        made.append({"role": "system", "content": _content(body["system"], "system")})
    for place, message in enumerate(given):
        path = f"messages.{place}"
        role = check_object(message).get("role")
        if role not in _ROLES:
            raise invalid_option(f"{path}.role", _ROLES)
        content = message.get("content")
        if role == "assistant" and isinstance(content, list):
            made.append(_assistant(content, path))
        elif isinstance(content, list):
            made += _turn(role, content, path)
        else:
            made.append({"role": role, "content": _content(content, f"{path}.content")})
    return made


def _turn(role: str, content: list[Any], path: str) -> Iterator[dict[str, Any]]:
    """Yield the results of tools, and then what else the caller says."""
    said: list[dict[str, Any]] = []
    for place, block in enumerate(content):
        below = f"{path}.content.{place}"
        if not isinstance(block, dict) or block.get("type") != "tool_result":
            said += _parts(block, below)
            continue
        if not isinstance(block.get("tool_use_id"), str):
            raise invalid_body(f"{below}.tool_use_id: Invalid input: expected string")
        result = _content(block.get("content") or "", f"{below}.content")
        cached = {"cache_control": block["cache_control"]} if block.get("cache_control") else {}
        yield {"role": "tool", "tool_call_id": block["tool_use_id"], "content": result, **cached}
    if said:
        yield {"role": role, "content": said}


def _assistant(content: list[Any], path: str) -> dict[str, Any]:
    said: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    details: list[dict[str, Any]] = []
    for place, block in enumerate(content):
        below = f"{path}.content.{place}"
        kind = block.get("type") if isinstance(block, dict) else None
        if kind in {"thinking", "redacted_thinking"}:
            details += messages_thinking.detail(block, below)
        elif kind == "tool_use":
            for name in ("id", "name"):
                if not isinstance(block.get(name), str):
                    raise invalid_body(f"{below}.{name}: Invalid input: expected string")
            arguments = orjson.dumps(block.get("input") or {}).decode()
            function = {"name": block["name"], "arguments": arguments}
            calls.append({"id": block["id"], "type": "function", "function": function})
        else:
            said += _parts(block, below)
    message: dict[str, Any] = {"role": "assistant", "content": said or None}
    if calls:
        message["tool_calls"] = calls
    if details:
        message["reasoning_details"] = details
    return message


def _content(content: Any, path: str) -> Any:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise invalid_body(f"{path}: Invalid input: expected string or array")
    return [part for place, one in enumerate(content) for part in _parts(one, f"{path}.{place}")]


def _parts(block: Any, path: str) -> Iterator[dict[str, Any]]:
    """Yield the parts of a chat's message that stand for a block."""
    kind = check_object(block).get("type")
    cached = {"cache_control": block["cache_control"]} if block.get("cache_control") else {}
    if kind == "text":
        yield {"type": "text", "text": block.get("text"), **cached}
    elif kind == "image":
        yield {"type": "image_url", "image_url": {"url": _url(block, path, "image/")}, **cached}
    elif kind == "document":
        check(f"{path}.citations", block.get("citations"), {"enabled": bool})
        parts = list(_document(block, path))
        yield from parts[:-1]
        yield {**parts[-1], **cached}
    elif kind == "search_result":
        check(f"{path}.content", block.get("content"), [{"text": str}])
        texts = [one["text"] for one in block.get("content") or ()]
        yield {"type": "document", "text": "\n".join(texts), **cached}
    elif kind in _OF_SERVER_TOOLS:
        yield {"type": "document", "text": orjson.dumps(block).decode(), **cached}
    else:
        raise invalid_body(f"{path}.type: Invalid input: received {kind}")


def _document(block: dict[str, Any], path: str) -> Iterator[dict[str, Any]]:
    source = block.get("source") or {}
    check(f"{path}.source", source, {"type": str})
    kind = source.get("type")
    name = block.get("title") or "document.pdf"
    if kind in {"base64", "url"}:
        url = _url(block, path, "application/pdf")
        yield {"type": "file", "file": {"filename": name, "file_data": url}}
    elif kind == "text":
        yield {"type": "document", "text": messages_citations.text_of(block)}
    elif kind == "content":
        content: Any = source.get("content")
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        check(f"{path}.source.content", content or 0, [dict])
        for place, part in enumerate(content):
            for made in _parts(part, f"{path}.source.content.{place}"):
                is_text = made["type"] == "text"
                yield {"type": "document", "text": made["text"]} if is_text else made
    elif kind == "file":
        yield {"type": "file", "file": {"filename": name, "file_id": source.get("file_id")}}
    else:
        raise invalid_option(f"{path}.source.type", ("base64", "url", "text", "content", "file"))


def _url(block: dict[str, Any], path: str, media: str) -> str:
    """Return the URL of a source, a data URL for base64."""
    source = block.get("source")
    check(f"{path}.source", source, {"type": str, "url": str, "data": str, "media_type": str})
    if source and source.get("type") == "url" and source.get("url"):
        return str(source["url"])
    if not source or source.get("type") != "base64":
        raise invalid_option(f"{path}.source.type", ("base64", "url"))
    if not str(source.get("media_type")).startswith(media):
        raise invalid_body(f"{path}.source.media_type: Invalid input: expected {media}")
    try:
        if not b64decode(source.get("data") or "", validate=True):
            raise invalid_body(f"{path}.source.data: Invalid input: the data is empty")
    except binascii.Error:
        raise invalid_body(f"{path}.source.data: Invalid input: expected base64") from None
    return f"data:{source['media_type']};base64,{source['data']}"


def _check_as_anthropic(body: dict[str, Any]) -> None:
    """Refuse tools' results that do not follow their calls, as Anthropic does."""
    called: list[str] = []
    for place, message in enumerate(body["messages"]):
        content = message["content"]
        blocks = content if isinstance(content, list) else []
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        for result in results:
            if result not in called:
                raise anthropic_error(
                    "Anthropic",
                    f"messages.{place}.content.0: unexpected `tool_use_id` found in `tool_result` "
                    f"blocks: {result}. Each `tool_result` block must have a corresponding "
                    "`tool_use` block in the previous message.",
                )
        missing = [call for call in called if call not in results]
        if missing:
            raise anthropic_error(
                "Anthropic",
                f"messages.{place}: `tool_use` ids were found without `tool_result` blocks "
                f"immediately after: {', '.join(missing)}. Each `tool_use` block must have a "
                "corresponding `tool_result` block in the next message.",
            )
        called = [block["id"] for block in blocks if block["type"] == "tool_use"]


FORM = Form(
    "/messages",
    chat_body,
    messages_format.whole,
    messages_format.stream,
    error=messages_format.error,
    event=messages_format.event,
)
ROUTES = (conversation(FORM),)
