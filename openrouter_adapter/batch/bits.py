"""A bit for each line of the input."""

from __future__ import annotations


class Bits:
    """A set of line numbers, in an eighth of a byte each."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def add(self, line: int) -> None:
        """Puts a line in, once."""
        place, bit = line >> 3, 1 << (line & 7)
        if place >= len(self._bytes):
            self._bytes.extend(bytes(max(place + 1 - len(self._bytes), 4096)))
        self._bytes[place] |= bit

    def __contains__(self, line: int) -> bool:
        place = line >> 3
        return place < len(self._bytes) and bool(self._bytes[place] & 1 << (line & 7))
