"""Stops sending while everything fails, and tries with one request at a time until one lands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

THRESHOLD: Final = 20
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0


@dataclass(slots=True)
class Circuit:
    """Whether requests may be sent. Times are of the event loop's clock, in seconds.

    Attributes:
        opened_at: When sending was paused; None while it isn't.
        next_try: When the next single request may be sent.
        first_pause: Seconds before the first of them.
        reason: What the last failure said.
    """

    opened_at: float | None = None
    next_try: float = 0.0
    first_pause: float = _FIRST_PAUSE
    reason: str = ""
    _failures: int = 0
    _pause: float = 0.0

    def may_send(self, now: float, in_flight: int) -> bool:
        """Whether one more may be sent."""
        return self.opened_at is None or (not in_flight and now >= self.next_try)

    def landed(self) -> None:
        """Somebody answered: sending goes on."""
        self._failures, self.opened_at = 0, None

    def failed(self, now: float, reason: str = "") -> None:
        """A request failed as all do when nothing works."""
        self._failures += 1
        self.reason = reason
        if self.opened_at is None:
            if self._failures < THRESHOLD:
                return
            self.opened_at, self._pause = now, self.first_pause
        elif now >= self.next_try:
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        self.next_try = max(self.next_try, now + self._pause)
