"""The key that `openrouter-adapter login` keeps: in the system's keyring, else in a file.

A small file says where the key is. Where there is no such file, nobody has logged in: no keyring
is imported, and looking costs one `stat`. A keyring is asked once for each state of that file.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any, Final

from openrouter_adapter import files

FILE_VARIABLE: Final = "OPENROUTER_ADAPTER_KEY_FILE"
"""Names the file; the key is then kept in it, and never in a keyring."""

KEYRING: Final = "keyring"
FILE: Final = "file"

_SERVICE: Final = "openrouter-adapter"
_USER: Final = "OpenRouter API key"
_OTHERS: Final = 0o077

# What the file of this path, number and time of change was found to mean.
_known: tuple[tuple[str, int, int], str | None] | None = None


class KeychainError(Exception):
    """The key that was kept can't be read, or a key can't be kept. Never holds a key."""


def path() -> Path:
    """The file that says where the key is: the variable's, else in your settings folder."""
    named = os.environ.get(FILE_VARIABLE)
    if named:
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_config_dir("openrouter-adapter", appauthor=False)) / "key.json"


def read() -> str | None:
    """The key that was kept, None for none.

    Raises:
        KeychainError: a file says that there is one, and it can't be had.
    """
    global _known
    file = path()
    try:
        found = file.stat()
    except OSError:
        return None
    state = (str(file), found.st_ino, found.st_mtime_ns)
    if _known is None or _known[0] != state:
        _known = (state, _read(file, found.st_mode))
    return _known[1]


def keep(key: str) -> str:
    """Keeps a key in place of the one before, and says where: `keyring` or `file`.

    Raises:
        KeychainError: the file can't be written.
    """
    where = KEYRING if not os.environ.get(FILE_VARIABLE) and _keep_in_keyring(key) else FILE
    _write({"kept_in": where, **({"key": key} if where == FILE else {})})
    return where


def forget() -> bool:
    """Removes the key; whether there was one.

    Raises:
        KeychainError: it can't be removed.
    """
    file = path()
    try:
        noted = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        noted = None
    if isinstance(noted, dict) and noted.get("kept_in") == KEYRING:
        _forget_in_keyring()
    try:
        file.unlink()
    except OSError as cause:
        raise KeychainError(f"{file} can't be removed: {cause.strerror}.") from cause
    return True


def _read(file: Path, mode: int) -> str | None:
    try:
        noted = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as cause:
        raise KeychainError(f"{file} can't be read; `{_SERVICE} login` makes it anew.") from cause
    kept_in = noted.get("kept_in") if isinstance(noted, dict) else None
    if kept_in == KEYRING:
        return _read_keyring()
    key = noted.get("key") if kept_in == FILE else None
    if not isinstance(key, str) or not key:
        raise KeychainError(f"{file} holds no key; `{_SERVICE} login` makes it anew.")
    if os.name == "posix" and mode & _OTHERS:
        raise KeychainError(
            f"Others may read the key in {file}, so it is not used. Take that right from them: "
            f"chmod 600 {file}"
        )
    return key


def _write(noted: dict[str, str]) -> None:
    global _known
    file = path()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # On Windows, which has no such modes, the settings folder keeps others out.
        with files.write_atomically(file, mode=0o600) as opened:
            opened.write(json.dumps(noted).encode())
    except OSError as cause:
        raise KeychainError(f"{file} can't be written: {cause.strerror}.") from cause
    _known = None


def _keep_in_keyring(key: str) -> bool:
    """Whether the system's keyring has the key now: some take it and keep nothing."""
    keyring = _keyring()
    if keyring is None:
        return False
    try:
        keyring.set_password(_SERVICE, _USER, key)
        return bool(keyring.get_password(_SERVICE, _USER) == key)
    except Exception:  # noqa: BLE001 - each system's keyring has errors of its own
        return False


def _read_keyring() -> str | None:
    keyring = _keyring()
    if keyring is None:
        raise KeychainError(
            "The key is kept in the system's keyring, and the package keyring is not installed: "
            "pip install 'openrouter-adapter[account]'"
        )
    try:
        key = keyring.get_password(_SERVICE, _USER)
    except Exception as cause:  # noqa: BLE001 - each system's keyring has errors of its own
        raise KeychainError(f"The system's keyring gives no key: {type(cause).__name__}.") from None
    return str(key) if key else None


def _forget_in_keyring() -> None:
    keyring = _keyring()
    if keyring is None:
        raise KeychainError(
            "The key is in the system's keyring, and can't be removed without the package "
            "keyring: pip install 'openrouter-adapter[account]'"
        )
    # Somebody may have removed it by hand.
    with contextlib.suppress(keyring.errors.PasswordDeleteError):
        keyring.delete_password(_SERVICE, _USER)


def _keyring() -> Any:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        return None
    return keyring
