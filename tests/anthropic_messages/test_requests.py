"""What is sent besides Anthropic's fields, what is refused, and the way that a request takes."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm import Router

from tests.anthropic_messages import wire

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator
    from tests.support.loopback import Loopback


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("reasoning", {"effort": "low"}, "thinking"),
        ("reasoning_effort", "low", "output_config"),
        ("response_format", {"type": "json_object"}, "output_config"),
        ("stop", ["."], "stop_sequences"),
        ("transforms", ["middle-out"], "context-compression"),
        ("web_search_options", {}, "web_search_20250305"),
        ("seed", 1, "leave it out"),
    ],
)
async def test_a_field_of_a_chat_is_refused_with_what_to_give_instead(
    name: str, value: Any, advice: str, openrouter: Loopback
) -> None:
    with pytest.raises(litellm.BadRequestError, match=advice) as caught:
        await wire.anthropic_messages(**{name: value})
    assert name in str(caught.value)
    assert "openrouter_messages_route" in str(caught.value)
    assert openrouter.requests == []


async def test_drop_params_drops_the_fields_of_a_chat(openrouter: Loopback) -> None:
    openrouter.answer = wire.replies()
    await wire.anthropic_messages(seed=1, reasoning_effort="low", drop_params=True)
    assert openrouter.body.keys() == {"model", "max_tokens", "messages"}


async def test_a_conversation_that_is_stored_at_anthropic_is_refused(openrouter: Loopback) -> None:
    thread = {"type": "continue", "previous_message_id": "msg_1"}
    with pytest.raises(litellm.BadRequestError, match="thread=False"):
        await wire.anthropic_messages(thread=thread)
    assert openrouter.requests == []


async def test_a_wrong_option_names_itself_before_anything_is_sent(openrouter: Loopback) -> None:
    with pytest.raises(litellm.BadRequestError, match=r"provider\.only"):
        await wire.anthropic_messages(provider={"only": "anthropic"})
    assert openrouter.requests == []


async def test_options_with_the_prefix_and_of_a_deployment(openrouter: Loopback) -> None:
    openrouter.answer = wire.replies()
    parameters: Any = {"model": wire.CLAUDE, "plugins": [{"id": "web"}]}
    router = Router([{"model_name": "claude", "litellm_params": parameters}])
    given = wire.asked(model="claude", openrouter_provider={"sort": "price"})
    answer = await router.aanthropic_messages(**given)
    assert answer["content"] == [wire.TEXT]
    assert openrouter.body == {
        "model": "anthropic/claude-haiku-4.5",
        "max_tokens": 100,
        "messages": wire.HELLO,
        "plugins": [{"id": "web"}],
        "provider": {"sort": "price"},
    }


async def test_the_headers_of_the_caller_and_of_options(openrouter: Loopback) -> None:
    openrouter.answer = wire.replies()
    beta = {"anthropic-beta": "context-management-2025-06-27,of-next-year"}
    await wire.anthropic_messages(
        extra_headers=beta, openrouter_cache=True, openrouter_router_metadata=True
    )
    sent = openrouter.headers
    assert sent["anthropic-beta"] == beta["anthropic-beta"]
    assert sent["x-openrouter-cache"] == "true"
    assert sent["x-openrouter-metadata"] == "enabled"


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("way", wire.WAYS)
async def test_the_route_of_a_chat_stays(way: str, is_stream: bool, emulated: Emulator) -> None:
    asked = {"stream": is_stream, "openrouter_messages_route": "chat", "seed": 1}
    answer = await wire.WAYS[way](**asked)
    assert [request.path for request in emulated.requests] == ["/chat/completions"]
    assert emulated.requests[0].body is not None
    assert emulated.requests[0].body["messages"] == wire.HELLO
    assert b"message_stop" in answer if is_stream else answer["stop_reason"] == "end_turn"


async def test_an_unknown_route_is_refused(openrouter: Loopback) -> None:
    with pytest.raises(litellm.BadRequestError, match="give 'messages' or 'chat'"):
        await wire.anthropic_messages(openrouter_messages_route="responses")
    assert openrouter.requests == []


PLAIN = """
import asyncio, sys

for name in ("fastapi", "litellm.proxy.proxy_server"):
    sys.modules[name] = None  # can't be imported, as on an installation without the proxy

import litellm

import openrouter_adapter
from openrouter_adapter.emulator import Emulator

openrouter_adapter.register()
with Emulator() as emulator:
    asked = {
        "model": "openrouter/anthropic/claude-haiku-4.5",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "Hi"}],
        "api_base": emulator.base_url,
        "api_key": emulator.api_key,
    }
    ways = (
        lambda: asyncio.run(litellm.anthropic_messages(stream=True, **asked)),
        lambda: litellm.anthropic.messages.create(stream=True, **asked),
    )
    for way in ways:
        try:
            way()
        except litellm.BadRequestError as refusal:
            print(refusal)
    assert emulator.requests == []
    answer = asyncio.run(litellm.anthropic_messages(**asked))
    assert answer["usage"]["cost"] > 0
"""


def test_a_plain_installation_sends_no_stream_that_litellm_cant_end() -> None:
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", PLAIN], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("leave out stream, or set openrouter_messages_route='chat'") == 2


async def test_a_deployment_that_names_the_endpoint_gets_ours(openrouter: Loopback) -> None:
    openrouter.answer = wire.replies()
    await wire.anthropic_messages(model_info={"supported_endpoints": ["/v1/messages"]})
    assert openrouter.requests[0].headers["authorization"].startswith("Bearer sk-or-")
