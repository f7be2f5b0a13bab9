"""What LiteLLM knows after register_prices, and what it must not."""

from __future__ import annotations

import time
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import litellm
import orjson
import pytest

import openrouter_adapter
from openrouter_adapter import catalog as package
from openrouter_adapter.catalog import cost_map
from openrouter_adapter.emulator import Emulator
from openrouter_adapter.emulator import models as emulated_models

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import ModelServer

SONNET = "openrouter/anthropic/claude-sonnet-4"


@pytest.fixture
def told(catalog: package.Catalog) -> package.Catalog:
    package.register_prices(catalog)
    return catalog


def generated(number: int) -> package.Catalog:
    row = {
        "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]},
        "pricing": {"prompt": "0.000001", "completion": "0.000002", "input_cache_read": "0"},
        "top_provider": {"context_length": 128000, "max_completion_tokens": 4096},
        "context_length": 128000,
        "supported_parameters": ["tools", "tool_choice", "structured_outputs", "reasoning"],
    }
    return package.Catalog(
        {**row, "id": f"author-{i % 40}/model-{i}", "canonical_slug": f"author-{i % 40}/m-{i}-2026"}
        for i in range(number)
    )


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    "model",
    [
        SONNET,
        f"{SONNET}:online",
        "openrouter/anthropic/claude-4-sonnet-20250522",
        "openrouter/anthropic/claude-4-sonnet-20250522:nitro",
    ],
)
def test_every_name_is_known(model: str) -> None:
    info = litellm.get_model_info(model)
    assert info["litellm_provider"] == "openrouter"
    assert (info["input_cost_per_token"], info["output_cost_per_token"]) == (3e-06, 1.5e-05)
    assert litellm.supports_vision(model)
    assert litellm.supports_function_calling(model)
    assert litellm.supports_reasoning(model)
    assert litellm.get_max_tokens(model) == 64000
    assert litellm.cost_per_token(model, prompt_tokens=1000, completion_tokens=100) == (
        pytest.approx(0.003),
        pytest.approx(0.0015),
    )
    assert litellm.token_counter(model, text="Name three birds.") > 0
    assert litellm.completion_cost(model=model, prompt="Hello", completion="Hi") > 0


@lru_cache(maxsize=1)
def real_models() -> package.Catalog:
    """Every real row at hand."""
    rows = orjson.loads(Path(__file__).with_name("real_prices.json").read_bytes())
    return package.Catalog([*rows, *emulated_models.listing()["data"]])


@pytest.mark.parametrize("model_id", [model.id for model in real_models()])
def test_litellm_answers_for_every_real_model_by_each_of_its_names(model_id: str) -> None:
    package.register_prices(real_models())
    model = real_models()[model_id]
    names = [name for name, named in real_models().names().items() if named is model]
    assert model_id in names
    for key in (f"openrouter/{name}{variant}" for name in names for variant in ("", ":online")):
        info = litellm.get_model_info(key)
        assert (info["litellm_provider"], info["mode"]) == ("openrouter", model.mode)
        assert info["max_input_tokens"] == model.window
        assert litellm.get_max_tokens(key) == (model.max_completion_tokens or model.window)
        assert litellm.supports_vision(key) is ("image" in model.input_modalities)
        assert litellm.supports_function_calling(key) is ("tools" in model.parameters)
        assert litellm.supports_reasoning(key) in {True, False}
        if "llama" not in key:  # LiteLLM asks the network for Llama's vocabulary.
            assert litellm.token_counter(key, text="Name three birds.") > 0
        for prompt in (1000, 250_000):
            rates = model.pricing.rates(prompt)
            found = litellm.cost_per_token(key, prompt_tokens=prompt, completion_tokens=100)
            expected = (prompt * rates["prompt"], 100 * rates["completion"])
            assert found == pytest.approx(tuple(map(float, expected)))


@pytest.mark.usefixtures("told")
def test_caches_and_long_prompts() -> None:
    info: Any = litellm.get_model_info(SONNET)
    assert info["cache_read_input_token_cost"] == 3e-07
    assert info["cache_creation_input_token_cost"] == 3.75e-06
    assert info["cache_creation_input_token_cost_above_1hr"] == 6e-06
    assert info["input_cost_per_token_above_200k_tokens"] == 6e-06
    assert info["output_cost_per_token_above_200k_tokens"] == 2.25e-05
    assert info["cache_read_input_token_cost_above_200k_tokens"] == 6e-07
    assert info["cache_creation_input_token_cost_above_200k_tokens"] == 7.5e-06
    at, above = 200_000, 200_001
    assert litellm.cost_per_token(SONNET, at, 0)[0] == pytest.approx(at * 3e-06)
    assert litellm.cost_per_token(SONNET, above, 10) == pytest.approx((above * 6e-06, 2.25e-04))


@pytest.mark.usefixtures("told")
def test_a_cached_token_without_a_price_of_its_own_costs_what_others_do() -> None:
    info: Any = litellm.get_model_info("openrouter/mistralai/mistral-large-2411")
    assert info["cache_read_input_token_cost"] == info["input_cost_per_token"] == 2e-06


@pytest.mark.usefixtures("told")
def test_modes_modalities_and_abilities() -> None:
    def mode(model: str) -> Any:
        return litellm.get_model_info(f"openrouter/{model}")["mode"]

    assert mode("openai/text-embedding-3-small") == "embedding"
    assert mode("google/gemini-2.5-flash-image") == "image_generation"
    assert mode("black-forest-labs/flux.2-pro") == "image_generation"
    assert mode("google/gemini-2.5-flash") == "chat"
    entry = litellm.model_cost["openrouter/google/gemini-2.5-flash"]
    assert entry["supported_modalities"] == ["file", "image", "text", "audio", "video"]
    assert entry["supported_output_modalities"] == ["text"]
    gemini = "openrouter/google/gemini-2.5-flash"
    assert litellm.supports_audio_input(gemini)
    assert litellm.utils.supports_pdf_input(gemini)
    # OpenRouter's parser reads them for any chat model.
    assert litellm.utils.supports_pdf_input("openrouter/openai/gpt-oss-20b")
    assert litellm.supports_web_search(gemini)
    assert litellm.utils.supports_prompt_caching(gemini)
    assert not litellm.supports_vision("openrouter/openai/gpt-oss-20b")
    assert litellm.supports_response_schema("openrouter/openai/gpt-4o-mini")
    assert not litellm.supports_response_schema(SONNET)
    assert entry["search_context_cost_per_query"]["search_context_size_medium"] == 0.014
    assert entry["input_cost_per_audio_token"] == 1e-06
    image: Any = litellm.get_model_info("openrouter/google/gemini-2.5-flash-image")
    assert image["output_cost_per_image_token"] == 3e-05


@pytest.mark.usefixtures("told")
def test_per_request_prices_and_free_variants() -> None:
    sonar = litellm.model_cost["openrouter/perplexity/sonar"]
    assert sonar["input_cost_per_request"] == sonar["input_cost_per_query"] == 0.005
    free = "openrouter/openai/gpt-oss-20b:free"
    assert litellm.cost_per_token(free, prompt_tokens=1000, completion_tokens=1000) == (0, 0)


def test_older_image_prices_are_of_an_image() -> None:
    row = {
        "id": "a/b",
        "pricing": {"prompt": "0.000001", "image": "0.001", "image_output": "0.04"},
    }
    entry = cost_map.entry_of(package.Catalog([row])["a/b"])
    assert entry["input_cost_per_image"] == 0.001
    assert entry["output_cost_per_image"] == 0.04


def test_reasoning_has_a_price_of_its_own_where_it_differs_or_has_no_tiers() -> None:
    pricing = {"prompt": "1", "completion": "2", "internal_reasoning": "2"}
    tiers = [{"min_prompt_tokens": 128_500, "completion": "3"}]
    rows = [
        {"id": "a/plain", "pricing": pricing},
        {"id": "a/tiers", "pricing": {**pricing, "overrides": tiers}},
    ]
    catalog = package.Catalog(rows)
    assert cost_map.entry_of(catalog["a/plain"])["output_cost_per_reasoning_token"] == 2
    entry = cost_map.entry_of(catalog["a/tiers"])
    assert "output_cost_per_reasoning_token" not in entry
    assert entry["output_cost_per_token_above_128500_tokens"] == 3


def test_a_router_has_no_price_and_both_names() -> None:
    row = {"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "-1"}}
    entries = cost_map.entries_of(package.Catalog([row]))
    assert {"openrouter/auto", "openrouter/openrouter/auto"} <= set(entries)
    assert "input_cost_per_token" not in entries["openrouter/auto"]


def test_the_window_is_told_as_input_limit() -> None:
    row = {"id": "a/b", "context_length": 1000, "top_provider": {"context_length": 200}}
    entry = cost_map.entry_of(package.Catalog([row])["a/b"])
    assert (entry["max_input_tokens"], entry["max_output_tokens"]) == (200, 200)


@pytest.mark.timed
def test_400_models_take_less_than_two_seconds() -> None:
    catalog = generated(400)
    began = time.process_time()
    number = package.register_prices(catalog)
    seconds = time.process_time() - began
    print(f"{number} names of 400 models in {seconds * 1000:.1f} ms")  # noqa: T201
    assert number == 400 * 2 * 5
    # A quiet machine needs 50 ms.
    assert seconds < 2
    assert litellm.get_model_info("openrouter/author-3/model-3:floor")["max_tokens"] == 4096


def test_other_providers_models_are_not_touched(catalog: package.Catalog) -> None:
    models = (
        "gpt-4o",
        "claude-sonnet-4-20250514",
        "deepseek/deepseek-chat",
        "gemini/gemini-2.5-pro",
    )
    before = {model: litellm.get_model_info(model) for model in models}
    names, listed = set(litellm.openrouter_models), set(litellm.model_cost)
    package.register_prices(catalog)
    assert {model: litellm.get_model_info(model) for model in models} == before
    # It decides to which provider a bare name goes.
    assert all(name.startswith("openrouter/") for name in litellm.openrouter_models - names)
    assert all(key.startswith("openrouter/") for key in set(litellm.model_cost) - listed)
    for model in catalog:
        for bare in (model.id, model.canonical_slug):
            assert provider_of(bare) != "openrouter"
    assert litellm.get_llm_provider(SONNET)[1] == "openrouter"


def provider_of(model: str) -> str | None:
    if model.startswith("openrouter/"):
        return None
    try:
        return litellm.get_llm_provider(model)[1]
    except litellm.BadRequestError:
        return None


def test_unregister_takes_everything_out(catalog: package.Catalog) -> None:
    before = dict(litellm.model_cost)
    names = set(litellm.openrouter_models)
    runtime = dict(litellm.utils._runtime_registered_model_cost)
    package.register_prices(catalog)
    assert litellm.model_cost != before
    package.unregister_prices()
    package.unregister_prices()
    assert litellm.model_cost == before
    assert set(litellm.openrouter_models) == names
    assert litellm.utils._runtime_registered_model_cost == runtime


def test_registering_again_brings_prices_up_to_date(catalog: package.Catalog) -> None:
    package.register_prices(catalog)
    row = {"id": "anthropic/claude-sonnet-4", "pricing": {"prompt": "7", "completion": "8"}}
    package.register_prices(package.Catalog([row]))
    assert litellm.get_model_info(SONNET)["input_cost_per_token"] == 7
    assert "openrouter/openai/gpt-4o-mini" not in litellm.model_cost


def test_what_was_there_before_comes_back(
    catalog: package.Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = {"litellm_provider": "openrouter", "mode": "chat", "input_cost_per_token": 9.0}
    monkeypatch.setitem(litellm.model_cost, SONNET, older)
    package.register_prices(catalog)
    assert litellm.model_cost[SONNET]["input_cost_per_token"] == 3e-06
    package.unregister_prices()
    assert litellm.model_cost[SONNET] is older


def test_your_own_registration_stays(catalog: package.Catalog) -> None:
    own = {"litellm_provider": "openrouter", "mode": "chat", "input_cost_per_token": 9.0}
    names = set(litellm.openrouter_models)
    litellm.register_model({SONNET: own})
    try:
        package.register_prices(catalog)
        assert litellm.model_cost[SONNET]["input_cost_per_token"] == 9.0
        package.unregister_prices()
        assert litellm.model_cost[SONNET]["input_cost_per_token"] == 9.0
    finally:
        del litellm.model_cost[SONNET]
        litellm.utils._runtime_registered_model_cost.pop(SONNET, None)
        litellm.openrouter_models.clear()
        litellm.openrouter_models.update(names)
        litellm.utils._invalidate_model_cost_lowercase_map()


@pytest.mark.parametrize("in_place", [False, True], ids=["now", "as older versions did"])
def test_your_registration_after_ours_stays_too(
    catalog: package.Catalog, monkeypatch: pytest.MonkeyPatch, in_place: bool
) -> None:
    monkeypatch.setattr(litellm, "model_cost", dict(litellm.model_cost))
    monkeypatch.setattr(litellm.utils, "_runtime_registered_model_cost", {})
    monkeypatch.setattr(litellm, "openrouter_models", set(litellm.openrouter_models))
    own = {"litellm_provider": "openrouter", "mode": "chat", "input_cost_per_token": 9.0}
    package.register_prices(catalog)
    ours = litellm.model_cost[SONNET]
    litellm.register_model({SONNET: own})
    if in_place:
        ours.update(own)
        litellm.model_cost[SONNET] = ours
    for change in (lambda: package.register_prices(catalog), package.unregister_prices):
        change()
        assert litellm.model_cost[SONNET]["input_cost_per_token"] == 9.0
        assert litellm.get_model_info(SONNET)["input_cost_per_token"] == 9.0
    assert "openrouter/openai/gpt-4o-mini" not in litellm.model_cost


def test_a_map_that_litellm_has_loaded_since_is_left_alone(
    catalog: package.Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Into a copy: the map that comes back after the test must not keep the prices.
    monkeypatch.setattr(litellm, "model_cost", dict(litellm.model_cost))
    package.register_prices(catalog)
    monkeypatch.setattr(litellm, "model_cost", {SONNET: {"mode": "chat"}})
    package.unregister_prices()
    assert litellm.model_cost == {SONNET: {"mode": "chat"}}


def test_without_a_catalogue_it_loads_one(server: ModelServer) -> None:
    assert package.register_prices() > len(server.rows)
    assert len(server.requests) == 1


class TestTheBillWins:
    """With prices that are wrong by far, the cost is still what OpenRouter billed."""

    @pytest.fixture
    def emulator(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
        wrong = {"prompt": "7", "completion": "9", "request": "11"}
        models = ("openai/gpt-4o-mini", "openai/gpt-4o-mini-2024-07-18", "openai/gpt-4o")
        rows = [{"id": model, "pricing": wrong} for model in models]
        rows.append(
            {
                "id": "openai/text-embedding-3-small",
                "pricing": wrong,
                "architecture": {"output_modalities": ["embeddings"]},
            }
        )
        package.register_prices(package.Catalog(rows))
        with Emulator() as emulator, openrouter_adapter.registered():
            monkeypatch.setenv("OPENROUTER_API_BASE", emulator.base_url)
            monkeypatch.setenv("OPENROUTER_API_KEY", emulator.api_key)
            yield emulator

    def billed(self, emulator: Emulator) -> float:
        return float(emulator.bill()[-1].cost)

    def test_chat(self, emulator: Emulator) -> None:
        messages = [{"role": "user", "content": "Name three birds."}]
        response = litellm.completion("openrouter/openai/gpt-4o-mini", messages)
        assert 0 < self.billed(emulator) < 1
        assert response._hidden_params["response_cost"] == self.billed(emulator)

    async def test_async_chat(self, emulator: Emulator) -> None:
        messages = [{"role": "user", "content": "Name three birds."}]
        response = await litellm.acompletion("openrouter/openai/gpt-4o-mini", messages)
        assert response._hidden_params["response_cost"] == self.billed(emulator)

    def test_stream(self, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
        costs = []

        class Logger(litellm.integrations.custom_logger.CustomLogger):
            # LiteLLM gives all four by name.
            def log_success_event(self, kwargs: Any, **_: Any) -> None:
                costs.append(kwargs["response_cost"])

        for name in ("callbacks", "success_callback", "failure_callback"):
            monkeypatch.setattr(litellm, name, [])
        litellm.callbacks = [Logger()]
        stream = litellm.completion(
            "openrouter/openai/gpt-4o-mini",
            [{"role": "user", "content": "Name three birds."}],
            stream=True,
        )
        chunks = list(stream)
        deadline = time.monotonic() + 30
        while not costs and time.monotonic() < deadline:
            time.sleep(0.01)
        assert chunks[-1].usage.cost == self.billed(emulator)
        assert stream.response._hidden_params["response_cost"] == self.billed(emulator)
        assert costs == [self.billed(emulator)]

    def test_embedding(self, emulator: Emulator) -> None:
        response = litellm.embedding("openrouter/openai/text-embedding-3-small", ["a bird"])
        assert 0 < self.billed(emulator) < 1
        assert response._hidden_params["response_cost"] == self.billed(emulator)

    def test_a_router_s_deployment(self, emulator: Emulator) -> None:
        router = litellm.Router(
            [
                {
                    "model_name": "bird",
                    "litellm_params": {"model": "openrouter/openai/gpt-4o-mini"},
                }
            ]
        )
        response = router.completion("bird", [{"role": "user", "content": "Name three birds."}])
        assert response._hidden_params["response_cost"] == self.billed(emulator)
        assert Decimal(repr(response._hidden_params["openrouter"]["cost"])) == Decimal(
            repr(self.billed(emulator))
        )


def test_litellm_lists_the_models_while_their_prices_are_registered(
    catalog: package.Catalog,
) -> None:
    before = litellm.models_by_provider["openrouter"]
    package.register_prices(catalog)
    listed = litellm.get_valid_models(custom_llm_provider="openrouter")
    assert listed == [f"openrouter/{model.id}" for model in catalog]

    package.register_prices(catalog)
    assert litellm.get_valid_models(custom_llm_provider="openrouter") == listed
    package.unregister_prices()
    assert litellm.models_by_provider["openrouter"] is before
    assert not litellm.openrouter_models


def test_the_models_are_still_listed_after_litellm_made_its_lists_anew(
    catalog: package.Catalog,
) -> None:
    package.register_prices(catalog)
    litellm.add_known_models({})
    listed = set(litellm.get_valid_models(custom_llm_provider="openrouter"))
    assert listed == {f"openrouter/{model.id}" for model in catalog}
    package.unregister_prices()
    assert litellm.get_valid_models(custom_llm_provider="openrouter") == []
