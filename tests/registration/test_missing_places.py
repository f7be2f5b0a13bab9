"""register() if LiteLLM lacks a place: it raises if the place is needed, else it warns."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import warnings
from typing import TYPE_CHECKING, Any

import litellm
import pytest

import openrouter_adapter
from openrouter_adapter import registration
from openrouter_adapter.hooks.table import Place, places
from openrouter_adapter.registration import RegistrationError, is_registered
from openrouter_adapter.wire import connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.loopback import Loopback


from tests.registration.in_place import in_place


@pytest.mark.parametrize(
    "place", [one for one in places() if one.is_required], ids=lambda one: one.module
)
def test_a_missing_place_is_named_and_nothing_is_changed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = in_place()
    module = importlib.import_module(place.module)
    replaced = Place(place.module, "ItIsGone", place.replacement, place.endpoint)
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
    place = Place("litellm.llms.gone", "Gone", lambda old: old, "chat")
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
    gone = Place("litellm.main", "_gone", lambda old: old, "tool fields")
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
    with pytest.warns(RuntimeWarning, match="calls to it for OpenRouter's models raise an error"):
        openrouter_adapter.register()
    where = {"api_base": f"{loopback.base_url}/rerank", "api_key": "sk-other"}
    found: Any = litellm.rerank("cohere/rerank-v3.5", "bird", ["a wren"], **where)
    assert found.results[0]["relevance_score"] == 1.0
