"""Stricter than the measure: what was recorded is found under its own name and in its place."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .expected_errors import raised_error
from .kinds import API_KEY
from .leaves import every_value, named, plain, spelled
from .whole_answer import whole_message, without_empty

if TYPE_CHECKING:
    from .leaves import Path
    from .recordings import Exchange
    from .replay import Outcome

# What the adapter asks for of its own accord, where the caller does not say otherwise.
ADDED: dict[Path, Any] = {("usage", "include"): True}

# Other names for what the wire says: LiteLLM's, and the one for an id in the hidden params.
RENAMED = {"reasoning": "reasoning_content", "id": "generation_id"}

# Where one top-level field of the wire goes in `_hidden_params["openrouter"]`.
TOP_LEVEL = {"provider": "provider", "model": "model", "service_tier": "service_tier"}
USAGE = ("cost", "cost_details", "is_byok")


def test_one_request_arrives_as_it_was_asked(outcome: Outcome) -> None:
    assert len(outcome.arrived) == 1, "the adapter never retries"
    arrived = outcome.arrived[0]
    assert (arrived.method, arrived.path) == (outcome.exchange.method, outcome.exchange.path)
    assert arrived.headers["authorization"] == f"Bearer {API_KEY}"
    assert API_KEY not in json.dumps(arrived.body)
    assert request_differences(outcome.exchange.request, arrived.body) == []


def test_every_value_is_under_its_own_name(answered: Outcome) -> None:
    assert answered.returned is not None
    found = Counter(named(answered.returned.data))
    recorded = Counter(named(answered.exchange.answer))
    missing = {
        leaf: count
        for leaf, count in recorded.items()
        if found_count(found, leaf) < (1 if answered.returned.chunks else count)
    }
    assert missing == {}


def test_facts_of_the_bill_are_in_the_hidden_params(answered: Outcome) -> None:
    assert answered.returned is not None
    hidden = answered.returned.hidden
    facts = hidden["openrouter"]
    expected = wire_facts(answered.exchange)
    assert {name: facts.get(name) for name in expected} == expected
    billed = answered.billed
    assert ("cost" in facts) == (billed is not None)
    if billed is not None:
        headers = hidden["additional_headers"]
        assert Decimal(str(headers["llm_provider-x-litellm-response-cost"])) == billed


def test_the_raw_body_is_parked_nowhere(answered: Outcome) -> None:
    assert answered.returned is not None
    names = {path[-1] for path, _ in every_value(answered.returned.hidden)}
    assert names.isdisjoint({"choices", "message", "delta", "embedding"})


def test_the_assembled_stream_is_the_whole_answer(streamed: Outcome) -> None:
    assert streamed.returned is not None
    assert same_message(streamed.returned.response, streamed.exchange.answer)


def test_a_broken_stream_keeps_what_came_before(broken: Outcome) -> None:
    assert broken.raised is not None
    causes = (broken.raised, raised_error(broken.raised))
    partial = next(cause.partial_response for cause in causes if hasattr(cause, "partial_response"))
    assert same_message(partial, broken.exchange.answer)


def test_an_error_says_no_key(refused: Outcome) -> None:
    assert API_KEY not in str(refused.raised)


def request_differences(recorded: Any, arrived: Any) -> list[str]:
    """Say where a body that arrived differs from the recorded one; null says nothing.

    LiteLLM's core wraps the lone input of an embedding into a list of one before any adapter
    sees it: that is not a difference.
    """
    asked = dict(every_value(recorded))
    alone: dict[Path, Path] = {("input", 0): ("input",)} if ("input",) in asked else {}
    sent = {alone.get(path, path): value for path, value in every_value(arrived)}
    unsent = [f"unsent {spelled(path)}" for path in asked if path not in sent]
    unasked = [f"not asked for: {spelled(path)}" for path in sent if path not in asked | ADDED]
    changed = [
        f"changed {spelled(path)}" for path in asked.keys() & sent if sent[path] != asked[path]
    ]
    return unsent + unasked + changed


def found_count(found: Counter[tuple[str, Any]], leaf: tuple[str, Any]) -> int:
    """Return how often a leaf is there, under the wire's name or LiteLLM's."""
    name, value = leaf
    return max(found[leaf], found[RENAMED.get(name, name), value])


def wire_facts(exchange: Exchange) -> dict[str, Any]:
    """Return what `_hidden_params["openrouter"]` must say of a recorded answer."""
    events = exchange.answer if isinstance(exchange.answer, list) else [exchange.answer]
    facts: dict[str, Any] = {}
    for event in events:
        facts |= {ours: event.get(wire) for ours, wire in TOP_LEVEL.items() if event.get(wire)}
        if event.get("id"):
            facts["generation_id"] = event["id"]
        usage = event.get("usage") or {}
        facts |= {name: usage[name] for name in USAGE if usage.get(name) is not None}
        for choice in event.get("choices") or ():
            if choice.get("native_finish_reason"):
                facts["native_finish_reason"] = choice["native_finish_reason"]
    return facts


def same_message(response: Any, events: list[Any]) -> bool:
    """Compare the message of a response with a stream's; pytest shows both where they differ."""
    message = plain(response.choices[0].message)
    expected = whole_message(events)
    assert {name: message_part(message, name) for name in expected} == expected
    return True


def message_part(message: dict[str, Any], name: str) -> Any:
    """Return a part of a message in the shape of `whole_message`."""
    value = message.get(name)
    if name == "tool_calls":
        return [(call["id"], call["function"]) for call in value or ()]
    if name == "reasoning_details":
        return [without_empty(detail) for detail in value or ()]
    return value or ""
