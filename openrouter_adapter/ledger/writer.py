"""Writes rows off the path of calls: a queue, and one thread that commits batches.

Putting a row costs a call a microsecond. While the database can't be written, rows go to local
disk (spool.py), and from there to the database when it is back; that slows no call.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from typing import TYPE_CHECKING, Final

from openrouter_adapter.ledger.errors import LedgerError, RefusedError
from openrouter_adapter.ledger.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from openrouter_adapter.ledger.spool import Spool
    from openrouter_adapter.ledger.store import Store

logger = logging.getLogger("openrouter_adapter")

MOST_WAITING: Final = 50_000
"""Rows kept in memory while neither the database nor the disk can be written: some 50 MB."""

# A transaction costs half a millisecond, and a row in a large one 15 µs.
LINGER: Final = 1.0
_MOST_AT_ONCE: Final = 5_000
# A function that makes a row may keep a whole request in memory: if many wait, it runs at once.
_MOST_UNMADE: Final = 1_000
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 10.0
# Longest pause while `flush` waits for the rows to be written.
_ASKED_PAUSE: Final = 0.5
# A database that takes this long, seconds, may hang for longer.
_STUCK: Final = 2.0


class _Question(threading.Event):
    """Set when everything that was put before it is written; `flush` waits for it."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.until = time.monotonic() + seconds


if TYPE_CHECKING:
    Item = Row | Callable[[], Row] | _Question


class Writer:
    """Writes rows to a store, in batches and in the order in which they came.

    A row is in the queue, then in the batch, then in the database or, when that fails, in the
    spool. Only a kill loses what is in the queue or the batch.

    Attributes:
        dropped: Rows that were lost because too many waited, or the database refused them.
    """

    def __init__(
        self,
        store: Store,
        *,
        spool: Spool | None = None,
        most_waiting: int = MOST_WAITING,
        linger: float = LINGER,
    ) -> None:
        """Takes the store.

        Args:
            store: Where rows are written to.
            spool: Where rows wait while the store can't be written; None for memory only.
            most_waiting: Rows kept in memory at most.
            linger: Seconds for which a batch is gathered: what a killed process may lose.
        """
        self._store = store
        self._spool = spool
        self._most = most_waiting
        self.linger = linger
        self.dropped = 0
        self._reset()

    def _reset(self) -> None:
        # SimpleQueue may be put to from a signal handler, too.
        self._queue: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._batch: list[Row] = []
        # How many rows at the beginning of the batch are on disk already.
        self._secured = 0
        self._spooled = 0
        self._spool_file: Path | None = None
        self._must_replay = False
        self._batch_lock = threading.RLock()
        self._asked: list[_Question] = []
        # The garbage collector may put a row wherever it runs, within `_start` too.
        self._start_lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._hurry = threading.Event()
        self._pause = 0.0
        self._trying_since: float | None = None
        self._is_dropping = self._has_warned_of_disk = False

    def put(self, row: Row | Callable[[], Row]) -> None:
        """Queues a row, or what makes it, to be written soon; returns at once."""
        in_memory = self._in_memory
        if in_memory >= self._most:
            self.dropped += 1
            if not self._is_dropping:
                self._is_dropping = True
                logger.warning(
                    "too many rows wait for the ledger: rows are dropped until it can be written"
                )
            return
        made = row if in_memory < _MOST_UNMADE else self._made(row)
        if made is None:
            return
        self._queue.put(made)
        if self._thread is None:
            self._start()

    @property
    def _in_memory(self) -> int:
        return self._queue.qsize() + len(self._batch)

    @property
    def waiting(self) -> int:
        """Rows of this process that are not in the database yet."""
        return self._in_memory + self._spooled

    def flush(self, timeout: float = 10.0) -> bool:
        """Waits until all rows put so far are in the database, and those in the spool.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            Whether they are. If not they wait in the spool or in memory, and are tried again.
        """
        if self._spool is not None and self._spool.files():
            self._must_replay = True
        if self._thread is None and not self.waiting and not self._must_replay:
            return True
        asked = _Question(timeout)
        self._queue.put(asked)
        self._hurry.set()
        self._start()
        return asked.wait(timeout)

    def replay_soon(self) -> None:
        """Lets the thread write what other processes left in the spool, if anything."""
        if self._spool is not None and not self._must_replay and self._spool.files():
            self._must_replay = True
            self._queue.put(_Question(0))
            self._start()

    def secure(self) -> Path | None:
        """Puts on disk what is in memory; another process may write the same rows meanwhile.

        Returns:
            The file; None if there is none, or it can't be written: rows stay in memory.
        """
        with self._batch_lock:
            self._gather_queue()
            rows = self._batch[self._secured :]
            if rows and self._spool is not None:
                try:
                    self._spool_file = self._spool.add(rows)
                except OSError as failure:
                    if not self._has_warned_of_disk:
                        self._has_warned_of_disk = True
                        logger.warning(
                            "rows wait in memory, as no file can be written: %s", failure
                        )
                else:
                    self._secured = len(self._batch)
                    self._must_replay = True
            is_safe = self._secured == len(self._batch)
        return self._spool_file if is_safe else None

    def persist(self, timeout: float = 5.0) -> bool:
        """Returns when what was put so far is in the database, or else on local disk.

        Args:
            timeout: Seconds to wait for the database at most.

        Returns:
            Whether it is in either.
        """
        if not self._pause and self.flush(timeout):
            return True
        return self.secure() is not None

    def secure_if_stuck(self) -> None:
        """Puts on disk what is in memory while writing fails or hangs. To be called regularly."""
        with self._batch_lock:
            since = self._trying_since
            if since is None and self._pause:
                self._release_secured()
            elif since is not None and time.monotonic() - since > _STUCK:
                self.secure()

    def after_fork(self) -> None:
        """Leaves what waits in the parent to the parent."""
        self._reset()
        if self._spool is not None:
            self._spool.after_fork()

    def _start(self) -> None:
        with self._start_lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="openrouter-ledger", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._wait()
            with self._batch_lock:
                self._gather_queue()
                asked, self._asked = self._asked, []
                if self._pause:
                    # The next try may hang, and the process be killed meanwhile.
                    self._release_secured()
                self._trying_since = time.monotonic()
            is_written = self._write()
            with self._batch_lock:
                self._trying_since = None
                if is_written:
                    for question in asked:
                        question.set()
                else:
                    now = time.monotonic()
                    self._asked += [one for one in asked if one.until > now]
                    self._release_secured()

    def _wait(self) -> None:
        """Waits for a batch to gather, or for the next try."""
        if self._pause:
            # However many rows come: a try that fails costs as much as one that works.
            self._hurry.wait(min(self._pause, _ASKED_PAUSE) if self._asked else self._pause)
        else:
            first = self._queue.get()
            with self._batch_lock:
                self._keep(first)
            if not self._asked:
                self._hurry.wait(self.linger)
        self._hurry.clear()

    def _gather_queue(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._keep(self._queue.get_nowait())

    def _keep(self, item: Item) -> None:
        if isinstance(item, _Question):
            self._asked.append(item)
        elif (row := self._made(item)) is not None:
            self._batch.append(row)

    def _made(self, item: Row | Callable[[], Row]) -> Row | None:
        """The row itself; None if it can't be made."""
        if isinstance(item, Row):
            return item
        try:
            return item()
        except Exception as failure:  # noqa: BLE001 - one row must end no call and no thread
            self.dropped += 1
            logger.warning("a row was dropped: %r", failure)
            return None

    def _release_secured(self) -> None:
        """Puts the batch on disk, and removes it from memory."""
        with self._batch_lock:
            self.secure()
            self._spooled += self._secured
            self._forget(self._secured)

    def _forget(self, count: int) -> None:
        """Removes rows from the beginning of the batch."""
        with self._batch_lock:
            del self._batch[:count]
            self._secured = max(0, self._secured - count)

    def _write(self) -> bool:
        """Writes the batch, and what waits in the spool."""
        try:
            while some := self._batch[:_MOST_AT_ONCE]:
                self._write_rows(some)
                # Every row is in `waiting` until it is written.
                self._forget(len(some))
            if not self._replay():
                self._pause = _FIRST_PAUSE
                return False
        except (LedgerError, OSError) as failure:
            if not self._pause:
                logger.warning("the ledger can't be written, rows wait: %s", failure)
            self._pause = min(_LONGEST_PAUSE, 2 * self._pause or _FIRST_PAUSE)
            return False
        if self._pause or self._is_dropping:
            logger.warning("the ledger is written again; %d rows were dropped", self.dropped)
        self._pause = 0.0
        self._is_dropping = self._has_warned_of_disk = False
        return True

    def _replay(self) -> bool:
        """Writes what waits in the spool; returns whether nothing is left."""
        if self._must_replay and self._spool is not None:
            # A thread that adds to the spool meanwhile sets this again.
            self._must_replay = False
            try:
                is_empty = self._spool.replay(self._write_rows)
            except BaseException:
                self._must_replay = True
                raise
            if not is_empty:
                self._must_replay = True
                return False
            self._spooled = 0
        return True

    def _write_rows(self, rows: Sequence[Row]) -> None:
        """Writes rows; if the database refuses them together, each by itself.

        Raises:
            LedgerError: the database can't be written at the moment.
        """
        try:
            self._store.write(rows)
        except LedgerError as failure:
            if not isinstance(failure, RefusedError):
                raise
            self._write_singly(rows, failure)
        except Exception as failure:  # noqa: BLE001 - a row of ours must not end the thread
            self._write_singly(rows, failure)

    def _write_singly(self, rows: Sequence[Row], failure: Exception) -> None:
        if len(rows) == 1:
            self.dropped += 1
            logger.warning("a row was dropped: %s", type(failure).__name__)
            return
        for row in rows:
            self._write_rows([row])
