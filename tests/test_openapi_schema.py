"""Every kind of body that our classes build passes OpenRouter's OpenAPI description.

The fixture `openrouter` holds every body that any test sends against it; here are the forms of
messages and input, and proof that the judge judges.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from openrouter_adapter.chat.transformation import build_body
from openrouter_adapter.embedding.transformation import build_body as embedding_body
from tests.options.values import GOOD
from tests.support.openapi import description, extract, faults
from tests.test_sdk_schema import INPUTS, MESSAGES, QUESTION

CHAT = "/chat/completions"
# Of the official SDK, which is newer than the description.
NEWER = ("of-next-week", "ultrafast", "jev-router", "switchyard-router", "alignment", "armor")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (name, value)
        for name, value in GOOD
        if name != "input_type" and not any(word in json.dumps(value) for word in NEWER)
    ],
)
def test_every_good_option_passes(name: str, value: Any) -> None:
    assert faults(CHAT, build_body("openai/gpt-4o-mini", QUESTION, {name: value})) == []


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: json.dumps(message)[:60])
def test_every_form_of_message_passes(message: dict[str, Any]) -> None:
    assert faults(CHAT, build_body("anthropic/claude-sonnet-4.5", [message], {})) == []


@pytest.mark.parametrize("inputs", INPUTS, ids=lambda inputs: json.dumps(inputs)[:40])
def test_every_form_of_embedding_passes(inputs: Any) -> None:
    assert faults("/embeddings", embedding_body("openai/text-embedding-3-small", inputs, {})) == []


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        (CHAT, {"messages": [{"role": "user", "content": 5}]}, "$.messages[0]"),
        (CHAT, {"messages": [{"role": "nobody", "content": "Hi"}]}, "$.messages[0]"),
        (CHAT, {"messages": QUESTION, "temperature": "hot"}, "$.temperature"),
        (CHAT, {"messages": QUESTION, "provider": {"sort": "colour"}}, "$.provider.sort"),
        (CHAT, {"messages": QUESTION, "plugins": [{"id": "web", "max_results": "5"}]}, "$.plugins"),
        ("/embeddings", {"model": "a/b", "input": {}}, "$.input"),
        ("/images", {"model": "a/b", "prompt": 1}, "$.prompt"),
        ("/rerank", {"model": "a/b", "query": "q", "documents": "d"}, "$.documents"),
        ("/responses", {"model": "a/b", "input": [{"type": "message"}]}, "$.input"),
        ("/audio/speech", {"model": "a/b", "voice": "v"}, "$"),
        ("/audio/transcriptions", {"model": "a/b"}, "$"),
    ],
)
def test_what_the_description_refuses_is_a_fault(path: str, body: Any, place: str) -> None:
    assert any(fault.startswith(place) for fault in faults(path, body))


def test_null_passes_where_the_description_has_nullable_and_only_there() -> None:
    assert faults(CHAT, {"messages": QUESTION, "temperature": None}) == []
    assert faults(CHAT, {"messages": None}) != []


def test_a_discriminator_decides_though_several_schemas_fit() -> None:
    def one(kind: str) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {"kind": {"type": "string"}, kind: {"type": "number"}},
        }

    reference = "#/components/schemas/"
    choice = {
        "oneOf": [{"$ref": f"{reference}A"}, {"$ref": f"{reference}B"}],
        "discriminator": {
            "propertyName": "kind",
            "mapping": {"a": f"{reference}A", "b": f"{reference}B"},
        },
    }
    content = {"application/json": {"schema": choice}}
    paths = {
        path: {"post": {"requestBody": {"content": content}}} for path in description()["requests"]
    }
    made = extract({"paths": paths, "components": {"schemas": {"A": one("a"), "B": one("b")}}})

    from jsonschema import Draft202012Validator

    judge = Draft202012Validator({**made["requests"][CHAT], "$defs": made["schemas"]})
    assert judge.is_valid({"kind": "a", "a": 1, "b": "no number"})
    assert not judge.is_valid({"kind": "b", "b": "no number"})
    assert not judge.is_valid({"kind": "c"})
