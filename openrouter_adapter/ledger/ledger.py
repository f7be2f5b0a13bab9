"""The ledger of a process: its store, its writer, its budgets, and the thread that keeps them."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import money
from openrouter_adapter.ledger import (
    balances,
    key_usage,
    metadata,
    queries,
    reconcile,
    reservations,
    shutdown,
    spool,
)
from openrouter_adapter.ledger.budgets import Budget
from openrouter_adapter.ledger.enforcement import Enforcement
from openrouter_adapter.ledger.errors import LedgerError
from openrouter_adapter.ledger.gate import LedgerGate
from openrouter_adapter.ledger.reservations import Reservations
from openrouter_adapter.ledger.store import Store
from openrouter_adapter.ledger.writer import LINGER, MOST_WAITING, Writer

if TYPE_CHECKING:
    import datetime as dt
    import os
    from collections.abc import Callable, Mapping, Sequence
    from decimal import Decimal

    from openrouter_adapter.ledger.enforcement import Estimate
    from openrouter_adapter.ledger.reconcile import Reconciled
    from openrouter_adapter.ledger.rows import Row

logger = logging.getLogger("openrouter_adapter")

# Under a budget, every row that a kill may lose is a reservation that a person must release.
_RESERVED_LINGER: Final = 0.0


class Ledger:
    """A ledger that is open in this process.

    Attributes:
        store: The rows, to be written or read directly.
        reservations: Reservations under budgets, for requests sent without LiteLLM.
        enforcement: The budgets as this process knows them.
        gate: The argument of `admission.guard`.
    """

    def __init__(
        self,
        where: str | os.PathLike[str] | None = None,
        *,
        estimate: Callable[[Mapping[str, Any], str], Estimate] | None = None,
        most_waiting: int = MOST_WAITING,
        beat_seconds: float = 5.0,
        writes_ahead: bool = False,
    ) -> None:
        """Opens nothing yet; the database is connected to when it is first needed.

        Args:
            where: A path, a URL of SQLite or PostgreSQL, or None for OPENROUTER_ADAPTER_LEDGER,
                else the default file.
            estimate: Calculates a request's worst case from its body and its endpoint; None for
                the catalogue's (`enforcement.WorstCase`).
            most_waiting: Rows kept in memory while neither the database nor the local disk
                takes them.
            beat_seconds: How often, in seconds, this process sends a heartbeat and looks for
                budgets that others have set. A process silent for 12 times as long counts as dead.
            writes_ahead: Whether every request is recorded before it is sent, so that one in flight
                at a kill has a row. Requests under a budget always are.

        Raises:
            LedgerError: `where` is neither SQLite's nor PostgreSQL's URL.
        """
        self.store = Store(where)
        self._spool = spool.Spool(spool.folders(self.store.database.url))
        self.writer = Writer(self.store, spool=self._spool, most_waiting=most_waiting)
        self.reservations = Reservations(self.store.database, lease_seconds=12 * beat_seconds)
        self.enforcement = Enforcement(self.reservations, estimate)
        self.gate = LedgerGate(self.store, self.writer, self.enforcement, writes_ahead=writes_ahead)
        self._beat_seconds = beat_seconds
        self._stop = threading.Event()
        self._keeper: threading.Thread | None = None
        self._can_read = True

    def start(self) -> None:
        """Reads the budgets, and starts the thread that sends heartbeats."""
        self._refresh()
        self.writer.replay_soon()
        self._start_keeper()
        shutdown.started.add(self)

    def _start_keeper(self) -> None:
        self._stop = threading.Event()
        self._keeper = threading.Thread(
            target=self._keep, args=(self._stop,), name="openrouter-ledger-keeper", daemon=True
        )
        self._keeper.start()

    def _keep(self, stop: threading.Event) -> None:
        next_beat = time.monotonic() + self._beat_seconds
        while not stop.wait(min(1.0, self._beat_seconds)):
            self.gate.put_open()
            self.writer.secure_if_stuck()
            if time.monotonic() < next_beat:
                continue
            next_beat = time.monotonic() + self._beat_seconds
            try:
                # Rows of a process that was killed while the database was away.
                self.writer.replay_soon()
                self._refresh()
                if self.enforcement.budgets:
                    self.reservations.beat()
            except LedgerError as failure:
                logger.debug("no heartbeat in the ledger: %s", failure)
            except Exception as failure:  # noqa: BLE001 - without the thread, the process counts as dead
                logger.warning("no heartbeat in the ledger: %r", failure)

    def _refresh(self) -> None:
        try:
            self.enforcement.refresh()
        except LedgerError as failure:
            is_news, self._can_read = self._can_read, False
            logger.log(
                logging.WARNING if is_news else logging.DEBUG,
                "the ledger can't be read; budgets stay as last known: %s",
                failure,
            )
        else:
            self._can_read = True
        self.writer.linger = _RESERVED_LINGER if self.enforcement.budgets else LINGER

    def flush(self, timeout: float = shutdown.EXIT_SECONDS) -> bool:
        """Waits until all rows so far are in the database, including those in the spool.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            Whether they are. If not, they wait on local disk and are tried again.
        """
        return self.writer.flush(timeout)

    def close(self, timeout: float = shutdown.EXIT_SECONDS) -> bool:
        """Writes waiting rows, and closes the database.

        Args:
            timeout: Seconds to wait at most. Rows that are not written by then stay on local
                disk for the next process that opens this ledger.

        Returns:
            Whether everything was written.
        """
        shutdown.started.discard(self)
        self._stop.set()
        try:
            is_written = not self.writer.waiting or self.flush(timeout)
        except BaseException:
            # Ctrl-C while it waits.
            self._leave_to_others()
            raise
        if is_written:
            try:
                self.reservations.close()
            except LedgerError as failure:
                logger.warning("the end of this process is not in the ledger: %s", failure)
        else:
            self._leave_to_others()
        self.store.close()
        return is_written

    def _leave_to_others(self) -> None:
        file, waiting = self.writer.secure(), self.writer.waiting
        if file is not None:
            logger.warning(
                "%d rows could not be written and wait in %s; the next program that opens this "
                "ledger, or `openrouter-adapter spend reconcile`, writes them",
                waiting,
                file,
            )
        elif waiting:
            logger.warning("%d rows could not be written; they end with this program", waiting)

    def after_fork(self) -> None:
        """Starts again in a child process."""
        self.store.database.after_fork()
        self.writer.after_fork()
        self.reservations.after_fork()
        self.enforcement.after_fork()
        self.gate.after_fork()
        if self._keeper is not None:
            self._start_keeper()

    def record(self, row: Row) -> None:
        """Queues a row to be written soon; returns at once. For requests sent without LiteLLM."""
        self.writer.put(row)

    def reconcile(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        is_forced: bool = False,
        settle_after: float = key_usage.SETTLE_AFTER,
    ) -> Reconciled:
        """Asks OpenRouter for costs that did not come with an answer.

        Args:
            api_key: The key that the requests were sent with; None for the usual one.
            base_url: The API's base URL; None for the usual one.
            is_forced: Asks at once, even for rows that were asked for a moment ago.
            settle_after: Seconds after which a request without a generation id is assumed to have
                ended at OpenRouter too; its cost is then found by the usage of its key.

        Returns:
            How many rows have a cost now, and how many OpenRouter does not know yet.

        Raises:
            LedgerError: the ledger can't be read or written.
            litellm.AuthenticationError: the key is not valid.
        """
        from openrouter_adapter import api
        from openrouter_adapter.batches import sending, wire
        from openrouter_adapter.video_generation import jobs as videos
        from openrouter_adapter.wire import connection

        self.flush()
        self._end_dead()

        ended = {videos.PATH: videos.ended, wire.PATH: sending.ended}

        def ask(row: Row) -> Mapping[str, Any]:
            if row.endpoint == wire.PATH and row.is_of_runner:
                raise LookupError("the job that submitted the batch records its cost")
            get = ended.get(row.endpoint, api.get_generation)
            return get(row.generation_id or "", api_key=api_key, base_url=base_url)

        done = reconcile.reconcile(self.store, ask, is_forced=is_forced)
        settled, left = key_usage.reconcile(
            self.store,
            metadata.key_name(connection.api_key(api_key)),
            lambda: api.get_key(api_key=api_key, base_url=base_url),
            settle_after=settle_after,
        )
        return replace(done, settled=done.settled + settled, without_id=left)

    def spend(
        self,
        by: str = "model",
        *,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
    ) -> list[queries.Spend]:
        """Sums by one dimension, after writing waiting rows; see `queries.spend`.

        Raises:
            LedgerError: `by` is invalid, or the ledger can't be read.
        """
        self.flush()
        return queries.spend(self.store.database, by, since=since, until=until)

    def budget(
        self,
        name: str,
        usd: Decimal | float | str,
        *,
        per: str = "total",
        job: str | None = None,
        key: str | None = None,
        tag: str | None = None,
        user: str | None = None,
        end_user: str | None = None,
        team: str | None = None,
        organization: str | None = None,
        session: str | None = None,
        each: str | None = None,
        max_request_usd: Decimal | float | str | None = None,
        wait_seconds: float = 0.0,
        lets_through: bool = False,
    ) -> Budget:
        """Sets a limit, replacing one of the same name, whose spending still counts. See `Budget`.

        It applies in this process at once, in others within `beat_seconds`.

        Raises:
            ValueError: an argument is invalid.
            LedgerError: the ledger can't be written.
        """
        most = None if max_request_usd is None else money.parse(max_request_usd)
        made = Budget(
            name=name,
            usd=money.parse(usd),
            per=per,
            job=job,
            key=key,
            tag=tag,
            user=user,
            end_user=end_user,
            team=team,
            organization=organization,
            session=session,
            each=each,
            max_request_usd=most,
            wait_seconds=wait_seconds,
            lets_through=lets_through,
        )
        balances.save(self.store.database, made)
        self._refresh()
        return made

    def remove_budget(self, name: str) -> bool:
        """Removes a budget; returns whether there was one.

        Raises:
            LedgerError: the ledger can't be written.
        """
        is_removed = balances.remove(self.store.database, name)
        was_lost = self.enforcement.forget(name)
        self._refresh()
        return is_removed or was_lost

    def budgets(
        self, name: str | None = None, *, most_values: int | None = None
    ) -> list[queries.BudgetState]:
        """Budgets with what is spent and reserved in the current period.

        Args:
            name: Only this budget; None for all.
            most_values: If each value of a label has a limit, how many values at most, those
                closest to the limit; None for all.

        Raises:
            LedgerError: the ledger can't be read.
        """
        self.flush()
        self._end_dead()
        return queries.budget_states(self.store.database, name, most_values=most_values)

    def _end_dead(self) -> None:
        database = self.store.database
        database.write(lambda connection: reservations.end_dead(connection, database))

    def held(self, budget: str | None = None) -> list[queries.HoldState]:
        """The reservations under a budget, or under all, oldest first.

        Raises:
            LedgerError: the ledger can't be read.
        """
        return queries.reserved(self.store.database, budget)

    def release(self, hold_ids: Sequence[str]) -> int:
        """Ends reservations whose requests, as a person knows, will not be billed any more.

        Raises:
            LedgerError: the ledger can't be written.
        """
        return self.reservations.release(hold_ids)
