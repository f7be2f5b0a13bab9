"""Reasoning in its three forms, there and back: details, plain text, Anthropic's blocks."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import litellm
import pytest

import openrouter_adapter
from openrouter_adapter.chat import reasoning
from openrouter_adapter.chat.messages import to_wire
from tests.support import answers
from tests.support.asking import MODEL, QUESTION, STREAMED, Way
from tests.support.calls import WAYS, ask
from tests.support.failures import KEY, delta_chunk
from tests.support.wire import Reply, Wire

if TYPE_CHECKING:
    from tests.support.loopback import Loopback

CLAUDE = "anthropic-claude-v1"
SIGNED = {
    "type": "reasoning.text",
    "text": "Let me think.",
    "signature": "c2ln",
    "format": CLAUDE,
    "index": 0,
}
REDACTED = {"type": "reasoning.encrypted", "data": "Y2lwaGVy", "format": CLAUDE, "index": 1}
GEMINI = {
    "type": "reasoning.encrypted",
    "data": "Z2VtaW5p",
    "id": "tool_1",
    "format": "google-gemini-v1",
    "index": 0,
}
SUMMARY = {
    "type": "reasoning.summary",
    "summary": "It thought.",
    "format": "openai-responses-v1",
    "index": 0,
}
BLOCKS = [
    {"type": "thinking", "thinking": "Let me think.", "signature": "c2ln"},
    {"type": "redacted_thinking", "data": "Y2lwaGVy"},
]


UNSIGNED = {name: value for name, value in SIGNED.items() if name != "signature"}

# What may answer: one that refuses an unsigned thought, one that needs it, and nobody knows which.
SIGNING = [
    "anthropic/claude-sonnet-4.5",
    "~anthropic/claude-opus-latest",
    "anthropic/claude-3.7-sonnet:thinking",
    "google/gemini-3-pro-preview",
    "~google/gemini-flash-latest",
]
FREE = ["deepseek/deepseek-v3.2", "moonshotai/kimi-k2-thinking", "openai/gpt-5", "google/gemma-3"]
UNKNOWN: list[tuple[str, dict[str, Any]]] = [
    ("openrouter/auto", {}),
    ("openrouter/of-next-week", {}),
    ("@preset/mine", {}),
    ("deepseek/deepseek-v3.2@preset/mine", {}),
    ("deepseek/deepseek-v3.2", {"preset": "mine"}),
    ("deepseek/deepseek-v3.2", {"models": ["anthropic/claude-sonnet-4.5"]}),
    ("anthropic/claude-sonnet-4.5", {"models": ["deepseek/deepseek-v3.2"]}),
]
NOT_SIGNED = [
    # LiteLLM's blocks of a model that signs nothing.
    {
        "reasoning_content": "Hm.",
        "thinking_blocks": [{"type": "thinking", "thinking": "Hm.", "signature": ""}],
    },
    {"thinking_blocks": [{"type": "thinking", "thinking": "Hm."}]},
    {"reasoning_content": "Hm."},
    {"reasoning": "Hm."},
    {"reasoning_details": [{**UNSIGNED, "text": "Hm."}]},
    {"reasoning_details": [{**UNSIGNED, "text": "Hm.", "signature": None}], "reasoning": "Hm."},
    {"provider_specific_fields": {"reasoning": "Hm."}},
]
CALLING = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}


def put_back(model: str = "", **fields: Any) -> dict[str, Any]:
    """Return an assistant message as it is sent."""
    (sent,) = to_wire([{"role": "assistant", "content": "Hi", **fields}], model)
    return dict(sent)


# From the wire


def test_the_details_come_whole(openrouter: Loopback) -> None:
    details = [SIGNED, REDACTED, GEMINI, SUMMARY]
    openrouter.replies(answers.completion(reasoning="Let me think.", reasoning_details=details))
    message = ask().choices[0].message
    assert message.reasoning_details == details
    assert message.reasoning_content == "Let me think."
    assert message.provider_specific_fields["reasoning_details"] == details


def test_anthropics_details_are_thinking_blocks_too(openrouter: Loopback) -> None:
    details = [SIGNED, REDACTED, GEMINI]
    openrouter.replies(answers.completion(reasoning="Let me think.", reasoning_details=details))
    assert ask().choices[0].message.thinking_blocks == BLOCKS


def test_an_answer_without_reasoning_has_none(openrouter: Loopback) -> None:
    message = ask().choices[0].message
    assert getattr(message, "reasoning_content", None) is None
    assert getattr(message, "thinking_blocks", None) is None
    assert getattr(message, "reasoning_details", None) is None
    assert len(openrouter.requests) == 1


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ({"reasoning": "a"}, "a"),
        ({"reasoning_content": "a"}, "a"),
        ({"reasoning": None, "reasoning_details": [SIGNED]}, "Let me think."),
        ({"reasoning_details": [SUMMARY]}, "It thought."),
        ({"reasoning_details": [GEMINI]}, None),
        ({"reasoning_details": [REDACTED]}, None),
        ({"reasoning_details": [{"type": "reasoning.text", "text": None}]}, None),
        ({"reasoning_details": "none"}, None),
        ({"reasoning": ""}, None),
        ({}, None),
    ],
)
def test_what_is_shown_of_reasoning(message: dict[str, Any], shown: str | None) -> None:
    assert reasoning.text(message) == shown


def test_encrypted_data_never_shows_as_text(openrouter: Loopback) -> None:
    openrouter.replies(answers.completion("Hi", reasoning_details=[GEMINI, REDACTED]))
    message = ask().choices[0].message
    shown = f"{message.content} {getattr(message, 'reasoning_content', None)}"
    assert shown == "Hi None"


# Back to the wire


def test_thinking_blocks_go_back_as_details() -> None:
    sent = put_back(thinking_blocks=BLOCKS)
    assert sent == {
        "role": "assistant",
        "content": "Hi",
        "reasoning_details": [SIGNED, REDACTED],
    }


def test_details_go_before_the_blocks_made_of_them() -> None:
    sent = put_back(thinking_blocks=BLOCKS, reasoning_details=[SIGNED, REDACTED, GEMINI])
    assert sent["reasoning_details"] == [SIGNED, REDACTED, GEMINI]


def test_details_kept_by_litellm_go_back() -> None:
    sent = put_back(provider_specific_fields={"reasoning_details": [GEMINI], "other": 1})
    assert sent["reasoning_details"] == [GEMINI]
    assert "provider_specific_fields" not in sent


def test_anthropics_own_message_goes_back_with_its_thinking() -> None:
    content = [*BLOCKS, {"type": "text", "text": "Hi"}]
    sent = put_back(content=content)
    assert sent["content"] == [{"type": "text", "text": "Hi"}]
    assert sent["reasoning_details"] == [SIGNED, REDACTED]


@pytest.mark.parametrize("model", FREE)
@pytest.mark.parametrize("thought", NOT_SIGNED)
def test_a_thought_without_a_signature_goes_as_text_to_models_that_sign_nothing(
    model: str, thought: dict[str, Any]
) -> None:
    before = copy.deepcopy(thought)
    (sent,) = to_wire([{**CALLING, **thought}], model)
    assert sent == {**CALLING, "reasoning": "Hm."}
    assert thought == before


@pytest.mark.parametrize("model", SIGNING)
@pytest.mark.parametrize("thought", NOT_SIGNED)
def test_a_thought_without_a_signature_is_left_out_for_models_that_sign(
    model: str, thought: dict[str, Any]
) -> None:
    (sent,) = to_wire([{**CALLING, **thought}], model)
    assert sent == CALLING


@pytest.mark.parametrize(("model", "fields"), UNKNOWN)
@pytest.mark.parametrize("thought", NOT_SIGNED)
def test_a_thought_without_a_signature_goes_as_nobodys_where_any_model_may_answer(
    model: str, fields: dict[str, Any], thought: dict[str, Any]
) -> None:
    (sent,) = to_wire([{**CALLING, **thought}], model, fields)
    detail = {"type": "reasoning.text", "text": "Hm.", "format": "unknown", "index": 0}
    assert sent == {**CALLING, "reasoning_details": [detail]}


def test_fallbacks_that_all_sign_are_told_nothing_unsigned(openrouter: Loopback) -> None:
    model, other = "openrouter/anthropic/claude-opus-4.5", "anthropic/claude-sonnet-4.5"
    messages = [{"role": "user", "content": "Hi"}, {**CALLING, "reasoning_content": "Hm."}]
    ask(model=model, models=[other], messages=messages)
    ask(model=model, models=["deepseek/deepseek-v3.2"], messages=messages)
    sent = [request.body["messages"][1] for request in openrouter.requests]
    assert not any("reasoning" in name for name in sent[0])
    assert sent[1]["reasoning_details"][0]["format"] == "unknown"


@pytest.mark.parametrize("way", ["completion", "acompletion", "stream", "astream"])
def test_models_in_extra_body_count_too(openrouter: Loopback, way: str) -> None:
    messages = [{"role": "user", "content": "Hi"}, {**CALLING, "reasoning_content": "Hm."}]
    extra = {"models": ["deepseek/deepseek-v3.2"], "of_next_week": 1}
    openrouter.beyond_schema = {"of_next_week"}
    model = "openrouter/anthropic/claude-opus-4.5"
    WAYS[way](model=model, messages=messages, extra_body=extra)
    assert openrouter.body["messages"][1]["reasoning_details"][0]["format"] == "unknown"
    assert (openrouter.body["models"], openrouter.body["of_next_week"]) == (extra["models"], 1)
    assert not {"extra_body", "openrouter_extra_body"} & openrouter.body.keys()


@pytest.mark.parametrize("model", [*SIGNING, *FREE, "openrouter/auto"])
@pytest.mark.parametrize("signature", [None, ""])
def test_an_entry_that_lost_its_signature_is_left_out_beside_others_that_have_theirs(
    model: str, signature: str | None
) -> None:
    details = [{**SIGNED, "signature": signature}, REDACTED]
    assert put_back(model, reasoning_details=details)["reasoning_details"] == [REDACTED]


@pytest.mark.parametrize("model", [*SIGNING, *FREE, "openrouter/auto"])
def test_what_is_signed_goes_back_as_it_came_whatever_the_model(model: str) -> None:
    details = [SIGNED, REDACTED, GEMINI, SUMMARY]
    sent = put_back(model, reasoning_details=details, reasoning="Let me think.")
    assert sent == {"role": "assistant", "content": "Hi", "reasoning_details": details}


def test_encrypted_details_that_lost_their_data_are_left_out() -> None:
    sent = put_back(reasoning_details=[{**GEMINI, "data": ""}, GEMINI])
    assert sent["reasoning_details"] == [GEMINI]


@pytest.mark.parametrize(
    "detail",
    [
        {"type": "reasoning.text", "text": "Hm.", "format": "unknown", "index": 0},
        {"type": "reasoning.text", "text": "Hm.", "signature": None, "format": None},
        {"type": "reasoning.text", "text": "Hm."},
        {**GEMINI, "of_next_week": [1]},
        {"type": "reasoning.of_next_week", "data": None},
        SUMMARY,
    ],
)
def test_what_needs_no_signature_goes_back_as_it_came(detail: dict[str, Any]) -> None:
    before = copy.deepcopy(detail)
    sent = put_back(reasoning_details=[detail])
    assert sent["reasoning_details"] == [before]


def test_reasoning_content_without_details_goes_back_as_text() -> None:
    assert put_back(reasoning_content="Hm.")["reasoning"] == "Hm."


def test_reasoning_content_is_no_second_telling_of_the_details() -> None:
    sent = put_back(reasoning="Let me think.", reasoning_content="Hm.", reasoning_details=[SIGNED])
    assert sent.keys() == {"role", "content", "reasoning_details"}


def test_code_written_for_anthropic_works(openrouter: Loopback) -> None:
    details = [SIGNED, REDACTED]
    openrouter.replies(answers.completion("Hi", reasoning="Hm.", reasoning_details=details))
    message = ask(thinking={"type": "enabled", "budget_tokens": 1024}).choices[0].message
    kept = {
        "role": "assistant",
        "content": message.content,
        "thinking_blocks": message.thinking_blocks,
    }
    ask(messages=[{"role": "user", "content": "Hi"}, kept])
    assert openrouter.requests[1].body["messages"][1]["reasoning_details"] == details


@pytest.mark.parametrize("blocks", [[], [None], ["thinking"], [{"type": "other"}]])
def test_blocks_that_are_none_are_no_details(blocks: list[Any]) -> None:
    assert reasoning.details_of_blocks(blocks) == []


@pytest.mark.parametrize("details", [None, "text", [None, 1], [{}], [{"type": None}]])
def test_details_of_an_odd_form_are_no_blocks(details: Any) -> None:
    assert reasoning.thinking_blocks(details) == []


# Details at the edges


@pytest.mark.parametrize("model", [*FREE, "openrouter/auto"])
@pytest.mark.parametrize("form", ["object", "dump", "json"])
def test_an_empty_list_of_details_goes_back_as_it_came(
    openrouter: Loopback, model: str, form: str
) -> None:
    body = answers.completion("Hi", reasoning="Hm.", reasoning_details=[])
    openrouter.replies(body)
    message = ask().choices[0].message
    assert message.reasoning_details == []
    back = {
        "object": message,
        "dump": message.model_dump(),
        "json": json.loads(message.model_dump_json()),
    }[form]
    ask(model=f"openrouter/{model}", messages=[{"role": "user", "content": "Hi"}, back])
    sent = openrouter.requests[1].body["messages"][1]
    assert sent == {
        "role": "assistant",
        "content": "Hi",
        "reasoning": "Hm.",
        "reasoning_details": [],
    }


@pytest.mark.parametrize("way", STREAMED, ids=str)
def test_an_empty_list_of_details_survives_a_stream(way: Way) -> None:
    deltas = [{"reasoning": "Hm.", "reasoning_details": []}, {"content": "Hi"}]
    reply = Reply([*map(delta_chunk, deltas), delta_chunk({}, "stop")])
    with Wire(reply) as wire, openrouter_adapter.registered():
        chunks = way.ask(wire)
        call = {"model": MODEL, "api_base": wire.base_url, "api_key": KEY, "stream": True}
        stream = litellm.completion(**call, messages=QUESTION)
        assert len(list(stream)) == len(chunks)
    assert chunks[0].choices[0].delta.reasoning_details == []
    message = stream.response.choices[0].message
    assert message.reasoning_details == []
    (sent,) = to_wire([message], "deepseek/deepseek-v3.2")
    assert (sent["reasoning"], sent["reasoning_details"]) == ("Hm.", [])


def test_no_list_of_details_is_made_up(openrouter: Loopback) -> None:
    openrouter.replies(answers.completion("Hi", reasoning="Hm."))
    assert not hasattr(ask().choices[0].message, "reasoning_details")


def test_an_entry_is_not_sent_twice() -> None:
    summary = {**SUMMARY, "id": "rs_1"}
    encrypted = {
        "type": "reasoning.encrypted",
        "id": "rs_1",
        "data": "eA==",
        "format": "openai-responses-v1",
    }
    late = {**encrypted, "id": "rs_2"}
    first = {"role": "assistant", "content": "Hi", "reasoning_details": [summary, encrypted]}
    again = {**first, "reasoning_details": [summary, encrypted, late], "reasoning": "Hm."}
    last = {**first, "reasoning": "Hm."}
    sent = to_wire([first, again, last], "openai/gpt-5")
    assert [message.get("reasoning_details") for message in sent] == [
        [summary, encrypted],
        [late],
        None,
    ]
    assert "reasoning" not in sent[2]


def test_entries_that_share_the_id_of_a_tool_call_in_two_turns_are_both_sent() -> None:
    turns = [
        {"role": "assistant", "content": "Hi", "reasoning_details": [{**GEMINI, "data": data}]}
        for data in ("Zmlyc3Q=", "c2Vjb25k", "Zmlyc3Q=")
    ]
    sent = to_wire(turns, "google/gemini-3-pro-preview")
    assert sent[:2] == turns[:2]
    assert "reasoning_details" not in sent[2]


def test_an_entry_that_lost_its_signature_keeps_no_later_one_from_being_sent() -> None:
    turns = [
        {"role": "assistant", "content": "Hi", "reasoning_details": [{**detail, "id": "r"}]}
        for detail in (UNSIGNED, SIGNED)
    ]
    sent = to_wire(turns, "anthropic/claude-sonnet-4.5")
    assert "reasoning_details" not in sent[0]
    assert sent[1] == turns[1]


def test_entries_without_ids_are_sent_each_time() -> None:
    turn = {
        "role": "assistant",
        "content": "Hi",
        "reasoning_details": [SIGNED, {**GEMINI, "id": ""}],
    }
    assert to_wire([turn, turn], "anthropic/claude-sonnet-4.5") == [turn, turn]
