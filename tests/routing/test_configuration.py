"""Generated configurations: what is in them, and that LiteLLM loads and serves them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import litellm
import pytest
import yaml

from openrouter_adapter import routing
from tests.conftest import CALLBACK_LISTS
from tests.routing.sites import CHEAP, DEAR, LONG, QUESTION, models_asked
from tests.support.versions import UNINSTALLED_PROXY

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.catalog import Catalog
    from openrouter_adapter.emulator import Emulator

    Make = Callable[..., litellm.Router]

KEY = "os.environ/OPENROUTER_API_KEY"


def test_a_deployment_refers_to_its_key_and_knows_its_limits(models: Catalog) -> None:
    chosen = routing.select(CHEAP, catalog=models)
    (row,) = routing.model_list(
        chosen, routing.Deployment(provider={"sort": "price"}, rpm=60, tpm=90_000)
    )
    assert row["model_name"] == CHEAP
    assert row["litellm_params"] == {
        "model": f"openrouter/{CHEAP}",
        "provider": {"sort": "price"},
        "rpm": 60,
        "tpm": 90_000,
        "api_key": KEY,
    }
    assert row["model_info"]["max_input_tokens"] == 128_000
    assert row["model_info"]["supports_vision"] is True
    assert not [name for name in row["model_info"] if "cost" in name]


def test_each_key_gets_a_deployment(models: Catalog) -> None:
    rows = routing.model_list(
        routing.select(CHEAP, DEAR, catalog=models), routing.Deployment(keys=("ONE", "OTHER"))
    )
    assert [(row["model_name"], row["litellm_params"]["api_key"]) for row in rows] == [
        (name, f"os.environ/{key}") for name in (DEAR, CHEAP) for key in ("ONE", "OTHER")
    ]


def test_parameters_are_for_the_models_of_their_pattern(models: Catalog) -> None:
    settings = routing.Deployment(
        rpm=60, parameters={"openai/*": {"rpm": 10}, DEAR: {"reasoning": {"effort": "low"}}}
    )
    rows = routing.model_list(routing.select(CHEAP, DEAR, LONG, catalog=models), settings)
    found = {row["model_name"]: row["litellm_params"] for row in rows}
    assert {name: parameters["rpm"] for name, parameters in found.items()} == {
        CHEAP: 10,
        DEAR: 10,
        LONG: 60,
    }
    assert [name for name, parameters in found.items() if "reasoning" in parameters] == [DEAR]


@pytest.mark.parametrize("keys", [("sk-or-v1-secret",), ("MY KEY",), ("os.environ/KEY",)])
def test_a_key_itself_is_refused_and_not_repeated(keys: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="names of environment variables") as caught:
        routing.Deployment(keys=keys)
    assert keys[0] not in str(caught.value)


def test_no_key_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="keys is empty"):
        routing.Deployment(keys=())


def test_a_key_among_parameters_is_refused() -> None:
    with pytest.raises(ValueError, match="api_key"):
        routing.Deployment(parameters={"*": {"api_key": "sk-or-v1-secret"}})


def test_preferences_that_openrouter_can_not_take_are_refused() -> None:
    with pytest.raises(litellm.BadRequestError, match=r"provider\.order"):
        routing.Deployment(provider={"order": "azure"})


def test_larger_contexts_ascend_and_can_do_the_same(models: Catalog) -> None:
    chosen = routing.select(needs=["tools"], catalog=models)
    by_name = {one.name: one for one in chosen}
    chains = routing.larger_context(chosen)
    assert chains
    for link in chains:
        for first, rest in link.items():
            windows = [by_name[name].model.window or 0 for name in (first, *rest)]
            assert windows == sorted(set(windows))
            assert all(by_name[name].abilities >= by_name[first].abilities for name in rest)
            assert 0 < len(rest) <= 3


def test_similar_models_are_the_nearest_in_price(models: Catalog) -> None:
    chosen = routing.select(DEAR, CHEAP, "openai/gpt-4.1-mini", "z-ai/glm-4.6", catalog=models)
    assert {DEAR: ["openai/gpt-4.1-mini", CHEAP]} in routing.similar(chosen)
    assert {DEAR: ["openai/gpt-4.1-mini"]} in routing.similar(chosen, 1)


def test_a_written_chain_goes_before_a_found_one(models: Catalog) -> None:
    found = routing.config(
        routing.select(CHEAP, DEAR, LONG, catalog=models),
        fallbacks=[f"{DEAR} > openrouter/{LONG}"],
        similar_fallbacks=1,
    )
    assert [link[DEAR] for link in found["fallbacks"] if DEAR in link] == [[LONG]]
    assert [link[CHEAP] for link in found["fallbacks"] if CHEAP in link]


@pytest.mark.parametrize("text", ["a", "a>", ">b", "a>a", ""])
def test_a_chain_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="A>B>C"):
        routing.chain(text)


def test_a_chain_to_a_model_that_is_not_there_is_refused(models: Catalog) -> None:
    chosen = routing.select(CHEAP, catalog=models)
    with pytest.raises(ValueError, match=f"{DEAR}, which is not among"):
        routing.config(chosen, fallbacks=[f"{CHEAP}>{DEAR}"])


def test_two_chains_of_one_model_are_refused(models: Catalog) -> None:
    chosen = routing.select(CHEAP, DEAR, LONG, catalog=models)
    with pytest.raises(ValueError, match="begins with"):
        routing.config(chosen, fallbacks=[f"{CHEAP}>{DEAR}", f"{CHEAP}>{LONG}"])


def test_a_group_has_no_chains(models: Catalog) -> None:
    chosen = routing.select(CHEAP, catalog=models)
    with pytest.raises(ValueError, match="one name"):
        routing.config(chosen, routing.Deployment(group="all"), context_fallbacks=True)


def test_yaml_says_the_same_as_the_configuration(models: Catalog) -> None:
    shared = {"order": ["azure", "openai"]}
    found = routing.config(
        routing.select("openai/*", catalog=models),
        routing.Deployment(provider=shared, prices=True),
        context_fallbacks=True,
        proxy=True,
    )
    text = routing.dumps(found)
    assert yaml.safe_load(text) == found
    assert "&id" not in text


@pytest.mark.parametrize("strategy", ["cost-based-routing", "latency-based-routing", "least-busy"])
def test_a_check_leaves_nothing_in_litellm(models: Catalog, strategy: str) -> None:
    costs, before = litellm.model_cost, set(litellm.model_cost)
    bare = set(litellm.openrouter_models)
    budget = {"openrouter": {"budget_limit": 1, "time_period": "1d"}}
    found = routing.config(
        routing.select(CHEAP, LONG, catalog=models),
        wildcard=True,
        settings={"provider_budget_config": budget, "routing_strategy": strategy},
    )
    assert routing.check(found) == 3
    assert litellm.model_cost is costs
    assert set(costs) == before
    assert litellm.openrouter_models == bare
    # What LiteLLM itself listens with stays; no Router and no strategy does.
    assert not [
        one for name in CALLBACK_LISTS for one in getattr(litellm, name) if _is_routers(one)
    ]


def _is_routers(callback: Any) -> bool:
    owner = getattr(callback, "__self__", callback)
    return "router" in type(owner).__module__


async def test_a_check_can_be_made_from_within_an_event_loop(models: Catalog) -> None:
    assert routing.check(routing.config(routing.select(CHEAP, catalog=models))) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model_list": []}, "model_list is empty"),
        ({"fallbacks": [{CHEAP: ["openai/gone"]}]}, "openai/gone, which no deployment serves"),
        ({"default_fallbacks": ["openai/gone"]}, "openai/gone, which no deployment serves"),
        ({"routing_strategy": "cheapest"}, "can't be built"),
        ({"retries": 3}, "can't be built"),
        (
            {
                "ignore_invalid_deployments": True,
                "model_list": [
                    {"model_name": "x", "litellm_params": {"model": "openrouter/openai/gpt-4o"}},
                    {"model_name": "y", "litellm_params": {"model": "no-provider-of-this"}},
                ],
            },
            "took 1 of 2 deployments",
        ),
        (
            {"model_list": [{"model_name": "x", "litellm_params": {"model": "anthropic/x"}}]},
            "model of anthropic for LiteLLM",
        ),
    ],
)
def test_a_check_says_what_is_wrong(models: Catalog, change: dict[str, Any], words: str) -> None:
    found = routing.config(routing.select(CHEAP, catalog=models)) | change
    with pytest.raises(routing.ConfigError, match=words):
        routing.check(found)


@pytest.fixture
def fifty(models: Catalog) -> dict[str, Any]:
    """Fifty chat models: the emulator's own, then some of them under a second name."""
    own = [
        one.name
        for one in routing.select("*", catalog=models)
        if one.model.mode == "chat" and not one.name.endswith(":free")
    ]
    variants = [f"{name}:{variant}" for variant in ("nitro", "floor") for name in own]
    chosen = routing.select(*[*own, *variants][:50], catalog=models)
    return routing.config(chosen, context_fallbacks=True, similar_fallbacks=2)


async def test_a_key_that_is_refused_leaves_the_calls_to_the_other(
    emulated: Emulator, routers: Make, models: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_ONE", "sk-or-v1-revoked")
    monkeypatch.setenv("KEY_TWO", emulated.api_key)
    chosen = routing.select(CHEAP, catalog=models)
    rows = routing.model_list(chosen, routing.Deployment(keys=("KEY_ONE", "KEY_TWO")))
    router = routers(*rows, num_retries=1, cooldown_time=60)
    for _ in range(6):
        await router.acompletion(CHEAP, QUESTION)
    assert len(emulated.bill()) == 6
    assert len(emulated.requests) <= 7


async def test_fifty_generated_models_load_and_each_answers_at_its_bill(
    emulated: Emulator, routers: Make, fifty: dict[str, Any]
) -> None:
    loaded = yaml.safe_load(routing.dumps(fifty))
    assert len(loaded["model_list"]) == 50
    router = routers(*loaded.pop("model_list"), **loaded)
    names = router.get_model_names()
    assert len(names) == 50
    asked = (router.acompletion(name, QUESTION, max_tokens=20) for name in names)
    answers = await asyncio.gather(*asked)
    assert sorted(models_asked(emulated)) == sorted(names)
    bill = {row.generation_id: float(row.cost) for row in emulated.bill()}
    assert {
        answer._hidden_params["openrouter"]["generation_id"]: answer._hidden_params["response_cost"]
        for answer in answers
    } == bill


@pytest.mark.usefixtures("routers")
async def test_the_proxys_own_loader_takes_a_generated_configuration(
    emulated: Emulator,
    models: Catalog,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proxy_server = pytest.importorskip(
        "litellm.proxy.proxy_server",
        reason=UNINSTALLED_PROXY,
        exc_type=ImportError,
    )
    monkeypatch.setenv("LITELLM_MASTER_KEY", "sk-master")
    found = routing.config(
        routing.select(CHEAP, DEAR, LONG, catalog=models),
        routing.Deployment(prices=True),
        context_fallbacks=True,
        wildcard=True,
        proxy=True,
        settings={"num_retries": 1, "routing_strategy": "cost-based-routing"},
    )
    file = tmp_path / "config.yaml"
    file.write_text(routing.dumps(found), encoding="utf-8")
    kept = proxy_server.master_key
    router, rows, _settings = await proxy_server.ProxyConfig().load_config(None, str(file))
    try:
        assert [row["model_name"] for row in rows] == [LONG, DEAR, CHEAP, "openrouter/*"]
        assert proxy_server.master_key == "sk-master"
        assert router.num_retries == 1
        assert (
            router.context_window_fallbacks == found["router_settings"]["context_window_fallbacks"]
        )
        answer = await router.acompletion(CHEAP, QUESTION)
        assert answer._hidden_params["response_cost"] == float(emulated.bill()[-1].cost)
    finally:
        router.discard()
        proxy_server.master_key = kept
