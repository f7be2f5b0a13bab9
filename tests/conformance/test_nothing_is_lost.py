"""Everything that was recorded arrives: at the server what was asked, at the caller the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kinds import KINDS
from .leaves import plain
from .measure import Totals, losses, totals
from .recordings import load
from .replay import MODES

if TYPE_CHECKING:
    from .recordings import Exchange
    from .replay import Mode, Outcome, Replay


def test_exchange_is_whole(outcome: Outcome) -> None:
    assert not losses(outcome)


def test_sync_and_async_give_the_same(replay: Replay, exchange: Exchange) -> None:
    one, other = (replay.outcome(exchange, mode) for mode in MODES)
    assert answer_of(one) == answer_of(other)
    assert [request.body for request in one.arrived] == [request.body for request in other.arrived]


def test_all_exchanges_together(replay: Replay, mode: Mode) -> None:
    found = totals(replay.outcome(exchange, mode) for kind in KINDS for exchange in load(kind))
    assert found == Totals(
        exchanges=found.exchanges,
        leaves=found.leaves,
        request_leaves=found.request_leaves,
        costs=found.costs,
    )
    assert found.exchanges > 0


def answer_of(outcome: Outcome) -> object:
    """Return the response and its chunks as data, or the class of what was raised."""
    if outcome.returned is None:
        return type(outcome.raised)
    return [plain(part) for part in (*outcome.returned.chunks, outcome.returned.response)]
