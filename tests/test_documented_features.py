"""Features that the documents of OpenRouter name, through LiteLLM and against the emulator."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import litellm
import pytest
from pydantic import BaseModel

import openrouter_adapter
from openrouter_adapter import account
from openrouter_adapter.emulator import Emulator
from tests.support.calls import ask, draw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class City(BaseModel):
    name: str
    country: str
    sights: list[str]


def asking(content: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}]}


@pytest.fixture
def emulating(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Emulator]]:
    """Start an emulator with options, and point LiteLLM at it."""
    with openrouter_adapter.registered():
        running: list[Emulator] = []

        def start(**options: Any) -> Emulator:
            emulator = Emulator(**options)
            emulator.__enter__()
            running.append(emulator)
            monkeypatch.setenv("OPENROUTER_API_BASE", emulator.base_url)
            monkeypatch.setenv("OPENROUTER_API_KEY", emulator.api_key)
            return emulator

        yield start
        for emulator in running:
            emulator.__exit__(None, None, None)


def test_a_streamed_answer_fits_its_schema(emulated: Emulator) -> None:
    stream = ask(**asking("Tell me about Lisbon, Portugal."), response_format=City, stream=True)
    pieces = [chunk.choices[0].delta.content or "" for chunk in stream]

    assert len(pieces) > 5
    assert City.model_validate_json("".join(pieces)).model_dump().keys() == City.model_fields.keys()
    assert emulated.requests[-1].body["response_format"]["type"] == "json_schema"


def test_the_auto_router_says_what_it_chose_and_costs_what_that_costs(emulated: Emulator) -> None:
    stream = ask(model="openrouter/openrouter/auto", stream=True)
    list(stream)
    whole = stream.response

    assert whole.model.startswith("openai/gpt-5-mini")
    assert whole._hidden_params["openrouter"]["model"] == whole.model
    (row,) = emulated.bill()
    assert Decimal(repr(whole._hidden_params["response_cost"])) == row.cost > 0


def test_citations_have_all_their_fields(emulated: Emulator) -> None:
    plugins = [{"id": "web", "engine": "exa", "max_results": 3}]
    message = ask(**asking("What is CERN working on?"), plugins=plugins).choices[0].message

    assert len(message.annotations) == 3
    for annotation in message.annotations:
        assert annotation["type"] == "url_citation"
        cited = annotation["url_citation"]
        assert cited.keys() >= {"url", "title", "content", "start_index", "end_index"}
        assert 0 <= cited["start_index"] <= cited["end_index"] <= len(message.content)
    assert emulated.bill()[0].cost > 3 * Decimal("0.004")


def test_a_broken_answer_is_mended_where_it_was_asked_for(
    emulating: Callable[..., Emulator],
) -> None:
    emulating(answer='```json\n{name: "Lisbon", "country": "Portugal", "sights": [],}\n```')
    healing: dict[str, Any] = {"plugins": [{"id": "response-healing"}], "response_format": City}

    mended = ask(**healing).choices[0].message.content
    assert City.model_validate_json(mended).name == "Lisbon"
    with pytest.raises(ValueError, match="JSON"):
        City.model_validate_json(ask(response_format=City).choices[0].message.content)


def test_exacto_may_stand_among_the_fallbacks(emulated: Emulator) -> None:
    ask(models=["qwen/qwen3-coder:exacto"])
    assert emulated.requests[-1].body["models"] == ["qwen/qwen3-coder:exacto"]


def test_the_body_builders_requests_are_requests(emulated: Emulator) -> None:
    built = ask(model="openrouter/openrouter/bodybuilder", **asking("Count to 10 with GPT-4o mini"))
    bodies = json.loads(built.choices[0].message.content)["requests"]
    assert built._hidden_params["response_cost"] == 0

    for body in bodies:
        assert body.keys() >= {"model", "messages"}
        answer = ask(model=f"openrouter/{body['model']}", messages=body["messages"])
        assert answer.choices[0].message.content
    assert [row.cost > 0 for row in emulated.bill()] == [False, *(True for _ in bodies)]


def test_an_image_has_no_revised_prompt(emulated: Emulator) -> None:
    (image,) = draw().data
    assert image.revised_prompt is None
    assert image.b64_json
    assert emulated.bill()


def test_free_requests_run_out_as_a_rate_limit(emulating: Callable[..., Emulator]) -> None:
    emulator = emulating()
    emulator.faults.add("rate-limit=60")
    with pytest.raises(litellm.RateLimitError) as caught:
        ask(model="openrouter/meta-llama/llama-3.3-70b-instruct:free", num_retries=0)

    assert 0 < float(caught.value.response.headers["retry-after"]) <= 60
    assert sum(row.cost for row in emulator.bill()) == 0


def test_what_said_nothing_costs_nothing(emulated: Emulator) -> None:
    emulated.faults.add("empty-choices")
    with pytest.raises(litellm.ServiceUnavailableError):
        ask(num_retries=0)

    assert [row.cost for row in emulated.bill()] == [0]


def test_the_sdk_lists_the_models_of_a_category(emulated: Emulator) -> None:
    with account.client() as sdk:
        assert sdk.models.list(category="programming").result.data

    assert emulated.requests[-1].query["category"] == "programming"
