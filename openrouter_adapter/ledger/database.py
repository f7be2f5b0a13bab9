"""A ledger's database, a SQLite file or PostgreSQL, and transactions on it."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from openrouter_adapter import files, installing
from openrouter_adapter.ledger import migrations
from openrouter_adapter.ledger.errors import LedgerError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

logger = logging.getLogger("openrouter_adapter")

VARIABLE: Final = "OPENROUTER_ADAPTER_LEDGER"

_BUSY_MS: Final = 60_000
_MODE_PAUSE: Final = 0.005
# libpq's options: how long a request under a budget waits if the server or the network is gone.
_CONNECTION: Final = {
    "connect_timeout": 5,
    "tcp_user_timeout": 15_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
# For how long a transaction that others raced is tried again, and the longest pause, in seconds.
_PATIENCE: Final = 15.0
_LONGEST_PAUSE: Final = 0.5
# PostgreSQL: could not serialize, deadlock. Trying again is what its manual asks for.
_PASSING: Final = frozenset({"40001", "40P01"})

T = TypeVar("T")


class RacedError(Exception):
    """Another process wrote the same row in between; the transaction is tried again."""


def default_path() -> Path:
    """The default file of the ledger, in the user's data folder."""
    import platformdirs

    return Path(platformdirs.user_data_dir("openrouter-adapter")) / "ledger.db"


def url_of(where: str | os.PathLike[str] | None = None) -> sa.URL:
    """The database URL of a path, a URL, or None: the environment's, else the default file.

    Raises:
        LedgerError: it is a URL of neither SQLite nor PostgreSQL.
    """
    given = os.fspath(where) if where is not None else os.environ.get(VARIABLE) or ""
    if not given:
        return sa.URL.create("sqlite", database=str(default_path()))
    if "://" not in given:
        return sa.URL.create("sqlite", database=str(Path(given).expanduser().absolute()))
    try:
        url = sa.make_url(given)
    except SQLAlchemyError:
        raise LedgerError("the ledger's URL can't be read as one") from None
    kind = url.get_backend_name()
    if kind in {"postgresql", "postgres"}:
        return url.set(drivername="postgresql+psycopg")
    if kind == "sqlite" and url.database not in {None, "", ":memory:"}:
        return url
    raise LedgerError(
        f"a ledger is a path, sqlite:///PATH or postgresql://…; {url.drivername}: is none of them"
    )


class Database:
    """Transactions on one ledger, from any thread.

    Attributes:
        when_moved: Called when the ledger's file is found to be deleted or replaced.
    """

    def __init__(self, url: sa.URL) -> None:
        """Takes the URL; nothing is opened before the first transaction."""
        self.url = url
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.mark = "?" if self.is_sqlite else "%s"
        self._engine = self._make_engine()
        self._is_migrated = False
        self._file = Path(url.database) if _is_plain_file(url) and url.database else None
        self._identity: tuple[int, int] | None = None
        self.when_moved: Callable[[], None] = _do_nothing

    @property
    def name(self) -> str:
        """Which database it is, for messages: without a password."""
        return self.url.render_as_string(hide_password=True)

    def write(self, work: Callable[[sa.Connection], T], *, is_durable: bool = False) -> T:
        """Runs `work` in a transaction that commits when it returns; again if another interfered.

        Args:
            work: What to do.
            is_durable: Whether it must survive a power failure, not only the process. Rows
                need not: one that is lost leaves its reservation behind, if it has one.

        Raises:
            LedgerError: the database can't be reached or written.
        """
        deadline, longest = time.monotonic() + _PATIENCE, 0.01
        while True:
            with contextlib.suppress(RacedError, _PassingError), self._translated():
                self._prepare()
                options = {"ledger_durable": is_durable}
                with self._engine.execution_options(**options).begin() as connection:
                    result = work(connection)
                # If the file is gone, what was committed to it is written again, to the new one.
                if not self._has_moved():
                    return result
            if time.monotonic() >= deadline:
                raise LedgerError(
                    f"{self.name}: other writers interfered with a transaction for "
                    f"{_PATIENCE:.0f} seconds"
                )
            # At random: those that collided once would collide again.
            time.sleep(random.uniform(0, longest))  # noqa: S311 - no secret
            longest = min(2 * longest, _LONGEST_PAUSE)

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection that sees one state of the ledger and writes nothing.

        Raises:
            LedgerError: the database can't be reached.
        """
        with self._translated():
            self._prepare()
            with self._engine.execution_options(ledger_reads=True).begin() as connection:
                yield connection

    def now(self, connection: sa.Connection) -> int:
        """Microseconds since 1970 by the one clock that all of the ledger's machines share."""
        if self.is_sqlite:
            return time.time_ns() // 1000
        seconds = connection.scalar(sa.text("SELECT EXTRACT(EPOCH FROM clock_timestamp())"))
        return int(seconds * 1_000_000)

    def close(self) -> None:
        """Closes the connections; the next transaction opens new ones."""
        self._engine.dispose()

    def after_fork(self) -> None:
        """Leaves the parent's connections to the parent."""
        self._engine.dispose(close=False)
        self._engine = self._make_engine()

    def _prepare(self) -> None:
        if self._is_migrated:
            if not self._has_moved():
                return
            self._forget_file()
        if self._file is not None:
            files.make_private_file(self._file)
        with self._engine.execution_options(ledger_reads=True).begin() as connection:
            is_current = migrations.is_current(connection)
        if not is_current:
            with self._engine.begin() as connection:
                migrations.migrate(connection)
        self._identity = self._look()
        self._is_migrated = True

    def _look(self) -> tuple[int, int] | None:
        """Identity of the ledger's file, to notice a replacement; None if the file is missing."""
        if self._file is None:
            return None
        try:
            found = os.stat(self._file)  # noqa: PTH116 - half the time of Path.stat
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _has_moved(self) -> bool:
        """Whether the open connections are on a file that is deleted or replaced (2 µs)."""
        return self._file is not None and self._look() != self._identity

    def _forget_file(self) -> None:
        logger.error(
            "the ledger's file %s was deleted or replaced while it was in use; rows are written "
            "to the one that is there now",
            self._file,
        )
        self._is_migrated = False
        self._engine.dispose()
        self.when_moved()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Turns what databases raise into LedgerError, without the values to be written."""
        try:
            yield
        except DBAPIError as failure:
            if getattr(failure.orig, "sqlstate", None) in _PASSING:
                raise _PassingError from None
            kind = RefusedError if isinstance(failure, DataError | IntegrityError) else LedgerError
            raise kind(f"{self.name}: {_first_line(failure.orig)}") from None
        except SQLAlchemyError as failure:
            raise LedgerError(f"{self.name}: {type(failure).__name__}") from None
        except (UnicodeError, OverflowError) as failure:
            # Raised by a driver, before the database saw the value; its message would quote it.
            raise RefusedError(f"{self.name}: {type(failure).__name__}") from None
        except (OSError, ModuleNotFoundError) as failure:
            raise LedgerError(f"{self.name}: {failure}") from None

    def _make_engine(self) -> sa.Engine:
        if not self.is_sqlite:
            try:
                return sa.create_engine(
                    self.url,
                    pool_pre_ping=True,
                    pool_size=4,
                    max_overflow=8,
                    connect_args=_CONNECTION | dict(self.url.query),
                )
            except ModuleNotFoundError:
                raise LedgerError(
                    f"a ledger on PostgreSQL needs psycopg: {installing.command('postgres')}"
                ) from None
        engine = sa.create_engine(
            self.url, connect_args={"timeout": _BUSY_MS / 1000, "check_same_thread": False}
        )
        event.listen(engine, "connect", _on_sqlite_connect)
        event.listen(engine, "begin", _on_sqlite_begin)
        return engine


def _is_plain_file(url: sa.URL) -> bool:
    # `sqlite:///file:…?uri=true` names a file in SQLite's own way.
    return url.get_backend_name() == "sqlite" and "uri" not in url.query


def _do_nothing() -> None:
    """Default of `when_moved`."""


class _PassingError(Exception):
    """A failure of PostgreSQL that may pass: the transaction is tried again."""


def _on_sqlite_connect(connection: Any, _record: Any) -> None:
    # The driver would begin transactions by itself, and at the wrong moments.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    _switch_to_wal(cursor)
    cursor.execute("PRAGMA cache_size = -2000")
    cursor.close()


def _switch_to_wal(cursor: sqlite3.Cursor) -> None:
    """Sets the journal's mode. SQLite ignores its busy timeout here, so this waits itself."""
    deadline = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as failure:  # noqa: PERF203 - rarely more than once
            if "locked" not in str(failure) or time.monotonic() > deadline:
                raise
            time.sleep(_MODE_PAUSE)
        else:
            return


def _on_sqlite_begin(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    if options.get("ledger_reads"):
        connection.exec_driver_sql("BEGIN")
        return
    level = "FULL" if options.get("ledger_durable") else "NORMAL"
    connection.exec_driver_sql(f"PRAGMA synchronous = {level}")
    # Taking the write lock at once: a transaction that reads first could not get it later.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _first_line(failure: object) -> str:
    return str(failure).partition("\n")[0][:300]


# A driver keeps prepared statements, by their text; SQLite's keeps the last 128 of a connection. An
# INSERT of 64 rows takes 300 KB there. One statement for each number of rows that a batch may end
# with came to 25 MB, over tens of thousands of calls; statements for powers of two take 1 MB.
def split(items: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """Yields pieces of `most` items, then the rest in pieces of smaller powers of two.

    Args:
        items: Any number.
        most: A power of two.
    """
    start = 0
    while left := len(items) - start:
        size = min(most, 1 << (left.bit_length() - 1))
        yield items[start : start + size]
        start += size


def padded(keys: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """Yields pieces of `most` keys; the last is padded to a power of two by repeating a key.

    A repeated key changes nothing in an `IN (…)`, and one query takes one round trip.

    Args:
        keys: Any number.
        most: A power of two.
    """
    for start in range(0, len(keys), most):
        some = keys[start : start + most]
        missing = (1 << (len(some) - 1).bit_length()) - len(some)
        yield [*some, *[some[-1]] * missing]
