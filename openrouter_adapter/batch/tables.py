"""Reads a table: CSV with a header, or Parquet where pyarrow is there."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any, Final

import orjson

from openrouter_adapter.batch.exceptions import BatchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_PARQUET: Final = b"PAR1"


def read(table: Path, wanted: set[str]) -> tuple[list[str], Iterator[Mapping[str, Any]]]:
    """The columns of a table, and its rows with those that are wanted at least.

    Raises:
        BatchError: it can't be read.
        OSError: the same.
    """
    with table.open("rb") as file:
        is_parquet = file.read(4) == _PARQUET
    return _read_parquet(table, wanted) if is_parquet else _read_csv(table)


def _read_csv(table: Path) -> tuple[list[str], Iterator[Mapping[str, Any]]]:
    rows = _rows_of_csv(table)
    columns = next(rows, None)
    if columns is None:
        raise BatchError(f"{table} has no rows.")
    return columns, (dict(zip(columns, row, strict=True)) for row in rows)


def _rows_of_csv(table: Path) -> Iterator[list[str]]:
    """The header and the rows, which are all of one length."""
    csv.field_size_limit(2**30)
    # utf-8-sig leaves out the mark that Excel puts first.
    with table.open(encoding="utf-8-sig", newline="") as text:
        lines = csv.reader(text, strict=True)
        length = None
        try:
            for row in lines:
                length = length or len(row)
                if row and len(row) != length:
                    raise BatchError(
                        f"{table}, line {lines.line_num}: {len(row)} values where the header names "
                        f"{length} columns. Texts with commas or line breaks need quotes."
                    )
                if row:
                    yield row
        except UnicodeDecodeError as failure:
            raise BatchError(f"{table} is not UTF-8: {failure}. Save it as UTF-8.") from None
        except csv.Error as failure:
            raise BatchError(
                f"{table} can't be read as CSV, near line {lines.line_num}: {failure}."
            ) from None


def _read_parquet(table: Path, wanted: set[str]) -> tuple[list[str], Iterator[Mapping[str, Any]]]:
    try:
        import pyarrow  # type: ignore[import-not-found, import-untyped, unused-ignore]
        from pyarrow import parquet  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        raise BatchError(
            f"{table} is Parquet, which needs pyarrow: pip install 'openrouter-adapter[parquet]'"
        ) from None
    try:
        columns = parquet.read_schema(table).names
    except pyarrow.ArrowException as failure:
        raise BatchError(f"{table} can't be read as Parquet: {failure}") from None

    def rows() -> Iterator[Mapping[str, Any]]:
        try:
            with parquet.ParquetFile(table) as file:
                for batch in file.iter_batches(batch_size=1024, columns=sorted(wanted)):
                    yield from batch.to_pylist()
        except pyarrow.ArrowException as failure:
            raise BatchError(f"{table} can't be read as Parquet: {failure}") from None

    return columns, rows()


def text(value: Any) -> str:
    """A value as it stands in a prompt: lists and structures as JSON, nothing for none.

    Raises:
        BatchError: it is bytes, and no text.
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
            f"A column that is named holds bytes that are no text: {value[:20]!r}."
        ) from None
