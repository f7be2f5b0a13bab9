"""A chat that LiteLLM's cache answers is the chat that OpenRouter answered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.litellm_core_utils.llm_response_utils import convert_dict_to_response

from tests.support.asking import MODEL, QUESTION, STREAMED, WHOLE, Way, text_of
from tests.support.failures import KEY, SAID, TWO_WORDS, message_body, whole_stream
from tests.support.wire import Reply, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE_NOTE: dict[str, Any] = {
    "type": "file",
    "file": {"hash": "h", "name": "a.pdf", "content": [{"type": "text", "text": "x"}]},
}
MESSAGE = {"role": "assistant", "content": SAID, "annotations": [FILE_NOTE]}


@pytest.fixture
def cache() -> Iterator[None]:
    pytest.importorskip("fastapi", reason="LiteLLM's cache needs fastapi: the extra 'caching'")
    pytest.importorskip("soundfile", reason="LiteLLM's cache needs soundfile: the extra 'caching'")
    before = litellm.cache
    litellm.cache = litellm.Cache()
    yield
    litellm.cache = before


@pytest.mark.usefixtures("wire")
def test_message_with_a_file_annotation_can_be_read_back() -> None:
    message = convert_dict_to_response.Message(content=SAID, annotations=[FILE_NOTE])
    assert isinstance(message, litellm.Message)
    assert message.annotations == [FILE_NOTE]


@pytest.mark.usefixtures("wire")
def test_message_that_is_wrong_in_another_way_is_still_refused() -> None:
    with pytest.raises(ValueError, match="content"):
        convert_dict_to_response.Message(content=7)


async def ask_twice(wire: Wire, way: Way) -> list[Any]:
    answers: list[Any] = []
    for _ in range(2):
        call = {"api_base": wire.base_url, "api_key": KEY, "caching": True}
        call["stream"] = way.is_stream
        if way.is_async:
            answer = await litellm.acompletion(MODEL, QUESTION, **call)
            answers.append([c async for c in answer] if way.is_stream else answer)
        else:
            answer = litellm.completion(MODEL, QUESTION, **call)
            answers.append(list(answer) if way.is_stream else answer)
        await asyncio.sleep(0.1)  # the cache is written behind the answer
    litellm.in_memory_llm_clients_cache.flush_cache()
    return answers


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("way", WHOLE, ids=str)
async def test_second_answer_comes_from_the_cache(wire: Wire, way: Way) -> None:
    wire.reply = Reply(message_body(MESSAGE))
    first, second = await ask_twice(wire, way)
    assert len(wire.requests) == 1
    assert text_of(second) == SAID
    assert second.choices[0].message.annotations == first.choices[0].message.annotations
    assert second._hidden_params["cache_hit"]


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("way", STREAMED, ids=str)
async def test_second_stream_comes_from_the_cache(wire: Wire, way: Way) -> None:
    chunks = whole_stream(*TWO_WORDS)
    chunks[0]["choices"][0]["delta"]["annotations"] = [FILE_NOTE]
    wire.reply = Reply(chunks)
    first, second = await ask_twice(wire, way)
    assert len(wire.requests) == 1
    assert text_of(first) == text_of(second) == SAID
