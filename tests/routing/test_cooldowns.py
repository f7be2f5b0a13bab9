"""What cools a deployment down, for how long, and how often a Router tries it before."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import litellm
import pytest
from litellm.router_utils.router_callbacks.track_deployment_metrics import (
    get_deployment_successes_for_current_minute,
)
from litellm.types.router import AllowedFailsPolicy, RetryPolicy

from openrouter_adapter.emulator import Emulator
from tests.routing.sites import GROUP, QUESTION, Way, deployment, every_way, until, whole_ways

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., litellm.Router]

CALLS = 8
# Failures of a deployment that has never answered until it cools down; None is for never.
UNTIL_COOL = {
    "rate-limit=60": 1,
    "status=401": 1,
    "credits": 1,
    "status=404": 1,
    "status=408": 5,
    "status=502": 5,
    "status=529": 5,
    "status=400": None,
    "status=403": None,
    "moderation=violence": None,
}


async def answered(router: litellm.Router, way: Way, calls: int = CALLS) -> int:
    """Return how many of some calls have an answer."""
    found = 0
    for _ in range(calls):
        with contextlib.suppress(*litellm.LITELLM_EXCEPTION_TYPES):
            found += bool((await way.ask(router))[0])
    return found


@pytest.mark.usefixtures("within_a_minute")
@whole_ways
@pytest.mark.parametrize(("fault", "failures"), UNTIL_COOL.items(), ids=UNTIL_COOL.keys())
async def test_failures_cool_a_deployment_down(
    east: Emulator, west: Emulator, routers: Make, way: Way, fault: str, failures: int | None
) -> None:
    east.faults.add(fault)
    router = routers(deployment(east, weight=1), deployment(west, weight=0), cooldown_time=60)
    if failures is None:
        assert await answered(router, way) == 0
        assert (len(east.requests), len(west.requests)) == (CALLS, 0)
    else:
        assert await answered(router, way) == CALLS - failures
        assert (len(east.requests), len(west.requests)) == (failures, CALLS - failures)


@whole_ways
async def test_a_deployment_that_is_not_reached_never_cools_down(
    west: Emulator, routers: Make, way: Way
) -> None:
    with Emulator() as gone:
        pass
    router = routers(deployment(gone, weight=1), deployment(west, weight=0), cooldown_time=60)
    assert await answered(router, way, 7) == 0
    # A second attempt is made elsewhere all the same.
    router = routers(
        deployment(gone, weight=1), deployment(west, "rest"), fallbacks=[{GROUP: ["rest"]}]
    )
    assert await answered(router, way, 2) == 2


@every_way
async def test_no_fails_allowed_cool_a_deployment_down_at_the_first(
    east: Emulator, west: Emulator, routers: Make, way: Way
) -> None:
    east.faults.add("status=502")
    router = routers(
        deployment(east, weight=1), deployment(west, weight=0), allowed_fails=0, cooldown_time=60
    )
    assert await answered(router, way, 4) == 3
    assert (len(east.requests), len(west.requests)) == (1, 3)


@whole_ways
async def test_a_policy_says_how_many_failures_of_a_class_are_allowed(
    east: Emulator, west: Emulator, routers: Make, way: Way
) -> None:
    east.faults.add("rate-limit=60")
    router = routers(
        deployment(east, weight=1),
        deployment(west, weight=0),
        allowed_fails_policy=AllowedFailsPolicy(RateLimitErrorAllowedFails=2),
        cooldown_time=60,
    )
    assert await answered(router, way, 5) == 2
    assert (len(east.requests), len(west.requests)) == (3, 2)


@whole_ways
async def test_a_deployment_comes_back_when_openrouters_retry_after_is_over(
    east: Emulator, west: Emulator, routers: Make, way: Way
) -> None:
    east.faults.add("rate-limit=1", times=1)
    router = routers(
        deployment(east, weight=1), deployment(west, weight=0), num_retries=1, cooldown_time=600
    )
    begin = time.monotonic()
    await way.ask(router)
    assert (len(east.requests), len(west.requests)) == (1, 1)
    while len(east.requests) == 1:
        assert time.monotonic() - begin < 60
        await way.ask(router)
        await asyncio.sleep(0.02)
    assert time.monotonic() - begin >= 0.9


@whole_ways
async def test_with_one_cooled_down_and_no_other_a_call_is_refused_until_it_is_back(
    east: Emulator, routers: Make, way: Way
) -> None:
    east.faults.add("status=401", times=1)
    router = routers(deployment(east, cooldown_time=60))
    with pytest.raises(litellm.AuthenticationError):
        await way.ask(router)
    with pytest.raises(litellm.types.router.RouterRateLimitError, match="No deployments available"):
        await way.ask(router)
    assert len(east.requests) == 1


@whole_ways
async def test_a_group_of_one_deployment_does_not_cool_down_for_rate_limits(
    east: Emulator, routers: Make, way: Way
) -> None:
    east.faults.add("rate-limit=60", times=1)
    router = routers(deployment(east))
    with pytest.raises(litellm.RateLimitError):
        await way.ask(router)
    assert (await way.ask(router))[0]


RETRIES = {
    "rate-limit=60": (RetryPolicy(RateLimitErrorRetries=3), 4),
    "status=408": (RetryPolicy(TimeoutErrorRetries=2), 3),
    "status=500": (RetryPolicy(InternalServerErrorRetries=1), 2),
    "moderation=hate": (RetryPolicy(ContentPolicyViolationErrorRetries=2), 3),
    "status=400": (RetryPolicy(BadRequestErrorRetries=0), 1),
}


@whole_ways
@pytest.mark.parametrize(
    ("fault", "policy", "sent"), [(fault, *row) for fault, row in RETRIES.items()], ids=RETRIES
)
async def test_a_policy_says_how_often_a_class_is_tried_again(
    east: Emulator, routers: Make, way: Way, fault: str, policy: RetryPolicy, sent: int
) -> None:
    east.faults.add(fault)
    # With a second deployment LiteLLM does not wait before it tries again.
    rows = [deployment(east, id=name) for name in ("one", "other")]
    router = routers(*rows, num_retries=7, retry_policy=policy, disable_cooldowns=True)
    with pytest.raises(tuple(litellm.LITELLM_EXCEPTION_TYPES)):
        await way.ask(router)
    assert len(east.requests) == sent


@pytest.mark.usefixtures("within_a_minute")
async def test_streams_count_as_successes(east: Emulator, routers: Make) -> None:
    router = routers(deployment(east, id="east"))
    for _ in range(3):
        async for _chunk in await router.acompletion(GROUP, QUESTION, stream=True):
            pass
    await until(lambda: get_deployment_successes_for_current_minute(router, "east") == 3)
