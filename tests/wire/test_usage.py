"""What an answer used and cost: exact digits, BYOK, LiteLLM's names, hidden params."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from typing import Any

import litellm
import pytest

from openrouter_adapter.wire import usage
from tests.support import answers
from tests.support.calls import EMBEDDING_MODEL, WAYS, ask
from tests.support.loopback import Arrived, Loopback, Reply, plain_reply

EXACT = Decimal("0.0004970133333333333")


@pytest.mark.parametrize(
    ("number", "amount"),
    [
        (0.0004970133333333333, EXACT),
        (0, Decimal(0)),
        (3, Decimal(3)),
        (1e-12, Decimal("1E-12")),
        (True, None),
        ("0.1", None),
        (None, None),
        (float("nan"), None),
        (float("inf"), None),
    ],
)
def test_an_amount_keeps_its_digits(number: Any, amount: Decimal | None) -> None:
    assert usage.usd(number) == amount


def test_without_byok_the_upstream_cost_is_no_addition() -> None:
    wire = {"cost": 0.5, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.5}}
    bill = usage.read_bill({"usage": wire})
    assert (bill.cost, bill.upstream, bill.total) == (Decimal("0.5"), 0, Decimal("0.5"))


def test_with_byok_the_upstream_cost_comes_on_top() -> None:
    wire = {"cost": 0.05, "is_byok": True, "cost_details": {"upstream_inference_cost": 1.1}}
    bill = usage.read_bill({"usage": wire})
    assert (bill.is_byok, bill.upstream, bill.total) == (True, Decimal("1.1"), Decimal("1.15"))


@pytest.mark.parametrize("details", [None, {}, {"upstream_inference_cost": None}, "free"])
def test_byok_without_an_upstream_cost_is_the_cost_alone(details: Any) -> None:
    wire = {"cost": 0.05, "is_byok": True, "cost_details": details}
    assert usage.read_bill({"usage": wire}).total == Decimal("0.05")


@pytest.mark.parametrize("body", [{}, {"usage": None}, {"usage": {}}, {"usage": {"cost": None}}])
def test_what_was_not_billed_has_no_total(body: dict[str, Any]) -> None:
    assert usage.read_bill(body).total is None


def test_free_is_a_cost() -> None:
    assert usage.read_bill({"usage": {"cost": 0}}).total == 0


def test_the_generation_id_of_the_header_goes_first() -> None:
    headers = {"x-generation-id": "gen-header"}
    assert usage.read_generation_id({"id": "gen-body"}, headers) == "gen-header"
    assert usage.read_generation_id({"id": "gen-body"}, {}) == "gen-body"
    assert usage.read_generation_id({"id": ""}, None) is None


def test_facts_have_no_key_where_the_wire_had_nothing() -> None:
    assert usage.facts({"id": "gen-1", "provider": None, "usage": None, "choices": []}) == {
        "generation_id": "gen-1"
    }


def test_facts_hold_every_further_field_of_the_answer() -> None:
    body = {**answers.completion(), "service_tier": "flex", "of_next_week": {"depth": 3}}
    assert usage.facts(body) == {
        "generation_id": "gen-1",
        "provider": "OpenAI",
        "model": "openai/gpt-4o-mini-2024-07-18",
        "native_finish_reason": "stop",
        "cost": answers.COST,
        "cost_details": {"upstream_inference_cost": answers.COST},
        "is_byok": False,
        "service_tier": "flex",
        "of_next_week": {"depth": 3},
    }


def test_a_cost_header_of_somebody_elses_is_not_the_price() -> None:
    hidden: dict[str, Any] = {}
    usage.attach(hidden, {"id": "gen-1"}, {"x-litellm-response-cost": "9.99"})
    assert usage.COST_HEADER not in hidden["additional_headers"]
    assert "response_cost" not in hidden
    assert "cost" not in hidden["openrouter"]


@pytest.mark.parametrize("count", [[None], 9.3e18, "many"])
def test_token_counts_that_are_none_are_not_told_of_a_failure(count: Any) -> None:
    details: dict[str, Any] = {}
    usage.tell_failed(details, usage.read_bill({"usage": {"cost": 1, "prompt_tokens": count}}))
    assert details == {}


def test_token_counts_stand_under_litellms_names_too() -> None:
    found = usage.litellm_usage(
        {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "total_tokens": 120,
            "prompt_tokens_details": {
                "cached_tokens": 60,
                "cache_write_tokens": 30,
                "audio_tokens": 2,
                "video_tokens": 1,
            },
            "completion_tokens_details": {"reasoning_tokens": 12, "image_tokens": 4},
            "server_tool_use_details": {"web_search_requests": 3},
            "cost": answers.COST,
        }
    )
    assert found.cache_read_input_tokens == 60
    assert found.cache_creation_input_tokens == 30
    assert found.prompt_tokens_details.cached_tokens == 60
    assert found.prompt_tokens_details.audio_tokens == 2
    assert found.prompt_tokens_details.model_dump()["video_tokens"] == 1
    assert found.completion_tokens_details.reasoning_tokens == 12
    assert found.completion_tokens_details.image_tokens == 4
    assert found.server_tool_use.web_search_requests == 3
    assert found.cost == answers.COST


def test_the_wires_usage_is_not_changed() -> None:
    wire = {
        "prompt_tokens": 1,
        "completion_tokens": 1,
        "total_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 1},
        "server_tool_use_details": {"web_search_requests": 1},
    }
    before = copy.deepcopy(wire)
    usage.litellm_usage(wire)
    assert wire == before


@pytest.mark.parametrize("way", [way for way in WAYS if "stream" not in way])
@pytest.mark.usefixtures("openrouter")
def test_the_billed_cost_is_on_every_response(way: str) -> None:
    hidden = WAYS[way]()._hidden_params
    assert Decimal(repr(hidden["response_cost"])) == EXACT
    assert Decimal(repr(hidden["additional_headers"][usage.COST_HEADER])) == EXACT
    assert Decimal(repr(hidden["openrouter"]["cost"])) == EXACT
    assert hidden["openrouter"]["provider"] == "OpenAI"


@pytest.mark.parametrize("way", ["stream", "astream"])
@pytest.mark.usefixtures("openrouter")
def test_the_billed_cost_is_on_a_streams_last_chunk(way: str) -> None:
    last = WAYS[way]()[-1]
    assert Decimal(repr(last.usage.cost)) == EXACT


def test_an_answer_without_cost_says_none(openrouter: Loopback) -> None:
    body = answers.completion()
    body["usage"] = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    openrouter.replies(body)
    hidden = ask()._hidden_params
    assert "cost" not in hidden["openrouter"]
    assert usage.COST_HEADER not in hidden["additional_headers"]


@pytest.mark.usefixtures("openrouter")
def test_a_routers_response_has_the_billed_cost() -> None:
    deployment = {
        "model": EMBEDDING_MODEL,
        # A price of the deployment's own, which is not what was billed.
        "input_cost_per_token": 1.0,
    }
    router = litellm.Router(model_list=[{"model_name": "birds", "litellm_params": deployment}])
    assert router.embedding("birds", ["a bird"])._hidden_params["response_cost"] == answers.COST


def test_response_headers_are_forwarded(openrouter: Loopback) -> None:
    openrouter.replies(X_Generation_Id="gen-header", X_RateLimit_Remaining="7")
    hidden = ask()._hidden_params
    assert hidden["openrouter"]["generation_id"] == "gen-header"
    assert hidden["additional_headers"]["llm_provider-x-ratelimit-remaining"] == "7"


@pytest.mark.parametrize(
    ("written", "cost"),
    [
        ("0.0004970133333333333", "0.0004970133333333333"),
        ("0.00012345678901234567890123", "0.00012345678901234567890123"),
        ("1e-7", "1E-7"),
        ("0", "0"),
    ],
)
def test_a_cost_that_is_a_text_is_read_exactly(written: str, cost: str) -> None:
    body = {"id": "gen-1", "usage": {"cost": written, "is_byok": True}}
    body["usage"]["cost_details"] = {"upstream_inference_cost": written}  # type: ignore[index]
    bill = usage.read_bill(body)
    assert (bill.cost, bill.upstream) == (Decimal(cost), Decimal(cost))
    hidden: dict[str, Any] = {}
    usage.attach(hidden, body)
    assert hidden["response_cost"] == hidden["openrouter"]["cost"] == float(cost)


@pytest.mark.parametrize("written", ["", "free", "NaN", "Infinity", "0.1 USD"])
def test_a_text_that_is_no_amount_is_no_cost(written: str) -> None:
    assert usage.read_bill({"usage": {"cost": written}}).cost is None


@pytest.mark.parametrize("way", WAYS)
def test_a_cost_that_is_a_text_is_a_number_on_the_response(openrouter: Loopback, way: str) -> None:
    def as_text(arrived: Arrived) -> Reply:
        reply = plain_reply(arrived)
        text = json.dumps(reply.body)
        assert str(answers.COST) in text
        reply.body = json.loads(text.replace(str(answers.COST), f'"{answers.COST}"'))
        return reply

    openrouter.answer = as_text
    answer = WAYS[way]()
    last = answer[-1] if isinstance(answer, list) else answer
    assert last._hidden_params["openrouter"]["cost"] == answers.COST
    assert last._hidden_params["response_cost"] == answers.COST
