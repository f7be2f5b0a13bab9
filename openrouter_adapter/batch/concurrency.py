"""Requests that wait: for room in their model's lane, or for the time of their next try."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from openrouter_adapter.batch.limits import Level

if TYPE_CHECKING:
    from openrouter_adapter.batch.requests import Request
    from openrouter_adapter.batch.results import Attempt
    from openrouter_adapter.batch.settings import Pace
    from openrouter_adapter.ledger import Row


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
    lane: Lane
    size: int
    attempt: Attempt
    counted: int = 0
    worst: int | None = None
    sent_at: float = 0.0
    row: Row | None = None


@dataclass(slots=True)
class Lane:
    """The level of a model, and the requests that wait for room in it."""

    level: Level
    waiting: deque[Flight] = field(default_factory=deque)


class Lanes:
    """All that wait. A throttled model does not hold up the others."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._lanes: dict[str, Lane] = {}
        self._later: list[tuple[float, int, Flight]] = []
        self._order = itertools.count()
        self._parked = 0

    def __len__(self) -> int:
        return self._parked + len(self._later)

    def of_model(self, model: str) -> Lane:
        """The lane of a model, made when it is first asked for."""
        lane = self._lanes.get(model)
        if lane is None:
            lane = Lane(Level(self._pace.most_of_model(model), self._pace.finds_itself))
            self._lanes[model] = lane
        return lane

    def park(self, flight: Flight, *, first: bool = False) -> None:
        """Has a request wait for room, before or behind the others."""
        self._parked += 1
        if first:
            flight.lane.waiting.appendleft(flight)
        else:
            flight.lane.waiting.append(flight)

    def postpone(self, flight: Flight, moment: float) -> None:
        """Has a request wait for a moment of the event loop's clock."""
        heapq.heappush(self._later, (moment, next(self._order), flight))

    def next(self, now: float) -> Flight | None:
        """A waiting request that may be sent now."""
        while self._later and self._later[0][0] <= now:
            self.park(heapq.heappop(self._later)[2], first=True)
        if self._parked:
            for lane in self._lanes.values():
                if lane.waiting and lane.level.has_room(now):
                    self._parked -= 1
                    return lane.waiting.popleft()
        return None

    def next_moment(self, now: float) -> float | None:
        """When something that waits may be sent next, unless something lands before."""
        moments = [lane.level.paused_until for lane in self._lanes.values() if lane.waiting]
        if self._later:
            moments.append(self._later[0][0])
        return min((moment for moment in moments if moment > now), default=None)

    @property
    def limit(self) -> int:
        """How many may be in the air over all models."""
        return sum(int(lane.level.limit) for lane in self._lanes.values())
