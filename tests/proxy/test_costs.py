"""What a request through the proxy cost: for who asked, in the proxy's database, in the ledger."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import openai
import pytest

from openrouter_adapter import ledger
from openrouter_adapter.ledger import to_usd

from .conftest import cost_of, patiently

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.emulator import Emulator

    from .conftest import Caller, Proxy

pytestmark = pytest.mark.timeout(600)  # a proxy starts slowly on a busy machine
T = TypeVar("T")
CHAT, CLAUDE = "openrouter/openai/gpt-4o-mini", "openrouter/anthropic/claude-haiku-4.5"
QUESTION: Any = [{"role": "user", "content": "What is the capital of France?"}]


def chat(caller: Caller) -> Any:
    return caller.openai.chat.completions.with_raw_response.create(model=CHAT, messages=QUESTION)


def completion(caller: Caller) -> Any:
    return caller.openai.completions.with_raw_response.create(model=CHAT, prompt="Paris is")


def embeddings(caller: Caller) -> Any:
    return caller.openai.embeddings.with_raw_response.create(
        model="openrouter/openai/text-embedding-3-small", input=["Rome", "Paris"]
    )


def image(caller: Caller) -> Any:
    return caller.openai.images.with_raw_response.generate(
        model="openrouter/google/gemini-2.5-flash-image", prompt="A lighthouse", size="1024x1024"
    )


def response(caller: Caller) -> Any:
    return caller.openai.responses.with_raw_response.create(model=CHAT, input="Name three birds.")


def message(caller: Caller) -> Any:
    return caller.anthropic.messages.with_raw_response.create(
        model=CLAUDE,
        max_tokens=100,
        messages=QUESTION,
    )


WHOLE = [chat, completion, embeddings, image, response, message]


@pytest.mark.parametrize("ask", WHOLE, ids=lambda ask: ask.__name__)
def test_the_header_of_an_answer_says_what_was_billed(
    ask: Callable[[Caller], Any], caller: Caller, emulator: Emulator
) -> None:
    before = len(emulator.bill())

    answer = ask(caller)

    (billed,) = emulator.bill()[before:]
    assert Decimal(answer.headers["x-litellm-response-cost"]) == billed.cost > 0


def streamed_chat(caller: Caller) -> Any:
    *_, last = caller.openai.chat.completions.create(
        model=CHAT,
        messages=QUESTION,
        stream=True,
        stream_options={"include_usage": True},
    )
    return last.usage


def streamed_response(caller: Caller) -> Any:
    *_, last = caller.openai.responses.create(model=CHAT, input="Name three birds.", stream=True)
    assert last.type == "response.completed"
    return last.response.usage


def streamed_message(caller: Caller) -> Any:
    with caller.anthropic.messages.stream(
        model=CLAUDE,
        max_tokens=100,
        messages=QUESTION,
    ) as stream:
        return stream.get_final_message().usage


@pytest.mark.parametrize("ask", [streamed_chat, streamed_response], ids=lambda ask: ask.__name__)
def test_the_end_of_a_stream_says_what_was_billed(
    ask: Callable[[Caller], Any], caller: Caller, emulator: Emulator
) -> None:
    before = len(emulator.bill())

    usage = ask(caller)

    (billed,) = emulator.bill()[before:]
    assert Decimal(repr(usage.cost)) == billed.cost > 0


def test_spend_of_a_key_is_what_was_billed_everywhere(proxy: Proxy, emulator: Emulator) -> None:
    caller = proxy.caller(user_id="ann", max_budget=5)
    before = len(emulator.bill())

    for ask in (*WHOLE, streamed_chat, streamed_response, streamed_message):
        ask(caller)

    billed = emulator.bill()[before:]
    costs = sorted(row.cost for row in billed)
    total = sum(costs)
    rows = proxy.rows(caller, len(billed))
    assert sorted(cost_of(row) for row in rows) == costs
    assert {row.generation_id for row in rows} == {row.generation_id for row in billed}
    assert {(row.user_id, row.cost_status) for row in rows} == {("ann", "billed")}
    logged = written(
        lambda: [
            Decimal(repr(spend))
            for (spend,) in proxy.query(
                'SELECT l.spend FROM "LiteLLM_SpendLogs" l JOIN "LiteLLM_VerificationToken" k '
                "ON l.api_key = k.token WHERE k.key_alias = %s",
                caller.alias,
            )
        ],
        lambda found: len(found) == len(billed),
    )
    assert sorted(logged) == costs
    # The proxy adds up in floating point.
    of_key = 'SELECT spend FROM "LiteLLM_VerificationToken" WHERE key_alias = %s'
    written(
        lambda: proxy.query(of_key, caller.alias)[0][0],
        lambda spend: spend == pytest.approx(float(total), rel=1e-9),
    )


def written(read: Callable[[], T], is_there: Callable[[T], bool]) -> T:
    """What the proxy has written, which it does every second."""
    for _ in patiently():
        found = read()
        if is_there(found):
            break
    assert is_there(found), found
    return found


def test_a_request_above_the_budget_of_its_key_is_refused(proxy: Proxy, emulator: Emulator) -> None:
    caller = proxy.caller(max_budget=0.000001)

    def spend_all() -> None:
        for _ in patiently():
            chat(caller)
            billed.append(len(emulator.bill()))

    billed: list[int] = []
    with pytest.raises(openai.APIStatusError) as refused:
        spend_all()

    assert refused.value.status_code == 422
    assert "Budget has been exceeded" in str(refused.value)
    assert len(emulator.bill()) == billed[-1]


def test_the_ledger_has_the_tags_and_the_user_of_a_request(caller: Caller, proxy: Proxy) -> None:
    caller.openai.chat.completions.create(
        model=CHAT,
        messages=QUESTION,
        user="customer-7",
        extra_body={"metadata": {"tags": ["night", "reports"], "job": "j1"}},
    )

    (row,) = proxy.rows(caller, 1)
    assert (row.user_id, row.end_user_id) == ("ann", "customer-7")
    assert (row.tags, row.job) == ('["night", "reports"]', "j1")


def test_a_hit_of_the_cache_costs_nothing_and_is_marked(
    caller: Caller, proxy: Proxy, emulator: Emulator
) -> None:
    before = len(emulator.bill())

    first, second = (
        caller.openai.chat.completions.with_raw_response.create(
            model=CHAT,
            messages=[{"role": "user", "content": f"Say {caller.alias}."}],
            extra_body={"cache": {"use-cache": True}},
        )
        for _ in range(2)
    )

    (billed,) = emulator.bill()[before:]
    said = [answer.parse().choices[0].message.content for answer in (first, second)]
    assert said[0] == said[1]
    assert Decimal(first.headers["x-litellm-response-cost"]) == billed.cost
    # LiteLLM leaves the header out where there is nothing to pay, before 1.110.
    assert float(second.headers.get("x-litellm-response-cost", 0)) == 0
    paid, hit = sorted(proxy.rows(caller, 2), key=lambda row: row.cache_hit)
    assert (paid.cache_hit, cost_of(paid)) == (False, billed.cost)
    assert (hit.cache_hit, hit.cost, to_usd(hit.saved)) == (True, 0, billed.cost)


def test_a_budget_of_the_ledger_holds_at_the_proxy(
    caller: Caller, proxy: Proxy, emulator: Emulator
) -> None:
    book = ledger.open(proxy.ledger)
    book.budget(caller.alias, 0.000001, key=caller.alias)

    def ask_until_refused() -> None:
        for _ in patiently():
            caller.openai.chat.completions.create(model=CHAT, messages=QUESTION, max_tokens=10)

    with pytest.raises(openai.APIStatusError) as refused:
        ask_until_refused()
    before = len(emulator.bill())

    assert refused.value.status_code == 422
    assert f"budget {caller.alias}" in str(refused.value)
    with pytest.raises(openai.APIStatusError):
        chat(caller)
    assert len(emulator.bill()) == before
    book.close()
