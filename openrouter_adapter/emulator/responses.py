"""`/responses`, OpenAI's Responses API: how its requests become chats."""

from __future__ import annotations

from typing import Any

from . import responses_format
from .bodies import check
from .errors import invalid_body
from .inference import Form, conversation

# Fields that mean the same on both endpoints.
_SHARED = (
    *("model", "models", "provider", "plugins", "transforms", "preset", "route", "modalities"),
    *("temperature", "top_p", "stream", "stop", "reasoning", "image_config", "cache_control"),
)
_PARTS = {"input_text": "text", "output_text": "text", "refusal": "text"}


def chat_body(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a chat that asks for the same.

    Raises:
        ApiError: 400 for fields that only the Responses API refuses.
    """
    if body.get("input") in (None, "", []):
        raise invalid_body('Input required: specify "input"')
    if body.get("previous_response_id") is not None:
        raise invalid_body("previous_response_id: Invalid input: responses are not stored")
    if body.get("store"):
        raise invalid_body("store: Invalid input: expected false")
    asked = {name: body[name] for name in _SHARED if body.get(name) is not None}
    asked["messages"] = _messages(body)
    if body.get("max_output_tokens") is not None:
        asked["max_tokens"] = body["max_output_tokens"]
    check("tools", body.get("tools"), [dict])
    if body.get("tools"):
        asked["tools"] = [_chat_tool(tool) for tool in body["tools"]]
    choice = body.get("tool_choice")
    if choice is not None:
        asked["tool_choice"] = _chat_choice(choice)
    wanted = (body.get("text") or {}).get("format") or {}
    if wanted.get("type") == "json_schema":
        schema = {name: value for name, value in wanted.items() if name != "type"}
        asked["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif wanted.get("type") == "json_object":
        asked["response_format"] = wanted
    return asked


def _messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    given = body["input"]
    if not isinstance(given, (str, list)):
        raise invalid_body("input: Invalid input: expected string or array")
    messages: list[dict[str, Any]] = []
    if body.get("instructions"):
        messages.append({"role": "system", "content": body["instructions"]})
    if isinstance(given, str):
        return [*messages, {"role": "user", "content": given}]
    for place, item in enumerate(given):
        if not isinstance(item, dict):
            raise invalid_body(f"input.{place}: Invalid input")
        _add(messages, item, place)
    return messages


def _add(messages: list[dict[str, Any]], item: dict[str, Any], place: int) -> None:
    kind = item.get("type", "message")
    if kind == "message":
        content = _content(item.get("content"))
        last = messages[-1] if messages else {}
        if item.get("role") == "assistant" and last.get("content", "") is None:
            last["content"] = content
        else:
            messages.append({"role": item.get("role"), "content": content})
    elif kind == "reasoning":
        _assistant(messages).setdefault("reasoning_details", []).extend(_details(item))
    elif kind == "function_call":
        if not isinstance(item.get("call_id"), str) or not isinstance(item.get("arguments"), str):
            raise invalid_body(f"input.{place}.call_id: Invalid input: expected string")
        function = {"name": item.get("name"), "arguments": item["arguments"]}
        call = {"id": item["call_id"], "type": "function", "function": function}
        _assistant(messages).setdefault("tool_calls", []).append(call)
    elif kind == "function_call_output":
        result = _content(item.get("output"))
        messages.append({"role": "tool", "tool_call_id": item.get("call_id"), "content": result})


def _assistant(messages: list[dict[str, Any]]) -> dict[str, Any]:
    if not messages or messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant", "content": None})
    return messages[-1]


def _content(content: Any) -> Any:
    if not isinstance(content, list):
        return content
    return [_part(part) if isinstance(part, dict) else part for part in content]


def _part(part: dict[str, Any]) -> dict[str, Any]:
    kind = part.get("type")
    cached = {"cache_control": part["cache_control"]} if "cache_control" in part else {}
    if isinstance(kind, str) and kind in _PARTS:
        return {"type": "text", "text": part.get("text") or part.get("refusal") or "", **cached}
    if kind == "input_image":
        return {"type": "image_url", "image_url": {"url": part.get("image_url")}, **cached}
    if kind == "input_file":
        named = {name: part[name] for name in ("filename", "file_data", "file_id") if name in part}
        return {"type": "file", "file": named, **cached}
    return part


def _details(item: dict[str, Any]) -> list[dict[str, Any]]:
    form = item.get("format") or "unknown"
    details: list[dict[str, Any]] = [
        {"type": "reasoning.text", "text": part.get("text"), "format": form, "index": 0}
        for part in item.get("content") or ()
    ]
    if details and item.get("signature") is not None:
        details[-1]["signature"] = item["signature"]
    if item.get("encrypted_content") is not None:
        data = item["encrypted_content"]
        details.append({"type": "reasoning.encrypted", "data": data, "format": form, "index": 0})
    return details


def _chat_tool(tool: Any) -> Any:
    if not isinstance(tool, dict) or tool.get("type") != "function":
        return tool
    if not isinstance(tool.get("name"), str):
        raise invalid_body("tools.0.name: Invalid input: expected string, received undefined")
    return {"type": "function", "function": {n: v for n, v in tool.items() if n != "type"}}


def _chat_choice(choice: Any) -> Any:
    if isinstance(choice, dict) and "name" in choice:
        return {"type": "function", "function": {"name": choice["name"]}}
    return choice


FORM = Form("/responses", chat_body, responses_format.whole, responses_format.stream)
ROUTES = (conversation(FORM),)
