"""Standard output and error in encodings that lack characters, such as Windows code pages."""

from __future__ import annotations

import codecs
import io
import sys
from typing import Final

_ERRORS: Final = "openrouter-adapter-plain"
_ASCII: Final = "openrouter_adapter_ascii"

_PLAIN: Final = {
    "\N{CHECK MARK}": "+",
    "\N{BALLOT X}": "x",
    "\N{RIGHTWARDS ARROW}": "->",
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{MIDDLE DOT}": "-",
    "\N{MINUS SIGN}": "-",
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{MULTIPLICATION SIGN}": "x",
}


def make_safe() -> None:
    r"""Lets standard output and error print any text in their encoding.

    A character that the encoding lacks becomes a plain one, or an escape such as `\u65e5`.
    """
    codecs.register_error(_ERRORS, _substituted)
    codecs.register(_find_ascii)
    for stream in (sys.stdout, sys.stderr):
        # A program that calls the command line may have replaced it with another object, or None.
        if isinstance(stream, io.TextIOWrapper):
            is_ascii = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding=_ASCII if is_ascii else None, errors=_ERRORS)


def _substituted(failure: UnicodeError) -> tuple[str, int]:
    if not isinstance(failure, UnicodeEncodeError):
        raise failure
    lacking = failure.object[failure.start : failure.end]
    return "".join(_PLAIN.get(one) or _escaped(one) for one in lacking), failure.end


def _escaped(character: str) -> str:
    """The escape of a character in Python and JSON."""
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))


def _find_ascii(name: str) -> codecs.CodecInfo | None:
    """ASCII under our own name: typer writes UTF-8 to a stream whose encoding is named `ascii`."""
    if name != _ASCII:
        return None
    found = codecs.lookup("ascii")
    return codecs.CodecInfo(
        found.encode,
        found.decode,
        streamreader=found.streamreader,
        streamwriter=found.streamwriter,
        incrementalencoder=found.incrementalencoder,
        incrementaldecoder=found.incrementaldecoder,
        name=_ASCII,
    )
