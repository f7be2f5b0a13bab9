"""Leaves of JSON data: every value in it with its key path, and which of them are missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from pydantic import BaseModel

Path: TypeAlias = tuple[str | int, ...]
Leaf: TypeAlias = tuple[Path, Any]


def every_value(data: Any, path: Path = ()) -> Iterator[Leaf]:
    """Yield every value of JSON data with its path, null aside."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from every_value(value, (*path, key))
    elif isinstance(data, list | tuple):
        for position, value in enumerate(data):
            yield from every_value(value, (*path, position))
    elif data is not None:
        yield path, data


def leaves(data: Any) -> Iterator[Leaf]:
    """Yield every value that says something, with its path: 0, "" and booleans say nothing.

    Those are left out because LiteLLM's objects are full of them: they would be found anyway.
    """
    for path, value in every_value(data):
        if not isinstance(value, bool) and value not in (0, ""):
            yield path, value


def named(data: Any) -> Iterator[tuple[str, Any]]:
    """Yield every value that says something with the name of it, or of its list."""
    for path, value in leaves(data):
        names = [step for step in path if isinstance(step, str)]
        yield (names[-1] if names else ""), value


def plain(value: Any) -> Any:
    """Return LiteLLM's objects as JSON data; what is not data (a logger, a client) as None."""
    if isinstance(value, BaseModel):
        return plain(value.model_dump())
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value if isinstance(value, str | int | float) else None


def lost_values(recorded: Any, returned: Any) -> list[Leaf]:
    """Return the recorded leaves whose value is nowhere in what was returned."""
    found = {value for _, value in leaves(returned)}
    return [leaf for leaf in leaves(recorded) if leaf[1] not in found]


def spelled(path: Path) -> str:
    """Return a path the way one would write it: `choices[0].message.content`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.lstrip(".")
