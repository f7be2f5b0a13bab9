"""Makes a job from a table (CSV or Parquet) and a prompt template."""

from __future__ import annotations

import difflib
import filecmp
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypedDict

import orjson

from openrouter_adapter import files
from openrouter_adapter.batch import tables
from openrouter_adapter.batch.exceptions import BatchError, FolderUnfit
from openrouter_adapter.batch.folder import Folder

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence

    from typing_extensions import NotRequired, Unpack

_FIELD: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


class Requests(TypedDict):
    """What is asked of each row of a table.

    Attributes:
        model: The model's id at OpenRouter.
        prompt: Text with columns in braces: "Translate into French: {text}"; `{{` is a brace.
        system: A system prompt, likewise.
        id_column: The column whose values are the ids; None for row-1, row-2, ….
        parameters: Additional fields of every body, such as `max_tokens`.
    """

    model: str
    prompt: str
    system: NotRequired[str | None]
    id_column: NotRequired[str | None]
    parameters: NotRequired[Mapping[str, Any] | None]


class Made(NamedTuple):
    """A job that was made.

    Attributes:
        job: The file.
        requests: Number of its lines.
        blank: Number of rows that were left out, because all columns of the prompt are empty.
    """

    job: Path
    requests: int
    blank: int


def make(
    table: str | os.PathLike[str], job: str | os.PathLike[str], **requests: Unpack[Requests]
) -> int:
    """Writes a chat request for each row of a table.

    Rows in which every column that the prompts name is empty are left out.

    Args:
        table: CSV with a header, gzipped or not, or Parquet.
        job: The file to write; replaced if it exists.
        **requests: `model`, `prompt`, …; `Requests` explains each one.

    Returns:
        Number of lines that were written.

    Raises:
        BatchError: the table can't be read or lacks a column, or the prompt names no column.
    """
    return make_job(Path(table), Path(job), requests).requests


def make_job(table: Path, job: Path, requests: Requests) -> Made:
    """Does what `make` does, and counts the rows that were left out.

    Raises:
        BatchError: as `make`.
    """
    if job.exists() and table.exists() and job.samefile(table):
        raise BatchError(f"{job} is the table itself. Give the job another name.")
    count = blank = 0
    try:
        with files.write_atomically(job) as file:
            for line in _lines(table, requests):
                if line is None:
                    blank += 1
                    continue
                file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
                count += 1
            if not count:
                empty = " but empty ones" if blank else ""
                raise BatchError(f"{table} has no rows{empty}.")
    except OSError as failure:
        raise BatchError(f"{failure.filename or job}: {failure.strerror}.") from None
    return Made(job, count, blank)


def make_in_folder(
    out: str | os.PathLike[str], table: str | os.PathLike[str], **requests: Unpack[Requests]
) -> Made:
    """Writes the job of a table into its output folder, which can't get another job later.

    Args:
        out: The output folder; created if it doesn't exist.
        table: As for `make`.
        **requests: As for `make`.

    Raises:
        BatchError: as for `make`, or the folder has the answers of another job.
    """
    folder, table = Folder(Path(out)), Path(table)
    if not table.exists():
        raise BatchError(f"{table}: No such file or directory.")
    job = folder.path / "job.jsonl"
    new = folder.path / "job.made.jsonl"
    with folder.locked():
        try:
            made = make_job(table, new, requests)
            if folder.job() is None or not job.exists():
                new.replace(job)
            elif not filecmp.cmp(new, job, shallow=False):
                raise FolderUnfit(
                    f"{folder.path} has answers to another table, prompt or model. Give a new "
                    "folder with --out, or continue what was begun: "
                    f"openrouter-adapter batch resume {folder.path}"
                )
        except OSError as failure:
            raise folder.unfit(failure) from None
        finally:
            new.unlink(missing_ok=True)
    return made._replace(job=job)


def _lines(table: Path, requests: Requests) -> Iterator[dict[str, Any] | None]:
    """The request of each row; None for a row that asks nothing."""
    prompt, system = requests["prompt"], requests.get("system") or ""
    id_column = (requests.get("id_column") or "").strip() or None
    named = _columns(prompt) | _columns(system)
    wanted = named if id_column is None else named | {id_column}
    columns, rows = tables.read(table, wanted)
    _check_columns(table, columns, wanted)
    if not named:
        raise BatchError(
            "The prompt names no column, so all requests would be the same. Name one in braces, "
            f"as in {{{columns[0]}}}."
        )
    for number, row in enumerate(rows, 1):
        if tables.is_blank([row[column] for column in named]):
            yield None
            continue
        messages = [{"role": "user", "content": _filled(prompt, row)}]
        if system:
            messages.insert(0, {"role": "system", "content": _filled(system, row)})
        yield {
            "custom_id": f"row-{number}" if id_column is None else _text(row[id_column]),
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {
                "model": requests["model"],
                "messages": messages,
                **(requests.get("parameters") or {}),
            },
        }


def _check_columns(table: Path, columns: Sequence[str], wanted: set[str]) -> None:
    for column in sorted(wanted):
        if columns.count(column) > 1:
            raise BatchError(f"{table} has {columns.count(column)} columns {column!r}.")
        if column not in columns:
            near = difflib.get_close_matches(column, columns, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            if len(columns) == 1:
                hint = " Commas, semicolons or tabs must be between columns."
            there = ", ".join(map(repr, columns))
            raise BatchError(f"{table} has no column {column!r}; it has {there}.{hint}")


def _columns(template: str) -> set[str]:
    """The columns that a text names in braces."""
    return {found[1].strip() for found in _FIELD.finditer(template) if found[1] is not None}


def _filled(template: str, row: Mapping[str, Any]) -> str:
    """The text with a row's values."""

    def value(found: re.Match[str]) -> str:
        column = found[1]
        return found[0][0] if column is None else _text(row[column.strip()])

    return _FIELD.sub(value, template)


def _text(value: Any) -> str:
    """A value as text for a prompt: lists and structures as JSON, nothing for a missing value.

    Raises:
        BatchError: the value is bytes that are not text.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bytes):
        return _decoded(value)
    if isinstance(value, dict | list):
        return orjson.dumps(value, default=str).decode()
    return str(value)


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise BatchError(
            f"A column of the prompt has bytes that are not UTF-8: {value[:20]!r}."
        ) from None
