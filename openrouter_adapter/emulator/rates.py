"""Rate limits: requests a minute and a day, counted in windows of the clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from .clock import SECONDS_A_DAY
from .errors import ApiError

_MINUTE = 60
# OpenRouter's limits on `:free` models, higher if at least this many USD were ever bought.
_THRESHOLD = Decimal(10)
_A_DAY_BELOW = 50
_A_DAY_FROM = 1000


@dataclass(slots=True)
class _Window:
    began: int = -1
    used: int = 0

    def count(self, now: float, seconds: int) -> int:
        """Return the number of requests in the current window."""
        began = int(now // seconds)
        if began != self.began:
            self.began, self.used = began, 0
        return self.used


class Rates:
    """The rate limits of an account."""

    def __init__(
        self, a_minute: int | None, free_a_minute: int | None, free_a_day: int | None
    ) -> None:
        """Start with nothing used.

        Args:
            a_minute: Requests of each key.
            free_a_minute: Requests of the account to free models.
            free_a_day: The same for a UTC day; None is OpenRouter's own limit.
        """
        self._a_minute = a_minute
        self._free_a_minute = free_a_minute
        self._free_a_day = free_a_day
        self._keys: dict[str, _Window] = {}
        self._minute = _Window()
        self._day = _Window()

    def free_a_day(self, bought: Decimal | None) -> int:
        """Return the limit of requests to free models a day."""
        if self._free_a_day is not None:
            return self._free_a_day
        return _A_DAY_FROM if bought is None or bought >= _THRESHOLD else _A_DAY_BELOW

    def free_today(self, now: float, bought: Decimal | None) -> dict[str, int]:
        """Return today's requests to free models, as `/key` reports them."""
        limit = self.free_a_day(bought)
        used = self._day.count(now, SECONDS_A_DAY)
        return {"limit": limit, "used": used, "remaining": max(0, limit - used)}

    def admit(self, key_hash: str, now: float) -> None:
        """Count a request of the caller's key.

        Raises:
            ApiError: 429 if the key's limit of this minute is reached.
        """
        if self._a_minute is None:
            return
        window = self._keys.setdefault(key_hash, _Window())
        if window.count(now, _MINUTE) >= self._a_minute:
            raise _too_many("Rate limit exceeded", self._a_minute, now, _MINUTE)
        window.used += 1

    def admit_free(self, now: float, bought: Decimal | None) -> None:
        """Count a request to a free model.

        Raises:
            ApiError: 429 if the limit of this minute or this day is reached.
        """
        a_minute = self._free_a_minute
        if a_minute is not None and self._minute.count(now, _MINUTE) >= a_minute:
            raise _too_many("Rate limit exceeded: free-models-per-min. ", a_minute, now, _MINUTE)
        a_day = self.free_a_day(bought)
        if self._day.count(now, SECONDS_A_DAY) >= a_day:
            raise _too_many(_daily_words(bought, a_day), a_day, now, SECONDS_A_DAY)
        self._minute.used += 1
        self._day.used += 1


def _daily_words(bought: Decimal | None, a_day: int) -> str:
    words = "Rate limit exceeded: free-models-per-day"
    if bought is None or bought >= _THRESHOLD:
        return f"{words}-high-balance. "
    more = max(_A_DAY_FROM, a_day)
    return f"{words}. Add {_THRESHOLD} credits to unlock {more} free model requests per day"


def _too_many(words: str, limit: int, now: float, seconds: int) -> ApiError:
    reset = (int(now // seconds) + 1) * seconds
    headers = {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(reset * 1000),
    }
    metadata: dict[str, object] = {"headers": headers, "provider_name": None}
    if seconds == SECONDS_A_DAY:
        metadata["limit_source"] = "openrouter_free_tier_daily"
    error = ApiError(429, words, metadata=metadata, falls_back=True)
    error.headers.update(headers)
    error.headers["Retry-After"] = str(max(1, math.ceil(reset - now)))
    return error
