"""From the calls to the database, off the hot path: a queue, and one thread that commits batches.

Putting a row costs a call a microsecond. While the database can't be written, rows wait in memory
up to a bound; what comes on top is dropped, counted and said, and no call is the slower for it.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from typing import TYPE_CHECKING, Final

from openrouter_adapter.ledger.errors import LedgerError, RefusedError
from openrouter_adapter.ledger.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from openrouter_adapter.ledger.store import Store

    Item = Row | Callable[[], Row] | threading.Event

logger = logging.getLogger("openrouter_adapter")

MOST_WAITING: Final = 50_000
"""Rows kept in memory while they can't be written: some 50 MB."""

# A transaction costs half a millisecond, and a row in a large one 15 µs.
LINGER: Final = 1.0
_MOST_AT_ONCE: Final = 5_000
# What makes a row may hold a whole request in memory: where many wait, rows are made at once.
_MOST_UNMADE: Final = 1_000
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 10.0


class Writer:
    """Writes rows to a store, in batches and in the order in which they came.

    Attributes:
        dropped: Rows that were lost because too many waited, or the database refused them.
    """

    def __init__(
        self, store: Store, *, most_waiting: int = MOST_WAITING, linger: float = LINGER
    ) -> None:
        """Takes the store.

        Args:
            store: Where to.
            most_waiting: Rows kept in memory at most.
            linger: Seconds for which a batch is gathered: what a killed process may lose.
        """
        self._store = store
        self._most = most_waiting
        self.linger = linger
        self.dropped = 0
        self._start_anew()

    def _start_anew(self) -> None:
        # SimpleQueue may be put to from a signal handler, too.
        self._queue: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._batch: list[Row] = []
        # The garbage collector may put a row wherever it runs, within `_start` too.
        self._start_lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._hurry = threading.Event()
        self._pause = 0.0
        self._is_dropping = False

    def put(self, row: Row | Callable[[], Row]) -> None:
        """Takes a row, or what makes it, to be written soon; returns at once."""
        waiting = self.waiting
        if waiting >= self._most:
            self.dropped += 1
            if not self._is_dropping:
                self._is_dropping = True
                logger.warning("the ledger is full: rows are dropped until it can be written")
            return
        made = row if waiting < _MOST_UNMADE else self._made(row)
        if made is None:
            return
        self._queue.put(made)
        if self._thread is None:
            self._start()

    @property
    def waiting(self) -> int:
        """Rows that are not written yet."""
        return self._queue.qsize() + len(self._batch)

    def flush(self, timeout: float = 10.0) -> bool:
        """Waits until all rows put so far are written.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            Whether they are. If not they still wait in memory, and are tried again.
        """
        if self._thread is None and not self.waiting:
            return True
        asked = threading.Event()
        self._queue.put(asked)
        self._hurry.set()
        self._start()
        return asked.wait(timeout) and not self._pause

    def after_fork(self) -> None:
        """Leaves what waits in the parent to the parent."""
        self._start_anew()

    def _start(self) -> None:
        with self._start_lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="openrouter-ledger", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        while True:
            asked = self._gather()
            for start in range(0, len(self._batch), _MOST_AT_ONCE):
                # Every row is in `waiting` until it is written.
                if not self._write(self._batch[start : start + _MOST_AT_ONCE]):
                    self._batch = self._batch[start:]
                    break
            else:
                self._batch = []
            for event in asked:
                event.set()

    def _gather(self) -> list[threading.Event]:
        """Adds to the batch what came in the meantime; gives those who wait for it."""
        asked: list[threading.Event] = []
        if self._pause:
            # However many rows come: a try that fails costs as much as one that works.
            self._hurry.wait(self._pause)
        else:
            self._keep(self._queue.get(), asked)
            if not asked:
                self._hurry.wait(self.linger)
        self._hurry.clear()
        with contextlib.suppress(queue.Empty):
            while True:
                self._keep(self._queue.get_nowait(), asked)
        return asked

    def _keep(self, item: Item, asked: list[threading.Event]) -> None:
        if isinstance(item, threading.Event):
            asked.append(item)
        elif (row := self._made(item)) is not None:
            self._batch.append(row)

    def _made(self, item: Row | Callable[[], Row]) -> Row | None:
        """The row itself; None where it can't be made."""
        if isinstance(item, Row):
            return item
        try:
            return item()
        except Exception as failure:  # noqa: BLE001 - no call and no thread ends by one row
            self.dropped += 1
            logger.warning("a row was dropped: %r", failure)
            return None

    def _write(self, rows: Sequence[Row]) -> bool:
        try:
            self._store.write(rows)
        except RefusedError as failure:
            self._write_singly(rows, failure)
        except LedgerError as failure:
            if not self._pause:
                logger.warning("the ledger can't be written, rows wait in memory: %s", failure)
            self._pause = min(_LONGEST_PAUSE, 2 * self._pause or _FIRST_PAUSE)
            return False
        except Exception as failure:  # noqa: BLE001 - a row of ours must not end the thread
            self._write_singly(rows, failure)
        self._say_it_works()
        return True

    def _write_singly(self, rows: Sequence[Row], failure: Exception) -> None:
        """Finds the rows that the database takes among those that it refused together."""
        if len(rows) == 1:
            self.dropped += 1
            logger.warning("a row was dropped: %s", type(failure).__name__)
            return
        for row in rows:
            self._write([row])

    def _say_it_works(self) -> None:
        if self._pause or self._is_dropping:
            logger.warning("the ledger is written again; %d rows were dropped", self.dropped)
        self._pause = 0.0
        self._is_dropping = False
