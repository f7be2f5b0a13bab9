"""Submits a batch to OpenRouter's Batch API, once, whatever happens on the way.

The batch's lines and its intent are on disk before it is submitted, and its id is on disk before
anything else happens. If the answer is lost, the batch is looked for in the account's list, by its
time, its endpoint, its model and its number of requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import aiohttp

from openrouter_adapter.batch import journal, pending, retries
from openrouter_adapter.batch.concurrency import BudgetWait
from openrouter_adapter.batch.exceptions import FolderUnfit, words_of
from openrouter_adapter.batches import wire
from openrouter_adapter.ledger import Refusal
from openrouter_adapter.ledger.metadata import label
from openrouter_adapter.wire import model_names, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable

    from openrouter_adapter.batch.accounting import JobLedger
    from openrouter_adapter.batch.folder import Folder
    from openrouter_adapter.batch.grouping import Group
    from openrouter_adapter.batch.journal import JournalState, SubmittedBatch
    from openrouter_adapter.batch.options import Pace
    from openrouter_adapter.batch.pending import Lines
    from openrouter_adapter.batch.results import Attempt
    from openrouter_adapter.batch.sending import Sender
    from openrouter_adapter.batch.writer import Writer
    from openrouter_adapter.ledger import Row

# Seconds by which OpenRouter's clock may be behind ours.
_CLOCKS: Final = 300.0
_PAGE: Final = "100"
# Seconds between two questions to a ledger's budget whose rest others have reserved.
_ASK_AGAIN: Final = 0.5
_REFUSED: Final = frozenset({401, 402, 403})


class Halt:
    """Whether a run goes on; waits end when it is stopped.

    Attributes:
        reason: Why the run ends early, as a sentence; None while it continues.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self._wake = asyncio.Event()

    def stop(self, reason: str) -> None:
        """Ends the run early. The first reason stays."""
        if self.reason is None:
            self.reason = reason
        self._wake.set()

    def wake(self) -> None:
        """Ends the waits that are in progress."""
        self._wake.set()

    async def pause(self, seconds: float) -> None:
        """Waits, but only until something happens."""
        self._wake.clear()
        if self.reason is None:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), seconds)


@dataclass(slots=True)
class Open:
    """A batch whose outcomes aren't all written.

    Attributes:
        batch: The batch as the journal has it.
        ids: Its id at OpenRouter; several if each of them may be it; empty while none is known.
        answered: Number of its requests that OpenRouter has an answer to.
        next_poll: When it is asked for next, by the monotonic clock.
        pause: Seconds before that.
        missing: Number of answers of "not found" in a row.
    """

    batch: SubmittedBatch
    ids: list[str] = field(default_factory=list)
    answered: int = 0
    next_poll: float = 0.0
    pause: float = 0.0
    missing: int = 0

    def wait(self, pace: Pace, asked: float | None = None) -> None:
        """Plans the next question, after a pause that grows."""
        self.pause = min(max(self.pause * 1.5, pace.poll), pace.longest_poll)
        self.next_poll = time.monotonic() + max(self.pause, asked or 0.0)


class Submitter:
    """Submits the batches of one run, one after another."""

    def __init__(
        self,
        sender: Sender,
        writer: Writer,
        ledger: JobLedger,
        pace: Pace,
        state: JournalState,
        folder: Folder,
        halt: Halt,
    ) -> None:
        self._sender, self._writer, self._ledger, self._pace = sender, writer, ledger, pace
        self._state, self._folder, self._halt = state, folder, halt

    async def reserve(
        self, batch: SubmittedBatch, row: Row, has_open: Callable[[], bool]
    ) -> bool | None:
        """Reserves a batch's worst case in the ledger, under all budgets that apply.

        Args:
            batch: The batch.
            row: The row that gets the reservation.
            has_open: Whether other batches of this run may make room when they end.

        Returns:
            True if it is reserved, False if the run was stopped; None if a smaller one may fit.
        """
        others = BudgetWait(self._pace.budget_patience)
        while self._ledger.has_budgets:
            (refusal,) = await self._ledger.reserve_rows([(row, batch.reserved)])
            if refusal is None:
                return True
            now = time.monotonic()
            waits = isinstance(refusal, Refusal) and refusal.is_for_now
            if waits and has_open():
                await self._halt.pause(self._pace.longest_poll)
            elif waits and not others.has_begun:
                others.begin(now)
            elif isinstance(refusal, Refusal) and waits and others.goes_on(refusal, now):
                await self._halt.pause(_ASK_AGAIN)
            elif isinstance(refusal, Refusal) and batch.requests > 1:
                return None
            else:
                self._halt.stop(f"The ledger: {refusal}.")
            if self._halt.reason is not None:
                return False
        return True

    async def prepare(self, one: Open, lines: Lines) -> bool:
        """Writes a batch's lines and intent to disk; False if that failed, which stops the run."""
        try:
            await asyncio.to_thread(pending.write, self._folder, one.batch.number, lines)
            await self._writer.write_intents([journal.batch_submitted(one.batch)])
        except FolderUnfit as failure:
            self._halt.stop(str(failure))
            return False
        except OSError:
            self._halt.stop(self._writer.error_text)
            return False
        return True

    async def submit(self, one: Open, group: Group, row: Row) -> Exception | None:
        """Submits a batch whose intent is on disk.

        Returns:
            None if it was accepted (then `one.ids` isn't empty) or nobody knows yet; the exception
            if OpenRouter has certainly not accepted it.
        """
        failure: Exception | None = None
        if self._ledger.is_on:
            failure = await self._ledger.write_open([row])
        if failure is not None:
            self._halt.stop(f"The ledger: {failure}.")
            return failure
        content = wire.submission(
            group.endpoint, group.model, group.requests, provider=group.provider
        )
        for tries in range(1, self._pace.tries + 1):
            failure = await self._try(one, content)
            if failure is None or self._halt.reason is not None:
                return failure
            if not retries.is_retried(failure) or tries == self._pace.tries:
                break
            wait = retry_after.asked_wait(failure) or 0.0
            await self._halt.pause(wait + retries.backoff(tries, self._pace.backoff))
        assert failure is not None  # noqa: S101 - the loop ends with one
        if retries.is_retried(failure) or retries.status_of(failure) in _REFUSED:
            self._halt.stop(words_of(failure))
        return failure

    async def _try(self, one: Open, content: bytes) -> Exception | None:
        """Submits it once; if the answer is lost, looks for the batch in the account's list."""
        try:
            answer = await self._sender.call(
                "POST", wire.PATH, content=content, model=one.batch.model
            )
            found = wire.parse(*answer, one.batch.model)
        except Exception as failure:  # noqa: BLE001 - whatever it was, it may have been accepted
            if not _may_be_accepted(failure):
                return failure
            is_there = await self.look(one)
            return failure if is_there is False else None
        await self.accept(one, found.id)
        return None

    async def accept(self, one: Open, batch_id: str) -> None:
        """Writes the id of an accepted batch to disk, before anything else happens.

        Raises:
            OSError: it can't be written.
        """
        one.batch.batch_id, one.ids = batch_id, [batch_id]
        one.batch.status = "validating"
        await self._writer.write_intents([journal.batch_accepted(one.batch.number, batch_id)])
        one.wait(self._pace)

    async def look(self, one: Open) -> bool | None:
        """Looks for a batch in the account's list; `one` gets the ids of those that may be it.

        Returns:
            Whether it is there; None if the run was stopped before that was known.
        """
        lines = pending.read(self._folder, one.batch.number)
        # What is not there at first may still be on its way.
        until = lines.submitted_at / 1e6 + self._pace.lost_patience
        asked_since = time.monotonic()
        while self._halt.reason is None:
            failure: Exception | None = None
            found: list[str] = []
            try:
                found = await self._alike(one.batch, lines)
            except Exception as raised:  # noqa: BLE001 - asked again, whatever it was
                failure = raised
            if len(found) == 1:
                await self.accept(one, found[0])
                return True
            if found:
                # Their results will say which one it is.
                one.ids = found
                return True
            if failure is None and time.time() >= until:
                return False
            if failure is not None and (
                retries.status_of(failure) in _REFUSED
                or time.monotonic() - asked_since > self._pace.patience
            ):
                self._halt.stop(f"The account's batches can't be listed: {words_of(failure)}")
                return None
            await self._halt.pause(self._pace.poll)
        return None

    async def _alike(self, batch: SubmittedBatch, lines: Lines) -> list[str]:
        """Ids in the account's list that may be the batch's, without the job's other batches."""
        known = {one.batch_id for one in self._state.batches.values()}
        since = lines.submitted_at / 1e6 - _CLOCKS
        query: dict[str, str] = {"limit": _PAGE, "created_after": str(int(since))}
        found: list[str] = []
        while True:
            page = wire.parse_page(
                *await self._sender.call("GET", wire.PATH, params=query, model=batch.model)
            )
            found += [
                one.id
                for one in page.batches
                if one.id not in known
                and one.endpoint == batch.endpoint
                and model_names.without_batch(one.model) == batch.model
                and one.total == batch.requests
            ]
            if not page.has_more or not page.last_id:
                return found
            query["after"] = page.last_id


def row_of(ledger: JobLedger, batch: SubmittedBatch, lines: Lines, attempt: Attempt) -> Row:
    """The ledger's row of an attempt in a batch."""
    user, session = lines.labels.get(attempt.line, (None, None))
    name = label(user)
    return ledger.new_row(
        attempt,
        lines.submitted_at,
        endpoint=wire.PATH,
        model=batch.model,
        user_id=name,
        end_user_id=name,
        session_id=label(session),
    )


def _may_be_accepted(failure: Exception) -> bool:
    """Whether OpenRouter may have accepted a submission that failed."""
    if isinstance(failure.__cause__, aiohttp.ClientConnectorError):
        return False
    status = retries.status_of(failure)
    return failure.__cause__ is not None or status >= 500 or status == 408
