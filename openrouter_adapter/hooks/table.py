"""What `register()` replaces in LiteLLM: a row for each endpoint, and what all of them share."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.hooks import clients, functions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LLMS: Final = "litellm.llms.openrouter"
_HTTP: Final = "litellm.llms.custom_httpx.http_handler"
_OPENAI: Final = "litellm.llms.openai.common_utils.BaseOpenAILLM"
_LOGGING: Final = "litellm.litellm_core_utils.litellm_logging.Logging"
_MANAGER: Final = "litellm.utils.ProviderConfigManager"
MISSING: Final = object()
"""The value that `find` gives for a place that LiteLLM lacks, and that is made."""


@dataclass(frozen=True, slots=True)
class Place:
    """One attribute of LiteLLM that `register()` replaces.

    Attributes:
        module: The module, or the class in one, that has it.
        attribute: Its name there.
        replacement: Makes the new value from the old one.
        endpoint: The endpoint that needs it, or what else does.
        later_name: Its name in later versions of LiteLLM, if that changed.
        is_new: Whether it is made if LiteLLM has no such attribute.
        later_module: The module in later versions of LiteLLM, if that changed.
    """

    module: str
    attribute: str
    replacement: Callable[[Any], Any]
    endpoint: str
    later_name: str = ""
    is_new: bool = False
    later_module: str = ""

    @property
    def is_required(self) -> bool:
        """Whether `register()` raises, rather than warns, if LiteLLM lacks the place."""
        return any(row.name == self.endpoint and row.is_required for row in ENDPOINTS)


@dataclass(frozen=True, slots=True)
class Row:
    """One endpoint of OpenRouter, and where LiteLLM looks for the class that serves it.

    Attributes:
        name: The endpoint, as its folder in this package and LiteLLM's look-up are called.
        config: Our class, in the folder's `transformation.py`.
        classes: LiteLLM's classes that it replaces.
        is_looked_up: Whether LiteLLM's look-up finds no class for OpenRouter, and is replaced.
        short_name: The endpoint's name in LiteLLM's look-up, if that is another.
        handler: LiteLLM's HTTP handler, if the endpoint has one of its own.
        function: LiteLLM's function that callers call. It raises if LiteLLM lacks a place of this
            endpoint. If empty, `register()` raises.
    """

    name: str
    config: str
    classes: tuple[str, ...] = ()
    is_looked_up: bool = False
    short_name: str = ""
    handler: str = ""
    function: str = ""

    @property
    def is_required(self) -> bool:
        """Whether `register()` raises if LiteLLM lacks a place of this endpoint."""
        return not self.function

    @property
    def module(self) -> str:
        """The module of our class."""
        return f"openrouter_adapter.{self.name}.transformation"

    @property
    def look_up(self) -> str:
        """LiteLLM's method that finds the class of a provider."""
        return f"get_provider_{self.short_name or self.name}_config"

    def load(self) -> type:
        """Our class."""
        found: type = getattr(importlib.import_module(self.module), self.config)
        return found

    def places(self) -> Iterator[Place]:
        """What `register()` replaces for this endpoint."""
        from openrouter_adapter.hooks.handlers import Handler

        config = self.load()
        for path in self.classes:
            yield place_at(path, lambda _: config, self.name)
        if self.is_looked_up:
            yield Place(_MANAGER, self.look_up, functions.looking_up(config), self.name)
        if self.handler:
            yield place_at(self.handler, Handler, self.name)


ENDPOINTS: Final = (
    Row(
        "chat",
        "OpenRouterChatConfig",
        ("litellm.OpenrouterConfig", f"{_LLMS}.chat.transformation.OpenrouterConfig"),
    ),
    Row(
        "embedding",
        "OpenRouterEmbeddingConfig",
        (f"{_LLMS}.embedding.transformation.OpenrouterEmbeddingConfig",),
    ),
    Row(
        "image_generation",
        "OpenRouterImageGenerationConfig",
        (
            f"{_LLMS}.image_generation.OpenRouterImageGenerationConfig",
            f"{_LLMS}.image_generation.transformation.OpenRouterImageGenerationConfig",
        ),
    ),
    Row(
        "responses",
        "OpenRouterResponsesConfig",
        (
            "litellm.OpenRouterResponsesAPIConfig",
            f"{_LLMS}.responses.transformation.OpenRouterResponsesAPIConfig",
        ),
        handler="litellm.responses.main.base_llm_http_handler",
        function="litellm.responses.main.responses",
    ),
    Row(
        "rerank",
        "OpenRouterRerankConfig",
        is_looked_up=True,
        handler="litellm.rerank_api.main.base_llm_http_handler",
        function="litellm.rerank_api.main.rerank",
    ),
    Row(
        "audio_transcription",
        "OpenRouterAudioTranscriptionConfig",
        is_looked_up=True,
        function="litellm.main.transcription",
    ),
    Row(
        "image_edit",
        "OpenRouterImageEditConfig",
        is_looked_up=True,
        handler="litellm.images.main.base_llm_http_handler",
        function="litellm.images.main.image_edit",
    ),
    Row(
        "video_generation",
        "OpenRouterVideoConfig",
        is_looked_up=True,
        short_name="video",
        handler="litellm.videos.main.base_llm_http_handler",
        function="litellm.videos.main.video_generation",
    ),
    Row(
        "anthropic_messages",
        "OpenRouterAnthropicMessagesConfig",
        is_looked_up=True,
        function="litellm.anthropic_messages",
    ),
    # LiteLLM's function itself is replaced, below.
    Row("text_to_speech", "OpenRouterTextToSpeechConfig", function="litellm.main.speech"),
)
"""The endpoints that have a class of ours."""


def places() -> tuple[Place, ...]:
    """Every place in LiteLLM that `register()` changes."""
    return (
        *(place for row in ENDPOINTS for place in row.places()),
        *_places_of_requests(),
        *_places_of_answers(),
        *_places_of_functions(),
    )


def _places_of_requests() -> Iterator[Place]:
    """Where LiteLLM sends requests: each becomes an attempt, or is admitted as it leaves."""
    from openrouter_adapter.hooks.aiohttp_handler import AiohttpHandler
    from openrouter_adapter.hooks.handlers import Handler

    yield place_at("litellm.main.base_llm_http_handler", Handler, "budgets")
    # Makes aimage_generation truly asynchronous too, and `n` requests of `n` images.
    yield place_at("litellm.images.main.llm_http_handler", Handler, "n images")
    yield place_at("litellm.decisions.call._HANDLER", Handler, "decisions")
    yield place_at("litellm.OpenRouterDecisionsConfig", functions.with_our_headers, "decisions")
    for attribute, replacement in (
        ("base_llm_http_handler", Handler),
        # Drops fields that Anthropic's own API takes only for some models.
        ("AnthropicMessagesRequestUtils", functions.keeping_fields),
    ):
        yield Place(
            "litellm.llms.anthropic.pass_through.messages.handler",
            attribute,
            replacement,
            "anthropic_messages",
            later_module="litellm.llms.anthropic.messages.native.handler",
        )
    # Any other request to OpenRouter is admitted as it leaves.
    yield place_at(f"{_HTTP}.AsyncHTTPHandler.create_client", clients.watching, "budgets")
    yield place_at(f"{_HTTP}.HTTPHandler.create_client", clients.watching, "budgets")
    yield place_at("litellm.main.base_llm_aiohttp_handler", AiohttpHandler, "budgets")
    yield place_at(f"{_OPENAI}._get_async_http_client", clients.watching_openai, "budgets")
    yield place_at(f"{_OPENAI}._get_sync_http_client", clients.watching_openai, "budgets")


def _places_of_answers() -> Iterator[Place]:
    """Where LiteLLM loses something of an answer, its cost or its failure."""
    from openrouter_adapter import late_bills
    from openrouter_adapter.batches.calls import billing_batches
    from openrouter_adapter.chat.response import lenient_message
    from openrouter_adapter.chat.streaming import response_of
    from openrouter_adapter.embedding.transformation import keeping_the_cost

    # LiteLLM raises an exception as it is only if its type is in this list.
    yield place_at("litellm.LITELLM_EXCEPTION_TYPES", functions.with_budget_errors, "budgets")
    yield place_at(
        "litellm.litellm_core_utils.litellm_logging.handle_completed_batch",
        billing_batches,
        "the bill of batches",
    )
    yield place_at(
        f"{_LOGGING}.response_cost_calculator",
        late_bills.without_estimates,
        "streams without a tokenizer",
    )
    # The proxy would price it by the cost map.
    yield place_at(
        f"{_LOGGING}.dispatch_success_handlers",
        late_bills.waiting_for_bill,
        "the bill of streams that a proxy's client leaves",
    )
    # A Router returns a stream around ours.
    yield Place(
        "litellm.litellm_core_utils.streaming_handler.CustomStreamWrapper",
        "response",
        lambda _: property(response_of),
        "the answer of a Router's stream",
        is_new=True,
    )
    # LiteLLM reads a cached answer with stricter types than the answer itself.
    yield place_at(
        "litellm.litellm_core_utils.llm_response_utils.convert_dict_to_response.Message",
        lenient_message,
        "cached file annotations",
    )
    # If some of the vectors were cached, LiteLLM drops the cost of the others.
    yield place_at(
        "litellm.caching.caching_handler.LLMCachingHandler"
        ".combine_cached_embedding_response_with_api_result",
        keeping_the_cost,
        "partly cached embeddings",
    )


def _places_of_functions() -> Iterator[Place]:
    """LiteLLM's functions that don't know OpenRouter, or lose what they were given."""
    from openrouter_adapter.batches.calls import with_openrouter as batches_with_openrouter
    from openrouter_adapter.chat.transformation import keeping_tool_fields
    from openrouter_adapter.hooks.token_counts import with_counter
    from openrouter_adapter.image_edit.transformation import OpenRouterImageEditConfig
    from openrouter_adapter.text_to_speech.speaking import speech_with_openrouter
    from openrouter_adapter.workspace_files.calls import with_openrouter

    yield Place(_MANAGER, "get_provider_model_info", with_counter, "count_tokens")
    yield Place(
        "litellm.main",
        "_is_claude_tool_target",
        keeping_tool_fields,
        "tool fields",
        later_name="is_claude_tool_target",
    )
    # The same class by LiteLLM's own name, for code that imports it from there.
    for module in (f"{_LLMS}.image_edit", f"{_LLMS}.image_edit.transformation"):
        yield Place(
            module, "OpenRouterImageEditConfig", lambda _: OpenRouterImageEditConfig, "names"
        )
    # `aspeech` looks for the one in main, callers for the other.
    yield place_at("litellm.main.speech", speech_with_openrouter, "text_to_speech")
    yield place_at("litellm.speech", speech_with_openrouter, "text_to_speech")
    # LiteLLM drops some of the metadata. For asynchronous calls the ledger's callback keeps it.
    keeping = functions.keeping_metadata
    yield place_at("litellm.responses", keeping(is_lost=False), "labels of a Router's calls")
    yield place_at("litellm.anthropic_messages_handler", keeping(is_lost=True), "labels")
    for path in ("litellm.anthropic_messages", "litellm.anthropic_interface.messages.acreate"):
        yield place_at(path, functions.keeping_fallbacks, "Anthropic's fallbacks")
    yield place_at("litellm.anthropic_interface.messages.create", keeping(is_lost=True), "labels")
    # OpenRouter's key is sent to nobody else.
    for module, names in functions.OPENAI_ONLY.items():
        for name in names:
            for owner in (module, "litellm"):
                yield Place(owner, name, functions.refusing_keys, "keys")
                yield Place(owner, f"a{name}", functions.refusing_keys, "keys")
    for module, names in functions.OPENAI_FIRST.items():
        for name in names:
            for owner in (module, "litellm"):
                yield Place(owner, name, functions.refusing_unnamed, "keys")
                yield Place(owner, f"a{name}", functions.refusing_unnamed, "keys")
    # LiteLLM's asynchronous functions look for the ones in the module.
    for name in (*functions.OPENAI_FIRST["litellm.files.main"], "afile_retrieve"):
        for owner in ("litellm.files.main", "litellm"):
            yield Place(owner, name, with_openrouter, "files")
    for name in functions.OPENAI_FIRST["litellm.batches.main"]:
        for owner in ("litellm.batches.main", "litellm"):
            yield Place(owner, name, batches_with_openrouter, "batches")


def place_at(path: str, replacement: Callable[[Any], Any], endpoint: str) -> Place:
    """The place of a dotted path."""
    module, _, attribute = path.rpartition(".")
    return Place(module, attribute, replacement, endpoint)


def function_of(endpoint: str) -> str:
    """LiteLLM's function of an endpoint that can be missed; empty for others."""
    return next((row.function for row in ENDPOINTS if row.name == endpoint), "")


def find(place: Place) -> tuple[Any, str, Any] | None:
    """A place in the installed LiteLLM: owner, name and value there; None if it is missing."""
    for module in filter(None, (place.module, place.later_module)):
        try:
            owner = pkgutil.resolve_name(module)
        except (ImportError, AttributeError):
            continue
        if place.is_new:
            return owner, place.attribute, _read(owner, place.attribute)
        for name in filter(None, (place.attribute, place.later_name)):
            there = _read(owner, name)
            if there is not MISSING:
                return owner, name, there
    return None


def _read(owner: Any, name: str) -> Any:
    """An attribute in the form in which it can be put back: a class unwraps static methods."""
    if isinstance(owner, type):
        return vars(owner).get(name, MISSING)
    # Not by `vars`: LiteLLM makes some of its names when they are first used.
    return getattr(owner, name, MISSING)
