"""What follows a failed attempt: another attempt, a failure for good, or the end of the run."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from openrouter_adapter.batch.exceptions import words_of
from openrouter_adapter.wire import retry_after

if TYPE_CHECKING:
    from openrouter_adapter.batch.options import Pace

_THROTTLED: Final = frozenset({429, 529, "rate_limit_exceeded", "provider_overloaded"})
LONGEST_BACKOFF: Final = 60.0
_REFUSED: Final = frozenset({401, 402})
# Refusals of the key or the account, without an answer in between, that end the run.
_MOST_REFUSALS: Final = 3
KEEP_GOING: Final = "--keep-going"
# Weight of a refusal by one provider: perhaps only the key for that provider is invalid.
_OF_PROVIDER: Final = 0.1
# A throttled request may be tried this many times as often as one that fails: a request that is
# told to wait has not failed, as long as that comes to an end.
_PATIENCE: Final = 5


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows a failed attempt.

    Attributes:
        is_retryable: Whether the same request may succeed later, in this run or in the next.
        delay: Seconds until the next attempt; None if there is none in this run.
        stop: Why the whole run should end, as a sentence; None if it continues.
    """

    is_retryable: bool
    delay: float | None = None
    stop: str | None = None


def decide(failure: Exception, tries: int, refusals: float, pace: Pace) -> Decision:
    """Decides what follows a failed attempt.

    Args:
        failure: One of LiteLLM's exceptions.
        tries: Number of attempts of the request that count.
        refusals: Sum of `refusal` since the last answer, this failure included.
        pace: How many attempts are allowed, and how long a wait may be.
    """
    is_refused = status_of(failure) in _REFUSED
    if not is_refused and not is_retried(failure):
        return Decision(is_retryable=False)
    wait, stop = retry_after.asked_wait(failure), None
    if is_refused and refusals >= _MOST_REFUSALS:
        stop = words_of(failure)
    elif wait is not None and wait > pace.longest_wait:
        stop = f"OpenRouter asks to wait for {wait / 60:.0f} minutes: {words_of(failure)}"
    most = pace.tries * (_PATIENCE if is_throttled(failure) else 1)
    if tries >= (_MOST_REFUSALS if is_refused else most):
        return Decision(is_retryable=True, stop=stop)
    delay = (wait or 0.0) + backoff(max(tries, 1), pace.backoff)
    return Decision(is_retryable=True, delay=delay, stop=stop)


@dataclass(slots=True)
class EqualFailures:
    """Counts requests in a row that have failed for good with the same words.

    Attributes:
        most: The number that ends the run; None for never.
    """

    most: int | None
    _words: str = ""
    _count: int = 0

    def answered(self) -> None:
        """Counts from the beginning: a request was answered."""
        self._count = 0

    def failed(self, failure: Exception) -> str | None:
        """Counts a failure; returns why the run should end, as a sentence."""
        words = words_of(failure)
        self._count = self._count + 1 if words == self._words else 1
        self._words = words
        if self.most is None or self._count < self.most:
            return None
        return (
            f"{self._count} requests in a row failed with the same error: {words.rstrip('.')}. "
            f"No more requests were sent; to continue anyway, use {KEEP_GOING}."
        )


def refusal(failure: Exception) -> float:
    """Weight of a failure as a refusal of the key or the account, from 0 (it is not one) to 1."""
    if status_of(failure) not in _REFUSED:
        return 0.0
    # A provider may have refused, for example one that is used with the caller's own key.
    is_of_provider = (getattr(failure, "openrouter", None) or {}).get("provider_name")
    return _OF_PROVIDER if is_of_provider else 1.0


def status_of(failure: BaseException) -> int:
    """HTTP status of a LiteLLM exception."""
    status = getattr(failure, "status_code", None)
    return status if isinstance(status, int) else 500


def is_retried(failure: BaseException) -> bool:
    """Whether the same request may succeed later: OpenRouter failed, or asked to wait."""
    status = status_of(failure)
    return retry_after.is_temporary(status)


def is_throttled(failure: BaseException) -> bool:
    """Whether OpenRouter or the provider had too many requests at once."""
    facts = getattr(failure, "openrouter", None) or {}
    codes = (status_of(failure), facts.get("code"), facts.get("error_type"))
    return any(isinstance(one, int | str) and one in _THROTTLED for one in codes)


def is_outage(failure: BaseException) -> bool:
    """Whether OpenRouter as a whole may be down."""
    return status_of(failure) >= 500 and not is_throttled(failure)


def backoff(tries: int, first: float) -> float:
    """Seconds to wait after a number of attempts: exponential, with full jitter.

    See https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
    """
    longest = min(first * 2.0 ** (tries - 1), LONGEST_BACKOFF)
    return random.uniform(0, longest)  # noqa: S311 - spreads retries, keeps no secret
