"""What an exception says and carries, made from bodies alone."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import httpx
import litellm
import pytest

import openrouter_adapter
from openrouter_adapter.wire import errors, wire_error
from tests.support.calls import WAYS
from tests.support.failures import FLAGGED, KEY, error
from tests.support.wire import Reply, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.loopback import Loopback

CUT = wire_error.MOST_CHARACTERS


def of(body: dict[str, Any], status: int | None = None, **headers: str) -> Any:
    return errors.from_body(body, headers or None, "openai/gpt-4o", status)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (402, 402),
        ("402", 402),
        (" 429 ", 429),
        (429.0, 429),
        ("rate_limit_exceeded", 429),
        ("Too Many Requests", 429),
        ("server_error", 500),
        ("overloaded_error", 529),
        ("context_length_exceeded", 400),
        ("no such word", 502),
        (None, 502),
        (True, 502),
        (200, 502),
        (99999, 502),
        ("04041", 502),
        ("٤٠٤", 502),
        ([], 502),
    ],
)
def test_code_means_a_status(code: Any, status: int) -> None:
    assert wire_error.status_of(code) == status


def test_type_speaks_where_there_is_no_code() -> None:
    exception = of({"error": {"type": "overloaded_error", "message": "Overloaded"}})
    assert isinstance(exception, litellm.ServiceUnavailableError)
    assert exception.openrouter["type"] == "overloaded_error"


def test_error_that_is_a_text() -> None:
    exception = of({"error": "Not Found"}, 404)
    assert isinstance(exception, litellm.NotFoundError)
    assert "Not Found" in str(exception)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("Overloaded", "Overloaded"),
        ('{"error": {"message": "CUDA out of memory"}}', "CUDA out of memory"),
        ('{"message": "bad tool name"}', "bad tool name"),
        ('{"error": "quota"}', "quota"),
        ('{"detail": [{"loc": ["body"]}]}', "loc"),
        ('[{"error": 1}]', '[{"error": 1}]'),
        ({"error": {"message": "no such tool"}}, "no such tool"),
        ({"error": {"code": 7}}, '"code": 7'),
        ("<html><body><h1>Bad   Gateway</h1></body></html>", "Bad Gateway"),
        (7, "7"),
    ],
)
def test_providers_own_words_are_in_the_message(raw: Any, words: str) -> None:
    exception = of(error(502, raw=raw, provider_name="Novita"))
    assert "Provider returned error | Novita said: " in str(exception)
    assert words in str(exception)


def test_name_of_the_provider_alone() -> None:
    assert "provider: Novita" in str(of(error(502, provider_name="Novita")))


def test_long_words_are_cut() -> None:
    exception = of(error(502, "m" * 5000, raw="r" * 5000))
    assert "m" * (CUT - 1) + "…" in str(exception)
    assert "r" * (CUT - 1) + "…" in str(exception)
    assert len(str(exception)) < 2 * CUT + 100


def test_page_is_cut_to_its_words() -> None:
    page = "<html><style>p {}</style><body>" + "<p>down</p>" * 2000
    exception = errors.from_http(page, 500)
    assert "down down" in str(exception)
    assert "<p>" not in str(exception)
    assert len(str(exception)) < CUT + 100


def test_nothing_said_is_the_status_in_words() -> None:
    assert "Bad Gateway" in str(errors.from_http("", 502))


FLAGGED_FORMS = {
    "in the message": error(403, f"Flagged: {FLAGGED}", flagged_input=FLAGGED, reasons=["x"]),
    "in the raw text": error(403, raw=f"no: {FLAGGED}!", flagged_input=FLAGGED, reasons=["x"]),
    "in raw JSON": error(
        403, raw={"error": {"message": f"no: {FLAGGED}"}}, flagged_input=FLAGGED, reasons=["x"]
    ),
    "over line breaks": error(
        403, raw=FLAGGED.replace(" ", "\n"), flagged_input=FLAGGED, reasons=["x"]
    ),
    "where the text is cut": error(
        403, raw="y" * (CUT - 20) + FLAGGED, flagged_input=FLAGGED, reasons=["x"]
    ),
    "shortened in its middle": error(
        403,
        raw=f"no: {FLAGGED}",
        flagged_input=f"{FLAGGED[:12]}...{FLAGGED[-12:]}",
        reasons=["x"],
    ),
}


@pytest.mark.parametrize("body", FLAGGED_FORMS.values(), ids=FLAGGED_FORMS.keys())
def test_flagged_input_is_an_attribute_and_no_text(body: dict[str, Any]) -> None:
    exception = of(body, 403)
    assert isinstance(exception, litellm.ContentPolicyViolationError)
    assert exception.flagged_input == body["error"]["metadata"]["flagged_input"]
    for text in (str(exception), repr(exception), exception.message, str(exception.openrouter)):
        assert FLAGGED[:12] not in text
    assert "flagged_input" not in exception.openrouter


@pytest.mark.parametrize(
    "words", [f"Incorrect API key provided: {KEY}.", f"Authorization: Bearer {KEY}", KEY]
)
def test_no_key_is_in_a_message(words: str) -> None:
    for exception in (
        of(error(401, words, raw=words)),
        errors.from_http(words, 401),
        errors.unreached(httpx.ConnectError(words)),
        errors.build(500, words),
    ):
        assert KEY[9:] not in str(exception)
        assert KEY[9:] not in repr(exception)


def test_advice_for_missing_credits_and_a_wrong_key() -> None:
    assert "openrouter.ai/settings/credits" in str(of(error(402, "Insufficient credits")))
    assert "OPENROUTER_API_KEY" in str(of(error(401, "No auth credentials found")))


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Note how long somebody asks to sleep, and let them sleep a moment."""
    asked: list[float] = []
    sleep = asyncio.sleep

    async def sleep_a_moment(seconds: float, *result: Any) -> Any:
        asked.append(seconds)
        return await sleep(min(seconds, 0.01), *result)

    monkeypatch.setattr(asyncio, "sleep", sleep_a_moment)
    with openrouter_adapter.registered():
        yield asked
    litellm.in_memory_llm_clients_cache.flush_cache()


async def is_refused_twice(reply: Reply | Callable[[Any], Reply]) -> None:
    """Have LiteLLM's router ask a second time after an answer, which is the same again."""
    with Wire(reply) as wire:
        place = {"model": "openrouter/a/b", "api_base": wire.base_url, "api_key": KEY}
        router = litellm.Router([{"model_name": "m", "litellm_params": place}], num_retries=1)
        with pytest.raises(litellm.RateLimitError):
            await router.acompletion("m", [{"role": "user", "content": "Name a bird."}])
        assert len(wire.requests) == 2


async def test_retry_after_is_where_the_router_reads_it(waits: list[float]) -> None:
    exception = of(error(429), **{"Retry-After": "7"})
    assert exception.litellm_response_headers["retry-after"] == "7"
    assert exception.response.headers["Retry-After"] == "7"
    await is_refused_twice(Reply(error(429), 429, {"Retry-After": "7"}))
    assert any(7 <= seconds < 8 for seconds in waits)


async def test_rate_limit_reset_in_the_metadata_becomes_retry_after(waits: list[float]) -> None:
    def body() -> dict[str, Any]:
        reset = str(int((time.time() + 30) * 1000))
        return error(429, headers={"X-RateLimit-Reset": reset, "X-RateLimit-Limit": 20})

    exception = of(body())
    assert 29 <= int(exception.litellm_response_headers["retry-after"]) <= 31
    assert exception.response.headers["x-ratelimit-limit"] == "20"
    await is_refused_twice(lambda _: Reply(body(), 429))
    assert any(29 <= seconds <= 32 for seconds in waits)


def test_retry_after_of_the_answer_wins() -> None:
    reset = str(int((time.time() + 30) * 1000))
    body = error(429, headers={"X-RateLimit-Reset": reset})
    assert of(body, **{"retry-after": "2"}).litellm_response_headers["retry-after"] == "2"


@pytest.mark.parametrize("reset", ["soon", "nan", "inf", "-1", "0", "", "1e400", "99999999999999"])
def test_reset_that_makes_no_sense_is_left_alone(reset: str) -> None:
    headers = of(error(429, headers={"X-RateLimit-Reset": reset})).litellm_response_headers
    assert "retry-after" not in headers


@pytest.mark.parametrize("headers", [{"\x80": "1"}, {"x": "\x80"}, {"x": None}, {"": "1"}, [1]])
def test_headers_in_the_metadata_that_are_none_are_left_out(headers: Any) -> None:
    exception = of(error(429, headers=headers))
    assert isinstance(exception, litellm.RateLimitError)
    assert "x" not in exception.litellm_response_headers


def test_response_of_an_exception_can_be_read_again() -> None:
    exception = of(error(429), **{"content-encoding": "gzip", "content-length": "7"})
    assert exception.response.content == b""
    assert exception.response.status_code == 429


def test_cost_and_generation_of_a_failed_request() -> None:
    body = {"id": "gen-1", "usage": {"cost": 0.25}, **error(502, previous_errors=[{"code": 503}])}
    facts = of(body).openrouter
    assert (facts["cost"], facts["generation_id"]) == (0.25, "gen-1")
    assert facts["previous_errors"] == [{"code": 503}]
    assert of(body, **{"x-generation-id": "gen-2"}).openrouter["generation_id"] == "gen-2"


def test_every_exception_has_all_attributes() -> None:
    for exception in (
        of(error(500)),
        errors.from_http("", 500),
        errors.unreadable(b"x"),
        errors.unreached(httpx.ReadError("x")),
        errors.bad_request("x"),
    ):
        assert isinstance(exception.openrouter, dict)
        assert exception.flagged_input is None
        assert exception.partial_response is None
        assert exception.received in {None, "x"}
        assert exception.llm_provider == "openrouter"


SECRET = "the prompt, repeated by the model"


@pytest.mark.parametrize(
    "exception",
    [
        errors.unreadable(f'{{"choices": [{{"message": "{SECRET}'.encode()),
        errors.unreadable(SECRET.encode()),
        errors.from_http(f'{{"choices": "{SECRET}', 500),
        errors.from_http(f'["{SECRET}', 404),
    ],
    ids=["cut", "text", "cut in a failure", "cut list in a failure"],
)
def test_what_can_not_be_read_is_an_attribute_and_not_in_the_message(exception: Any) -> None:
    assert SECRET not in str(exception)
    assert SECRET in exception.received


def test_a_gateways_page_is_in_the_message() -> None:
    page = b"<html><title>Sign in</title><p>to the hotel</p></html>"
    assert "Sign in to the hotel" in str(errors.unreadable(page))


@pytest.mark.parametrize("value", ["gén-1", "gen-\udce9", "→"], ids=ascii)
@pytest.mark.parametrize("status", [200, 402, 500])
def test_a_header_that_is_not_ascii_is_left_out(status: int, value: str) -> None:
    headers = {"x-generation-id": value, "retry-after": "7"}
    exception: Any = errors.from_http("", status, headers)
    assert exception.response.headers.get("retry-after") == "7"
    assert "x-generation-id" not in exception.response.headers


@pytest.mark.parametrize(
    ("status", "message", "name"),
    [
        (400, "maximum context length is 8192 tokens", "ContextWindowExceededError"),
        (413, "input is too long for requested model", "ContextWindowExceededError"),
        (422, "prompt is too long", "ContextWindowExceededError"),
        (500, "context window service crashed", "InternalServerError"),
        (400, "blocked by our content management policy", "ContentPolicyViolationError"),
        (403, "Key limit exceeded", "PermissionDeniedError"),
        (409, "Conflict", "BadRequestError"),
        (422, "Unprocessable", "UnprocessableEntityError"),
        (501, "Not implemented", "InternalServerError"),
    ],
)
def test_class_of_a_status_and_its_words(status: int, message: str, name: str) -> None:
    assert type(of(error(status, message), status)).__name__ == name


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"extra_headers": {"X-Team": 7}}, "The header X-Team can't be sent"),
        ({"user": b"someone"}, "bytes is not JSON serializable"),
    ],
    ids=["number", "bytes"],
)
def test_request_that_can_not_be_sent_is_the_callers_fault(
    openrouter: Loopback, way: str, keywords: dict[str, Any], words: str
) -> None:
    with pytest.raises(litellm.BadRequestError, match=words):
        WAYS[way](**keywords)
    assert openrouter.requests == []


def test_the_proxy_finds_retry_after_where_it_takes_headers_from() -> None:
    exception: Any = errors.build(429, "slow down", {"Retry-After": "7", "X-RateLimit-Limit": "20"})
    assert exception.headers["retry-after"] == "7"
    assert exception.headers["llm_provider-x-ratelimit-limit"] == "20"
    assert not {"x-ratelimit-limit"} & set(exception.headers)
