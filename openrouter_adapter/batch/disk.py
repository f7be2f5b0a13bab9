"""Writes results, failures and the journal: in groups, synced, in an order that a kill can't harm.

A thread does the writing, so that the event loop never waits for a disk. First come results, then
the ledger's rows, then the journal's word of them: a killed run may have a result that the ledger
or the journal lacks, which the next run notices, but never the other way round.
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

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from openrouter_adapter.batch.folder import Folder
    from openrouter_adapter.ledger import Row

# How long a result waits for others to be synced with, seconds.
_GROUPING: Final = 0.05
# How long the ledger's rows wait for others, seconds.
_LATER: Final = 0.1
# Kept free on the disk for what is in the air when it fills up.
RESERVE: Final = 8 * 1024 * 1024
# Bytes that wait to be written; above this nothing more is sent until they are.
MOST_WAITING: Final = 64 * 1024 * 1024


class Word(NamedTuple):
    """What the journal says of an ended attempt, and the ledger's row of it."""

    line: bytes
    row: Row | None = None


@dataclass(slots=True)
class _Group:
    results: list[bytes] = field(default_factory=list)
    failures: list[bytes] = field(default_factory=list)
    notes: list[bytes] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    counts: list[Any] = field(default_factory=list)
    waiters: list[asyncio.Future[None]] = field(default_factory=list)
    size: int = 0
    settles: bool = False

    def before(self, later: _Group) -> _Group:
        """This group with a later one behind it."""
        return _Group(
            self.results + later.results,
            self.failures + later.failures,
            self.notes + later.notes,
            self.words + later.words,
            self.counts + later.counts,
            self.waiters + later.waiters,
            self.size + later.size,
            self.settles or later.settles,
        )


class Disk:
    """The files that a run appends to.

    Attributes:
        trouble: Why nothing more can be sent, None while all is well. What is in the air can
            still be written for a while: RESERVE is given up for it.
        unsaved: How many results could not be written in the end.
    """

    def __init__(
        self,
        folder: Folder,
        written: Callable[[list[Any]], None],
        write_rows: Callable[[Sequence[Row]], None],
    ) -> None:
        """Opens the files.

        Args:
            folder: Where they are.
            write_rows: Writes to the ledger; called in the thread. Raises LedgerError.
            written: Called in the event loop with what `result` and `failure` were given to
                count, once it is on disk.

        Raises:
            OSError: they can't be opened, or there is no room for the reserve.
        """
        self._folder, self._written, self._write_rows = folder, written, write_rows
        self._words: list[Word] = []
        self._words_at = time.monotonic()
        self._loop = asyncio.get_running_loop()
        self._group, self._is_flushing = _Group(), False
        self._timer: asyncio.TimerHandle | None = None
        self._appended = [
            _Appended(path) for path in (folder.results, folder.failures, folder.journal)
        ]
        _fill(folder.reserve)
        self._queue: queue.SimpleQueue[_Group | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_groups, name="batch-disk", daemon=True)
        self._thread.start()
        self.trouble: OSError | None = None
        self.unsaved = 0

    @property
    def is_full(self) -> bool:
        """Whether so much waits to be written that nothing more should be sent."""
        return self._group.size > MOST_WAITING

    @property
    def trouble_in_words(self) -> str:
        """What is the matter, as a sentence."""
        return f"Nothing can be written any more: {self.trouble and self.trouble.strerror}."

    def result(self, line: bytes, word: Word, count: Any) -> None:
        """Appends an answer, the journal's word of it, and what to count when it is on disk."""
        self._group.results.append(line)
        self._group.counts.append(count)
        self.word(word, len(line))

    def failure(self, line: bytes, word: Word | None, count: Any) -> None:
        """Appends a failure in the same way."""
        self._group.failures.append(line)
        self._group.counts.append(count)
        self.word(word, len(line))

    def note(self, line: bytes) -> None:
        """Appends to the journal, to be written with whatever is synced next."""
        self._group.notes.append(line)
        self._add(len(line))

    def word(self, word: Word | None, size: int = 0) -> None:
        """Appends to the journal and to the ledger, some time later than results."""
        if word is not None:
            self._group.words.append(word)
            size += len(word.line)
        self._add(size)

    def _add(self, size: int) -> None:
        self._group.size += size
        if self._timer is None and not self._is_flushing:
            self._timer = self._loop.call_later(_GROUPING, self._flush)

    async def synced(self) -> None:
        """Returns once everything appended so far is on disk.

        Raises:
            OSError: it can't be written.
        """
        waiter = self._loop.create_future()
        self._group.waiters.append(waiter)
        if not self._is_flushing:
            self._flush()
        await waiter

    async def settled(self) -> None:
        """The same, with the ledger's rows and the journal's words.

        Raises:
            OSError: results or intents can't be written.
        """
        self._group.settles = True
        await self.synced()

    async def close(self) -> None:
        """Writes what is left and closes the files; `unsaved` says what could not be written."""
        while self._is_flushing:  # noqa: ASYNC110 - a flush takes milliseconds
            await asyncio.sleep(0.005)
        with contextlib.suppress(OSError):
            await self.synced()
        self.unsaved = len(self._group.results) + len(self._group.failures)
        if self._timer is not None:
            self._timer.cancel()
        self._queue.put(None)
        await self._loop.run_in_executor(None, self._thread.join)
        for appended in self._appended:
            appended.close()
        self._folder.reserve.unlink(missing_ok=True)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        group, self._group = self._group, _Group()
        self._is_flushing = True
        self._queue.put(group)

    def _flushed(self, group: _Group, failure: OSError | None) -> None:
        self._is_flushing = False
        waiters = group.waiters
        if failure is not None:
            # Those who came meanwhile would wait for a flush that nobody begins.
            waiters, self._group.waiters = waiters + self._group.waiters, []
        for waiter in waiters:
            if waiter.done():
                continue
            if failure is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(failure)
        if failure is not None:
            # Kept for another try: close() makes the last one.
            self.trouble = failure
            group.waiters = []
            self._group = group.before(self._group)
            return
        if group.counts:
            self._written(group.counts)
        if self._group.waiters:
            self._flush()
        elif self._group.size:
            self._timer = self._loop.call_later(_GROUPING, self._flush)
        elif self._words:
            # Others may wait for the room that these bills make in a budget.
            self._timer = self._loop.call_later(_LATER, self._flush)

    def _write_groups(self) -> None:
        while (group := self._queue.get()) is not None:
            self._words += group.words
            group.words = []
            failure = self._write(group)
            if failure is not None and failure.errno in {errno.ENOSPC, errno.EDQUOT}:
                self.trouble = failure
                with contextlib.suppress(OSError):
                    self._folder.reserve.unlink()
                    failure = self._write(group)
            with contextlib.suppress(RuntimeError):  # the loop was closed: a second signal
                self._loop.call_soon_threadsafe(self._flushed, group, failure)
        self._write_words()

    def _write_words(self) -> None:
        """Writes the ledger's rows, then the journal's words that say that they are there."""
        rows = [word.row for word in self._words if word.row is not None]
        try:
            self._write_rows(rows)
        except Exception as failure:  # noqa: BLE001 - the thread must not end, whatever it is
            # Without their words the next run writes the rows again.
            self.trouble = OSError(errno.EIO, f"the ledger: {failure}")
            return
        lines = b"".join(word.line for word in self._words)
        journal = self._appended[-1]
        try:
            if lines:
                journal.write(lines)
        except OSError as failure:
            self.trouble = failure
            journal.take_back()
            return
        journal.keep()
        self._words.clear()

    def _write(self, group: _Group) -> OSError | None:
        pieces = (group.results, group.failures, group.notes)
        try:
            for appended, lines in zip(self._appended, pieces, strict=True):
                if lines:
                    appended.write(b"".join(lines))
        except OSError as failure:
            for appended in self._appended:
                appended.take_back()
            return failure
        for appended in self._appended:
            appended.keep()
        if group.settles or time.monotonic() - self._words_at > _LATER:
            self._write_words()
            self._words_at = time.monotonic()
        return None


class _Appended:
    """A file to which whole groups of lines are appended, or nothing of them."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o666)
        self._size = _without_torn_line(self._file)

    def write(self, content: bytes) -> None:
        view = memoryview(content)
        while view:
            view = view[os.write(self._file, view) :]
        os.fsync(self._file)

    def keep(self) -> None:
        self._size = os.fstat(self._file).st_size

    def take_back(self) -> None:
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, self._size)

    def close(self) -> None:
        os.close(self._file)


def _without_torn_line(file: int) -> int:
    """Cuts off a last line whose end a killed run had not written; the size that is left."""
    size = end = os.fstat(file).st_size
    while end:
        start = max(end - 65536, 0)
        found = os.pread(file, end - start, start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end != size:
        os.ftruncate(file, end)
    return end


def _fill(reserve: Path) -> None:
    """Takes room on the disk that can be given back. Zeros are written: sparse files take none."""
    try:
        with reserve.open("wb") as file:
            zeros = bytes(1024 * 1024)
            for _ in range(RESERVE // len(zeros)):
                file.write(zeros)
    except OSError:
        with contextlib.suppress(OSError):
            reserve.unlink()
        raise
