"""Files: atomic writing, files for their owner alone, locks, and what differs between systems.

Modes need POSIX: on Windows a file has the permissions of its folder, and the user's own folders
keep others out there.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BINARY: Final = getattr(os, "O_BINARY", 0)
"""Flag of `os.open` for binary files: without it Windows changes line ends in `os.write`."""

PRIVATE: Final = 0o600
"""Mode of a file that only its owner may read."""

UNFINISHED: Final = ".*.new"
"""Glob of the files that `write_atomically` has not finished."""

_PRIVATE_FOLDER: Final = 0o700
_LOCK_PAUSE: Final = 0.01

# Our readers keep a file open for milliseconds, virus scanners for tenths of a second. 1.3 s in all
_PAUSES: Final = tuple(0.01 * 2**n for n in range(7))


@contextlib.contextmanager
def write_atomically(
    target: Path, *, mode: int = 0o666, is_durable: bool = False
) -> Iterator[IO[bytes]]:
    """A new file that takes the target's name when the block ends without an exception.

    Another process reads the old content or the new content, never a part. Until then the new file
    is next to the target as `.NAME.RANDOM.new`; only a process that is killed leaves it there.

    Args:
        target: The file to write; its folder must exist.
        mode: The permissions of a new file, from its first byte, less the umask (POSIX).
        is_durable: Waits until the content is on disk, so that a power failure can't lose both.

    Raises:
        OSError: the file can't be written or replaced. The target is as before.
    """
    # In the same folder: a rename is atomic only within one file system.
    new = target.with_name(f".{target.name}.{os.urandom(8).hex()}.new")
    try:
        number = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY, mode)
        with os.fdopen(number, "wb") as file:
            yield file
            if is_durable:
                file.flush()
                os.fsync(number)
        replace(new, target)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise


def replace(new: Path, target: Path) -> None:
    """Renames a file to the name of another, which it replaces in one step.

    Windows refuses while a program has either file open; then this waits for up to 1.3 seconds.

    Raises:
        OSError: the file can't be replaced.
    """
    for pause in _PAUSES if sys.platform == "win32" else ():
        try:
            new.replace(target)
        except PermissionError:  # noqa: PERF203 - retried
            time.sleep(pause)
        else:
            return
    new.replace(target)


if sys.platform == "win32":
    import msvcrt

    # Windows locks bytes, not files. A byte far behind the content leaves the content readable.
    _PLACE: Final = 0x7FFF_0000

    def lock(number: int, *, shared: bool = False) -> bool:  # noqa: ARG001 - has no shared locks
        """Locks an open file, exclusively or shared.

        Returns:
            Whether it is locked now; False if another process holds the lock.
        """
        os.lseek(number, _PLACE, os.SEEK_SET)
        try:
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        finally:
            os.lseek(number, 0, os.SEEK_SET)
        return True

    def unlock(number: int) -> None:
        """Releases the lock of an open file."""
        os.lseek(number, _PLACE, os.SEEK_SET)
        msvcrt.locking(number, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def lock(number: int, *, shared: bool = False) -> bool:
        """Locks an open file, exclusively or shared.

        Returns:
            Whether it is locked now; False if another process holds the lock.
        """
        try:
            fcntl.flock(number, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(number: int) -> None:
        """Releases the lock of an open file.

        A child process forked in between has the file open too, so closing it would not unlock it.
        """
        fcntl.flock(number, fcntl.LOCK_UN)


def make_private_folder(folder: Path) -> None:
    """Makes a folder if it is missing; an existing folder keeps the mode that its owner chose.

    Raises:
        OSError: the folder can't be made.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=_PRIVATE_FOLDER)


def make_private_file(file: Path) -> None:
    """Makes an empty file, and its folder, if they are missing.

    Raises:
        OSError: the file can't be made.
    """
    make_private_folder(file.parent)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE))


@contextlib.contextmanager
def locked(number: int, *, waits: bool) -> Iterator[None]:
    """Holds the lock of an open file.

    Args:
        number: The file descriptor.
        waits: Whether to wait while another process has it.

    Raises:
        BlockingIOError: another process has it, and `waits` is false.
    """
    while not lock(number):
        if not waits:
            raise BlockingIOError
        time.sleep(_LOCK_PAUSE)
    try:
        yield
    finally:
        unlock(number)
