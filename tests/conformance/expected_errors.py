"""Which of LiteLLM's exceptions a recorded error must become, and the words it must keep."""

from __future__ import annotations

import json
from typing import Any

from litellm import exceptions

BY_CODE: dict[int, type[Exception]] = {
    400: exceptions.BadRequestError,
    401: exceptions.AuthenticationError,
    402: exceptions.PaymentRequiredError,
    403: exceptions.PermissionDeniedError,
    404: exceptions.NotFoundError,
    408: exceptions.Timeout,
    413: exceptions.BadRequestError,
    422: exceptions.UnprocessableEntityError,
    429: exceptions.RateLimitError,
    500: exceptions.InternalServerError,
    502: exceptions.BadGatewayError,
    503: exceptions.ServiceUnavailableError,
    504: exceptions.Timeout,
    524: exceptions.Timeout,
    529: exceptions.ServiceUnavailableError,
}

# Enough of a provider's raw words to know them; an exception may cut the rest.
RAW_WORDS = 200


def expected_class(error: dict[str, Any], status: int) -> type[Exception]:
    """Return the exception class for a recorded error; its own code counts over the status."""
    code = error.get("code") if isinstance(error.get("code"), int) else status
    metadata = error.get("metadata") or {}
    message = str(error.get("message")).lower()
    if code == 403 and metadata.get("reasons"):
        return exceptions.ContentPolicyViolationError
    if code == 400 and ("context length" in message or "context_length" in message):
        return exceptions.ContextWindowExceededError
    return BY_CODE[int(code or status)]


def expected_words(error: dict[str, Any]) -> list[str]:
    """Return the provider's own words, each of which the exception's text must contain."""
    words = [str(error["message"])] if error.get("message") else []
    raw = (error.get("metadata") or {}).get("raw")
    if isinstance(raw, str) and raw:
        words.append(_message_within(raw)[:RAW_WORDS])
    return words


def raised_error(raised: BaseException) -> BaseException:
    """Return the provider's error itself where LiteLLM wrapped it for a stream's fallback."""
    original = getattr(raised, "original_exception", None)
    if isinstance(raised, exceptions.MidStreamFallbackError) and original is not None:
        return raised_error(original)
    return raised


def error_failure(error: dict[str, Any], status: int, raised: BaseException | None) -> str | None:
    """Say what is wrong with what was raised for a recorded error; None when it is right."""
    expected = expected_class(error, status)
    if raised is None:
        return f"no error raised, {expected.__name__} expected"
    own = raised_error(raised)
    if type(own) is not expected:
        return f"{type(own).__name__} raised, {expected.__name__} expected: {own}"
    missing = [words for words in expected_words(error) if words not in str(raised)]
    return f"provider's words missing: {missing} in {raised}" if missing else None


def _message_within(raw: str) -> str:
    """Return the message of an upstream's JSON error body, or the text itself."""
    try:
        body = json.loads(raw)
    except ValueError:
        return raw
    inner = body.get("error", body) if isinstance(body, dict) else body
    message = inner.get("message") if isinstance(inner, dict) else inner
    return message if isinstance(message, str) else raw
