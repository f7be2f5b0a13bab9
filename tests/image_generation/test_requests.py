"""How many requests an image call is: n side by side, added up, and truly asynchronous."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import litellm
import pytest

from tests.support import answers
from tests.support.calls import WAYS, adraw, draw
from tests.support.loopback import Reply
from tests.support.waiting import PATIENCE, ahappens

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.loopback import Arrived, Loopback

BOTH_WAYS = pytest.mark.parametrize("way", ["image_generation", "aimage_generation"])


def together(count: int) -> Callable[[Arrived], Reply]:
    """Answer requests once so many are in flight: one at a time would wait forever."""
    gate = threading.Barrier(count)

    def answer(_: Arrived) -> Reply:
        gate.wait(PATIENCE)
        return Reply(answers.image())

    return answer


@BOTH_WAYS
def test_n_images_are_n_requests_side_by_side(openrouter: Loopback, way: str) -> None:
    openrouter.answer = together(3)
    response = WAYS[way](n=3)
    assert len(openrouter.requests) == 3
    assert len(response.data) == 3


@BOTH_WAYS
def test_usage_and_cost_are_added_up(openrouter: Loopback, way: str) -> None:
    response = WAYS[way](n=3)
    hidden = response._hidden_params
    usage = response.usage
    assert hidden["response_cost"] == pytest.approx(3 * answers.COST, rel=1e-15)
    assert hidden["openrouter"]["cost"] == hidden["response_cost"]
    assert hidden["openrouter"]["generation_ids"] == ["gen-1"] * 3
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (15, 3900, 3915)
    assert usage.output_tokens_details == {"image_tokens": 3870, "text_tokens": 30}
    assert usage.completion_tokens_details == {"reasoning_tokens": 0, "image_tokens": 3870}
    assert len(openrouter.requests) == 3


@BOTH_WAYS
def test_what_your_own_providers_take_is_added_up(openrouter: Loopback, way: str) -> None:
    own, not_own = answers.image(), answers.image()
    own["usage"] |= {"is_byok": True, "cost_details": {"upstream_inference_cost": 0.1}}
    openrouter.replies_in_turn(*map(Reply, (not_own, own, own)))
    facts = WAYS[way](n=3)._hidden_params["openrouter"]
    assert facts["is_byok"] is True
    assert facts["cost_details"] == {"upstream_inference_cost": 0.2}


@BOTH_WAYS
def test_an_answer_without_usage_beside_others_is_an_image(openrouter: Loopback, way: str) -> None:
    without = answers.image()
    del without["usage"]
    openrouter.replies_in_turn(Reply(answers.image()), Reply(without))
    response = WAYS[way](n=2)
    assert len(response.data) == 2
    assert response.usage.output_tokens == 1300
    assert response._hidden_params.get("response_cost") is None


@BOTH_WAYS
def test_an_unknown_cost_makes_the_sum_unknown(openrouter: Loopback, way: str) -> None:
    without = answers.image()
    without["usage"] = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    openrouter.replies_in_turn(Reply(answers.image()), Reply(without))
    hidden = WAYS[way](n=2)._hidden_params
    assert "cost" not in hidden["openrouter"]


@BOTH_WAYS
def test_one_of_n_that_fails_is_said_in_a_warning(
    openrouter: Loopback, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    openrouter.replies_in_turn(
        Reply(answers.image()), Reply(answers.error(429, "slower"), 429), Reply(answers.image())
    )
    with caplog.at_level(logging.WARNING, "openrouter_adapter"):
        response = WAYS[way](n=3, max_retries=0)
    assert len(response.data) == 2
    assert "1 of 3 image requests failed" in caplog.text
    assert "slower" in caplog.text


@BOTH_WAYS
def test_what_a_failed_one_cost_is_in_the_sum(openrouter: Loopback, way: str) -> None:
    openrouter.replies_in_turn(Reply(answers.image()), Reply(answers.completion("No.")))
    hidden = WAYS[way](n=2, max_retries=0)._hidden_params
    assert hidden["response_cost"] == pytest.approx(2 * answers.COST, rel=1e-15)


@BOTH_WAYS
def test_all_of_n_that_fail_are_the_first_failure(openrouter: Loopback, way: str) -> None:
    openrouter.replies(answers.error(429, "slower"), 429)
    with pytest.raises(litellm.RateLimitError, match="slower"):
        WAYS[way](n=2, max_retries=0)


@BOTH_WAYS
@pytest.mark.parametrize("count", [0, -1, "2", 1.5, True])
def test_a_wrong_n_is_an_error_before_anything_is_sent(
    openrouter: Loopback, way: str, count: Any
) -> None:
    with pytest.raises(litellm.BadRequestError, match="n="):
        WAYS[way](n=count, max_retries=0)
    assert openrouter.requests == []


@BOTH_WAYS
def test_no_n_is_one(openrouter: Loopback, way: str) -> None:
    assert len(WAYS[way](n=None).data) == 1
    assert len(openrouter.requests) == 1


async def test_an_async_image_holds_no_thread_while_it_is_made(openrouter: Loopback) -> None:
    openrouter.answer = together(8)
    # LiteLLM starts each call in a thread: with one thread, calls that kept it would queue.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    drawn = await asyncio.gather(*(adraw() for _ in range(8)))
    assert [len(response.data) for response in drawn] == [1] * 8


async def test_the_loop_goes_on_while_images_are_made(openrouter: Loopback) -> None:
    # The answers wait for the loop: if it waited for them, neither would come.
    openrouter.answer = together(4)
    task = asyncio.create_task(adraw(n=3))
    assert await ahappens(lambda: len(openrouter.requests) == 3)
    assert not task.done()
    assert len((await adraw()).data) == 1
    assert len((await task).data) == 3


async def test_a_cancelled_call_sends_no_further_request(openrouter: Loopback) -> None:
    openrouter.answer = together(3)
    task = asyncio.create_task(adraw(n=2))
    assert await ahappens(lambda: len(openrouter.requests) == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.2)
    assert len(openrouter.requests) == 2
    await adraw()  # The server's threads wait for a third.


def test_sync_images_work_inside_a_running_loop(openrouter: Loopback) -> None:
    async def inside() -> Any:
        return draw(n=2)

    assert len(asyncio.run(inside()).data) == 2
    assert len(openrouter.requests) == 2
