"""LiteLLM's routing strategies choose among deployments at OpenRouter."""

from __future__ import annotations

import asyncio
import gc
import random
from typing import TYPE_CHECKING

import litellm
import pytest
from litellm.types.router import RouterRateLimitError

from openrouter_adapter import catalog, routing
from tests.routing.sites import (
    CHEAP,
    DEAR,
    GROUP,
    LONG,
    QUESTION,
    Way,
    billed,
    deployment,
    every_way,
    models_asked,
    until,
    whole_ways,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.catalog import Catalog
    from openrouter_adapter.emulator import Emulator

    Make = Callable[..., litellm.Router]


@whole_ways
async def test_simple_shuffle_keeps_to_the_weights(
    east: Emulator, west: Emulator, routers: Make, way: Way
) -> None:
    random.seed(11)
    router = routers(deployment(east, weight=9), deployment(west, weight=1))
    for _ in range(20):
        await way.ask(router)
    assert len(east.requests) + len(west.requests) == 20
    assert 14 <= len(east.requests) <= 19


@every_way
async def test_least_busy_leaves_a_deployment_that_is_at_work(
    east: Emulator, west: Emulator, routers: Make, way: Way
) -> None:
    router = routers(
        deployment(east, id="east"), deployment(west, id="west"), routing_strategy="least-busy"
    )
    east.faults.add("stall", times=1)
    working = asyncio.create_task(router.acompletion(GROUP, QUESTION))
    await until(lambda: east.requests)
    for _ in range(4):
        await way.ask(router)
        # LiteLLM counts an answer as ended a moment after it is there.
        await until(lambda: router.cache.get_cache(f"{GROUP}_request_count:west") == 0)
    assert (len(east.requests), len(west.requests)) == (1, 4)
    working.cancel()


@pytest.mark.usefixtures("within_a_minute")
@pytest.mark.parametrize("strategy", ["usage-based-routing", "usage-based-routing-v2"])
@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
async def test_usage_based_routing_counts_openrouters_tokens(
    east: Emulator, west: Emulator, routers: Make, strategy: str, is_stream: bool
) -> None:
    router = routers(
        deployment(east, id="east", tpm=100_000, rpm=100),
        deployment(west, id="west", tpm=100_000, rpm=100),
        routing_strategy=strategy,
    )
    way = Way(is_async=True, is_stream=is_stream)
    await way.ask(router)
    row = (east.bill() or west.bill())[-1]
    await until(lambda: _tokens_counted(router) == row.tokens_prompt + row.tokens_completion)
    await way.ask(router)
    assert (len(east.requests), len(west.requests)) == (1, 1)


def _tokens_counted(router: litellm.Router) -> float:
    """Return what the strategy has counted, apart from what the Router itself counts."""
    counted = router.cache.in_memory_cache.cache_dict.items()
    found = [value for key, value in counted if ":tpm:" in key and "global_router" not in key]
    return sum(sum(value.values()) if isinstance(value, dict) else value for value in found)


@pytest.mark.usefixtures("within_a_minute")
@whole_ways
async def test_usage_based_routing_keeps_below_the_limit_of_requests(
    east: Emulator, west: Emulator, routers: Make, way: Way
) -> None:
    # LiteLLM takes one less than the limit.
    router = routers(
        deployment(east, rpm=2), deployment(west, rpm=3), routing_strategy="usage-based-routing-v2"
    )
    for _ in range(3):
        await way.ask(router)
    with pytest.raises((litellm.RateLimitError, ValueError), match="No deployments"):
        await way.ask(router)
    assert (len(east.requests), len(west.requests)) == (1, 2)


@every_way
async def test_latency_based_routing_leaves_the_slow_deployment(
    east: Emulator, west: Emulator, routers: Make, way: Way
) -> None:
    # What the first call of a process imports, and a full garbage collection, take most of a
    # second, which would count as latency.
    await way.ask(routers(deployment(west, "warm up")), "warm up")
    gc.collect()
    east.faults.add("slow-drip=0.01")
    router = routers(
        # An event of the test before may come late, and would count for a deployment of its id.
        deployment(east, id=f"east-{way}"),
        deployment(west, id=f"west-{way}"),
        routing_strategy="latency-based-routing",
    )
    for number in (1, 2):
        await way.ask(router, max_tokens=5)
        await until(lambda: len(_known_latencies(router)) == number)  # noqa: B023
    assert (len(east.requests), len(west.requests)) == (1, 2)
    for _ in range(5):
        await way.ask(router, max_tokens=5)
    assert (len(east.requests), len(west.requests)) == (1, 7)


def _known_latencies(router: litellm.Router) -> list[str]:
    found = router.cache.get_cache(key=f"{GROUP}_map") or {}
    ours = [(name, row) for name, row in found.items() if name in router.get_model_ids()]
    # The first is the name from LiteLLM 1.109 on.
    return [n for n, row in ours if any(row.get("latency_normalized") or row.get("latency", ()))]


NAMES = {
    "an id": (CHEAP, DEAR),
    "a dated slug": ("openai/gpt-5-nano-2025-08-07", "openai/gpt-5-mini-2025-08-07"),
    "a variant": (f"{CHEAP}:floor", f"{DEAR}:nitro"),
    "a free variant": ("openai/gpt-oss-20b:free", "openai/gpt-oss-20b"),
}


@pytest.mark.parametrize(("cheap", "dear"), NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("is_late", [False, True], ids=["prices first", "router first"])
async def test_cost_based_routing_takes_the_cheapest_by_the_catalogue(
    east: Emulator, routers: Make, models: Catalog, cheap: str, dear: str, is_late: bool
) -> None:
    rows = [deployment(east, model=dear), deployment(east, model=cheap)]
    if is_late:
        router = routers(*rows, routing_strategy="cost-based-routing")
        catalog.register_prices(models)
    else:
        catalog.register_prices(models)
        router = routers(*rows, routing_strategy="cost-based-routing")
    for _ in range(4):
        answer = await router.acompletion(GROUP, QUESTION)
        assert answer._hidden_params["response_cost"] == billed(east)
    assert models_asked(east) == [cheap] * 4


@every_way
async def test_cost_based_routing_works_with_the_prices_of_a_generated_configuration(
    east: Emulator, routers: Make, models: Catalog, way: Way
) -> None:
    chosen = routing.select(DEAR, CHEAP, LONG, catalog=models)
    rows = routing.model_list(chosen, routing.Deployment(group=GROUP, prices=True))
    for row in rows:
        row["litellm_params"] |= {"api_base": east.base_url, "api_key": east.api_key}
    router = routers(*rows, routing_strategy="cost-based-routing")
    if not way.is_async:
        # LiteLLM has this strategy for asynchronous calls only.
        with pytest.raises(RouterRateLimitError, match="No deployments available"):
            await way.ask(router)
        return
    for _ in range(3):
        # The bill's cost, and not that of the prices which the Router chose by.
        assert (await way.ask(router, max_tokens=9))[1] == billed(east)
    assert models_asked(east) == [CHEAP] * 3


async def test_a_free_model_is_the_cheapest_of_a_generated_configuration(
    east: Emulator, routers: Make, models: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    free, paid = NAMES["a free variant"]
    chosen = routing.select(paid, free, catalog=models)
    rows = routing.model_list(chosen, routing.Deployment(group=GROUP, prices=True))
    for row in rows:
        row["litellm_params"] |= {"api_base": east.base_url, "api_key": east.api_key}
    router = routers(*rows, routing_strategy="cost-based-routing")
    answer = await router.acompletion(GROUP, QUESTION)
    assert models_asked(east) == [free]
    assert answer._hidden_params["response_cost"] == 0
    assert "custom pricing" not in caplog.text


async def test_tags_choose_among_deployments(east: Emulator, west: Emulator, routers: Make) -> None:
    router = routers(
        deployment(east, tags=["free"]),
        deployment(west, tags=["paid"]),
        enable_tag_filtering=True,
    )
    for _ in range(4):
        await router.acompletion(GROUP, QUESTION, metadata={"tags": ["paid"]})
    assert (len(east.requests), len(west.requests)) == (0, 4)
    with pytest.raises(Exception, match="tags"):
        await router.acompletion(GROUP, QUESTION, metadata={"tags": ["other"]})
