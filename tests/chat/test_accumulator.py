"""The pieces of a stream are put together as if the answer had come whole."""

from __future__ import annotations

import copy
import time
from typing import Any

import pytest

from openrouter_adapter.chat.accumulator import Accumulator
from tests.support.failures import HEAD, USAGE, delta_chunk

TEXT = {"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0}


def put_together(*deltas: dict[str, Any], reason: str | None = "stop") -> dict[str, Any]:
    """Return the message of these deltas."""
    return accumulated(*deltas, reason=reason).completion()["choices"][0]["message"]


def accumulated(*deltas: dict[str, Any], reason: str | None = "stop") -> Accumulator:
    accumulator = Accumulator()
    for delta in deltas:
        accumulator.add(delta_chunk(copy.deepcopy(delta)))
    if reason:
        accumulator.add(delta_chunk({}, reason))
    return accumulator


def call(index: int | None, **piece: Any) -> dict[str, Any]:
    """Return a delta with one piece of a tool call."""
    name, arguments = piece.pop("name", None), piece.pop("arguments", None)
    function = {"name": name, "arguments": arguments}
    given = {n: v for n, v in function.items() if v is not None}
    return {"tool_calls": [{"index": index, "function": given, **piece}]}


def calls_of(*deltas: dict[str, Any]) -> list[tuple[str, str, str]]:
    calls = put_together(*deltas)["tool_calls"]
    return [(c["id"], c["function"]["name"], c["function"]["arguments"]) for c in calls]


def test_text_refusal_and_reasoning_are_joined() -> None:
    message = put_together(
        {"role": "assistant", "content": "Wr", "reasoning": "H"},
        {"content": "en", "reasoning": "m", "refusal": "n"},
        {"content": None, "refusal": "o"},
    )
    assert (message["content"], message["reasoning"], message["refusal"]) == ("Wren", "Hm", "no")


def test_nothing_said_is_null_and_an_empty_text_stays() -> None:
    assert put_together({"content": None})["content"] is None
    assert put_together({"content": ""})["content"] == ""


def test_arguments_are_joined_byte_for_byte() -> None:
    assert calls_of(
        call(0, id="a", name="f", arguments=""),
        call(0, arguments='{"b":  1,'),
        call(0, arguments=' "a":2}'),
    ) == [("a", "f", '{"b":  1, "a":2}')]


def test_two_calls_by_index() -> None:
    assert calls_of(
        call(0, id="a", name="f", arguments="{"),
        call(1, id="b", name="g", arguments="{"),
        call(0, arguments="}"),
        call(1, arguments="}"),
    ) == [("a", "f", "{}"), ("b", "g", "{}")]


def test_two_whole_calls_under_one_index() -> None:
    assert calls_of(
        call(0, id="a", name="f", arguments="{}"),
        call(0, id="b", name="g", arguments="{}"),
    ) == [("a", "f", "{}"), ("b", "g", "{}")]


@pytest.mark.parametrize("given", [None, ""])
def test_whole_calls_without_ids_under_one_index(given: str | None) -> None:
    calls = calls_of(
        call(0, id=given, name="f", arguments='{"a":'),
        call(0, id=given, name="f", arguments=" 1}"),
        call(0, id=given, name="f", arguments="{}"),
    )
    assert [arguments for _, _, arguments in calls] == ['{"a": 1}', "{}"]
    assert len({name for name, _, _ in calls}) == 2


def test_two_calls_under_one_index_in_one_chunk() -> None:
    both = [{"index": 0, "id": name, "function": {"name": "f", "arguments": "{}"}} for name in "ab"]
    assert calls_of({"tool_calls": both}) == [("a", "f", "{}"), ("b", "f", "{}")]


def test_id_repeated_on_every_piece_is_one_call() -> None:
    assert calls_of(
        call(0, id="a", name="f", arguments="{"),
        call(0, id="a", name="f", arguments="}"),
    ) == [("a", "f", "{}")]


def test_missing_id_is_made_up_once() -> None:
    accumulator = Accumulator()
    first = delta_chunk(call(0, name="f", arguments="{"))
    second = delta_chunk(call(0, id="late", arguments="}"))
    accumulator.add(first)
    accumulator.add(second)
    [whole] = accumulator.completion()["choices"][0]["message"]["tool_calls"]
    assert whole["id"].startswith("call_")
    assert {chunk["choices"][0]["delta"]["tool_calls"][0]["id"] for chunk in (first, second)} == {
        whole["id"]
    }


@pytest.mark.parametrize("given", ["", None, "same"])
def test_parallel_calls_get_ids_of_their_own(given: str | None) -> None:
    calls = calls_of(
        call(0, id=given, name="f", arguments="{}"), call(1, id=given, name="g", arguments="{}")
    )
    assert len({name for name, _, _ in calls}) == 2
    assert all(name for name, _, _ in calls)


def test_no_index_continues_the_last_call() -> None:
    piece = {"function": {"arguments": "}"}}
    assert calls_of(call(0, id="a", name="f", arguments="{"), {"tool_calls": [piece]}) == [
        ("a", "f", "{}")
    ]


def test_arguments_as_an_object_become_text() -> None:
    assert calls_of(call(0, id="a", name="f", arguments={"b": 1})) == [("a", "f", '{"b":1}')]


def test_annotations_that_repeat_everything_stand_once() -> None:
    notes = [{"type": "url_citation", "url_citation": {"url": f"https://{i}.x"}} for i in range(3)]
    accumulator = Accumulator()
    sent = []
    for count in (1, 2, 3, 3):
        chunk = delta_chunk({"annotations": notes[:count]})
        accumulator.add(chunk)
        sent += chunk["choices"][0]["delta"]["annotations"]
    assert sent == notes
    assert accumulator.completion()["choices"][0]["message"]["annotations"] == notes


def test_images_come_one_by_one() -> None:
    images = [{"type": "image_url", "image_url": {"url": f"data:{i}"}} for i in range(2)]
    assert put_together({"images": images[:1]}, {"images": images[1:]})["images"] == images


def test_audio_is_joined() -> None:
    audio = put_together(
        {"audio": {"id": "a", "transcript": "Wr"}},
        {"audio": {"data": "UklG"}},
        {"audio": {"data": "Rg==", "transcript": "en", "expires_at": 9}},
    )["audio"]
    assert audio == {"id": "a", "transcript": "Wren", "data": "UklGRg==", "expires_at": 9}


def test_an_old_function_call_is_joined() -> None:
    message = put_together(
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": '{"a": '}},
        {"function_call": {"arguments": "1}"}},
        reason="function_call",
    )
    assert message["function_call"] == {"name": "f", "arguments": '{"a": 1}'}


def test_logprobs_are_joined() -> None:
    accumulator = Accumulator()
    for token in "ab":
        chunk = delta_chunk({"content": token})
        chunk["choices"][0]["logprobs"] = {"content": [{"token": token}], "refusal": None}
        accumulator.add(chunk)
    [choice] = accumulator.completion()["choices"]
    assert choice["logprobs"] == {"content": [{"token": "a"}, {"token": "b"}]}


def test_two_choices_are_kept_apart() -> None:
    accumulator = Accumulator()
    for index, text in ((1, "b"), (0, "a"), (1, "b"), (0, "a")):
        chunk = delta_chunk({"content": text})
        chunk["choices"][0]["index"] = index
        accumulator.add(chunk)
        assert not accumulator.is_finished
    for index in (1, 0):
        chunk = delta_chunk({}, "stop")
        chunk["choices"][0]["index"] = index
        accumulator.add(chunk)
    contents = [c["message"]["content"] for c in accumulator.completion()["choices"]]
    assert contents == ["aa", "bb"]
    assert accumulator.is_finished


def test_unknown_fields_are_kept() -> None:
    accumulator = Accumulator()
    chunk = delta_chunk({"novelty": "a"}, service_tier="flex")
    chunk["choices"][0]["native_finish_reason"] = "end_turn"
    accumulator.add(chunk)
    accumulator.add(delta_chunk({"novelty": "b"}, "stop", usage=USAGE))
    body = accumulator.completion()
    assert body["service_tier"] == "flex"
    assert body["usage"] == USAGE
    assert body["choices"][0]["native_finish_reason"] == "end_turn"
    assert body["choices"][0]["message"]["novelty"] == "ab"
    assert body["id"] == HEAD["id"]


def test_finish_reason_stands_once() -> None:
    accumulator = accumulated({"content": "a"})
    again = delta_chunk({}, "stop", usage=USAGE)
    accumulator.add(again)
    assert again["choices"][0]["finish_reason"] is None
    assert accumulator.completion()["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("name", ["reasoning", "refusal", "images", "reasoning_details"])
def test_field_of_another_type_is_refused(name: str) -> None:
    with pytest.raises(TypeError):
        Accumulator().add(delta_chunk({name: 7}))


def test_choice_without_a_number_is_refused() -> None:
    chunk = delta_chunk({"content": "a"})
    chunk["choices"][0]["index"] = "0"
    with pytest.raises(TypeError):
        Accumulator().add(chunk)


@pytest.mark.parametrize("given", ["a", None], ids=["an id on each piece", "an id on the first"])
def test_time_grows_with_the_answer_and_not_with_its_square(given: str | None) -> None:
    note = {"type": "url_citation", "url_citation": {"url": "https://x.y"}}
    named = {"id": given, "name": "f"} if given else {}

    def seconds(count: int) -> float:
        accumulator = Accumulator()
        accumulator.add(delta_chunk(call(0, id="a", name="f", arguments='{"text": "')))
        chunks = [
            delta_chunk(
                {
                    "content": "word ",
                    "reasoning": "hm ",
                    "reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "hm "}],
                    "annotations": [note],
                    **call(0, arguments="word ", **named),
                }
            )
            for _ in range(count)
        ]
        begin = time.thread_time()
        for chunk in chunks:
            accumulator.add(chunk)
        assert accumulator.completion()["choices"][0]["message"]["annotations"] == [note]
        return time.thread_time() - begin

    seconds(100)
    small, large = (min(seconds(count) for _ in range(3)) for count in (2_000, 20_000))
    assert large < 40 * small


class TestReasoningDetails:
    def test_text_grows_and_the_signature_comes_last(self) -> None:
        assert put_together(
            {"reasoning_details": [{**TEXT, "text": "H", "signature": None}]},
            {"reasoning_details": [{**TEXT, "text": "m"}]},
            {"reasoning_details": [{**TEXT, "signature": "c2ln"}]},
        )["reasoning_details"] == [{**TEXT, "text": "Hm", "signature": "c2ln"}]

    def test_another_type_under_one_index_is_another_entry(self) -> None:
        hidden = {"type": "reasoning.encrypted", "data": "x", "index": 0}
        assert put_together(
            {"reasoning_details": [{**TEXT, "text": "Hm"}]},
            {"reasoning_details": [hidden]},
        )["reasoning_details"] == [{**TEXT, "text": "Hm"}, hidden]

    def test_text_after_a_signature_is_another_entry(self) -> None:
        signed = {**TEXT, "text": "a", "signature": "s"}
        other = {**TEXT, "text": "b", "signature": "t"}
        assert put_together({"reasoning_details": [signed]}, {"reasoning_details": [other]})[
            "reasoning_details"
        ] == [signed, other]

    def test_another_id_is_another_entry(self) -> None:
        first, second = ({**TEXT, "id": name, "text": name} for name in "ab")
        assert put_together({"reasoning_details": [first, second]})["reasoning_details"] == [
            first,
            second,
        ]
