"""Values as error messages show them: short, and neither a prompt nor a key."""

from __future__ import annotations

from typing import Any

_LONGEST = 40
# Below these keys a value may be a secret or somebody's text.
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


def shown(value: Any, path: str = "") -> str:
    """Return `value` in JSON's words where it is short and public, else what kind it is."""
    if _PRIVATE.isdisjoint(path.split(".")):
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (int, float)):
            return repr(value)[:_LONGEST]
        if isinstance(value, str) and len(value) <= _LONGEST and not _secret(value):
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
