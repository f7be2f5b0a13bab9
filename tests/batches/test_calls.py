"""`litellm.create_batch`, `retrieve_batch`, `list_batches` and `cancel_batch` on the emulator."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from litellm.types.utils import LiteLLMBatch
from openai.types import Batch

from openrouter_adapter.batches import store

from .conftest import CHAT, NANO, create, line, upload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator

OURS = {"custom_llm_provider": "openrouter"}


def results(file_id: str) -> list[dict[str, Any]]:
    return [json.loads(one) for one in litellm.file_content(file_id, **OURS).content.splitlines()]


def test_a_batch_from_its_file_to_its_results(
    emulated: Emulator, finish: Callable[[], None]
) -> None:
    made = litellm.create_batch(**create(line("a"), line("b"), metadata={"run": "7"}))
    assert isinstance(made, LiteLLMBatch)
    assert (made.status, made.output_file_id, made.usage) == ("validating", None, None)
    assert made.request_counts.total == 2

    finish()
    found = litellm.retrieve_batch(made.id, **OURS)
    assert (found.status, found.input_file_id) == ("completed", made.input_file_id)
    assert found.metadata == {"run": "7"}
    assert found.error_file_id is None
    shown = Batch.construct(**found.model_dump())
    assert shown.completed_at == found.created_at + 420
    assert shown.usage.input_tokens == sum(row.tokens_prompt for row in emulated.bill())
    rows = {one["custom_id"]: one for one in results(found.output_file_id)}
    assert rows.keys() == {"a", "b"}
    answer = litellm.ModelResponse(**rows["a"]["response"]["body"])
    assert answer.choices[0].message.content
    cost = sum(row.cost for row in emulated.bill())
    assert found._hidden_params["openrouter"]["cost"] == float(cost)
    assert Decimal(repr(found.usage.cost)) == cost


async def test_the_asynchronous_twins(emulated: Emulator) -> None:
    made = await litellm.acreate_batch(**create(line("a")))
    emulated.advance(hours=1)
    found = await litellm.aretrieve_batch(made.id, **OURS)
    assert found.status == "completed"
    listed = await litellm.alist_batches(**OURS)
    assert [one.id for one in listed.data] == [made.id]
    with pytest.raises(litellm.BadRequestError, match="can't be cancelled"):
        await litellm.acancel_batch(made.id, **OURS)


def test_the_body_on_the_wire_has_the_documented_order(emulated: Emulator) -> None:
    litellm.create_batch(
        **create(
            line("a", provider={"only": ["openai"]}),
            line("b", model=f"openrouter/{NANO}", provider={"only": ["openai"]}),
            extra_body={"callback_url": "https://example.com/over"},
        )
    )
    sent = emulated.requests[-1]
    assert (sent.method, sent.path) == ("POST", "/batches")
    order = ["endpoint", "model", "callback_url", "completion_window", "provider", "requests"]
    assert list(sent.body) == order
    assert sent.body["model"] == NANO
    assert sent.body["provider"] == {"only": ["openai"]}
    assert [one["body"].keys() for one in sent.body["requests"]] == [
        {"model", "messages", "max_tokens"}
    ] * 2


def test_each_line_is_what_litellm_would_send(emulated: Emulator) -> None:
    litellm.create_batch(**create(line("a", reasoning_effort="low", top_k=3, seed=1)))
    body = emulated.requests[-1].body["requests"][0]["body"]
    assert (body["reasoning"], body["top_k"], body["seed"]) == ({"effort": "low"}, 3, 1)


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("/v1/embeddings", {"model": "openai/text-embedding-3-small", "input": "Hello"}),
        ("/v1/responses", {"input": "What is the capital of France?"}),
    ],
)
def test_the_other_endpoints(
    finish: Callable[[], None], endpoint: str, body: dict[str, Any]
) -> None:
    made = litellm.create_batch(**create(line("a", endpoint, **body), endpoint=endpoint))
    finish()
    found = litellm.retrieve_batch(made.id, **OURS)
    (row,) = results(found.output_file_id)
    assert row["response"]["body"]["object"] == (
        "list" if endpoint == "/v1/embeddings" else "response"
    )


def test_requests_that_fail_are_in_the_error_file(
    emulated: Emulator, finish: Callable[[], None]
) -> None:
    emulated.faults.add("status=500; provider=openai; path=/batches", probability=0.5, seed=3)
    made = litellm.create_batch(**create(*(line(str(n)) for n in range(20))))
    finish()
    found = litellm.retrieve_batch(made.id, **OURS)
    counts = found.request_counts
    good, bad = results(found.output_file_id), results(found.error_file_id)
    assert (len(good), len(bad)) == (counts.completed, counts.failed)
    assert {one["custom_id"] for one in good + bad} == {str(n) for n in range(20)}
    assert bad[0]["error"]["code"] == "server_error"
    assert "Upstream request failed" in bad[0]["error"]["message"]


def test_a_failed_batch_says_why(finish: Callable[[], None]) -> None:
    made = litellm.create_batch(**create(line("a", max_tokens=10**7)))
    finish()
    found = litellm.retrieve_batch(made.id, **OURS)
    assert (found.status, found.output_file_id, found.error_file_id) == ("failed", None, None)
    assert "Request 'a': max_tokens" in found.errors.data[0].message
    assert found.failed_at is not None
    assert found._hidden_params["openrouter"]["cost"] == 0


@pytest.mark.parametrize("status", ["expired", "cancelled"])
def test_a_batch_that_ended_early_has_what_was_answered(
    emulated: Emulator, finish: Callable[[], None], status: str
) -> None:
    emulated.faults.add(f"batch-{status}=0.5")
    made = litellm.create_batch(**create(*(line(str(n)) for n in range(4))))
    finish()
    found = litellm.retrieve_batch(made.id, **OURS)
    assert found.status == status
    assert len(results(found.output_file_id)) == 2
    assert getattr(found, f"{status}_at") is not None


def test_the_list_and_its_pages(finish: Callable[[], None]) -> None:
    made = [litellm.create_batch(**create(line("a"))) for _ in range(3)]
    finish()
    page = litellm.list_batches(limit=2, **OURS)
    assert [one.id for one in page.data] == [made[2].id, made[1].id]
    assert (page.has_more, page.last_id) == (True, made[1].id)
    rest = litellm.list_batches(after=page.last_id, **OURS)
    assert [one.id for one in rest.data] == [made[0].id]
    assert rest.data[0].input_file_id == made[0].input_file_id
    with pytest.raises(litellm.BadRequestError, match="limit=101"):
        litellm.list_batches(limit=101, **OURS)


def test_a_batch_is_not_cancelled(emulated: Emulator) -> None:
    before = len(emulated.requests)
    with pytest.raises(litellm.BadRequestError, match="batch-1 can't be cancelled"):
        litellm.cancel_batch("batch-1", **OURS)
    assert len(emulated.requests) == before


def test_a_model_with_our_prefix_is_ours(emulated: Emulator) -> None:
    arguments = create(line("a"), model=f"openrouter/{NANO}")
    del arguments["custom_llm_provider"]
    assert litellm.create_batch(**arguments).status == "validating"
    assert asyncio.run(litellm.acreate_batch(**arguments)).status == "validating"
    assert [one.path for one in emulated.requests] == ["/batches"] * 2


@pytest.mark.usefixtures("emulated")
def test_a_batch_of_nobody_is_not_found() -> None:
    with pytest.raises(litellm.NotFoundError, match="Batch job batch-1-a not found"):
        litellm.retrieve_batch("batch-1-a", **OURS)


def test_a_model_without_a_batch_price_is_refused_in_openrouters_words(emulated: Emulator) -> None:
    with pytest.raises(litellm.BadRequestError, match="does not have a :batch endpoint"):
        litellm.create_batch(**create(line("a", model="openai/gpt-5.2")))
    assert emulated.bill() == []


def test_a_poll_that_fails_is_an_exception_of_litellm(emulated: Emulator) -> None:
    made = litellm.create_batch(**create(line("a")))
    emulated.faults.add("status=503; path=/batches/{}; retry-after=7", times=1)
    with pytest.raises(litellm.ServiceUnavailableError):
        litellm.retrieve_batch(made.id, **OURS)
    assert litellm.retrieve_batch(made.id, **OURS).status == "validating"


def test_without_a_key_nothing_is_sent(monkeypatch: pytest.MonkeyPatch, emulated: Emulator) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY")
    with pytest.raises(litellm.AuthenticationError):
        litellm.create_batch(**create(line("a")))
    assert emulated.requests == []


INVALID: list[tuple[tuple[str, ...], dict[str, Any], str]] = [
    ((), {}, "the input file is empty"),
    (("{",), {}, "line 1 of the input file: it is not JSON"),
    (("[]",), {}, "line 1 .* not a JSON object"),
    ((line("a"), line("a")), {}, "line 2 .* line 1 already has custom_id 'a'"),
    ((line(""),), {}, "custom_id is ''"),
    ((line("a", endpoint="/v1/embeddings", input="x"),), {}, "url is '/v1/embeddings'"),
    (
        (line("a"), line("b", model="openai/gpt-5-mini")),
        {},
        "line 2 .* a batch must have one model",
    ),
    (
        (line("a"),),
        {"model": "openrouter/openai/gpt-5-mini"},
        "line 1 .* a batch must have one model",
    ),
    ((line("a", model=None),), {}, "no line names a model"),
    ((line("a", messages=[]),), {}, "line 1 .* messages is"),
    ((line("a", stream=True),), {}, "line 1 .* body.stream"),
    ((line("a", top_k="many"),), {}, "line 1 .* top_k"),
    ((line("a", provider={"order": ["openai"]}),), {}, "body.provider.order"),
    ((line("a", provider={"only": ["openai"]}), line("b")), {}, "line 2 .* provider"),
    ((line("a"),), {"extra_body": {"priority": 1}}, "extra_body.priority"),
    ((line("a"),), {"extra_body": {"callback_url": "http://a"}}, "callback_url"),
    ((line("a"),), {"completion_window": "1h"}, "completion_window='1h'"),
    ((line("a"),), {"endpoint": "/v1/images/generations"}, "the Batch API accepts /v1/chat"),
    (tuple(line(str(n)) for n in range(5001)), {}, "5,001 requests, but a batch accepts 5,000"),
]


@pytest.mark.parametrize(("lines", "more", "words"), INVALID)
def test_what_is_invalid_is_not_sent(
    emulated: Emulator, lines: tuple[str, ...], more: dict[str, Any], words: str
) -> None:
    with pytest.raises(litellm.BadRequestError, match=words):
        litellm.create_batch(**{**create(*lines), **more})
    assert emulated.requests == []


def test_a_file_that_is_not_here_is_not_found(emulated: Emulator) -> None:
    for file_id in ("file-batch-" + "0" * 32, "file-abc", "file-batch-../../etc/passwd"):
        with pytest.raises(litellm.NotFoundError, match=store.VARIABLE):
            litellm.create_batch(**{**create(line("a")), "input_file_id": file_id})
    assert emulated.requests == []


def test_files_are_their_owners_alone(emulated: Emulator, batch_files: Path) -> None:
    file_id = upload(line("a"))
    assert batch_files.stat().st_mode & 0o77 == 0
    assert all(one.stat().st_mode & 0o77 == 0 for one in batch_files.iterdir())
    assert litellm.file_content(file_id, **OURS).content.decode() == line("a")
    kept = litellm.file_retrieve(file_id, **OURS)
    assert (kept.filename, kept.bytes, kept.purpose) == ("rows.jsonl", len(line("a")), "batch")
    assert [one.id for one in litellm.file_list(purpose="batch", **OURS)] == [file_id]
    assert litellm.file_delete(file_id, **OURS).deleted
    assert list(batch_files.iterdir()) == []
    assert emulated.requests == []


async def test_the_asynchronous_twins_of_the_files(emulated: Emulator) -> None:
    file = ("rows.jsonl", line("a").encode())
    kept = await litellm.acreate_file(file=file, purpose="batch", **OURS)
    assert (await litellm.afile_content(kept.id, **OURS)).content == file[1]
    made = await litellm.acreate_batch(**{**create(line("a")), "input_file_id": kept.id})
    emulated.advance(hours=1)
    found = await litellm.aretrieve_batch(made.id, **OURS)
    output = await litellm.afile_content(found.output_file_id, **OURS)
    assert json.loads(output.content)["custom_id"] == "a"
    assert (await litellm.afile_retrieve(kept.id, **OURS)).id == kept.id
    assert (await litellm.afile_delete(kept.id, **OURS)).deleted


def test_the_files_of_results(finish: Callable[[], None]) -> None:
    made = litellm.create_batch(**create(line("a")))
    output = f"file-batch-output-{made.id}"
    with pytest.raises(litellm.BadRequestError, match="is validating"):
        litellm.file_content(output, **OURS)
    finish()
    kept = litellm.file_retrieve(output, **OURS)
    assert kept.bytes == len(litellm.file_content(output, **OURS).content)
    with pytest.raises(litellm.BadRequestError, match="OpenRouter stores the results"):
        litellm.file_delete(output, **OURS)


def test_a_batch_of_another_machine_can_be_retrieved(
    monkeypatch: pytest.MonkeyPatch, finish: Callable[[], None], tmp_path: Path
) -> None:
    made = litellm.create_batch(**create(line("a"), metadata={"run": "7"}))
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "elsewhere"))
    finish()
    found = litellm.retrieve_batch(made.id, **OURS)
    assert (found.status, found.input_file_id, found.metadata) == ("completed", "", None)
    assert len(results(found.output_file_id)) == 1


@pytest.mark.usefixtures("emulated")
def test_a_folder_that_cant_be_written_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    taken = tmp_path / "file"
    taken.touch()
    monkeypatch.setenv(store.VARIABLE, str(taken))
    with pytest.raises(litellm.InternalServerError, match=f"{taken} can't be written"):
        upload(line("a"))


def test_a_router_creates_retrieves_and_lists(emulated: Emulator) -> None:
    deployment = {"model": f"openrouter/{NANO}", "api_key": emulated.api_key}
    deployment["api_base"] = emulated.base_url
    router = litellm.Router([{"model_name": "small", "litellm_params": deployment}])
    arguments = create(line("a", model="small"))
    del arguments["custom_llm_provider"]

    async def run() -> tuple[Any, Any, Any]:
        made = await router.acreate_batch(model="small", **arguments)
        emulated.advance(hours=1)
        found = await router.aretrieve_batch(model="small", batch_id=made.id)
        return made, found, await router.alist_batches(model="small")

    made, found, listed = asyncio.run(run())
    assert (found.id, found.status) == (made.id, "completed")
    assert [one.id for one in listed["data"]] == [made.id]
    assert emulated.requests[0].body["model"] == NANO
    assert emulated.requests[0].body["endpoint"] == CHAT
