"""A table and a prompt template → the lines of a job: CSV, or Parquet where pyarrow is there."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any, Final

import orjson

from openrouter_adapter.batch.exceptions import BatchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_FIELD: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
_PARQUET: Final = b"PAR1"


def make(
    table: Path,
    job: Path,
    *,
    model: str,
    prompt: str,
    system: str | None = None,
    id_column: str | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> int:
    """Writes a chat request for each row of a table.

    Args:
        table: CSV with a header, or Parquet.
        job: Where the lines go; written anew.
        model: As OpenRouter names it.
        prompt: Names columns in braces, as in "Translate into French: {text}"; `{{` is a brace.
        system: A system prompt; the same.
        id_column: The column whose values are the ids; None for row-1, row-2, ….
        parameters: Further fields of every body, such as `max_tokens`.

    Returns:
        How many lines were written.

    Raises:
        BatchError: the table can't be read, or lacks a column that is named.
    """
    count = 0
    new = job.with_name(f"{job.name}.new")
    try:
        with new.open("wb") as file:
            for count, row in enumerate(_rows(table), 1):
                messages = [{"role": "user", "content": _filled(prompt, row)}]
                if system is not None:
                    messages.insert(0, {"role": "system", "content": _filled(system, row)})
                line = {
                    "custom_id": _id(row, id_column, count),
                    "method": "POST",
                    "url": "/v1/chat/completions",
                    "body": {"model": model, "messages": messages, **(parameters or {})},
                }
                file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        if not count:
            raise BatchError(f"{table} has no rows.")
        new.replace(job)
    except OSError as failure:
        raise BatchError(f"{failure.filename or job}: {failure.strerror}.") from None
    finally:
        new.unlink(missing_ok=True)
    return count


def _id(row: Mapping[str, Any], column: str | None, number: int) -> str:
    return f"row-{number}" if column is None else _value(row, column)


def _filled(template: str, row: Mapping[str, Any]) -> str:
    def fill(found: re.Match[str]) -> str:
        name = found[1]
        return found[0][0] if name is None else _value(row, name.strip())

    return _FIELD.sub(fill, template)


def _value(row: Mapping[str, Any], column: str) -> str:
    if column not in row:
        columns = ", ".join(map(repr, row))
        raise BatchError(f"There is no column {column!r}; there are {columns}.")
    value = row[column]
    return "" if value is None else str(value)


def _rows(table: Path) -> Iterator[Mapping[str, Any]]:
    with table.open("rb") as file:
        is_parquet = file.read(4) == _PARQUET
    if is_parquet:
        yield from _rows_of_parquet(table)
        return
    # utf-8-sig leaves out the mark that Excel puts first.
    with table.open(encoding="utf-8-sig", newline="") as text:
        csv.field_size_limit(2**30)
        try:
            for row in csv.DictReader(text, strict=True):
                yield {name: value for name, value in row.items() if name is not None}
        except (csv.Error, UnicodeDecodeError) as failure:
            raise BatchError(f"{table} can't be read as CSV in UTF-8: {failure}.") from None


def _rows_of_parquet(table: Path) -> Iterator[Mapping[str, Any]]:
    try:
        from pyarrow import parquet  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        raise BatchError(
            f"{table} is Parquet, which needs pyarrow: pip install 'openrouter-adapter[parquet]'"
        ) from None
    with parquet.ParquetFile(table) as file:
        for batch in file.iter_batches(batch_size=1024):
            yield from batch.to_pylist()
