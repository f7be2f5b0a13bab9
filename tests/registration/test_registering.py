"""register() and what it leaves behind: every place, threads, blocks inside others."""

from __future__ import annotations

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import litellm
import pytest
from litellm.types.utils import LlmProviders
from litellm.utils import ProviderConfigManager

import openrouter_adapter
from openrouter_adapter import registration
from openrouter_adapter.hooks.table import Place, places
from openrouter_adapter.registration import is_registered
from openrouter_adapter.wire import connection
from tests.support.calls import ask

if TYPE_CHECKING:
    from tests.support.loopback import Loopback


from tests.registration.in_place import attribute_in, in_place

OPENROUTER = LlmProviders.OPENROUTER
CLASSES = (
    openrouter_adapter.OpenRouterChatConfig,
    openrouter_adapter.OpenRouterEmbeddingConfig,
    openrouter_adapter.OpenRouterImageGenerationConfig,
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


def test_who_registers_while_litellm_is_imported_registers_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    table = places()

    def importing() -> tuple[Place, ...]:
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
