"""OpenRouter's cache of responses, and the other options that are headers."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import litellm
import pytest

import openrouter_adapter
from openrouter_adapter.emulator import Emulator
from tests.support import answers
from tests.support.calls import WAYS
from tests.support.endpoints import CALLS
from tests.support.gate import RecordingGate, guarded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.loopback import Loopback

CACHED = [
    *("completion", "acompletion", "completion stream", "acompletion stream"),
    *("responses", "aresponses", "responses stream", "aresponses stream"),
    *("anthropic_messages", "anthropic_messages stream"),
    *("embedding", "aembedding"),
]


@pytest.fixture
def emulated() -> Iterator[Emulator]:
    """An emulator, and the adapter in LiteLLM."""
    with Emulator(stream_cost=True) as running, openrouter_adapter.registered():
        yield running


def sent(server: Emulator) -> dict[str, str]:
    """Return the headers of the last request."""
    return {name.lower(): value for name, value in server.requests[-1].headers.items()}


@pytest.mark.parametrize("name", CACHED)
def test_a_hit_is_billed_nothing_and_is_told_apart(name: str, emulated: Emulator) -> None:
    where = {"api_base": emulated.base_url, "api_key": emulated.api_key}
    with guarded(RecordingGate()) as gate:
        for _ in range(2):
            CALLS[name](**where, openrouter_cache=True)
    miss, hit = emulated.bill()
    assert miss.cost > 0
    assert hit.cost == 0
    assert hit.generation_id != miss.generation_id
    first, second = gate.bills
    assert first is not None
    assert second is not None
    assert (first.cost, first.is_cached) == (miss.cost, False)
    assert (second.cost, second.is_cached) == (0, True)
    assert second.source_id == miss.generation_id
    assert second.generation_id == hit.generation_id


@pytest.mark.parametrize("name", ["completion", "aresponses", "embedding"])
def test_the_response_says_what_the_cache_did(name: str, emulated: Emulator) -> None:
    where = {"api_base": emulated.base_url, "api_key": emulated.api_key}
    made = [CALLS[name](**where, openrouter_cache=60) for _ in range(2)]
    miss, hit = (one._hidden_params["openrouter"] for one in made)
    assert miss["response_cache"] == {"status": "MISS", "ttl": "60"}
    assert hit["response_cache"]["status"] == "HIT"
    assert hit["response_cache"]["source_id"] == miss["generation_id"]
    assert hit["cost"] == made[1]._hidden_params["response_cost"] == 0


@pytest.mark.parametrize("name", ["completion", "acompletion stream"])
def test_a_hit_without_a_cost_costs_nothing(name: str, openrouter: Loopback) -> None:
    body = answers.completion()
    body["usage"] = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    headers = {"X_OpenRouter_Cache_Status": "HIT", "X_OpenRouter_Cache_Source_Id": "gen-0"}
    openrouter.replies(body, **headers)
    with guarded(RecordingGate()) as gate:
        CALLS[name](api_base=openrouter.base_url, api_key="k" * 20)
    (bill,) = gate.bills
    assert bill is not None
    assert (bill.cost, bill.source_id) == (Decimal(0), "gen-0")


@pytest.mark.parametrize("way", [way for way in WAYS if "image" not in way])
@pytest.mark.parametrize(
    ("options", "headers"),
    [
        ({"openrouter_cache": True}, {"x-openrouter-cache": "true"}),
        ({"openrouter_cache": False}, {"x-openrouter-cache": "false"}),
        (
            {"openrouter_cache": 1},
            {"x-openrouter-cache": "true", "x-openrouter-cache-ttl": "1"},
        ),
        (
            {"openrouter_cache": 86_400, "openrouter_cache_clear": True},
            {
                "x-openrouter-cache": "true",
                "x-openrouter-cache-ttl": "86400",
                "x-openrouter-cache-clear": "true",
            },
        ),
        ({"openrouter_cache_clear": False}, {}),
        ({"openrouter_router_metadata": True}, {"x-openrouter-metadata": "enabled"}),
        ({"openrouter_router_metadata": False}, {"x-openrouter-metadata": "disabled"}),
        ({}, {}),
    ],
    ids=str,
)
def test_an_option_becomes_a_header_and_no_field(
    way: str, options: dict[str, Any], headers: dict[str, str], openrouter: Loopback
) -> None:
    WAYS[way](**options)
    found = {n: v for n, v in openrouter.headers.items() if n.startswith("x-openrouter-")}
    assert found == headers
    assert not [name for name in openrouter.body if "cache" in name or "metadata" in name]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("openrouter_cache", value) for value in (0, -1, 86_401, 1.5, "true", "60", [True])),
        *(("openrouter_cache_clear", value) for value in (1, "yes")),
        *(("openrouter_router_metadata", value) for value in (1, "enabled", {})),
    ],
)
@pytest.mark.parametrize("way", ["completion", "astream", "embedding"])
def test_a_wrong_value_is_named_and_nothing_is_sent(
    way: str, name: str, value: Any, openrouter: Loopback
) -> None:
    with pytest.raises(litellm.BadRequestError) as caught:
        WAYS[way](**{name: value})
    assert f"{name}={value!r}" in str(caught.value)
    assert openrouter.requests == []


def test_a_routers_deployment_has_the_options(openrouter: Loopback) -> None:
    model = {"model": "openrouter/openai/gpt-4o-mini", "openrouter_cache": 60}
    router = litellm.Router(model_list=[{"model_name": "m", "litellm_params": model}])
    question: Any = [{"role": "user", "content": "Hi"}]
    router.completion(model="m", messages=question)
    asyncio.run(router.acompletion(model="m", messages=question))
    for request in openrouter.requests:
        assert request.headers["x-openrouter-cache-ttl"] == "60"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "named",
    [{"litellm_session_id": "chat-7"}, {"metadata": {"session_id": "chat-7"}}],
    ids=["litellm_session_id", "metadata"],
)
def test_litellms_session_is_the_requests(
    way: str, named: dict[str, Any], openrouter: Loopback
) -> None:
    WAYS[way](**named)
    assert openrouter.headers["x-session-id"] == "chat-7"
    assert "session_id" not in openrouter.body


@pytest.mark.parametrize("name", ["responses", "aresponses stream", "anthropic_messages"])
@pytest.mark.parametrize(
    "named",
    [{"litellm_session_id": "chat-7"}, {"litellm_metadata": {"session_id": "chat-7"}}],
    ids=["litellm_session_id", "litellm_metadata"],
)
def test_litellms_session_on_the_other_endpoints(
    name: str, named: dict[str, Any], emulated: Emulator
) -> None:
    CALLS[name](api_base=emulated.base_url, api_key=emulated.api_key, **named)
    assert sent(emulated)["x-session-id"] == "chat-7"


@pytest.mark.parametrize(
    "given",
    [
        {"session_id": "mine"},
        {"openrouter_session_id": "mine"},
        {"extra_body": {"session_id": "mine"}},
        {"extra_headers": {"X-Session-Id": "mine"}},
    ],
    ids=str,
)
@pytest.mark.parametrize("way", ["completion", "astream"])
def test_a_session_that_the_request_names_stays(
    way: str, given: dict[str, Any], openrouter: Loopback
) -> None:
    WAYS[way](litellm_session_id="chat-7", **given)
    said = openrouter.body.get("session_id"), openrouter.headers.get("x-session-id")
    assert said in {("mine", None), (None, "mine")}


@pytest.mark.parametrize("session", ["x" * 257, "a\nb", 7], ids=["long", "a line", "a number"])
def test_a_session_that_is_none_is_left_out(session: Any, openrouter: Loopback) -> None:
    WAYS["completion"](metadata={"session_id": session})
    assert "x-session-id" not in openrouter.headers


def test_a_session_makes_no_misses(emulated: Emulator) -> None:
    where = {"api_base": emulated.base_url, "api_key": emulated.api_key}
    for number in range(2):
        CALLS["completion"](**where, openrouter_cache=True, litellm_session_id=f"chat-{number}")
    assert [row.cost > 0 for row in emulated.bill()] == [True, False]
