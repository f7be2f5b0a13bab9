"""Replays one exchange through LiteLLM and says what was lost on the way there and back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from tests.support.waiting import PATIENCE, ahappens

from .expected_errors import error_failure
from .kinds import KINDS, Keywords, Kind, Returned, keywords_for
from .leaves import Leaf, leaves, lost_values
from .replay_server import Arrived, ReplayServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from typing_extensions import Self

    from .recordings import Exchange

Mode: TypeAlias = Literal["sync", "async"]
MODES: tuple[Mode, ...] = ("sync", "async")


@dataclass(frozen=True)
class Outcome:
    """What came of one exchange: at the server, at the caller, and how the two compare."""

    exchange: Exchange
    arrived: list[Arrived]
    returned: Returned | None
    raised: Exception | None
    lost: list[Leaf] = field(default_factory=list)
    unsent: list[Leaf] = field(default_factory=list)

    @property
    def failure(self) -> str | None:
        """Why the exchange failed as a whole; None when it ended as the recording says."""
        error = self.exchange.error
        if error is not None:
            return error_failure(error, self.exchange.status, self.raised)
        return None if self.raised is None else f"{type(self.raised).__name__}: {self.raised}"

    @property
    def leaves(self) -> int:
        """How many leaves the caller should have got; an error's words are not counted here."""
        return 0 if self.exchange.error else sum(1 for _ in leaves(self.exchange.answer))

    @property
    def request_leaves(self) -> int:
        """How many leaves should have arrived at the server."""
        return sum(1 for _ in leaves(self.exchange.request))

    @property
    def billed(self) -> Decimal | None:
        """The cost that the response should have: none of an error, and none where none came."""
        return None if self.exchange.error else self.exchange.billed

    @property
    def response_cost(self) -> Decimal | None:
        """The cost on the response, exactly as the float there is written; USD."""
        cost = self.returned.hidden.get("response_cost") if self.returned else None
        return None if cost is None else Decimal(repr(cost))

    @property
    def cost_is_right(self) -> bool:
        """Whether the cost is the billed one to the last digit, or absent where none was billed.

        LiteLLM's core writes 0 where it knows no price, so 0 counts as absent.
        """
        if self.billed is None:
            return not self.response_cost
        return self.response_cost == self.billed


class Replay:
    """Replays exchanges against one local server, with the adapter that `side` switches on."""

    def __init__(self, side: Callable[[], AbstractContextManager[Any]]) -> None:
        self._side = side
        self._server = ReplayServer()
        # One loop for all calls, because LiteLLM keeps its async clients for the loop of the first.
        self._loop = asyncio.new_event_loop()
        self._outcomes: dict[tuple[str, str, Mode], Outcome] = {}

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.__exit__(*exception)
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def outcome(self, exchange: Exchange, mode: Mode) -> Outcome:
        """Return what comes of an exchange; each is replayed once and then remembered."""
        key = (exchange.kind, exchange.name, mode)
        if key not in self._outcomes:
            self._outcomes[key] = self._replayed(exchange, mode)
        return self._outcomes[key]

    def ask(self, kind: Kind, keywords: Keywords, mode: Mode) -> Returned:
        """Make one call with the adapter switched on."""
        with self._side():
            if mode == "sync":
                return kind.call(keywords)
            return self._loop.run_until_complete(kind.acall(keywords))

    def wait_for(self, happened: Callable[[], bool], seconds: float = PATIENCE) -> bool:
        """Let LiteLLM's threads and tasks go on until something happened; False if it did not."""
        with self._side():
            return self._loop.run_until_complete(ahappens(happened, seconds))

    def offer(self, exchange: Exchange) -> tuple[str, list[Arrived]]:
        """Have the server answer with this exchange: its root, and the list that fills."""
        return self._server.offer(exchange)

    def _replayed(self, exchange: Exchange, mode: Mode) -> Outcome:
        root, arrived = self.offer(exchange)
        returned, raised = None, None
        try:
            returned = self.ask(KINDS[exchange.kind], keywords_for(exchange, root), mode)
        except Exception as error:  # noqa: BLE001 - whatever is raised is what is judged
            raised = error
        return Outcome(
            exchange,
            arrived,
            returned,
            raised,
            lost=lost_leaves(exchange, returned),
            unsent=lost_values(exchange.request, [request.body for request in arrived]),
        )


def lost_leaves(exchange: Exchange, returned: Returned | None) -> list[Leaf]:
    """Return the leaves of the answer that the caller did not get; all of them without one."""
    if exchange.error is not None:
        return []
    return lost_values(exchange.answer, returned.data if returned else [])
