"""Code written for LiteLLM's OpenRouter classes can call the public methods of ours."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from litellm.llms.openrouter.chat.transformation import OpenrouterConfig
from litellm.llms.openrouter.embedding.transformation import OpenrouterEmbeddingConfig
from litellm.llms.openrouter.image_edit.transformation import (
    OpenRouterImageEditConfig as BuiltinImageEditConfig,
)
from litellm.llms.openrouter.image_generation.transformation import (
    OpenRouterImageGenerationConfig as BuiltinImageGenerationConfig,
)
from litellm.llms.openrouter.responses.transformation import OpenRouterResponsesAPIConfig

import openrouter_adapter as adapter

# Read when this module is imported, while LiteLLM's own are in place.
PAIRS: list[tuple[Any, Any]] = [
    (OpenrouterConfig, adapter.OpenRouterChatConfig),
    (OpenrouterEmbeddingConfig, adapter.OpenRouterEmbeddingConfig),
    (BuiltinImageEditConfig, adapter.OpenRouterImageEditConfig),
    (BuiltinImageGenerationConfig, adapter.OpenRouterImageGenerationConfig),
    (OpenRouterResponsesAPIConfig, adapter.OpenRouterResponsesConfig),
]
METHODS = [
    pytest.param(builtin, ours, name, id=f"{builtin.__name__}.{name}")
    for builtin, ours in PAIRS
    for name, value in vars(builtin).items()
    if not name.startswith("_") and callable(getattr(builtin, name)) and callable(value)
]


def test_the_built_in_classes_are_not_ours() -> None:
    assert not [builtin for builtin, ours in PAIRS if builtin is ours]


@pytest.mark.parametrize(("builtin", "ours", "name"), METHODS)
def test_every_public_method_takes_the_same_arguments(builtin: Any, ours: Any, name: str) -> None:
    theirs = inspect.signature(getattr(builtin, name)).parameters
    taken = inspect.signature(getattr(ours, name)).parameters
    assert list(taken)[: len(theirs)] == list(theirs)
    further = list(taken.values())[len(theirs) :]
    assert all(one.default is not one.empty or one.kind is one.VAR_KEYWORD for one in further)


@pytest.mark.parametrize(("builtin", "ours"), PAIRS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("model", ["openai/gpt-4o", "anthropic/claude-sonnet-4.5"])
def test_every_supported_parameter_is_supported(builtin: Any, ours: Any, model: str) -> None:
    theirs = set(builtin().get_supported_openai_params(model))
    # OpenRouter has no `moderation`: see docs/differences.md.
    assert theirs - set(ours().get_supported_openai_params(model)) <= {"moderation"}


def test_an_embeddings_timeout_is_passed_on_and_not_sent() -> None:
    config = adapter.OpenRouterEmbeddingConfig()
    given = {"dimensions": 512, "timeout": 30, "unsupported": "value"}
    mapped = config.map_openai_params(given, {}, "a/b", False)
    assert mapped == {"dimensions": 512, "timeout": 30}
    body = config.transform_embedding_request("a/b", ["Hi"], mapped, {})
    assert body == {"model": "a/b", "input": ["Hi"], "dimensions": 512}
