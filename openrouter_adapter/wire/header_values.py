"""What can stand in an HTTP header, and how a letter beyond ASCII gets there.

HTTP takes any byte from 0x20 on, save 0x7f; by common use those beyond ASCII are UTF-8. httpx
encodes a text as ASCII, aiohttp as UTF-8; here both send the same.
"""

from __future__ import annotations

import re
from typing import Any, Final

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class _Utf8(str):
    """A value that httpx, too, encodes as UTF-8; everywhere else it is the text that it is."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """The bytes that are sent, whatever encoding a client asks for."""
        return super().encode("utf-8", errors)


def sendable(name: Any, value: Any) -> str:
    """A header's value as every client of ours sends it: UTF-8, no white space around it.

    Raises:
        ValueError: HTTP has no place for the name or the value; the message has the name, and
            nothing of the value, which may be a secret.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"The header {name!r} can't be sent: that is no name for one.")
    text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
    if not isinstance(text, str):
        kind = type(value).__name__
        raise ValueError(  # noqa: TRY004 - a wrong request, like the others
            f"The header {name} can't be sent: its value must be a text, not {kind}."
        )
    text = text.strip(" \t")
    if text.isascii() and text.isprintable():
        return text
    found = _CONTROL.search(text)
    if found is not None:
        raise ValueError(
            f"The header {name} can't be sent: character {found.start()} of its value is "
            f"{found[0]!r}, which HTTP allows in none."
        )
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as cause:
        raise ValueError(
            f"The header {name} can't be sent: character {cause.start} of its value has no form "
            "in UTF-8."
        ) from None
    return _Utf8(text)
