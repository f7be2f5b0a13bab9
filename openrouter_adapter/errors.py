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
  received           the first 2,000 characters of an answer that can't be read; never in the
                     message, for they may repeat the prompt
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any, Final

import httpx
import orjson

from openrouter_adapter import decoding, wire_error
from openrouter_adapter.connection import DEFAULT_BASE_URL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROVIDER: Final = "openrouter"

# Characters of an unreadable answer that are kept on its exception.
MOST_RECEIVED: Final = 2000

# What taking apart a body of an unforeseen form raises, pydantic's ValidationError (a ValueError)
# too; nesting without end is one such form.
MALFORMED: Final = (TypeError, KeyError, AttributeError, ValueError, RecursionError)

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
    is_cut = body is None and text.lstrip()[:1] in {"{", "["}
    words = "" if is_cut else wire_error.plain_words(text)
    exception = build(status, words or httpx.codes.get_reason_phrase(status), headers, model)
    return _dress(exception, received=text[:MOST_RECEIVED]) if is_cut else exception


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
        error = {"message": wire_error.text_of(error)}
    metadata = error.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    if status is None or status < 400:
        status = wire_error.status_of(error.get("code"), wire_error.status_of(error.get("type")))
    exception = build(
        status,
        wire_error.words(error, metadata),
        wire_error.with_retry_after(headers, metadata),
        model,
        is_moderation=status == 403 and bool(metadata.get("reasons")),
    )
    return _dress(
        exception,
        openrouter=wire_error.facts(body, error, metadata, headers),
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
    """The exception for a body that should have been JSON and is not, or was cut.

    Its message has a gateway's page, and nothing of what may be a model's answer.
    """
    text = content[: 4 * MOST_RECEIVED].decode("utf-8", "replace")[:MOST_RECEIVED]
    if not text.strip():
        return build(503, "the answer is empty", headers, model)
    what = f"the answer of {len(content):,} bytes can't be read as one"
    if text.lstrip().startswith("<"):
        what = f"{what}: {wire_error.plain_words(text)}"
    return _dress(build(503, what, headers, model), received=text)


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

    message = f"OpenRouter: {wire_error.without_keys(message)}"
    advice = _ADVICE.get(status)
    if status in {401, 403} and _has(message.lower(), _MANAGEMENT_WORDS):
        advice = _MANAGEMENT_ADVICE
    if advice:
        message = f"{message} ({advice})"
    # httpx takes no others in a header, whatever came over the wire.
    kept = httpx.Headers([(n, v) for n, v in (headers or {}).items() if (n + v).isascii()])
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
        **{**_bare(), "openrouter": {"code": status}},
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
        return bad_request(f"the request can't be sent: {wire_error.without_keys(text)}", model)
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
        message=f"{what}: {wire_error.without_keys(str(cause)) or type(cause).__name__}",
        model=model,
        llm_provider=PROVIDER,
        request=getattr(cause, "_request", None) or httpx.Request("POST", DEFAULT_BASE_URL),
    )
    return _dress(exception, **_bare())


def bad_request(message: str, model: str = "") -> Exception:
    """The exception for a request that is wrong before it is sent; the message says what is."""
    from litellm import exceptions

    exception = exceptions.BadRequestError(message=message, model=model, llm_provider=PROVIDER)
    return _dress(exception, **_bare())


def _bare() -> dict[str, Any]:
    """What every exception has besides LiteLLM's own attributes, with nothing in it."""
    return {"openrouter": {}, "flagged_input": None, "partial_response": None, "received": None}


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


def _has(text: str, words: tuple[str, ...]) -> bool:
    return any(word in text for word in words)
