"""OpenRouter's own SDK takes the emulator for OpenRouter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.emulator import Emulator

    from .conftest import Client

openrouter = pytest.importorskip("openrouter")

MESSAGES = [{"role": "user", "content": "What is the capital of France?"}]
REASONING = [
    "anthropic/claude-haiku-4.5",
    "openai/gpt-5-mini",
    "google/gemini-2.5-pro",
    "x-ai/grok-4",
]


def text_of(chunks: list[Any]) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def test_a_chat(sdk: Any, emulator: Emulator) -> None:
    result = sdk.chat.send(model="openai/gpt-4o-mini", messages=MESSAGES)
    assert result.choices[0].message.content == "The capital of France is Paris."
    assert result.usage.cost == float(emulator.bill()[0].cost)


async def test_an_asynchronous_chat(sdk: Any) -> None:
    result = await sdk.chat.send_async(model="openai/gpt-4o-mini", messages=MESSAGES)
    assert result.choices[0].message.content == "The capital of France is Paris."


def test_a_stream(sdk: Any, emulator: Emulator) -> None:
    with sdk.chat.send(model="openai/gpt-4o-mini", messages=MESSAGES, stream=True) as stream:
        chunks = list(stream)
    assert text_of(chunks) == "The capital of France is Paris."
    assert chunks[-1].usage.cost == float(emulator.bill()[0].cost)


async def test_an_asynchronous_stream(sdk: Any) -> None:
    async with await sdk.chat.send_async(
        model="openai/gpt-4o-mini", messages=MESSAGES, stream=True
    ) as stream:
        chunks = [chunk async for chunk in stream]
    assert text_of(chunks) == "The capital of France is Paris."


@pytest.mark.parametrize("model", REASONING)
def test_reasoning(sdk: Any, model: str) -> None:
    result = sdk.chat.send(model=model, messages=MESSAGES, reasoning={"effort": "high"})
    details = result.choices[0].message.reasoning_details
    assert details
    with sdk.chat.send(
        model=model, messages=MESSAGES, reasoning={"effort": "high"}, stream=True
    ) as stream:
        streamed = [
            detail
            for chunk in stream
            for choice in chunk.choices
            for detail in choice.delta.reasoning_details or ()
        ]
    assert {detail.type for detail in streamed} == {detail.type for detail in details}


def test_a_tool_call_and_its_second_turn(sdk: Any, weather: dict[str, Any]) -> None:
    ask = [{"role": "user", "content": "What is the weather in Paris?"}]
    first = sdk.chat.send(model="anthropic/claude-haiku-4.5", messages=ask, tools=[weather])
    call = first.choices[0].message.tool_calls[0]
    turn = [
        *ask,
        {"role": "assistant", "content": "", "tool_calls": [call.model_dump()]},
        {"role": "tool", "tool_call_id": call.id, "content": "21 °C and sunny"},
    ]
    second = sdk.chat.send(model="anthropic/claude-haiku-4.5", messages=turn, tools=[weather])
    assert "21 °C and sunny" in second.choices[0].message.content


def test_an_image(sdk: Any) -> None:
    result = sdk.chat.send(
        model="google/gemini-2.5-flash-image", messages=MESSAGES, modalities=["image", "text"]
    )
    assert result.choices[0].message.images[0].image_url.url.startswith("data:image/png;base64,")


def test_embeddings(sdk: Any, emulator: Emulator) -> None:
    result = sdk.embeddings.generate(model="openai/text-embedding-3-small", input=["one", "two"])
    assert [len(row.embedding) for row in result.data] == [1536, 1536]
    assert result.usage.cost == float(emulator.bill()[0].cost)


def test_the_models(sdk: Any) -> None:
    listed = sdk.models.list().result
    assert listed.total_count == len(listed.data) > 20
    assert sdk.embeddings.list_models().result.data


def test_every_models_endpoints(sdk: Any) -> None:
    for model in sdk.models.list().result.data:
        author, slug = model.id.split("/")
        listed = sdk.endpoints.list(author=author, slug=slug).data
        assert listed.endpoints, model.id


def test_a_generation(sdk: Any, emulator: Emulator) -> None:
    answered = sdk.chat.send(model="openai/gpt-4o-mini", messages=MESSAGES)
    generation = sdk.generations.get_generation(id=answered.id).data
    row = emulator.bill()[0]
    assert generation.total_cost == float(row.cost) == answered.usage.cost
    assert generation.tokens_completion == row.tokens_completion


def test_the_current_key(sdk: Any) -> None:
    assert sdk.api_keys.get_current_key_metadata().data.usage == 0


def test_an_error_has_the_sdks_own_class(sdk: Any, emulate: Callable[..., Client]) -> None:
    from openrouter import errors

    with pytest.raises(errors.NotFoundResponseError, match="No endpoints found for nobody/nothing"):
        sdk.chat.send(model="nobody/nothing", messages=MESSAGES)
    with pytest.raises(errors.BadRequestResponseError):
        sdk.chat.send(model="openai/gpt-4o", messages=[])
    other = emulate(api_key="sk-or-v1-other").emulator
    with (
        openrouter.OpenRouter(api_key="sk-or-v1-wrong", server_url=other.base_url) as client,
        pytest.raises(errors.UnauthorizedResponseError, match="User not found"),
    ):
        client.chat.send(model="openai/gpt-4o", messages=MESSAGES)
