"""A stream's failure: its exception, in the form that lets a Router fall back to another model.

LiteLLM falls back from a stream only on a MidStreamFallbackError, and picks the list of fallbacks
by the exception's own class: that of a prompt that is too long, or of a refusal, must be of both
classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

import httpx
from litellm.exceptions import (
    ContentPolicyViolationError,
    ContextWindowExceededError,
    MidStreamFallbackError,
)

from openrouter_adapter.wire import errors
from openrouter_adapter.wire.sse import NotJSONError

if TYPE_CHECKING:
    from collections.abc import Callable

# The attributes that errors.py puts on an exception, which its wrapper needs, too.
_OURS: Final = (
    "partial_response",
    "openrouter",
    "flagged_input",
    "received",
    "litellm_response_headers",
)


class MidStreamContextWindowError(MidStreamFallbackError, ContextWindowExceededError):
    """A stream broke because the prompt is too long."""


class MidStreamContentPolicyError(MidStreamFallbackError, ContentPolicyViolationError):
    """A stream broke because of the content of the prompt or the answer."""


_BOTH: Final = {
    ContextWindowExceededError: MidStreamContextWindowError,
    ContentPolicyViolationError: MidStreamContentPolicyError,
}


def failure_of(
    cause: Exception,
    build: Callable[[int, str], Exception],
    model: str,
    *,
    line_is: str = "not JSON",
) -> Exception | None:
    """The exception of a stream whose connection, or one of whose lines, broke.

    Args:
        cause: What was raised while the stream was read.
        build: Builds the exception of a status and a message.
        model: The model asked for.
        line_is: What is wrong with a line that can't be parsed.

    Returns:
        None if the cause is another one.
    """
    if isinstance(cause, NotJSONError):
        exception = build(503, f"a line of the stream is {line_is}")
        exception.__dict__["received"] = cause.line
        return exception
    if isinstance(cause, httpx.TimeoutException):
        return build(408, "the stream stalled: no data within the timeout")
    if isinstance(cause, httpx.HTTPError | httpx.StreamError):
        return errors.unreached(cause, model)
    return None


def may_fall_back(exception: Exception) -> bool:
    """Whether a Router may try another model, or the same one again."""
    status = getattr(exception, "status_code", None)
    may_pass = not isinstance(status, int) or status >= 500 or status in {408, 429}
    return may_pass or has_own_fallbacks(exception)


def has_own_fallbacks(exception: Exception) -> bool:
    """Whether a Router has a list of fallbacks for this kind of failure alone."""
    return type(exception) in _BOTH


def raise_wrapped(
    exception: Exception, model: str, text: str, *, is_pre_first_chunk: bool
) -> NoReturn:
    """Raises an exception as one that a Router may fall back from.

    Args:
        exception: One of errors.py, which becomes the wrapper's `original_exception`.
        model: The model asked for.
        text: The text that had arrived.
        is_pre_first_chunk: Whether the caller has not received a chunk yet.

    Raises:
        MidStreamFallbackError: always; also a ContextWindowExceededError or a
            ContentPolicyViolationError if the exception is one.
    """
    wrapped = MidStreamFallbackError(
        message=str(exception),
        model=model,
        llm_provider=errors.PROVIDER,
        original_exception=exception,
        generated_content=text,
        is_pre_first_chunk=is_pre_first_chunk,
    )
    # The constructors of the two classes can't be combined.
    wrapped.__class__ = _BOTH.get(type(exception), MidStreamFallbackError)
    put_facts(wrapped, exception)
    raise wrapped from exception


def put_facts(wrapper: Exception, exception: Exception) -> None:
    """Copies the attributes of errors.py to the wrapper of an exception."""
    for name in _OURS:
        wrapper.__dict__.setdefault(name, exception.__dict__.get(name))
