"""Refusals in OpenRouter's words."""

from __future__ import annotations

import contextlib
import copy
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from openrouter_adapter.emulator import bodies, chat, embeddings, responses
from openrouter_adapter.emulator.errors import ApiError
from openrouter_adapter.emulator.state import Settings, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Client

HELLO = [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Basic abc"])
def test_no_key(client: Client, authorization: str) -> None:
    reply = client.chat(headers={"Authorization": authorization})
    assert reply.status == 401
    assert reply.json == {"error": {"message": "Missing Authentication header", "code": 401}}


def test_a_wrong_key(client: Client) -> None:
    reply = client.chat(headers={"Authorization": "Bearer sk-or-v1-wrong"})
    assert reply.status == 401
    assert reply.json == {"error": {"message": "User not found.", "code": 401}}


def test_any_key_where_none_is_configured(emulate: Callable[..., Client]) -> None:
    client = emulate(api_key=None)
    assert client.chat(headers={"Authorization": "Bearer whatever"}).status == 200


def test_the_models_are_public(client: Client) -> None:
    client.headers["Authorization"] = ""
    assert client.get("/models").status == 200
    assert client.get("/credits").status == 401


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"messages": None}, 'Input required: specify "prompt" or "messages"'),
        ({"messages": []}, 'Input required: specify "prompt" or "messages"'),
        ({"messages": "Hello"}, "messages: Invalid input: expected array, received string"),
        ({"messages": ["Hello"]}, "messages.0: Invalid input: expected object, received string"),
        ({"messages": [{"role": "wizard", "content": ""}]}, "messages.0.role: Invalid option"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": 5}]}, "expected string, received number"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages.0.content.0"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.tool_call_id"),
        ({"model": None}, "No models provided"),
        ({"model": 5}, "model: Invalid input: expected string, received number"),
        ({"temperature": 3}, "temperature: Invalid input: expected 0 to 2"),
        ({"temperature": "hot"}, "temperature: Invalid input: expected number, received string"),
        ({"max_tokens": 0}, "max_tokens: Too small: expected number to be >=1"),
        ({"max_tokens": True}, "max_tokens: Invalid input: expected number, received boolean"),
        ({"stop": 5}, "stop: Invalid input: expected array, received number"),
        ({"models": [5]}, "models.0: Invalid input: expected string, received number"),
        ({"plugins": {"web": {}}}, "plugins: Invalid input: expected array, received object"),
        (
            {"messages": [{"role": "assistant", "tool_calls": ["x"]}]},
            "messages.0.tool_calls.0: Invalid input: expected object, received string",
        ),
        ({"tools": ["x"]}, "tools.0: Invalid input: expected object, received string"),
        ({"tools": [{"type": "function"}]}, "tools.0.function: Invalid input: expected object"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools.0.function.name"),
        (
            {"tools": [{"function": {"name": "f", "parameters": "x"}}]},
            "tools.0.function.parameters: Invalid input: expected object, received string",
        ),
        ({"tools": [{"type": 5}]}, "tools.0.type: Invalid input: expected string"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {}}]}]},
            "messages.0.tool_calls.0.function.name",
        ),
        (
            {
                "messages": [
                    {
                        "role": "assistant",
                        "tool_calls": [{"function": {"name": "f", "arguments": {}}}],
                    }
                ]
            },
            "tool_calls.0.function.arguments: Invalid input: expected string, received object",
        ),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": 5}}},
            "response_format.json_schema.schema: Invalid input: expected object",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages.0.content.0.text: Invalid input: expected string, received null",
        ),
        (
            {"model": "openai/gpt-5-mini", "reasoning": {"effort": "low", "max_tokens": 5}},
            'Only one of "reasoning.effort" and "reasoning.max_tokens"',
        ),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_bad_bodies(client: Client, body: dict[str, Any], words: str, stream: bool) -> None:
    whole = {"model": "openai/gpt-4o", "messages": HELLO, "stream": stream, **body}
    reply = client.send("POST", "/chat/completions", whole)
    assert reply.status == reply.json["error"]["code"] == 400
    assert words in reply.json["error"]["message"]
    assert reply.json["user_id"].startswith("user_")
    assert not client.emulator.bill()


def test_a_body_that_is_no_object(client: Client) -> None:
    for body in ([1], "x", 5, None):
        assert client.send("POST", "/chat/completions", body).status == 400


def test_a_body_that_is_no_json(client: Client) -> None:
    request = urllib.request.Request(  # noqa: S310
        f"{client.emulator.base_url}/chat/completions",
        data=b'{"model": ',
        headers={"Authorization": f"Bearer {client.emulator.api_key}"},
    )
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request, timeout=5)  # noqa: S310
    assert client.emulator.requests[0].body is None


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "x", "openai/gpt-4o"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "text", "file", "function"]), inner, max_size=2)
    ),
    max_leaves=4,
)
FIELDS = [
    *bodies.FIELDS,
    *("messages", "tool_choice", "stop", "image_config", "cache_control", "preset"),
]
MESSAGE_FIELDS = ["role", "content", "tool_calls", "reasoning_details", "annotations"]


@examples(deadline=None)
@given(
    st.dictionaries(st.sampled_from(FIELDS), JUNK, max_size=2),
    st.dictionaries(st.sampled_from(MESSAGE_FIELDS), JUNK, max_size=2),
)
def test_any_body_is_answered_or_refused(
    fields: dict[str, Any], of_message: dict[str, Any]
) -> None:
    state = State(Settings())
    messages = [*HELLO, {"role": "assistant", "content": "x", **of_message}]
    body = {"model": "anthropic/claude-haiku-4.5", "messages": messages, **fields}
    with contextlib.suppress(ApiError):
        answered = chat.complete(state, body, state.faults.of_request(None, ""))
        assert answered.usage.prompt > 0


PNG = "data:image/png;base64,AAAA"
WHOLE_BODIES: dict[str, dict[str, Any]] = {
    "chat": {
        "model": "openai/gpt-4o-mini",
        "messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PNG}}]},
            {
                "role": "assistant",
                "content": None,
                "reasoning_details": [{"type": "reasoning.text", "text": "x", "signature": "s"}],
                "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "a", "content": "x"},
        ],
        "plugins": [{"id": "web", "max_results": 2}],
        "provider": {"order": ["OpenAI"], "max_price": {"prompt": 9}, "sort": "price"},
        "tools": [{"type": "openrouter:web_search", "parameters": {"max_results": 2}}],
        "reasoning": {"effort": "low"},
    },
    "embeddings": {
        "model": "openai/text-embedding-3-small",
        "input": [{"content": [{"type": "text", "text": "x"}]}],
        "encoding_format": "float",
        "provider": {"order": ["OpenAI"]},
    },
    "responses": {
        "model": "openai/gpt-4o-mini",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "x"}]}],
        "tools": [{"type": "function", "name": "f", "parameters": {}}],
        "reasoning": {"effort": "low"},
    },
}


def places_in(value: Any) -> list[tuple[Any, ...]]:
    """Return the path of every value inside another, that of itself excepted."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[tuple[Any, ...]] = []
    for name, inner in items:
        deeper = places_in(inner) if isinstance(inner, dict | list) else []
        found += [(name,), *((name, *path) for path in deeper)]
    return found


@pytest.mark.parametrize(
    ("kind", "path"),
    [(kind, path) for kind, body in WHOLE_BODIES.items() for path in places_in(body)],
    ids=str,
)
def test_junk_anywhere_in_a_body_is_answered_or_refused(kind: str, path: tuple[Any, ...]) -> None:
    state = State(Settings())
    for junk in (None, True, -1, 1.5, 10**12, "", "x", [], {}, [None], [[]], [{}], {"a": 1}):
        body = copy.deepcopy(WHOLE_BODIES[kind])
        target: Any = body
        for name in path[:-1]:
            target = target[name]
        target[path[-1]] = junk
        with contextlib.suppress(ApiError):
            if kind == "embeddings":
                embeddings.embed(state, body)
            else:
                asked = responses.chat_body(body) if kind == "responses" else body
                chat.complete(state, asked, state.faults.of_request(None, ""))


def test_a_failure_of_the_emulator_itself_is_an_error_in_json(
    emulate: Callable[..., Client],
) -> None:
    def answer(body: dict[str, Any]) -> str:
        raise KeyError(body["model"])

    reply = emulate(answer=answer).chat()
    assert reply.status == reply.json["error"]["code"] == 500


def test_an_unknown_model(client: Client) -> None:
    reply = client.chat(model="nobody/nothing:free")
    assert reply.status == 404
    assert reply.json["error"]["message"] == "No endpoints found for nobody/nothing:free."


def test_a_model_that_is_not_for_chat(client: Client) -> None:
    reply = client.chat(model="openai/text-embedding-3-small")
    assert reply.status == 404


def test_a_prompt_that_is_too_long(client: Client) -> None:
    reply = client.chat("word " * 20_000, model="openai/gpt-3.5-turbo", max_tokens=100)
    assert reply.status == 400
    message = reply.json["error"]["message"]
    assert message.startswith("This endpoint's maximum context length is 16385 tokens.")
    assert "100 in the output" in message
    # Every provider was asked.
    assert len(reply.json["error"]["metadata"]["previous_errors"]) == 2


@pytest.mark.parametrize("path", ["/nothing", "/models/openai", "/models/nobody/nothing/endpoints"])
def test_unknown_paths(client: Client, path: str) -> None:
    reply = client.get(path)
    assert reply.status == reply.json["error"]["code"] == 404


def test_an_unknown_generation(client: Client) -> None:
    reply = client.get("/generation?id=gen-1-x")
    assert reply.status == 404
    assert reply.json["error"]["message"] == "Generation gen-1-x not found"
