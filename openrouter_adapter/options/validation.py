"""Validation of options: against their types, by pydantic, and against each other.

The caller's values are read and never changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from typing_extensions import get_type_hints, is_typeddict

from openrouter_adapter.options.names import warn_of_slips
from openrouter_adapter.options.plugins import PLUGINS, OtherPlugin
from openrouter_adapter.options.request import Options

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic_core import ErrorDetails

# From OpenRouter's page on parameters; the type has been checked.
_RANGES: dict[str, tuple[float, float]] = {
    "top_k": (0, float("inf")),
    "top_a": (0, 1),
    "min_p": (0, 1),
    "repetition_penalty": (0, 2),
}
_LONGEST_SESSION_ID = 256
_NAMES = {
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "an object",
    Any: "any value",
}
_WORDS_SHOWN = 12
_SLUGS_SHOWN = 5
_LONGEST_SHOWN = 40
# Values below these keys may be secrets or a person's text.
_PRIVATE = frozenset(
    {
        "classifier_context",
        "options",
        "prompt_cache_key",
        "rules",
        "search_prompt",
        "session_id",
        "trace",
        "user_location",
    }
)


def faults_of_option(name: str, value: Any) -> list[str]:
    """The faults of an option; warns of words that look misspelled."""
    if name == "plugins":
        return _faults_of_plugins(value)
    faults = _faults_of_type(name, value, _adapter_of_option(name), shape_of_option(name))
    return faults or _faults_of_size(name, value)


def _faults_of_plugins(value: Any) -> list[str]:
    if isinstance(value, dict) and not isinstance(value.get("id"), str):
        return [
            f"plugins.{name}: must be an object with the settings of this plugin, "
            f"but is {shown(settings)}"
            for name, settings in value.items()
            if not isinstance(settings, dict) or settings.get("id", name) != name
        ]
    if not isinstance(value, (list, tuple)):
        return [f'plugins: must be a list such as [{{"id": "web"}}], but is {shown(value)}']
    faults: list[str] = []
    for index, plugin in enumerate(value):
        plugin_id = plugin.get("id") if isinstance(plugin, dict) else None
        known_id = plugin_id if isinstance(plugin_id, str) and plugin_id in PLUGINS else ""
        faults += _faults_of_type(
            f"plugins.{index}", plugin, _adapter_of_plugin(known_id), shape_of_plugin(known_id)
        )
    return faults


def _faults_of_type(
    path: str, value: Any, adapter: TypeAdapter[Any], shape: Shape, *, is_json: bool = False
) -> list[str]:
    try:
        adapter.validate_python(value, strict=True)
    except ValidationError as error:
        if is_json:
            return _described(path, value, error, shape)
        # A tuple becomes a list on the wire, though pydantic's strict mode rejects it.
        return _faults_of_type(path, _with_lists(value), adapter, shape, is_json=True)
    # Without the index of a plugin, so that the same word warns once.
    warn_of_slips(path.partition(".")[0], value, shape)
    return []


def _faults_of_size(name: str, value: Any) -> list[str]:
    if name in _RANGES:
        low, high = _RANGES[name]
        if not low <= value <= high:
            allowed = f"{low} to {high}" if high < float("inf") else f"{low} or more"
            return [f"{name}: must be {allowed}, but is {shown(value)}"]
    if name == "session_id" and len(value) > _LONGEST_SESSION_ID:
        return [f"session_id: must have {_LONGEST_SESSION_ID} characters at most, not {len(value)}"]
    return []


@cache
def _adapter_of_option(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(get_type_hints(Options, include_extras=True)[name])


@cache
def _adapter_of_plugin(plugin_id: str) -> TypeAdapter[Any]:
    return TypeAdapter(PLUGINS.get(plugin_id, OtherPlugin))


def _with_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_lists(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_lists(inner) for inner in value]
    return value


def _described(path: str, value: Any, error: ValidationError, shape: Shape) -> list[str]:
    faults: dict[str, str] = {}
    for detail in error.errors(include_url=False):
        place, inner, inner_shape = _followed(detail["loc"], value, shape)
        full = ".".join((path, *place))
        # Every branch of a union reports the same value: one fault is enough.
        faults.setdefault(full, _fault(full, inner, detail, inner_shape))
    return [fault for place, fault in faults.items() if not _is_above(place, faults)]


def _is_above(place: str, others: Iterable[str]) -> bool:
    # The branch that was not meant reports the whole value, the other one the part.
    return any(other.startswith(f"{place}.") for other in others)


def _fault(path: str, value: Any, detail: ErrorDetails, shape: Shape | None) -> str:
    expected = shape.allowed if shape else detail["msg"]
    if detail["type"] == "missing":
        return f"{path}: must be given, {expected}"
    return f"{path}: must be {expected}, but is {shown(value, path)}"


def _followed(
    location: tuple[int | str, ...], value: Any, shape: Shape | None
) -> tuple[list[str], Any, Shape | None]:
    """Follows pydantic's location through the value, skipping the names of union branches."""
    place: list[str] = []
    for step in location:
        if isinstance(value, dict) and step in value:
            value = value[step]
            shape = shape.of_key(step) if shape else None
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step]
            shape = shape.item if shape else None
        elif shape and (missing := shape.of_key(step)):
            value, shape = None, missing
        else:
            continue
        place.append(str(step))
    return place, value, shape


def contradictions(fields: dict[str, Any]) -> list[str]:
    """The contradictions between options whose types have been checked, with both values."""
    faults: list[str] = []
    reasoning = fields.get("reasoning")
    if reasoning is not None:
        faults += _of_reasoning(reasoning)
        faults += _of_inclusion(reasoning.get("exclude"), fields.get("include_reasoning"))
    provider = fields.get("provider")
    if provider is not None:
        faults += _of_providers(provider)
    return faults


def _of_reasoning(reasoning: dict[str, Any]) -> list[str]:
    faults: list[str] = []
    effort, max_tokens = reasoning.get("effort"), reasoning.get("max_tokens")
    enabled = reasoning.get("enabled")
    shown_effort = f"reasoning.effort = {shown(effort)}"
    shown_tokens = f"reasoning.max_tokens = {max_tokens}"
    if effort is not None and max_tokens is not None:
        faults.append(f"{shown_effort} and {shown_tokens}: give one of the two")
    if enabled is False and effort not in {None, "none"}:
        faults.append(
            f"reasoning.enabled = false and {shown_effort}: only effort none is allowed then"
        )
    if enabled is False and max_tokens is not None:
        faults.append(f"reasoning.enabled = false and {shown_tokens}: give one of the two")
    if enabled is True and effort == "none":
        faults.append(f"reasoning.enabled = true and {shown_effort}: give one of the two")
    return faults


def _of_inclusion(exclude: bool | None, include_reasoning: bool | None) -> list[str]:
    if exclude is None or include_reasoning is None or exclude is not include_reasoning:
        return []
    word = "true" if exclude else "false"
    return [
        f"include_reasoning = {word} and reasoning.exclude = {word}: the two contradict each other"
    ]


def _of_providers(provider: dict[str, Any]) -> list[str]:
    ignored = provider.get("ignore") or ()
    faults: list[str] = []
    only, order = provider.get("only"), provider.get("order")
    if only and _all_ignored(only, ignored):
        faults.append(f"provider.only = {_listed(only)} and {_ignoring(ignored)}")
    if order and provider.get("allow_fallbacks") is False and _all_ignored(order, ignored):
        faults.append(
            f"provider.order = {_listed(order)}, provider.allow_fallbacks = false "
            f"and {_ignoring(ignored)}"
        )
    return faults


def _ignoring(ignored: Sequence[str]) -> str:
    return f"provider.ignore = {_listed(ignored)}: no provider is left"


def _listed(slugs: Sequence[str]) -> str:
    more = ", …" if len(slugs) > _SLUGS_SHOWN else ""
    return f"[{', '.join(shown(slug) for slug in slugs[:_SLUGS_SHOWN])}{more}]"


def _all_ignored(slugs: Sequence[str], ignored: Sequence[str]) -> bool:
    # A provider's own slug stands for all its endpoints, "deepinfra" for "deepinfra/turbo".
    return all(slug in ignored or slug.partition("/")[0] in ignored for slug in slugs)


@dataclass(frozen=True)
class Shape:
    """The type of one value.

    Attributes:
        allowed: A description of what is allowed, for an error message.
        keys: The known keys of an object, each with its shape.
        values: The shape of the values of an object that allows any key.
        item: The shape of a list's items.
        words: The known words of a string.
    """

    allowed: str
    keys: dict[str, Shape] = field(default_factory=dict)
    values: Shape | None = None
    item: Shape | None = None
    words: frozenset[str] = frozenset()

    def of_key(self, key: object) -> Shape | None:
        """The shape of one of an object's values."""
        return self.keys.get(key, self.values) if isinstance(key, str) else None


@cache
def shape_of_option(name: str) -> Shape:
    """The shape of the option `name`."""
    return _shape(get_type_hints(Options)[name])


@cache
def shape_of_plugin(plugin_id: str) -> Shape:
    """The shape of a plugin; for an unknown one, the fields that all plugins have."""
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
    # A list of words implies a string.
    listed = any(part.words for part in parts)
    allowed = [part.allowed for part in parts if not (listed and part.allowed == _NAMES[str])]
    keys = {name: shape for part in parts for name, shape in part.keys.items()}
    words = frozenset(word for part in parts for word in part.words)
    items = [part.item for part in parts if part.item]
    return Shape(" or ".join(allowed), keys, item=items[0] if items else None, words=words)


def _among(words: tuple[str, ...]) -> str:
    shown = ", ".join(f'"{word}"' for word in words[:_WORDS_SHOWN])
    return f"a string such as {shown}" + (", …" if len(words) > _WORDS_SHOWN else "")


def shown(value: Any, path: str = "") -> str:
    """`value` as JSON if it is short and not private, else its kind."""
    if _PRIVATE.isdisjoint(path.split(".")):
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (int, float)):
            return repr(value)[:_LONGEST_SHOWN]
        if isinstance(value, str) and len(value) <= _LONGEST_SHOWN and not _secret(value):
            return f'"{value}"'
    return _kind(value)


def _secret(text: str) -> bool:
    return " " in text.strip() or text.startswith(("sk-", "Bearer"))


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return f"a string of {len(value)} characters"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    return f"of type {type(value).__name__}"
