"""The same labels in the ledger, and the same refusals, whichever endpoint a call goes to."""

from __future__ import annotations

import asyncio
import base64
import inspect
import io
import wave
from typing import TYPE_CHECKING, Any

import litellm
import pytest

from .traffic import CHAT, EMBEDDING, IMAGE

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.emulator import Emulator
    from openrouter_adapter.ledger import Ledger

HELLO: Any = [{"role": "user", "content": "Hello"}]
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
RERANK = "openrouter/voyageai/rerank-2.5-lite"
SPEECH = "openrouter/hexgrad/kokoro-82m"
TRANSCRIPTION = "openrouter/openai/gpt-4o-mini-transcribe"
KEY = {"key": "alias", "team": "red", "organization": "acme"}


def recording() -> Any:
    """A tenth of a second of silence."""
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(3_200))
    return ("silence.wav", made.getvalue(), "audio/wav")


# The model, and what else a call has, by the name of LiteLLM's function.
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "completion": (CHAT, {"messages": HELLO, "max_tokens": 20}),
    "text_completion": (CHAT, {"prompt": "Hello", "max_tokens": 20}),
    "responses": (CHAT, {"input": "Hello", "max_output_tokens": 20}),
    "anthropic_messages": (CHAT, {"messages": HELLO, "max_tokens": 20}),
    "embedding": (EMBEDDING, {"input": ["Hello"]}),
    "image_generation": (IMAGE, {"prompt": "a river"}),
    "image_edit": (IMAGE, {"prompt": "a river", "image": ("river.png", PNG, "image/png")}),
    "rerank": (RERANK, {"query": "a", "documents": ["b"]}),
    "speech": (SPEECH, {"input": "Hello", "voice": "alloy"}),
    "transcription": (TRANSCRIPTION, {"file": None}),
}
# Of Messages, what is called in a coroutine has no prefix.
ASYNC = {**{name: f"a{name}" for name in CALLS}, "anthropic_messages": "anthropic_messages"}
SYNC = {**{name: name for name in CALLS}, "anthropic_messages": "anthropic_messages_handler"}
ROUTER_SYNC = ("completion", "responses", "embedding", "image_generation")


def lone(name: str) -> Callable[..., Any]:
    return getattr(litellm, SYNC[name])  # type: ignore[no-any-return]


def lone_async(name: str) -> Callable[..., Any]:
    return getattr(litellm, ASYNC[name])  # type: ignore[no-any-return]


def router(name: str, to: dict[str, Any]) -> litellm.Router:
    return litellm.Router(
        model_list=[{"model_name": "it", "litellm_params": {"model": CALLS[name][0], **to}}],
        num_retries=0,
    )


WAYS = [
    *((name, way) for name in CALLS for way in ("lone", "lone async", "router async")),
    *((name, "router") for name in ROUTER_SYNC),
    ("anthropic_messages", "interface"),
    ("anthropic_messages", "interface async"),
]


def call(name: str, way: str, to: dict[str, Any], labels: dict[str, Any]) -> None:
    """Make one call to an endpoint, in one of LiteLLM's ways."""
    model, given = CALLS[name]
    given = {**given, **labels}
    if name == "transcription":
        given["file"] = recording()
    if way.startswith("router"):
        prefix = {"anthropic_messages": "aanthropic_messages"}.get(name, ASYNC[name])
        function = getattr(router(name, to), prefix if way.endswith("async") else name)
        given["model"] = "it"
    else:
        given |= {"model": model, **to}
        if way.startswith("interface"):
            messages = litellm.anthropic.messages
            function = messages.acreate if way.endswith("async") else messages.create
        else:
            function = lone_async(name) if way.endswith("async") else lone(name)
    if way.endswith("async"):
        asyncio.run(ended(function(**given)))
    else:
        function(**given)


async def ended(answer: Any) -> Any:
    return await answer if inspect.isawaitable(answer) else answer


def labels() -> dict[str, Any]:
    """What a program says of a call; new each time, as LiteLLM writes into it."""
    return {
        "user": "ann",
        "litellm_session_id": "S1",
        "metadata": {
            "job": "J",
            "tags": ["T", "U"],
            "user_api_key_alias": "alias",
            "user_api_key_team_alias": "red",
            "user_api_key_org_alias": "acme",
        },
    }


EXPECTED = {
    "user": ["ann"],
    "end_user": ["ann"],
    "session": ["S1"],
    "job": ["J"],
    "tag": ["T", "U"],
    "key": ["alias"],
    "team": ["red"],
    "organization": ["acme"],
}


@pytest.fixture
def where(tmp_path: Any) -> str:
    """One database is enough: what is tested comes before it."""
    return str(tmp_path / "ledger.db")


@pytest.mark.parametrize(("name", "way"), WAYS, ids=[f"{way} {name}" for name, way in WAYS])
def test_a_call_has_the_same_labels_on_every_endpoint(
    name: str, way: str, enabled: Ledger, to: dict[str, Any]
) -> None:
    call(name, way, to, labels())
    enabled.flush()
    [row] = enabled.store.rows()
    assert row.outcome == "ok"
    assert {label: row.values_of(label) for label in EXPECTED} == EXPECTED


@pytest.mark.parametrize(("name", "way"), WAYS, ids=[f"{way} {name}" for name, way in WAYS])
def test_a_budget_on_a_label_refuses_every_endpoint(
    name: str, way: str, enabled: Ledger, emulator: Emulator, to: dict[str, Any]
) -> None:
    for label, (value, *_) in EXPECTED.items():
        enabled.budget("one", 0, max_request_usd=1, **{label: value})
        with pytest.raises(litellm.BudgetExceededError, match="budget one"):
            call(name, way, to, labels())
        enabled.remove_budget("one")
    assert emulator.bill() == []
