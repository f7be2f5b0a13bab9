"""Checks of a request's body, with OpenRouter's messages."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from .errors import invalid_body

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .errors import ApiError

ROLES = ("system", "developer", "user", "assistant", "tool")
_JSON_NAMES = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "number",
    float: "number",
    type(None): "null",
}


@dataclass(frozen=True, slots=True)
class _Required:
    """A value that must not be null."""

    shape: Any


# Shapes of JSON: a type, a list with the shape of its items, or a dict with the shapes of its
# fields. Null fits every shape that is not required, and other fields may have any value.
_FUNCTION = {"name": _Required(str), "arguments": str}
_DETAIL = dict.fromkeys(("type", "format", "text", "summary", "data", "signature"), str)
_MESSAGE = {
    "tool_calls": [{"function": _Required(_FUNCTION)}],
    "reasoning_details": [_DETAIL],
    "annotations": [dict],
}
TEXTS = [str]
_TEXT = _Required(str)
_OBJECT = _Required(dict)
FIELDS: dict[str, Any] = {
    "model": str,
    "models": TEXTS,
    "transforms": TEXTS,
    "reasoning_effort": str,
    "stream": bool,
    "temperature": float,
    "top_p": float,
    "max_tokens": int,
    "max_completion_tokens": int,
    "provider": dict.fromkeys(("order", "only", "ignore", "quantizations"), TEXTS),
    "reasoning": dict,
    "tools": [dict],
    "modalities": TEXTS,
    "response_format": dict,
    "plugins": [{"id": str, "engine": str, "search_prompt": str, "max_results": int}],
}
_SCHEMA = _Required({"schema": dict})
_FUNCTION_TOOL = _Required({**_FUNCTION, "parameters": dict})
_SERVER_TOOL = {"max_results": int}
_RANGES = {"temperature": (0, 2), "top_p": (0, 1)}


def expected(path: str, kind: str, value: Any) -> str:
    """Return OpenRouter's message about a value of the wrong type."""
    return f"{path}: Invalid input: expected {kind}, received {_JSON_NAMES[type(value)]}"


def invalid_option(path: str, known: Sequence[str]) -> ApiError:
    """Return the error for a value that is not one of the known ones."""
    options = "|".join(f'"{word}"' for word in known)
    return invalid_body(f"{path}: Invalid option: expected one of {options}")


def check_object(body: Any) -> dict[str, Any]:
    """Return the body as a dict.

    Raises:
        ApiError: 400 for any other JSON value.
    """
    if not isinstance(body, dict):
        raise invalid_body(f"Invalid input: expected object, received {_JSON_NAMES[type(body)]}")
    return body


def check(path: str, value: Any, shape: Any) -> None:
    """Check a value against a shape.

    Raises:
        ApiError: 400 that names the field and what was expected.
    """
    problem = _problem(value, shape)
    if problem is not None:
        below, kind, found = problem
        raise invalid_body(expected(path + below, _JSON_NAMES[kind], found))


def _problem(value: Any, shape: Any) -> tuple[str, type, Any] | None:
    """Return the path of the value that does not fit, the expected type, and the value."""
    if isinstance(shape, _Required):
        shape = shape.shape
    elif value is None:
        return None
    kind = shape if isinstance(shape, type) else type(shape)
    accepted: Any = (int, float) if kind is float else kind
    if not isinstance(value, accepted) or (kind is not bool and isinstance(value, bool)):
        return "", kind, value
    parts: list[tuple[Any, Any, Any]] = []
    if isinstance(shape, list):
        required = _Required(shape[0])
        parts = [(place, item, required) for place, item in enumerate(value)]
    elif isinstance(shape, dict):
        parts = [
            (name, value.get(name), inner)
            for name, inner in shape.items()
            if name in value or isinstance(inner, _Required)
        ]
    for name, item, inner in parts:
        problem = _problem(item, inner)
        if problem is not None:
            return f".{name}{problem[0]}", problem[1], problem[2]
    return None


def check_chat(body: dict[str, Any]) -> None:
    """Check a chat completion's body.

    Raises:
        ApiError: 400 that names the field and what was expected.
    """
    messages = body.get("messages")
    if messages is None:
        raise invalid_body('Input required: specify "prompt" or "messages"')
    _check_fields(body)
    check("messages", messages, list)
    if not messages:
        raise invalid_body('Input required: specify "prompt" or "messages"')
    for place, plugin in enumerate(body.get("plugins") or ()):
        _check_count(f"plugins.{place}.max_results", plugin.get("max_results"))
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        check("response_format.json_schema", wanted.get("json_schema"), _SCHEMA)
    stop = body.get("stop")
    check("stop", [stop] if isinstance(stop, str) else stop, TEXTS)
    for place, message in enumerate(messages):
        _check_message(f"messages.{place}", message)
    for place, tool in enumerate(body.get("tools") or ()):
        _check_tool(f"tools.{place}", tool)


def check_embedding(body: dict[str, Any]) -> None:
    """Check an embedding request's body.

    Raises:
        ApiError: 400 that names the field and what was expected.
    """
    if not body.get("model"):
        raise invalid_body("No models provided")
    _check_fields(body)
    given = body.get("input")
    if given is None or given in ("", []):
        raise invalid_body("input: Invalid input: expected string or array")
    if not isinstance(given, list):
        check("input", given, str)
    elif not _is_embedding_input(given):
        raise invalid_body("input: Invalid input")
    for place, item in enumerate(given):
        if isinstance(item, dict):
            for position, part in enumerate(item["content"]):
                _check_part(f"input.{place}.content.{position}", part)
    if body.get("encoding_format") not in (None, "float", "base64"):
        raise invalid_option("encoding_format", ("float", "base64"))
    dimensions = body.get("dimensions")
    if dimensions is not None and (not isinstance(dimensions, int) or dimensions < 1):
        raise invalid_body("dimensions: Too small: expected number to be >=1")


def _check_fields(body: dict[str, Any]) -> None:
    for name, shape in FIELDS.items():
        value = body.get(name)
        if value is not None and type(value) is not shape:
            check(name, value, shape)
    for name, (low, high) in _RANGES.items():
        if not low <= (body.get(name) or low) <= high:
            raise invalid_body(f"{name}: Invalid input: expected {low} to {high}")
    for name in ("max_tokens", "max_completion_tokens"):
        _check_count(name, body.get(name))
    prices = (body.get("provider") or {}).get("max_price")
    for name, price in prices.items() if isinstance(prices, dict) else ():
        if price is not None and not _is_price(price):
            raise invalid_body(expected(f"provider.max_price.{name}", "number", price))


def _check_count(path: str, value: int | None) -> None:
    if value is not None and value < 1:
        raise invalid_body(f"{path}: Too small: expected number to be >=1")


def _is_price(value: Any) -> bool:
    """Return whether a value is an amount, as a number or as a decimal string."""
    try:
        return not isinstance(value, bool) and Decimal(str(value)) >= 0
    except InvalidOperation:
        return False


def _check_message(path: str, message: Any) -> None:
    check(path, message, _OBJECT)
    role, content = message.get("role"), message.get("content")
    if role not in ROLES:
        raise invalid_option(f"{path}.role", ROLES)
    if isinstance(content, list):
        for place, part in enumerate(content):
            _check_part(f"{path}.content.{place}", part)
    else:
        check(f"{path}.content", content, str if role == "assistant" else _TEXT)
    check(path, message, _MESSAGE)
    if role == "tool" and not message.get("tool_call_id"):
        raise invalid_body(f"{path}.tool_call_id: Invalid input: expected string, received null")


def _check_part(path: str, part: Any) -> None:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        raise invalid_body(f"{path}: Invalid input")
    if part["type"] == "text":
        check(f"{path}.text", part.get("text"), _TEXT)


def _check_tool(path: str, tool: dict[str, Any]) -> None:
    kind = tool.get("type", "function")
    check(f"{path}.type", kind, _TEXT)
    if kind == "function":
        check(f"{path}.function", tool.get("function"), _FUNCTION_TOOL)
        return
    parameters = tool.get("parameters") or {}
    check(f"{path}.parameters", parameters, _SERVER_TOOL)
    _check_count(f"{path}.parameters.max_results", parameters.get("max_results"))


def _is_embedding_input(given: list[Any]) -> bool:
    """Return whether all items are texts, tokens, lists of tokens, or objects with content."""
    return (
        all(isinstance(item, str) for item in given)
        or _are_tokens(given)
        or all(isinstance(item, list) and _are_tokens(item) for item in given)
        or all(isinstance(item, dict) and isinstance(item.get("content"), list) for item in given)
    )


def _are_tokens(given: list[Any]) -> bool:
    return bool(given) and all(type(item) in {int, float} for item in given)
