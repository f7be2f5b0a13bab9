"""A coding agent's turns: Anthropic's client in front of the proxy in front of OpenRouter."""

from __future__ import annotations

import base64
import copy
from typing import TYPE_CHECKING, Any

import pytest

from openrouter_adapter import ledger
from openrouter_adapter.catalog.token_counts import count_tokens
from tests.support.versions import UNINSTALLED_PROXY

from .conftest import cost_of, patiently

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator

    from .conftest import Caller, Proxy

anthropic = pytest.importorskip("anthropic", reason=UNINSTALLED_PROXY)

pytestmark = pytest.mark.timeout(600)  # a proxy starts slowly on a busy machine
CLAUDE = "openrouter/anthropic/claude-haiku-4.5"
QUESTION = {"role": "user", "content": "What is the weather in Paris?"}
WEATHER = {
    "name": "get_weather",
    "description": "Gets the current weather of a city",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


def turn(caller: Caller, messages: list[Any]) -> anthropic.types.Message:
    with caller.anthropic.messages.stream(
        model=CLAUDE,
        max_tokens=3000,
        thinking={"type": "enabled", "budget_tokens": 1024},
        tools=[WEATHER],  # type: ignore[list-item]
        messages=messages,
    ) as stream:
        return stream.get_final_message()


def with_result(first: anthropic.types.Message) -> list[Any]:
    """Return the conversation for the second turn, as an agent writes it."""
    (call,) = (block for block in first.content if block.type == "tool_use")
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "Rain, 12 degrees."}
    return [
        QUESTION,
        {"role": "assistant", "content": [block.model_dump() for block in first.content]},
        {"role": "user", "content": [result]},
    ]


def test_thinking_and_tools_survive_the_next_turn(
    caller: Caller, proxy: Proxy, emulator: Emulator
) -> None:
    before = len(emulator.bill())

    first = turn(caller, [QUESTION])
    second = turn(caller, with_result(first))

    assert [block.type for block in first.content] == ["thinking", "tool_use", "redacted_thinking"]
    assert first.stop_reason == "tool_use"
    assert second.stop_reason == "end_turn"
    assert "12 degrees" in "".join(b.text for b in second.content if b.type == "text")
    billed = emulator.bill()[before:]
    assert {row.generation_id: cost_of(row) for row in proxy.rows(caller, 2)} == {
        row.generation_id: row.cost for row in billed
    }


def test_a_changed_signature_is_refused(caller: Caller) -> None:
    messages = copy.deepcopy(with_result(turn(caller, [QUESTION])))
    messages[1]["content"][0]["signature"] = "AAAA"

    with pytest.raises(anthropic.APIStatusError, match="signature"):
        turn(caller, messages)


def test_an_agent_can_count_its_tokens(caller: Caller, emulator: Emulator) -> None:
    before = posts(emulator)
    page = base64.b64encode(b"%PDF-1.4 /Type /Page").decode()
    pdf: Any = {"type": "base64", "media_type": "application/pdf", "data": page}
    content: list[Any] = [{"type": "document", "source": pdf}, {"type": "text", "text": "Well?"}]
    name = CLAUDE.removeprefix("openrouter/")
    tools: Any = [WEATHER]
    for messages in ([QUESTION], [{"role": "user", "content": content}]):
        counted = caller.anthropic.messages.count_tokens(
            model=CLAUDE, messages=messages, system="Be brief.", tools=tools
        )
        expected = count_tokens(name, messages, system="Be brief.", tools=[WEATHER])
        assert counted.input_tokens == expected > 450
    assert posts(emulator) == before


def posts(emulator: Emulator) -> int:
    """Return how much was asked; the bill of an earlier stream may be asked for meanwhile."""
    return sum(request.method == "POST" for request in emulator.requests)


def test_a_budget_refuses_one_of_two_keys_in_anthropics_envelope(
    proxy: Proxy, emulator: Emulator
) -> None:
    spent, other = proxy.caller(), proxy.caller()
    book = ledger.open(proxy.ledger)
    book.budget(spent.alias, 0.000001, key=spent.alias)
    asked: Any = {"model": CLAUDE, "max_tokens": 50, "messages": [QUESTION]}
    turn(other, [QUESTION])  # the proxy reads the budgets again in the meantime

    def ask_until_refused() -> None:
        for _ in patiently():
            spent.anthropic.messages.create(**asked)

    with pytest.raises(anthropic.APIStatusError) as refused:
        ask_until_refused()
    assert type(refused.value) is anthropic.UnprocessableEntityError
    assert isinstance(refused.value.body, dict)
    assert refused.value.body["type"] == "error"
    assert f"budget {spent.alias}" in refused.value.body["error"]["message"]
    before = len(emulator.bill())
    with (
        pytest.raises(anthropic.APIStatusError),
        spent.anthropic.messages.stream(**asked) as stream,
    ):
        stream.get_final_message()
    assert len(emulator.bill()) == before
    assert other.anthropic.messages.create(**asked).stop_reason == "end_turn"
    book.close()


def test_betas_of_the_client_and_unknown_fields_reach_openrouter(
    caller: Caller, emulator: Emulator
) -> None:
    caller.anthropic.beta.messages.create(
        model=CLAUDE,
        max_tokens=50,
        messages=[QUESTION],
        betas=["context-management-2025-06-27"],
        extra_body={
            "fallbacks": [{"model": "anthropic/claude-sonnet-4.5"}],
            "provider": {"sort": "price"},
            "of_next_year": {"a": 1},
        },
    )
    request = [one for one in emulator.requests if one.path.endswith("/messages")][-1]
    assert request.headers["anthropic-beta"] == "context-management-2025-06-27"
    assert request.body == {
        "model": CLAUDE.removeprefix("openrouter/"),
        "max_tokens": 50,
        "messages": [QUESTION],
        "fallbacks": [{"model": "anthropic/claude-sonnet-4.5"}],
        "provider": {"sort": "price"},
        "of_next_year": {"a": 1},
    }
