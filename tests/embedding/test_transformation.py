"""Embeddings: every form of input, what is sent with it, and vectors as they were asked for."""

from __future__ import annotations

import asyncio
import json
import struct
from typing import TYPE_CHECKING, Any

import litellm
import openai
import pytest

from openrouter_adapter.embedding.transformation import build_body, decode_floats, parse
from tests.support import answers
from tests.support.calls import EMBEDDING_MODEL, WAYS, aembed, embed

if TYPE_CHECKING:
    from tests.support.loopback import Loopback

BIRD = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
BOTH_WAYS = pytest.mark.parametrize("way", ["embedding", "aembedding"])


# Input


@BOTH_WAYS
@pytest.mark.parametrize(
    ("given", "sent", "vectors"),
    [
        # LiteLLM's core puts a lone text into a list when it is asked synchronously.
        (["a bird"], ["a bird"], 1),
        (["a bird", "a nest", ""], ["a bird", "a nest", ""], 3),
        (("a bird", "a nest"), ["a bird", "a nest"], 2),
        ([1, 2, 3], [1, 2, 3], 1),
        ([1.0, 2.0], [1.0, 2.0], 1),
        ([[1, 2], [3]], [[1, 2], [3]], 2),
        ([{"content": [BIRD]}], [{"content": [BIRD]}], 1),
        (
            [{"content": [{"type": "text", "text": "a"}, BIRD]}, {"content": [BIRD]}],
            [{"content": [{"type": "text", "text": "a"}, BIRD]}, {"content": [BIRD]}],
            2,
        ),
    ],
)
def test_every_form_of_input(
    openrouter: Loopback, way: str, given: Any, sent: Any, vectors: int
) -> None:
    # The description wants texts of a letter or more; what OpenRouter takes is for it to say.
    openrouter.beyond_schema = {"input"} if "" in given else set()
    response = WAYS[way](input=given)
    assert openrouter.body == {"model": "openai/text-embedding-3-small", "input": sent}
    assert len(response.data) == vectors


@BOTH_WAYS
def test_a_lone_text(openrouter: Loopback, way: str) -> None:
    response = WAYS[way](input="a bird")
    assert openrouter.body["input"] in ("a bird", ["a bird"])
    assert response.data[0]["embedding"] == [0.5, 0.0]


@BOTH_WAYS
@pytest.mark.parametrize("inputs", [[], (), ""])
def test_an_empty_input_is_an_error_before_anything_is_sent(
    openrouter: Loopback, way: str, inputs: Any
) -> None:
    with pytest.raises(litellm.BadRequestError, match="input"):
        WAYS[way](input=inputs)
    assert openrouter.requests == []


def test_no_input_at_all_is_an_error() -> None:
    with pytest.raises(litellm.BadRequestError, match="input=None"):
        build_body("m", None, {})


# What is sent with it


@BOTH_WAYS
@pytest.mark.parametrize(
    "keywords",
    [
        {"dimensions": 256},
        {"user": "user-1"},
        {"encoding_format": "float"},
        {"encoding_format": "base64"},
        {"provider": {"order": ["openai"], "allow_fallbacks": False}},
        {"input_type": "search_query"},
        {"session_id": "s-1"},
    ],
    ids=lambda keywords: next(iter(keywords)),
)
def test_a_keyword_is_sent(openrouter: Loopback, way: str, keywords: dict[str, Any]) -> None:
    WAYS[way](**keywords)
    assert {name: openrouter.body[name] for name in keywords} == keywords


def test_a_prefixed_keyword_is_sent(openrouter: Loopback) -> None:
    embed(openrouter_input_type="search_query")
    assert openrouter.body["input_type"] == "search_query"
    assert "openrouter_input_type" not in openrouter.body


@BOTH_WAYS
@pytest.mark.parametrize("name", ["provider", "openrouter_provider"])
def test_a_keyword_goes_over_extra_body(openrouter: Loopback, way: str, name: str) -> None:
    extra = {"provider": {"order": ["azure"]}, "input_type": "query"}
    WAYS[way](**{name: {"order": ["openai"]}}, extra_body=extra)
    assert openrouter.body["provider"] == {"order": ["openai"]}
    assert openrouter.body["input_type"] == "query"


def test_a_wrong_option_is_an_error_before_anything_is_sent(openrouter: Loopback) -> None:
    with pytest.raises(litellm.BadRequestError, match=r"provider\.order"):
        embed(provider={"order": "openai"})
    assert openrouter.requests == []


def test_nothing_is_sent_that_nobody_asked_for(openrouter: Loopback) -> None:
    embed()
    assert openrouter.body.keys() == {"model", "input"}


def test_a_router_sends_its_deployments_options(openrouter: Loopback) -> None:
    deployment = {"model": EMBEDDING_MODEL, "provider": {"zdr": True}, "dimensions": 64}
    router = litellm.Router(model_list=[{"model_name": "e", "litellm_params": deployment}])
    router.embedding("e", ["a bird"])
    assert openrouter.body["provider"] == {"zdr": True}
    assert openrouter.body["dimensions"] == 64
    assert "max_retries" not in openrouter.body


# Vectors


def test_floats_come_as_floats(openrouter: Loopback) -> None:
    response = embed(input=["a", "b"])
    assert [one["embedding"] for one in response.data] == [[0.5, 0.0], [0.5, 1.0]]
    assert [one["index"] for one in response.data] == [0, 1]
    assert len(openrouter.requests) == 1


@BOTH_WAYS
def test_base64_stays_where_it_was_asked_for(openrouter: Loopback, way: str) -> None:
    openrouter.replies(answers.embeddings(["a"], as_base64=True))
    response = WAYS[way](encoding_format="base64")
    assert response.data[0]["embedding"] == answers.vector([0.5, 0.0], as_base64=True)


@BOTH_WAYS
def test_floats_become_base64_where_that_was_asked_for(openrouter: Loopback, way: str) -> None:
    openrouter.replies(answers.embeddings(["a"]))
    response = WAYS[way](encoding_format="base64")
    assert response.data[0]["embedding"] == answers.vector([0.5, 0.0], as_base64=True)
    assert decode_floats(response.data[0]["embedding"]) == [0.5, 0.0]


@BOTH_WAYS
@pytest.mark.parametrize("asked", [{}, {"encoding_format": "float"}])
def test_base64_that_nobody_asked_for_is_decoded(
    openrouter: Loopback, way: str, asked: dict[str, str]
) -> None:
    openrouter.replies(answers.embeddings(["a"], as_base64=True))
    assert WAYS[way](**asked).data[0]["embedding"] == [0.5, 0.0]


def test_decoded_floats_have_32_bits() -> None:
    encoded = answers.vector([0.1, -2.5], as_base64=True)
    assert decode_floats(encoded) == list(struct.unpack("<2f", struct.pack("<2f", 0.1, -2.5)))


@pytest.mark.parametrize(
    "encoded", ["aGk=", "not base64 at all!"], ids=["no whole float", "no base64"]
)
def test_base64_that_can_not_be_decoded_is_an_error(openrouter: Loopback, encoded: str) -> None:
    body = answers.embeddings(["a"])
    body["data"][0]["embedding"] = encoded
    openrouter.replies(body)
    with pytest.raises(litellm.ServiceUnavailableError):
        embed(max_retries=0)


@BOTH_WAYS
def test_fewer_vectors_than_inputs_is_an_error(openrouter: Loopback, way: str) -> None:
    openrouter.replies(answers.embeddings(["one"]))
    with pytest.raises(litellm.BadGatewayError, match="2 embeddings were asked for, 1 received"):
        WAYS[way](input=["one", "two"], max_retries=0)


@BOTH_WAYS
@pytest.mark.parametrize("vector", [None, [], ""])
def test_an_entry_without_a_vector_is_an_error(openrouter: Loopback, way: str, vector: Any) -> None:
    body = answers.embeddings(["one", "two"])
    body["data"][1]["embedding"] = vector
    openrouter.replies(body)
    with pytest.raises(
        litellm.BadGatewayError, match="2 embeddings were asked for, 1 received"
    ) as e:
        WAYS[way](input=["one", "two"], max_retries=0)
    assert e.value.openrouter["cost"] == answers.COST  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"data": null}', b'{"data": [1]}', b'{"data": [{"embedding": "a"']
)
def test_an_answer_of_an_odd_form_is_an_error(openrouter: Loopback, content: bytes) -> None:
    openrouter.replies(content)
    with pytest.raises(openai.OpenAIError):
        embed(max_retries=0)


def test_an_error_in_an_answer_is_that_error(openrouter: Loopback) -> None:
    openrouter.replies(answers.error(429, "slower"))
    with pytest.raises(litellm.RateLimitError, match="slower"):
        embed(max_retries=0)


# The rest of the answer


@BOTH_WAYS
@pytest.mark.usefixtures("openrouter")
def test_who_served_it_and_its_id_are_in_the_hidden_params(way: str) -> None:
    response = WAYS[way]()
    assert response.model == "openai/text-embedding-3-small"
    assert response.usage.prompt_tokens == 3
    assert response._hidden_params["openrouter"] == {
        "generation_id": "gen-emb-1",
        "model": "openai/text-embedding-3-small",
        "provider": "OpenAI",
        "cost": answers.COST,
    }


def test_an_answer_without_usage_has_no_cost(openrouter: Loopback) -> None:
    body = answers.embeddings(["a"])
    del body["usage"]
    openrouter.replies(body)
    assert "cost" not in embed()._hidden_params["openrouter"]


def test_the_answer_without_litellm() -> None:
    content = b'{"data": [{"embedding": [0.5]}], "id": "gen-1"}'
    assert parse(content, {"input": "a"})["data"][0]["embedding"] == [0.5]


async def test_two_at_once_do_not_mix(openrouter: Loopback) -> None:
    one, two = await asyncio.gather(aembed(input=["a"]), aembed(input=["a", "b"]))
    assert (len(one.data), len(two.data)) == (1, 2)
    assert len(openrouter.requests) == 2


# Vectors that arrive out of order, or broken


@BOTH_WAYS
@pytest.mark.parametrize("as_base64", [False, True])
def test_vectors_that_arrive_out_of_order_are_sorted(
    openrouter: Loopback, way: str, as_base64: bool
) -> None:
    body = answers.embeddings("abc", as_base64=as_base64)
    body["data"] = [
        {"index": i, "embedding": answers.vector([0.5, float(i)], as_base64)} for i in (2, 0, 1)
    ]
    openrouter.replies(body)
    response = WAYS[way](input=["a", "b", "c"])
    assert [entry["index"] for entry in response.data] == [0, 1, 2]
    assert [entry["embedding"] for entry in response.data] == [[0.5, 0.0], [0.5, 1.0], [0.5, 2.0]]


@pytest.mark.parametrize("places", [[0, 0], [None, None], [1, None], ["1", "0"]])
def test_indexes_that_tell_nothing_apart_leave_the_order(places: list[Any]) -> None:
    body = answers.embeddings(["a", "b"])
    for entry, place in zip(body["data"], places, strict=True):
        entry["index"] = place
    parsed = parse(json.dumps(body).encode(), {"input": ["a", "b"]})
    assert [entry["embedding"][1] for entry in parsed["data"]] == [0.0, 1.0]


@BOTH_WAYS
@pytest.mark.parametrize(
    "broken", ["null", "NaN", "Infinity", "-Infinity", '"0.5"', "[0.5]", "1e999"]
)
def test_a_vector_with_a_component_that_is_no_number_is_an_error(
    openrouter: Loopback, way: str, broken: str
) -> None:
    body = json.dumps(answers.embeddings(["a", "b"])).replace("1.0]", f"{broken}]")
    assert f"{broken}]" in body
    openrouter.replies(body.encode())
    with pytest.raises(litellm.BadGatewayError, match="place 1"):
        WAYS[way](input=["a", "b"])


@pytest.mark.parametrize("asked", [{}, {"encoding_format": "base64"}])
def test_a_base64_vector_with_a_nan_is_an_error(asked: dict[str, Any]) -> None:
    body = answers.embeddings(["a"], as_base64=True)
    body["data"][0]["embedding"] = answers.vector([0.5, float("nan")], True)
    with pytest.raises(litellm.BadGatewayError, match="place 0"):
        parse(json.dumps(body).encode(), {"input": ["a"], **asked})


async def test_a_partly_cached_embedding_costs_what_was_asked_for(openrouter: Loopback) -> None:
    pytest.importorskip("fastapi", reason="LiteLLM's cache needs fastapi: the extra 'caching'")
    pytest.importorskip("soundfile", reason="LiteLLM's cache needs soundfile: the extra 'caching'")
    litellm.cache = litellm.Cache()
    try:
        await aembed(input=["a bird"], caching=True)
        await asyncio.sleep(0.2)
        response = await aembed(input=["a bird", "a nest"], caching=True)
    finally:
        litellm.cache = None
    assert [request.body["input"] for request in openrouter.requests] == [["a bird"], ["a nest"]]
    assert len(response.data) == 2
    cost = answers.embeddings(["a nest"])["usage"]["cost"]
    hidden = response._hidden_params
    assert hidden["response_cost"] == hidden["openrouter"]["cost"] == cost
