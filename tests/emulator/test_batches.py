"""The Batch API, with OpenRouter's own SDK as its client."""

from __future__ import annotations

import json
import urllib.request
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.emulator import Emulator

    from .conftest import Client, Reply

openrouter = pytest.importorskip("openrouter")

NANO = "openai/gpt-5-nano"
CHAT = "/v1/chat/completions"
TERMINAL = ("completed", "failed", "expired", "cancelled")


def ask(text: str = "What is the capital of France?", **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], "max_tokens": 200, **fields}


def requests(number: int = 3, **fields: Any) -> list[dict[str, Any]]:
    return [
        {"custom_id": f"row-{n}", "body": ask(f"Add {n} and 1", **fields)} for n in range(number)
    ]


def submit(client: Client, **fields: Any) -> Reply:
    body = {"endpoint": CHAT, "model": NANO, "requests": requests(), **fields}
    last = body.pop("requests")
    return client.send("POST", "/batches", {**body, "requests": last})


def ended(client: Client, **fields: Any) -> dict[str, Any]:
    made = submit(client, **fields)
    assert made.status == 202, made.text
    client.emulator.advance(hours=1)
    found = client.get(f"/batches/{made.json['id']}")
    assert found.status == 200, found.text
    return found.json


def test_a_batch_from_its_submission_to_its_results(sdk: Any, emulator: Emulator) -> None:
    made = sdk.batch.create_batches(endpoint=CHAT, model=NANO, requests=requests())
    assert (made.status, made.results, made.usage) == ("validating", None, None)
    assert made.request_counts.total == 3
    assert made.expires_at - made.created_at == 24 * 3600
    seen = []
    for seconds in (0, 60, 200, 145, 15):
        emulator.advance(seconds=seconds)
        found = sdk.batch.get_batches(id=made.id)
        seen.append(found.status)
    assert seen == ["validating", "in_progress", "in_progress", "finalizing", "completed"]
    assert {one.custom_id for one in found.results} == {"row-0", "row-1", "row-2"}
    assert [one.custom_id for one in found.results] != ["row-0", "row-1", "row-2"]
    assert all(one.error is None and one.response.status_code == 200 for one in found.results)
    assert {one.response.body.id for one in found.results} == {
        row.generation_id for row in emulator.bill()
    }
    assert found.request_counts.completed == 3
    assert found.finalized_at == made.created_at + 420


def test_its_cost_is_half_and_is_the_sum_of_the_rows_of_the_bill(client: Client) -> None:
    found = ended(client, requests=requests(50))
    rows = client.emulator.bill()
    assert sum(row.cost for row in rows) == Decimal(repr(found["usage"]["cost"]))
    assert {row.model_id for row in rows} == {f"{NANO}:batch"}
    assert found["usage"]["prompt_tokens"] == sum(row.tokens_prompt for row in rows)
    usual = [
        client.send("POST", "/chat/completions", {"model": NANO, **ask(f"Add {n} and 1")})
        for n in range(50)
    ]
    full = sum(Decimal(repr(one.json["usage"]["cost"])) for one in usual)
    assert Decimal(repr(found["usage"]["cost"])) == full / 2
    assert all("cost" not in one["response"]["body"]["usage"] for one in found["results"])


def test_a_batch_of_messages(sdk: Any, emulator: Emulator) -> None:
    made = sdk.batch.create_batches(
        endpoint="/v1/messages", model=NANO, requests=[{"custom_id": "a", "body": ask("Hello")}]
    )
    emulator.advance(hours=1)
    found = sdk.batch.get_batches(id=made.id).results[0].response.body
    assert any(part.get("text") for part in found.model_dump()["content"])
    assert emulator.bill()[0].cost > 0


@pytest.mark.parametrize("endpoint", ["/v1/responses", "/v1/embeddings"])
def test_the_other_endpoints(sdk: Any, emulator: Emulator, endpoint: str) -> None:
    is_embedding = endpoint == "/v1/embeddings"
    model = "openai/text-embedding-3-small" if is_embedding else NANO
    made = sdk.batch.create_batches(
        endpoint=endpoint, model=model, requests=[{"custom_id": "a", "body": {"input": "Hello"}}]
    )
    emulator.advance(hours=1)
    body = sdk.batch.get_batches(id=made.id).results[0].response.body
    assert body.data[0].embedding if is_embedding else body.output
    assert emulator.bill()[0].cost > 0


def test_both_addresses_are_the_same(client: Client) -> None:
    made = submit(client).json
    beta = client.emulator.base_url.replace("/api/v1", "/api/beta")
    request = urllib.request.Request(f"{beta}/batches/{made['id']}")  # noqa: S310
    request.add_header("Authorization", f"Bearer {client.emulator.api_key}")
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        assert json.loads(answer.read())["id"] == made["id"]


@pytest.mark.parametrize("late", ["endpoint", "model", "callback_url"])
def test_fields_that_must_come_before_the_requests(client: Client, late: str) -> None:
    whole = {"endpoint": CHAT, "model": NANO, "requests": requests(1), "completion_window": "24h"}
    whole["provider"] = {"only": ["openai"]}
    assert client.send("POST", "/batches", whole).status == 202
    value = whole.pop(late, "https://example.com/hook")
    refused = client.send("POST", "/batches", {**whole, late: value})
    assert refused.status == 400
    assert f'"{late}" must appear before "requests"' in refused.json["error"]["message"]


def test_the_sdk_puts_a_callback_url_where_it_is_refused(sdk: Any) -> None:
    with pytest.raises(openrouter.errors.BatchErrorResponse, match='"callback_url" must appear'):
        sdk.batch.create_batches(
            endpoint=CHAT, model=NANO, requests=requests(), callback_url="https://example.com"
        )


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"requests": []}, 400, "requests: Too small"),
        ({"requests": requests(5001)}, 400, "requests: Too big: expected array to have <=5000"),
        ({"requests": requests(1) * 2}, 422, "Duplicate custom_id: row-0"),
        ({"requests": [{"body": ask()}]}, 400, "requests.0.custom_id"),
        ({"requests": requests(1, model="openai/gpt-5-mini")}, 400, "must match the batch model"),
        ({"endpoint": "/v1/rerank"}, 400, "endpoint: Invalid option"),
        ({"endpoint": "/v1/embeddings"}, 400, "does not support /v1/embeddings"),
        ({"model": "openai/gpt-5.2"}, 400, "'openai/gpt-5.2' does not have a :batch endpoint"),
        ({"model": "nobody/nothing"}, 400, "does not have a :batch endpoint"),
        ({"completion_window": "1h"}, 400, "completion_window"),
        ({"callback_url": "http://example.com"}, 400, "callback_url"),
        ({"provider": {"sort": "price"}}, 400, "provider.sort"),
        ({"provider": {"only": ["groq"]}}, 404, "No allowed providers"),
    ],
)
def test_submissions_that_are_refused(
    client: Client, fields: dict[str, Any], status: int, words: str
) -> None:
    refused = submit(client, **fields)
    assert refused.status == status
    assert words in refused.json["error"]["message"]
    assert client.get("/batches").json["data"] == []


@pytest.mark.slow
def test_a_submission_of_more_than_200_mb_is_refused(client: Client) -> None:
    row = ask("a" * 1_000_000)
    rows = [{"custom_id": str(n), "body": row} for n in range(201)]
    with httpx.Client(base_url=client.emulator.base_url, timeout=60) as http:
        body = {"endpoint": CHAT, "model": NANO, "requests": rows}
        headers = {"Authorization": f"Bearer {client.emulator.api_key}"}
        assert http.post("/batches", json=body, headers=headers).status_code == 413


def image(url: str) -> list[dict[str, Any]]:
    part = {"type": "image_url", "image_url": {"url": url}}
    return [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, part]}]


def file(data: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "file", "file": {"file_data": data}}]}]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"messages": image("data:image/png;base64,AA==")}, "image content must be a public"),
        ({"messages": file("data:application/pdf;base64,AA==")}, "file content must be a public"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "input_audio"),
        ({"messages": [{"role": "user", "content": [{"type": "video_url"}]}]}, "video_url"),
        (ask(modalities=["image", "text"]), "modalities is not supported"),
        (ask(stream=True), "stream is not supported"),
        ({"messages": []}, 'specify "prompt" or "messages"'),
        (ask(max_tokens=0), "max_tokens: Too small"),
        (ask(max_tokens=10_000_000), "max_tokens: Too big"),
    ],
)
def test_one_invalid_request_fails_its_whole_batch(
    client: Client, body: dict[str, Any], words: str
) -> None:
    found = ended(client, requests=[*requests(2), {"custom_id": "bad", "body": body}])
    assert found["status"] == "failed"
    assert found["error"]["message"].startswith("Request 'bad': ")
    assert words in found["error"]["message"]
    assert found["results"] is None
    assert found["request_counts"] == {"total": 3, "completed": 0, "failed": 3}
    assert client.emulator.bill() == []


def test_urls_of_images_and_files_where_the_provider_takes_them(client: Client) -> None:
    shown = [{"custom_id": "a", "body": {"messages": image("https://example.com/a.png")}}]
    read = [{"custom_id": "a", "body": {"messages": file("https://example.com/a.pdf")}}]
    assert ended(client, requests=shown)["status"] == "completed"
    assert ended(client, requests=read)["status"] == "completed"
    elsewhere = ended(client, model="google/gemini-2.5-flash", requests=shown)
    assert "image URLs are not supported" in elsewhere["error"]["message"]


def test_googles_models_take_one_response_format_a_batch(client: Client) -> None:
    rows = requests(2)
    rows[1]["body"]["response_format"] = {"type": "json_object"}
    mixed = ended(client, model="google/gemini-2.5-flash", requests=rows)
    assert "the same response_format" in mixed["error"]["message"]
    assert ended(client, requests=rows)["status"] == "completed"
    rows[0]["body"]["response_format"] = {"type": "json_object"}
    assert ended(client, model="google/gemini-2.5-flash", requests=rows)["status"] == "completed"


def test_the_list_its_filters_and_its_pages(sdk: Any, emulator: Emulator) -> None:
    made = []
    for _ in range(5):
        made.append(sdk.batch.create_batches(endpoint=CHAT, model=NANO, requests=requests()))
        emulator.advance(seconds=100)
    page = sdk.batch.list(limit=2)
    assert [one.id for one in page.result.data] == [made[4].id, made[3].id]
    assert (page.result.has_more, page.result.last_id) == (True, made[3].id)
    assert all(one.results is None for one in page.result.data)
    seen = []
    while page is not None:
        seen += [one.id for one in page.result.data]
        page = page.next()
    assert seen == [one.id for one in reversed(made)]
    done = sdk.batch.list(status=["completed", "failed"]).result.data
    assert [one.id for one in done] == [made[0].id]
    since = sdk.batch.list(created_after=str(made[3].created_at)).result.data
    assert [one.id for one in since] == [made[4].id]
    before = sdk.batch.list(created_before="2020-01-01T00:00:00Z").result.data
    assert before == []


@pytest.mark.parametrize(
    "query", ["limit=101", "limit=0", "status=finalizing", "after=nothing", "created_after=soon"]
)
def test_invalid_filters(client: Client, query: str) -> None:
    refused = client.get(f"/batches?{query}")
    assert refused.status == 400
    assert query.partition("=")[0] in refused.json["error"]["message"]


def test_only_a_batch_that_is_over_is_deleted(sdk: Any, emulator: Emulator) -> None:
    made = sdk.batch.create_batches(endpoint=CHAT, model=NANO, requests=requests())
    with pytest.raises(openrouter.errors.BatchErrorResponse, match="validating") as refused:
        sdk.batch.delete(id=made.id)
    assert refused.value.status_code == 409
    emulator.advance(hours=1)
    deleted = sdk.batch.delete(id=made.id)
    assert (deleted.id, deleted.deletion.openrouter) == (made.id, "deleted")
    with pytest.raises(openrouter.errors.BatchErrorResponse) as gone:
        sdk.batch.get_batches(id=made.id)
    assert gone.value.status_code == 410
    assert sdk.batch.list().result.data == []
    assert len(emulator.bill()) == 3


def test_results_are_kept_for_thirty_days(client: Client) -> None:
    made = submit(client).json
    client.emulator.advance(days=29)
    assert client.get(f"/batches/{made['id']}").status == 200
    client.emulator.advance(days=1)
    assert client.get(f"/batches/{made['id']}").status == 410


def test_a_batch_that_takes_longer_than_its_window_expires(emulate: Callable[..., Client]) -> None:
    client = emulate(batch_seconds=48 * 3600)
    made = submit(client, requests=requests(10)).json
    client.emulator.advance(hours=25)
    found = client.get(f"/batches/{made['id']}").json
    assert (found["status"], found["finalized_at"]) == ("expired", made["expires_at"])
    assert found["request_counts"] == {"total": 10, "completed": 5, "failed": 0}
    assert len(found["results"]) == len(client.emulator.bill()) == 5


@pytest.mark.parametrize("status", ["failed", "expired", "cancelled"])
def test_how_a_batch_ends_on_demand(client: Client, status: str) -> None:
    client.emulator.faults.add(f"batch-{status}=0.5", times=1)
    found = ended(client, requests=requests(10))
    assert found["status"] == status
    done = 0 if status == "failed" else 5
    assert len(found["results"] or ()) == len(client.emulator.bill()) == done
    assert (found["usage"] is None) == (done == 0)
    assert ended(client)["status"] == "completed"


def test_a_batch_is_cancelling_before_it_is_cancelled(client: Client) -> None:
    client.emulator.faults.add("batch-cancelled")
    made = submit(client).json
    client.emulator.advance(seconds=405)
    assert client.get(f"/batches/{made['id']}").json["status"] == "cancelling"
    assert client.get("/batches").json["data"][0]["status"] == "in_progress"


@pytest.mark.parametrize("endpoint", [CHAT, "/v1/embeddings"])
def test_some_requests_fail_and_cost_nothing(client: Client, endpoint: str) -> None:
    client.emulator.faults.add(
        "status=500; provider=openai; path=/batches", probability=0.5, seed=3
    )
    model = NANO if endpoint == CHAT else "openai/text-embedding-3-small"
    rows = [{"custom_id": str(n), "body": {**ask(), "input": "Hello"}} for n in range(20)]
    found = ended(client, endpoint=endpoint, model=model, requests=rows)
    counts = found["request_counts"]
    assert counts["completed"] + counts["failed"] == 20
    assert counts["completed"]
    assert counts["failed"]
    failed = [one for one in found["results"] if one["error"]]
    assert len(failed) == counts["failed"]
    assert all(one["response"] is None for one in failed)
    assert failed[0]["error"]["type"] == "server_error"
    assert sum(row.cost for row in client.emulator.bill()) == Decimal(repr(found["usage"]["cost"]))


def test_an_answer_that_is_lost_after_the_batch_was_accepted(client: Client) -> None:
    client.emulator.faults.add("hang-up; path=/batches", times=1)
    with pytest.raises(OSError, match="closed connection"):
        submit(client)
    assert len(client.get("/batches").json["data"]) == 1


def test_polls_that_fail_and_results_that_are_cut(client: Client) -> None:
    made = submit(client).json
    client.emulator.advance(hours=1)
    client.emulator.faults.add("status=503; path=/batches/{}", times=1)
    assert client.get(f"/batches/{made['id']}").status == 503
    client.emulator.faults.add("cut=300; path=/batches/{}", times=1)
    with pytest.raises(Exception, match="IncompleteRead"):
        client.get(f"/batches/{made['id']}")
    assert len(client.get(f"/batches/{made['id']}").json["results"]) == 3


def test_results_are_withheld_until_the_credits_are_enough(emulate: Callable[..., Client]) -> None:
    client = emulate(credits=Decimal("0.000001"))
    made = submit(client).json
    client.emulator.advance(hours=1)
    with openrouter.OpenRouter(
        api_key=client.emulator.api_key, server_url=client.emulator.base_url
    ) as sdk:
        with pytest.raises(openrouter.errors.BatchPaymentRequiredResponseError) as refused:
            sdk.batch.get_batches(id=made["id"])
        assert refused.value.data.usage.cost > 0.000001
        assert client.emulator.bill() == []
        client.emulator.add_credits(Decimal(1))
        assert len(sdk.batch.get_batches(id=made["id"]).results) == 3
    assert len(client.emulator.bill()) == 3


def test_with_the_callers_own_key_the_cost_is_the_fee(emulate: Callable[..., Client]) -> None:
    own, usual = emulate(byok=["openai"]), emulate()
    fee, full = ended(own)["usage"], ended(usual)["usage"]
    assert fee["is_byok"]
    assert fee["cost"] == pytest.approx(full["cost"] * 0.05)


def test_a_batch_that_takes_no_time_is_over_at_the_first_look(
    emulate: Callable[..., Client],
) -> None:
    client = emulate(batch_seconds=0)
    made = submit(client).json
    assert made["status"] == "validating"
    assert client.get(f"/batches/{made['id']}").json["status"] == "completed"


def test_a_batch_of_nobody(client: Client) -> None:
    missing = client.get("/batches/batch-1-a")
    assert (missing.status, missing.json["error"]["message"]) == (
        404,
        "Batch job batch-1-a not found.",
    )
