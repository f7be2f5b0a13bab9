"""Every kind of a Router's fallbacks, streamed and not, and OpenRouter's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import litellm
import pytest

from openrouter_adapter import routing
from openrouter_adapter.emulator import Answer, Emulator
from tests.routing.sites import (
    CHEAP,
    DEAR,
    GROUP,
    LONG,
    PLAIN,
    SHORT,
    Way,
    billed,
    deployment,
    every_way,
    models_asked,
    whole_ways,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.catalog import Catalog

TOO_LONG = [{"role": "user", "content": "Count the birds. " * 5000}]


@every_way
async def test_default_fallbacks_stand_in_for_any_model(
    east: Emulator, routers: Callable[..., litellm.Router], way: Way
) -> None:
    east.faults.add(f"status=502; model={CHEAP}")
    router = routers(deployment(east), deployment(east, "rest", PLAIN), default_fallbacks=["rest"])
    text, cost = await way.ask(router)
    assert text
    assert cost == billed(east)
    assert models_asked(east) == [CHEAP, PLAIN]


@every_way
async def test_a_chain_is_gone_through_to_its_end(
    east: Emulator, routers: Callable[..., litellm.Router], way: Way
) -> None:
    east.faults.add(f"status=502; model={CHEAP}")
    east.faults.add(f"status=503; model={PLAIN}")
    router = routers(
        *(deployment(east, model, model) for model in (CHEAP, PLAIN, LONG)),
        fallbacks=[{CHEAP: [PLAIN, LONG]}],
    )
    text, cost = await way.ask(router, CHEAP)
    assert text
    assert cost == billed(east)
    assert models_asked(east) == [CHEAP, PLAIN, LONG]


@every_way
async def test_a_prompt_that_is_too_long_goes_to_the_larger_context_that_was_generated(
    east: Emulator, routers: Callable[..., litellm.Router], models: Catalog, way: Way
) -> None:
    chosen = routing.select(SHORT, CHEAP, LONG, catalog=models)
    chains = routing.larger_context(chosen)
    assert {SHORT: [CHEAP, LONG]} in chains
    router = routers(
        *(deployment(east, one.name, one.name) for one in chosen), context_window_fallbacks=chains
    )
    text, cost = await way.ask(router, SHORT, messages=TOO_LONG)
    assert text
    assert cost == billed(east)
    assert models_asked(east) == [SHORT, CHEAP]


@every_way
async def test_a_moderated_prompt_goes_its_own_way(
    east: Emulator, routers: Callable[..., litellm.Router], way: Way
) -> None:
    east.faults.add(f"moderation=violence; model={CHEAP}")
    router = routers(
        *(deployment(east, model, model) for model in (CHEAP, PLAIN, LONG)),
        fallbacks=[{CHEAP: [LONG]}],
        content_policy_fallbacks=[{CHEAP: [PLAIN]}],
    )
    assert (await way.ask(router, CHEAP))[1] == billed(east)
    assert models_asked(east) == [CHEAP, PLAIN]


@every_way
async def test_fallbacks_of_one_call_can_change_its_options(
    east: Emulator, routers: Callable[..., litellm.Router], way: Way
) -> None:
    east.faults.add(f"status=502; model={CHEAP}")
    router = routers(deployment(east), deployment(east, "rest", PLAIN))
    instead = {"model": "rest", "provider": {"sort": "throughput"}}
    assert (await way.ask(router, fallbacks=[instead]))[0]
    assert east.requests[-1].body["provider"] == {"sort": "throughput"}


@every_way
async def test_openrouters_own_models_are_tried_before_the_routers_fallbacks(
    east: Emulator, routers: Callable[..., litellm.Router], way: Way
) -> None:
    router = routers(
        deployment(east, models=[PLAIN]),
        deployment(east, "rest", LONG),
        fallbacks=[{GROUP: ["rest"]}],
    )
    east.faults.add(f"status=502; model={CHEAP}")
    await way.ask(router)
    assert [row.model for row in east.bill() if row.cost] == [PLAIN]
    assert [request.body["models"] for request in east.requests] == [[PLAIN]]
    east.faults.add(f"status=502; model={PLAIN}")
    await way.ask(router)
    assert models_asked(east) == [CHEAP, CHEAP, LONG]
    assert "models" not in east.requests[-1].body


@every_way
async def test_deployments_are_asked_in_their_order(
    east: Emulator, west: Emulator, routers: Callable[..., litellm.Router], way: Way
) -> None:
    router = routers(deployment(west, order=2), deployment(east, order=1))
    for _ in range(5):
        await way.ask(router)
    assert (len(east.requests), len(west.requests)) == (5, 0)
    east.faults.add("rate-limit=60")
    for _ in range(5):
        await way.ask(router)
    assert (len(east.requests), len(west.requests)) == (6, 5)


@every_way
@pytest.mark.parametrize("fault", ["cut=0", "error-chunk=502; after=0", "comments-only"])
async def test_a_stream_that_breaks_before_its_first_word_is_another_models(
    east: Emulator, west: Emulator, routers: Callable[..., litellm.Router], way: Way, fault: str
) -> None:
    east.faults.add(fault)
    router = routers(deployment(east), deployment(west, "rest"), fallbacks=[{GROUP: ["rest"]}])
    text, cost = await way.ask(router)
    assert text
    assert cost == billed(west)


@whole_ways
async def test_a_prompt_too_long_for_a_generated_deployment_is_never_sent_to_it(
    east: Emulator, routers: Callable[..., litellm.Router], models: Catalog, way: Way
) -> None:
    chosen = routing.select(SHORT, PLAIN, catalog=models)
    rows: list[dict[str, Any]] = routing.model_list(chosen, routing.Deployment(group=GROUP))
    for row in rows:
        row["litellm_params"] |= {"api_base": east.base_url, "api_key": east.api_key}
    router = routers(*rows, enable_pre_call_checks=True)
    for _ in range(8):
        await way.ask(router, messages=TOO_LONG)
    assert set(models_asked(east)) == {PLAIN}


@whole_ways
async def test_a_failed_chain_raises_the_first_failure_in_openrouters_words(
    east: Emulator, routers: Callable[..., litellm.Router], way: Way
) -> None:
    east.faults.add(f"status=502; raw=first; model={CHEAP}")
    east.faults.add(f"status=503; raw=second; model={DEAR}")
    router = routers(
        deployment(east, CHEAP, CHEAP), deployment(east, DEAR, DEAR), fallbacks=[{CHEAP: [DEAR]}]
    )
    with pytest.raises(litellm.BadGatewayError, match="first"):
        await way.ask(router, CHEAP)
    assert models_asked(east) == [CHEAP, DEAR]


@whole_ways
async def test_an_answer_that_was_filtered_goes_the_way_of_moderated_prompts(
    east: Emulator, routers: Callable[..., litellm.Router], way: Way
) -> None:
    filtered = Answer("", finish_reason="content_filter")
    with Emulator(answer={CHEAP: filtered}) as strict:
        router = routers(
            deployment(strict),
            deployment(east, "rest"),
            content_policy_fallbacks=[{GROUP: ["rest"]}],
        )
        assert (await way.ask(router))[1] == billed(east)
        assert len(strict.requests) == 1
