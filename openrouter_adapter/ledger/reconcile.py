"""Asks OpenRouter what it charged if the answer did not say: abandoned streams, timeouts, crashes.

Only `reconcile` asks, by `GET /generation` (for videos and batches, by their own endpoints); no
request waits for it. OpenRouter knows the cost
some seconds after a request's end, so after "not found" it is asked again, after longer and longer
pauses.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.ledger.billing import read_generation
from openrouter_adapter.ledger.rows import LEFT, OPEN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from openrouter_adapter.ledger.rows import Row
    from openrouter_adapter.ledger.store import Store

_FIRST_PAUSE: Final = 2.0
_LONGEST_PAUSE: Final = 6 * 3600.0
# OpenRouter's activity covers 30 days; a person must look up what is not found by then.
_GIVEN_UP_AFTER: Final = 30 * 86_400
_AT_ONCE: Final = 8
_ROWS_A_ROUND: Final = 1_000


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The result of a reconciliation.

    Attributes:
        settled: Rows whose cost is known now.
        pending: Rows that OpenRouter does not know yet; they are asked for again later.
        failed: Rows for which the request failed: no connection, an error of OpenRouter's.
        without_id: Rows of requests that ended before OpenRouter gave them an id, and whose cost
            the usage of their key does not show (yet).
    """

    settled: int = 0
    pending: int = 0
    failed: int = 0
    without_id: int = 0


def reconcile(
    store: Store,
    ask: Callable[[Row], Mapping[str, Any]],
    *,
    is_forced: bool = False,
) -> Reconciled:
    """Asks for the cost of every row that is due, and writes what it finds.

    Args:
        store: The ledger.
        ask: Returns what `api.get_generation` does for a row; an `outcome` in it becomes the row's
            if the row is still open. Raises `LookupError` if the cost is not known yet.
        is_forced: Asks also for rows that are not due yet.

    Raises:
        LedgerError: the ledger can't be read or written.
        litellm.AuthenticationError: the key is invalid.
    """
    from litellm.exceptions import AuthenticationError, NotFoundError

    settled = pending = failed = 0
    before = _now() + (10**15 if is_forced else 0)
    asked: set[tuple[str, int]] = set()
    while True:
        due = [
            row
            for row in store.rows(
                "ask_after IS NOT NULL AND ask_after <= :before AND generation_id IS NOT NULL",
                before=before,
                limit=_ROWS_A_ROUND + len(asked),
            )
            if (row.call_id, row.attempt) not in asked
        ]
        if not due:
            return Reconciled(settled, pending, failed)
        asked.update((row.call_id, row.attempt) for row in due)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            outcomes = list(pool.map(lambda row: _ask(row, ask), due))
        store.write([row for row, _ in outcomes])
        for _, failure in outcomes:
            if isinstance(failure, AuthenticationError):
                raise failure
            settled += failure is None
            pending += isinstance(failure, LookupError | NotFoundError)
        failed = len(asked) - settled - pending


def _ask(row: Row, ask: Callable[[Row], Mapping[str, Any]]) -> tuple[Row, Exception | None]:
    """The row after asking, and the reason if its cost is still not known."""
    new = replace(row, asks=row.asks + 1)
    try:
        found = ask(row)
        if read_generation(new, found):
            if new.outcome == OPEN:
                # Its end was not recorded: the process died, or is still working on it.
                new.outcome = found.get("outcome", LEFT)
            return new, None
        failure: Exception = LookupError(row.generation_id)
    except Exception as raised:  # noqa: BLE001 - the row is asked for again, whatever it was
        failure = raised
    new.ask_after = _again(row)
    return new, failure


def _again(row: Row) -> int | None:
    """When to ask again: after a pause that doubles each time; None if it is too long ago."""
    if _now() - row.started_at > _GIVEN_UP_AFTER * 1_000_000:
        return None
    pause: float = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(row.asks, 20))
    return _now() + round(pause * 1_000_000)


def _now() -> int:
    return time.time_ns() // 1000
