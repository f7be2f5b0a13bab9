"""How often LiteLLM sends a failing request, counted at a server: the table of docs/errors.md."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import litellm
import pytest

import openrouter_adapter
from tests.support.asking import MODEL, QUESTION
from tests.support.failures import FAILURES as TABLE
from tests.support.failures import KEY, Failure, error, words
from tests.support.wire import Reply, Wire, events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DOC = Path(__file__).parents[1] / "docs" / "errors.md"
HEADING = "## What LiteLLM retries"
COLUMNS = ("completion", "acompletion", "Router", "async Router")


def _first_of_each_class() -> dict[str, Reply]:
    more = [
        Failure("400", "BadRequestError", 400, whole=Reply(error(400, "No."), 400)),
        Failure("401", "AuthenticationError", 401, whole=Reply(error(401, "No."), 401)),
        Failure("422", "UnprocessableEntityError", 422, whole=Reply(error(422, "No."), 422)),
    ]
    found: dict[str, Reply] = {}
    for failure in (*more, *TABLE):
        if failure.whole is not None:
            found.setdefault(failure.raised, failure.whole)
    return found


REPLIES = _first_of_each_class()


@pytest.fixture
def wire() -> Iterator[Wire]:
    with Wire() as running, openrouter_adapter.registered():
        yield running


def router_to(wire: Wire, deployments: int, **settings: Any) -> litellm.Router:
    """Return a router with that many deployments of one model."""
    return litellm.Router(
        [
            {
                "model_name": "birds",
                "litellm_params": {
                    "model": MODEL,
                    "api_base": wire.base_url,
                    "api_key": f"{KEY}{number}",
                },
            }
            for number in range(deployments)
        ],
        num_retries=2,
        **settings,
    )


def lone(wire: Wire, **keywords: Any) -> Any:
    return litellm.completion(
        MODEL, QUESTION, api_base=wire.base_url, api_key=KEY, num_retries=2, **keywords
    )


def alone(wire: Wire) -> Any:
    return _run(
        lambda: litellm.acompletion(
            MODEL, QUESTION, api_base=wire.base_url, api_key=KEY, num_retries=2
        )
    )


def routed(wire: Wire) -> Any:
    return router_to(wire, 2).completion("birds", QUESTION)


def arouted(wire: Wire) -> Any:
    return _run(lambda: router_to(wire, 2).acompletion("birds", QUESTION))


def _run(call: Callable[[], Any]) -> Any:
    async def run() -> Any:
        try:
            return await call()
        finally:
            litellm.in_memory_llm_clients_cache.flush_cache()

    return asyncio.run(run())


def times_sent(wire: Wire, call: Callable[[Wire], Any]) -> int:
    """Return how often a request that always fails is sent."""
    wire.requests.clear()
    with pytest.raises(tuple(litellm.LITELLM_EXCEPTION_TYPES)):
        call(wire)
    return len(wire.requests)


def documented() -> dict[str, tuple[int, ...]]:
    """Return the table of the page: how often a request is sent, by class."""
    section = DOC.read_text(encoding="utf-8").split(HEADING, 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("| ").split("|") for line in section.splitlines() if line.startswith("| `")]
    return {name.strip(" `"): tuple(map(int, numbers)) for name, *numbers in rows}


@pytest.mark.parametrize("name", REPLIES)
def test_page_says_how_often_a_failure_is_sent(wire: Wire, name: str) -> None:
    wire.reply = REPLIES[name]
    measured = tuple(times_sent(wire, call) for call in (lone, alone, routed, arouted))
    assert documented()[name] == measured


def test_page_has_a_row_for_each_class() -> None:
    assert documented().keys() == REPLIES.keys()


def test_sync_call_ignores_retry_after_and_async_call_waits(wire: Wire) -> None:
    wire.reply = Reply(error(429, "Later."), 429, {"Retry-After": "50"})
    begin = time.monotonic()
    assert times_sent(wire, lone) == 3
    assert time.monotonic() - begin < 50
    wire.reply = Reply(error(429, "Later."), 429, {"Retry-After": "1"})
    begin = time.monotonic()
    assert times_sent(wire, alone) == 3
    assert time.monotonic() - begin >= 1


def test_router_with_one_deployment_waits_for_retry_after(wire: Wire) -> None:
    later = Reply(error(429, "Later."), 429, {"Retry-After": "1"})
    arrived: list[float] = []

    def reply(_: Any) -> Reply:
        arrived.append(time.monotonic())
        return later

    wire.reply = reply
    router = router_to(wire, 1, disable_cooldowns=True)
    with pytest.raises(litellm.RateLimitError):
        router.completion("birds", QUESTION, num_retries=1)
    assert len(arrived) == 2
    assert arrived[1] - arrived[0] >= 1


def test_stream_that_breaks_is_not_sent_again(wire: Wire) -> None:
    wire.reply = Reply(events(words("Wren"), done=False))
    with pytest.raises(litellm.exceptions.MidStreamFallbackError):
        list(lone(wire, stream=True))
    assert len(wire.requests) == 1


def test_stream_that_is_refused_is_sent_again(wire: Wire) -> None:
    wire.reply = Reply(error(503, "No."), 503)
    with pytest.raises(litellm.ServiceUnavailableError):
        lone(wire, stream=True)
    assert len(wire.requests) == 3


def test_adapter_itself_never_retries(wire: Wire) -> None:
    wire.reply = Reply(error(503, "No."), 503)
    with pytest.raises(litellm.ServiceUnavailableError):
        litellm.completion(MODEL, QUESTION, api_base=wire.base_url, api_key=KEY)
    assert len(wire.requests) == 1
