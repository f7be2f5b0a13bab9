"""The key that `openrouter-adapter login` stores: in the system's keyring, or in a file.

A small file says where the key is. If it doesn't exist, nobody has logged in: no keyring is
imported, and the check costs one `stat`. A keyring is asked once for each state of the file.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
from pathlib import Path
from typing import Any, Final

from openrouter_adapter import files, installing

FILE_VARIABLE: Final = "OPENROUTER_ADAPTER_KEY_FILE"
"""Names the file. If set, the key is stored in it, and never in a keyring."""

KEYRING: Final = "keyring"
FILE: Final = "file"

_SERVICE: Final = "openrouter-adapter"
_USER: Final = "OpenRouter API key"
_OTHERS: Final = 0o077


class KeychainError(Exception):
    """The stored key can't be read, or a key can't be stored. The message never contains a key."""


def path() -> Path:
    """The file that says where the key is: from the variable, or in your settings folder."""
    named = os.environ.get(FILE_VARIABLE)
    if named:
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_config_dir("openrouter-adapter", appauthor=False)) / "key.json"


def read() -> str | None:
    """The stored key, None if there is none.

    Raises:
        KeychainError: there should be one, and it can't be read.
    """
    file = path()
    try:
        found = file.stat()
    except OSError:
        return None
    return _read(file, found.st_mode, (found.st_ino, found.st_mtime_ns))


@functools.lru_cache(maxsize=1)
def _read(file: Path, mode: int, _state: tuple[int, int]) -> str | None:
    try:
        noted = json.loads(file.read_text("utf-8"))
        is_in_keyring = noted["kept_in"] == KEYRING
        key = None if is_in_keyring else noted["key"]
    except (OSError, ValueError, LookupError, TypeError) as cause:
        raise KeychainError(
            f"{file} can't be read; `{_SERVICE} login` creates it again."
        ) from cause
    if is_in_keyring:
        keyring = _import_keyring()
        try:
            return keyring.get_password(_SERVICE, _USER) or None
        except Exception as cause:  # noqa: BLE001 - each keyring has its own errors
            reason = type(cause).__name__
            raise KeychainError(f"The system's keyring failed: {reason}.") from None
    if os.name == "posix" and mode & _OTHERS:
        raise KeychainError(
            f"The key in {file} is not used, because other users can read the file. To fix it: "
            f"chmod 600 {file}"
        )
    return str(key)


def keep(key: str) -> str:
    """Stores a key, replacing an earlier one, and returns the place: `keyring` or `file`.

    Raises:
        KeychainError: the file can't be written.
    """
    is_in_keyring = False
    if not os.environ.get(FILE_VARIABLE):
        # Each keyring has its own errors, and some accept a key without storing it.
        with contextlib.suppress(Exception):
            keyring = _import_keyring()
            keyring.set_password(_SERVICE, _USER, key)
            is_in_keyring = keyring.get_password(_SERVICE, _USER) == key
    noted = {"kept_in": KEYRING} if is_in_keyring else {"kept_in": FILE, "key": key}
    file = path()
    try:
        files.make_private_folder(file.parent)
        with files.write_atomically(file, mode=files.PRIVATE) as opened:
            opened.write(json.dumps(noted).encode())
    except OSError as cause:
        raise KeychainError(f"{file} can't be written: {cause.strerror}.") from cause
    return noted["kept_in"]


def forget() -> bool:
    """Removes the stored key; returns whether there was one.

    Raises:
        KeychainError: it can't be removed.
    """
    file = path()
    try:
        text = file.read_text("utf-8", "replace")
        # An invalid file is removed too.
        if f'"{KEYRING}"' in text:
            keyring = _import_keyring()
            # It may have been removed by hand.
            with contextlib.suppress(keyring.errors.PasswordDeleteError):
                keyring.delete_password(_SERVICE, _USER)
        file.unlink()
    except FileNotFoundError:
        return False
    except OSError as cause:
        raise KeychainError(f"{file} can't be removed: {cause.strerror}.") from cause
    return True


def _import_keyring() -> Any:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        raise KeychainError(
            "The key is stored in the system's keyring, and the package keyring is not installed: "
            + installing.command("account")
        ) from None
    return keyring
