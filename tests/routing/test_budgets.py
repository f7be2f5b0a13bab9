"""Budgets of a Router, and those of the ledger, count what OpenRouter billed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import litellm
import pytest

from openrouter_adapter import ledger
from tests.routing.sites import (
    CHEAP,
    DEAR,
    GROUP,
    QUESTION,
    Way,
    deployment,
    every_way,
    models_asked,
    until,
)
from tests.support.versions import UNINSTALLED_PROXY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator

    Make = Callable[..., litellm.Router]

OVER = "Exceeded budget"
ASYNC = pytest.mark.parametrize(
    "way", [Way(is_async=True, is_stream=False), Way(is_async=True, is_stream=True)], ids=str
)


def spent(router: litellm.Router, key: str) -> float:
    return float(router.cache.get_cache(key=key) or 0)


@ASYNC
async def test_a_provider_budget_counts_the_bill_and_refuses_the_next_call(
    east: Emulator, routers: Make, way: Way
) -> None:
    budget = {"openrouter": {"budget_limit": 0.00002, "time_period": "1d"}}
    router = routers(deployment(east), provider_budget_config=budget)
    await until(lambda: router.cache.get_cache(key="provider_spend:openrouter:1d") is not None)
    while sum(row.cost for row in east.bill()) < 0.00002:
        await way.ask(router)
        bill = float(sum(row.cost for row in east.bill()))
        await until(lambda: spent(router, "provider_spend:openrouter:1d") == pytest.approx(bill))  # noqa: B023
    sent = len(east.requests)
    assert sent == 2
    with pytest.raises(ValueError, match=OVER):
        await way.ask(router)
    assert len(east.requests) == sent


@ASYNC
async def test_a_budget_of_a_deployment_sends_the_next_call_elsewhere(
    east: Emulator, west: Emulator, routers: Make, way: Way
) -> None:
    router = routers(
        deployment(east, id="east", weight=1, max_budget=0.000001, budget_duration="1d"),
        deployment(west, id="west", weight=0),
    )
    await way.ask(router)
    bill = float(east.bill()[0].cost)
    await until(lambda: spent(router, "deployment_spend:east:1d") == pytest.approx(bill))
    await way.ask(router)
    assert (len(east.requests), len(west.requests)) == (1, 1)


async def test_a_provider_budget_that_is_spent_leaves_another_provider_to_the_fallbacks(
    east: Emulator, west: Emulator, routers: Make
) -> None:
    budget = {"openrouter": {"budget_limit": 0.000001, "time_period": "1d"}}
    other = deployment(west, "rest")
    other["litellm_params"]["model"] = f"openai/{CHEAP}"
    router = routers(
        deployment(east), other, provider_budget_config=budget, fallbacks=[{GROUP: ["rest"]}]
    )
    await router.acompletion(GROUP, QUESTION)
    await until(lambda: spent(router, "provider_spend:openrouter:1d") > 0)
    await router.acompletion(GROUP, QUESTION)
    assert (len(east.requests), len(west.requests)) == (1, 1)


async def test_a_provider_budget_lets_all_pass_that_are_in_the_air_at_once(
    east: Emulator, routers: Make
) -> None:
    budget = {"openrouter": {"budget_limit": 0.000001, "time_period": "1d"}}
    router = routers(deployment(east), provider_budget_config=budget)
    await asyncio.gather(*(router.acompletion(GROUP, QUESTION) for _ in range(8)))
    assert sum(row.cost for row in east.bill()) > 100 * 0.000001


@pytest.mark.usefixtures("book")
async def test_the_ledgers_budget_holds_for_those_too(emulated: Emulator, routers: Make) -> None:
    limit = 0.0002
    ledger.budget("all", limit)
    router = routers(deployment(emulated))
    asked = (router.acompletion(GROUP, QUESTION, max_tokens=100) for _ in range(8))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [one for one in answers if isinstance(one, litellm.BudgetExceededError)]
    assert 0 < len(refused) < 8
    assert len(emulated.bill()) == 8 - len(refused)
    assert sum(row.cost for row in emulated.bill()) <= limit


async def test_a_router_with_budgets_needs_an_event_loop_when_it_is_made() -> None:
    """So a synchronous program can't have one: see docs/router.md."""
    budget = {"openrouter": {"budget_limit": 1, "time_period": "1d"}}
    rows = [{"model_name": GROUP, "litellm_params": {"model": f"openrouter/{CHEAP}"}}]

    def make() -> litellm.Router:
        return litellm.Router(rows, provider_budget_config=budget)

    with pytest.raises(RuntimeError, match="event loop"):
        await asyncio.to_thread(make)


async def test_a_synchronous_call_is_not_held_back_by_a_provider_budget(
    east: Emulator, routers: Make
) -> None:
    budget = {"openrouter": {"budget_limit": 0.000001, "time_period": "1d"}}
    router = routers(deployment(east), provider_budget_config=budget)
    for _ in range(3):
        router.completion(GROUP, QUESTION)
    assert len(east.bill()) == 3


async def test_budgets_of_tags_are_sold_by_litellm(
    east: Emulator, routers: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(
        "litellm.proxy.proxy_server", reason=UNINSTALLED_PROXY, exc_type=ImportError
    )
    monkeypatch.setattr(
        litellm, "tag_budget_config", {"red": {"max_budget": 1.0, "budget_duration": "1d"}}
    )
    with pytest.raises(ValueError, match="Enterprise"):
        routers(deployment(east))


@pytest.fixture
def book(tmp_path: Path) -> Iterator[None]:
    ledger.enable(tmp_path / "ledger.db")
    yield
    ledger.disable()


@pytest.mark.usefixtures("book")
@every_way
async def test_a_refusal_of_the_ledger_goes_to_a_cheaper_fallback_and_is_checked_there(
    emulated: Emulator, routers: Make, way: Way
) -> None:
    ledger.budget("small", 0.0005)
    router = routers(
        deployment(emulated, DEAR, DEAR),
        deployment(emulated, CHEAP, CHEAP),
        fallbacks=[{DEAR: [CHEAP]}],
    )
    await way.ask(router, DEAR, max_tokens=100)
    assert models_asked(emulated) == [CHEAP]
    ledger.budget("small", 0.00000001)
    with pytest.raises(litellm.BudgetExceededError):
        await way.ask(router, DEAR, max_tokens=100)
    assert models_asked(emulated) == [CHEAP]
