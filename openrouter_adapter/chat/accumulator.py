"""Accumulates a stream's chunks into the completion that was streamed.

The result has the form of an unstreamed answer and is checked like one (completion.py). Work and
memory grow with the length of the answer: pieces are kept in lists and joined once.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from openrouter_adapter.chat.tool_calls import StreamedToolCalls
from openrouter_adapter.wire.completion import text_of_parts

_JOINED_DETAIL_FIELDS: Final = ("text", "summary", "data")
_DELTA_FIELDS: Final = frozenset(
    {
        "annotations",
        "audio",
        "content",
        "function_call",
        "images",
        "reasoning",
        "reasoning_details",
        "refusal",
        "role",
        "tool_calls",
    }
)
_CHOICE_FIELDS: Final = frozenset({"delta", "index", "finish_reason", "logprobs"})


class Accumulator:
    """Takes the chunks of one stream. `completion()` is the answer so far."""

    __slots__ = ("_choices", "_fields", "usage")

    def __init__(self) -> None:
        self.usage: dict[str, Any] | None = None
        self._fields: dict[str, Any] = {}
        self._choices: dict[int, _Choice] = {}

    def add(self, chunk: dict[str, Any]) -> None:
        """Adds a chunk, and repairs it for the consumers of the stream.

        Tool calls get ids and indexes of their own, annotations that were sent before are removed,
        and only the first finish reason is kept.
        """
        fields = self._fields
        for name, value in chunk.items():
            if name not in {"choices", "usage"} and value is not None:
                fields[name] = value
        usage = chunk.get("usage")
        if isinstance(usage, dict):
            self.usage = usage
        for wire in chunk["choices"]:
            index = wire.get("index") or 0
            if not isinstance(index, int):
                raise TypeError(f"a choice's index is {index!r}")
            choice = self._choices.get(index)
            if choice is None:
                choice = self._choices[index] = _Choice()
            choice.add(wire)

    @property
    def is_finished(self) -> bool:
        """Whether each choice that has begun has its finish reason."""
        return bool(self._choices) and all(c.finish_reason for c in self._choices.values())

    @property
    def text(self) -> str:
        """The first choice's content so far."""
        choice = self._choices.get(0)
        return "".join(choice.content) if choice else ""

    @property
    def head(self) -> dict[str, Any]:
        """The fields so far, without the choices: id, model, provider, usage, …."""
        return self._fields if self.usage is None else {**self._fields, "usage": self.usage}

    @property
    def has_choices(self) -> bool:
        """Whether an answer has begun."""
        return bool(self._choices)

    def has_tool_calls(self, index: int) -> bool:
        """Whether a choice has called a tool so far."""
        return index in self._choices and bool(self._choices[index].tool_calls)

    def finish_tool_calls(self) -> list[dict[str, Any]]:
        """Ends an answer whose tool calls lack a finish reason; returns the closing deltas.

        Returns none, and changes nothing, if a choice without a finish reason has no tool calls or
        incomplete arguments: such an answer is cut.
        """
        open_choices = {i: c for i, c in self._choices.items() if not c.finish_reason}
        calls = [choice.tool_calls for choice in open_choices.values()]
        if not all(one and one.are_whole for one in calls):
            return []
        closing: list[dict[str, Any]] = [
            {"index": index, "delta": {}, "finish_reason": "tool_calls"} for index in open_choices
        ]
        for wire, choice in zip(closing, open_choices.values(), strict=True):
            choice.add(wire)
        return closing

    def completion(self) -> dict[str, Any]:
        """The answer so far, in the form of an unstreamed one."""
        body = {
            **self._fields,
            "object": "chat.completion",
            "choices": [choice.whole(i) for i, choice in sorted(self._choices.items())],
        }
        if self.usage is not None:
            body["usage"] = self.usage
        return body


class _Choice:
    """One choice of the stream."""

    __slots__ = (
        "_annotations",
        "_audio",
        "_details",
        "_fields",
        "_function_call",
        "_images",
        "_logprobs",
        "_message_fields",
        "_reasoning",
        "_refusal",
        "_seen_annotations",
        "content",
        "finish_reason",
        "tool_calls",
    )

    def __init__(self) -> None:
        self.content: list[str] = []
        self.finish_reason: str | None = None
        self.tool_calls = StreamedToolCalls()
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._details: _ReasoningDetails | None = None
        self._images: list[Any] = []
        self._annotations: list[Any] = []
        self._seen_annotations: set[bytes] = set()
        self._audio: dict[str, Any] = {}
        self._function_call: dict[str, Any] = {}
        self._logprobs: dict[str, Any] = {}
        self._fields: dict[str, Any] = {}
        self._message_fields: dict[str, Any] = {}

    def add(self, wire: dict[str, Any]) -> None:
        delta = wire.get("delta")
        if not isinstance(delta, dict):
            # Some providers end a stream with a whole message, or without a delta.
            delta = wire["delta"] = {}
        for name, value in delta.items():
            if value is None:
                continue
            if name == "content":
                self.content.append(value if isinstance(value, str) else text_of_parts(value))
            elif name == "role":
                pass
            elif name == "reasoning":
                self._reasoning.append(_checked(value, str))
            elif name == "tool_calls":
                self.tool_calls.add(value)
            elif name in _DELTA_FIELDS:
                self._add_rare(name, value, delta)
            else:
                _merge(self._message_fields, name, value)
        for name, value in wire.items():
            if name not in _CHOICE_FIELDS and value is not None:
                self._fields[name] = value
        if wire.get("logprobs"):
            for name, value in wire["logprobs"].items():
                _merge(self._logprobs, name, value)
        if wire.get("finish_reason"):
            self._finish(wire, delta)

    def _add_rare(self, name: str, value: Any, delta: dict[str, Any]) -> None:
        if name == "reasoning_details":
            self._details = self._details or _ReasoningDetails()
            self._details.add(_checked(value, list))
        elif name == "refusal":
            self._refusal.append(_checked(value, str))
        elif name == "images":
            self._images.extend(_checked(value, list))
        elif name in {"audio", "function_call"}:
            target = self._audio if name == "audio" else self._function_call
            for part, piece in value.items():
                # Some providers repeat the name on every piece.
                if part != "name" or not target.get(part):
                    _merge(target, part, piece)
        elif name == "annotations":
            fresh = [note for note in _checked(value, list) if self._is_new(note)]
            self._annotations.extend(fresh)
            delta["annotations"] = fresh

    def _is_new(self, annotation: Any) -> bool:
        # Some providers repeat all citations on every chunk.
        key = orjson.dumps(annotation)
        if key in self._seen_annotations:
            return False
        self._seen_annotations.add(key)
        return True

    def _finish(self, wire: dict[str, Any], delta: dict[str, Any]) -> None:
        if self.finish_reason:
            # OpenRouter repeats it on the chunk that has the usage.
            wire["finish_reason"] = None
            return
        self.finish_reason = wire["finish_reason"]
        closing = self.tool_calls.close()
        if closing:
            delta["tool_calls"] = [*(delta.get("tool_calls") or ()), *closing]

    def whole(self, index: int) -> dict[str, Any]:
        message = {
            "role": "assistant",
            **_joined(self._message_fields),
            "content": "".join(self.content) if self.content else None,
            "refusal": "".join(self._refusal) or None,
            "reasoning": "".join(self._reasoning) or None,
        }
        rest = {
            "tool_calls": self.tool_calls.whole(),
            "annotations": self._annotations,
            "images": self._images,
            "audio": _joined(self._audio),
            "function_call": _joined(self._function_call),
        }
        message |= {name: value for name, value in rest.items() if value}
        if self._details is not None:  # an empty list, too, is sent back with the next turn
            message["reasoning_details"] = self._details.whole()
        return {
            **self._fields,
            "index": index,
            "finish_reason": self.finish_reason,
            "logprobs": _joined(self._logprobs) or None,
            "message": message,
        }


class _ReasoningDetails:
    """Reasoning details in pieces. A piece belongs to the entry of its type and index."""

    __slots__ = ("_current", "_entries")

    def __init__(self) -> None:
        self._entries: list[dict[str, Any]] = []
        self._current: dict[tuple[Any, Any], dict[str, Any]] = {}

    def add(self, pieces: list[Any]) -> None:
        for piece in pieces:
            if not isinstance(piece, dict):
                continue
            key = (piece.get("type"), piece.get("index"))
            entry = self._current.get(key)
            if entry is None or _begins_entry(entry, piece):
                entry = self._current[key] = {}
                self._entries.append(entry)
            for name, value in piece.items():
                if name in _JOINED_DETAIL_FIELDS:
                    _merge(entry, name, value)
                elif value is not None or name not in entry:
                    entry[name] = value

    def whole(self) -> list[dict[str, Any]]:
        return [_joined(entry) for entry in self._entries]


def _checked(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r:.100} is not a {kind.__name__}")
    return value


def _begins_entry(entry: dict[str, Any], piece: dict[str, Any]) -> bool:
    """Whether a piece begins another entry under its index: after a signature, or by another id."""
    if entry.get("signature") and piece.get("text"):
        return True
    return bool(piece.get("id") and entry.get("id") and piece["id"] != entry["id"])


def _merge(target: dict[str, Any], name: str, value: Any) -> None:
    """Adds a field that may come in pieces: text and lists are appended, anything else replaces."""
    if isinstance(value, str):
        pieces = target.setdefault(name, _Text())
        if isinstance(pieces, _Text):
            pieces.append(value)
            return
    elif isinstance(value, list):
        items = target.setdefault(name, [])
        if isinstance(items, list):
            items.extend(value)
            return
    if value is not None:
        target[name] = value


class _Text(list[str]):
    """Pieces of a text, to be joined."""


def _joined(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with their pieces of text joined."""
    return {
        name: "".join(value) if isinstance(value, _Text) else value
        for name, value in fields.items()
    }
