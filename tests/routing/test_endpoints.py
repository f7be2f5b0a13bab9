"""Each endpoint through a Router, named and by wildcard: what is sent, and the exact cost."""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.integrations.custom_logger import CustomLogger

from openrouter_adapter import catalog
from tests.routing.sites import (
    CHEAP,
    DEAR,
    GROUP,
    QUESTION,
    Way,
    billed,
    deployment,
    every_way,
    models_asked,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.catalog import Catalog
    from openrouter_adapter.emulator import Emulator

    Make = Callable[..., litellm.Router]

IS_ASYNC = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
BY_NAME = pytest.mark.parametrize("is_wildcard", [False, True], ids=["by name", "by wildcard"])


class Costs(CustomLogger):
    """Notes what LiteLLM tells its callbacks of the cost of each answer, USD."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[float] = []

    def log_success_event(self, kwargs: Any, *_: Any, **__: Any) -> None:
        if not kwargs["litellm_params"].get("acompletion"):
            self.told.append(kwargs["response_cost"])

    async def async_log_success_event(self, kwargs: Any, *_: Any, **__: Any) -> None:
        self.told.append(kwargs["response_cost"])


def recording() -> io.BytesIO:
    """Return a second of silence, as a file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\0" * 8000)
    file.seek(0)
    file.name = "silence.wav"
    return file


CALLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "chat": (CHEAP, "completion", {"messages": QUESTION}),
    "text": (CHEAP, "text_completion", {"prompt": "Birds are"}),
    "responses": (CHEAP, "responses", {"input": "Name three birds."}),
    "embeddings": ("openai/text-embedding-3-small", "embedding", {"input": ["wren", "tit"]}),
    "images": ("google/gemini-2.5-flash-image", "image_generation", {"prompt": "A wren."}),
    "rerank": (
        "voyageai/rerank-2.5-lite",
        "rerank",
        {"query": "a bird", "documents": ["a wren", "a stone"]},
    ),
    "transcription": ("openai/gpt-4o-mini-transcribe", "transcription", {}),
}
# LiteLLM's Router has no synchronous call of these.
ONLY_ASYNC = {"rerank", "transcription"}


async def call(router: litellm.Router, name: str, *, is_async: bool, **keywords: Any) -> Any:
    if name == "transcription":
        keywords["file"] = recording()
    if is_async:
        return await getattr(router, f"a{name}")(**keywords)
    return getattr(router, name)(**keywords)


@BY_NAME
@pytest.mark.parametrize(
    ("endpoint", "is_async"),
    [
        pytest.param(endpoint, is_async, id=f"{'a' if is_async else ''}{endpoint}")
        for endpoint in CALLS
        for is_async in (False, True)
        if is_async or endpoint not in ONLY_ASYNC
    ],
)
async def test_an_endpoint_costs_its_bill(
    east: Emulator, routers: Make, endpoint: str, is_async: bool, is_wildcard: bool
) -> None:
    model, name, keywords = CALLS[endpoint]
    if is_wildcard:
        row, called = deployment(east, "openrouter/*", "*"), f"openrouter/{model}"
    else:
        row, called = deployment(east, GROUP, model), GROUP
    router = routers(row)
    if (endpoint, is_async, is_wildcard) == ("text", False, False):
        # LiteLLM's Router asks for a model of the group's name here.
        with pytest.raises(litellm.BadRequestError, match="LLM Provider NOT provided"):
            router.text_completion(model=called, **keywords)
        return
    answer = await call(router, name, is_async=is_async, model=called, **keywords)
    assert answer._hidden_params["response_cost"] == billed(east) > 0
    assert [row.model for row in east.bill()] == [model]


@every_way
async def test_each_deployment_has_its_own_preferences_key_and_address(
    east: Emulator, west: Emulator, routers: Make, way: Way
) -> None:
    router = routers(
        deployment(east, provider={"order": ["azure"], "allow_fallbacks": False}),
        deployment(west, provider={"sort": "price"}, extra_headers={"X-Title": "West"}),
    )
    while not (east.requests and west.requests):
        await way.ask(router)
    # A key that is not the emulator's own would have been refused.
    there, here = east.requests[-1], west.requests[-1]
    assert there.body["provider"] == {"order": ["azure"], "allow_fallbacks": False}
    assert here.body["provider"] == {"sort": "price"}
    assert here.headers["x-title"] == "West"
    assert {row.provider for row in east.bill()} == {"Azure"}


@every_way
async def test_a_calls_own_preferences_stand_in_for_the_deployments(
    east: Emulator, routers: Make, way: Way
) -> None:
    router = routers(deployment(east, provider={"sort": "price"}))
    await way.ask(router, provider={"sort": "latency"})
    assert east.requests[-1].body["provider"] == {"sort": "latency"}


@IS_ASYNC
async def test_a_routers_cache_answers_the_second_call_at_no_cost(
    east: Emulator, routers: Make, is_async: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litellm, "cache", None)
    listener = Costs()
    monkeypatch.setattr(litellm, "callbacks", [listener])
    router = routers(deployment(east), cache_responses=True)
    way = Way(is_async=is_async, is_stream=False)
    first, bill = await way.ask(router)
    await until(lambda: len(listener.told) == 1 and litellm.cache.cache.cache_dict)
    assert (await way.ask(router))[0] == first
    await until(lambda: len(listener.told) == 2)
    assert listener.told == [bill, 0]
    assert len(east.requests) == 1


async def test_anthropics_messages_are_told_at_their_bill(
    east: Emulator, routers: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Costs()
    monkeypatch.setattr(litellm, "callbacks", [listener])
    router = routers(
        deployment(east), deployment(east, "rest", DEAR), fallbacks=[{GROUP: ["rest"]}]
    )
    east.faults.add(f"status=502; model={CHEAP}")
    answer = await router.aanthropic_messages(model=GROUP, messages=QUESTION, max_tokens=50)
    assert answer["content"][0]["text"]
    await until(lambda: listener.told)
    assert listener.told == [billed(east)]
    assert models_asked(east) == [CHEAP, DEAR]


def test_the_wildcard_lists_the_catalogues_models(
    east: Emulator, routers: Make, models: Catalog
) -> None:
    catalog.register_prices(models)
    router = routers(deployment(east, "openrouter/*", "*"))
    (row,) = router.get_model_list(model_name=f"openrouter/{CHEAP}")
    assert row["litellm_params"]["model"] == f"openrouter/{CHEAP}"
    listed = litellm.get_valid_models(custom_llm_provider="openrouter")
    assert {f"openrouter/{model.id}" for model in models} <= set(listed)


@pytest.mark.parametrize("endpoint", CALLS)
async def test_an_endpoint_that_fails_falls_back(
    east: Emulator, west: Emulator, routers: Make, endpoint: str
) -> None:
    model, name, keywords = CALLS[endpoint]
    east.faults.add("status=502")
    rows = deployment(east, model=model), deployment(west, "rest", model)
    router = routers(*rows, fallbacks=[{GROUP: ["rest"]}])
    answer = await call(router, name, is_async=True, model=GROUP, **keywords)
    assert answer._hidden_params["response_cost"] == billed(west) > 0
    assert len(east.requests) == 1


@pytest.mark.parametrize("fault", ["status=503", "cut=0"])
async def test_a_stream_of_responses_falls_back_and_is_told_at_its_bill(
    east: Emulator,
    west: Emulator,
    routers: Make,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    listener = Costs()
    monkeypatch.setattr(litellm, "callbacks", [listener])
    east.faults.add(fault)
    rows = deployment(east), deployment(west, "rest")
    router = routers(*rows, fallbacks=[{GROUP: ["rest"]}])
    stream = await router.aresponses(model=GROUP, input="Name three birds.", stream=True)
    last = [event async for event in stream][-1]
    assert last.type == "response.completed"
    await until(lambda: listener.told)
    assert listener.told == [billed(west)]
