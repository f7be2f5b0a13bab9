"""When the same request may succeed later, and how long its failure asks to wait.

See https://openrouter.ai/docs/api/reference/errors-and-debugging.
"""

from __future__ import annotations

import email.utils
import time
from typing import Any, Final

# 409 is a conflict with a request that is still running, 425 asks for a later one.
_TEMPORARY: Final = frozenset({408, 409, 425, 429})
_SERVER_ERROR: Final = 500


def is_temporary(status: int) -> bool:
    """Whether the same request may succeed later."""
    return status in _TEMPORARY or status >= _SERVER_ERROR


def asked_wait(failure: BaseException) -> float | None:
    """Seconds that the answer asks to wait, by Retry-After or X-RateLimit-Reset."""
    headers = getattr(failure, "litellm_response_headers", None)
    if not headers:
        return None
    # By the server's clock if its answer has the time: ours may be wrong.
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
