"""The whole answer is on the stream of a Router, too."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper

import openrouter_adapter
from openrouter_adapter.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

HELLO: Any = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running, openrouter_adapter.registered():
        yield running


@pytest.fixture
def router(emulator: Emulator) -> litellm.Router:
    parameters = {
        "model": "openrouter/openai/gpt-4o-mini",
        "api_base": emulator.base_url,
        "api_key": emulator.api_key,
    }
    return litellm.Router(model_list=[{"model_name": "it", "litellm_params": parameters}])


def check(stream: Any, text: str, emulator: Emulator) -> None:
    [billed] = emulator.bill()
    assert stream.response.choices[0].message.content == text
    assert stream.response._hidden_params["response_cost"] == float(billed.cost)


def test_a_synchronous_stream_of_a_router_has_its_answer(
    router: litellm.Router, emulator: Emulator
) -> None:
    stream: Any = router.completion("it", HELLO, stream=True)
    assert stream.response is None
    check(stream, "".join(chunk.choices[0].delta.content or "" for chunk in stream), emulator)


def test_an_asynchronous_stream_of_a_router_has_its_answer(
    router: litellm.Router, emulator: Emulator
) -> None:
    async def run() -> None:
        stream: Any = await router.acompletion("it", HELLO, stream=True)
        assert stream.response is None
        words = [chunk.choices[0].delta.content or "" async for chunk in stream]
        check(stream, "".join(words), emulator)

    asyncio.run(run())


def test_the_streams_of_others_have_it_only_while_the_package_is_registered() -> None:
    with openrouter_adapter.registered():
        other: Any = litellm.completion("gpt-4o", HELLO, mock_response="Hi", stream=True)
        assert other.response is None
    assert not hasattr(CustomStreamWrapper, "response")
