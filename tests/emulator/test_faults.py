"""Faults on demand: what arrives, and what the bill says of it."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from openrouter_adapter.emulator import faults
from tests.support.waiting import happens

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.emulator import BillRow

    from .conftest import Client, Reply


def chat_with(
    client: Client, fault: str, prompt: str = "Tell me about rivers", **body: Any
) -> Reply:
    return client.chat(prompt, **body, headers={"x-emulator-fault": fault})


def raw_body(client: Client, fault: str, *, stream: bool) -> tuple[bytes, bool]:
    """Return what arrives of a body, and whether it arrived whole."""
    address = urlsplit(client.emulator.base_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=5)
    messages = [{"role": "user", "content": "Tell me about rivers"}]
    connection.request(
        "POST",
        f"{address.path}/chat/completions",
        json.dumps({"model": "openai/gpt-4o", "stream": stream, "messages": messages}),
        {"Authorization": f"Bearer {client.emulator.api_key}", "x-emulator-fault": fault},
    )
    try:
        return connection.getresponse().read(), True
    except http.client.IncompleteRead as cut:
        return cut.partial, False
    except http.client.RemoteDisconnected:
        return b"", False
    finally:
        connection.close()


def billed(client: Client) -> BillRow:
    """Wait for the one row of a connection that broke off."""
    assert happens(client.emulator.bill)
    (row,) = client.emulator.bill()
    return row


class TestRefusals:
    @pytest.mark.parametrize(
        ("fault", "status", "words"),
        [
            ("status=402", 402, "Insufficient credits"),
            ("status=403", 403, "Key limit exceeded"),
            ("status=408", 408, "timed out"),
            ("status=413", 413, "Too Large"),
            ("status=429", 429, "Provider returned error"),
            ("status=500", 500, "Provider returned error"),
            ("status=502", 502, "Provider returned error"),
            ("status=503", 503, "Provider returned error"),
            ("status=524", 524, "timed out"),
            ("status=529", 529, "Provider returned error"),
            ("status=502; message=Oh no", 502, "Oh no"),
            ("credits", 402, "requires more credits"),
        ],
    )
    @pytest.mark.parametrize("stream", [False, True])
    def test_a_status_costs_nothing_and_is_on_the_bill(
        self, client: Client, fault: str, status: int, words: str, stream: bool
    ) -> None:
        reply = chat_with(client, fault, stream=stream)
        assert reply.status == reply.json["error"]["code"] == status
        assert words in reply.json["error"]["message"]
        (row,) = client.emulator.bill()
        assert (row.status, row.cost, row.fault) == (status, 0, faults.parse(fault).name)
        assert row.finish_reason is None

    def test_the_upstreams_own_words(self, client: Client) -> None:
        metadata = chat_with(client, "status=502; raw=out of memory").json["error"]["metadata"]
        assert metadata == {"raw": "out of memory", "provider_name": "OpenAI"}
        recorded_form = chat_with(client, "status=429").json["error"]["metadata"]["raw"]
        assert recorded_form.startswith("openai/gpt-4o-mini is temporarily rate-limited upstream.")

    def test_a_rate_limit_says_when_it_ends(self, emulate: Callable[..., Client]) -> None:
        client = emulate(clock=lambda: 1_790_000_000.0)
        reply = chat_with(client, "rate-limit=5; retry-after=5")
        headers = reply.json["error"]["metadata"]["headers"]
        assert headers["X-RateLimit-Reset"] == reply.headers["X-RateLimit-Reset"] == "1790000005000"
        assert headers["X-RateLimit-Remaining"] == "0"
        assert reply.headers["Retry-After"] == "5"

    def test_moderation_says_what_was_flagged(self, client: Client) -> None:
        reply = chat_with(client, "moderation=violence+hate", prompt="x" * 300)
        metadata = reply.json["error"]["metadata"]
        assert reply.status == 403
        assert metadata["reasons"] == ["violence", "hate"]
        assert metadata["model_slug"] == "openai/gpt-4o-mini"
        assert metadata["provider_name"] == "OpenAI"
        assert len(metadata["flagged_input"]) == 100
        assert 'flagged for "violence, hate". No credits' in reply.json["error"]["message"]

    def test_html(self, client: Client) -> None:
        reply = chat_with(client, "html=502")
        assert reply.status == 502
        assert reply.headers["Content-Type"].startswith("text/html")
        assert reply.text.startswith("<html>")

    def test_other_endpoints_fail_too(self, client: Client) -> None:
        client.headers["x-emulator-fault"] = "status=503"
        body = {"model": "openai/text-embedding-3-small", "input": "x"}
        assert client.send("POST", "/embeddings", body).status == 503
        assert client.manage("GET", "/credits").status == 503
        assert [row.endpoint for row in client.emulator.bill()] == ["/embeddings", "/credits"]


class TestAnswers:
    def test_an_error_as_an_answer(self, client: Client) -> None:
        whole = chat_with(client, "error-in-200=529")
        assert whole.status == 200
        assert whole.json["error"]["code"] == 529
        assert whole.json["error"]["metadata"]["provider_name"] == "OpenAI"
        streamed = chat_with(client, "error-in-200=529", stream=True)
        assert "[DONE]" not in streamed.text
        assert streamed.chunks[0]["error"]["code"] == 529
        assert [(row.status, row.cost) for row in client.emulator.bill()] == [(529, 0)] * 2

    @pytest.mark.parametrize("code", [502, "server_error"])
    def test_an_error_chunk(self, client: Client, code: int | str) -> None:
        reply = chat_with(client, f"error-chunk={code}; after=3; message=Gone", stream=True)
        *words, last = reply.chunks
        assert len(words) == 3
        assert (last["error"]["code"], last["error"]["message"]) == (code, "Gone")
        assert last["choices"][0]["finish_reason"] == "error"
        assert last["usage"]["cost"] == 0
        (row,) = client.emulator.bill()
        assert (row.status, row.cost, row.finish_reason) == (502, 0, "error")

    @pytest.mark.parametrize("stream", [False, True])
    def test_an_error_on_the_choice(self, client: Client, stream: bool) -> None:
        reply = chat_with(client, "choice-error=502", stream=stream)
        choices = [
            choice
            for body in (reply.chunks if stream else [reply.json])
            for choice in body["choices"]
            if "error" in choice
        ]
        assert [choice["error"]["code"] for choice in choices] == [502]
        assert choices[0]["finish_reason"] == "error"
        assert client.emulator.bill()[0].cost == 0

    @pytest.mark.parametrize(("fault", "value"), [("null-choices", None), ("empty-choices", [])])
    @pytest.mark.parametrize("stream", [False, True])
    def test_no_choices(self, client: Client, fault: str, value: Any, stream: bool) -> None:
        reply = chat_with(client, fault, stream=stream)
        assert (reply.chunks[0] if stream else reply.json)["choices"] == value
        (row,) = client.emulator.bill()
        assert (row.cost, row.tokens_completion) == (0, 0)

    def test_a_nested_body(self, client: Client) -> None:
        reply = chat_with(client, "nested-body").json
        assert reply["choices"] is None
        assert reply["provider"]["choices"][0]["message"]["content"]
        assert client.emulator.bill()[0].cost == Decimal(repr(reply["provider"]["usage"]["cost"]))

    def test_bad_json(self, client: Client) -> None:
        whole = chat_with(client, "bad-json")
        with pytest.raises(json.JSONDecodeError):
            json.loads(whole.text)
        streamed = chat_with(client, "bad-json; after=2", stream=True)
        with pytest.raises(json.JSONDecodeError):
            assert streamed.chunks
        assert streamed.text.endswith("data: [DONE]\n\n")
        assert all(row.cost > 0 for row in client.emulator.bill())

    def test_comments_only(self, client: Client) -> None:
        reply = chat_with(client, "comments-only=5", stream=True)
        assert set(filter(None, reply.text.split("\n"))) == {": OPENROUTER PROCESSING"}
        assert not chat_with(client, "comments-only").text
        assert all(row.cost == 0 for row in client.emulator.bill())

    def test_no_finish(self, client: Client) -> None:
        whole = chat_with(client, "no-finish").json
        assert whole["choices"][0]["finish_reason"] is None
        streamed = chat_with(client, "no-finish; after=2", stream=True)
        assert len(streamed.chunks) == 2
        assert "[DONE]" not in streamed.text
        assert len(chat_with(client, "no-finish", stream=True).chunks) > 2
        # An answer without a finish reason still costs something.
        assert all(row.cost > 0 for row in client.emulator.bill())

    @pytest.mark.parametrize("stream", [False, True])
    def test_a_tool_call_without_arguments(
        self, client: Client, weather: dict[str, Any], stream: bool
    ) -> None:
        reply = chat_with(
            client, "no-arguments", "The weather in Rome?", tools=[weather], stream=stream
        )
        if stream:
            calls = [
                call
                for chunk in reply.chunks
                for choice in chunk["choices"]
                for call in choice["delta"].get("tool_calls") or ()
            ]
            reasons = {
                choice["finish_reason"] for chunk in reply.chunks for choice in chunk["choices"]
            }
        else:
            calls = reply.message["tool_calls"]
            reasons = {reply.json["choices"][0]["finish_reason"]}
        assert [call["function"] for call in calls] == [{"name": "get_weather"}]
        assert reasons == {None}

    def test_embeddings(self, client: Client) -> None:
        body = {"model": "openai/text-embedding-3-small", "input": "x"}
        reply = client.send("POST", "/embeddings", body, x_emulator_fault="error-in-200=503")
        assert (reply.status, reply.json["error"]["code"]) == (200, 503)
        (row,) = client.emulator.bill()
        assert (row.cost, row.status) == (0, 503)


class TestBrokenConnections:
    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize("size", [0, 1, 100, 700])
    def test_a_cut_after_some_bytes_is_billed_in_full(
        self, client: Client, stream: bool, size: int
    ) -> None:
        body, whole = raw_body(client, f"cut={size}", stream=stream)
        assert not whole
        assert len(body) == size
        row = billed(client)
        assert row.cost > 0
        assert not row.cancelled

    @pytest.mark.parametrize("stream", [False, True])
    def test_a_stall_that_ends(self, client: Client, stream: bool) -> None:
        began = time.monotonic()
        body, whole = raw_body(client, "stall=0.3; after=2", stream=stream)
        assert whole
        assert time.monotonic() - began >= 0.25
        assert body

    def test_a_stall_without_end_is_billed_when_the_caller_leaves(self, client: Client) -> None:
        with pytest.raises((TimeoutError, urllib.error.URLError, OSError)):
            _read_with_timeout(client, "stall; after=2")
        row = billed(client)
        assert row.cancelled
        assert row.cost > 0

    def test_a_slow_drip_arrives_whole(self, emulate: Callable[..., Client]) -> None:
        client = emulate(answer="Yes.")
        for stream in (False, True):
            _, whole = raw_body(client, "slow-drip=0.001", stream=stream)
            assert whole


def _read_with_timeout(client: Client, fault: str) -> None:
    address = urlsplit(client.emulator.base_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=0.3)
    messages = [{"role": "user", "content": "Tell me about rivers"}]
    connection.request(
        "POST",
        f"{address.path}/chat/completions",
        json.dumps({"model": "openai/gpt-4o", "stream": True, "messages": messages}),
        {"Authorization": f"Bearer {client.emulator.api_key}", "x-emulator-fault": fault},
    )
    try:
        connection.getresponse().read()
    finally:
        connection.close()


# Its own pace would take seconds.
QUICK = {"slow-drip": "slow-drip=0.001"}


class TestConfiguration:
    def test_a_number_of_times(self, client: Client) -> None:
        client.emulator.faults.add("status=502", times=2)
        assert [client.chat().status for _ in range(4)] == [502, 502, 200, 200]

    def test_a_probability_is_the_same_with_the_same_seed(
        self, emulate: Callable[..., Client]
    ) -> None:
        def statuses(seed: int) -> list[int]:
            client = emulate()
            client.emulator.faults.add("status=502", probability=0.5, seed=seed)
            return [client.chat().status for _ in range(20)]

        first = statuses(1)
        assert first == statuses(1) != statuses(2)
        assert set(first) == {200, 502}

    def test_one_model_only(self, client: Client) -> None:
        client.emulator.faults.add("error-in-200=502; model=openai/gpt-4o")
        assert "error" in client.chat(model="openai/gpt-4o").json
        assert "error" not in client.chat(model="openai/gpt-4o-mini").json

    def test_one_path_only(self, client: Client) -> None:
        client.emulator.faults.add("status=503; path=/generation")
        generation_id = client.chat().json["id"]
        assert client.manage("GET", "/credits").status == 200
        assert client.get(f"/generation?id={generation_id}").status == 503

    def test_the_header_comes_first(self, client: Client) -> None:
        client.emulator.faults.add("status=502", times=1)
        assert chat_with(client, "status=503").status == 503
        assert client.chat().status == 502

    def test_they_can_be_cleared(self, client: Client) -> None:
        client.emulator.faults.add("status=502")
        client.emulator.faults.clear()
        assert client.chat().status == 200

    def test_an_unknown_one_says_what_there_is(self, client: Client) -> None:
        with pytest.raises(ValueError, match="Invalid fault 'wat': use status"):
            client.emulator.faults.add("wat=1")
        reply = chat_with(client, "wat=1")
        assert reply.status == 400
        assert "Invalid fault 'wat'" in reply.json["error"]["message"]

    @pytest.mark.parametrize("name", faults.REFUSALS + faults.ANSWER_FAULTS)
    @pytest.mark.parametrize("stream", [False, True])
    def test_each_one_names_itself_on_the_bill(
        self, client: Client, name: str, stream: bool
    ) -> None:
        if name in {"cut", "hang-up", "stall"}:
            raw_body(client, f"{name}=0", stream=stream)
        else:
            chat_with(client, QUICK.get(name, name), stream=stream)
        assert billed(client).fault == name
