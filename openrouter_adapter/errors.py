"""Every failure as the LiteLLM exception that retries and fallbacks expect.

openai.OpenAIError
  BadRequestError (400, 413, other 4xx)     what was asked for is wrong
    ContextWindowExceededError              the prompt is too long → context_window_fallbacks
    ContentPolicyViolationError (403)       moderation said no → content_policy_fallbacks
    PaymentRequiredError (402)              no credits left
  AuthenticationError (401)                 no key, or a wrong one
  PermissionDeniedError (403)               the key may not do this
  NotFoundError (404)                       no such model, or no provider for these options
  Timeout (408, 504, 524)                   nobody answered in time
  UnprocessableEntityError (422)            understood, and refused
  RateLimitError (429)                      later; Retry-After says when
  InternalServerError (500, other 5xx)      OpenRouter's side
  BadGatewayError (502)                     the provider's side
  ServiceUnavailableError (503, 529)        no provider, an overloaded one, or a broken answer
  APIConnectionError                        OpenRouter was not reached

Each carries, beside LiteLLM's own attributes:
  openrouter         dict: code, provider_name, generation_id, cost, … where the wire had them
  flagged_input      the piece of the prompt that moderation named; never in the message
  partial_response   what had arrived when the answer broke off, a ModelResponse
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import httpx
import orjson
from pydantic import ValidationError

from openrouter_adapter import decoding
from openrouter_adapter.connection import DEFAULT_BASE_URL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROVIDER: Final = "openrouter"
MOST_WORDS: Final = 500

_KEY = re.compile(r"\b(sk-(?:or-)?[A-Za-z0-9]{0,4}|Bearer +)[A-Za-z0-9_.-]{12,}")

# What taking apart a body of an unforeseen form raises; nesting without end is one such form.
MALFORMED: Final = (
    ValidationError,
    TypeError,
    KeyError,
    AttributeError,
    ValueError,
    RecursionError,
)

_CONTEXT_WORDS: Final = (
    "maximum context length",
    "context_length_exceeded",
    "context length exceeded",
    "context window",
    "prompt is too long",
    "input is too long",
    "input token count exceeds",
    "too many input tokens",
)
_POLICY_WORDS: Final = (
    "content_policy_violation",
    "content management policy",
    "content_filter",
    "input was flagged",
    "requires moderation",
)

# Codes in words, as they come in stream chunks, with the status they stand for.
_STATUS_OF_WORD: Final[Mapping[str, int]] = {
    "bad_request": 400,
    "invalid_request": 400,
    "invalid_request_error": 400,
    "invalid_prompt": 400,
    "context_length_exceeded": 400,
    "max_tokens_exceeded": 400,
    "authentication": 401,
    "authentication_error": 401,
    "unauthorized": 401,
    "invalid_api_key": 401,
    "payment_required": 402,
    "insufficient_credits": 402,
    "insufficient_quota": 402,
    "forbidden": 403,
    "permission_denied": 403,
    "permission_error": 403,
    "content_filter": 403,
    "content_policy_violation": 403,
    "moderation": 403,
    "not_found": 404,
    "not_found_error": 404,
    "model_not_found": 404,
    "timeout": 408,
    "request_timeout": 408,
    "timeout_error": 408,
    "payload_too_large": 413,
    "unprocessable": 422,
    "rate_limit": 429,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "too_many_requests": 429,
    "api_error": 500,
    "internal_server_error": 500,
    "server": 500,
    "server_error": 500,
    "bad_gateway": 502,
    "provider_error": 502,
    "upstream_error": 502,
    "service_unavailable": 503,
    "provider_unavailable": 503,
    "overloaded": 529,
    "overloaded_error": 529,
    "provider_overloaded": 529,
}

_ADVICE: Final[Mapping[int, str]] = {
    401: "Check OPENROUTER_API_KEY; keys are made at https://openrouter.ai/keys.",
    402: "Add credits at https://openrouter.ai/settings/credits, or ask for fewer max_tokens.",
}

# How OpenRouter refuses a key that calls models where one that manages the account is needed.
_MANAGEMENT_WORDS: Final = ("only management keys", "invalid management key")
_MANAGEMENT_ADVICE: Final = (
    "This takes a provisioning key, in OPENROUTER_PROVISIONING_KEY; it is made at "
    "https://openrouter.ai/settings/provisioning-keys."
)


def status_of(code: Any, default: int = 502) -> int:
    """The HTTP status that an error's `code` means: a number, a number in words, or a word."""
    if isinstance(code, str):
        word = code.strip().lower().replace(" ", "_")
        if not re.fullmatch("[0-9]{3}", word):
            return _STATUS_OF_WORD.get(word, default)
        code = int(word)
    if isinstance(code, int | float) and not isinstance(code, bool) and 400 <= code <= 599:
        return int(code)
    return default


def from_http(
    text: str, status: int, headers: Mapping[str, str] | None = None, model: str = ""
) -> Exception:
    """The exception for an answer whose HTTP status says that it failed.

    Args:
        text: The body as it came: JSON of OpenRouter, HTML of a gateway, or nothing.
        status: The HTTP status.
        headers: The response headers.
        model: The model asked for.
    """
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        body = None
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict | str) and error and isinstance(body, dict):
        return from_body(body, headers, model, status)
    return build(
        status, _plain_words(text) or httpx.codes.get_reason_phrase(status), headers, model
    )


def from_body(
    body: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
    model: str = "",
    status: int | None = None,
) -> Exception:
    """The exception for `{"error": …}`: a whole body, a stream's chunk, or a choice.

    Args:
        body: Holds `error`; `usage`, `id` and `provider` beside it are kept.
        headers: The response headers.
        model: The model asked for.
        status: The HTTP status; None where it was 200 and the error's own code counts.
    """
    error = body["error"]
    if not isinstance(error, dict):
        error = {"message": _text(error)}
    metadata = error.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    if status is None or status < 400:
        status = status_of(error.get("code"), status_of(error.get("type")))
    exception = build(
        status,
        _words(error, metadata),
        _with_rate_limit(headers, metadata),
        model,
        is_moderation=status == 403 and bool(metadata.get("reasons")),
    )
    return _dress(
        exception,
        openrouter=_facts(body, error, metadata, headers),
        flagged_input=metadata.get("flagged_input"),
    )


def raise_for_body(
    body: Any, headers: Mapping[str, str] | None = None, model: str = ""
) -> dict[str, Any]:
    """The answer's JSON object, or the exception of the error that it holds.

    Raises:
        litellm.ServiceUnavailableError: the body is no object.
        One of LiteLLM's exceptions, by the code of the error in the body.
    """
    if not isinstance(body, dict):
        raise build(503, "OpenRouter's answer is not a JSON object", headers, model)
    if body.get("error"):
        raise from_body(body, headers, model)
    return body


def read_json(content: bytes, headers: Mapping[str, str] | None = None, model: str = "") -> Any:
    """The JSON of an answer's bytes.

    Raises:
        litellm.ServiceUnavailableError: it is none, or was cut.
    """
    try:
        return decoding.loads(content)
    except ValueError:
        raise unreadable(content, headers, model) from None


def unreadable(
    content: bytes, headers: Mapping[str, str] | None = None, model: str = ""
) -> Exception:
    """The exception for a body that should have been JSON and is not, or was cut."""
    words = _plain_words(content[: 4 * MOST_WORDS].decode("utf-8", "replace"))
    what = f"the answer can't be read as one: {words}" if words else "the answer is empty"
    return build(503, what, headers, model)


@contextlib.contextmanager
def for_malformed(
    content: bytes, headers: Mapping[str, str] | None = None, model: str = ""
) -> Iterator[None]:
    """Turns what a body of an unforeseen form raises while it is read into `unreadable`."""
    try:
        yield
    except MALFORMED as cause:
        raise unreadable(content, headers, model) from cause


def build(
    status: int,
    message: str,
    headers: Mapping[str, str] | None = None,
    model: str = "",
    *,
    is_moderation: bool = False,
) -> Exception:
    """The LiteLLM exception of a status, with the headers where retries look for Retry-After."""
    from litellm import exceptions

    message = f"OpenRouter: {_without_keys(message)}"
    advice = _ADVICE.get(status)
    if status in {401, 403} and _has(message.lower(), _MANAGEMENT_WORDS):
        advice = _MANAGEMENT_ADVICE
    if advice:
        message = f"{message} ({advice})"
    kept = httpx.Headers(dict(headers) if headers else {})
    # The body was decoded: these would make a second reader of the response decode it again.
    for stale in ("content-encoding", "content-length", "transfer-encoding"):
        kept.pop(stale, None)
    response = httpx.Response(status, headers=kept, request=httpx.Request("POST", DEFAULT_BASE_URL))
    arguments: dict[str, Any] = {
        "message": message,
        "model": model,
        "llm_provider": PROVIDER,
    }
    lowered = message.lower()
    exception: Exception
    if is_moderation or (status in {400, 403} and _has(lowered, _POLICY_WORDS)):
        exception = exceptions.ContentPolicyViolationError(response=response, **arguments)
        # LiteLLM's own status of the class: with 403 a Router would send a refused prompt again.
        exception.__dict__["status_code"] = 400
    elif status in {400, 413, 422} and _has(lowered, _CONTEXT_WORDS):
        exception = exceptions.ContextWindowExceededError(response=response, **arguments)
    elif status in {408, 504, 524}:
        exception = exceptions.Timeout(
            response=response, headers=dict(kept), exception_status_code=status, **arguments
        )
    else:
        exception = _class_of(status)(response=response, **arguments)
    return _dress(
        exception,
        litellm_response_headers=kept,
        openrouter={"code": status},
        flagged_input=None,
        partial_response=None,
    )


def of_failure(text: str, status: int, headers: Mapping[str, str] | None = None) -> Exception:
    """The exception for a send that failed, from within the handler of its cause.

    LiteLLM hands over a text and a status, 500 where there was none; the cause itself says
    whether OpenRouter answered at all and which model was asked for.
    """
    from litellm import exceptions

    cause = sys.exc_info()[1]
    model = _model_asked_for(cause)
    if isinstance(cause, httpx.TimeoutException | exceptions.Timeout):
        return build(408, text.removeprefix("litellm.Timeout: "), headers, model)
    if isinstance(cause, httpx.TransportError):
        return unreached(cause, model)
    if isinstance(cause, TypeError | ValueError) and not isinstance(cause, OSError):
        # What JSON has no form for, or a header no letter; a wrong certificate is a ValueError too.
        return bad_request(f"the request can't be sent: {_without_keys(text)}", model)
    return from_http(text, status, headers, model)


def _model_asked_for(cause: BaseException | None) -> str:
    request = getattr(cause, "_request", None)
    try:
        return str(orjson.loads(request.content).get("model") or "") if request else ""
    except (ValueError, AttributeError, httpx.RequestNotRead):
        return ""


def unreached(cause: BaseException, model: str = "") -> Exception:
    """The exception for a connection that was never made, or that broke: refused, reset, cut."""
    from litellm import exceptions

    never = isinstance(cause, httpx.ConnectError | httpx.ProxyError | httpx.UnsupportedProtocol)
    what = "OpenRouter was not reached" if never else "the connection to OpenRouter broke"
    exception = exceptions.APIConnectionError(
        message=f"{what}: {_without_keys(str(cause)) or type(cause).__name__}",
        model=model,
        llm_provider=PROVIDER,
        request=getattr(cause, "_request", None) or httpx.Request("POST", DEFAULT_BASE_URL),
    )
    return _dress(exception, openrouter={}, flagged_input=None, partial_response=None)


def bad_request(message: str, model: str = "") -> Exception:
    """The exception for a request that is wrong before it is sent; the message says what is."""
    from litellm import exceptions

    exception = exceptions.BadRequestError(message=message, model=model, llm_provider=PROVIDER)
    return _dress(exception, openrouter={}, flagged_input=None, partial_response=None)


def _dress(exception: Exception, **attributes: Any) -> Exception:
    exception.__dict__.update(attributes)
    return exception


def _class_of(status: int) -> Any:
    from litellm import exceptions

    by_status = {
        401: exceptions.AuthenticationError,
        402: exceptions.PaymentRequiredError,
        403: exceptions.PermissionDeniedError,
        404: exceptions.NotFoundError,
        422: exceptions.UnprocessableEntityError,
        429: exceptions.RateLimitError,
        502: exceptions.BadGatewayError,
        503: exceptions.ServiceUnavailableError,
        529: exceptions.ServiceUnavailableError,
    }
    default = exceptions.BadRequestError if status < 500 else exceptions.InternalServerError
    return by_status.get(status, default)


def _words(error: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    """OpenRouter's message, who said it, the provider's own words, the moderation's reasons."""
    flagged = metadata.get("flagged_input")
    message = _without_flagged(str(error.get("message") or "the request failed"), flagged)
    parts = [_cut(message)]
    provider = metadata.get("provider_name")
    raw = _raw_words(metadata.get("raw"), flagged)
    if provider and raw:
        parts.append(f"{provider} said: {raw}")
    elif provider:
        parts.append(f"provider: {provider}")
    elif raw:
        parts.append(raw)
    reasons = metadata.get("reasons")
    if isinstance(reasons, list) and reasons:
        parts.append("reasons: " + ", ".join(map(str, reasons)))
    return " | ".join(parts)


def _without_flagged(text: str, flagged: Any) -> str:
    """A text without the prompt that moderation named, before it is cut or straightened.

    OpenRouter shortens a long one in its middle, `start...end`; a provider may say it whole.
    """
    if not isinstance(flagged, str) or not flagged.strip():
        return text
    start, _, end = flagged.partition("...")
    pattern = r"\s+".join(map(re.escape, flagged.split()))
    if start.strip() and end.strip():
        ends = (r"\s+".join(map(re.escape, piece.split())) for piece in (start, end))
        pattern += "|" + r".*?".join(ends)
    return re.sub(f"(?is){pattern}", "[flagged input]", text)


def _raw_words(raw: Any, flagged: Any = None) -> str:
    """The upstream's own words: its message where the body is JSON, else the body, cut."""
    if isinstance(raw, str):
        with contextlib.suppress(orjson.JSONDecodeError):
            parsed = orjson.loads(raw)
            if isinstance(parsed, dict):
                return _raw_words(parsed, flagged)
    elif isinstance(raw, dict):
        inner = raw.get("error", raw)
        message = inner.get("message") if isinstance(inner, dict) else inner
        if isinstance(message, str) and message:
            raw = message
    return "" if raw is None else _plain_words(_without_flagged(_text(raw), flagged))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return type(value).__name__


def _plain_words(text: str) -> str:
    """Text without markup and line breaks, cut short."""
    if "<" in text and ">" in text:
        text = re.sub(r"(?is)<(script|style)\b.*?</\1>|<[^>]{1,500}>", " ", text[:20_000])
    return _cut(" ".join(text.split()))


def _cut(text: str) -> str:
    return text if len(text) <= MOST_WORDS else text[: MOST_WORDS - 1] + "…"


def _without_keys(text: str) -> str:
    return _KEY.sub(r"\1…", text)


def _has(text: str, words: tuple[str, ...]) -> bool:
    return any(word in text for word in words)


def _facts(
    body: Mapping[str, Any],
    error: Mapping[str, Any],
    metadata: Mapping[str, Any],
    headers: Mapping[str, str] | None,
) -> dict[str, Any]:
    usage = body.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    found: dict[str, Any] = {
        "code": error.get("code"),
        "type": error.get("type"),
        "generation_id": (headers or {}).get("x-generation-id") or body.get("id"),
        "model": body.get("model"),
        "provider": body.get("provider"),
        "user_id": body.get("user_id"),
        "cost": usage.get("cost"),
        "usage": usage or None,
    }
    found |= {
        name: value
        for name, value in metadata.items()
        if name not in {"flagged_input", "raw", "headers"}
    }
    return {name: value for name, value in found.items() if value is not None}


def _with_rate_limit(
    headers: Mapping[str, str] | None, metadata: Mapping[str, Any]
) -> dict[str, str]:
    """The response headers, with those that OpenRouter puts into the error's metadata.

    `X-RateLimit-Reset` is in milliseconds since 1970; LiteLLM reads Retry-After in seconds.
    """
    merged = {name.lower(): value for name, value in (headers or {}).items()}
    inner = metadata.get("headers")
    if isinstance(inner, dict):
        for name, value in inner.items():
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                merged.setdefault(str(name).lower(), str(value))
    if "retry-after" not in merged and "x-ratelimit-reset" in merged:
        seconds = _seconds_until(merged["x-ratelimit-reset"])
        if seconds is not None:
            merged["retry-after"] = str(seconds)
    return {name: value for name, value in merged.items() if (name + value).isascii()}


def _seconds_until(reset: str) -> int | None:
    try:
        seconds = float(reset) / 1000 - time.time()
    except ValueError:
        return None
    return math.ceil(seconds) if 0 < seconds < 86_400 * 32 else None
