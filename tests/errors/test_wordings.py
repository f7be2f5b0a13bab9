"""A prompt that is too long is told from its wording, where no type says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import litellm
import pytest

from openrouter_adapter.wire import error_kinds, errors
from tests.errors.table import WAYS, failure_of, interruption, refusal
from tests.responses.test_requests import response
from tests.support.failures import error
from tests.support.wire import Reply

if TYPE_CHECKING:
    from tests.support.wire import Wire

# What providers say of a prompt that is longer than the model takes.
TOO_LONG = (
    "The input (33077 tokens) is longer than the model's context length (32768 tokens).",
    "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    (
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease "
        "input length or `max_tokens` and try again"
    ),
    "request (9000 tokens) exceeds the available context size (8192 tokens), try increasing it",
    "number of input tokens (83121) have exceeded max_prompt_tokens (65536) limit",
    "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 204800]",
    (
        "This endpoint's maximum context length is 131072 tokens. However, you requested about "
        "141607 tokens (10535 of text input, 131072 in the output)."
    ),
    (
        "This model's maximum context length is 8192 tokens. However, your messages resulted in "
        "8545 tokens."
    ),
    "Your input exceeds the context window of this model. Please adjust your input and try again.",
    "prompt is too long: 213462 tokens > 200000 maximum",
    "Input is too long for requested model.",
    "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    (
        "Please reduce the length of the messages or completion. Current length is 8500 while "
        "limit is 8192"
    ),
    "Please reduce the length of the messages or completion.",
    "tokens to keep from the initial prompt is greater than the context length",
    "invalid params, context window exceeds limit (2013)",
    "Invalid request: Your request exceeded model token limit: 131072 (requested: 140000)",
    "prompt token count of 130000 exceeds the limit of 128000",
    (
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: "
        "10000 `inputs` tokens and 512 `max_new_tokens`"
    ),
    "The prompt is too long: 140000, model maximum context length: 131072",
    (
        "Prompt contains 140000 tokens and 0 draft tokens, too large for model with 131072 "
        "maximum context length"
    ),
    "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000.",
    "The decoder prompt (length 12345) is longer than the maximum model length of 8192.",
    "Prompt exceeds max length",
    "prompt too long; exceeded max context length by 42 tokens",
    (
        "Input Tokens Exceeded: Number of input tokens exceeds maximum length. Please update "
        "the input to try again."
    ),
    (
        "Unable to submit request because the input token count is 33000 but model only "
        "supports up to 32768."
    ),
    "Input length (300000 tokens) exceeds the maximum allowed length (262137 tokens).",
    (
        "'max_tokens' or 'max_completion_tokens' is too large: 2000. This model's maximum "
        "context length is 4096 tokens and your request has 2104 input tokens (2000 > 4096 - "
        "2104)."
    ),
    "`inputs` must have less than 512 tokens. Given: 600",
    "Requested token count exceeds the model's maximum context length of 131072 tokens.",
    (
        "Invalid 'messages[1].content': string too long. Expected a string with maximum length "
        "1048576, but got a string with length 1540820 instead."
    ),
    "Invalid 'input': string too long. Expected a string with maximum length 10485760",
    (
        "input tokens exceed the configured limit of 272000 tokens. Your messages resulted in "
        "300000 tokens."
    ),
    "context_length_exceeded",
    "The conversation does not fit: it is larger than the model's context window.",
    "Input too long: 9000 input tokens, limit is 8192",
    "This model has a maximum context limit of 4096",
    "Context size has been exceeded.",
)
# What they say of other limits, which a longer context does not raise.
OTHER = (
    (
        "Rate limit reached for gpt-4o in organization org-x on tokens per min (TPM): Limit "
        "30000, Used 20000, Requested 15000. Please try again in 10s."
    ),
    (
        "Request too large for model `llama` in organization on tokens per minute (TPM): Limit "
        "6000, Requested 7000, please reduce your message size and try again."
    ),
    "Too many tokens per minute",
    "Too many tokens, please wait before trying again.",
    "This request would exceed your organization's rate limit of 200,000 input tokens per minute",
    (
        "max_tokens: 300000 > 64000, which is the maximum allowed number of output tokens for "
        "claude-sonnet-4"
    ),
    (
        "max_tokens is too large: 200000. This model supports at most 16384 completion tokens, "
        "whereas you provided 200000."
    ),
    (
        "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` "
        "is less than the `context_window` for this model"
    ),
    "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]",
    "<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 8192]",
    "max_tokens (300000) exceeds the maximum number of tokens allowed (8192)",
    (
        "messages.0.content.1.image.source.base64: image exceeds 5 MB maximum: 6291456 bytes > "
        "5242880 bytes"
    ),
    "At least one of the image dimensions exceed max allowed size: 8000 pixels",
    "Image too large",
    "Request Entity Too Large",
    "Request exceeds the maximum size",
    (
        "Invalid 'user': string too long. Expected a string with maximum length 64, but got a "
        "string with length 80 instead."
    ),
    (
        "Invalid 'tools[0].function.name': string too long. Expected a string with maximum "
        "length 64, but got a string with length 80 instead."
    ),
    (
        "Invalid 'messages[2].tool_calls[0].id': string too long. Expected a string with "
        "maximum length 40, but got a string with length 408 instead."
    ),
    "`max_tokens` must be greater than `thinking.budget_tokens`.",
    (
        "Prompt tokens limit exceeded: 8000 > 5000. To increase, visit "
        "https://openrouter.ai/settings/credits and upgrade to a paid account"
    ),
    (
        "This request requires more credits, or fewer max_tokens. You requested up to 65536 "
        "tokens, but can only afford 100."
    ),
    (
        "Unable to submit request because it has a maxOutputTokens value of 100000 but the "
        "supported range is from 1 (inclusive) to 65537 (exclusive)."
    ),
    "You exceeded your current quota of input tokens, please check your plan and billing details.",
    "The stop sequence is too long",
    "tools.0.custom.description: String should have at most 1024 characters",
    "The long context beta is not yet available for this subscription.",
    "context window service crashed",
    "too many requests",
    "temperature must be less than or equal to 1",
    "reasoning effort is not supported with this context management",
)
REPORTED = TOO_LONG[:6]


def name_of(message: str, code: Any = 400, **metadata: Any) -> str:
    return type(errors.from_body(error(code, message, **metadata))).__name__


@pytest.mark.parametrize("words", TOO_LONG)
def test_prompt_that_is_too_long_in_any_wording(words: str) -> None:
    for code in (400, "invalid_prompt", "400", 413, 422, 500, 502, None):
        assert name_of(words, code) == "ContextWindowExceededError"
        assert name_of("Provider returned error", code, raw=words) == "ContextWindowExceededError"
    raw = {"error": {"message": words, "type": "invalid_request_error"}}
    assert name_of("Provider returned error", raw=raw) == "ContextWindowExceededError"
    assert type(errors.from_http(words, 400)) is litellm.ContextWindowExceededError


@pytest.mark.parametrize("words", OTHER)
def test_other_limit_is_no_matter_of_the_context(words: str) -> None:
    for code, name in ((400, "BadRequestError"), (422, "UnprocessableEntityError")):
        assert name_of(words, code) == name
        assert name_of("Provider returned error", code, raw=words) == name
    assert type(errors.from_http(words, 413)) is litellm.BadRequestError


@pytest.mark.parametrize("code", [401, 402, 403, 404, 408, 429, 503, 504, "rate_limit_exceeded"])
def test_status_that_has_a_meaning_of_its_own_keeps_it(code: Any) -> None:
    for words in TOO_LONG:
        assert name_of(words, code) != "ContextWindowExceededError"


@pytest.mark.parametrize("way", WAYS)
def test_reported_wordings_on_every_endpoint(wire: Wire, way: str) -> None:
    for words in REPORTED:
        raw = error(400, "Provider returned error", raw=words, provider_name="SGLang")["error"]
        for reply in (refusal(error(400, words)["error"], 400), _in_answer(raw, words)):
            wire.reply = reply
            raised = failure_of(way)
            assert (type(raised).__name__, words) == ("ContextWindowExceededError", words)
            assert raised.status_code == 400


def _in_answer(found: dict[str, Any], words: str) -> Any:
    """Answer with status 200 and the error in it; the Responses' is in OpenAI's form."""
    plain = interruption(found)

    def reply(body: dict[str, Any]) -> Reply:
        if "input" not in body or "embedding" in body["model"]:
            return plain(body)
        coarse = {"code": "invalid_prompt", "message": words}
        failed = response([], status="failed", error=coarse)
        event = {"type": "response.failed", "response": failed, "sequence_number": 0}
        return Reply([event] if body.get("stream") else failed)

    return reply


def test_wording_is_found_without_litellms_list(monkeypatch: pytest.MonkeyPatch) -> None:
    from litellm.litellm_core_utils import exception_mapping_utils

    monkeypatch.delattr(exception_mapping_utils, "ExceptionCheckers")
    for words in TOO_LONG:
        assert error_kinds.of_words(words, 400) == "context"
    assert error_kinds.of_words("content_policy_violation", 400) == "policy"


def test_wording_that_only_litellm_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    from litellm.litellm_core_utils.exception_mapping_utils import ExceptionCheckers

    words = "Der Prompt ist zu lang"
    assert error_kinds.of_words(words, 400) is None
    check = "is_error_str_context_window_exceeded"
    monkeypatch.setattr(ExceptionCheckers, check, staticmethod(lambda text: "zu lang" in text))
    assert error_kinds.of_words(words, 400) == "context"
    assert error_kinds.of_words(f"{words}: tokens per minute", 400) is None


def test_prompt_that_a_provider_repeats_is_not_read_to_its_end() -> None:
    assert (
        error_kinds.of_words("Invalid role " + "word " * 2000 + "prompt is too long", 400) is None
    )
