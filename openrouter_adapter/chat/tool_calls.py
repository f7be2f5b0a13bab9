"""Assembles the tool calls of a streamed choice from their pieces.

A piece belongs to the call with its index, or with its id if the index is missing or wrong.
Providers omit both, repeat them, share them between calls and send them late, so a piece may also
begin another call under an index or an id that is in use: see `_Call.is_followed_by`.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

import orjson

from openrouter_adapter.wire.completion import new_tool_call_id

if TYPE_CHECKING:
    from collections.abc import Hashable

_IN_STRING: Final = re.compile(r'["\\]')
_OUTSIDE: Final = re.compile(r'["{}\[\]]')
_PLACED: Final = frozenset({"index", "id", "function"})


class StreamedToolCalls:
    """The tool calls of one choice."""

    __slots__ = ("_by_id", "_by_index", "_calls", "_shown")

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._shown: dict[str, _Call] = {}
        # By the wire's values: the newest call if several share an index or an id.
        self._by_index: dict[Hashable, _Call] = {}
        self._by_id: dict[str, _Call] = {}

    def __bool__(self) -> bool:
        return bool(self._shown) or any(call.has_content for call in self._calls)

    @property
    def are_whole(self) -> bool:
        """Whether the arguments of all calls are complete."""
        return all(call.is_whole() or not call.begins_object for call in self._calls)

    def add(self, pieces: list[dict[str, Any]]) -> None:
        """Adds a delta's pieces, and sets the index and the id of each.

        Pieces of a call whose name or id is missing are removed from the delta: consumers expect
        both with the first piece. A later piece includes what was removed.
        """
        if len(pieces) == 1 and self._goes_on(pieces[0]):
            return
        newest: list[_Call] = []
        if len(pieces) > 1 and not any(map(_is_identified, pieces)):
            # Only their order identifies their calls.
            newest = self._calls[-len(pieces) :]
        pieces[:] = [piece for piece, call in zip_longest(pieces, newest) if self._add(piece, call)]

    def _goes_on(self, piece: dict[str, Any]) -> bool:
        """Adds a piece that has only an index and arguments, as almost all do; False for any other.

        Takes a third of the time of the checks below.
        """
        function = piece.get("function")
        if len(piece) != 2 or not isinstance(function, dict) or len(function) != 1:
            return False
        call, text = self._by_index.get(piece.get("index")), function.get("arguments")
        if call is None or call.position is None or not isinstance(text, str):
            return False
        if len(text) == call.length:  # possibly the whole arguments, repeated
            return False
        piece["index"] = call.position
        call.go_on(text)
        return True

    def _add(self, piece: dict[str, Any], call: _Call | None) -> bool:
        function = piece.get("function")
        if not isinstance(function, dict):
            function = piece["function"] = {}
        name, given = function.get("name") or None, _id(piece.get("id"))
        text = _arguments(function)
        call = call or self._call_of(piece.get("index"), given, name, text)
        if call.repeats(given, name, text):
            text = function["arguments"] = ""
        call.add(piece, given, name, text)
        if call.position is None:
            if not (call.name and (call.wire_id or call.arguments)):
                return False
            self._show(call, piece)
            return True
        piece["index"] = call.position
        if given:
            piece["id"] = call.id
        else:
            piece.pop("id", None)
        if call.named > 1 and name:
            # Some consumers concatenate the names of all pieces.
            del function["name"]
        return True

    def _call_of(self, index: Any, given: str | None, name: str | None, text: str) -> _Call:
        call = None if index is None else self._by_index.get(index)
        known = self._by_id.get(given) if given else None
        if (
            known is not None
            and (call is None or call.wire_id != given)
            and (index is None or known.goes_on_with(name, text))
        ):
            call = known
        if call is None and self._calls and (index is None or not (name or given)):
            newest = self._calls[-1]
            # A piece without name and id, under an unknown index, may begin the next call.
            if index is None or not newest.is_whole():
                call = newest
        if call is None or call.is_followed_by(given, name, text, is_known=call is known):
            call = _Call()
            self._calls.append(call)
        if index is not None:
            self._by_index[index] = call
        if given:
            self._by_id[given] = call
        return call

    def _show(self, call: _Call, piece: dict[str, Any]) -> None:
        """Makes a piece the first one of its call for consumers."""
        call.id = call.wire_id if call.wire_id and call.wire_id not in self._shown else None
        call.id = call.id or new_tool_call_id()
        call.position = len(self._shown)
        self._shown[call.id] = call
        piece |= {"index": call.position, "id": call.id}
        piece.setdefault("type", "function")
        for name, value in call.fields.items():
            piece.setdefault(name, value)
        if call.name:
            piece["function"]["name"] = call.name
        if call.arguments:
            piece["function"]["arguments"] = "".join(call.arguments)

    def close(self) -> list[dict[str, Any]]:
        """Deltas that end the calls: pieces that were removed, and `{}` for missing arguments."""
        closing: list[dict[str, Any]] = []
        for call in self._calls:
            if not call.has_content:
                continue
            is_new, is_empty = call.position is None, not call.arguments
            piece: dict[str, Any] = {"function": {}}
            if is_empty:
                call.arguments.append("{}")
                piece["function"]["arguments"] = "{}"
            if is_new:
                self._show(call, piece)
            if is_new or is_empty:
                closing.append({"index": call.position, **piece})
        return closing

    def whole(self) -> list[dict[str, Any]]:
        """The calls so far, in the form of an unstreamed answer's."""
        return [
            {
                "id": call.id,
                "type": "function",
                **call.fields,
                "index": call.position,
                "function": {"name": call.name, "arguments": "".join(call.arguments)},
            }
            for call in self._shown.values()
        ]


class _Call:
    """One call, and the rules by which a piece belongs to it.

    Attributes:
        id: Its id for consumers, the wire's or one of our own; None until they have seen it.
        wire_id: The wire's id; several calls may share one.
        position: Its index for consumers; None until they have seen it.
        pieces: The number of pieces; `named` of them had a name.
    """

    __slots__ = (
        "_object",
        "_read",
        "arguments",
        "fields",
        "id",
        "length",
        "name",
        "named",
        "pieces",
        "position",
        "wire_id",
    )

    def __init__(self) -> None:
        self.id: str | None = None
        self.wire_id: str | None = None
        self.name: str | None = None
        self.fields: dict[str, Any] = {}
        self.arguments: list[str] = []
        self.length = self.pieces = self.named = 0
        self.position: int | None = None
        self._object = _ObjectScanner()
        self._read = 0

    @property
    def has_content(self) -> bool:
        """Whether it has an id, a name, or arguments."""
        return bool(self.name or self.wire_id or self.arguments)

    @property
    def begins_object(self) -> bool:
        """Whether it has arguments, and they begin like an object."""
        return bool(self.arguments) and _opens(self.arguments[0])

    def is_whole(self) -> bool:
        """Whether the arguments so far are a JSON object.

        Reads each piece once, so that asking at every piece takes time linear in the arguments.
        """
        for piece in self.arguments[self._read :]:
            self._object.read(piece)
        self._read = len(self.arguments)
        return self._object.is_whole

    def add(self, piece: dict[str, Any], given: str | None, name: str | None, text: str) -> None:
        self.go_on(text)
        self.named += bool(name)
        self.wire_id = self.wire_id or given
        self.name = self.name or name
        for field, value in piece.items():
            if field not in _PLACED and value is not None:
                self.fields[field] = value

    def go_on(self, text: str) -> None:
        """Adds a piece's arguments."""
        self.pieces += 1
        if text:
            self.arguments.append(text)
            self.length += len(text)

    def goes_on_with(self, name: str | None, text: str) -> bool:
        """Whether a piece with the id of this call, but another index, is a piece of it."""
        return not name or (name == self.name and not self.is_whole() and not _opens(text))

    def is_followed_by(
        self, given: str | None, name: str | None, text: str, *, is_known: bool
    ) -> bool:
        """Whether a piece with the index or id of this call nevertheless begins another one.

        Args:
            given: The piece's id.
            name: The piece's function.
            text: The piece's arguments.
            is_known: Whether this call's pieces had the id before.
        """
        if name and self.name and name != self.name:
            return True
        if given and not is_known:
            if self.wire_id is None:  # the id may be late
                return self.is_whole() and bool(name or text)
            # Some providers send a new id with every piece: within arguments it begins no call.
            return self.is_whole() or (name is not None and _opens(text))
        if not name or not self.is_whole() or self.repeats(given, name, text):
            return False
        # A repeated name without arguments: some providers put it on every piece.
        return bool(text) or self.pieces > self.named > 0

    def repeats(self, given: str | None, name: str | None, text: str) -> bool:
        """Whether a piece repeats all of this call's arguments.

        Equal calls with two ids, or with none, are two calls.
        """
        is_same = given == self.wire_id if given else not name
        return (
            is_same
            and len(text) == self.length > 0
            and self.is_whole()
            and text == "".join(self.arguments)
        )


class _ObjectScanner:
    """Follows a JSON text's brackets piece by piece, each read once."""

    __slots__ = ("_depth", "_is_escaped", "_is_in_string", "is_whole")

    def __init__(self) -> None:
        self._depth = 0
        self._is_in_string = self._is_escaped = False
        self.is_whole = False

    def read(self, text: str) -> None:
        """Reads the next piece of the text, which is not empty."""
        position, self._is_escaped = int(self._is_escaped), False
        while True:
            pattern = _IN_STRING if self._is_in_string else _OUTSIDE
            match = pattern.search(text, position)
            if match is None:
                return
            position, sign = match.end(), match.group()
            if sign == '"':
                self._is_in_string = not self._is_in_string
            elif sign == "\\":
                self._is_escaped = position == len(text)
                position += 1
            else:
                self._depth += 1 if sign in "{[" else -1
                self.is_whole = self._depth == 0


def _is_identified(piece: dict[str, Any]) -> bool:
    """Whether a piece has an index, an id or a name."""
    function = piece.get("function")
    named = isinstance(function, dict) and function.get("name")
    return bool(named or piece.get("id") or piece.get("index") is not None)


def _id(given: Any) -> str | None:
    return None if given is None or given == "" else str(given)


def _arguments(function: dict[str, Any]) -> str:
    """The arguments of a piece as text, which replaces them in the piece."""
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        return arguments
    if arguments is None:
        return ""
    text = function["arguments"] = orjson.dumps(arguments).decode()
    return text


def _opens(text: str) -> bool:
    """Whether a call's arguments could begin with this text."""
    return text.lstrip()[:1] in {"", "{"}
