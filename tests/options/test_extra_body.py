"""`extra_body` fills in what no keyword says: one rule for every endpoint, called in any way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.types.router import GenericLiteLLMParams

import openrouter_adapter as adapter
from openrouter_adapter.options import with_extra
from tests.support.calls import CHAT_MODEL, EMBEDDING_MODEL, IMAGE_MODEL, WAYS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.loopback import Loopback

EXTRA = {"model": "other/model", "user": "extra", "of_next_week": {"depth": 3}}
SAID = {"user": "said"}
MESSAGES = [{"role": "user", "content": "Hi"}]
PNG = "data:image/png;base64,iVBORw0KGgo="

# A class's own method, as code without LiteLLM's core calls it.
DIRECT: dict[str, Callable[[dict[str, Any]], Any]] = {
    "chat": lambda given: adapter.OpenRouterChatConfig().transform_request(
        "a/b", MESSAGES, given, {}, {}
    ),
    "text completion": lambda given: adapter.OpenRouterChatConfig().transform_request(
        "a/b", MESSAGES, given, {"text_completion": True}, {}
    ),
    "embedding": lambda given: adapter.OpenRouterEmbeddingConfig().transform_embedding_request(
        "a/b", ["Hi"], given, {}
    ),
    "image_generation": lambda given: (
        adapter.OpenRouterImageGenerationConfig().transform_image_generation_request(
            "a/b", "a wren", {**given, "image_route": "chat"}, {}, {}
        )
    ),
    "images": lambda given: (
        adapter.OpenRouterImageGenerationConfig().transform_image_generation_request(
            "a/b", "a wren", {**given, "image_route": "images"}, {}, {}
        )
    ),
    "image_edit": lambda given: adapter.OpenRouterImageEditConfig().transform_image_edit_request(
        "a/b", "a wren", PNG, given, GenericLiteLLMParams(), {}
    )[0],
    "responses": lambda given: adapter.OpenRouterResponsesConfig().transform_responses_api_request(
        "a/b", "Hi", given, GenericLiteLLMParams(), {}
    ),
    "rerank": lambda given: adapter.OpenRouterRerankConfig().transform_rerank_request(
        "a/b", {"query": "q", "documents": ["d"], **given}, {}
    ),
    "speech": lambda given: adapter.OpenRouterTextToSpeechConfig().transform_text_to_speech_request(
        "a/b", "Hi", "alloy", given, {}, {}
    )["dict_body"],
    "transcription": lambda given: (
        adapter.OpenRouterAudioTranscriptionConfig()
        .transform_audio_transcription_request("a/b", ("a.wav", b"RIFF"), given, {})
        .data
    ),
}


@pytest.mark.parametrize("endpoint", DIRECT)
def test_a_class_used_directly_sends_it(endpoint: str) -> None:
    given = {**SAID, "extra_body": EXTRA}
    before = {**given, "extra_body": dict(EXTRA)}
    body = DIRECT[endpoint](given)
    assert (body["model"], body["user"]) == ("a/b", "said")
    assert body["of_next_week"] in (EXTRA["of_next_week"], '{"depth": 3}')
    assert "extra_body" not in body
    assert {name: given[name] for name in before} == before


@pytest.mark.parametrize("endpoint", DIRECT)
def test_a_class_used_directly_refuses_one_that_is_no_object(endpoint: str) -> None:
    with pytest.raises(litellm.BadRequestError, match="extra_body"):
        DIRECT[endpoint]({"extra_body": "seed=1"})


@pytest.mark.parametrize("way", WAYS)
def test_the_calls_model_and_keywords_win_through_litellm(openrouter: Loopback, way: str) -> None:
    openrouter.beyond_schema = {"of_next_week"}
    WAYS[way](**SAID, extra_body=dict(EXTRA))
    body = openrouter.body
    assert body["model"] == _model(way).removeprefix("openrouter/")
    assert body["user"] == "said"
    assert body["of_next_week"] == {"depth": 3}


def _model(way: str) -> str:
    if "image" in way:
        return IMAGE_MODEL
    return EMBEDDING_MODEL if "embedding" in way else CHAT_MODEL


@pytest.mark.parametrize("way", ["embedding", "aembedding"])
def test_an_embeddings_input_is_the_calls(openrouter: Loopback, way: str) -> None:
    WAYS[way](input=["a wren"], extra_body={"input": ["another"], "dimensions": 8})
    assert (openrouter.body["input"], openrouter.body["dimensions"]) == (["a wren"], 8)


@pytest.mark.parametrize("way", [way for way in WAYS if "embedding" not in way])
def test_what_the_adapter_adds_by_itself_gives_way(openrouter: Loopback, way: str) -> None:
    extra = {"usage": {"include": False}, "modalities": ["image" if "image" in way else "text"]}
    WAYS[way](extra_body=extra)
    assert {name: openrouter.body[name] for name in extra} == extra


def test_a_body_that_lacks_nothing_is_not_copied() -> None:
    body = {"model": "a/b"}
    assert with_extra(body, None) is body
    assert with_extra(body, {}) is body
