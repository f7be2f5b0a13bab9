"""How many pages an attached document has, likely and at most, as far as its bytes tell."""

from __future__ import annotations

import base64
import re
import zlib
from typing import Final

MOST_PAGES: Final = 1000
"""What is taken for the pages of a document that doesn't tell: no parser takes more."""
_PAGE_BYTES: Final = 60_000  # A guess, where the pages can't be counted.
_PAGE: Final = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
_COUNT: Final = re.compile(rb"/Count\s+(\d{1,6})\b")
_OBJECT_STREAM: Final = re.compile(rb"/ObjStm\b[^>]*>>\s*stream\r?\n")
_MOST_UNPACKED: Final = 64 * 1024 * 1024


def pages(data_url: str) -> tuple[int, int]:
    """The pages of a document in a data URL: likely, and at most.

    Exact for PDFs that aren't encrypted. Of anything else the size is a hint, and `MOST_PAGES`
    the limit.
    """
    content = _content(data_url)
    counted = _pages_of_pdf(content) if b"%PDF" in content[:1024] else None
    if counted is not None:
        return counted, counted
    likely = min(len(content) // _PAGE_BYTES + 1, MOST_PAGES)
    return likely, MOST_PAGES


def _content(data_url: str) -> bytes:
    try:
        return base64.b64decode(data_url[data_url.find(",") + 1 :])
    except ValueError:
        return b""


def _pages_of_pdf(content: bytes) -> int | None:
    """Counts page objects, also in compressed object streams; None where they can't be read."""
    if b"/Encrypt" in content:
        return None
    found = len(_PAGE.findall(content))
    counts = _COUNT.findall(content)
    left = _MOST_UNPACKED
    streams = list(_OBJECT_STREAM.finditer(content))
    if len(streams) != content.count(b"/ObjStm"):
        return None
    for match in streams:
        unpacker = zlib.decompressobj()
        try:
            objects = unpacker.decompress(memoryview(content)[match.end() :], left)
        except zlib.error:
            return None
        left -= len(objects)
        if not unpacker.eof or left <= 0:
            return None
        found += len(_PAGE.findall(objects))
        counts += _COUNT.findall(objects)
    # The tree of pages may name one page object several times; it says how many pages it holds.
    return max([found, *map(int, counts)]) if found else None
