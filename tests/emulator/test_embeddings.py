"""Embeddings: every form of input, unit length, and like texts close together."""

from __future__ import annotations

import array
import base64
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Client, Reply


def embed(client: Client, given: Any, **body: Any) -> Reply:
    whole = {"model": "openai/text-embedding-3-small", "input": given, **body}
    return client.send("POST", "/embeddings", whole)


def vectors(reply: Reply) -> list[list[float]]:
    return [row["embedding"] for row in reply.json["data"]]


def dot(left: list[float], right: list[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize(
    ("given", "rows", "tokens"),
    [
        ("Ruby", 1, 1),
        (["Ruby", "Python", "JavaScript"], 3, 3),
        ([101, 102, 103], 1, 3),
        ([[101, 102], [103]], 2, 3),
        ([{"content": [{"type": "text", "text": "Ruby"}]}], 1, 1),
    ],
)
def test_every_form_of_input(client: Client, given: Any, rows: int, tokens: int) -> None:
    reply = embed(client, given)
    assert [row["index"] for row in reply.json["data"]] == list(range(rows))
    assert reply.json["usage"]["prompt_tokens"] == tokens
    (row,) = client.emulator.bill()
    assert row.cost == tokens * Decimal("0.00000002") == Decimal(repr(reply.json["usage"]["cost"]))
    assert (row.endpoint, row.tokens_prompt) == ("/embeddings", tokens)
    assert row.generation_id == reply.json["id"]
    assert reply.json["id"].startswith("gen-emb-")


@pytest.mark.parametrize(
    "given", [[None], [True], ["Ruby", 7], [[]], [["Ruby"]], [{}], [{"content": "Ruby"}]]
)
def test_another_form_of_input_is_refused(client: Client, given: Any) -> None:
    reply = embed(client, given)
    assert reply.status == 400
    assert "input: Invalid input" in reply.json["error"]["message"]
    assert client.emulator.bill() == []


def test_multimodal_input(client: Client) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    given = [{"content": [{"type": "text", "text": "A fox"}, image]}]
    reply = embed(client, given, model="nvidia/llama-nemotron-embed-vl-1b-v2:free")
    assert len(vectors(reply)[0]) == 2048
    assert reply.json["usage"]["prompt_tokens"] > 100


@pytest.mark.parametrize("dimensions", [None, 1, 256, 1536])
def test_vectors_have_length_one(client: Client, dimensions: int | None) -> None:
    body = {} if dimensions is None else {"dimensions": dimensions}
    (vector,) = vectors(embed(client, "A fox and a hedgehog", **body))
    assert len(vector) == (dimensions or 1536)
    assert math.isclose(dot(vector, vector), 1, abs_tol=1e-3)


def test_texts_that_share_words_lie_close(client: Client) -> None:
    fox, foxes, tax = vectors(
        embed(client, ["the red fox runs", "a red fox runs fast", "tax law of Italy"])
    )
    assert dot(fox, foxes) > dot(fox, tax) + 0.3


def test_the_same_text_has_the_same_vector(client: Client) -> None:
    first, second = (vectors(embed(client, "A fox")) for _ in range(2))
    assert first == second
    assert vectors(embed(client, ["fox a", "A fox"]))[1] == first[0]


def test_base64_holds_the_same_numbers(client: Client) -> None:
    (plain,) = vectors(embed(client, "A fox"))
    (packed,) = vectors(embed(client, "A fox", encoding_format="base64"))
    assert array.array("f", base64.b64decode(packed)).tolist() == plain


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"input": None}, 400, "input"),
        ({"input": []}, 400, "input"),
        ({"input": {"a": 1}}, 400, "expected string, received object"),
        ({"model": ""}, 400, "No models provided"),
        ({"encoding_format": "hex"}, 400, '"float"|"base64"'),
        ({"dimensions": 0}, 400, "dimensions"),
        ({"dimensions": 100_000}, 400, "<=1536"),
        ({"model": "nobody/nothing"}, 404, "No endpoints found for nobody/nothing."),
        ({"model": "openai/gpt-4o"}, 404, "No endpoints found that support embeddings"),
    ],
)
def test_bad_bodies(client: Client, body: dict[str, Any], status: int, words: str) -> None:
    reply = client.send(
        "POST", "/embeddings", {"model": "openai/text-embedding-3-small", "input": "x", **body}
    )
    assert reply.status == reply.json["error"]["code"] == status
    assert words in reply.json["error"]["message"]
    assert not client.emulator.bill()
