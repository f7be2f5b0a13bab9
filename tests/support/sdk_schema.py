"""The official SDK's request models as judges of a body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openrouter.components import (
    ChatRequest,
    ImageGenerationRequest,
    SpeechRequest,
    STTRequest,
    VideoGenerationRequest,
)
from openrouter.operations import CreateEmbeddingsRequestBody, CreateRerankRequestBody
from pydantic import ValidationError

if TYPE_CHECKING:
    from collections.abc import Collection

MODELS: dict[str, Any] = {
    "/audio/speech": SpeechRequest,
    "/audio/transcriptions": STTRequest,
    "/chat/completions": ChatRequest,
    "/embeddings": CreateEmbeddingsRequestBody,
    "/images": ImageGenerationRequest,
    "/rerank": CreateRerankRequestBody,
    "/videos": VideoGenerationRequest,
}

# Fields that OpenRouter takes and the SDK's models don't name: older than its schema, or taken
# from OpenAI's API on its way to the provider.
OLDER_FIELDS = frozenset(
    {
        "audio",
        "context_management",
        "function_call",
        "functions",
        "include_reasoning",
        "n",
        "preset",
        "prompt_cache_retention",
        "route",
        "safety_identifier",
        "store",
        "structured_outputs",
        "transforms",
        "usage",
        "verbosity",
        "web_search_options",
    }
)


def faults(path: str, body: Any, beyond: Collection[str] = ()) -> list[str]:
    """Say what the SDK's model of an endpoint finds wrong with a body; nothing where it has none.

    Args:
        path: The endpoint's path.
        body: The JSON body.
        beyond: Names that a test sends on purpose though no schema has them.
    """
    model = next((model for suffix, model in MODELS.items() if path.endswith(suffix)), None)
    if model is None:
        return []
    known = {field.alias or name for name, field in model.model_fields.items()}
    unknown = body.keys() - known - OLDER_FIELDS - set(beyond)
    found = [f"{name}: the schema has no such field" for name in sorted(unknown)]
    try:
        model.model_validate(body)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            place = ".".join(map(str, detail["loc"]))
            found.append(f"{place}: {detail['msg']}, but is {detail['input']!r:.80}")
    return found
