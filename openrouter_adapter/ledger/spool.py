"""Rows on local disk while the database can't take them: JSON lines in owner-only files.

Each process appends to a file of its own. The first process that can write to the database again
replays all files of the ledger and removes them. Rows are keyed, so replaying one twice changes
nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import files
from openrouter_adapter.ledger.rows import COLUMNS, Row, values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import sqlalchemy as sa

logger = logging.getLogger("openrouter_adapter")

VARIABLE: Final = "OPENROUTER_ADAPTER_SPOOL"
"""Folder for rows that wait for their database, for containers whose home folder is lost."""

_ENDING: Final = ".jsonl"
_ROWS_AT_ONCE: Final = 1_000


class Spool:
    """The rows of one ledger that wait on this machine. Safe from any thread and process."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """Takes the folders in which rows may wait; the first that can be written is used."""
        self._folders = folders
        self._name = _new_name()

    def after_fork(self) -> None:
        """Leaves the parent's file to the parent."""
        self._name = _new_name()

    def add(self, rows: Sequence[Row]) -> Path:
        """Appends rows; when it returns they are on disk. Returns the file.

        Raises:
            OSError: no folder can be written; none of the rows is kept.
        """
        lines = b"".join(_line(row) for row in rows)
        failure: OSError | None = None
        for folder in self._folders:
            try:
                files.make_private_folder(folder)
                _append(folder / self._name, lines)
            except OSError as raised:  # noqa: PERF203 - of two folders
                failure = failure or raised
            else:
                return folder / self._name
        raise failure or OSError("no folder for waiting rows")

    def files(self) -> list[Path]:
        """The files of all processes, oldest name first."""
        return sorted(file for folder in self._folders for file in folder.glob(f"*{_ENDING}"))

    def replay(self, write: Callable[[Sequence[Row]], object]) -> bool:
        """Writes the rows of all files to the database, and removes the files.

        Args:
            write: Writes rows. If it raises, the file stays.

        Returns:
            Whether nothing is left. A file that another process has locked is left to it.
        """
        is_empty = True
        for file in self.files():
            try:
                _replay(file, write)
            except (FileNotFoundError, PermissionError):  # noqa: PERF203 - of some files
                # Another process has done it; or it is another user's, and theirs to replay.
                continue
            except BlockingIOError:
                is_empty = False
        return is_empty


def folders(url: sa.URL) -> list[Path]:
    """Folders in which rows of a ledger may wait, the best first.

    That is OPENROUTER_ADAPTER_SPOOL, else a folder next to a SQLite file, else (and for
    PostgreSQL) the user's state folder.
    """
    name = _ledger_name(url)
    if given := os.environ.get(VARIABLE):
        return [Path(given).expanduser() / name]
    import platformdirs

    found = [Path(platformdirs.user_state_dir("openrouter-adapter")) / "spool" / name]
    if url.get_backend_name() == "sqlite":
        found.insert(0, Path(f"{url.database}.spool"))
    return found


def _ledger_name(url: sa.URL) -> str:
    """A name for a ledger by its location, independent of user and options."""
    place: list[object] = [url.get_backend_name(), url.host, url.port, url.database]
    place += [url.query.get(name) for name in ("host", "port", "service")]
    return hashlib.blake2b(json.dumps(place).encode(), digest_size=12).hexdigest()


def _new_name() -> str:
    return f"{os.getpid()}-{uuid.uuid4().hex[:12]}{_ENDING}"


def _append(file: Path, lines: bytes) -> None:
    while True:
        is_new = not file.exists()
        number = os.open(file, os.O_CREAT | os.O_APPEND | os.O_WRONLY | files.BINARY, files.PRIVATE)
        with _closing(number), files.locked(number, waits=True):
            # A process that replayed it meanwhile has removed it.
            if os.fstat(number).st_nlink == 0:
                continue
            _write_whole(number, lines)
        if is_new:
            _sync_folder(file.parent)
        return


def _write_whole(number: int, lines: bytes) -> None:
    size = os.fstat(number).st_size
    try:
        view = memoryview(lines)
        while view:
            view = view[os.write(number, view) :]
        os.fsync(number)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(number, size)
        raise


def _replay(file: Path, write: Callable[[Sequence[Row]], object]) -> None:
    with file.open("r+b") as opened, files.locked(opened.fileno(), waits=False):
        # Another process may have replayed and removed it since it was opened: a file that has the
        # name now is another one, with rows that were not written yet.
        if os.fstat(opened.fileno()).st_nlink == 0:
            return
        some: list[Row] = []
        for row in _rows(opened, file):
            some.append(row)
            if len(some) == _ROWS_AT_ONCE:
                write(some)
                some = []
        if some:
            write(some)
        opened.truncate(0)
        # Windows removes no open file; there it stays, empty.
        with contextlib.suppress(OSError):
            file.unlink()


def _rows(lines: Iterable[bytes], file: Path) -> Iterator[Row]:
    for line in lines:
        try:
            fields: dict[str, Any] = json.loads(line)
            row = Row(**{name: fields[name] for name in COLUMNS if name in fields})
        except (ValueError, TypeError):  # noqa: PERF203 - free unless something is raised
            logger.warning("skipped an invalid line of %s; was there a power failure?", file)
        else:
            yield row


def _line(row: Row) -> bytes:
    return json.dumps(dict(zip(COLUMNS, values(row), strict=True))).encode() + b"\n"


def _sync_folder(folder: Path) -> None:
    # Windows opens no folders.
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        with _closing(number):
            os.fsync(number)


@contextlib.contextmanager
def _closing(number: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(number)
