"""Files and folders that only their owner may read, and locks between processes.

Modes need POSIX: on Windows a file has the rights of its folder, and the user's own folders keep
others out there.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Final

from openrouter_adapter import files

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
    while not files.lock(number):
        if not waits:
            raise BlockingIOError
        time.sleep(_LOCK_PAUSE)
    try:
        yield
    finally:
        files.unlock(number)
