"""How many requests may be in the air, which of those that wait is next, and when sending pauses.

A request waits for room in its model's lane, or for the time of its next try. Each lane has a
level that finds its own height: it doubles while latency holds, then creeps; it halves when
OpenRouter or the provider says that there are too many, and shrinks a little where more only means
slower. While everything fails, nothing is sent but one request at a time until one lands.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from openrouter_adapter.batch.options import Pace
    from openrouter_adapter.batch.requests import Request
    from openrouter_adapter.batch.results import Attempt
    from openrouter_adapter.ledger import LedgerError, Refusal, Row

FIRST: Final = 8
# A window's latency that is this many times the best one means that more is only slower.
_SLOWER: Final = 2.0
# The best latency is forgotten by this much a window: models get slower over the day.
_FORGETTING: Final = 1.02
_REFUSED_IN_A_ROW: Final = 3

THRESHOLD: Final = 20
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
# How often a ledger's budget is asked again whose rest others have reserved, seconds.
_ASK_AGAIN: Final = 0.5


@dataclass(slots=True)
class ConcurrencyLimit:
    """The requests of one model in the air, and how many may be.

    Attributes:
        most: The limit never passes it.
        finds_itself: Whether the limit follows latency; else it is `most` but for throttling.
        limit: How many may be in the air now.
        in_flight: How many are.
        paused_until: When the next may be sent, by the event loop's clock.
    """

    most: int
    is_adaptive: bool = True
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
            self.limit = min(FIRST, self.most) if self.is_adaptive else self.most

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
        if self.is_adaptive and latency > _SLOWER * self._best:
            self._is_doubling = False
            self.limit = max(self.limit * 0.9, 1)
        elif self._peak >= int(self.limit):
            # Only a limit that was used has shown that it holds.
            higher = self.limit * 2 if self._is_doubling else self.limit + max(1, self.limit / 20)
            self.limit = min(higher, self.most)

    def _begin_window(self) -> None:
        self._sum, self._landed, self._peak = 0.0, 0, self.in_flight


@dataclass(slots=True)
class Flight:
    """A request on its way through the engine.

    Attributes:
        request: What is sent.
        lane: The lane of its model.
        size: About how many bytes it takes in memory.
        attempt: The one in the air, or the last; its number is 0 before the first.
        counted: How many count against the tries that are allowed.
        worst: Picodollars that it may cost, None where it was not estimated.
        sent_at: When it was last sent, by the event loop's clock.
        row: The ledger's row of the attempt in the air, where a budget of the ledger holds it.
    """

    request: Request
    queue: ModelQueue
    size: int
    attempt: Attempt
    tries: int = 0
    worst: int | None = None
    sent_at: float = 0.0
    row: Row | None = None


@dataclass(slots=True)
class ModelQueue:
    """The level of a model, and the requests that wait for room in it."""

    concurrency: ConcurrencyLimit
    waiting: deque[Flight] = field(default_factory=deque)


class Queues:
    """All that wait. A throttled model does not hold up the others."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._queues: dict[str, ModelQueue] = {}
        self._later: list[tuple[float, int, Flight]] = []
        self._order = itertools.count()
        self._parked = 0

    def __len__(self) -> int:
        return self._parked + len(self._later)

    def of_model(self, model: str) -> ModelQueue:
        """The lane of a model, made when it is first asked for."""
        queue = self._queues.get(model)
        if queue is None:
            queue = ModelQueue(
                ConcurrencyLimit(self._pace.most_of_model(model), self._pace.is_adaptive)
            )
            self._queues[model] = queue
        return queue

    def park(self, flight: Flight, *, first: bool = False) -> None:
        """Has a request wait for room, before or behind the others."""
        self._parked += 1
        if first:
            flight.queue.waiting.appendleft(flight)
        else:
            flight.queue.waiting.append(flight)

    def postpone(self, flight: Flight, moment: float) -> None:
        """Has a request wait for a moment of the event loop's clock."""
        heapq.heappush(self._later, (moment, next(self._order), flight))

    def next(self, now: float) -> Flight | None:
        """A waiting request that may be sent now."""
        while self._later and self._later[0][0] <= now:
            self.park(heapq.heappop(self._later)[2], first=True)
        if self._parked:
            for queue in self._queues.values():
                if queue.waiting and queue.concurrency.has_room(now):
                    self._parked -= 1
                    return queue.waiting.popleft()
        return None

    def next_moment(self, now: float) -> float | None:
        """When something that waits may be sent next, unless something lands before."""
        moments = [
            queue.concurrency.paused_until for queue in self._queues.values() if queue.waiting
        ]
        if self._later:
            moments.append(self._later[0][0])
        return min((moment for moment in moments if moment > now), default=None)

    @property
    def limit(self) -> int:
        """How many may be in the air over all models."""
        return sum(int(queue.concurrency.limit) for queue in self._queues.values())


@dataclass(slots=True)
class CircuitBreaker:
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

    def open_for(self, now: float) -> float:
        """Seconds since sending was paused; 0 while it isn't."""
        return 0.0 if self.opened_at is None else now - self.opened_at

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


@dataclass(slots=True)
class BudgetWait:
    """The wait for what others spend and reserve under a budget of the ledger.

    Their bills make room for ours.

    Attributes:
        patience: Seconds without any change there, after which the wait is over.
        ask_at: When the budget may be asked again, by the event loop's clock.
    """

    patience: float
    ask_at: float = 0.0
    _seen: tuple[object, float] | None = None

    @property
    def has_begun(self) -> bool:
        """Whether the budget has refused since it last had room."""
        return self._seen is not None

    def begin(self, now: float) -> None:
        """Begins to wait: the budget is asked again at once."""
        self._seen = None, now

    def end(self) -> None:
        """Ends the wait: there was room."""
        self._seen = None

    def goes_on(self, refusal: Refusal | LedgerError, now: float) -> bool:
        """Whether to wait longer after another refusal."""
        state = getattr(refusal, "spent", None), getattr(refusal, "held", None)
        before, since = self._seen or (None, now)
        if state != before:
            self._seen = state, now
        elif now - since > self.patience:
            return False
        self.ask_at = now + _ASK_AGAIN
        return True
