"""One option against its type, by pydantic; the caller's value is read and never changed."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError
from typing_extensions import get_type_hints

from openrouter_adapter.options.display import shown
from openrouter_adapter.options.plugins import PLUGINS, OtherPlugin
from openrouter_adapter.options.request import Options
from openrouter_adapter.options.shapes import shape_of_option, shape_of_plugin
from openrouter_adapter.options.slips import warn_of_slips

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import ErrorDetails

    from openrouter_adapter.options.shapes import Shape

# From OpenRouter's page on parameters; the type is right already.
_RANGES: dict[str, tuple[float, float]] = {
    "top_k": (0, float("inf")),
    "top_a": (0, 1),
    "min_p": (0, 1),
    "repetition_penalty": (0, 2),
}
_LONGEST_SESSION_ID = 256


def faults_of_option(name: str, value: Any) -> list[str]:
    """Return what is wrong with an option; warn of what looks like a slip."""
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
        # A tuple is as good as a list on the wire; only pydantic's strict mode minds.
        return _faults_of_type(path, _with_lists(value), adapter, shape, is_json=True)
    # Without the index of a plugin, so that the same slip warns once.
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
        # Every branch of a union complains of the same value: one fault is enough.
        faults.setdefault(full, _fault(full, inner, detail, inner_shape))
    return [fault for place, fault in faults.items() if not _is_above(place, faults)]


def _is_above(place: str, others: Iterable[str]) -> bool:
    # The branch that was not meant complains of the whole where the other names the spot.
    return any(other.startswith(f"{place}.") for other in others)


def _fault(path: str, value: Any, detail: ErrorDetails, shape: Shape | None) -> str:
    expected = shape.allowed if shape else detail["msg"]
    if detail["type"] == "missing":
        return f"{path}: must be given, {expected}"
    return f"{path}: must be {expected}, but is {shown(value, path)}"


def _followed(
    location: tuple[int | str, ...], value: Any, shape: Shape | None
) -> tuple[list[str], Any, Shape | None]:
    """Follow pydantic's location through the value; the names of union branches lead nowhere."""
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
