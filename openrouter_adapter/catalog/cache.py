"""What was fetched from OpenRouter, kept on disk: a JSON file for each list.

Written whole and then renamed, so a reader in another process sees the old file or the new one
and never a part. Of two writers the last one wins; both wrote the truth.
"""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from openrouter_adapter import files

FOLDER_VARIABLE: Final = "OPENROUTER_ADAPTER_CACHE"
_FORMAT: Final = 1

_logger = logging.getLogger("openrouter_adapter")


@dataclass(frozen=True, slots=True)
class CachedList:
    """A list as it was fetched.

    Attributes:
        rows: The wire's rows.
        fetched_at: When OpenRouter last said that they are right, seconds since 1970.
        etag: The list's ETag, None where there was none.
    """

    rows: list[dict[str, Any]]
    fetched_at: float
    etag: str | None = None


def folder() -> Path:
    """Where the files are: `OPENROUTER_ADAPTER_CACHE`, else the user's cache folder."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("openrouter-adapter", appauthor=False))


def path(name: str, base_url: str) -> Path:
    """The file of a list: each server that lists are fetched from has files of its own."""
    server = hashlib.sha256(base_url.encode()).hexdigest()[:12]
    safe = "".join(letter if letter.isalnum() or letter in "-._" else "_" for letter in name)
    if safe != name:
        safe = f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return folder() / f"{safe}-{server}.json"


def read(file: Path) -> CachedList | None:
    """What a file holds; None where there is none. One that can't be read gives a warning."""
    try:
        stored = orjson.loads(file.read_bytes())
        if stored["format"] != _FORMAT:
            return None
        rows = [dict(row) for row in stored["rows"]]
        etag = stored.get("etag")
        return CachedList(
            rows, float(stored["fetched_at"]), etag if isinstance(etag, str) else None
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as cause:
        _logger.warning("The cache file %s can't be read and is left out: %s", file, cause)
        return None


def write(file: Path, entry: CachedList) -> None:
    """Puts a list on disk. Where that fails it says so once in the log: it is only a cache."""
    stored = {
        "format": _FORMAT,
        "fetched_at": entry.fetched_at,
        "etag": entry.etag,
        "rows": entry.rows,
    }
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with files.write_atomically(file, mode=0o600) as opened:
            opened.write(orjson.dumps(stored))
    except OSError as cause:
        _logger.warning("The cache file %s can't be written: %s", file, cause)
