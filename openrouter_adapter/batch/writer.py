"""Writes results, failures and the journal: in groups, synced, in an order that survives a kill.

A thread does the writing, so that the event loop never waits for a disk. Intents are synced before
their requests are sent. Results are written at once, so that a killed run loses none, and synced
many at a time, in case the machine fails. The ledger's rows follow, then the journal's entries: a
killed run may have a result that the ledger or the journal lacks, which the next run notices, but
never the other way round.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import queue
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from openrouter_adapter import files
from openrouter_adapter.batch import results

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from openrouter_adapter.batch.folder import Folder
    from openrouter_adapter.ledger import Row

# Seconds that a result waits for others to be synced with it. A sync takes 90 µs of CPU time.
_GROUPING: Final = 0.05
# Seconds that a row of the ledger waits for others.
_LATER: Final = 0.1
# Bytes kept free on the disk for requests that are in flight when it fills up.
RESERVE: Final = 8 * 1024 * 1024
# Bytes that may wait to be written before sending pauses.
MOST_WAITING: Final = 64 * 1024 * 1024
# Bytes of results that may be written and not synced.
_MOST_UNSYNCED: Final = 16 * 1024 * 1024


class Entry(NamedTuple):
    """A line of the journal about an attempt, and the ledger's row of it."""

    line: bytes
    row: Row | None = None


@dataclass(slots=True)
class _Answers:
    """Results and failures, their journal entries, and what to count once they are synced."""

    results: list[bytes] = field(default_factory=list)
    failures: list[bytes] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    counts: list[Any] = field(default_factory=list)
    size: int = 0

    def add(self, later: _Answers) -> None:
        """Appends later answers."""
        self.results += later.results
        self.failures += later.failures
        self.entries += later.entries
        self.counts += later.counts
        self.size += later.size


@dataclass(slots=True)
class _Group:
    """What is written at once.

    Attributes:
        notes: Lines of the journal.
        intents: Lines of the journal about requests that wait to be sent.
        waiters: Wait until the intents are synced.
        answers: Results and failures.
        syncs: Whether everything is synced, and entries and rows are written.
        counts: What is on disk now; set by the thread.
    """

    notes: list[bytes] = field(default_factory=list)
    intents: list[bytes] = field(default_factory=list)
    waiters: list[asyncio.Future[None]] = field(default_factory=list)
    answers: _Answers = field(default_factory=_Answers)
    syncs: bool = False
    counts: list[Any] = field(default_factory=list)


class Writer:
    """The files that a run appends to.

    Attributes:
        error: Why nothing more can be sent; None while all is well. Results of requests in flight
            can still be written for a while: RESERVE is given up for them.
        unsaved: Number of results and failures that could not be written in the end.
    """

    def __init__(
        self,
        folder: Folder,
        written: Callable[[list[Any]], None],
        write_rows: Callable[[Sequence[Row]], None],
    ) -> None:
        """Opens the files.

        Args:
            folder: The job's folder.
            written: Called in the event loop with the counts of results and failures that are on
                disk now.
            write_rows: Writes rows to the ledger; called in the thread. Raises LedgerError.

        Raises:
            OSError: they can't be opened, or there is no room for the reserve.
        """
        self._folder, self._written, self._write_rows = folder, written, write_rows
        self._loop = asyncio.get_running_loop()
        self._group, self._is_flushing = _Group(), False
        self._timer: asyncio.TimerHandle | None = None
        self._results, self._failures, self._journal = (
            _Appended(path) for path in (folder.results, folder.failures, folder.journal)
        )
        _fill(folder.reserve)
        # The thread's own: answers that are written and not synced, and entries of synced ones.
        self._unsynced = _Answers()
        self._synced_at = self._entered_at = time.monotonic()
        self._entries: list[Entry] = []
        self._queue: queue.SimpleQueue[_Group | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_groups, name="batch-disk", daemon=True)
        self._thread.start()
        self.error: Exception | None = None
        self.unsaved = 0

    @property
    def is_full(self) -> bool:
        """Whether so much waits to be written that sending should pause."""
        return self._group.answers.size > MOST_WAITING

    @property
    def error_text(self) -> str:
        """What is wrong and what to do, as sentences."""
        if isinstance(self.error, OSError):
            return str(self._folder.unfit(self.error))
        return (
            f"The ledger can't be written: {self.error}. Missing rows are written when the job "
            "continues."
        )

    def result(self, line: bytes, entry: Entry | None, count: Any) -> None:
        """Appends an answer, its journal entry, and what to count when it is on disk."""
        answers = self._group.answers
        answers.results.append(line)
        answers.counts.append(count)
        self.write_entry(entry, len(line))

    def failure(self, line: bytes, entry: Entry | None, count: Any) -> None:
        """Appends a failure in the same way."""
        answers = self._group.answers
        answers.failures.append(line)
        answers.counts.append(count)
        self.write_entry(entry, len(line))

    def write_entry(self, entry: Entry | None, size: int = 0) -> None:
        """Appends to the journal and the ledger, later than results."""
        answers = self._group.answers
        if entry is not None:
            answers.entries.append(entry)
            size += len(entry.line)
        answers.size += size
        self._flush_soon()

    def note(self, line: bytes) -> None:
        """Appends a line to the journal, soon."""
        self._group.notes.append(line)
        self._flush_soon()

    async def write_intents(self, intents: Iterable[bytes]) -> None:
        """Returns once intents, and all notes so far, are on disk.

        Raises:
            OSError: they can't be written, and never will be.
        """
        self._group.intents += intents
        waiter = self._loop.create_future()
        self._group.waiters.append(waiter)
        if not self._is_flushing:
            self._flush()
        await waiter

    async def synced(self) -> None:
        """Returns once everything so far is on disk, and in the ledger.

        Raises:
            OSError: results or notes can't be written.
        """
        self._group.syncs = True
        await self.write_intents(())

    async def close(self) -> None:
        """Writes what is left and closes the files; `unsaved` counts what could not be written."""
        while self._is_flushing:  # noqa: ASYNC110 - a flush takes milliseconds
            await asyncio.sleep(0.005)
        with contextlib.suppress(OSError):
            await self.synced()
        left = self._group.answers
        self.unsaved = len(left.results) + len(left.failures)
        # Results that were paid for and are lost are still accounted for.
        self._entries += left.entries
        if self._timer is not None:
            self._timer.cancel()
        self._queue.put(None)
        await self._loop.run_in_executor(None, self._thread.join)
        for appended in (self._results, self._failures, self._journal):
            appended.close()
        self._folder.reserve.unlink(missing_ok=True)

    def _flush_soon(self, seconds: float = _GROUPING) -> None:
        if self._timer is None and not self._is_flushing:
            self._timer = self._loop.call_later(seconds, self._flush)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        group, self._group = self._group, _Group()
        self._is_flushing = True
        self._queue.put(group)

    def _flushed(self, group: _Group, failure: OSError | None) -> None:
        self._is_flushing = False
        if failure is not None:
            self._failed(group, failure)
            return
        for waiter in group.waiters:
            if not waiter.done():
                waiter.set_result(None)
        if group.counts:
            self._written(group.counts)
        waiting = self._group
        if waiting.waiters:
            self._flush()
        elif waiting.answers.size or waiting.notes or self._unsynced.size:
            self._flush_soon()
        elif self._entries:
            # Others may be waiting for the room that these bills make in a budget.
            self._flush_soon(_LATER)

    def _failed(self, group: _Group, failure: OSError) -> None:
        """Keeps what could not be written for another attempt; close() makes the last one.

        Drops intents: their requests were not sent.
        """
        self.error = failure
        later, self._group = self._group, group
        # Waiters that came in the meantime would wait for a flush that nobody begins.
        waiters, group.waiters = group.waiters + later.waiters, []
        group.intents = []
        group.notes += later.notes
        group.answers.add(later.answers)
        for waiter in waiters:
            if not waiter.done():
                waiter.set_exception(failure)

    def _write_groups(self) -> None:
        while (group := self._queue.get()) is not None:
            failure = self._write_or_make_room(group)
            with contextlib.suppress(RuntimeError):  # the loop was closed: a second signal
                self._loop.call_soon_threadsafe(self._flushed, group, failure)
        self._write_entries()

    def _write_or_make_room(self, group: _Group) -> OSError | None:
        try:
            self._write(group)
        except OSError as failure:
            if failure.errno in {errno.ENOSPC, errno.EDQUOT}:
                self.error = failure
                with contextlib.suppress(OSError):
                    self._folder.reserve.unlink()
                    self._write(group)
                    return None
            return failure
        return None

    def _write(self, group: _Group) -> None:
        """Writes a group, and syncs answers if it is time.

        Raises:
            OSError: nothing was written. The group now has unsynced answers, too.
        """
        now = time.monotonic()
        try:
            self._results.write(group.answers.results)
            self._failures.write(group.answers.failures)
            self._journal.write(group.notes)
            self._journal.write(group.intents)
            self._journal.sync()
            self._unsynced.add(group.answers)
            group.answers = _Answers()
            if (
                group.syncs
                or now - self._synced_at > _GROUPING
                or self._unsynced.size > _MOST_UNSYNCED
            ):
                self._results.sync()
                self._failures.sync()
                self._synced_at = now
                self._entries += self._unsynced.entries
                group.counts, self._unsynced = self._unsynced.counts, _Answers()
                self._results.keep()
                self._failures.keep()
        except OSError:
            for appended in (self._results, self._failures, self._journal):
                appended.take_back()
            self._unsynced.add(group.answers)
            group.answers, self._unsynced = self._unsynced, _Answers()
            raise
        self._journal.keep()
        if group.syncs or now - self._entered_at > _LATER:
            self._write_entries()
            self._entered_at = now

    def _write_entries(self) -> None:
        """Writes the ledger's rows, then the journal's entries, which say that the rows exist."""
        if not self._entries:
            return
        rows = [entry.row for entry in self._entries if entry.row is not None]
        try:
            self._write_rows(rows)
        except Exception as failure:  # noqa: BLE001 - the thread must not end, whatever it is
            # Without these entries the next run writes the rows again.
            self.error = failure
            return
        try:
            self._journal.write([entry.line for entry in self._entries])
            self._journal.sync()
        except OSError as failure:
            self.error = failure
            self._journal.take_back()
            return
        self._journal.keep()
        self._entries.clear()


class _Appended:
    """A file to which lines are appended; lines that were not kept can be taken back."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND | files.BINARY, 0o666)
        self._kept = self._synced = self._size = _without_torn_line(self._file)

    def write(self, lines: Sequence[bytes]) -> None:
        view = memoryview(b"".join(lines))
        while view:
            written = os.write(self._file, view)
            self._size += written
            view = view[written:]

    def sync(self) -> None:
        if self._synced != self._size:
            os.fsync(self._file)
            self._synced = self._size

    def keep(self) -> None:
        self._kept = self._size

    def take_back(self) -> None:
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, self._kept)
            self._synced = self._size = self._kept

    def close(self) -> None:
        os.close(self._file)


def _without_torn_line(file: int) -> int:
    """Cuts off an unfinished last line of a killed run, and returns the size that is left."""
    size = end = os.fstat(file).st_size
    while end:
        start = max(end - 65536, 0)
        os.lseek(file, start, os.SEEK_SET)
        found = os.read(file, end - start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end != size:
        os.ftruncate(file, end)
    return end


def _fill(reserve: Path) -> None:
    """Takes room on the disk, to release it when the disk is full."""
    try:
        with reserve.open("wb") as file:
            results.write_zeros(file, RESERVE)
    except OSError:
        with contextlib.suppress(OSError):
            reserve.unlink()
        raise
