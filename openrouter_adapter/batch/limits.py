"""How many requests may be in the air: a level for each model that finds its own height.

It doubles while latency holds, then creeps; it halves when OpenRouter or the provider says that
there are too many, and shrinks a little where more only means slower.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FIRST: Final = 8
# A window's latency that is this many times the best one means that more is only slower.
_SLOWER: Final = 2.0
# The best latency is forgotten by this much a window: models get slower over the day.
_FORGETTING: Final = 1.02
_REFUSED_IN_A_ROW: Final = 3


@dataclass(slots=True)
class Level:
    """The requests of one model in the air, and how many may be.

    Attributes:
        most: The limit never passes it.
        finds_itself: Whether the limit follows latency; else it is `most` but for throttling.
        limit: How many may be in the air now.
        in_flight: How many are.
        paused_until: When the next may be sent, by the event loop's clock.
    """

    most: int
    finds_itself: bool = True
    limit: float = 0
    in_flight: int = 0
    paused_until: float = 0.0
    _best: float = 0.0
    _sum: float = 0.0
    _landed: int = 0
    _peak: int = 0
    _cut_at: float = 0.0
    _is_doubling: bool = True
    _refused: int = 0

    def __post_init__(self) -> None:
        if not self.limit:
            self.limit = min(FIRST, self.most) if self.finds_itself else self.most

    def has_room(self, now: float) -> bool:
        """Whether one more may be sent."""
        return self.in_flight < int(self.limit) and now >= self.paused_until

    def sent(self) -> None:
        """Counts one that was sent."""
        self.in_flight += 1
        self._peak = max(self._peak, self.in_flight)

    def throttled(self, sent_at: float, now: float, wait: float | None) -> None:
        """One was refused for being too many; those sent before the last cut say nothing new."""
        if sent_at >= self._cut_at:
            self.limit = max(self.limit / 2, 1)
            self._cut_at = now
            self._is_doubling = False
            self._begin_window()
        self._refused += 1
        # One that is refused among others that are answered waits alone.
        if wait is not None and self._refused >= _REFUSED_IN_A_ROW:
            self.paused_until = max(self.paused_until, now + wait)

    def answered(self, latency: float) -> None:
        """One was answered, after so many seconds."""
        self._refused = 0
        self._sum += latency
        self._landed += 1
        if self._landed >= self.limit:
            self._adjust(self._sum / self._landed)
            self._begin_window()

    def _adjust(self, latency: float) -> None:
        self._best = min(latency, self._best * _FORGETTING) if self._best else latency
        if self.finds_itself and latency > _SLOWER * self._best:
            self._is_doubling = False
            self.limit = max(self.limit * 0.9, 1)
        elif self._peak >= int(self.limit):
            # Only a limit that was used has shown that it holds.
            higher = self.limit * 2 if self._is_doubling else self.limit + max(1, self.limit / 20)
            self.limit = min(higher, self.most)

    def _begin_window(self) -> None:
        self._sum, self._landed, self._peak = 0.0, 0, self.in_flight
