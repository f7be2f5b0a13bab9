"""The lines of a batch that was submitted, on disk until its outcomes are written.

The journal says which batches there are and what became of them. A file for each batch says which
line of the input each of its requests is. So a million requests take no memory while OpenRouter has
them, and another process can read the results.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from openrouter_adapter.batch.exceptions import FolderUnfit

if TYPE_CHECKING:
    from pathlib import Path

    from openrouter_adapter.batch.folder import Folder
    from openrouter_adapter.batch.grouping import Group


@dataclass(frozen=True, slots=True)
class Lines:
    """The requests of a batch.

    Attributes:
        submitted_at: Microseconds since 1970, as in the ledger's rows of all its requests.
        lines: Numbers of the lines in the input.
        custom_ids: The custom_id of each.
        labels: `user` and `session_id` of the lines that have one of them.
    """

    submitted_at: int
    lines: list[int]
    custom_ids: list[str]
    labels: dict[int, tuple[str | None, str | None]] = field(default_factory=dict)


def lines_of(group: Group, submitted_at: int) -> Lines:
    """The requests of a group that is submitted now."""
    custom_ids = [custom_id for custom_id, _ in group.requests]
    return Lines(submitted_at, group.lines, custom_ids, group.labels)


def write(folder: Folder, number: int, lines: Lines) -> None:
    """Writes the file of a batch, which is on disk when this returns.

    Raises:
        FolderUnfit: it can't be written.
    """
    # Not `asdict`, which copies each number and text.
    content = {
        "submitted_at": lines.submitted_at,
        "lines": lines.lines,
        "custom_ids": lines.custom_ids,
        "labels": list(lines.labels.items()),
    }
    try:
        folder.batches.mkdir(exist_ok=True)
    except OSError as failure:
        raise folder.unfit(failure) from None
    folder.write_json(path_of(folder, number), content, is_indented=False)


def read(folder: Folder, number: int) -> Lines:
    """Reads the file of a batch.

    Raises:
        FolderUnfit: it is missing or was changed.
    """
    path = path_of(folder, number)
    try:
        fields = orjson.loads(path.read_bytes())
        labels = {line: tuple(both) for line, both in fields.pop("labels")}
        return Lines(**fields, labels=labels)
    except (OSError, ValueError, TypeError, LookupError) as failure:
        raise FolderUnfit(
            f"{path} can't be read: {failure}. It lists the lines of a batch at OpenRouter. "
            "Restore it."
        ) from None


def remove(folder: Folder, number: int) -> None:
    """Removes the file of a batch whose outcomes are written."""
    path_of(folder, number).unlink(missing_ok=True)


def path_of(folder: Folder, number: int) -> Path:
    """The file of a batch."""
    return folder.batches / f"{number}.json"
