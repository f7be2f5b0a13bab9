"""The tool calls of a streamed choice, put together from their pieces."""

from __future__ import annotations

from typing import Any

import orjson

from openrouter_adapter.completion import new_tool_call_id


class StreamedToolCalls:
    """The tool calls of one choice, told apart by their index, or by their id where it lies."""

    __slots__ = ("_calls", "_ids", "_position_of_index")

    def __init__(self) -> None:
        self._calls: list[dict[str, Any]] = []
        self._position_of_index: dict[int, int] = {}
        self._ids: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._calls)

    def add(self, pieces: list[dict[str, Any]]) -> None:
        """Adds pieces of calls, and gives each the index and the id of its call."""
        for piece in pieces:
            call = self._call_of(piece)
            function = piece.get("function")
            if not isinstance(function, dict):
                function = piece["function"] = {}
            target = call["function"]
            if function.get("name") and not target.get("name"):
                target["name"] = function["name"]
            arguments = function.get("arguments")
            if isinstance(arguments, str):
                if arguments:
                    call["arguments"].append(arguments)
            elif arguments is not None:
                text = orjson.dumps(arguments).decode()
                function["arguments"] = text
                call["arguments"].append(text)
            for name, value in piece.items():
                if name not in {"index", "id", "function"} and value is not None:
                    call[name] = value

    def _call_of(self, piece: dict[str, Any]) -> dict[str, Any]:
        index = piece.get("index")
        if index is None:
            index = max(0, len(self._calls) - 1)
        position = self._position_of_index.get(index)
        given = piece.get("id")
        if position is not None:
            call = self._calls[position]
            function = piece.get("function")
            named = isinstance(function, dict) and function.get("name")
            # Asked of named pieces only: to read all arguments for each piece is quadratic.
            if not (named and _is_another(given, call)):
                piece["index"] = position
                if given:
                    piece["id"] = call["id"]
                return call
            # A second call under the first one's index: providers that send each call whole.
        if not given or given in self._ids:
            piece["id"] = new_tool_call_id()
        self._ids.add(piece["id"])
        call = {
            "id": piece["id"],
            "wire_id": given,
            "type": "function",
            "function": {},
            "arguments": [],
        }
        piece.setdefault("type", "function")
        piece["index"] = self._position_of_index[index] = len(self._calls)
        self._calls.append(call)
        return call

    def close(self) -> list[dict[str, Any]]:
        """Deltas that give `{}` to the calls that got no arguments at all."""
        closing = []
        for position, call in enumerate(self._calls):
            if not call["arguments"]:
                call["arguments"].append("{}")
                closing.append({"index": position, "function": {"arguments": "{}"}})
        return closing

    def whole(self) -> list[dict[str, Any]]:
        """The calls so far, in the form of an unstreamed answer's."""
        calls = []
        for position, call in enumerate(self._calls):
            kept = {n: v for n, v in call.items() if n not in {"arguments", "wire_id"}}
            function = {"name": call["function"].get("name"), "arguments": ""}
            function["arguments"] = "".join(call["arguments"])
            calls.append({**kept, "index": position, "function": function})
        return calls


def _is_another(given: str | None, call: dict[str, Any]) -> bool:
    """Whether a piece under a call's index begins another call: by its id, or as this is whole."""
    if given:
        return bool(given != call["wire_id"])
    try:
        return isinstance(orjson.loads("".join(call["arguments"])), dict)
    except orjson.JSONDecodeError:
        return False
