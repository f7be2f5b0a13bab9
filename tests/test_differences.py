"""Each row of docs/differences.md has a test, whose docstring is what LiteLLM's adapter does."""

from __future__ import annotations

import ast
import base64
import json
import re
import threading
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
import litellm
import pytest
from litellm import exceptions
from litellm.types.router import GenericLiteLLMParams

import openrouter_adapter
from openrouter_adapter import (
    OpenRouterChatConfig,
    OpenRouterEmbeddingConfig,
    OpenRouterImageGenerationConfig,
    late_bills,
)
from openrouter_adapter.emulator import Emulator
from tests.support import answers
from tests.support.calls import ask, draw, embed, stream
from tests.support.loopback import Loopback, Reply
from tests.support.waiting import ahappens

PAGE = Path(__file__).parents[1] / "docs" / "differences.md"
EPHEMERAL = {"type": "ephemeral"}


def test_every_row_has_its_test_and_every_test_its_row() -> None:
    """Each other test here has the first cell of its row as its docstring, in the page's order."""
    header = "| LiteLLM's built-in adapter | this package | why |\n| --- | --- | --- |\n"
    tables = re.findall(
        rf"^{re.escape(header)}((?:\|.*\n)+)", PAGE.read_text("utf-8"), re.MULTILINE
    )
    rows = [line for table in tables for line in table.splitlines()]
    tree = ast.parse(Path(__file__).read_text("utf-8"))
    tests = [
        one
        for one in tree.body
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and one.name.startswith("test_")
    ]
    said = [" ".join((ast.get_docstring(test) or test.name).split()) for test in tests]

    assert said[1:] == [row.removeprefix("| ").partition(" | ")[0] for row in rows]
    assert len(said) == len(set(said)) > 60


# What is sent


def test_the_developer_role_stays(openrouter: Loopback) -> None:
    """turns the role `developer` into `system`"""
    ask(messages=[{"role": "developer", "content": "Be brief."}])

    assert openrouter.body["messages"] == [{"role": "developer", "content": "Be brief."}]


def test_effort_and_thinking_become_reasoning(openrouter: Loopback) -> None:
    """sends `reasoning_effort` and `thinking` under these names, and `max` as `xhigh`"""
    ask(reasoning_effort="max")
    ask(thinking={"type": "enabled", "budget_tokens": 2000})

    sent = [request.body for request in openrouter.requests]
    assert [body["reasoning"] for body in sent] == [{"effort": "max"}, {"max_tokens": 2000}]
    assert not any({"reasoning_effort", "thinking"} & body.keys() for body in sent)


def test_a_keyword_wins_over_extra_body(openrouter: Loopback) -> None:
    """lets `extra_body` replace a keyword"""
    openrouter.beyond_schema = {"of_next_week"}
    ask(temperature=0, extra_body={"temperature": 1, "of_next_week": 3})

    assert openrouter.body["temperature"] == 0
    assert openrouter.body["of_next_week"] == 3


def test_a_wrong_option_is_refused_before_it_is_sent(openrouter: Loopback) -> None:
    """sends any option unchanged"""
    with pytest.raises(litellm.BadRequestError, match=r"provider\.order"):
        ask(provider={"order": "openai"})

    assert openrouter.requests == []


def test_two_lengths_that_differ_are_refused(openrouter: Loopback) -> None:
    """sends both `max_tokens` and `max_completion_tokens`"""
    with pytest.raises(litellm.BadRequestError, match="max_completion_tokens=20"):
        ask(max_tokens=10, max_completion_tokens=20)

    assert openrouter.requests == []


def test_empty_words_are_dropped(openrouter: Loopback) -> None:
    """sends `transforms=[""]` and `route=""`, as in the example in LiteLLM's documentation"""
    ask(transforms=[""], route="")

    assert openrouter.body["transforms"] == []
    assert "route" not in openrouter.body


def test_the_prefix_carries_what_litellm_keeps(openrouter: Loopback) -> None:
    """can't send `metadata`, `tags`, `id` and other names that LiteLLM keeps"""
    ask(openrouter_metadata={"order": "4711"}, metadata={"tags": ["LiteLLM's own"]})

    assert openrouter.body["metadata"] == {"order": "4711"}


def test_cache_control_reaches_every_model(openrouter: Loopback) -> None:
    """drops `cache_control` except for five families of models, and moves a message's
    `cache_control` to its last part
    """
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    text = {"type": "text", "text": "What is this?"}
    ask(messages=[{"role": "user", "content": [text, image], "cache_control": EPHEMERAL}])

    (message,) = openrouter.body["messages"]
    assert message == {"role": "user", "content": [{**text, "cache_control": EPHEMERAL}, image]}


def test_a_fifth_cache_breakpoint_is_left_out(openrouter: Loopback) -> None:
    """sends any number of parts with `cache_control`"""
    turns = [
        {"role": "user", "content": f"Turn {number}", "cache_control": EPHEMERAL}
        for number in range(5)
    ]
    ask(model="openrouter/anthropic/claude-sonnet-4.5", messages=turns)

    marked = ["cache_control" in message["content"][-1] for message in openrouter.body["messages"]]
    assert marked == [False, True, True, True, True]


def test_a_linked_pdf_is_sent_as_a_link(openrouter: Loopback) -> None:
    """downloads a PDF that is given as a link"""
    link = "https://nowhere.invalid/a%20paper.pdf"
    part = {"type": "file", "file": {"file_id": link}}
    ask(messages=[{"role": "user", "content": [part]}])

    (sent,) = openrouter.body["messages"][0]["content"]
    assert sent["file"] == {"filename": "a paper.pdf", "file_data": link}


def test_audio_by_link_is_refused(openrouter: Loopback) -> None:
    """sends a link in `input_audio`"""
    audio = {"data": "https://example.com/a.mp3", "format": "mp3"}
    part = {"type": "input_audio", "input_audio": audio}
    with pytest.raises(litellm.BadRequestError, match="base64"):
        ask(messages=[{"role": "user", "content": [part]}])

    assert openrouter.requests == []


def test_an_answer_goes_back_as_it_came(openrouter: Loopback) -> None:
    """when a conversation continues, sends earlier answers with LiteLLM's own fields, and with
    `reasoning_details` in a place that OpenRouter ignores
    """
    thought = {
        "type": "reasoning.text",
        "text": "Birds…",
        "signature": "c2ln",
        "format": "anthropic-claude-v1",
        "index": 0,
    }
    openrouter.replies(answers.completion(reasoning="Birds…", reasoning_details=[thought]))
    message = ask().choices[0].message
    openrouter.requests.clear()

    ask(messages=[message])

    assert openrouter.body["messages"] == [
        {"role": "assistant", "content": "Wren, tit, owl.", "reasoning_details": [thought]}
    ]


def test_fields_of_anthropics_tools_are_sent(openrouter: Loopback) -> None:
    """loses `input_examples` of tools"""
    tool = {
        "type": "function",
        "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}},
        "input_examples": [{"city": "Lisbon"}],
    }
    ask(tools=[tool])

    assert openrouter.body["tools"] == [tool]


def test_verbosity_and_user_are_sent(openrouter: Loopback) -> None:
    """refuses `verbosity`, drops `user`"""
    ask(verbosity="low", user="u-1")

    assert (openrouter.body["verbosity"], openrouter.body["user"]) == ("low", "u-1")


def test_openrouters_own_models_keep_their_name(openrouter: Loopback) -> None:
    """sends the model `auto` for `openrouter/auto`"""
    ask(model="openrouter/auto")

    assert openrouter.body["model"] == "openrouter/auto"


def test_litellms_prefix_goes_if_a_class_is_used_by_itself() -> None:
    """sends `openrouter/a/b` as the model if the chat class is used by itself"""
    for model, sent in {
        "openrouter/a/b": "a/b",
        "openrouter/openrouter/auto": "openrouter/auto",
        "openrouter/@preset/mine": "@preset/mine",
        "openrouter/auto": "openrouter/auto",
        "a/b": "a/b",
    }.items():
        question = [{"role": "user", "content": "Hi"}]
        body = OpenRouterChatConfig().transform_request(model, question, {}, {}, {})
        assert body["model"] == sent
        body = OpenRouterEmbeddingConfig().transform_embedding_request(model, ["Hi"], {}, {})
        assert body["model"] == sent


def test_a_part_goes_as_what_it_holds(openrouter: Loopback) -> None:
    """sends a PDF given as an `image_url` as an image; sends a text part whose text is null"""
    url = "data:application/pdf;base64,aGk="
    part = {"type": "image_url", "image_url": {"url": url}}
    ask(messages=[{"role": "user", "content": [part]}])
    (sent,) = openrouter.body["messages"][0]["content"]
    assert sent == {"type": "file", "file": {"filename": "document.pdf", "file_data": url}}

    empty = {"type": "text", "text": None}
    with pytest.raises(litellm.BadRequestError, match=r"messages\[0\]\.content\[0\]"):
        ask(messages=[{"role": "user", "content": [empty]}])


def test_without_a_key_nothing_is_sent(
    openrouter: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sends a request without a key, or raises `ValueError` for Responses"""
    monkeypatch.delenv("OPENROUTER_API_KEY")

    for call in (ask, embed, draw):
        with pytest.raises(litellm.AuthenticationError, match="OPENROUTER_API_KEY"):
            call()
    assert openrouter.requests == []


def test_an_empty_app_name_sends_no_title(
    openrouter: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sends its own title and URL if `OR_APP_NAME` or `OR_SITE_URL` is empty; for images it
    sends none at all
    """
    monkeypatch.setenv("OR_APP_NAME", "")

    for call in (ask, embed, draw):
        call()
    assert not any("x-title" in request.headers for request in openrouter.requests)
    assert all("http-referer" in request.headers for request in openrouter.requests)


def test_a_title_beyond_ascii_is_sent_as_utf_8(
    openrouter: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fails with "'ascii' codec can't encode characters" if a header has a character beyond
    ASCII
    """
    monkeypatch.setenv("OR_APP_NAME", "Übersetzer")
    ask()

    assert openrouter.headers["x-title"].encode("latin-1") == "Übersetzer".encode()

    with pytest.raises(litellm.BadRequestError, match="The header X-Team can't be sent"):
        ask(extra_headers={"X-Team": "a\nb"})


def test_openrouters_key_is_not_shown_to_openai(
    openrouter: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sends OpenRouter's key to OpenAI if a call for batches, fine-tuning or moderations names an
    `openrouter/…` model and no `api_base`
    """
    monkeypatch.setenv("OPENAI_BASE_URL", openrouter.base_url)
    monkeypatch.delenv("OPENROUTER_API_BASE")

    with pytest.raises(litellm.BadRequestError, match="OpenRouter's key"):
        litellm.list_fine_tuning_jobs(
            model="openrouter/openai/gpt-4o-mini", api_key="sk-or-v1-mine"
        )

    assert openrouter.requests == []


# What comes back


def test_openrouters_facts_ride_along(openrouter: Loopback) -> None:
    """reports the cost of an answer that is not streamed; from 1.109 on, also the provider"""
    hidden = ask()._hidden_params

    assert len(openrouter.requests) == 1
    assert hidden["response_cost"] == answers.COST
    assert hidden["additional_headers"]["llm_provider-x-litellm-response-cost"] == answers.COST
    assert hidden["openrouter"]["provider"] == "OpenAI"
    assert hidden["openrouter"]["generation_id"] == "gen-1"


def _tool_call(**function: Any) -> dict[str, Any]:
    return {"id": "call_1", "type": "function", "function": {"name": "get_weather", **function}}


def test_missing_arguments_are_an_empty_object(openrouter: Loopback) -> None:
    """returns an empty string if a tool call has no arguments"""
    openrouter.replies(answers.completion(None, tool_calls=[_tool_call(arguments=None)]))

    assert ask().choices[0].message.tool_calls[0].function.arguments == "{}"


def test_file_annotations_are_kept(openrouter: Loopback) -> None:
    """fails on an answer with an annotation of type `file`; from 1.109 on moves it to
    `provider_specific_fields`, and sends it back where OpenRouter does not look for it
    """
    parsed = {"type": "file", "file": {"hash": "abc", "name": "a.pdf", "content": []}}
    openrouter.replies(answers.completion(annotations=[parsed]))
    message = ask().choices[0].message
    openrouter.requests.clear()

    ask(messages=[message])

    assert message.annotations == [parsed]
    assert openrouter.body["messages"][0]["annotations"] == [parsed]


def test_an_answer_that_is_none_is_an_error(openrouter: Loopback) -> None:
    """reports a choice with an error as a success, and raises `APIError` or `IndexError` for an
    answer without choices
    """
    openrouter.replies({**answers.completion(), "choices": None})
    with pytest.raises(litellm.ServiceUnavailableError):
        ask()

    broken = answers.completion("Wren,")
    broken["choices"][0]["error"] = {"code": 429, "message": "slow down"}
    openrouter.replies(broken)
    with pytest.raises(litellm.RateLimitError, match="slow down") as raised:
        ask()
    assert raised.value.partial_response.choices[0].message.content == "Wren,"


def test_a_nested_completion_is_read(openrouter: Loopback) -> None:
    """fails if the whole completion arrives inside the answer's `provider` field"""
    openrouter.replies({"id": None, "choices": None, "provider": answers.completion()})

    assert ask().choices[0].message.content == "Wren, tit, owl."


def test_the_prompt_follows_no_redirect_elsewhere(openrouter: Loopback) -> None:
    """follows a redirect to any server, with the prompt"""
    with Loopback() as other:
        openrouter.replies(b"", status=307, Location=f"{other.base_url}/chat/completions")
        with pytest.raises(litellm.APIConnectionError, match="was not followed"):
            ask()
        assert other.requests == []


@pytest.mark.usefixtures("openrouter")
def test_an_answer_beyond_the_limit_is_refused() -> None:
    """reads an answer of any size"""
    openrouter_adapter.register(max_response_bytes=100)
    with pytest.raises(litellm.BadRequestError, match="larger than 100 bytes"):
        ask()


def test_a_failure_has_the_class_that_says_what_is_wrong(openrouter: Loopback) -> None:
    """raises `APIError` for 402, 403 and others"""
    error = {"code": 402, "message": "Insufficient credits"}
    openrouter.replies({"error": error}, status=402)

    with pytest.raises(exceptions.PaymentRequiredError, match="Insufficient credits"):
        ask()


# Streams


def test_a_stream_ends_with_its_usage(openrouter: Loopback) -> None:
    """returns usage only with `stream_options={"include_usage": True}`"""
    chunks = stream()

    assert len(openrouter.requests) == 1
    assert [getattr(chunk, "usage", None) is not None for chunk in chunks[:-1]] == [False] * (
        len(chunks) - 1
    )
    assert chunks[-1].usage.cost == answers.COST


@pytest.mark.parametrize("reason", ["stop", None])
def test_streamed_tool_calls_finish_as_tool_calls(openrouter: Loopback, reason: str | None) -> None:
    """before 1.109, finishes tool calls with `stop` if OpenRouter said `stop` or nothing"""
    first, *_, last = answers.chunks()
    call = {"index": 0, **_tool_call(arguments="{}")}
    first["choices"][0]["delta"] = {"role": "assistant", "tool_calls": [call]}
    last["choices"][0]["finish_reason"] = reason
    openrouter.replies([first, last])

    reasons = [chunk.choices[0].finish_reason for chunk in stream()]
    assert [found for found in reasons if found] == ["tool_calls"]


def test_each_streamed_piece_goes_to_its_call(openrouter: Loopback) -> None:
    """merges two tool calls that share an index, and splits a tool call whose id arrives late"""
    pieces: list[dict[str, Any]] = [
        {"index": 0, "type": "function", "function": {"arguments": ""}},
        {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x": 1}'}},
        {"index": 0, "id": "a", "function": {"name": "g", "arguments": '{"x": 2}'}},
    ]
    events = answers.chunks(*(["."] * len(pieces)))
    for event, piece in zip(events, pieces, strict=False):
        event["choices"][0]["delta"] = {"tool_calls": [piece]}
    openrouter.replies(events)

    calls = litellm.stream_chunk_builder(stream()).choices[0].message.tool_calls
    assert [(c.function.name, c.function.arguments) for c in calls] == [
        ("f", '{"x": 1}'),
        ("g", '{"x": 2}'),
    ]
    assert calls[0].id == "a" != calls[1].id


def test_the_whole_answer_is_on_the_stream(openrouter: Loopback) -> None:
    """`litellm.stream_chunk_builder` joins the chunks"""
    chunks = ask(stream=True)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

    assert len(openrouter.requests) == 1
    assert chunks.response.choices[0].message.content == text == "Wren, tit, owl."
    assert chunks.response._hidden_params["response_cost"] == answers.COST


async def test_a_stream_that_a_client_left_is_not_estimated(
    emulated: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """if a client of the proxy disconnects during a stream, charges the key an estimate from
    LiteLLM's cost map
    """
    monkeypatch.setattr(late_bills, "_PAUSES", (0.05,))
    emulated.faults.add("stall; after=3", times=1)
    left: Any = await litellm.acompletion(
        "openrouter/openai/gpt-4o-mini", [{"role": "user", "content": "Hi."}], stream=True
    )
    await anext(left)
    so_far = litellm.stream_chunk_builder(left.chunks)
    with pytest.raises(late_bills.DeferredError):
        await left.logging_obj.dispatch_success_handlers(so_far, prefer_async_handlers=True)
    await left.aclose()

    known = left.logging_obj.model_call_details
    assert await ahappens(lambda: known.get("response_cost") is not None)
    [billed] = [row for row in emulated.bill() if row.cancelled]
    assert known["response_cost"] == float(billed.cost)


def test_a_cut_stream_is_an_error(openrouter: Loopback) -> None:
    """reports a truncated stream as a success; from 1.109 on only if `[DONE]` came"""
    openrouter.replies(answers.chunks()[:1])

    with pytest.raises(litellm.ServiceUnavailableError) as raised:
        stream()
    assert raised.value.partial_response.choices[0].message.content == "Wren,"


def test_a_line_that_is_not_json_is_an_error(openrouter: Loopback) -> None:
    """skips a line that is not JSON"""
    whole = answers.event_stream(answers.chunks())
    broken = whole.replace(b"data: [DONE]", b'data: {"choices": [\n\ndata: [DONE]')
    openrouter.answer = lambda _: Reply(broken, headers={"Content-Type": "text/event-stream"})

    with pytest.raises(litellm.ServiceUnavailableError, match="not JSON"):
        stream()


def test_streams_come_from_a_wrapper_of_our_own(openrouter: Loopback) -> None:
    """returns LiteLLM's `CustomStreamWrapper`, from `get_model_response_iterator`"""
    chunks = ask(stream=True)

    assert openrouter.base_url
    assert OpenRouterChatConfig().has_custom_stream_wrapper
    assert isinstance(chunks, litellm.CustomStreamWrapper)
    assert type(chunks) is not litellm.CustomStreamWrapper


def test_a_plain_callback_is_told_of_a_stream_once(emulated: Emulator) -> None:
    """calls a plain function in `success_callback` for every chunk"""
    told: list[Any] = []
    last = threading.Event()

    def remember(_: Any, response: Any, *__: Any) -> None:
        told.append(response)
        last.set()

    litellm.success_callback.append(remember)
    chunks = stream()

    assert last.wait(30)
    assert len(chunks) > 5
    (response,) = told
    assert response.usage.cost == float(emulated.bill()[0].cost)


def test_a_hundred_equal_chunks_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """ends a stream after 100 equal chunks"""
    with Emulator(answer="no " * 150) as emulator, openrouter_adapter.registered():
        monkeypatch.setenv("OPENROUTER_API_BASE", emulator.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", emulator.api_key)
        said = [chunk.choices[0].delta.content or "" for chunk in stream(max_tokens=1000)]

    assert "".join(said).split() == ["no"] * 150
    assert max(said.count(text) for text in set(said)) > 100


# Responses


def respond(**keywords: Any) -> Any:
    return litellm.responses("Name three birds.", model="openrouter/openai/gpt-5-mini", **keywords)


def test_options_reach_a_response(emulated: Emulator) -> None:
    """drops OpenRouter's options that are keywords"""
    respond(provider={"sort": "price"})
    with pytest.raises(litellm.BadRequestError, match=r"provider\.order"):
        respond(provider={"order": "openai"})

    (request,) = emulated.requests
    assert request.body["provider"] == {"sort": "price"}


def test_a_small_limit_of_a_response_stays(emulated: Emulator) -> None:
    """sends 16 for a smaller `max_output_tokens`"""
    respond(max_output_tokens=5)

    assert emulated.requests[-1].body["max_output_tokens"] == 5


def test_tools_of_a_chat_are_tools_of_a_response(emulated: Emulator) -> None:
    """sends tools in the format of chats unchanged, which OpenRouter refuses"""
    respond(tools=[{"type": "function", "function": {"name": "look", "parameters": {}}}])

    assert emulated.requests[-1].body["tools"] == [
        {"type": "function", "name": "look", "parameters": {}}
    ]


def test_a_response_has_openrouters_facts(emulated: Emulator) -> None:
    """keeps the cost"""
    hidden = respond()._hidden_params

    (row,) = emulated.bill()
    facts = hidden["openrouter"]
    assert facts["generation_id"] == row.generation_id
    assert row.model.startswith(facts["model"])
    assert facts["cost"] == hidden["response_cost"] == float(row.cost)


def test_a_refused_response_has_the_class_that_says_why(emulated: Emulator) -> None:
    """raises `APIError` for 402 and others, with the body as text"""
    emulated.faults.add("credits")
    with pytest.raises(exceptions.PaymentRequiredError, match="credits"):
        respond()


def test_openais_moderation_is_no_parameter_of_a_response() -> None:
    """from 1.110 on sends OpenAI's `moderation`"""
    config = openrouter_adapter.OpenRouterResponsesConfig()
    assert "moderation" not in config.get_supported_openai_params("a/b")

    given = {"extra_body": {"moderation": {"model": "m"}}}
    body = config.transform_responses_api_request("a/b", "Hi", given, GenericLiteLLMParams(), {})
    assert body["moderation"] == {"model": "m"}


# Embeddings


def test_a_single_text_is_sent_as_it_is(openrouter: Loopback) -> None:
    """converts a single text to a list"""
    embed(input="a bird")

    assert openrouter.body["input"] == "a bird"


def test_an_embedding_has_its_cost(openrouter: Loopback) -> None:
    """reports no cost"""
    response = embed()

    assert len(openrouter.requests) == 1
    assert response._hidden_params["response_cost"] == answers.COST


def test_base64_is_decoded_unless_it_was_asked_for(openrouter: Loopback) -> None:
    """returns the base64 string if a vector arrives as base64 although you didn't ask for it"""
    openrouter.replies(answers.embeddings(["a bird"], as_base64=True))

    assert embed().data[0]["embedding"] == [0.5, 0.0]
    assert isinstance(embed(encoding_format="base64").data[0]["embedding"], str)


def test_too_few_vectors_are_an_error(openrouter: Loopback) -> None:
    """reports fewer vectors than texts as a success"""
    openrouter.replies(answers.embeddings(["a bird"]))

    with pytest.raises(litellm.BadGatewayError, match="2 embeddings were asked for, 1 received"):
        embed(input=["a bird", "a fish"])


def test_vectors_stand_in_the_order_of_the_texts(openrouter: Loopback) -> None:
    """returns vectors in the order in which they arrive, even if they contain null or NaN"""
    body = answers.embeddings(["a bird", "a fish"])
    body["data"].reverse()
    openrouter.replies(body)

    assert [one["embedding"][1] for one in embed(input=["a bird", "a fish"]).data] == [0.0, 1.0]

    body["data"][0]["embedding"][0] = None
    with pytest.raises(litellm.BadGatewayError, match="not a finite number"):
        embed(input=["a bird", "a fish"])


# Images


def test_an_unknown_size_is_an_error(openrouter: Loopback) -> None:
    """makes a 1:1 image for an unknown `size`"""
    with pytest.raises(litellm.BadRequestError, match=r"5:2.*2\.35:1"):
        draw(size="3000x1000")

    assert openrouter.requests == []


def test_an_unknown_quality_is_an_error(openrouter: Loopback) -> None:
    """drops an unknown `quality`"""
    with pytest.raises(litellm.BadRequestError, match="ultra"):
        draw(quality="ultra")
    assert openrouter.requests == []

    draw(quality="ultra", drop_params=True)
    assert "image_config" not in openrouter.body


def test_auto_sends_no_ratio_and_no_tier(openrouter: Loopback) -> None:
    """sends 1:1 and 1K for `auto`"""
    draw(size="auto", quality="auto")

    assert "image_config" not in openrouter.body


def test_images_go_where_everything_goes(openrouter: Loopback) -> None:
    """does not read `OPENROUTER_API_BASE` for images"""
    draw()

    assert [request.path for request in openrouter.requests] == ["/api/v1/chat/completions"]


def test_a_model_that_only_draws_takes_the_images_api(emulated: Emulator) -> None:
    """sends requests to models that answer only with images as chats"""
    model = "openrouter/black-forest-labs/flux.2-pro"
    litellm.image_generation(prompt="a bird", model=model)
    assert emulated.requests[0].path == "/images"


def test_large_pixels_ask_for_a_tier(openrouter: Loopback) -> None:
    """loses the tier of large pixel sizes"""
    draw(size="2048x2048")
    assert openrouter.body["image_config"] == {"aspect_ratio": "1:1", "image_size": "2K"}


def test_images_and_their_cost_are_asked_for(openrouter: Loopback) -> None:
    """sends no `modalities` and asks for no usage"""
    draw()

    assert openrouter.body["modalities"] == ["image", "text"]
    assert openrouter.body["usage"] == {"include": True}


def test_n_images_are_n_requests(openrouter: Loopback) -> None:
    """sends `n`, and returns what comes"""
    response = draw(n=3)

    assert len(openrouter.requests) == len(response.data) == 3
    assert not any("n" in request.body for request in openrouter.requests)
    assert response._hidden_params["response_cost"] == pytest.approx(3 * answers.COST, rel=1e-15)


def _image(words: str | None = "A bird.", **usage: Any) -> dict[str, Any]:
    picture = {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,AAAA"}}
    body = answers.completion(words, images=[picture])
    return {**body, "usage": {**answers.USAGE, **usage}}


def test_output_tokens_count_the_words_too(openrouter: Loopback) -> None:
    """counts only the image in `output_tokens`"""
    details = {"image_tokens": 1290}
    openrouter.replies(_image(completion_tokens=1300, completion_tokens_details=details))

    usage = draw().usage
    assert usage.output_tokens == 1300
    assert usage.output_tokens_details == {"image_tokens": 1290, "text_tokens": 10}


def test_the_words_beside_an_image_are_kept(openrouter: Loopback) -> None:
    """loses the text that comes with an image, and the image's media type"""
    openrouter.replies(_image())

    about = draw().data[0].provider_specific_fields
    assert (about["content"], about["media_type"]) == ("A bird.", "image/jpeg")


def test_words_without_an_image_are_an_error(openrouter: Loopback) -> None:
    """returns empty `data` if the model answered with text"""
    openrouter.replies(answers.completion("I would rather not."))

    with pytest.raises(litellm.UnprocessableEntityError, match="I would rather not") as raised:
        draw()
    assert raised.value.openrouter["cost"] == answers.COST


def test_no_header_is_in_an_images_body(openrouter: Loopback) -> None:
    """puts `extra_headers`, including the key, into the body"""
    draw(extra_headers={"X-Team": "birds"})

    assert openrouter.headers["x-team"] == "birds"
    assert b"birds" not in openrouter.requests[0].raw
    assert b"sk-or-" not in openrouter.requests[0].raw


def test_an_image_can_be_given_as_a_url(openrouter: Loopback) -> None:
    """refuses `response_format`"""
    openrouter.replies(_image())

    image = draw(response_format="url").data[0]
    assert image.url == "data:image/jpeg;base64,AAAA"
    assert base64.b64decode(image.url.partition(",")[2]) == bytes(3)


def test_cost_details_stand_where_they_always_do(openrouter: Loopback) -> None:
    """puts the cost details into `_hidden_params["response_cost_details"]`"""
    hidden = draw()._hidden_params

    assert len(openrouter.requests) == 1
    assert "response_cost_details" not in hidden
    assert hidden["openrouter"]["cost_details"] == answers.USAGE["cost_details"]


# The classes


def test_the_chat_class_takes_no_arguments(openrouter: Loopback) -> None:
    """`OpenrouterConfig(temperature=0.5)` sets a default for the whole process"""
    assert openrouter.base_url
    assert litellm.OpenrouterConfig is OpenRouterChatConfig
    with pytest.raises(TypeError):
        litellm.OpenrouterConfig(temperature=0.5)
    assert litellm.OpenrouterConfig.get_config() == {}


def test_get_error_class_gives_the_exception_itself() -> None:
    """`get_error_class` returns an `OpenRouterException`"""
    for config in (
        OpenRouterChatConfig(),
        OpenRouterEmbeddingConfig(),
        OpenRouterImageGenerationConfig(),
    ):
        failure = config.get_error_class("too many", 429, {})
        assert isinstance(failure, litellm.RateLimitError)


def test_map_openai_params_translates_nothing() -> None:
    """`map_openai_params` puts `transforms`, `models` and `route` into `extra_body`"""
    given = {"reasoning_effort": "max", "temperature": 0}

    assert OpenRouterChatConfig().map_openai_params(given, {}, "openai/gpt-4o", False) == given


def test_a_chat_without_a_base_goes_to_openrouter(monkeypatch: pytest.MonkeyPatch) -> None:
    """`get_complete_url` of chats returns OpenAI's address if there is no `api_base`"""
    monkeypatch.delenv("OPENROUTER_API_BASE", raising=False)

    url = OpenRouterChatConfig().get_complete_url(None, None, "a/b", {}, {})
    assert url == "https://openrouter.ai/api/v1/chat/completions"


def test_an_answer_is_read_from_its_bytes() -> None:
    """reads an answer with `raw_response.json()`"""
    body = answers.completion(r"\ud83d")
    content = json.dumps(body).replace("\\\\ud83d", "\\ud83d").encode()
    raw = httpx.Response(200, content=content)
    given: dict[str, Any] = {"request_data": {}, "optional_params": {}, "litellm_params": {}}

    response = OpenRouterChatConfig().transform_response(
        "a/b", raw, litellm.ModelResponse(), Mock(), messages=[], encoding=None, **given
    )
    assert response.choices[0].message.content == "\ufffd"

    vectors = json.dumps(answers.embeddings(["a", "b"])).encode()
    response = OpenRouterEmbeddingConfig().transform_embedding_response(
        "a/b",
        httpx.Response(200, content=vectors),
        litellm.EmbeddingResponse(),
        Mock(),
        api_key=None,
        **given,
    )
    assert len(response.data) == 2
