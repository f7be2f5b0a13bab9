"""What becomes of each attempt: a result, a failure for good, or another try."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.batch import journal, results, retries
from openrouter_adapter.batch.exceptions import words_of
from openrouter_adapter.batch.journal import OpenAttempt
from openrouter_adapter.batch.writer import Entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.batch.concurrency import Flight
    from openrouter_adapter.batch.engine import Engine
    from openrouter_adapter.batch.journal import JournalState
    from openrouter_adapter.batch.requests import Request
    from openrouter_adapter.batch.sending import Outcome

# So many refusals of the key or the account, without an answer in between, are no accident.
_REFUSALS: Final = 3
# What the refusal of one provider counts: it may be that only its key is no good.
_OF_PROVIDER: Final = 0.1
# A throttled request is tried so many times as often as one that fails.
_PATIENCE: Final = 5


class Outcomes:
    """Writes outcomes down and plans further tries."""

    def __init__(
        self, past: JournalState, keep_media: Callable[[Request, dict[str, Any]], None] | None
    ) -> None:
        """Takes what costs aren't known so far, and what saves an answer's images."""
        self._past, self._keep_media = past, keep_media
        self._refusals = 0.0

    def settle(self, engine: Engine, flight: Flight, outcome: Outcome) -> None:
        """Writes an outcome down, or plans another try."""
        if outcome.failure is None:
            self._answered(engine, flight, outcome)
        else:
            self._failed(engine, flight, outcome, outcome.failure)

    def _answered(self, engine: Engine, flight: Flight, outcome: Outcome) -> None:
        self._refusals, engine.has_landed = 0.0, True
        engine.circuit.landed()
        flight.queue.concurrency.answered(outcome.latency)
        request, bill, body = flight.request, outcome.bill, outcome.body
        assert body is not None  # noqa: S101 - no failure
        if self._keep_media is not None:
            self._keep_media(request, body)
        line = results.result_line(flight.attempt, request.custom_id, bill, body, outcome.latency)
        word = self._word(engine, flight, outcome)
        engine.disk.result(line, word, ("result", bill, outcome.latency))
        engine.finished(flight)

    def _failed(self, engine: Engine, flight: Flight, outcome: Outcome, failure: Exception) -> None:
        now = asyncio.get_running_loop().time()
        _tell_limits(engine, flight, failure, now)
        refused = retries.status_of(failure) in {401, 402}
        if refused:
            self._refusals += 1 if not _is_of_provider(failure) else _OF_PROVIDER
            if self._refusals >= _REFUSALS:
                engine.stop(words_of(failure))
        if (refused or retries.is_retried(failure)) and _try_again(
            engine, flight, failure, now, most=_most_tries(engine, failure, refused=refused)
        ):
            engine.disk.word(self._word(engine, flight, outcome, is_last=False))
            return
        line = results.failure_line(
            flight.attempt,
            flight.request.custom_id,
            failure,
            outcome.bill,
            outcome.latency,
        )
        count = ("failure", type(failure).__name__, outcome.bill.total)
        engine.disk.failure(line, self._word(engine, flight, outcome), count)
        engine.finished(flight)

    def _word(
        self, engine: Engine, flight: Flight, outcome: Outcome, *, is_last: bool = True
    ) -> Entry:
        """What the journal and the ledger say of it."""
        attempt = flight.attempt
        row = engine.accounts.row(flight, outcome) if engine.accounts.is_on else None
        flight.row = None
        if outcome.charged is not None:
            return Entry(journal.settled(attempt, outcome.charged, is_last=is_last), row)
        generation_id = outcome.bill.generation_id
        self._past.open[attempt] = OpenAttempt(
            flight.worst or 0, generation_id, was_in_the_air=False
        )
        return Entry(journal.unsettled(attempt, generation_id), row)


def _most_tries(engine: Engine, failure: Exception, *, refused: bool) -> int:
    if refused:
        return _REFUSALS
    # Being told to wait is not failing, as long as it comes to an end.
    return engine.pace.tries * (_PATIENCE if retries.is_throttled(failure) else 1)


def _tell_limits(engine: Engine, flight: Flight, failure: Exception, now: float) -> None:
    if retries.is_outage(failure):
        if engine.circuit.opened_at is not None:
            # While nothing works, a try is not the request's own failure.
            flight.counted -= 1
        engine.circuit.failed(now, words_of(failure))
        return
    engine.circuit.landed()
    if retries.is_throttled(failure):
        flight.queue.concurrency.throttled(flight.sent_at, now, retries.asked_wait(failure))


def _try_again(
    engine: Engine, flight: Flight, failure: Exception, now: float, *, most: int
) -> bool:
    """Plans another try.

    Returns:
        False where the request has failed for good. True also where the run stops: the request
        is then left for the next run.
    """
    wait = retries.asked_wait(failure)
    if wait is not None and wait > engine.pace.longest_wait:
        engine.stop(f"OpenRouter asks to wait for {wait / 60:.0f} minutes: {words_of(failure)}")
    if engine.stopped:
        return True
    if flight.counted >= most:
        return False
    delay = (wait or 0.0) + retries.backoff(max(flight.counted, 1), engine.pace.backoff)
    engine.queues.postpone(flight, now + delay)
    engine.retries += 1
    return True


def _is_of_provider(failure: Exception) -> bool:
    """Whether it was a provider that refused, such as one with a key of your own."""
    return bool((getattr(failure, "openrouter", None) or {}).get("provider_name"))
