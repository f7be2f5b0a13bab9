"""Every failure as the LiteLLM exception that retries and fallbacks expect.

openai.OpenAIError
  BadRequestError (400, 412, 413, …)        the request is invalid
    ContextWindowExceededError              the prompt is too long → context_window_fallbacks
    ContentPolicyViolationError             moderation or the model refused
                                            → content_policy_fallbacks
    PaymentRequiredError (402)              no credits left
  AuthenticationError (401)                 no key, or an invalid one
  PermissionDeniedError (403)               the key may not do this
  NotFoundError (404)                       no such model, or no provider for these options
  Timeout (408, 504, 524)                   no answer in time
  UnprocessableEntityError (422)            understood, and refused
  RateLimitError (429)                      try later; Retry-After has the time
  InternalServerError (500, other 5xx)      OpenRouter's side
  BadGatewayError (502)                     the provider's side
  ServiceUnavailableError (503, 529)        no provider, an overloaded one, or a broken answer
  APIConnectionError                        OpenRouter was not reached

OpenRouter's `error_type` decides the class; without one, the status does, and the wording for the
two kinds that have fallbacks of their own (error_kinds.py).

Attributes of each, in addition to LiteLLM's:
  openrouter         dict: code, error_type, provider_name, generation_id, cost, … if the wire had
                     them; availability and openrouter_metadata unchanged
  flagged_input      the part of the prompt that moderation flagged; never in the message
  partial_response   the part of the answer that had arrived, a ModelResponse
  received           the first 2,000 characters of an unreadable answer; never in the message,
                     for they may repeat the prompt
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final, NoReturn

import httpx
import orjson

from openrouter_adapter.wire import connection, error_kinds, wire_error
from openrouter_adapter.wire.error_kinds import CONTEXT, POLICY, Kind, family

if TYPE_CHECKING:
    from collections.abc import Mapping

PROVIDER: Final = "openrouter"

# The number of characters of an unreadable answer that its exception keeps.
MOST_RECEIVED: Final = 2000

# Exceptions of code that reads a body of an unexpected form, pydantic's ValidationError (a
# ValueError) among them; RecursionError comes from JSON that nests too deeply.
MALFORMED: Final = (TypeError, KeyError, AttributeError, ValueError, RecursionError)

_CLASSES: Final[Mapping[int, str]] = {
    400: "BadRequestError",
    401: "AuthenticationError",
    402: "PaymentRequiredError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
    500: "InternalServerError",
    502: "BadGatewayError",
    503: "ServiceUnavailableError",
}
_CLASS_OF_KIND: Final[Mapping[Kind, str]] = {
    CONTEXT: "ContextWindowExceededError",
    POLICY: "ContentPolicyViolationError",
}

_ADVICE: Final[Mapping[int, str]] = {
    401: "Check OPENROUTER_API_KEY; keys are made at https://openrouter.ai/keys.",
    402: "Add credits at https://openrouter.ai/settings/credits, or ask for fewer max_tokens.",
}

# OpenRouter's words if a key that calls models is used where a management key is needed.
_MANAGEMENT_WORDS: Final = ("only management keys", "invalid management key")
_MANAGEMENT_ADVICE: Final = (
    "This takes a provisioning key, in OPENROUTER_PROVISIONING_KEY; it is made at "
    "https://openrouter.ai/settings/provisioning-keys."
)


def from_http(
    text: str, status: int, headers: Mapping[str, str] | None = None, model: str = ""
) -> Exception:
    """The exception for an answer with a status of failure.

    Args:
        text: The body: OpenRouter's JSON, a gateway's HTML, or nothing.
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
    words = words or httpx.codes.get_reason_phrase(status)
    exception = build(status, words, headers, model, kind=error_kinds.of_words(text, status))
    return _dress(exception, received=text[:MOST_RECEIVED]) if is_cut else exception


def from_body(
    body: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
    model: str = "",
    status: int | None = None,
) -> Exception:
    """The exception for `{"error": …}`: a whole body, a stream's chunk, or a choice.

    Args:
        body: Has `error`; its other fields (`usage`, `id`, `provider`, `error_type`,
            `openrouter_metadata`, `native_finish_reason`, …) are kept.
        headers: The response headers.
        model: The model asked for.
        status: The HTTP status; None if it was 200, so that the error's own code counts.
    """
    wire = wire_error.WireError(body, headers)
    meaning = wire.meaning(status)
    exception = build(
        meaning.status, wire.words(meaning.kind), wire.headers(), model, kind=meaning.kind
    )
    return _dress(
        exception, openrouter=wire.facts(), flagged_input=wire.metadata.get("flagged_input")
    )


def raise_for_body(
    body: Any, headers: Mapping[str, str] | None = None, model: str = ""
) -> dict[str, Any]:
    """The answer's JSON object, or the exception of the error that it holds.

    Raises:
        litellm.ServiceUnavailableError: the body is not an object.
        One of LiteLLM's exceptions, by the code of the error in the body.
    """
    if not isinstance(body, dict):
        raise build(503, "OpenRouter's answer is not a JSON object", headers, model)
    if body.get("error"):
        raise from_body(body, headers, model)
    return body


def loads(content: bytes) -> Any:
    r"""The JSON of an answer's bytes, or of an event's.

    A byte-order mark is skipped. Half of a surrogate pair, such as `"\ud83d"` if a program cut a
    text within an emoji, becomes U+FFFD: nothing else of a paid answer is lost, and the text can
    be printed, sent and stored.

    Raises:
        ValueError: it is not JSON, or nests too deeply.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        pass
    try:
        found = json.loads(content, parse_constant=_refuse)
        text = json.dumps(found, ensure_ascii=False).encode("utf-16", "surrogatepass")
        return json.loads(text.decode("utf-16", "replace"))
    except RecursionError:
        raise ValueError("the JSON nests too deeply") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def read_body(
    content: bytes, headers: Mapping[str, str] | None = None, model: str = ""
) -> dict[str, Any]:
    """The JSON object in an answer's bytes, which every endpoint's `parse` begins with.

    Raises:
        litellm.ServiceUnavailableError: they hold no JSON object, or a cut one.
        One of LiteLLM's exceptions, by the code of the error in the body.
    """
    return raise_for_body(read_json(content, headers, model), headers, model)


def no_answer(
    body: Mapping[str, Any],
    message: str,
    headers: Mapping[str, str] | None = None,
    model: str = "",
    *,
    status: int = 502,
) -> Exception:
    """The exception for a body with neither an error nor what was asked for; keeps its cost."""
    return from_body({**body, "error": {"code": status, "message": message}}, headers, model)


def read_json(content: bytes, headers: Mapping[str, str] | None = None, model: str = "") -> Any:
    """The JSON of an answer's bytes.

    Raises:
        litellm.ServiceUnavailableError: they are not JSON, or were cut.
    """
    try:
        return loads(content)
    except ValueError:
        raise unreadable(content, headers, model) from None


def unreadable(
    content: bytes, headers: Mapping[str, str] | None = None, model: str = ""
) -> Exception:
    """The exception for a body that is not JSON, or was cut.

    Its message has the text of a gateway's page, and nothing that may be a model's answer.
    """
    text = content[: 4 * MOST_RECEIVED].decode("utf-8", "replace")[:MOST_RECEIVED]
    if not text.strip():
        return build(503, "the answer is empty", headers, model)
    what = f"the answer of {len(content):,} bytes can't be read as one"
    if text.lstrip().startswith("<"):
        what = f"{what}: {wire_error.plain_words(text)}"
    return _dress(build(503, what, headers, model), received=text)


class for_malformed:  # noqa: N801 - a context manager, made by calling it
    """Turns the exceptions of reading a body of an unexpected form into `unreadable`.

    A class, since a generator would take 1 µs more of each call.
    """

    __slots__ = ("_answer",)

    def __init__(
        self, content: bytes, headers: Mapping[str, str] | None = None, model: str = ""
    ) -> None:
        self._answer = content, headers, model

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, cause: BaseException | None, trace: object
    ) -> None:
        if isinstance(cause, MALFORMED):
            raise unreadable(*self._answer) from cause


def build(
    status: int,
    message: str,
    headers: Mapping[str, str] | None = None,
    model: str = "",
    *,
    kind: Kind | None = None,
) -> Exception:
    """The LiteLLM exception of a status, with the headers where retries look for Retry-After.

    Args:
        status: The HTTP status that it stands for.
        message: What went wrong; keys in it are cut.
        headers: The response headers.
        model: The model asked for.
        kind: The kind of failure, if that decides the class rather than the status.
    """
    from litellm import exceptions

    message = f"OpenRouter: {wire_error.without_keys(message)}"
    advice = _ADVICE.get(status)
    if status in {401, 403} and any(map(message.lower().count, _MANAGEMENT_WORDS)):
        advice = _MANAGEMENT_ADVICE
    if advice:
        message = f"{message} ({advice})"
    # httpx allows no others in a header.
    kept = httpx.Headers([(n, v) for n, v in (headers or {}).items() if (n + v).isascii()])
    # The body was decoded: these would make a second reader of the response decode it again.
    for stale in ("content-encoding", "content-length", "transfer-encoding"):
        kept.pop(stale, None)
    response = httpx.Response(
        status, headers=kept, request=httpx.Request("POST", connection.DEFAULT_BASE_URL)
    )
    arguments: dict[str, Any] = {
        "message": message,
        "model": model,
        "llm_provider": PROVIDER,
    }
    exception: Exception
    if kind is not None:
        exception = getattr(exceptions, _CLASS_OF_KIND[kind])(response=response, **arguments)
        # LiteLLM's own status of both classes: with another, a Router would retry the same model.
        exception.__dict__["status_code"] = 400
    elif family(status) == 504:
        exception = exceptions.Timeout(
            response=response, headers=dict(kept), exception_status_code=status, **arguments
        )
    else:
        exception = getattr(exceptions, _CLASSES[family(status)])(response=response, **arguments)
    if "retry-after" in kept and not getattr(exception, "headers", None):
        # LiteLLM's proxy answers with these as they are, and only with these.
        sent = {f"llm_provider-{name}": value for name, value in kept.items()}
        exception.__dict__["headers"] = {**sent, "retry-after": kept["retry-after"]}
    return _dress(
        exception,
        litellm_response_headers=kept,
        **{**_bare(), "openrouter": {"code": status}},
    )


def of_failure(text: str, status: int, headers: Mapping[str, str] | None = None) -> Exception:
    """The exception for a send that failed, from within the handler of its cause.

    LiteLLM passes a text and a status, 500 if there was none; the cause itself shows whether
    OpenRouter answered, and has the model asked for.
    """
    from litellm import exceptions

    cause = sys.exc_info()[1]
    if isinstance(getattr(cause, "openrouter", None), dict):
        # Made by incoming.py, before the body was read.
        return cause  # type: ignore[return-value] # an Exception, for it came from a send
    model = model_of(getattr(cause, "_request", None))
    if isinstance(cause, httpx.TimeoutException | exceptions.Timeout):
        return build(408, text.removeprefix("litellm.Timeout: "), headers, model)
    if isinstance(cause, httpx.RequestError):
        # aiohttp's error for garbled headers is one, too.
        return unreached(cause, model)
    if isinstance(cause, TypeError | ValueError) and not isinstance(cause, OSError):
        # A value that JSON or a header can't hold; an invalid certificate is a ValueError, too.
        return bad_request(f"the request can't be sent: {wire_error.without_keys(text)}", model)
    return from_http(text, status, headers, model)


def model_of(request: httpx.Request | None) -> str:
    """The model that a request asks for; empty if it names none."""
    try:
        return str(orjson.loads(request.content).get("model") or "") if request else ""
    except (ValueError, AttributeError, httpx.RequestNotRead):
        return ""


def with_advice(exception: Any, advice: str | None) -> Exception:
    """The exception; its message says what the caller can do."""
    if advice:
        exception.message = f"{exception.message} ({advice})"
    found: Exception = exception
    return found


def unreached(cause: BaseException, model: str = "") -> Exception:
    """The exception for a connection that was refused, reset or cut."""
    from litellm import exceptions

    never = isinstance(cause, httpx.ConnectError | httpx.ProxyError | httpx.UnsupportedProtocol)
    what = "OpenRouter was not reached" if never else "the connection to OpenRouter broke"
    request = getattr(cause, "_request", None)
    if never and request is not None:
        what += f" at {connection.shown(str(request.url))}"
    exception = exceptions.APIConnectionError(
        message=f"{what}: {wire_error.without_keys(str(cause)) or type(cause).__name__}",
        model=model,
        llm_provider=PROVIDER,
        request=request or httpx.Request("POST", connection.DEFAULT_BASE_URL),
    )
    return _dress(exception, **_bare())


def unanswered(cause: httpx.HTTPError, model: str = "") -> Exception:
    """The exception for a request without a response: too late, or not reached."""
    if not isinstance(cause, httpx.TimeoutException):
        return unreached(cause, model)
    request = getattr(cause, "_request", None)
    where = "" if request is None else f" from {connection.shown(str(request.url))}"
    return build(408, f"no answer in time{where}: {type(cause).__name__}", None, model)


def bad_request(message: str, model: str = "") -> Exception:
    """The exception for an invalid request that is not sent; the message names the cause."""
    from litellm import exceptions

    exception = exceptions.BadRequestError(message=message, model=model, llm_provider=PROVIDER)
    return _dress(exception, **_bare())


def _bare() -> dict[str, Any]:
    """The attributes of every exception in addition to LiteLLM's, empty."""
    return {"openrouter": {}, "flagged_input": None, "partial_response": None, "received": None}


def _dress(exception: Exception, **attributes: Any) -> Exception:
    exception.__dict__.update(attributes)
    return exception
