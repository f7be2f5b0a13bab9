"""OpenRouter's OpenAPI description: does it take a body that was built here?

openapi.json holds what is needed of it: all paths with their methods, and the schemas of the
requests that models are called with, and of the answers of Messages. It is made of OpenRouter's
own file:

    python -m tests.support.openapi openapi.yaml
"""

from __future__ import annotations

import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from jsonschema.protocols import Validator

FILE: Final = Path(__file__).with_name("openapi.json")
REQUESTS: Final = (
    *("/chat/completions", "/embeddings", "/images", "/messages", "/rerank", "/responses"),
    *("/audio/speech", "/audio/transcriptions", "/videos"),
)
ANSWERS: Final = ("AnthropicMessagesErrorResponse", "MessagesResult", "MessagesStreamEvents")
_METHODS: Final = ("get", "post", "put", "patch", "delete")
_PREFIX: Final = "#/components/schemas/"
# For people who read a schema, or OpenAPI's own and said otherwise here.
_ANNOTATIONS: Final = frozenset(
    {
        *("description", "example", "examples", "title", "default", "deprecated"),
        *("discriminator", "nullable"),
    }
)
# What OpenRouter takes and the description refuses: its own examples give numbers where it has
# texts, and `provider.options` is newer, of the official SDK.
_TAKEN: Final = re.compile(
    r"\$\.provider\.max_price\.\w+: .* is not of type 'string'"
    r"|\$\.provider: .*\('options' was unexpected\)"
)


@cache
def description() -> dict[str, Any]:
    """Return what openapi.json holds: `paths` with their methods, `requests`, `schemas`."""
    found: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    return found


@cache
def _validator(path: str) -> Validator | None:
    from jsonschema import Draft202012Validator

    known = description()
    if path not in known["requests"]:
        return None
    return Draft202012Validator({**known["requests"][path], "$defs": known["schemas"]})


def faults(path: str, body: Any, beyond: Collection[str] = ()) -> list[str]:
    """Return what the description refuses in a body; nothing where it has no such request.

    Args:
        path: The endpoint's path.
        body: The JSON body.
        beyond: Fields to which a test gives on purpose what no schema has.
    """
    validator = _validator(path.removeprefix("/api/v1"))
    errors = [] if validator is None else validator.iter_errors(body)
    found = (
        f"{error.json_path}: {error.message:.300}"
        for error in errors
        if next(iter(error.absolute_path), None) not in beyond
    )
    return [fault for fault in found if not _TAKEN.fullmatch(fault)]


def answer_faults(name: str, answer: Any) -> list[str]:
    """Return what one of the ANSWERS refuses in an answer or an event."""
    return [
        f"{error.json_path}: {error.message:.300}"
        for error in _answer_validator(name).iter_errors(answer)
    ]


@cache
def _answer_validator(name: str) -> Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": description()["schemas"]})


def extract(source: dict[str, Any]) -> dict[str, Any]:
    """Return what is needed of OpenRouter's description."""
    requests = {path: _body(source["paths"][path]["post"]) for path in REQUESTS}
    needed: dict[str, Any] = {}
    known = source["components"]["schemas"]
    waiting = [*(name for name in ANSWERS if name in known), *_references(requests)]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed[name] = _plain(known[name])
            waiting += _references(needed[name])
    paths = {
        path: [method.upper() for method in _METHODS if method in operations]
        for path, operations in source["paths"].items()
    }
    return {"paths": paths, "requests": _moved(requests), "schemas": _moved(needed)}


def _body(operation: dict[str, Any]) -> Any:
    return _plain(operation["requestBody"]["content"]["application/json"]["schema"])


def _plain(schema: Any, is_properties: bool = False) -> Any:
    """Return a schema in JSON Schema's own words, for `nullable` and `discriminator` as well."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if is_properties:
        return {name: _plain(one) for name, one in schema.items()}
    kept = {
        word: _plain(value, word == "properties")
        for word, value in schema.items()
        if word not in _ANNOTATIONS and not word.startswith("x-")
    }
    mapping = schema.get("discriminator", {}).get("mapping")
    if mapping and "oneOf" in kept:
        # The property alone decides; several of the schemas may take the rest.
        name = schema["discriminator"]["propertyName"]
        del kept["oneOf"]
        kept["anyOf"] = [
            {"$ref": target, "properties": {name: {"const": value}}, "required": [name]}
            for value, target in mapping.items()
        ]
    if schema.get("nullable"):
        return {"anyOf": [kept, {"type": "null"}]}
    return kept


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix(_PREFIX)
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _moved(schema: Any) -> Any:
    """Return a schema whose references point to `$defs`."""
    return json.loads(json.dumps(schema).replace(_PREFIX, "#/$defs/"))


if __name__ == "__main__":
    import yaml

    given = yaml.safe_load(Path(sys.argv[1]).read_text("utf-8"))
    FILE.write_text(json.dumps(extract(given), indent=0, sort_keys=True) + "\n", "utf-8")
