"""Rows of a table: CSV with a header, as spreadsheets and programs write it, or Parquet."""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

from openrouter_adapter import installing
from openrouter_adapter.batch import inputs
from openrouter_adapter.batch.exceptions import BatchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    Rows = Iterator[Mapping[str, Any]]

# The comma is first: it wins if two delimiters make the same number of columns.
_DELIMITERS: Final = (",", ";", "\t")
_NAMES: Final = {";": "semicolons", "\t": "tabs"}
# The first line of a file in which Excel names the delimiter.
_SEPARATOR: Final = re.compile(r'\ufeff?"?sep=(.)"?[\r\n]')


class _Form(NamedTuple):
    """How a CSV file is written.

    Attributes:
        encoding: Its encoding.
        delimiter: What is between two columns.
        is_spaced: Whether a space follows each delimiter.
        skipped: Number of lines before the header.
    """

    encoding: str
    delimiter: str
    is_spaced: bool = False
    skipped: int = 0


def read(table: Path, wanted: set[str]) -> tuple[list[str], Rows]:
    """The columns of a table, and its rows with at least the wanted columns.

    Spaces around the name of a column don't count.

    Args:
        table: CSV with commas, semicolons or tabs, gzipped or not, or Parquet.
        wanted: Names of columns; the delimiter of a CSV file is the one that finds them all.

    Raises:
        BatchError: the table is invalid, or is not a table.
        OSError: the table can't be read.
    """
    with inputs.unpacked(table) as file:
        head = file.read(64)
    if head.startswith(inputs.PARQUET):
        return _read_parquet(table, wanted)
    if head.removeprefix(inputs.BYTE_ORDER_MARK).lstrip()[:1] in {b"{", b"["}:
        raise BatchError(
            f"{table} is JSON, not a table. If it has requests, give it to `batch run` without a "
            "prompt; otherwise save it as CSV."
        )
    encoding = "utf-16" if head[:2] in inputs.UTF_16 else "utf-8-sig"
    named = _SEPARATOR.match(head.decode(encoding, "replace"))
    form = _form(table, wanted, encoding, None if named is None else named[1])
    rows = _rows_of_csv(table, form)
    columns = next(rows, None)
    if columns is None:
        raise BatchError(f"{table} has no rows.")
    columns = [column.strip() for column in columns]
    return columns, (dict(zip(columns, row, strict=True)) for row in rows)


def _form(table: Path, wanted: set[str], encoding: str, delimiter: str | None) -> _Form:
    """The form of a CSV file, by its header; `delimiter` is what its first line names."""
    skipped = 0 if delimiter is None else 1
    found = []
    for tried in _DELIMITERS if delimiter is None else (delimiter,):
        header = next(_rows_of_csv(table, _Form(encoding, tried, skipped=skipped)), [])
        is_spaced = any(name.startswith(" ") for name in header[1:])
        form = _Form(encoding, tried, is_spaced, skipped)
        if wanted and wanted <= {name.strip(' "') for name in header}:
            return form
        found.append((len(header), form))
    return max(found, key=lambda one: one[0])[1]


def _rows_of_csv(table: Path, form: _Form) -> Iterator[list[str]]:
    """The header and the rows, all of the same length, including those with only delimiters."""
    csv.field_size_limit(2**30)
    with _opened(table, form.encoding) as text:
        for _ in range(form.skipped):
            text.readline()
        lines = csv.reader(
            text, delimiter=form.delimiter, skipinitialspace=form.is_spaced, strict=True
        )
        length = 0
        try:
            for row in lines:
                length = length or len(row)
                if len(row) == length:
                    yield row
                elif not is_blank(row):
                    raise BatchError(_ragged(table, form, lines.line_num, len(row), length))
                elif row:
                    yield [""] * length
        except UnicodeError as failure:
            raise BatchError(
                f"{table} is not UTF-8: {failure}. Save it as UTF-8; in Excel, that is the type "
                "“CSV UTF-8”."
            ) from None
        except csv.Error as failure:
            where = lines.line_num + form.skipped
            raise BatchError(
                f"{table} can't be read as CSV, near line {where}: {failure}."
            ) from None
        except (EOFError, zlib.error, gzip.BadGzipFile) as failure:
            raise BatchError(f"{table} can't be read: {failure}.") from None


def _ragged(table: Path, form: _Form, line: int, values: int, columns: int) -> str:
    delimiters = _NAMES.get(form.delimiter, "commas")
    return (
        f"{table}, line {line + form.skipped}: {values} values where the header names {columns} "
        f"columns. Texts with {delimiters} or line breaks need quotes."
    )


def is_blank(values: Sequence[Any]) -> bool:
    """Whether every value is missing or has only spaces."""
    return all(value is None or (isinstance(value, str) and not value.strip()) for value in values)


def _opened(table: Path, encoding: str) -> IO[str]:
    opened = gzip.open if inputs.is_gzip(table) else open
    return opened(table, "rt", encoding=encoding, newline="")


def _read_parquet(table: Path, wanted: set[str]) -> tuple[list[str], Rows]:
    try:
        import pyarrow  # type: ignore[import-not-found, import-untyped, unused-ignore]
        from pyarrow import parquet  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        raise BatchError(
            f"{table} is Parquet, which needs pyarrow: {installing.command('parquet')}"
        ) from None
    try:
        names = parquet.read_schema(table).names
    except pyarrow.ArrowException as failure:
        raise BatchError(f"{table} can't be read as Parquet: {failure}") from None
    chosen = {name: name.strip() for name in names if name.strip() in wanted}

    def rows() -> Rows:
        try:
            with parquet.ParquetFile(table) as file:
                for batch in file.iter_batches(batch_size=1024, columns=sorted(chosen)):
                    for row in batch.to_pylist():
                        yield {chosen[name]: value for name, value in row.items()}
        except pyarrow.ArrowException as failure:
            raise BatchError(f"{table} can't be read as Parquet: {failure}") from None

    return [name.strip() for name in names], rows()
