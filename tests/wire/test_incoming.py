"""What the other side can't make a call do: wait without end, go elsewhere, fill the memory."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import time
import tracemalloc
import zlib
from typing import TYPE_CHECKING, Any

import httpx
import litellm
import openai
import pytest

import openrouter_adapter
from openrouter_adapter import batch
from openrouter_adapter.wire import incoming
from tests.support import answers
from tests.support.endpoints import CALLS, GETS, KEY, PROMPT
from tests.support.raw import HEAD, Raw, answer, chunked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

EVERY = {**CALLS, **GETS}
FEW = ["completion", "acompletion", "acompletion stream", "transcription"]
STREAMS = [name for name in CALLS if name.endswith("stream")]
JSON = json.dumps(answers.completion()).encode()


def pairs(
    names: Iterable[str], one: Iterable[Any], others: Iterable[Any], *, for_all_of: Iterable[str]
) -> list[tuple[str, Any]]:
    """Return every name with the first value, and some names with all others, too."""
    found = list(itertools.product(names, one))
    return found + [pair for pair in itertools.product(for_all_of, others) if pair not in found]


@pytest.fixture(scope="module", autouse=True)
def imported() -> None:
    """LiteLLM has imported what it imports at a first call, for seconds."""
    with openrouter_adapter.registered(), Raw(answer(JSON)) as server:
        for name in ("anthropic_messages", "aresponses stream"):
            with contextlib.suppress(openai.OpenAIError):
                CALLS[name](api_base=server.base_url, api_key=KEY)


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    """The adapter in LiteLLM."""
    with openrouter_adapter.registered():
        yield


def failure(call: Callable[..., Any], server: Raw, timeout: float = 1.5) -> Any:
    """Return what a call raised; a Router's wrapper of a broken stream taken off."""
    try:
        said = call(api_base=server.base_url, api_key=KEY, timeout=timeout)
    except litellm.exceptions.MidStreamFallbackError as wrapped:
        return wrapped.original_exception
    except openai.OpenAIError as raised:
        return raised
    if call is CALLS["anthropic_messages stream"] and b"event: error" in b"".join(said):
        # Here LiteLLM tells of a failure as Anthropic does.
        return None
    raise AssertionError(f"it succeeded with {said!r:.500}")


def one_line_job(folder: Path, server: Raw) -> Any:
    """Run a job of one line; return the failure in its error file."""
    source = folder / "job.jsonl"
    body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": PROMPT}]}
    source.write_text(
        json.dumps(
            {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body}
        )
    )
    batch.run(
        source,
        folder / "out",
        api_base=server.base_url,
        api_key=KEY,
        timeout=1.5,
        tries=1,
    )
    return json.loads((folder / "out" / "failures.jsonl").read_text())["error"]


GARBAGE = {
    "a size that is not a number": b"5\r\nhello\r\nzz\r\nworld\r\n0\r\n\r\n",
    "a piece longer than its size": b"5\r\nhello world\r\n0\r\n\r\n",
    "nothing but noise": b"\xff\xfe\x00\x01 what is this",
}


@pytest.mark.parametrize("seconds", [0.0, 15.0], ids=["closed", "held open"])
@pytest.mark.parametrize(
    ("name", "garbage"), pairs(EVERY, ["a size that is not a number"], GARBAGE, for_all_of=FEW)
)
def test_a_body_whose_framing_is_garbage_ends_the_call(
    name: str, garbage: str, seconds: float
) -> None:
    kind = b"text/event-stream" if name in STREAMS else b"application/json"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nTransfer-Encoding: chunked\r\n\r\n" % kind
    with Raw([head, GARBAGE[garbage]], seconds) as server:
        begun = time.monotonic()
        raised = failure(EVERY[name], server)
        assert time.monotonic() - begun < 3
    assert isinstance(raised, litellm.APIConnectionError | litellm.Timeout | None)


@pytest.mark.parametrize("garbage", GARBAGE)
def test_a_body_whose_framing_is_garbage_ends_a_request_of_a_batch(
    garbage: str, tmp_path: Path
) -> None:
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    with Raw([head, GARBAGE[garbage]], 15) as server:
        begun = time.monotonic()
        error = one_line_job(tmp_path, server)
        # The list of models, whether the model exists, and the request itself.
        assert time.monotonic() - begun < 12
    assert error["code"] == "APIConnectionError"


@pytest.mark.parametrize(
    ("name", "status"), pairs(EVERY, [307], [301, 302, 303, 308], for_all_of=FEW)
)
def test_a_redirect_to_another_server_is_not_followed(name: str, status: int) -> None:
    with Raw(answer(JSON)) as other:
        location = f"Location: {other.base_url}/chat/completions"
        with Raw(answer(b"", location, status=f"{status} Elsewhere")) as server:
            raised = failure(EVERY[name], server)
            # LiteLLM asks some endpoints again by itself.
            assert server.requests
        assert other.requests == []
    assert isinstance(raised, litellm.APIConnectionError)
    assert other.origin in str(raised)
    assert "api_base" in str(raised)


@pytest.mark.parametrize(
    "location",
    [
        "https://127.0.0.1:{port}/api/v1/chat/completions",
        "http://localhost:{port}/api/v1/chat/completions",
        "//evil.invalid/api/v1",
        "http://evil.invalid:{port}/",
        "http://127.0.0.1:{port}@evil.invalid/",
        "https:///api/v1",
        "http://[::1",
        "ftp://127.0.0.1:{port}/",
        "javascript:alert(1)",
    ],
)
@pytest.mark.parametrize("name", ["completion", "acompletion stream", "responses", "aembedding"])
def test_what_counts_as_another_server(name: str, location: str) -> None:
    with Raw() as server:
        there = location.format(port=server.origin.rpartition(":")[2])
        server.pieces = answer(b"", f"Location: {there}", status="307 Elsewhere")
        raised = failure(CALLS[name], server)
    assert isinstance(raised, litellm.APIConnectionError)


@pytest.mark.parametrize("name", ["completion", "acompletion"])
def test_a_redirect_on_the_same_server_is_followed(name: str) -> None:
    def pieces(request: bytes) -> list[bytes]:
        if b"/moved/" in request:
            return answer(JSON, "Content-Type: application/json")
        return answer(b"", "Location: /moved/here", status="307 Moved")

    with Raw(pieces) as server:
        said = CALLS[name](api_base=server.base_url, api_key=KEY)
    assert said.choices[0].message.content
    assert PROMPT.encode() in server.requests[1]


@pytest.mark.parametrize("status", [301, 307])
def test_a_batch_follows_no_redirect(status: int, tmp_path: Path) -> None:
    with Raw(answer(JSON)) as other:
        location = f"Location: {other.base_url}/chat/completions"
        with Raw(answer(b"", location, status=f"{status} Elsewhere")) as server:
            error = one_line_job(tmp_path, server)
    assert other.requests == []
    assert error["code"] == "APIConnectionError"
    assert other.origin in error["message"]


LIMIT = 1_000_000
BIG = b'{"data": "' + b"a" * 40_000_000 + b'"}'


def raw_deflate(content: bytes) -> bytes:
    """Return zlib's stream without its header."""
    made = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return made.compress(content) + made.flush()


BOMBS: dict[str, list[bytes]] = {
    "announced": answer(BIG),
    "chunked": [HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunked(BIG, 65_536)],
    "until the end": [HEAD + b"\r\n", BIG],
    "gzip": answer(gzip.compress(BIG), "Content-Encoding: gzip"),
    "deflate": answer(zlib.compress(BIG), "Content-Encoding: deflate"),
    "raw deflate": answer(raw_deflate(BIG), "Content-Encoding: deflate"),
    "gzip of a failure": answer(gzip.compress(BIG), "Content-Encoding: gzip", status="402 No"),
}


@pytest.mark.parametrize(("name", "bomb"), pairs(EVERY, ["gzip"], BOMBS, for_all_of=FEW))
def test_an_answer_beyond_the_limit_is_an_error_and_not_memory(name: str, bomb: str) -> None:
    openrouter_adapter.register(max_response_bytes=LIMIT)
    with Raw(BOMBS[bomb]) as server:
        tracemalloc.start()
        try:
            raised = failure(EVERY[name], server)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 12 * LIMIT
    assert isinstance(raised, openai.APIStatusError | litellm.APIConnectionError | None)
    if raised is not None and "failure" not in bomb:
        assert isinstance(raised, litellm.BadRequestError)
        assert "1,000,000 bytes" in str(raised)


@pytest.mark.parametrize("bomb", [name for name in BOMBS if "failure" not in name])
def test_an_answer_of_a_batch_beyond_the_limit(bomb: str, tmp_path: Path) -> None:
    openrouter_adapter.register(max_response_bytes=LIMIT)
    with Raw(BOMBS[bomb]) as server:
        error = one_line_job(tmp_path, server)
    assert error["code"] == "BadRequestError"
    assert "1,000,000 bytes" in error["message"]


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress, raw_deflate])
@pytest.mark.parametrize("name", ["completion", "acompletion"])
def test_a_compressed_answer_is_read(name: str, compress: Callable[[bytes], bytes]) -> None:
    encoding = "gzip" if compress is gzip.compress else "deflate"
    content = compress(JSON)
    head = f"Content-Encoding: {encoding}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with Raw([HEAD + head, chunked(content, 7)]) as server:
        said = CALLS[name](api_base=server.base_url, api_key=KEY)
    assert (
        said.choices[0].message.content == answers.completion()["choices"][0]["message"]["content"]
    )
    assert b"accept-encoding: gzip, deflate\r\n" in server.requests[0].lower()


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "what"])
@pytest.mark.parametrize("name", ["completion", "acompletion stream"])
def test_a_compression_that_was_not_asked_for_is_an_error(name: str, encoding: str) -> None:
    with Raw(answer(JSON, f"Content-Encoding: {encoding}")) as server:
        raised = failure(CALLS[name], server)
    assert isinstance(raised, litellm.ServiceUnavailableError)
    assert "not asked for" in str(raised)


@pytest.mark.parametrize("status", ["200 OK", "402 Payment Required"])
@pytest.mark.parametrize(
    ("name", "charset"),
    pairs(CALLS, ["utf-16"], ["utf-32", "undefined", "hex", "idna"], for_all_of=FEW),
)
def test_an_answers_charset_breaks_nothing(name: str, status: str, charset: str) -> None:
    body = b'{"error": {"code": 402, "message": "No credits"}}'
    kind = f"Content-Type: application/json; charset={charset}"
    with Raw(answer(body, kind, status=status)) as server:
        raised = failure(CALLS[name], server)
    if raised is not None:
        assert isinstance(raised, litellm.exceptions.PaymentRequiredError)
        assert "No credits" in str(raised)


@pytest.mark.parametrize(
    ("name", "status"), pairs(CALLS, ["402 No"], ["200 OK", "500 No"], for_all_of=FEW)
)
def test_a_header_that_is_not_ascii_breaks_nothing(name: str, status: str) -> None:
    headers = "X-Generation-Id: g\xe9n-1", "Content-Type: application/json"
    with Raw(answer(b'{"error": {"code": 402}}', *headers, status=status)) as server:
        raised = failure(CALLS[name], server)
    assert isinstance(raised, openai.APIStatusError | None)


def test_the_limit_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert incoming.max_bytes() == incoming.DEFAULT_MAX_BYTES == 200_000_000
    monkeypatch.setenv(incoming.MAX_BYTES_VARIABLE, " 7000 ")
    assert incoming.max_bytes() == 7000
    openrouter_adapter.register(max_response_bytes=9)
    assert incoming.max_bytes() == 9
    openrouter_adapter.unregister()
    assert incoming.max_bytes() == 7000
    with openrouter_adapter.registered(max_response_bytes=8):
        assert incoming.max_bytes() == 8
    assert incoming.max_bytes() == 7000
    monkeypatch.setenv(incoming.MAX_BYTES_VARIABLE, "a lot")
    with pytest.raises(litellm.BadRequestError, match="a lot"):
        incoming.max_bytes()


@pytest.mark.parametrize("wrong", [0, -1, True, 1.5, "1"])
def test_a_limit_that_is_none(wrong: Any) -> None:
    with pytest.raises(ValueError, match="max_response_bytes"):
        openrouter_adapter.register(max_response_bytes=wrong)


def test_other_providers_answers_on_the_same_client_are_left_alone() -> None:
    openrouter_adapter.register(max_response_bytes=100)
    client = litellm.HTTPHandler()
    with Raw(answer(JSON)) as server:
        with pytest.raises(litellm.BadRequestError):
            CALLS["completion"](api_base=server.base_url, api_key=KEY, client=client)
        plain = client.client.post(server.origin, json={})
        said: Any = litellm.completion(
            "hosted_vllm/some-model",
            messages=[{"role": "user", "content": "Hi"}],
            api_base=server.base_url,
            api_key="none",
            client=client,
        )
    assert plain.content == JSON
    assert said.choices[0].message.content
    assert isinstance(plain, httpx.Response)
