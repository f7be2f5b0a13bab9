"""The check of a whole input before its first request is sent."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from openrouter_adapter.batch import inputs, requests
from openrouter_adapter.batch.bits import Bits
from openrouter_adapter.batch.exceptions import Fault, LineFault
from openrouter_adapter.batch.identifiers import Identifiers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openrouter_adapter.batch.requests import Request

_MOST_KEPT: Final = 1000


@dataclass(slots=True)
class Checked:
    """What a check found.

    Attributes:
        requests: How many lines hold a request, faulty ones among them.
        last_line: The number of the last line that isn't blank.
        fingerprint: Of the content; another content has another.
        faults: The first thousand, by line.
        fault_count: How many there are.
        doubled: The lines whose id an earlier one has.
    """

    requests: int = 0
    last_line: int = 0
    fingerprint: str = ""
    faults: list[Fault] = field(default_factory=list)
    fault_count: int = 0
    doubled: Bits = field(default_factory=Bits)

    def note(self, line: int, message: str) -> None:
        """Takes a fault down."""
        self.fault_count += 1
        if len(self.faults) < _MOST_KEPT:
            self.faults.append(Fault(line, message))


def check(
    source: Path,
    model: str | None = None,
    *,
    look: Callable[[Request], str | None] | None = None,
    folder: Path | None = None,
) -> Checked:
    """Reads an input from end to end and says what is wrong with it.

    Args:
        source: The input.
        model: Takes the place of every line's own model.
        look: Sees each request; what it returns is a fault of its line.
        folder: Where the index of ids is kept meanwhile; None for the temporary folder.

    Raises:
        BatchError: the input can't be read.
    """
    found = Checked()
    content = hashlib.blake2b(digest_size=16)
    with Identifiers(folder) as identifiers:
        for number, text in inputs.lines(source):
            content.update(text)
            content.update(b"\n")
            found.requests += 1
            found.last_line = number
            try:
                request = requests.parse(number, text, model)
            except LineFault as fault:
                found.note(number, str(fault))
                continue
            identifiers.add(request.custom_id, number)
            complaint = look(request) if look is not None else None
            if complaint:
                found.note(number, complaint)
        for number, earlier in identifiers.doubled():
            found.doubled.add(number)
            found.note(number, f"custom_id is the one of line {earlier}; each line needs its own")
    if not found.requests:
        found.note(0, f"{source} is empty: write a request on each line, or use `batch make`")
    found.fingerprint = content.hexdigest()
    found.faults.sort()
    return found
