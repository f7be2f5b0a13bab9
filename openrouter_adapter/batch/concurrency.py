"""How many requests may be in flight, which one is next, and when sending pauses.

A request waits in the queue of its model for room, or for the time of its next attempt. Each model
has a concurrency limit that adapts: it doubles while latency stays low, then grows slowly. It
halves when OpenRouter or the provider says that there are too many requests, and shrinks a little
if more requests are only slower. While everything fails, a circuit breaker lets one request at a
time through until one is answered.
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
    from openrouter_adapter.ledger import Refusal, Row

FIRST: Final = 8
# More requests at once only make each slower if a window's latency is this many times the best.
_SLOWER: Final = 2.0
# Growth of the best latency in each window: models get slower over the day.
_FORGETTING: Final = 1.02
_REFUSED_IN_A_ROW: Final = 3

THRESHOLD: Final = 20
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
# Seconds between two questions to a ledger's budget whose rest others have reserved.
_ASK_AGAIN: Final = 0.5


@dataclass(slots=True)
class ConcurrencyLimit:
    """Number of requests of one model in flight, and its limit.

    Attributes:
        most: Upper bound of the limit.
        is_adaptive: Whether the limit follows latency; otherwise it is `most`, unless throttled.
        limit: Number of requests that may be in flight now.
        in_flight: Number of requests that are in flight.
        paused_until: When the next request may be sent, by the event loop's clock.
    """

    most: int
    is_adaptive: bool = True
    limit: float = 0
    in_flight: int = 0
    paused_until: float = 0.0
    _best: float = 0.0
    _sum: float = 0.0
    _answered: int = 0
    _peak: int = 0
    _cut_at: float = 0.0
    _is_doubling: bool = True
    _refused: int = 0

    def __post_init__(self) -> None:
        if not self.limit:
            self.limit = min(FIRST, self.most) if self.is_adaptive else self.most

    def has_room(self, now: float) -> bool:
        """Whether one more request may be sent."""
        return self.in_flight < int(self.limit) and now >= self.paused_until

    def sent(self) -> None:
        """Counts a request that was sent."""
        self.in_flight += 1
        self._peak = max(self._peak, self.in_flight)

    def throttled(self, sent_at: float, now: float, wait: float | None) -> None:
        """Halves the limit; refusals of requests sent before the last cut say nothing new."""
        if sent_at >= self._cut_at:
            self.limit = max(self.limit / 2, 1)
            self._cut_at = now
            self._is_doubling = False
            self._begin_window()
        self._refused += 1
        # A request that is refused while others are answered waits alone.
        if wait is not None and self._refused >= _REFUSED_IN_A_ROW:
            self.paused_until = max(self.paused_until, now + wait)

    def answered(self, latency: float) -> None:
        """Counts an answer and its latency in seconds, and adapts the limit to a window of them."""
        self._refused = 0
        self._sum += latency
        self._answered += 1
        if self._answered >= self.limit:
            self._adjust(self._sum / self._answered)
            self._begin_window()

    def _adjust(self, latency: float) -> None:
        self._best = min(latency, self._best * _FORGETTING) if self._best else latency
        if self.is_adaptive and latency > _SLOWER * self._best:
            self._is_doubling = False
            self.limit = max(self.limit * 0.9, 1)
        elif self._peak >= int(self.limit):
            # Only a limit that was reached has shown that more may be possible.
            higher = self.limit * 2 if self._is_doubling else self.limit + max(1, self.limit / 20)
            self.limit = min(higher, self.most)

    def _begin_window(self) -> None:
        self._sum, self._answered, self._peak = 0.0, 0, self.in_flight


@dataclass(slots=True)
class Flight:
    """A request on its way through the engine.

    Attributes:
        request: What is sent.
        queue: The queue of its model.
        size: About how many bytes it takes in memory.
        attempt: The attempt in flight, or the last one; its number is 0 before the first.
        tries: Number of attempts that count against the allowed ones.
        worst: Picodollars that it may cost; None if that was not estimated.
        sent_at: When it was last sent, by the event loop's clock.
        row: The ledger's row of the attempt in flight, if there is one.
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
    """The concurrency limit of a model, and the requests that wait for room."""

    concurrency: ConcurrencyLimit
    waiting: deque[Flight] = field(default_factory=deque)


class Queues:
    """All waiting requests, by model: a throttled model does not delay the others."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._queues: dict[str, ModelQueue] = {}
        self._later: list[tuple[float, int, Flight]] = []
        self._order = itertools.count()
        self._parked = 0

    def __len__(self) -> int:
        return self._parked + len(self._later)

    def of_model(self, model: str) -> ModelQueue:
        """The queue of a model; created when it is first needed."""
        queue = self._queues.get(model)
        if queue is None:
            queue = ModelQueue(
                ConcurrencyLimit(self._pace.most_of_model(model), self._pace.is_adaptive)
            )
            self._queues[model] = queue
        return queue

    def park(self, flight: Flight, *, first: bool = False) -> None:
        """Puts a request first or last into its queue, where it waits for room."""
        self._parked += 1
        if first:
            flight.queue.waiting.appendleft(flight)
        else:
            flight.queue.waiting.append(flight)

    def postpone(self, flight: Flight, moment: float) -> None:
        """Lets a request wait until a time of the event loop's clock."""
        heapq.heappush(self._later, (moment, next(self._order), flight))

    def next(self, now: float) -> Flight | None:
        """A waiting request that may be sent now; None if there is none."""
        while self._later and self._later[0][0] <= now:
            self.park(heapq.heappop(self._later)[2], first=True)
        if self._parked:
            for queue in self._queues.values():
                if queue.waiting and queue.concurrency.has_room(now):
                    self._parked -= 1
                    return queue.waiting.popleft()
        return None

    def next_moment(self, now: float) -> float | None:
        """The earliest time at which a waiting request may be sent, if none finishes before."""
        moments = [
            queue.concurrency.paused_until for queue in self._queues.values() if queue.waiting
        ]
        if self._later:
            moments.append(self._later[0][0])
        return min((moment for moment in moments if moment > now), default=None)

    @property
    def limit(self) -> int:
        """Number of requests that may be in flight, of all models together."""
        return sum(int(queue.concurrency.limit) for queue in self._queues.values())


@dataclass(slots=True)
class CircuitBreaker:
    """Stops sending while everything fails. Times are of the event loop's clock, in seconds.

    Attributes:
        opened_at: When sending was paused; None while it isn't.
        next_try: When the next single request may be sent.
        first_pause: Seconds before the first single request.
        reason: Message of the last failure.
    """

    opened_at: float | None = None
    next_try: float = 0.0
    first_pause: float = _FIRST_PAUSE
    reason: str = ""
    _failures: int = 0
    _pause: float = 0.0

    def may_send(self, now: float, in_flight: int) -> bool:
        """Whether one more request may be sent."""
        return self.opened_at is None or (not in_flight and now >= self.next_try)

    def open_for(self, now: float) -> float:
        """Seconds since sending was paused; 0 while it isn't."""
        return 0.0 if self.opened_at is None else now - self.opened_at

    def close(self) -> None:
        """Resumes sending: a request reached OpenRouter and was answered."""
        self._failures, self.opened_at = 0, None

    def failed(self, now: float, reason: str = "") -> None:
        """Counts a failure of the kind that occurs when nothing works."""
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
    """Waits while others spend and reserve under a budget of the ledger.

    Their bills may make room for our requests.

    Attributes:
        patience: Seconds without any change under the budget after which the wait is over.
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
        """Begins the wait; the budget is asked again at once."""
        self._seen = None, now

    def end(self) -> None:
        """Ends the wait: there was room."""
        self._seen = None

    def goes_on(self, refusal: Refusal, now: float) -> bool:
        """Whether the wait goes on after another refusal."""
        state = refusal.spent, refusal.held
        before, since = self._seen or (None, now)
        if state != before:
            self._seen = state, now
        elif now - since > self.patience:
            return False
        self.ask_at = now + _ASK_AGAIN
        return True
