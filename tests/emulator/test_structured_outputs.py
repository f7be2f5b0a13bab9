"""JSON that fits the schema it was asked to fit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from openrouter_adapter.emulator import json_schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Client

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def wanted(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def test_the_prompts_words_fill_the_schema(client: Client) -> None:
    reply = client.chat(
        "Generate a person named John who is 30 years old", response_format=wanted(PERSON)
    )
    assert json.loads(reply.message["content"]) == {"name": "John", "age": 30}


def test_json_object_is_an_object(client: Client) -> None:
    reply = client.chat("What's 2 + 2?", response_format={"type": "json_object"})
    assert json.loads(reply.message["content"]) == {"answer": "2 + 2 = 4"}


SCALARS: list[dict[str, Any]] = [
    {"type": "string"},
    {"type": "string", "minLength": 12, "maxLength": 14},
    {"type": "string", "format": "date-time"},
    {"type": "integer", "minimum": 5, "maximum": 7},
    {"type": "integer", "multipleOf": 5, "minimum": 3},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "boolean"},
    {"type": "null"},
    {"type": ["null", "integer"]},
    {"enum": ["red", "green"]},
    {"const": 7},
    {"anyOf": [{"type": "null"}, {"type": "string"}]},
    {"$ref": "#/$defs/leaf"},
]


def objects(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from("abcde"), inner, max_size=3).map(
        lambda properties: {
            "type": "object",
            "properties": properties,
            "required": sorted(properties),
            "additionalProperties": False,
        }
    )


def arrays(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(inner, st.integers(0, 3), st.integers(3, 5)).map(
        lambda parts: {
            "type": "array",
            "items": parts[0],
            "minItems": parts[1],
            "maxItems": parts[2],
        }
    )


SCHEMAS = st.recursive(
    st.sampled_from(SCALARS), lambda inner: objects(inner) | arrays(inner), max_leaves=6
)


@examples(deadline=None)
@given(SCHEMAS, st.text(max_size=60) | st.just('Take ["red", "green"] and 3.5 on 2025-01-02'))
def test_any_schema_is_met(schema: dict[str, Any], prompt: str) -> None:
    whole = {**schema, "$defs": {"leaf": {"type": "string", "minLength": 1}}}
    jsonschema.validate(json_schema.fill(whole, prompt), whole)


def test_a_recursive_schema_comes_to_an_end() -> None:
    node = {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                },
                "required": ["name"],
            }
        },
    }
    jsonschema.validate(json_schema.fill(node, "x"), node)


def test_all_of_is_merged() -> None:
    schema = {
        "allOf": [
            {"properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"properties": {"b": {"type": "string"}}, "required": ["b"]},
        ],
        "type": "object",
    }
    jsonschema.validate(json_schema.fill(schema, ""), schema)


@pytest.mark.parametrize(
    ("name", "schema", "prompt", "value"),
    [
        ("expression", {"type": "string"}, "What is 12 * (3 + 4)?", "12 * (3 + 4)"),
        ("query", {"type": "string"}, "Process this query: test data", "test data"),
        ("latitude", {"type": "string"}, "Weather at 52.52, 13.4", "52.52"),
        ("start", {"type": "string"}, "from 2025-01-01 on", "2025-01-01"),
        ("title", {"type": "string"}, 'Find "Emma"', "Emma"),
        ("color", {"enum": ["red", "blue"]}, "the blue one", "blue"),
        ("tags", {"type": "array", "items": {"type": "string"}}, 'tags ["a","b"]', ["a", "b"]),
    ],
)
def test_hints_of_the_prompt(name: str, schema: dict[str, Any], prompt: str, value: Any) -> None:
    whole = {"type": "object", "properties": {name: schema}, "required": [name]}
    assert json_schema.fill(whole, prompt) == {name: value}


class TestHealing:
    BROKEN = (
        '```json\n{"name": "John", "age": 30}\n```',
        'Here you are: {"name": "John", "age": 30} I hope it helps',
        '{name: "John", age: 30}',
        '{"name": "John", "age": 30,}',
        '{"age": 30, "name": "John',
    )

    @pytest.mark.parametrize("broken", BROKEN)
    def test_the_plugin_mends(self, emulate: Callable[..., Client], broken: str) -> None:
        client = emulate(answer=broken)
        ask = {"response_format": wanted(PERSON), "plugins": [{"id": "response-healing"}]}
        assert json.loads(client.chat(**ask).message["content"]) == {"name": "John", "age": 30}

    @pytest.mark.parametrize("broken", BROKEN)
    def test_only_unstreamed_with_a_schema_and_when_on(
        self, emulate: Callable[..., Client], broken: str
    ) -> None:
        client = emulate(answer=broken)
        healing = {"id": "response-healing"}
        schema = wanted(PERSON)
        assert client.chat(plugins=[healing]).message["content"] == broken
        assert client.chat(response_format=schema).message["content"] == broken
        off = client.chat(response_format=schema, plugins=[{**healing, "enabled": False}])
        assert off.message["content"] == broken
        streamed = client.chat(response_format=schema, plugins=[healing], stream=True)
        assert streamed.streamed_text == broken

    def test_what_can_not_be_mended_stays(self, emulate: Callable[..., Client]) -> None:
        client = emulate(answer="no JSON here")
        ask = {"response_format": wanted(PERSON), "plugins": [{"id": "response-healing"}]}
        assert client.chat(**ask).message["content"] == "no JSON here"
