"""Files and folders that only their owner may read, and locks between processes."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700
_LOCK_PAUSE: Final = 0.01


def make_folder(folder: Path) -> None:
    """Makes a folder if it is missing; the mode of one that exists is its owner's choice.

    Raises:
        OSError: the folder can't be made.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=_FOLDER_MODE)


def make_file(file: Path) -> None:
    """Makes an empty file, and its folder, if they are missing.

    Raises:
        OSError: the file can't be made.
    """
    make_folder(file.parent)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))


@contextlib.contextmanager
def locked(number: int, *, waits: bool) -> Iterator[None]:
    """Holds the lock of an open file.

    Args:
        number: The file descriptor.
        waits: Whether to wait while another process has it.

    Raises:
        BlockingIOError: another process has it, and `waits` is false.
    """
    while not _lock(number):
        if not waits:
            raise BlockingIOError
        time.sleep(_LOCK_PAUSE)
    try:
        yield
    finally:
        _unlock(number)


if os.name == "nt":  # pragma: no cover - checked on Windows only
    # Windows locks bytes, not files: one far behind the content keeps nobody from reading it.
    _PLACE: Final = 0x7FFF_0000

    def _lock(number: int) -> bool:
        import msvcrt

        os.lseek(number, _PLACE, os.SEEK_SET)
        try:
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        finally:
            os.lseek(number, 0, os.SEEK_SET)
        return True

    def _unlock(number: int) -> None:
        import msvcrt

        os.lseek(number, _PLACE, os.SEEK_SET)
        msvcrt.locking(number, msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined]

else:

    def _lock(number: int) -> bool:
        import fcntl

        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(number: int) -> None:
        import fcntl

        # A child that was forked meanwhile has this file open, too: closing would not unlock it.
        fcntl.flock(number, fcntl.LOCK_UN)
