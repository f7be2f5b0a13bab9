"""`author/model:batch`: a price of the Batch API, which no other endpoint takes."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import litellm
import pytest

from openrouter_adapter import batch, catalog, routing
from openrouter_adapter.catalog.filters import Filters, select
from openrouter_adapter.emulator import Emulator
from openrouter_adapter.emulator import models as emulated
from openrouter_adapter.wire import model_names

if TYPE_CHECKING:
    from pathlib import Path

MINI, BATCHED = "openai/gpt-5-mini", "openai/gpt-5-mini:batch"
QUESTION = [{"role": "user", "content": "Name three birds."}]
IMAGE, SOUND = b"\x89PNG\r\n\x1a\n", b"ID3\x04"
CALLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "chat": ("completion", "acompletion", {"messages": QUESTION}),
    "stream": ("completion", "acompletion", {"messages": QUESTION, "stream": True}),
    "text": ("text_completion", "atext_completion", {"prompt": "A bird"}),
    "embedding": ("embedding", "aembedding", {"input": ["a bird"]}),
    "image": ("image_generation", "aimage_generation", {"prompt": "a bird"}),
    "edit": (
        "image_edit",
        "aimage_edit",
        {"prompt": "a bird", "image": [("a.png", IMAGE)]},
    ),
    "responses": ("responses", "aresponses", {"input": "Name three birds."}),
    "rerank": ("rerank", "arerank", {"query": "a bird", "documents": ["robin"]}),
    "speech": ("speech", "aspeech", {"input": "a bird", "voice": "alloy"}),
    "transcription": (
        "transcription",
        "atranscription",
        {"file": ("a.mp3", SOUND)},
    ),
}


def refusal(name: str, is_async: bool, **keywords: Any) -> str:
    """Return the words of the BadRequestError that a call of LiteLLM's raises."""
    call = getattr(litellm, name)

    async def wait() -> Any:
        return await call(**keywords)

    with pytest.raises(litellm.BadRequestError) as raised:
        asyncio.run(wait()) if is_async else call(**keywords)
    return str(raised.value)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("name", CALLS)
def test_it_is_refused_before_it_is_sent(emulated: Emulator, name: str, is_async: bool) -> None:
    call = CALLS[name]

    words = refusal(call[is_async], is_async, model=f"openrouter/{BATCHED}", **call[2])

    assert f"model is {BATCHED}, which only OpenRouter's Batch API takes; name {MINI}" in words
    assert not emulated.requests


@pytest.mark.parametrize(
    "fallbacks", [{"models": [BATCHED]}, {"extra_body": {"models": [BATCHED]}}]
)
@pytest.mark.parametrize("name", ["chat", "stream", "responses"])
def test_it_is_refused_as_a_fallback(
    emulated: Emulator, name: str, fallbacks: dict[str, Any]
) -> None:
    call, _, keywords = CALLS[name]

    words = refusal(call, False, model=f"openrouter/{MINI}", **keywords, **fallbacks)

    assert f"models has {BATCHED}, which only OpenRouter's Batch API takes" in words
    assert not emulated.requests


def test_a_router_falls_back_from_it(emulated: Emulator) -> None:
    router = litellm.Router(
        [
            {"model_name": name, "litellm_params": {"model": f"openrouter/{model}"}}
            for name, model in (("cheap", BATCHED), ("usual", MINI))
        ],
        fallbacks=[{"cheap": ["usual"]}],
        num_retries=0,
    )

    answer = router.completion("cheap", QUESTION)

    router.discard()
    assert answer.choices[0].message.content
    assert [request.body["model"] for request in emulated.requests] == [MINI]


def test_a_line_of_a_batch_that_names_it_is_at_fault(tmp_path: Path) -> None:
    body = {"model": BATCHED, "messages": QUESTION}
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": body}

    (tmp_path / "job.jsonl").write_text(json.dumps(line))

    with pytest.raises(batch.BatchError, match="which only OpenRouter's Batch API takes"):
        batch.run(tmp_path / "job.jsonl", tmp_path / "out", api_key="sk-or-v1-x")


def test_openrouter_answers_404_to_it() -> None:
    with (
        Emulator() as emulator,
        pytest.raises(litellm.NotFoundError, match="through the Batch API"),
    ):
        litellm.completion(
            f"openai/{BATCHED}",
            messages=QUESTION,
            api_base=emulator.base_url,
            api_key=emulator.api_key,
        )


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        (BATCHED, True),
        (f"{BATCHED}:online", True),
        (f"{MINI}:online:batch", True),
        (MINI, False),
        ("author/batch", False),
        ("author/model:batches", False),
    ],
)
def test_only_a_whole_word_after_a_colon_is_it(name: str, is_one: bool) -> None:
    assert model_names.is_batch_only(name) == is_one


ROWS = emulated.listing()["data"]
TWINS = {row["id"]: row for row in ROWS if model_names.is_batch_only(row["id"])}


@pytest.fixture(params=["as listed", "twins first", "with endpoints"])
def models(request: pytest.FixtureRequest) -> catalog.Catalog:
    if request.param == "as listed":
        return catalog.Catalog(ROWS)
    found = catalog.Catalog(sorted(ROWS, key=lambda row: row["id"] not in TWINS))
    return found.with_endpoints({}) if request.param == "with endpoints" else found


def test_the_catalogue_has_it_as_a_price_of_its_model(models: catalog.Catalog) -> None:
    assert len(TWINS) > 3
    for name, row in TWINS.items():
        model = models[model_names.without_batch(name)]
        twin = models.in_batches(model)
        assert twin is not None
        assert twin.pricing.base["prompt"] == Decimal(row["pricing"]["prompt"])
        assert twin.pricing.base["prompt"] * 2 == model.pricing.base["prompt"]
        assert models[model.canonical_slug] is model
    assert models.in_batches(models["openai/gpt-4o"]) is None


def test_nothing_lists_it_or_chooses_it(models: catalog.Catalog) -> None:
    named = [
        *(model.id for model in models),
        *models.names(),
        *(model.id for model in select(models, Filters(), "prompt")),
        *(one.name for one in routing.select("*", catalog=models)),
        str(routing.config(routing.select("openai/*", catalog=models), similar_fallbacks=3)),
    ]
    assert not [name for name in named if ":batch" in name]
    with pytest.raises(routing.NothingSelectedError, match=f"name {MINI} here"):
        routing.select(BATCHED, catalog=models)


def test_litellm_lists_it_as_a_price_of_its_model(models: catalog.Catalog) -> None:
    catalog.register_prices(models)

    info = litellm.model_cost[f"openrouter/{MINI}"]
    assert info["input_cost_per_token"] == 2 * info["input_cost_per_token_batches"] == 2.5e-7
    assert info["output_cost_per_token"] == 2 * info["output_cost_per_token_batches"] == 2e-6
    assert not [
        name for name in litellm.model_cost if name.startswith("openrouter/") and ":batch" in name
    ]
    assert not [name for name in litellm.models_by_provider["openrouter"] if ":batch" in name]


def test_an_estimate_tells_what_the_request_would_cost_in_a_batch(models: catalog.Catalog) -> None:
    request = {"model": MINI, "messages": QUESTION, "max_tokens": 100}

    found = catalog.estimate(request, catalog=models)

    assert found.likely
    assert found.batch == found.likely / 2
    assert catalog.estimate({**request, "model": "openai/gpt-4o"}, catalog=models).batch is None
    assert catalog.estimate({**request, "models": ["openai/gpt-4o"]}, catalog=models).batch is None
    searched = catalog.estimate(
        {**request, "plugins": [{"id": "web", "max_results": 5}]}, catalog=models
    )
    assert searched.details
    assert searched.batch is not None
    assert searched.batch > searched.details.surcharge > found.likely, "search is not discounted"
    refused = catalog.estimate({**request, "model": BATCHED}, catalog=models)
    assert refused.likely is refused.worst is None
    assert "only OpenRouter's Batch API takes" in str(refused.unknown_because)
