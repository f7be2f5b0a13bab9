"""A stream's failure in the form by which a Router knows that it may ask another model.

LiteLLM falls back from a stream only on a MidStreamFallbackError, and picks the list of fallbacks
by the exception's own class: a prompt that is too long, or a refusal, must be both.
"""

from __future__ import annotations

from typing import Final, NoReturn

from litellm.exceptions import (
    ContentPolicyViolationError,
    ContextWindowExceededError,
    MidStreamFallbackError,
)

from openrouter_adapter.wire import errors

# What errors.py puts on an exception, and the wrapper of it must have too.
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
    """A stream broke because of what the prompt or the answer says."""


_BOTH: Final = {
    ContextWindowExceededError: MidStreamContextWindowError,
    ContentPolicyViolationError: MidStreamContentPolicyError,
}


def has_own_fallbacks(exception: Exception) -> bool:
    """Whether a Router has a list of fallbacks for this kind of failure alone."""
    return type(exception) in _BOTH


def raise_wrapped(
    exception: Exception, model: str, text: str, *, is_pre_first_chunk: bool
) -> NoReturn:
    """Raises an exception as one that a Router may fall back from.

    Args:
        exception: Of errors.py; it is the wrapper's `original_exception`.
        model: The model asked for.
        text: What the stream had said.
        is_pre_first_chunk: Whether the caller has got nothing yet.

    Raises:
        MidStreamFallbackError: always; also a ContextWindowExceededError or a
            ContentPolicyViolationError where the exception is one.
    """
    wrapped = MidStreamFallbackError(
        message=str(exception),
        model=model,
        llm_provider=errors.PROVIDER,
        original_exception=exception,
        generated_content=text,
        is_pre_first_chunk=is_pre_first_chunk,
    )
    # The constructors of the two classes don't go together.
    wrapped.__class__ = _BOTH.get(type(exception), MidStreamFallbackError)
    put_facts(wrapped, exception)
    raise wrapped from exception


def put_facts(wrapper: Exception, exception: Exception) -> None:
    """Gives the wrapper of an exception what errors.py put on it."""
    for name in _OURS:
        wrapper.__dict__.setdefault(name, exception.__dict__.get(name))
