"""The whole message of a recorded stream, put together apart from any adapter."""

from __future__ import annotations

from typing import Any

GROWING = ("text", "summary", "data")


def whole_message(events: list[Any]) -> dict[str, Any]:
    """Return content, reasoning, tool calls and reasoning details of a stream's first choice."""
    deltas = [
        choice["delta"]
        for event in events
        for choice in event.get("choices") or ()
        if choice["index"] == 0
    ]
    return {
        "content": "".join(delta.get("content") or "" for delta in deltas),
        "reasoning_content": "".join(delta.get("reasoning") or "" for delta in deltas),
        "tool_calls": whole_tool_calls(deltas),
        "reasoning_details": whole_details(deltas),
    }


def whole_tool_calls(deltas: list[Any]) -> list[tuple[str, dict[str, str]]]:
    """Return id and function of each tool call, its arguments joined."""
    calls: dict[int, tuple[str, dict[str, str]]] = {}
    for delta in deltas:
        for piece in delta.get("tool_calls") or ():
            function = piece.get("function") or {}
            if piece["index"] not in calls:
                calls[piece["index"]] = (piece["id"], {"name": function["name"], "arguments": ""})
            calls[piece["index"]][1]["arguments"] += function.get("arguments") or ""
    return list(calls.values())


def whole_details(deltas: list[Any]) -> list[dict[str, Any]]:
    """Return the reasoning details, the pieces of one type and index joined."""
    details: dict[tuple[str, int], dict[str, Any]] = {}
    for delta in deltas:
        for piece in delta.get("reasoning_details") or ():
            whole = details.setdefault((piece["type"], piece.get("index", 0)), {})
            for name, value in piece.items():
                if name in GROWING:
                    whole[name] = whole.get(name, "") + (value or "")
                elif value or name not in whole:
                    whole[name] = value
    return [without_empty(detail) for detail in details.values()]


def without_empty(detail: dict[str, Any]) -> dict[str, Any]:
    """Return a detail without null and "": streams start entries with such values."""
    return {name: value for name, value in detail.items() if value not in (None, "")}
