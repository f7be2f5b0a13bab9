"""The lines of a table that fits a terminal: columns, or, if they don't fit, one value a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_GAP: Final = 2  # Between columns.
_INDENT: Final = "  "


def layout(
    titles: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int, width: int | None
) -> tuple[list[str], list[str]]:
    """The lines of the titles, and those of the rows.

    No word is broken, and no number: half a number is another number. If the columns don't
    fit, even with every space of a text or a title as a line break, the titles are repeated in
    each row, before their values.

    Args:
        titles: One for each column.
        rows: The cells of each row.
        texts: The number of columns at the start that are text; the others are numbers.
        width: Width of the terminal, in cells; None for a pipe, which has none.
    """
    cells = [[" ".join(cell.splitlines()) for cell in row] for row in rows]
    widths = _widths(titles, cells, texts, width)
    if widths is None:
        return [], _records(titles, cells, width or 0)
    head, *body = (_row(row, widths, texts) for row in (titles, *cells))
    return head, [line for lines in body for line in lines]


def _widths(
    titles: Sequence[str], rows: Sequence[Sequence[str]], texts: int, width: int | None
) -> list[int] | None:
    """The width of each column; None if they don't fit."""
    widths, least = [], []
    for place, title in enumerate(titles):
        column = [row[place] for row in rows]
        widths.append(max(map(_size, (title, *column))))
        least.append(max(map(_longest if place < texts else _size, column), default=0))
        least[-1] = max(least[-1], _longest(title))
    if width is None:
        return widths
    room = width - _GAP * (len(titles) - 1)
    while sum(widths) > room:
        size, place = max(
            ((size, place) for place, size in enumerate(widths) if size > least[place]),
            default=(0, 0),
        )
        if not size:
            return None
        widths[place] -= 1
    return widths


def _row(row: Sequence[str], widths: Sequence[int], texts: int) -> list[str]:
    """The lines of a row in columns."""
    columns = [_wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
    found = []
    for number in range(max(map(len, columns))):
        parts = []
        for place, (lines, width) in enumerate(zip(columns, widths, strict=True)):
            part = lines[number] if number < len(lines) else ""
            space = " " * (width - _size(part))
            parts.append(part + space if place < texts else space + part)
        found.append((" " * _GAP).join(parts).rstrip())
    return found


def _records(titles: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """The first cell of each row on a line, and below it the others, each after its title."""
    label = max(map(_size, titles[1:]), default=0)
    found = []
    for first, *others in rows:
        found += _wrapped(first, width)
        for title, cell in zip(titles[1:], others, strict=True):
            if not cell:
                continue
            start = _INDENT + title + " " * (label - _size(title) + _GAP if label else 0)
            if _size(start) + _longest(cell) > width:
                found.append(start.rstrip())
                start = _INDENT * 2
            space = " " * _size(start)
            lines = _wrapped(cell, width - len(space))
            found += [start + lines[0], *(space + line for line in lines[1:])]
        found.append("")
    return found[:-1]


def _wrapped(text: str, width: int) -> list[str]:
    """A text in lines of at most this width, except for words that are longer."""
    if _size(text) <= width:
        return [text]
    lines: list[str] = []
    for word in text.split():
        if lines and _size(lines[-1]) + 1 + _size(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _longest(text: str) -> int:
    """The width of the longest word."""
    return max(map(_size, text.split()), default=0)


def _size(text: str) -> int:
    """The number of a terminal's cells that a text takes; some characters take two."""
    from rich.cells import cell_len

    return len(text) if text.isascii() else cell_len(text)
