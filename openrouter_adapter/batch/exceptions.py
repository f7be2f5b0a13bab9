"""What stops a job before or while it runs. Each message says what to do.

BatchError
  FaultyInput    the input has invalid lines; nothing was sent
  FolderInUse    another run is working in the output folder
  FolderUnfit    the output folder can't be written to, has no job, or another one
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    """The output folder can't be written to, has no job, or another one."""


class FaultyInput(BatchError):  # noqa: N818
    """The input has invalid lines; nothing was sent.

    Attributes:
        faults: The first of them, in the order of the input.
        count: Number of all of them.
    """

    def __init__(self, source: str, faults: Sequence[Fault], count: int) -> None:
        self.faults, self.count = list(faults), count
        shown = [str(fault) for fault in self.faults[:20]]
        if count > len(shown):
            shown.append(f"… and {count - len(shown)} more")
        noun = "fault" if count == 1 else "faults"
        super().__init__("\n  ".join([f"{source} has {count} {noun}; nothing was sent:", *shown]))


def words_of(failure: BaseException) -> str:
    """The message of an exception, without the class names that LiteLLM puts before it."""
    return _CLASS_NAMES.sub("", str(failure))
