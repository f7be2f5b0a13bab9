"""A completion of the wire as LiteLLM's response: nothing lost, odd forms repaired."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import litellm
import pytest

from openrouter_adapter.chat.response import model_response
from tests.support import answers
from tests.support.calls import ask

if TYPE_CHECKING:
    from tests.support.loopback import Loopback

PNG = "data:image/png;base64,aGk="
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}


def answered(openrouter: Loopback, body: dict[str, Any]) -> Any:
    """Return LiteLLM's response to a wire answer."""
    openrouter.replies(body)
    return ask()


def with_choice(**choice: Any) -> dict[str, Any]:
    """Return a completion whose only choice differs in these fields."""
    body = answers.completion()
    body["choices"][0].update(choice)
    return body


def test_the_plain_fields(openrouter: Loopback) -> None:
    response = answered(openrouter, {**answers.completion(), "system_fingerprint": "fp_1"})
    assert response.id == "gen-1"
    assert response.model == "openai/gpt-4o-mini-2024-07-18"
    assert response.created == 1_700_000_000
    assert response.object == "chat.completion"
    assert response.system_fingerprint == "fp_1"
    assert response.choices[0].message.content == "Wren, tit, owl."
    assert response.choices[0].message.role == "assistant"
    assert response.choices[0].finish_reason == "stop"
    assert response.usage.total_tokens == 11
    assert response.usage.cost == answers.COST


def test_what_litellm_has_no_place_for_rides_along(openrouter: Loopback) -> None:
    body = with_choice(of_next_week={"depth": 1})
    body["choices"][0]["message"]["of_next_month"] = [2]
    body["of_next_year"] = 3
    response = answered(openrouter, body)
    choice = response.choices[0]
    assert choice.provider_specific_fields["of_next_week"] == {"depth": 1}
    assert choice.provider_specific_fields["native_finish_reason"] == "stop"
    assert choice.message.provider_specific_fields["of_next_month"] == [2]
    assert response.of_next_year == 3
    assert response.provider == "OpenAI"


def test_images_audio_annotations_and_refusal_are_on_the_message(openrouter: Loopback) -> None:
    fields: dict[str, Any] = {
        "images": [{"type": "image_url", "image_url": {"url": PNG}, "index": 0}],
        "audio": {"id": "a", "data": "aGk=", "transcript": "Hi", "expires_at": 1},
        "annotations": [{"type": "url_citation", "url_citation": {"url": "https://a.example"}}],
        "refusal": "I would rather not.",
    }
    message = answered(openrouter, answers.completion("", **fields)).choices[0].message
    assert {name: getattr(message, name) for name in fields} == fields
    dumped = message.model_dump()
    assert {name: dumped[name] for name in fields} == fields


def test_tool_calls_keep_every_byte_and_field(openrouter: Loopback) -> None:
    arguments = '{"b":  1,"a" : 1.50}'
    call = {**CALL, "function": {"name": "f", "arguments": arguments, "thought": "x"}}
    response = answered(openrouter, answers.completion(None, tool_calls=[call]))
    (found,) = response.choices[0].message.tool_calls
    assert found.function.arguments == arguments
    assert found.model_dump()["function"]["thought"] == "x"


def test_logprobs_come_whole(openrouter: Loopback) -> None:
    token = {"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []}
    response = answered(openrouter, with_choice(logprobs={"content": [token], "refusal": None}))
    assert response.choices[0].logprobs.content[0].logprob == -0.1
    assert response.choices[0].logprobs.content[0].bytes == [72, 105]


def test_several_choices_keep_their_places(openrouter: Loopback) -> None:
    body = answers.completion()
    second = copy.deepcopy(body["choices"][0])
    second.update(index=1, message={"role": "assistant", "content": "Two"})
    body["choices"].append(second)
    choices = answered(openrouter, body).choices
    assert [(one.index, one.message.content) for one in choices] == [
        (0, "Wren, tit, owl."),
        (1, "Two"),
    ]


def test_content_in_parts_is_text_and_stays(openrouter: Loopback) -> None:
    parts = [{"type": "text", "text": "Wren, "}, {"type": "text", "text": "tit."}]
    body = with_choice(message={"role": "assistant", "content": parts})
    message = answered(openrouter, body).choices[0].message
    assert message.content == "Wren, tit."
    assert message.provider_specific_fields["content"] == parts


# Odd forms seen in the wild


@pytest.mark.parametrize("reason", [None, "", "stop"])
def test_a_missing_finish_reason_beside_tool_calls_is_tool_calls(
    openrouter: Loopback, reason: str | None
) -> None:
    body = with_choice(
        finish_reason=reason, message={"role": "assistant", "content": None, "tool_calls": [CALL]}
    )
    assert answered(openrouter, body).choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("reason", ["stop", "length", "content_filter", "function_call"])
def test_a_known_finish_reason_stays(openrouter: Loopback, reason: str) -> None:
    assert (
        answered(openrouter, with_choice(finish_reason=reason)).choices[0].finish_reason == reason
    )


def test_an_unknown_finish_reason_is_stop_and_is_kept(openrouter: Loopback) -> None:
    choice = answered(openrouter, with_choice(finish_reason="eos_token")).choices[0]
    assert choice.finish_reason == "stop"
    assert choice.provider_specific_fields["finish_reason"] == "eos_token"


def test_a_missing_finish_reason_beside_words_is_stop(openrouter: Loopback) -> None:
    assert answered(openrouter, with_choice(finish_reason=None)).choices[0].finish_reason == "stop"


@pytest.mark.parametrize("function", [{"name": "f"}, {"name": "f", "arguments": None}])
def test_missing_tool_arguments_are_an_empty_object(
    openrouter: Loopback, function: dict[str, Any]
) -> None:
    call = {**CALL, "function": function}
    message = answered(openrouter, answers.completion(None, tool_calls=[call])).choices[0].message
    assert message.tool_calls[0].function.arguments == "{}"


@pytest.mark.parametrize("identifier", [None, ""])
def test_a_tool_call_without_an_id_gets_one(openrouter: Loopback, identifier: Any) -> None:
    body = answers.completion(None, tool_calls=[{**CALL, "id": identifier}])
    assert answered(openrouter, body).choices[0].message.tool_calls[0].id.startswith("call_")


def test_doubled_tool_call_ids_are_told_apart(openrouter: Loopback) -> None:
    body = answers.completion(None, tool_calls=[CALL, CALL, {**CALL, "id": "c2"}])
    ids = [call.id for call in answered(openrouter, body).choices[0].message.tool_calls]
    assert ids[0] == "c1"
    assert ids[2] == "c2"
    assert len(set(ids)) == 3


def test_a_completion_nested_in_provider_is_read(openrouter: Loopback) -> None:
    response = answered(openrouter, {"provider": answers.completion("Nested")})
    assert response.choices[0].message.content == "Nested"
    assert response._hidden_params["openrouter"]["cost"] == answers.COST


def test_an_answer_without_id_model_and_usage_is_an_answer(openrouter: Loopback) -> None:
    message = {"role": "assistant", "content": "Hi"}
    response = answered(openrouter, {"choices": [{"message": message, "finish_reason": "stop"}]})
    assert response.choices[0].message.content == "Hi"
    assert response.id


@pytest.mark.parametrize(
    "body", [{"choices": None}, {"choices": []}, {}, [], "text", {"choices": ["a"]}]
)
def test_no_answer_is_an_error(openrouter: Loopback, body: Any) -> None:
    openrouter.replies(json.dumps(body).encode())
    with pytest.raises(litellm.ServiceUnavailableError):
        ask(max_retries=0)


def test_the_response_can_be_written_and_read_as_json(openrouter: Loopback) -> None:
    fields = {"images": [{"type": "image_url", "image_url": {"url": PNG}}]}
    response = answered(openrouter, answers.completion("Hi", **fields))
    again = litellm.ModelResponse.model_validate_json(response.model_dump_json())
    assert again.choices[0].message.content == "Hi"
    assert again.id == response.id


def test_an_image_without_an_index_gets_one(openrouter: Loopback) -> None:
    images = [{"type": "image_url", "image_url": {"url": url}} for url in (PNG, PNG)]
    message = answered(openrouter, answers.completion("Hi", images=images)).choices[0].message
    assert [image["index"] for image in message.images] == [0, 1]


def test_the_wires_body_is_not_kept_anywhere() -> None:
    body = answers.completion()
    hidden = model_response(body)._hidden_params
    assert "choices" not in hidden["openrouter"]
    assert "message" not in str(hidden["openrouter"])
