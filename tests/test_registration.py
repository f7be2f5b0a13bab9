"""register() and what it leaves behind: every place, other providers, threads, missing places."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import pkgutil
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.types.utils import LlmProviders
from litellm.utils import ProviderConfigManager

import openrouter_adapter
from openrouter_adapter import connection, registration
from openrouter_adapter.registration import Place, RegistrationError, is_registered, places
from tests.support.calls import WAYS, ask
from tests.support.gate import RecordingGate, guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.loopback import Loopback

OPENROUTER = LlmProviders.OPENROUTER
CLASSES = (
    openrouter_adapter.OpenRouterChatConfig,
    openrouter_adapter.OpenRouterEmbeddingConfig,
    openrouter_adapter.OpenRouterImageGenerationConfig,
)


@pytest.fixture(autouse=True)
def nothing_registered() -> Iterator[None]:
    assert not is_registered()
    yield
    openrouter_adapter.unregister()


def in_place() -> list[Any]:
    """Return what is in each place now."""
    return [attribute_in(one, one.attribute, one.later_name) for one in places()]


def attribute_in(place: Place, *names: str) -> Any:
    """Return the first of these attributes that is there; a class's as it can be put back."""
    owner = pkgutil.resolve_name(place.module)
    held = vars(owner) if isinstance(owner, type) else {}
    return next(
        held[name] if name in held else getattr(owner, name)
        for name in names
        if name and hasattr(owner, name)
    )


def answers_of_the_manager() -> tuple[type, ...]:
    """Return the classes that LiteLLM would use for OpenRouter."""
    return tuple(
        type(look_up("openai/gpt-4o", OPENROUTER))
        for look_up in (
            ProviderConfigManager.get_provider_chat_config,
            ProviderConfigManager.get_provider_embedding_config,
            ProviderConfigManager.get_provider_image_generation_config,
        )
    )


def test_unregister_puts_back_object_for_object() -> None:
    before = in_place()
    openrouter_adapter.register()
    during = in_place()
    openrouter_adapter.unregister()
    assert all(one is not other for one, other in zip(before, during, strict=True))
    assert all(one is other for one, other in zip(before, in_place(), strict=True))


def test_litellm_chooses_its_own_classes_again_after_unregister() -> None:
    before = answers_of_the_manager()
    with openrouter_adapter.registered():
        assert answers_of_the_manager() == CLASSES
    assert answers_of_the_manager() == before
    assert all(one.__module__.startswith("litellm.") for one in before)


def test_unregister_without_register_changes_nothing() -> None:
    before = in_place()
    openrouter_adapter.unregister()
    assert in_place() == before


def test_registering_twice_is_once() -> None:
    before = in_place()
    openrouter_adapter.register()
    during = in_place()
    openrouter_adapter.register()
    assert all(one is other for one, other in zip(during, in_place(), strict=True))
    openrouter_adapter.unregister()
    assert in_place() == before


def test_litellms_names_are_our_classes() -> None:
    chat, embedding, image = CLASSES
    with openrouter_adapter.registered():
        from litellm.llms.openrouter.chat.transformation import OpenrouterConfig
        from litellm.llms.openrouter.embedding.transformation import OpenrouterEmbeddingConfig
        from litellm.llms.openrouter.image_generation import OpenRouterImageGenerationConfig
        from litellm.llms.openrouter.image_generation import transformation as images

        assert (litellm.OpenrouterConfig, OpenrouterConfig) == (chat, chat)
        assert OpenrouterEmbeddingConfig is embedding
        assert OpenRouterImageGenerationConfig is image
        assert images.OpenRouterImageGenerationConfig is image


def test_a_block_inside_another_leaves_it_registered() -> None:
    with openrouter_adapter.registered():
        with openrouter_adapter.registered():
            pass
        assert is_registered()
    assert not is_registered()


def test_a_block_after_register_leaves_it_registered() -> None:
    openrouter_adapter.register()
    with openrouter_adapter.registered():
        pass
    assert is_registered()


def test_a_block_is_undone_when_it_fails() -> None:
    with pytest.raises(ZeroDivisionError), openrouter_adapter.registered():
        raise ZeroDivisionError
    assert not is_registered()


def test_a_block_that_ends_in_one_thread_leaves_anothers_registered() -> None:
    first_is_in, first_may_leave = threading.Event(), threading.Event()

    def first() -> None:
        with openrouter_adapter.registered():
            first_is_in.set()
            first_may_leave.wait(5)

    thread = threading.Thread(target=first)
    thread.start()
    first_is_in.wait(5)
    with openrouter_adapter.registered():
        first_may_leave.set()
        thread.join()
        assert is_registered()
        assert litellm.OpenrouterConfig is CLASSES[0]
    assert not is_registered()


def test_a_block_gives_the_outer_attribution_back() -> None:
    headers: dict[str, str] = {}
    with openrouter_adapter.registered(app_url="https://outer.example", app_title="Outer"):
        with openrouter_adapter.registered(app_title="Inner"):
            inner = connection.request_headers(headers, "sk-or-1")
        outer = connection.request_headers(headers, "sk-or-1")
    assert (inner["HTTP-Referer"], inner["X-Title"]) == ("https://outer.example", "Inner")
    assert (outer["HTTP-Referer"], outer["X-Title"]) == ("https://outer.example", "Outer")


def test_a_second_register_without_attribution_keeps_the_firsts() -> None:
    openrouter_adapter.register(app_title="Ours")
    openrouter_adapter.register()
    assert connection.request_headers({}, "sk-or-1")["X-Title"] == "Ours"


def test_unregister_forgets_the_attribution() -> None:
    openrouter_adapter.register(app_title="Ours")
    openrouter_adapter.unregister()
    assert connection.request_headers({}, "sk-or-1")["X-Title"] == "liteLLM"


def test_many_threads_register_and_unregister_at_once() -> None:
    before = in_place()
    barrier = threading.Barrier(8)

    def back_and_forth(_: int) -> None:
        barrier.wait(5)
        for _ in range(50):
            openrouter_adapter.register()
            openrouter_adapter.unregister()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(back_and_forth, range(8)))
    assert all(one is other for one, other in zip(before, in_place(), strict=True))


@pytest.mark.parametrize(
    "place", [one for one in places() if one.is_required], ids=lambda one: one.module
)
def test_a_missing_place_is_named_and_nothing_is_changed(
    place: registration.Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = in_place()
    module = importlib.import_module(place.module)
    replaced = registration.Place(place.module, "ItIsGone", place.replacement, place.endpoint)
    table = tuple(
        replaced if (one.module, one.attribute) == (place.module, place.attribute) else one
        for one in places()
    )
    monkeypatch.setattr(registration, "places", lambda: table)
    with pytest.raises(RegistrationError) as caught:
        openrouter_adapter.register(app_title="Ours")
    monkeypatch.undo()
    assert f"{place.module}.ItIsGone" in str(caught.value)
    assert f"litellm {importlib.metadata.version('litellm')}" in str(caught.value)
    assert not hasattr(module, "ItIsGone")
    assert all(one is other for one, other in zip(before, in_place(), strict=True))
    assert connection.request_headers({}, "sk-or-1")["X-Title"] == "liteLLM"


def test_a_missing_module_is_a_missing_place(monkeypatch: pytest.MonkeyPatch) -> None:
    place = registration.Place("litellm.llms.gone", "Gone", lambda old: old, "chat")
    monkeypatch.setattr(registration, "places", lambda: (place,))
    with pytest.raises(RegistrationError, match=r"litellm\.llms\.gone\.Gone"):
        openrouter_adapter.register()


def test_a_class_that_litellm_does_not_use_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    before = in_place()
    table = tuple(one for one in places() if one.endpoint != "embedding")
    monkeypatch.setattr(registration, "places", lambda: table)
    with pytest.raises(RegistrationError, match="OpenRouterEmbeddingConfig"):
        openrouter_adapter.register()
    monkeypatch.undo()
    assert all(one is other for one, other in zip(before, in_place(), strict=True))


def test_a_missing_optional_place_warns_once(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = registration.Place("litellm.main", "_gone", lambda old: old, "tool fields")
    table = (*places(), gone)
    monkeypatch.setattr(registration, "places", lambda: table)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        openrouter_adapter.register()
        openrouter_adapter.register()
    assert is_registered()
    (warning,) = [one for one in caught if "litellm.main._gone" in str(one.message)]
    assert warning.category is RuntimeWarning
    assert warning.filename == __file__


# An endpoint that lacks a place, each way to call it, and the place that is taken away.
MODEL = "openrouter/openai/gpt-4o-mini"
SPOKEN = {"model": MODEL, "input": "Hi", "voice": "alloy"}
RANKED = {"model": MODEL, "query": "bird", "documents": ["a wren"]}
EDITED = {"model": MODEL, "image": b"PNG", "prompt": "bluer"}
HEARD = {"model": MODEL, "file": ("a.wav", b"RIFF")}
ENDPOINTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "responses": ("responses", {"model": MODEL, "input": "Hi"}, "OpenRouterResponsesAPIConfig"),
    "responses' handler": ("responses", {"model": MODEL, "input": "Hi"}, "base_llm_http_handler"),
    "rerank": ("rerank", RANKED, "get_provider_rerank_config"),
    "image_edit": ("image_edit", EDITED, "get_provider_image_edit_config"),
    "transcription": ("transcription", HEARD, "get_provider_audio_transcription_config"),
    "speech": ("speech", SPOKEN, "speech"),
}


def ways_to_call(name: str, keywords: dict[str, Any]) -> list[Callable[[], Any]]:
    """Return the function, its asynchronous twin, and a Router's way to that."""
    router = litellm.Router(
        [{"model_name": "m", "litellm_params": {"model": MODEL}}], num_retries=0
    )
    return [
        lambda: getattr(litellm, name)(**keywords),
        lambda: asyncio.run(getattr(litellm, f"a{name}")(**keywords)),
        lambda: asyncio.run(getattr(router, f"a{name}")(**{**keywords, "model": "m"})),
    ]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.filterwarnings("ignore:litellm .* has no:RuntimeWarning")
def test_an_endpoint_that_lacks_a_place_raises_and_sends_nothing(
    endpoint: str, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, keywords, gone = ENDPOINTS[endpoint]
    monkeypatch.setenv("OPENROUTER_API_BASE", loopback.base_url)
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-1")
    before = in_place(), getattr(litellm, name)
    wanted = "text_to_speech" if name == "speech" else name
    table = tuple(
        dataclasses.replace(place, attribute="_gone")
        if place.attribute == gone and place.endpoint.endswith(wanted)
        else place
        for place in places()
    )
    monkeypatch.setattr(registration, "places", lambda: table)
    with openrouter_adapter.registered():
        for call in ways_to_call(name, keywords):
            with pytest.raises(litellm.BadRequestError, match="_gone, which openrouter_adapter"):
                call()
    monkeypatch.undo()
    assert loopback.requests == []
    assert (in_place(), getattr(litellm, name)) == before


def test_an_endpoint_that_lacks_a_place_stays_open_to_other_providers(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    loopback.replies({"id": "1", "results": [{"index": 0, "relevance_score": 1.0}], "meta": {}})
    table = tuple(
        dataclasses.replace(place, attribute="_gone") if place.endpoint == "rerank" else place
        for place in places()
    )
    monkeypatch.setattr(registration, "places", lambda: table)
    with pytest.warns(RuntimeWarning, match="OpenRouter's models raise there"):
        openrouter_adapter.register()
    where = {"api_base": f"{loopback.base_url}/rerank", "api_key": "sk-other"}
    found: Any = litellm.rerank("cohere/rerank-v3.5", "bird", ["a wren"], **where)
    assert found.results[0]["relevance_score"] == 1.0


def test_who_registers_while_litellm_is_imported_registers_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    table = places()

    def importing() -> tuple[registration.Place, ...]:
        asked.append(1)
        if len(asked) == 1:
            openrouter_adapter.register()
        return table

    before = in_place()
    monkeypatch.setattr(registration, "places", importing)
    openrouter_adapter.register()
    assert len(registration._originals) == len(table)
    openrouter_adapter.unregister()
    monkeypatch.undo()
    assert all(one is other for one, other in zip(before, in_place(), strict=True))


def test_tool_fields_are_kept_under_litellms_newer_name_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import litellm.main

    [place] = [one for one in places() if one.later_name]
    own = attribute_in(place, place.attribute, place.later_name)
    monkeypatch.setattr(litellm.main, place.later_name, own, raising=False)
    monkeypatch.delattr(litellm.main, place.attribute, raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        openrouter_adapter.register()
    asked = litellm.main.is_claude_tool_target
    assert asked(custom_llm_provider="openrouter", model="m")
    assert not asked(custom_llm_provider="openai", model="gpt-4o")


# Other providers: LiteLLM's own code, through the same handlers.

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
CHUNK = {
    **ANSWER,
    "object": "chat.completion.chunk",
    "choices": [
        {"index": 0, "delta": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    ],
}
OTHER_MODELS = {
    # Through the official client, and through the handlers that register() replaces.
    "official client": ("openai/gpt-4o-mini", "openai/text-embedding-3-small"),
    "same handler": ("vercel_ai_gateway/gpt-4o-mini", "vercel_ai_gateway/text-embedding-3-small"),
}


@pytest.mark.parametrize("way", ["completion", "acompletion", "stream", "astream"])
@pytest.mark.parametrize("client", OTHER_MODELS)
def test_another_providers_chat_is_litellms_own(loopback: Loopback, way: str, client: str) -> None:
    loopback.replies([CHUNK] if "stream" in way else ANSWER)
    model, _ = OTHER_MODELS[client]
    where = {"api_base": loopback.base_url, "api_key": "sk-other"}
    with openrouter_adapter.registered(app_title="Ours"):
        WAYS[way](model=model, top_k=1, reasoning_effort=None, **where)
    assert "usage" not in loopback.body
    assert loopback.headers.get("x-title") != "Ours"


@pytest.mark.parametrize("way", ["embedding", "aembedding"])
@pytest.mark.parametrize("client", OTHER_MODELS)
def test_another_providers_embedding_is_litellms_own(
    loopback: Loopback, way: str, client: str
) -> None:
    _, model = OTHER_MODELS[client]
    with openrouter_adapter.registered(app_title="Ours"):
        answer = WAYS[way](model=model, api_base=loopback.base_url, api_key="sk-other")
    assert "openrouter" not in answer._hidden_params
    assert loopback.headers.get("x-title") != "Ours"


@pytest.mark.parametrize("way", ["image_generation", "aimage_generation"])
@pytest.mark.parametrize("model", ["openai/dall-e-3", "aiml/flux-pro"])
def test_another_providers_image_is_litellms_own(loopback: Loopback, way: str, model: str) -> None:
    loopback.replies({"created": 1, "data": [{"url": "https://a.example/bird.png"}]})
    with openrouter_adapter.registered(app_title="Ours"):
        answer = WAYS[way](model=model, api_base=loopback.base_url, api_key="sk-other", n=1)
    assert answer.data[0].url == "https://a.example/bird.png"
    assert "modalities" not in loopback.body
    assert loopback.headers.get("x-title") != "Ours"


def test_a_gate_is_not_asked_about_another_provider(loopback: Loopback) -> None:
    loopback.replies(ANSWER)
    with guarded(RecordingGate()) as gate, openrouter_adapter.registered():
        ask(model="vercel_ai_gateway/gpt-4o-mini", api_base=loopback.base_url, api_key="sk-1")
    assert (gate.asked, gate.settled) == ([], [])


@pytest.mark.usefixtures("openrouter")
def test_a_stream_that_began_before_unregister_ends_well() -> None:
    stream = ask(stream=True)
    first = next(stream)
    openrouter_adapter.unregister()
    text = "".join(chunk.choices[0].delta.content or "" for chunk in (first, *stream))
    assert text == "Wren, tit, owl."


def test_calls_in_two_threads_while_registering(openrouter: Loopback) -> None:
    def call(_: int) -> str:
        openrouter_adapter.register()
        return str(ask().choices[0].message.content)

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(call, range(8))) == {"Wren, tit, owl."}
    assert len(openrouter.requests) == 8


def test_another_providers_rerank_class_is_litellms_own() -> None:
    look_up = ProviderConfigManager.get_provider_rerank_config
    arguments: Any = ("rerank-v3.5", LlmProviders.COHERE, None, [])
    before = type(look_up(*arguments))
    with openrouter_adapter.registered():
        assert type(ProviderConfigManager.get_provider_rerank_config(*arguments)) is before


# The package's front door.


def test_all_is_exactly_what_is_exported() -> None:
    exported = [
        name
        for name in dir(openrouter_adapter)
        if not name.startswith("_")
        and not isinstance(value := getattr(openrouter_adapter, name), ModuleType)
        and getattr(value, "__module__", "").startswith("openrouter_adapter.")
    ]
    assert openrouter_adapter.__all__ == sorted(openrouter_adapter.__all__)
    assert sorted([*exported, "__version__"]) == openrouter_adapter.__all__


def test_importing_does_no_network_and_writes_no_file() -> None:
    code = """
import litellm, sys
seen = []
def audit(event, arguments):
    if event.startswith(("socket.connect", "socket.getaddrinfo", "sqlite3.connect")):
        seen.append((event, arguments))
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        if not str(arguments[0]).endswith(".pyc") and "__pycache__" not in str(arguments[0]):
            seen.append((event, arguments))
sys.addaudithook(audit)
import openrouter_adapter
openrouter_adapter.register()
openrouter_adapter.unregister()
print(seen)
"""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_the_other_providers_coroutines_still_run(loopback: Loopback) -> None:
    loopback.replies(ANSWER)

    async def both() -> list[Any]:
        where = {"api_base": loopback.base_url, "api_key": "sk-1"}
        question = [{"role": "user", "content": "Hi"}]
        with openrouter_adapter.registered():
            calls = [
                litellm.acompletion(model=model, messages=question, **where)
                for model in ("openrouter/openai/gpt-4o-mini", "vercel_ai_gateway/gpt-4o-mini")
            ]
            return await asyncio.gather(*calls)

    ours, theirs = asyncio.run(both())
    assert "openrouter" in ours._hidden_params
    assert "openrouter" not in theirs._hidden_params
