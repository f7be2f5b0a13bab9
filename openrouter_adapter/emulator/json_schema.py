"""JSON values that fit a JSON schema, with values from a prompt where they match."""

from __future__ import annotations

import math
import re
from typing import Any

_QUOTED = re.compile(r"[\"“']([^\"“”']{1,200})[\"”']")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_NUMBER = re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?![\w-])")
_NAME = re.compile(r"\b(?:named|called|name is)\s+([A-Z]\w*)")
_PLACE = re.compile(r"\b(?:in|for|at|near|from|to|of)\s+((?:[A-Z][\w'-]*)(?:\s+[A-Z][\w'-]*)*)")
_EXPRESSION = re.compile(r"[\d(][\d\s.()+*/^%-]*[+*/^%-][\d\s.()+*/^%-]*[\d)]")
_ARRAY = re.compile(r"\[[^\[\]]*\]")
_FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "12:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "hostname": "example.com",
}
_PLACES = ("city", "location", "place", "town", "country", "destination", "region")
_QUERIES = ("query", "text", "question", "prompt", "message", "input", "search", "q", "topic")
_DATES = ("date", "start", "end", "day", "when", "from", "to", "since", "until")
_MAX_DEPTH = 8


class Hints:
    """A prompt's values for the fields of a schema; each is used once."""

    def __init__(self, prompt: str) -> None:
        """Find the prompt's dates, numbers, quotes, names, places and expressions."""
        self.prompt = prompt
        self.dates = _DATE.findall(prompt)
        self.numbers = _NUMBER.findall(_DATE.sub(" ", prompt))
        self.quotes = _QUOTED.findall(prompt)
        self.names = _NAME.findall(prompt)
        self.places = _PLACE.findall(prompt)
        self.arrays = _ARRAY.findall(prompt)
        expression = _EXPRESSION.search(prompt)
        self.expression = expression.group().strip() if expression else ""

    def text(self, name: str) -> str:
        """Return the value for a string field of this name, empty if the prompt has none."""
        lowered = name.lower()
        if lowered in {"expression", "formula", "equation"} and self.expression:
            return self.expression
        if any(word in lowered for word in ("latitude", "longitude", "amount", "number")):
            return self.numbers.pop(0) if self.numbers else ""
        if self.names and lowered.endswith("name"):
            return str(self.names[0])
        if any(word in lowered for word in _PLACES) and self.places:
            return str(self.places[0])
        if any(word in lowered for word in _DATES) and self.dates:
            return str(self.dates.pop(0))
        if self.quotes:
            return str(self.quotes.pop(0))
        if lowered in _QUERIES or lowered.endswith("query"):
            return self.prompt.rpartition(": ")[2].strip() or self.prompt
        return ""

    def number(self) -> float | None:
        """Return the prompt's next number, None if there is none."""
        return float(self.numbers.pop(0)) if self.numbers else None


def fill(schema: Any, prompt: str) -> Any:
    """Return a JSON value that fits a schema, the same for the same schema and prompt.

    Supports the keywords of OpenAI's and Anthropic's structured outputs: types, `enum`, `const`,
    `anyOf`, `oneOf`, `allOf`, `$ref`, formats, and the bounds of numbers, strings and arrays.
    """
    root = schema if isinstance(schema, dict) else {}
    return _value(root, "", Hints(prompt), root, 0)


def _value(schema: Any, name: str, hints: Hints, root: dict[str, Any], depth: int) -> Any:
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return None
    schema = _resolve(schema, root)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return _choose(schema["enum"], hints)
    for keyword in ("anyOf", "oneOf"):
        if schema.get(keyword):
            options = schema[keyword]
            some = [option for option in options if option.get("type") != "null"]
            return _value((some or options)[0], name, hints, root, depth + 1)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((word for word in kind if word != "null"), "null")
    if kind == "object" or (kind is None and "properties" in schema):
        return _object(schema, hints, root, depth)
    if kind == "array":
        return _array(schema, name, hints, root, depth)
    if kind in {"integer", "number"}:
        return _number(schema, hints, whole=kind == "integer")
    if kind == "boolean":
        return True
    return None if kind == "null" else _string(schema, name, hints)


def _resolve(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    for _ in range(_MAX_DEPTH):
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            break
        target: Any = root
        for step in reference.removeprefix("#").strip("/").split("/"):
            target = target.get(step, {}) if step and isinstance(target, dict) else target
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**target, **rest} if isinstance(target, dict) else rest
    merged = dict(schema)
    for part in merged.pop("allOf", ()):
        resolved = _resolve(part, root)
        merged["properties"] = {
            **merged.get("properties", {}),
            **resolved.get("properties", {}),
        }
        merged["required"] = [*merged.get("required", ()), *resolved.get("required", ())]
        merged = {**resolved, **merged}
    return merged


def _choose(values: list[Any], hints: Hints) -> Any:
    lowered = hints.prompt.lower()
    for value in values:
        if isinstance(value, str) and value.lower() in lowered:
            return value
    return values[0]


def _object(
    schema: dict[str, Any], hints: Hints, root: dict[str, Any], depth: int
) -> dict[str, Any]:
    properties = schema.get("properties") or {}
    names = list(properties)
    if depth:
        # Below the top only required fields, so that a recursive schema ends.
        names = [name for name in names if name in schema.get("required", names)]
    filled = {name: _value(properties[name], name, hints, root, depth + 1) for name in names}
    for name in schema.get("required") or ():
        filled.setdefault(name, None)
    return filled


def _array(
    schema: dict[str, Any], name: str, hints: Hints, root: dict[str, Any], depth: int
) -> list[Any]:
    items = schema.get("items") or {}
    length = max(schema.get("minItems", 1), min(1, schema.get("maxItems", 1)))
    if hints.arrays and _is_any_string(items):
        words = [part.strip(" \"'") for part in hints.arrays.pop(0)[1:-1].split(",")]
        words = [word for word in words if word][: schema.get("maxItems", len(words))]
        if len(words) >= length:
            return words
    return [_value(items, name, hints, root, depth + 1) for _ in range(length)]


def _is_any_string(schema: Any) -> bool:
    return (
        isinstance(schema, dict)
        and schema.get("type") == "string"
        and schema.keys() <= {"type", "title", "description"}
    )


def _number(schema: dict[str, Any], hints: Hints, *, whole: bool) -> float | int:
    low = schema.get("minimum", -math.inf)
    high = schema.get("maximum", math.inf)
    step = schema.get("multipleOf") or (1 if whole else 0)
    above = schema.get("exclusiveMinimum", -math.inf)
    below = schema.get("exclusiveMaximum", math.inf)
    low = max(low, above + (step or 0.5)) if math.isfinite(above) else low
    high = min(high, below - (step or 0.5)) if math.isfinite(below) else high
    hint = hints.number()
    number = min(max(hint if hint is not None else 1, low), high)
    if step:
        number = math.floor(number / step) * step
        number = number if number >= low else number + step
    return int(number) if whole or float(number).is_integer() else number


def _string(schema: dict[str, Any], name: str, hints: Hints) -> str:
    if schema.get("format") in _FORMATS:
        if schema["format"] == "date" and hints.dates:
            return str(hints.dates.pop(0))
        return _FORMATS[schema["format"]]
    text = hints.text(name) or f"example {name}".strip()
    shortest = schema.get("minLength", 0)
    if len(text) < shortest:
        text = text.ljust(shortest, ".")
    return text[: schema["maxLength"]] if "maxLength" in schema else text
