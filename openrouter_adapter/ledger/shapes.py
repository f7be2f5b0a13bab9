"""Splits lists so that the statements they are sent with come in few lengths.

A driver keeps statements prepared by their text: SQLite's the last 128 of each connection. An
INSERT of 64 rows takes 300 KB there. One statement for each number of rows that a batch may end
with came to 25 MB, gathered over tens of thousands of calls; those of powers of two take 1 MB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

T = TypeVar("T")


def split(items: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """Yields pieces of `most` items, then the rest in pieces of smaller powers of two.

    Args:
        items: Any number.
        most: A power of two.
    """
    start = 0
    while left := len(items) - start:
        size = min(most, 1 << (left.bit_length() - 1))
        yield items[start : start + size]
        start += size


def padded(keys: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """Yields pieces of `most` keys; the last is padded to a power of two by repeating a key.

    A repeated key changes nothing in an `IN (…)`, and one query takes one round trip.

    Args:
        keys: Any number.
        most: A power of two.
    """
    for start in range(0, len(keys), most):
        some = keys[start : start + most]
        missing = (1 << (len(some) - 1).bit_length()) - len(some)
        yield [*some, *[some[-1]] * missing]
