"""What is put where in LiteLLM: one table, verified when installed, undone by `unregister`."""

from __future__ import annotations

import contextlib
import functools
import inspect
import pkgutil
import threading
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.hooks import decisions, egress, labels, misdirected
from openrouter_adapter.hooks import names as litellm_names
from openrouter_adapter.wire import connection, errors
from openrouter_adapter.wire.connection import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from openrouter_adapter.hooks.names import Name


@dataclass(frozen=True, slots=True)
class Place:
    """One attribute of LiteLLM that `register()` replaces.

    Attributes:
        module: Where it is; the name of a module, or of a class in one.
        attribute: Its name there.
        replacement: Makes what takes its place, from what was there.
        endpoint: The endpoint that needs it; `chat`, `embedding` and `image_generation` are
            never done without.
        later_name: Its name in later versions of LiteLLM, where that changed.
        is_new: Whether it is made where LiteLLM has no such attribute.
        later_module: Where it is in later versions, where that changed.
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
        """Whether `register()` raises, rather than warns, where LiteLLM lacks the place."""
        return self.endpoint in {"chat", "embedding", "image_generation"}


class RegistrationError(RuntimeError):
    """The installed LiteLLM lacks a place that the adapter needs. Nothing was changed."""


_MISSING: Final = object()
_HTTP: Final = "litellm.llms.custom_httpx.http_handler"
_OPENAI: Final = "litellm.llms.openai.common_utils.BaseOpenAILLM"
_OWN_WAY: Final = "that goes LiteLLM's own way"
# The endpoints that can be missed, and where LiteLLM has the function of each.
_FUNCTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "audio_transcription": ("litellm.main", "transcription"),
    "image_edit": ("litellm.images.main", "image_edit"),
    "rerank": ("litellm.rerank_api.main", "rerank"),
    "responses": ("litellm.responses.main", "responses"),
    "text_to_speech": ("litellm.main", "speech"),
}
_lock = threading.RLock()
_originals: list[tuple[Any, str, Any]] = []
# `registered()` blocks that are running, and whether the first of them found nothing registered.
_blocks: int = 0
_is_for_blocks: bool = False


def places() -> tuple[Place, ...]:
    """Every place in LiteLLM that `register()` changes."""
    from openrouter_adapter import left_streams
    from openrouter_adapter.chat.response import lenient_message
    from openrouter_adapter.chat.streaming import response_of, without_streams
    from openrouter_adapter.chat.transformation import OpenRouterChatConfig
    from openrouter_adapter.embedding.cached import keeping_the_cost
    from openrouter_adapter.embedding.transformation import OpenRouterEmbeddingConfig
    from openrouter_adapter.hooks.handlers import Handler
    from openrouter_adapter.image_generation.transformation import OpenRouterImageGenerationConfig
    from openrouter_adapter.responses.transformation import OpenRouterResponsesConfig

    def is_(replacement: Any) -> Callable[[Any], Any]:
        return lambda _: replacement

    chat = is_(OpenRouterChatConfig)
    embedding = is_(OpenRouterEmbeddingConfig)
    image = is_(OpenRouterImageGenerationConfig)
    responses = is_(OpenRouterResponsesConfig)
    folder = "litellm.llms.openrouter"
    return (
        Place("litellm", "OpenrouterConfig", chat, "chat"),
        Place(f"{folder}.chat.transformation", "OpenrouterConfig", chat, "chat"),
        Place(
            f"{folder}.embedding.transformation",
            "OpenrouterEmbeddingConfig",
            embedding,
            "embedding",
        ),
        Place(
            f"{folder}.image_generation",
            "OpenRouterImageGenerationConfig",
            image,
            "image_generation",
        ),
        Place(
            f"{folder}.image_generation.transformation",
            "OpenRouterImageGenerationConfig",
            image,
            "image_generation",
        ),
        Place("litellm", "OpenRouterResponsesAPIConfig", responses, "responses"),
        Place(
            f"{folder}.responses.transformation",
            "OpenRouterResponsesAPIConfig",
            responses,
            "responses",
        ),
        # Knows which request a response, a failure or a stream belongs to.
        Place("litellm.main", "base_llm_http_handler", Handler, "budgets"),
        Place("litellm.responses.main", "base_llm_http_handler", Handler, "responses"),
        # Makes aimage_generation truly asynchronous too, and `n` requests of `n` images.
        Place("litellm.images.main", "llm_http_handler", Handler, "n images"),
        Place("litellm.decisions.call", "_HANDLER", Handler, "decisions"),
        Place("litellm", "OpenRouterDecisionsConfig", decisions.with_headers, "decisions"),
        Place(
            "litellm.llms.anthropic.pass_through.messages.handler",
            "base_llm_http_handler",
            Handler,
            "Anthropic's Messages",
            later_module="litellm.llms.anthropic.messages.native.handler",
        ),
        # Whatever else goes to OpenRouter is admitted where it leaves.
        Place(f"{_HTTP}.AsyncHTTPHandler", "create_client", egress.watching, "budgets"),
        Place(f"{_HTTP}.HTTPHandler", "create_client", egress.watching, "budgets"),
        Place("litellm.main", "base_llm_aiohttp_handler", egress.AiohttpHandler, "budgets"),
        Place(_OPENAI, "_get_async_http_client", egress.watching_openai, "budgets"),
        Place(_OPENAI, "_get_sync_http_client", egress.watching_openai, "budgets"),
        # A refusal is raised as it is; of a type not in this list, LiteLLM makes another.
        Place("litellm", "LITELLM_EXCEPTION_TYPES", _with_budgets, "budgets"),
        Place(
            "litellm.litellm_core_utils.litellm_logging.Logging",
            "response_cost_calculator",
            without_streams,
            "streams without a tokenizer",
        ),
        # What the proxy prices by the cost map when the client has left.
        Place(
            "litellm.litellm_core_utils.litellm_logging.Logging",
            "dispatch_success_handlers",
            left_streams.waiting_for_bill,
            "the bill of streams that a proxy's client leaves",
        ),
        # What a Router returns is a stream around ours.
        Place(
            "litellm.litellm_core_utils.streaming_handler.CustomStreamWrapper",
            "response",
            is_(property(response_of)),
            "the answer of a Router's stream",
            is_new=True,
        ),
        # A cached answer is read with stricter types than it came with.
        Place(
            "litellm.litellm_core_utils.llm_response_utils.convert_dict_to_response",
            "Message",
            lenient_message,
            "cached file annotations",
        ),
        # Of vectors that were cached in part, LiteLLM drops what the others cost.
        Place(
            "litellm.caching.caching_handler.LLMCachingHandler",
            "combine_cached_embedding_response_with_api_result",
            keeping_the_cost,
            "partly cached embeddings",
        ),
        # LiteLLM strips Anthropic's own tool fields for every other provider.
        Place(
            "litellm.main",
            "_is_claude_tool_target",
            _also_openrouter,
            "tool fields",
            later_name="is_claude_tool_target",
        ),
        *_other_places(),
        # A key of OpenRouter's goes to nobody else.
        *(
            Place(owner, f"{prefix}{name}", misdirected.refusing, "keys")
            for module, names in misdirected.FUNCTIONS.items()
            for name in names
            for prefix in ("", "a")
            for owner in (module, "litellm")
        ),
    )


def _other_places() -> tuple[Place, ...]:
    """The places of the endpoints that LiteLLM does not have, or has in part, for OpenRouter."""
    from openrouter_adapter.audio_transcription.transformation import (
        OpenRouterAudioTranscriptionConfig,
    )
    from openrouter_adapter.hooks.handlers import Handler
    from openrouter_adapter.image_edit.transformation import OpenRouterImageEditConfig
    from openrouter_adapter.rerank.transformation import OpenRouterRerankConfig
    from openrouter_adapter.text_to_speech.speaking import speech_with_openrouter

    manager = "litellm.utils.ProviderConfigManager"
    return (
        Place(
            manager,
            "get_provider_rerank_config",
            _for_openrouter(OpenRouterRerankConfig),
            "rerank",
        ),
        Place(
            manager,
            "get_provider_audio_transcription_config",
            _for_openrouter(OpenRouterAudioTranscriptionConfig),
            "audio_transcription",
        ),
        Place(
            manager,
            "get_provider_image_edit_config",
            _for_openrouter(OpenRouterImageEditConfig),
            "image_edit",
        ),
        # The same class by LiteLLM's own name, for code that takes it from there.
        *(
            Place(module, "OpenRouterImageEditConfig", lambda _: OpenRouterImageEditConfig, "names")
            for module in (
                "litellm.llms.openrouter.image_edit",
                "litellm.llms.openrouter.image_edit.transformation",
            )
        ),
        Place("litellm.images.main", "base_llm_http_handler", Handler, "image_edit"),
        Place("litellm.rerank_api.main", "base_llm_http_handler", Handler, "rerank"),
        # `aspeech` looks for the one in main, callers for the other.
        Place("litellm.main", "speech", speech_with_openrouter, "text_to_speech"),
        Place("litellm", "speech", speech_with_openrouter, "text_to_speech"),
        # What LiteLLM drops of a call's metadata; asynchronous calls come to the ledger's callback.
        Place("litellm", "responses", labels.keeping(is_lost=False), "labels of a Router's calls"),
        Place("litellm", "anthropic_messages_handler", labels.keeping(is_lost=True), "labels"),
        Place(
            "litellm.anthropic_interface.messages",
            "create",
            labels.keeping(is_lost=True),
            "labels",
        ),
    )


def _for_openrouter(config: type) -> Callable[[Any], Any]:
    """Makes of LiteLLM's look-up one that knows our class for OpenRouter."""

    def replacement(original: Any) -> Any:
        def look_up(model: str, provider: Any, *arguments: Any, **keywords: Any) -> Any:
            if provider == "openrouter":
                return config()
            return original.__func__(model, provider, *arguments, **keywords)

        return staticmethod(look_up)

    return replacement


def register(given: Settings | None = None) -> None:
    """Makes LiteLLM's calls on `openrouter/…` models run on this package.

    Calling it again only changes the settings that are given. Safe from any thread; touches
    neither network nor disk.

    Raises:
        RegistrationError: this version of LiteLLM has no place for chat, embeddings or images.
    """
    with _lock:
        before = connection.settings()
        connection.use(before.updated(given or Settings()))
        if _originals:
            return
        try:
            table = places()
            # That imported LiteLLM, and who waits for that (launcher/) may have registered.
            if _originals:
                return
            missing: list[Place | Name] = [place for place in table if not _install(place)]
            missing += _missing_names()
            _watch_kept_clients()
            _verify()
            _refuse(missing)
        except BaseException:
            _restore()
            connection.use(before)
            raise
    for place in missing:
        then = "OpenRouter's models raise there" if place.endpoint in _FUNCTIONS else _OWN_WAY
        # The caller's caller: between them is the package's own `register`.
        warnings.warn(f"{_lack(place)}; {then}.", RuntimeWarning, stacklevel=3)


def unregister() -> None:
    """Puts LiteLLM's own classes back, object for object."""
    with _lock:
        _restore()
        connection.use(Settings())


def is_registered() -> bool:
    """Whether LiteLLM runs on this package at the moment."""
    return bool(_originals)


@contextlib.contextmanager
def registered(given: Settings | None = None) -> Iterator[None]:
    """`register()` for the length of a `with` block.

    Blocks may be inside one another, or in several threads at once: the last one that ends
    unregisters, and does not where it was registered before the first. A block's settings end
    with the block.
    """
    global _blocks, _is_for_blocks
    with _lock:
        before = connection.settings()
        found_registered = is_registered()
        register(given)
        if not _blocks:
            _is_for_blocks = not found_registered
        _blocks += 1
    try:
        yield
    finally:
        with _lock:
            _blocks -= 1
            if _is_for_blocks and not _blocks:
                unregister()
            else:
                connection.use(before)


def find(place: Place) -> tuple[Any, str, Any] | None:
    """Where a place is in the installed LiteLLM: its owner, its name there, and what is there."""
    for module in filter(None, (place.module, place.later_module)):
        try:
            owner = pkgutil.resolve_name(module)
        except (ImportError, AttributeError):
            continue
        if place.is_new:
            return owner, place.attribute, _read(owner, place.attribute)
        for name in filter(None, (place.attribute, place.later_name)):
            there = _read(owner, name)
            if there is not _MISSING:
                return owner, name, there
    return None


def _install(place: Place) -> bool:
    """Puts the replacement into its place; False where LiteLLM lacks one that can be missed."""
    found = find(place)
    if found is None:
        if place.is_required:
            raise RegistrationError(f"{_lack(place)}. LiteLLM was left as it was.")
        return False
    owner, name, original = found
    _originals.append(found)
    setattr(owner, name, place.replacement(original))
    return True


def _watch_kept_clients() -> None:
    """Has the clients watched that LiteLLM made before it was told of us, and keeps."""
    import litellm

    cache = getattr(vars(litellm).get("in_memory_llm_clients_cache"), "cache_dict", {})
    own = (vars(litellm).get(name) for name in ("module_level_client", "module_level_aclient"))
    for kept in (*own, *list(cache.values())):
        egress.watch(getattr(kept, "client", None))
        # OpenAI's SDK has its client there.
        egress.watch(getattr(kept, "_client", None), raises=False)


def _missing_names() -> list[Name]:
    """The names that LiteLLM lacks of those that we call, where an endpoint can be missed.

    Raises:
        RegistrationError: it can't.
    """
    missing = litellm_names.missing()
    for name in missing:
        if name.endpoint not in _FUNCTIONS:
            raise RegistrationError(f"{_lack(name)}. LiteLLM was left as it was.")
    return missing


def _refuse(missing: list[Place | Name]) -> None:
    """Lets the endpoints that lack a place raise when they are used on OpenRouter.

    LiteLLM's own way might send something else than was asked for, at a cost that nobody sees.
    """
    for place in missing:
        if place.endpoint in _FUNCTIONS:
            module, name = _FUNCTIONS[place.endpoint]
            # The asynchronous ones look for the first, callers for the other.
            for owner in (module, "litellm"):
                _install(Place(owner, name, _refusing(place), place.endpoint))


def _refusing(place: Place | Name) -> Callable[[Any], Any]:
    def replacement(original: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(original)

        @functools.wraps(original)
        def refuse_openrouter(*arguments: Any, **keywords: Any) -> Any:
            model = str(signature.bind_partial(*arguments, **keywords).arguments.get("model"))
            provider = keywords.get("custom_llm_provider") or model.partition("/")[0]
            if provider == "openrouter":
                raise errors.bad_request(f"{_lack(place)}. Another version may have it.", model)
            return original(*arguments, **keywords)

        return refuse_openrouter

    return replacement


def _read(owner: Any, name: str) -> Any:
    """An attribute as it can be put back: a class would unwrap its static methods."""
    if isinstance(owner, type):
        return vars(owner).get(name, _MISSING)
    # Not by `vars`: LiteLLM makes some of its names when they are first asked for.
    return getattr(owner, name, _MISSING)


def _lack(place: Place | Name) -> str:
    return (
        f"litellm {_version()} has no {place.module}.{place.attribute}, which openrouter_adapter "
        f"needs for {place.endpoint}"
    )


def _restore() -> None:
    if not _originals:
        # Nothing was installed; the handlers would import LiteLLM.
        return
    from openrouter_adapter.hooks import handlers

    egress.release()
    handlers.forget_clients()
    while _originals:
        module, attribute, original = _originals.pop()
        if original is _MISSING:
            delattr(module, attribute)
        else:
            setattr(module, attribute, original)


def _verify() -> None:
    """Asks LiteLLM, in its own way, for the classes it would use."""
    from litellm.types.utils import LlmProviders
    from litellm.utils import ProviderConfigManager

    from openrouter_adapter.chat.transformation import OpenRouterChatConfig
    from openrouter_adapter.embedding.transformation import OpenRouterEmbeddingConfig
    from openrouter_adapter.image_generation.transformation import OpenRouterImageGenerationConfig

    model, provider = "openai/gpt-4o", LlmProviders.OPENROUTER
    manager = ProviderConfigManager
    for found, ours in (
        (manager.get_provider_chat_config(model, provider), OpenRouterChatConfig),
        (manager.get_provider_embedding_config(model, provider), OpenRouterEmbeddingConfig),
        (
            manager.get_provider_image_generation_config(model, provider),
            OpenRouterImageGenerationConfig,
        ),
    ):
        if not isinstance(found, ours):
            raise RegistrationError(
                f"litellm {_version()} uses {type(found).__name__} where it should use "
                f"{ours.__name__}. LiteLLM was left as it was."
            )


def _also_openrouter(original: Callable[..., bool]) -> Callable[..., bool]:
    def is_claude_tool_target(*arguments: Any, **keywords: Any) -> bool:
        if "openrouter" in {*map(str, arguments), *map(str, keywords.values())}:
            return True
        return original(*arguments, **keywords)

    return is_claude_tool_target


def _with_budgets(original: list[Any]) -> list[Any]:
    from litellm.exceptions import BudgetExceededError

    return [*original, BudgetExceededError]


def _version() -> str:
    from importlib.metadata import version

    return version("litellm")
