"""Typed errors of the emulator, in the form that each endpoint of OpenRouter gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from openrouter_adapter.emulator import faults, typed_errors

if TYPE_CHECKING:
    from .conftest import Client, Reply

PATHS: dict[str, dict[str, Any]] = {
    "/chat/completions": {
        "model": "openai/gpt-4o-mini",
        "messages": [{"role": "user", "content": "Hello"}],
    },
    "/embeddings": {"model": "openai/text-embedding-3-small", "input": "Hello"},
    "/images": {"model": "google/gemini-2.5-flash-image", "prompt": "A wren"},
    "/rerank": {"model": "voyageai/rerank-2.5-lite", "query": "bird", "documents": ["a wren"]},
}
ROUTE = {"X-OpenRouter-Metadata": "enabled"}
EVERY_PATH = pytest.mark.parametrize("path", PATHS)


def failing(client: Client, fault: str, path: str, **body: Any) -> Reply:
    client.headers |= {"x-emulator-fault": fault}
    return client.send("POST", path, {**PATHS.get(path, {"model": "openai/gpt-4o-mini"}), **body})


@EVERY_PATH
def test_type_is_in_the_metadata(client: Client, path: str) -> None:
    for error_type, status in typed_errors.STATUSES.items():
        reply = failing(client, f"status; type={error_type}; provider-code=zzz", path)
        error = reply.json["error"]
        assert reply.status == error["code"] == status
        assert error["metadata"]["error_type"] == error_type
        if status == 500:
            assert (error["message"], len(error["metadata"])) == ("Internal Server Error", 1)
        else:
            assert error["metadata"]["provider_code"] == "zzz"


def test_status_of_a_typed_error_can_be_another(client: Client) -> None:
    reply = failing(client, "status=529; type=provider_overloaded", "/chat/completions")
    assert reply.status == 529
    assert failing(client, "status=418; type=brand_new", "/chat/completions").status == 418


@EVERY_PATH
def test_availability_has_no_code(client: Client, path: str) -> None:
    spec = (
        "status; availability=capacity_exhausted; retry-after=40; excluded=geo+max_price; "
        "instead=openai/gpt-4.1; constraint=max_price:too low"
    )
    reply = failing(client, spec, path)
    error = reply.json["error"]
    assert reply.status == error["http_status"] == 429
    assert reply.headers["Retry-After"] == "40"
    assert error["error_type"] == "rate_limit_exceeded"
    assert "code" not in error
    assert error["availability"] == {
        "code": "capacity_exhausted",
        "retryable": True,
        "requested_models": [PATHS[path]["model"]],
        "docs_url": "https://openrouter.ai/docs/errors#capacity_exhausted",
        "retry_after": 40,
        "excluded_by": ["geo", "max_price"],
        "fallback_models": ["openai/gpt-4.1"],
        "constraint": {"field": "max_price", "detail": "too low"},
    }


@pytest.mark.parametrize("code", typed_errors.AVAILABILITY)
def test_every_availability_code_has_its_type(code: str) -> None:
    error_type, is_retryable = typed_errors.AVAILABILITY[code]
    fault = faults.parse(f"error-chunk; availability={code}")
    error = faults.error_object(fault, "OpenAI")
    assert error["error_type"] == error_type
    assert error["http_status"] == typed_errors.STATUSES[error_type] == fault.status
    assert error["availability"]["retryable"] is is_retryable


def test_availability_code_of_tomorrow() -> None:
    fault = faults.parse("status=404; availability=brand_new; retryable=true")
    error = typed_errors.typed({"message": "No"}, fault.status, fault.options)
    assert (error["error_type"], error["http_status"]) == (None, 404)
    assert error["availability"]["retryable"] is True


@pytest.mark.parametrize("stream", [False, True])
def test_error_in_a_chats_answer(client: Client, stream: bool) -> None:
    client.headers |= ROUTE
    for name in ("error-chunk", "choice-error"):
        spec = f"{name}; type=provider_unavailable; native=MALFORMED_FUNCTION_CALL"
        reply = failing(client, spec, "/chat/completions", stream=stream)
        bodies = reply.chunks if stream else [reply.json]
        body = next(one for one in bodies if "error" in one or "error" in one["choices"][0])
        choice = body["choices"][0]
        error = body.get("error") or choice["error"]
        assert error["metadata"]["error_type"] == "provider_unavailable"
        assert choice["native_finish_reason"] == "MALFORMED_FUNCTION_CALL"
        assert body["openrouter_metadata"]["requested"] == "openai/gpt-4o-mini"


@pytest.mark.parametrize("stream", [False, True])
def test_failed_response_has_its_type_at_the_top(client: Client, stream: bool) -> None:
    client.headers |= ROUTE
    for error_type, code in (
        ("authentication", "server_error"),
        ("context_length_exceeded", "invalid_prompt"),
        ("content_policy_violation", "image_content_policy_violation"),
        ("rate_limit_exceeded", "rate_limit_exceeded"),
    ):
        reply = failing(
            client, f"error-chunk; type={error_type}", "/responses", input="Hello", stream=stream
        )
        assert reply.status == 200
        body = reply.chunks[-1]["response"] if stream else reply.json
        assert (body["status"], body["error_type"]) == ("failed", error_type)
        assert body["error"]["code"] == code
        assert body["openrouter_metadata"]["strategy"] == "direct"


def test_response_that_is_refused_has_its_type_at_the_top(client: Client) -> None:
    reply = failing(client, "status; type=authentication", "/responses", input="Hello")
    assert (reply.status, reply.json["status"]) == (401, "failed")
    assert reply.json["error_type"] == "authentication"
    assert reply.json["error"]["code"] == "server_error"
    reply = failing(client, "status; availability=geo_blocked; retryable=false", "/responses")
    assert reply.json["error"]["availability"]["code"] == "geo_blocked"


@pytest.mark.parametrize(
    ("error_type", "word"),
    [
        ("authentication", "authentication_error"),
        ("payment_required", "billing_error"),
        ("context_length_exceeded", "invalid_request_error"),
        ("payload_too_large", "invalid_request_error"),
        ("provider_overloaded", "overloaded_error"),
        ("timeout", "timeout_error"),
        ("provider_unavailable", "api_error"),
    ],
)
def test_messages_have_anthropics_envelope(client: Client, error_type: str, word: str) -> None:
    reply = failing(client, f"status; type={error_type}", "/messages")
    assert reply.status == typed_errors.STATUSES[error_type]
    assert reply.json["type"] == "error"
    assert reply.json["error"]["type"] == word
    assert reply.json["error"]["error_type"] == error_type
    reply = failing(client, "status; availability=no_endpoints", "/messages")
    assert reply.json["error"]["availability"]["code"] == "no_endpoints"


@pytest.mark.parametrize("name", ["X-OpenRouter-Metadata", "X-OpenRouter-Experimental-Metadata"])
def test_route_stands_beside_an_error_when_asked_for(client: Client, name: str) -> None:
    components = pytest.importorskip("openrouter.components")
    assert "openrouter_metadata" not in failing(client, "status=403", "/embeddings").json
    client.headers |= {name: "enabled"}
    for path in PATHS:
        for fault in ("status=403", "error-in-200=403"):
            route = failing(client, fault, path).json["openrouter_metadata"]
            assert route["requested"] == PATHS[path]["model"]
            assert components.OpenRouterMetadata.model_validate(route)
        assert "openrouter_metadata" not in failing(client, "status; type=server", path).json
    del client.headers["x-emulator-fault"]
    refused = client.send("POST", "/chat/completions", {"model": "no/such", "messages": []})
    assert refused.json["openrouter_metadata"]["requested"] == "no/such"
