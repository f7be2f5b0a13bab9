"""Reasoning in its three forms, there and back: details, plain text, Anthropic's blocks."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from openrouter_adapter.chat import reasoning
from openrouter_adapter.chat.messages import to_wire
from tests.support import answers
from tests.support.calls import ask

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


def put_back(**fields: Any) -> dict[str, Any]:
    """Return an assistant message as it is sent."""
    (sent,) = to_wire([{"role": "assistant", "content": "Hi", **fields}])
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


@pytest.mark.parametrize("signature", [None, ""])
def test_anthropics_text_that_lost_its_signature_is_left_out(signature: str | None) -> None:
    sent = put_back(reasoning_details=[{**SIGNED, "signature": signature}, REDACTED])
    assert sent["reasoning_details"] == [REDACTED]


def test_reasoning_of_which_all_lost_its_signature_is_not_sent_in_another_form() -> None:
    unsigned = {name: value for name, value in SIGNED.items() if name != "signature"}
    sent = put_back(reasoning_details=[unsigned], reasoning_content="Let me think.")
    assert sent == {"role": "assistant", "content": "Hi"}


def test_a_thinking_block_without_a_signature_is_left_out() -> None:
    sent = put_back(thinking_blocks=[{"type": "thinking", "thinking": "a", "signature": ""}])
    assert sent == {"role": "assistant", "content": "Hi"}


def test_encrypted_details_that_lost_their_data_are_left_out() -> None:
    assert reasoning.sendable([{**GEMINI, "data": ""}, GEMINI]) == [GEMINI]


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
