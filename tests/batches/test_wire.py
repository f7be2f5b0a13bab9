"""Submissions and batches on the wire, against the official SDK's models and the emulator."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import litellm
import orjson
import pytest

from openrouter_adapter.batches import wire
from openrouter_adapter.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

openrouter = pytest.importorskip("openrouter")

CHAT = "/v1/chat/completions"
NANO = "openai/gpt-5-nano"


def chat(text: str = "Add 1 and 1", **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], **fields}


def parts(*content: Any, field: str = "messages") -> dict[str, Any]:
    """A body with a message of these parts."""
    return {field: [{"role": "user", "content": list(content)}]}


def made(*bodies: dict[str, Any], endpoint: str = CHAT, **more: Any) -> bytes:
    rows = [(f"row-{n}", orjson.dumps(body)) for n, body in enumerate(bodies)]
    return wire.submission(endpoint, NANO, rows, **more)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(batch_seconds=0) as running:
        yield running


@pytest.fixture
def http(emulator: Emulator) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {emulator.api_key}"}
    with httpx.Client(base_url=emulator.base_url, headers=headers, timeout=30) as client:
        yield client


def answered(http: httpx.Client, *bodies: dict[str, Any]) -> wire.Batch:
    submitted = http.post("/batches", content=made(*bodies))
    assert submitted.status_code == 202
    batch = wire.parse(submitted.content, submitted.headers)
    assert (batch.status, batch.is_over, batch.results, batch.bill.cost) == (
        "validating",
        False,
        None,
        None,
    )
    found = http.get(f"/batches/{batch.id}")
    return wire.parse(found.content, found.headers)


def test_the_fields_come_in_the_documented_order() -> None:
    content = made(chat(), provider={"only": ["openai"]}, callback_url="https://example.com/called")
    assert content == (
        b'{"endpoint":"/v1/chat/completions","model":"openai/gpt-5-nano",'
        b'"callback_url":"https://example.com/called","completion_window":"24h",'
        b'"provider":{"only":["openai"]},"requests":[{"custom_id":"row-0","body":'
        b'{"messages":[{"role":"user","content":"Add 1 and 1"}]}}]}'
    )


def test_a_submission_is_one_to_the_official_sdk() -> None:
    content = made(chat("\u2028 é 🎉"), chat(), provider={"only": ["openai"]})
    body = openrouter.components.BatchSubmitBody.model_validate_json(content)
    assert (body.endpoint, body.model, body.completion_window) == (CHAT, NANO, "24h")
    assert [one.custom_id for one in body.requests] == ["row-0", "row-1"]
    assert body.requests[0].body == chat("\u2028 é 🎉")


def test_the_size_of_a_request_is_what_it_adds() -> None:
    more = ('a "quoted" \u00e9', orjson.dumps(chat("more")))
    one = wire.submission(CHAT, NANO, [("a", b"{}")])
    assert len(wire.submission(CHAT, NANO, [("a", b"{}"), more])) - len(one) == wire.size_of(*more)


def test_a_batch_and_its_results(http: httpx.Client, emulator: Emulator) -> None:
    batch = answered(http, chat("Add 1 and 2"), chat("Add 2 and 2"))
    assert (batch.status, batch.is_over) == ("completed", True)
    assert (batch.total, batch.completed, batch.failed) == (2, 2, 0)
    assert batch.provider == "OpenAI"
    assert batch.bill.cost == sum(row.cost for row in emulator.bill())
    results = {one.custom_id: one for one in batch.read_results()}
    assert results.keys() == {"row-0", "row-1"}
    bodies = [one.body for one in results.values()]
    assert all(body and body["choices"][0]["message"]["content"] for body in bodies)
    assert {body["id"] for body in bodies if body} == {row.generation_id for row in emulator.bill()}


def test_requests_that_failed_have_typed_errors(http: httpx.Client, emulator: Emulator) -> None:
    emulator.faults.add("status=429; type=rate_limit_exceeded; provider=openai; path=/batches")
    batch = answered(http, chat())
    (result,) = batch.read_results()
    assert result.body is None
    assert isinstance(result.failure, litellm.RateLimitError)
    assert batch.bill.cost == 0


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (
            {"error": {"type": "invalid_request_error", "message": "no", "param": None}},
            litellm.BadRequestError,
        ),
        (
            {"error": {"type": "x", "message": "no", "param": None, "error_type": "timeout"}},
            litellm.Timeout,
        ),
        ({"error": None, "response": None}, litellm.BadGatewayError),
        (
            {"response": {"status_code": 429, "body": {"error": {"message": "slow"}}}},
            litellm.RateLimitError,
        ),
        (
            {
                "response": {
                    "status_code": 400,
                    "body": '{"message": "unfetchable", "code": "3310"}',
                }
            },
            litellm.BadRequestError,
        ),
        ({"response": {"status_code": 200, "body": None}}, litellm.BadGatewayError),
    ],
)
def test_every_form_of_a_failure(result: dict[str, Any], expected: type) -> None:
    whole = orjson.loads(COMPLETED)
    whole["results"] = [{"id": "r", "custom_id": "a", "response": None, "error": None, **result}]
    (found,) = wire.parse(orjson.dumps(whole)).read_results()
    assert isinstance(found.failure, expected)
    assert found.body is None
    assert found.custom_id == "a"


def test_a_failed_batch_is_an_answer_with_its_reason(http: httpx.Client) -> None:
    batch = answered(http, chat(), chat(stream=True))
    assert (batch.status, batch.is_over, batch.results) == ("failed", True, None)
    assert batch.error == "Request 'row-1': stream is not supported in a batch"
    assert list(batch.read_results()) == []


def test_the_list_is_read_page_by_page(http: httpx.Client) -> None:
    made_ids = [answered(http, chat()).id for _ in range(3)]
    page = wire.parse_page(http.get("/batches?limit=2").content)
    assert [one.id for one in page.batches] == [made_ids[2], made_ids[1]]
    assert page.has_more
    rest = wire.parse_page(http.get(f"/batches?limit=2&after={page.last_id}").content)
    assert [one.id for one in rest.batches] == [made_ids[0]]
    assert not rest.has_more


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"object":"batch"}', b'{"object":"batch","id":']
)
def test_a_broken_answer_is_no_batch(content: bytes) -> None:
    with pytest.raises(litellm.ServiceUnavailableError):
        wire.parse(content)


def test_an_error_is_the_exception_of_its_code() -> None:
    with pytest.raises(litellm.NotFoundError, match="not found"):
        wire.parse(b'{"error":{"code":404,"message":"Batch job batch-1 not found."}}')


IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        (CHAT, chat()),
        (CHAT, chat(max_tokens=10, response_format={"type": "json_object"}, modalities=["text"])),
        (CHAT, parts(IMAGE)),
        (CHAT, parts({"type": "file", "file": {"file_data": "https://a.b/c.pdf"}})),
        (CHAT, chat(tools=[{"type": "function", "function": {"name": "f"}}])),
        ("/v1/responses", {"input": "Hello"}),
        (
            "/v1/responses",
            parts({"type": "input_file", "file_url": "https://a.b/c.pdf"}, field="input"),
        ),
        (
            "/v1/messages",
            parts({"type": "image", "source": {"type": "url", "url": "https://a.b/c.png"}}),
        ),
        ("/v1/embeddings", {"input": ["Hello", "you"]}),
        ("/v1/embeddings", {"input": [[1, 2]]}),
    ],
)
def test_what_a_batch_takes(endpoint: str, body: dict[str, Any]) -> None:
    assert wire.refusal(endpoint, body) is None


@pytest.mark.parametrize(
    ("endpoint", "body", "named"),
    [
        (CHAT, chat(stream=True), "stream"),
        (CHAT, chat(modalities=["image", "text"]), "modalities"),
        (CHAT, chat(models=["a/b"]), "models"),
        (CHAT, chat(model="@preset/mine"), "model="),
        (CHAT, chat(model="a/b:online"), "model="),
        (CHAT, chat(plugins=[{"id": "web"}]), "plugins"),
        (CHAT, chat(tools=[{"type": "openrouter:web_search"}]), "tools"),
        (
            CHAT,
            parts({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}),
            "image_url",
        ),
        (CHAT, parts({"type": "image_url"}), "image_url"),
        (CHAT, parts({"type": "file", "file": {"file_data": "data:x"}}), "file"),
        (CHAT, parts({"type": "file", "file": {"file_id": "file-1"}}), "file"),
        (CHAT, parts({"type": "input_audio"}), "input_audio"),
        (
            "/v1/responses",
            parts({"type": "input_image", "image_url": "data:x"}, field="input"),
            "input_image",
        ),
        (
            "/v1/messages",
            parts(
                {
                    "type": "tool_result",
                    "content": [{"type": "image", "source": {"type": "base64"}}],
                }
            ),
            "image",
        ),
        ("/v1/embeddings", {"input": "a", "input_type": "query"}, "input_type"),
        ("/v1/embeddings", {"input": "a", "provider": {"only": ["openai"]}}, "provider"),
        ("/v1/embeddings", {"input": [{"content": []}]}, "input"),
    ],
)
def test_what_a_batch_does_not_take(endpoint: str, body: dict[str, Any], named: str) -> None:
    found = wire.refusal(endpoint, body)
    assert found is not None
    assert found.startswith(named)


COMPLETED = json.dumps(
    {
        "id": "batch-1790584823-a",
        "object": "batch",
        "endpoint": CHAT,
        "model": NANO,
        "provider": "OpenAI",
        "completion_window": "24h",
        "status": "completed",
        "created_at": 1790584823,
        "expires_at": None,
        "finalized_at": 1790584900,
        "request_counts": {"total": 1, "completed": 1, "failed": 0},
        "usage": {
            "prompt_tokens": 20,
            "completion_tokens": 40,
            "total_tokens": 60,
            "cost": 8.25e-7,
        },
        "results": [],
        "error": None,
    }
).encode()


def test_the_cost_has_the_digits_of_the_wire() -> None:
    assert wire.parse(COMPLETED).bill.cost == Decimal("8.25e-7")


@pytest.mark.parametrize(("completed", "cost"), [(1, None), (0, Decimal(0))])
def test_without_usage_only_a_batch_without_answers_is_known_to_be_free(
    completed: int, cost: Decimal | None
) -> None:
    counts = {"total": 1, "completed": completed, "failed": 1 - completed}
    body = {**json.loads(COMPLETED), "usage": None, "request_counts": counts}
    assert wire.parse(json.dumps(body).encode()).bill.cost == cost
