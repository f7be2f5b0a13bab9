"""The checks that a request's body must pass, with the words OpenRouter refuses it in."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from .errors import invalid_body

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
# The fields of which a wrong type is refused, and their types.
KNOWN: dict[str, tuple[type, ...]] = {
    "model": (str,),
    "models": (list,),
    "transforms": (list,),
    "reasoning_effort": (str,),
    "stream": (bool,),
    "temperature": (int, float),
    "top_p": (int, float),
    "max_tokens": (int,),
    "max_completion_tokens": (int,),
    "provider": (dict,),
    "reasoning": (dict,),
    "tools": (list,),
    "modalities": (list,),
    "response_format": (dict,),
    "plugins": (list,),
}
_ITEMS: dict[str, type] = {
    "models": str,
    "modalities": str,
    "transforms": str,
    "tools": dict,
    "plugins": dict,
}
_MESSAGE_LISTS = ("tool_calls", "reasoning_details", "annotations")
_DETAIL_TEXTS = ("type", "format", "text", "summary", "data", "signature")
_PROVIDER_LISTS = ("order", "only", "ignore", "quantizations")
_RANGES = {"temperature": (0, 2), "top_p": (0, 1)}
_COUNTS = ("max_tokens", "max_completion_tokens")


def expected(path: str, kind: str, value: Any) -> str:
    """Return OpenRouter's words for a value of the wrong type."""
    return f"{path}: Invalid input: expected {kind}, received {_JSON_NAMES[type(value)]}"


def check_object(body: Any) -> dict[str, Any]:
    """Return the body as a dict.

    Raises:
        ApiError: 400 for any other JSON value.
    """
    if not isinstance(body, dict):
        raise invalid_body(f"Invalid input: expected object, received {_JSON_NAMES[type(body)]}")
    return body


def check_chat(body: dict[str, Any]) -> None:
    """Check a chat completion's body.

    Raises:
        ApiError: 400 with the field and what was expected of it.
    """
    if body.get("messages") is None:
        raise invalid_body('Input required: specify "prompt" or "messages"')
    _check_fields(body)
    messages = body["messages"]
    if not isinstance(messages, list):
        raise invalid_body(expected("messages", "array", messages))
    if not messages:
        raise invalid_body('Input required: specify "prompt" or "messages"')
    for name, item in _ITEMS.items():
        check_list(name, body.get(name), item)
    for place, plugin in enumerate(body.get("plugins") or ()):
        _check_plugin(f"plugins.{place}", plugin)
    _check_schema(body.get("response_format") or {})
    stop = body.get("stop")
    check_list("stop", [stop] if isinstance(stop, str) else stop, str)
    for place, message in enumerate(messages):
        _check_message(f"messages.{place}", message)
    for place, tool in enumerate(body.get("tools") or ()):
        _check_tool(f"tools.{place}", tool)


def check_list(path: str, given: Any, item: type) -> None:
    """Check that a field is left out, or a list of items of one type.

    Raises:
        ApiError: 400 with the field and what was expected of it.
    """
    if given is None:
        return
    if not isinstance(given, list):
        raise invalid_body(expected(path, "array", given))
    for place, value in enumerate(given):
        if not isinstance(value, item):
            raise invalid_body(expected(f"{path}.{place}", _JSON_NAMES[item], value))


def _check_texts(path: str, given: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        if not isinstance(given.get(name), (str, type(None))):
            raise invalid_body(expected(f"{path}.{name}", "string", given[name]))


def _check_fields(body: dict[str, Any]) -> None:
    for name, types in KNOWN.items():
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise invalid_body(expected(name, _JSON_NAMES[types[0]], value))
    for name, (low, high) in _RANGES.items():
        if not low <= (body.get(name) or low) <= high:
            raise invalid_body(f"{name}: Invalid input: expected {low} to {high}")
    for name in _COUNTS:
        if body.get(name) is not None and body[name] < 1:
            raise invalid_body(f"{name}: Too small: expected number to be >=1")
    _check_provider(body.get("provider") or {})


def _check_provider(wishes: dict[str, Any]) -> None:
    for name in _PROVIDER_LISTS:
        check_list(f"provider.{name}", wishes.get(name), str)
    prices = wishes.get("max_price")
    for name, price in prices.items() if isinstance(prices, dict) else ():
        if price is not None and not _is_price(price):
            raise invalid_body(expected(f"provider.max_price.{name}", "number", price))


def _is_price(value: Any) -> bool:
    """Whether a value is an amount, as a number or as a decimal string."""
    try:
        return not isinstance(value, bool) and Decimal(str(value)) >= 0
    except InvalidOperation:
        return False


def _check_plugin(path: str, plugin: dict[str, Any]) -> None:
    _check_texts(path, plugin, ("id", "engine", "search_prompt"))
    _check_results(path, plugin)


def _check_results(path: str, options: dict[str, Any]) -> None:
    wanted = options.get("max_results")
    if type(wanted) not in {int, type(None)}:
        raise invalid_body(expected(f"{path}.max_results", "number", wanted))
    if wanted is not None and wanted < 1:
        raise invalid_body(f"{path}.max_results: Too small: expected number to be >=1")


def _check_message(path: str, message: Any) -> None:
    if not isinstance(message, dict):
        raise invalid_body(expected(path, "object", message))
    role = message.get("role")
    if role not in ROLES:
        raise invalid_body(
            f"{path}.role: Invalid option: expected one of "
            + "|".join(f'"{known}"' for known in ROLES)
        )
    content = message.get("content")
    if content is None and role != "assistant":
        raise invalid_body(f"{path}.content: Invalid input: expected string, received null")
    if content is not None and not isinstance(content, (str, list)):
        raise invalid_body(expected(f"{path}.content", "string", content))
    if isinstance(content, list):
        for place, part in enumerate(content):
            _check_part(f"{path}.content.{place}", part)
    for name in _MESSAGE_LISTS:
        check_list(f"{path}.{name}", message.get(name), dict)
    for place, detail in enumerate(message.get("reasoning_details") or ()):
        _check_texts(f"{path}.reasoning_details.{place}", detail, _DETAIL_TEXTS)
    for place, call in enumerate(message.get("tool_calls") or ()):
        _check_function(f"{path}.tool_calls.{place}.function", call.get("function"))
    if role == "tool" and not message.get("tool_call_id"):
        raise invalid_body(f"{path}.tool_call_id: Invalid input: expected string, received null")


def _check_part(path: str, part: Any) -> None:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        raise invalid_body(f"{path}: Invalid input")
    if part["type"] == "text" and not isinstance(part.get("text"), str):
        raise invalid_body(expected(f"{path}.text", "string", part.get("text")))


def _check_function(path: str, function: Any) -> None:
    if not isinstance(function, dict):
        raise invalid_body(expected(path, "object", function))
    if not isinstance(function.get("name"), str):
        raise invalid_body(expected(f"{path}.name", "string", function.get("name")))
    if not isinstance(function.get("arguments", ""), (str, type(None))):
        raise invalid_body(expected(f"{path}.arguments", "string", function["arguments"]))


def _check_tool(path: str, tool: dict[str, Any]) -> None:
    kind = tool.get("type", "function")
    if not isinstance(kind, str):
        raise invalid_body(expected(f"{path}.type", "string", kind))
    if kind != "function":
        parameters = tool.get("parameters") or {}
        if not isinstance(parameters, dict):
            raise invalid_body(expected(f"{path}.parameters", "object", parameters))
        _check_results(f"{path}.parameters", parameters)
        return
    function = tool.get("function")
    _check_function(f"{path}.function", function)
    parameters = function.get("parameters") if function else None
    if not isinstance(parameters, (dict, type(None))):
        raise invalid_body(expected(f"{path}.function.parameters", "object", parameters))


def _check_schema(wanted: dict[str, Any]) -> None:
    if wanted.get("type") != "json_schema":
        return
    described = wanted.get("json_schema")
    if not isinstance(described, dict):
        raise invalid_body(expected("response_format.json_schema", "object", described))
    schema = described.get("schema")
    if not isinstance(schema, (dict, type(None))):
        raise invalid_body(expected("response_format.json_schema.schema", "object", schema))


def _is_embedding_input(given: list[Any]) -> bool:
    """Whether all are texts, or tokens, or lists of tokens, or objects with content."""
    return (
        all(isinstance(item, str) for item in given)
        or _are_tokens(given)
        or all(isinstance(item, list) and _are_tokens(item) for item in given)
        or all(isinstance(item, dict) and isinstance(item.get("content"), list) for item in given)
    )


def _are_tokens(given: list[Any]) -> bool:
    return bool(given) and all(type(item) in {int, float} for item in given)


def check_embedding(body: dict[str, Any]) -> None:
    """Check an embedding request's body.

    Raises:
        ApiError: 400 with the field and what was expected of it.
    """
    if not body.get("model"):
        raise invalid_body("No models provided")
    _check_fields(body)
    given = body.get("input")
    if given is None or given in ("", []):
        raise invalid_body("input: Invalid input: expected string or array")
    if not isinstance(given, (str, list)):
        raise invalid_body(expected("input", "string", given))
    if isinstance(given, list) and not _is_embedding_input(given):
        raise invalid_body("input: Invalid input")
    for place, item in enumerate(given):
        if isinstance(item, dict):
            for position, part in enumerate(item["content"]):
                _check_part(f"input.{place}.content.{position}", part)
    if body.get("encoding_format") not in (None, "float", "base64"):
        raise invalid_body('encoding_format: Invalid option: expected one of "float"|"base64"')
    dimensions = body.get("dimensions")
    if dimensions is not None and (not isinstance(dimensions, int) or dimensions < 1):
        raise invalid_body("dimensions: Too small: expected number to be >=1")
