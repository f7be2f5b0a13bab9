"""`litellm.rerank` on OpenRouter: what is sent, what comes back, what it cost, how it fails."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

import litellm
import pytest

import openrouter_adapter
from openrouter_adapter.rerank.transformation import build_body
from tests.support.costs import listening

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.emulator import Emulator
    from tests.support.loopback import Loopback

MODEL = "openrouter/voyageai/rerank-2.5-lite"
DOCUMENTS = ["Paris is the capital of France", "Ruby is a language created by Matz"]
QUESTION = {"query": "what is ruby", "documents": DOCUMENTS}
COST = 3.4e-07
ANSWER = {
    "model": "rerank-2.5-lite",
    "results": [
        {"index": 1, "relevance_score": 0.8, "document": {"text": DOCUMENTS[1]}},
        {"index": 0, "relevance_score": 0.3, "document": {"text": DOCUMENTS[0]}},
    ],
    "usage": {"total_tokens": 17, "search_units": 1, "cost": COST},
    "provider": "VoyageAI by MongoDB",
    "id": "gen-rerank-1",
}


def ask(**keywords: Any) -> Any:
    return litellm.rerank(**{"model": MODEL, **QUESTION, **keywords})


def ask_async(**keywords: Any) -> Any:
    call = {"model": MODEL, **QUESTION, **keywords}
    return asyncio.run(litellm.arerank(**call))


def ask_router(**keywords: Any) -> Any:
    deployment = {"model_name": "ranker", "litellm_params": {"model": MODEL}}
    router = litellm.Router(model_list=[deployment], num_retries=0)
    return asyncio.run(router.arerank(model="ranker", **{**QUESTION, **keywords}))


WAYS = [ask, ask_async, ask_router]
way = pytest.mark.parametrize("call", WAYS, ids=["rerank", "arerank", "router"])


@pytest.fixture
def answering(openrouter: Loopback) -> Loopback:
    openrouter.replies(ANSWER)
    return openrouter


@way
def test_the_bill_is_on_the_response(call: Callable[..., Any], emulated: Emulator) -> None:
    response = call()
    (row,) = emulated.bill()
    assert [result["index"] for result in response.results] == [1, 0]
    assert response.results[0]["document"] == {"text": DOCUMENTS[1]}
    hidden = response._hidden_params
    assert hidden["response_cost"] == float(row.cost) > 0
    assert hidden["additional_headers"]["llm_provider-x-litellm-response-cost"] == float(row.cost)
    assert hidden["openrouter"]["generation_id"] == response.id == row.generation_id
    assert hidden["openrouter"]["provider"] == row.provider
    assert response.meta["billed_units"]["total_tokens"] == row.tokens_prompt


@way
def test_options_and_headers_reach_the_wire(call: Callable[..., Any], answering: Loopback) -> None:
    answering.beyond_schema |= {"brand_new", "newer"}
    call(
        top_n=2,
        user="somebody",
        provider={"zdr": True},
        openrouter_session_id="session",
        openrouter_brand_new=1,
        extra_body={"newer": [1]},
        extra_headers={"X-Trace": "t"},
        metadata={"of": "litellm"},
    )
    assert answering.body == {
        "model": "voyageai/rerank-2.5-lite",
        "query": "what is ruby",
        "documents": DOCUMENTS,
        "top_n": 2,
        "user": "somebody",
        "provider": {"zdr": True},
        "session_id": "session",
        "brand_new": 1,
        "newer": [1],
    }
    assert answering.requests[0].path == "/api/v1/rerank"
    assert answering.headers["authorization"].startswith("Bearer sk-or-")
    assert answering.headers["x-trace"] == "t"


def test_a_keyword_wins_over_extra_body() -> None:
    body = build_body(
        "a/b", {"query": "q", "documents": ["d"], "user": "one", "extra_body": {"user": "other"}}
    )
    assert body["user"] == "one"


def test_the_callers_headers_and_documents_are_left_alone(answering: Loopback) -> None:
    headers, documents = {"X-Trace": "t"}, [{"text": "one", "image": "https://host/a.png"}]
    answering.replies({**ANSWER, "results": [{**ANSWER["results"][1], "document": documents[0]}]})  # type: ignore[index]
    response = ask(documents=documents, headers=headers)
    assert headers == {"X-Trace": "t"}
    assert documents == answering.body["documents"]
    assert response.model_dump()["results"][0]["document"] == documents[0]


@way
def test_documents_are_left_out_where_asked(call: Callable[..., Any], answering: Loopback) -> None:
    response = call(return_documents=False)
    assert [sorted(one) for one in response.results] == [["index", "relevance_score"]] * 2
    assert "return_documents" not in answering.body


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"documents": []}, r"documents=\[\]: give texts"),
        ({"documents": "text"}, "documents='text': give texts"),
        ({"documents": ["one", 2]}, r"documents\[1\]=2: give texts, or objects with `text`"),
        ({"documents": [{"title": "x"}]}, r"documents\[0\]=.*`text` or `image`"),
        ({"query": "  "}, "query='  ': give the text"),
        ({"top_n": 0}, "top_n=0: give a whole number from 1"),
        ({"provider": {"sort": 3}}, "provider.sort"),
        ({"rank_fields": ["title"]}, "rank_fields=.* is not supported"),
        ({"max_chunks_per_doc": 3}, "max_chunks_per_doc=3 is not supported"),
    ],
    ids=str,
)
@pytest.mark.parametrize("call", [ask, ask_async], ids=["rerank", "arerank"])
def test_what_is_wrong_is_not_sent(
    call: Callable[..., Any], wrong: dict[str, Any], said: str, answering: Loopback
) -> None:
    with pytest.raises(litellm.BadRequestError, match=said):
        call(**wrong)
    assert not answering.requests


def test_drop_params_drops_what_openrouter_lacks(
    answering: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    ask(rank_fields=["title"], drop_params=True)
    assert "rank_fields" not in answering.body
    assert "rank_fields=['title'] is not supported" in caplog.text


@pytest.mark.parametrize(
    ("answer", "status", "raised"),
    [
        (
            {"error": {"code": 402, "message": "no credits"}},
            200,
            litellm.exceptions.PaymentRequiredError,
        ),
        ({"error": {"code": 404, "message": "no such model"}}, 404, litellm.NotFoundError),
        ({**ANSWER, "results": []}, 200, litellm.BadGatewayError),
        ({**ANSWER, "results": [{"index": 7, "relevance_score": 1}]}, 200, litellm.BadGatewayError),
        ({**ANSWER, "results": [{"index": 0}]}, 200, litellm.ServiceUnavailableError),
        (b"", 200, litellm.ServiceUnavailableError),
        (b"<html>Bad gateway</html>", 502, litellm.BadGatewayError),
    ],
    ids=["error in 200", "404", "no results", "no such index", "no score", "empty", "html"],
)
@pytest.mark.parametrize("call", [ask, ask_async], ids=["rerank", "arerank"])
def test_a_failure_is_litellms_exception(
    call: Callable[..., Any], answer: Any, status: int, raised: type, openrouter: Loopback
) -> None:
    openrouter.replies(answer, status)
    with pytest.raises(raised) as caught:
        call(num_retries=0)
    assert type(caught.value) is raised
    if isinstance(answer, dict) and "usage" in answer and raised is litellm.BadGatewayError:
        assert caught.value.openrouter["cost"] == COST


@pytest.mark.usefixtures("answering")
async def test_callbacks_hear_the_billed_cost() -> None:
    with listening() as costs:
        await litellm.arerank(model=MODEL, **QUESTION, litellm_call_id="test-rerank")
        assert await costs.of("test-rerank") == COST


def test_other_providers_keep_litellms_own_class() -> None:
    from litellm.utils import ProviderConfigManager

    with openrouter_adapter.registered():
        config = ProviderConfigManager.get_provider_rerank_config(
            "rerank-v3.5", litellm.LlmProviders.COHERE, None, []
        )
    assert isinstance(config, litellm.CohereRerankV2Config)


def test_unregister_leaves_litellm_as_it_was() -> None:
    from litellm.utils import ProviderConfigManager

    before = inspect.getattr_static(ProviderConfigManager, "get_provider_rerank_config")
    with openrouter_adapter.registered():
        assert (
            inspect.getattr_static(ProviderConfigManager, "get_provider_rerank_config")
            is not before
        )
    assert inspect.getattr_static(ProviderConfigManager, "get_provider_rerank_config") is before
