"""The file of an upload, in any form that a caller gives, checked before it is sent."""

from __future__ import annotations

import io
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from openrouter_adapter.wire import errors

MOST_BYTES: Final = 100 * 1024 * 1024
"""OpenRouter's limit of one file: 100 MiB."""

_ALLOWED: Final = "give bytes, an open binary file, a pathlib.Path, or a tuple (name, content)"
_MOST_NAME: Final = 255
_FORBIDDEN: Final = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')


@dataclass(frozen=True, slots=True)
class Upload:
    """A file's name and its content."""

    name: str
    content: bytes


def read(given: Any) -> Upload:
    """The file that a caller gives as `file`.

    A string is refused, and not read as a path: otherwise a proxy's callers could upload the
    proxy's files.

    Raises:
        litellm.BadRequestError: it has an unknown form, is empty or larger than OpenRouter allows,
            or can't be read; or its name is one that OpenRouter refuses.

    Follows https://openrouter.ai/docs/guides/features/files-api.
    """
    name, content = given[:2] if isinstance(given, tuple) and len(given) > 1 else ("", given)
    own_name = content if isinstance(content, os.PathLike) else getattr(content, "name", "")
    if not name and isinstance(own_name, str | os.PathLike):
        name = Path(own_name).name
    name = name or "file"
    _check_name(name)
    if isinstance(content, bytes | bytearray | memoryview):
        content = bytes(content)
    elif isinstance(content, os.PathLike) or hasattr(content, "seek"):
        content = _read(content, name)
    else:
        raise errors.bad_request(f"file={given!r:.100}: {_ALLOWED}")
    _check_size(len(content), name)
    return Upload(name, content)


def _read(content: Any, name: str) -> bytes:
    """The bytes of a path or of an open file, whose size is checked first."""
    try:
        if isinstance(content, os.PathLike):
            _check_size(Path(content).stat().st_size, name)
            return Path(content).read_bytes()
        content.seek(0, io.SEEK_END)
        _check_size(content.tell(), name)
        content.seek(0)
        found = content.read()
    except (OSError, ValueError) as cause:
        raise errors.bad_request(f"file: {name} can't be read: {cause}") from None
    if not isinstance(found, bytes):
        raise errors.bad_request(f"file: {name} is open as text; open it with mode 'rb'")
    return found


def _check_name(name: Any) -> None:
    segments = name.split("/") if isinstance(name, str) else [""]
    if (
        len(name) > _MOST_NAME
        or any(segment in {"", ".", ".."} for segment in segments)
        or _FORBIDDEN.search(name)
    ):
        raise errors.bad_request(
            f"file: OpenRouter refuses the name {name!r:.300}: use 1 to {_MOST_NAME} characters, "
            'without < > : " | ? * \\ and control characters; separate folders by single slashes'
        )


def _check_size(size: int, name: str) -> None:
    if not size:
        raise errors.bad_request(f"file: {name} is empty, which OpenRouter refuses")
    if size > MOST_BYTES:
        raise errors.bad_request(
            f"file: {name} has {size:,} bytes; OpenRouter accepts {MOST_BYTES:,} (100 MiB)"
        )
