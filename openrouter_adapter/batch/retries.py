"""Which failures are tried again, and when."""

from __future__ import annotations

import email.utils
import random
import time
from typing import Any, Final

# 409 is a conflict with a request that is still running, 425 asks for a later one.
_RETRIED: Final = frozenset({408, 409, 425, 429})
_THROTTLED: Final = frozenset({429, 529, "rate_limit_exceeded", "provider_overloaded"})
LONGEST_BACKOFF: Final = 60.0


def status_of(failure: BaseException) -> int:
    """The HTTP status that a LiteLLM exception stands for."""
    status = getattr(failure, "status_code", None)
    return status if isinstance(status, int) else 500


def is_retried(failure: BaseException) -> bool:
    """Whether the same request may succeed later: OpenRouter's side failed, or asked to wait."""
    status = status_of(failure)
    return status in _RETRIED or status >= 500


def is_throttled(failure: BaseException) -> bool:
    """Whether there were too many requests at once, for OpenRouter or for the provider."""
    facts = getattr(failure, "openrouter", None) or {}
    said = (status_of(failure), facts.get("code"), facts.get("error_type"))
    return any(isinstance(one, int | str) and one in _THROTTLED for one in said)


def is_outage(failure: BaseException) -> bool:
    """Whether nothing may be working on the other side."""
    return status_of(failure) >= 500 and not is_throttled(failure)


def asked_wait(failure: BaseException) -> float | None:
    """Seconds that the answer asked to wait: Retry-After, or until X-RateLimit-Reset."""
    headers = getattr(failure, "litellm_response_headers", None)
    if not headers:
        return None
    # By the server's clock where it told the time: ours may be wrong, or have been set.
    now = _time_of(headers.get("date")) or time.time()
    reset = _number(headers.get("x-ratelimit-reset"))
    if reset is not None:
        return max(reset / 1000 - now, 0.0)
    after = headers.get("retry-after")
    seconds = _number(after)
    if seconds is None:
        moment = _time_of(after)
        seconds = None if moment is None else moment - now
    return None if seconds is None else max(seconds, 0.0)


def backoff(tries: int, first: float) -> float:
    """Seconds to wait after so many tries: exponential, with full jitter.

    See https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
    """
    longest = min(first * 2.0 ** (tries - 1), LONGEST_BACKOFF)
    return random.uniform(0, longest)  # noqa: S311 - spreads retries, keeps no secret


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _time_of(value: Any) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(value).timestamp()
    except (TypeError, ValueError, IndexError):
        return None
