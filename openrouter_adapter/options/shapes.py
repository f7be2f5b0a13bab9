"""What an option may look like, read once from its type: for error messages and for slips."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from typing_extensions import get_type_hints, is_typeddict

from openrouter_adapter.options.plugins import PLUGINS, OtherPlugin
from openrouter_adapter.options.request import Options

_NAMES = {
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "an object",
    Any: "any value",
}
_WORDS_SHOWN = 12


@dataclass(frozen=True)
class Shape:
    """The type of one value.

    Attributes:
        allowed: What it may be, for an error message.
        keys: The known keys of an object, each with its shape.
        values: The shape of the values of an object whose keys are free.
        item: The shape of a list's items.
        words: The known words of a string.
    """

    allowed: str
    keys: dict[str, Shape] = field(default_factory=dict)
    values: Shape | None = None
    item: Shape | None = None
    words: frozenset[str] = frozenset()

    def of_key(self, key: object) -> Shape | None:
        """Return the shape of one of an object's values."""
        return self.keys.get(key, self.values) if isinstance(key, str) else None


@cache
def shape_of_option(name: str) -> Shape:
    """Return the shape of the option `name`."""
    return _shape(get_type_hints(Options)[name])


@cache
def shape_of_plugin(plugin_id: str) -> Shape:
    """Return the shape of a plugin; of an unknown one, what all plugins have."""
    plugin = _shape(PLUGINS.get(plugin_id, OtherPlugin))
    known = Shape(_among(tuple(PLUGINS)), words=frozenset(PLUGINS))
    return Shape(plugin.allowed, {**plugin.keys, "id": known})


def _shape(hint: Any) -> Shape:
    origin = get_origin(hint)
    if origin is Union or origin is UnionType:
        return _either([_shape(part) for part in get_args(hint) if part is not NoneType])
    if origin is Literal:
        words = get_args(hint)
        return Shape(_among(words), words=frozenset(words))
    if origin is list:
        item = _shape(get_args(hint)[0])
        return Shape(f"a list, each item {item.allowed}", item=item)
    if is_typeddict(hint):
        keys = {name: _shape(inner) for name, inner in get_type_hints(hint).items()}
        return Shape(f"an object with {', '.join(keys)}", keys=keys)
    if origin is dict:
        return Shape(_NAMES[dict], values=_shape(get_args(hint)[1]))
    return Shape(_NAMES[hint])


def _either(parts: list[Shape]) -> Shape:
    # A word list already says that it is a string.
    listed = any(part.words for part in parts)
    allowed = [part.allowed for part in parts if not (listed and part.allowed == _NAMES[str])]
    keys = {name: shape for part in parts for name, shape in part.keys.items()}
    words = frozenset(word for part in parts for word in part.words)
    items = [part.item for part in parts if part.item]
    return Shape(" or ".join(allowed), keys, item=items[0] if items else None, words=words)


def _among(words: tuple[str, ...]) -> str:
    shown = ", ".join(f'"{word}"' for word in words[:_WORDS_SHOWN])
    return f"a string such as {shown}" + (", …" if len(words) > _WORDS_SHOWN else "")
