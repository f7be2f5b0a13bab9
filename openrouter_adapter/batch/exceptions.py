"""What stops a job before or while it runs. Each message says what to do.

BatchError
  FaultyInput    the input has invalid lines; nothing was sent
  FolderInUse    another run is working in the output folder
  FolderUnfit    the output folder can't be written to, has no job, or has another one
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Different faults that the message names, at most, and lines of each.
_MOST_SHOWN: Final = 20
_MOST_LINES: Final = 3
_CLASS_NAMES: Final = re.compile(r"^(litellm\.\w+: )+")


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong with a line of the input; line 0 stands for the whole input."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}" if self.line else self.message


class LineFault(ValueError):  # noqa: N818 - it is what the user calls it
    """What is wrong with a line, as a sentence without its number and full stop."""


class BatchError(Exception):
    """A job can't begin or continue; the message says why and what to do."""


class FolderInUse(BatchError):  # noqa: N818 - says what is the matter, as its base does
    """Another run is working in the output folder."""


class FolderUnfit(BatchError):  # noqa: N818
    """The output folder can't be written to, has no job, or has another one."""


class FaultyInput(BatchError):  # noqa: N818
    """The input has invalid lines; nothing was sent.

    Attributes:
        faults: The first of them, in the order of the input.
        count: Number of all of them.
    """

    def __init__(
        self, source: str, faults: Sequence[Fault], count: int, counts: Mapping[str, int]
    ) -> None:
        """Makes the message: equal faults are one line of it.

        Args:
            source: The input.
            faults: The first faults, by line.
            count: Number of all faults.
            counts: Number of all faults by message.
        """
        self.faults, self.count = list(faults), count
        lines: dict[str, list[int]] = {}
        for fault in self.faults:
            lines.setdefault(fault.message, []).append(fault.line)
        named = list(lines.items())[:_MOST_SHOWN]
        shown = [_equal_faults(numbers, text, counts[text]) for text, numbers in named]
        rest = count - sum(counts[text] for text, _ in named)
        if rest:
            shown.append(f"… and {rest:,} more")
        noun = "fault" if count == 1 else "faults"
        super().__init__("\n  ".join([f"{source} has {count:,} {noun}; nothing was sent:", *shown]))


def _equal_faults(lines: Sequence[int], message: str, count: int) -> str:
    if count == 1:
        return str(Fault(lines[0], message))
    named = ", ".join(map(str, lines[:_MOST_LINES]))
    return f"{count:,} lines ({named}{', …' if count > _MOST_LINES else ''}): {message}"


def words_of(failure: BaseException) -> str:
    """The message of an exception, without the class names that LiteLLM puts before it."""
    return _CLASS_NAMES.sub("", str(failure))
