"""A typed error is the exception that LiteLLM's fallbacks expect, wherever an endpoint puts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import litellm
import pytest

from openrouter_adapter.wire import errors
from tests.errors.table import (
    CODES,
    MASKED,
    ROUTER_METADATA,
    TYPES,
    WAYS,
    availability,
    failure_of,
    interruption,
    refusal,
    typed,
    unavailable,
)

if TYPE_CHECKING:
    from tests.support.wire import Wire

EVERY_WAY = pytest.mark.parametrize("way", WAYS)
HAS_NATIVE_REASON = {"completion", "acompletion", "stream", "astream"}


def name_of(error: dict[str, Any], status: int | None = None, **beside: Any) -> str:
    return type(errors.from_body({"error": error, **beside}, None, "a/b", status)).__name__


@EVERY_WAY
def test_every_type_of_a_refusal_is_its_exception(wire: Wire, way: str) -> None:
    for error_type, (status, name) in TYPES.items():
        wire.reply = refusal(typed(error_type), status)
        raised = failure_of(way)
        assert (type(raised).__name__, error_type) == (name, error_type)
        assert raised.openrouter["error_type"] == error_type
        assert raised.openrouter["openrouter_metadata"] == ROUTER_METADATA
        assert error_type in MASKED or "provider code: zzz" in str(raised)


@EVERY_WAY
def test_every_type_in_an_answer_is_its_exception(wire: Wire, way: str) -> None:
    for error_type, (_, name) in TYPES.items():
        wire.reply = interruption(typed(error_type))
        raised = failure_of(way)
        assert (type(raised).__name__, error_type) == (name, error_type)
        assert raised.openrouter["error_type"] == error_type
        assert raised.openrouter["openrouter_metadata"] == ROUTER_METADATA
        if way in HAS_NATIVE_REASON:
            assert raised.openrouter["native_finish_reason"] == "MALFORMED_FUNCTION_CALL"
            assert "native finish reason: MALFORMED_FUNCTION_CALL" in str(raised)


@EVERY_WAY
def test_every_availability_code_is_its_exception(wire: Wire, way: str) -> None:
    for code, (_, status, _, name) in CODES.items():
        error = unavailable(code, retry_after=40)
        for reply in (refusal(error, status), interruption(error)):
            wire.reply = reply
            raised = failure_of(way)
            assert (type(raised).__name__, code) == (name, code)
            assert raised.openrouter["availability"] == availability(code, retry_after=40)
            assert raised.litellm_response_headers["retry-after"] == "40"
            assert "zero data retention (data_policy:zdr)" in str(raised)
            assert "openai/gpt-4.1-mini, qwen/qwen3-32b" in str(raised)
            assert f"https://openrouter.ai/docs/errors#{code}" in str(raised)


def test_type_counts_for_more_than_status_and_words() -> None:
    prompt = "This model's maximum context length is 10 tokens."
    for error_type, (_, name) in TYPES.items():
        if error_type in MASKED:
            continue
        for code in (400, 403, 429, 502, "server_error", None):
            assert (name_of(typed(error_type, code or "")), error_type) == (name, error_type)
            assert (name_of(typed(error_type), code if isinstance(code, int) else None)) == name
    assert name_of(typed("rate_limit_exceeded", message=prompt)) == "RateLimitError"
    assert name_of(typed("invalid_image", message=prompt)) == "BadRequestError"
    assert name_of(typed("invalid_request", message="content_filter")) == "BadRequestError"


@pytest.mark.parametrize(
    "error_type", ["invalid_request", "invalid_prompt", "token_limit_exceeded"]
)
def test_a_general_type_leaves_it_to_the_words_whether_the_prompt_is_too_long(
    error_type: str,
) -> None:
    prompt = "This model's maximum context length is 10 tokens."
    assert name_of(typed(error_type, message=prompt)) == "ContextWindowExceededError"
    assert name_of(typed(error_type, message="temperature: must be below 2")) == "BadRequestError"


def test_type_is_read_from_the_metadata_then_the_error_then_the_top_level() -> None:
    error: dict[str, Any] = {"message": "Provider returned error"}
    beside = {"error_type": "rate_limit_exceeded"}
    assert name_of(error, **beside) == "RateLimitError"
    error["error_type"] = "refusal"
    assert name_of(error, **beside) == "ContentPolicyViolationError"
    error["metadata"] = {"error_type": "context_length_exceeded"}
    assert name_of(error, **beside) == "ContextWindowExceededError"


def test_status_is_read_from_the_code_then_http_status_then_the_type() -> None:
    error: dict[str, Any] = {"message": "No", "error_type": "brand_new"}
    assert name_of(error) == "BadGatewayError"
    assert name_of({**error, "http_status": 429}) == "RateLimitError"
    assert name_of({**error, "http_status": 429, "code": 404}) == "NotFoundError"
    assert name_of({**error, "http_status": "429", "code": "odd"}) == "RateLimitError"
    assert name_of({**error, "error_type": "unprocessable"}) == "UnprocessableEntityError"
    raised: Any = errors.from_body({"error": typed("provider_overloaded", 529)})
    assert raised.openrouter["code"] == 529


@pytest.mark.parametrize("error_type", ["brand_new", "unmapped", "", 7, None, ["refusal"]])
def test_type_that_says_nothing_leaves_it_to_status_and_words(error_type: Any) -> None:
    metadata = {"error_type": error_type}
    for code, message, name in (
        (429, "Slow down", "RateLimitError"),
        (503, "Too busy", "ServiceUnavailableError"),
        (400, "Wrong", "BadRequestError"),
        (400, "prompt is too long: 9 tokens > 8 maximum", "ContextWindowExceededError"),
        (403, "Your input was flagged", "ContentPolicyViolationError"),
    ):
        assert name_of({"code": code, "message": message, "metadata": metadata}) == name


CONTENT = "Invalid 'messages[1].content': string too long. Expected at most 1048576 characters."
NAME = "Invalid 'tools[0].function.name': string too long. Expected a string with maximum length 64"
WINDOW = "This endpoint's maximum context length is 10 tokens."
BUDGET = "Prompt tokens limit exceeded: 8000 > 5000. See https://openrouter.ai/settings/credits"


@pytest.mark.parametrize(
    ("error_type", "raw", "name"),
    [
        ("string_too_long", CONTENT, "ContextWindowExceededError"),
        ("string_too_long", NAME, "BadRequestError"),
        ("token_limit_exceeded", WINDOW, "ContextWindowExceededError"),
        ("token_limit_exceeded", BUDGET, "BadRequestError"),
        ("max_tokens_exceeded", "content_filter", "BadRequestError"),
    ],
)
def test_limit_is_the_contexts_if_the_words_say_so(error_type: str, raw: str, name: str) -> None:
    metadata = {"error_type": error_type, "raw": raw}
    error = {"code": 400, "message": "Provider returned error", "metadata": metadata}
    assert name_of(error) == name


@pytest.mark.parametrize(
    ("error_type", "words"),
    [
        ("string_too_long", "longer than the provider accepts"),
        ("token_limit_exceeded", "A token budget"),
        ("max_tokens_exceeded", "The answer reached max_tokens"),
    ],
)
def test_limit_that_is_not_the_contexts_says_what_it_is(error_type: str, words: str) -> None:
    assert words in str(errors.from_body({"error": typed(error_type)}))


def test_anthropics_envelope() -> None:
    error = {"type": "api_error", "message": "No", "error_type": "provider_overloaded"}
    body = {"type": "error", "error": error, "request_id": "gen-7", "metadata": {"raw": "busy"}}
    raised: Any = errors.from_body(body, None, "a/b", 503)
    assert isinstance(raised, litellm.ServiceUnavailableError)
    assert raised.openrouter["generation_id"] == "gen-7"
    assert "busy" in str(raised)
    for error_type, (_, name) in TYPES.items():
        assert name_of({**error, "error_type": error_type}, None, type="error") == name


def test_code_in_words_that_names_a_type_is_as_good_as_the_type() -> None:
    for word, name in (
        ("context_length_exceeded", "ContextWindowExceededError"),
        ("content_policy_violation", "ContentPolicyViolationError"),
        ("image_content_policy_violation", "ContentPolicyViolationError"),
    ):
        assert name_of({"code": word, "message": "No"}) == name
        assert name_of({"type": word, "message": "No"}) == name
        metadata = {"provider_code": word}
        assert name_of({"code": 400, "message": "No", "metadata": metadata}) == name
        metadata = {"raw": f'{{"error": {{"message": "No", "code": "{word}"}}}}'}
        assert name_of({"code": 400, "message": "No", "metadata": metadata}) == name


def test_moderation_is_a_matter_of_content_whatever_its_type() -> None:
    for error_type in ("permission_denied", "content_policy_violation", "brand_new"):
        metadata = {"error_type": error_type, "reasons": ["violence"]}
        error = {"code": 403, "message": "Flagged", "metadata": metadata}
        assert name_of(error, 403) == "ContentPolicyViolationError"


def test_guardrail_that_blocks_names_its_patterns() -> None:
    metadata = {"patterns": ["ignore all previous instructions"]}
    error = {"code": 403, "message": "Request blocked", "metadata": metadata}
    raised: Any = errors.from_body(
        {"error": error, "openrouter_metadata": ROUTER_METADATA}, None, "a/b", 403
    )
    assert isinstance(raised, litellm.PermissionDeniedError)
    assert "patterns: ignore all previous instructions" in str(raised)
    assert raised.openrouter["patterns"] == metadata["patterns"]
    assert raised.openrouter["openrouter_metadata"] == ROUTER_METADATA


def test_earlier_attempts_are_kept() -> None:
    previous = [{"provider": "openai", "code": "capacity_exhausted", "status": 429}]
    metadata = {"error_type": "rate_limit_exceeded", "previous_errors": previous}
    raised: Any = errors.from_body({"error": {"message": "No", "metadata": metadata}})
    assert raised.openrouter["previous_errors"] == previous
