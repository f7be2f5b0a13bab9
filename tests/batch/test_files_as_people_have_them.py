"""Files as spreadsheets and other programs write them: each works, or the error says what it is."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from typing import TYPE_CHECKING

import orjson
import pytest
from typer.testing import CliRunner

from openrouter_adapter import batch
from openrouter_adapter.batch import inputs, validation
from openrouter_adapter.cli import app
from tests.batch.conftest import MODEL, chat, read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator


def zipped(*names: str) -> bytes:
    """A zip archive of empty files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, "")
    return content.getvalue()


XLSX = zipped("[Content_Types].xml", "xl/workbook.xml", "xl/worksheets/sheet1.xml")
TWO = [("1", "Hello, world"), ("2", "Bye")]

WORKING_TABLES = {
    "a space after the comma": 'id, text\n1, "Hello, world"\n2, Bye\n',
    "a space before it, too": 'id , text\n1,"Hello, world"\n2,Bye\n',
    "quotes in a spaced header": '"id", "text"\n"1", "Hello, world"\n"2", "Bye"\n',
    "semicolons": "id;text\n1;Hello, world\n2;Bye\n",
    "semicolons, and a comma in the header": "id;text;names, all\n1;Hello, world;\n2;Bye;x, y, z\n",
    "tabs": "id\ttext\n1\tHello, world\n2\tBye\n",
    "Excel's separator line": "sep=;\r\nid;text\r\n1;Hello, world\r\n2;Bye\r\n",
    "a separator of one's own": "sep=|\r\nid|text\r\n1|Hello, world\r\n2|Bye\r\n",
    "rows of nothing but commas": 'id,text\n1,"Hello, world"\n,\n , \n2,Bye\n,\n,\n',
    "more commas than columns": 'id,text\n1,"Hello, world"\n2,Bye\n,,,,\n,,,,\n',
    "old line ends": 'id,text\r1,"Hello, world"\r2,Bye\r',
    "UTF-16, Excel's Unicode text": "id\ttext\r\n1\tHello, world\r\n2\tBye\r\n".encode("utf-16"),
    "a byte-order mark": '\ufeffid,text\n1,"Hello, world"\n2,Bye\n',
    "gzip": gzip.compress(b'id,text\n1,"Hello, world"\n2,Bye\n', mtime=0),
}


@pytest.mark.parametrize("content", WORKING_TABLES.values(), ids=WORKING_TABLES)
def test_a_table_as_it_is_works(content: str | bytes, tmp_path: Path) -> None:
    table, job = tmp_path / "table.csv", tmp_path / "job.jsonl"
    table.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert batch.make(table, job, model=MODEL, prompt="{text}", id_column="id") == 2
    assert [(one["custom_id"], one["body"]["messages"][0]["content"]) for one in read(job)] == TWO


def test_a_column_with_a_space_in_its_name_can_be_named(tmp_path: Path) -> None:
    table, job = tmp_path / "table.csv", tmp_path / "job.jsonl"
    table.write_text("product id , product name\n7, Lamp\n")
    batch.make(table, job, model=MODEL, prompt="{product name}", id_column=" product id")
    ((one),) = read(job)
    assert (one["custom_id"], one["body"]["messages"][0]["content"]) == ("7", "Lamp")


def test_a_column_of_parquet_with_a_space_can_be_named(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    pyarrow = pytest.importorskip("pyarrow")
    table, job = tmp_path / "table.parquet", tmp_path / "job.jsonl"
    columns = {"id": [1, 2, 3], " text ": ["one", None, "three"]}
    parquet.write_table(pyarrow.table(columns), table)
    assert batch.make(table, job, model=MODEL, prompt="{text}", id_column="id") == 2
    assert [one["custom_id"] for one in read(job)] == ["1", "3"]


def test_rows_of_commas_are_not_sent_and_are_counted(
    openrouter_at: Emulator, tmp_path: Path
) -> None:
    """Excel writes them below a table; each was a blank prompt that was paid for."""
    table, out = tmp_path / "table.csv", tmp_path / "out"
    table.write_text("id,text\n1,one\n2,\n3,three\n" + ",\n" * 50)
    words = ["--prompt", "Translate: {text}", "--model", MODEL, "--out", str(out)]
    found = CliRunner().invoke(app, ["batch", "run", str(table), *words])
    assert found.exit_code == 0, found.output
    assert "51 rows were left out: every column of the prompt is empty." in found.output
    assert len(openrouter_at.bill()) == 2
    # Ids count the rows of the table, whether or not they were sent.
    assert {one["custom_id"] for one in read(out / "results.jsonl")} == {"row-1", "row-3"}
    made = CliRunner().invoke(
        app, ["batch", "make", str(table), str(tmp_path / "job.jsonl"), *words[:4]]
    )
    assert "2 requests in" in made.output
    table.write_text("id,text\n,\n")
    with pytest.raises(batch.BatchError, match="has no rows but empty ones"):
        batch.make(table, tmp_path / "job.jsonl", model=MODEL, prompt="{text}")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.xlsx", XLSX, r"t\.xlsx is an Excel workbook\. Save its sheet as CSV: in Excel, File"),
        ("t.csv", XLSX, "is an Excel workbook"),
        ("t.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an Excel workbook"),
        ("t.ods", zipped("mimetype", "content.xml"), "is an OpenDocument file"),
        ("t.zip", zipped("t.csv"), "is a zip archive. Unpack it"),
        ("t.jsonl", orjson.dumps(chat(1)), "is JSON, not a table. If it has requests, give it to"),
        ("t.json", b"[\n{}]", "is JSON, not a table"),
        (
            "t.csv.gz",
            gzip.compress(b"text\none\n" * 99, mtime=0)[:-9],
            "can't be read: Compressed file",
        ),
        ("t.csv", "id,text\n1,Dépôt\n".encode("cp1252"), "is not UTF-8: .*“CSV UTF-8”"),
        ("t.csv", b"id|text\n1|x\n", "Commas, semicolons or tabs must be between columns"),
        ("t.csv", b"id,txet\n1,x\n", "no column 'text'; .* Did you mean 'txet'"),
        (
            "t.csv",
            b"id;text\n1;a;b\n",
            "line 2: 3 values where .* 2 columns. Texts with semicolons",
        ),
        ("t.csv", b"sep=;\nid;text\n1;a;b\n", "line 3: 3 values"),
    ],
)
def test_what_is_no_table_is_named_with_what_to_do(
    name: str, content: bytes, said: str, tmp_path: Path
) -> None:
    table = tmp_path / name
    table.write_bytes(content)
    with pytest.raises(batch.BatchError, match=said):
        batch.make(table, tmp_path / "made.jsonl", model=MODEL, prompt="{text}")


REQUESTS = [chat(number) for number in range(3)]
AZURE = [{**one, "url": "/chat/completions"} for one in REQUESTS]
WORKING_JOBS: dict[str, bytes] = {
    "an array on one line": orjson.dumps(REQUESTS),
    "an indented array": json.dumps(REQUESTS, indent=2).encode(),
    "an array with a request a line": b"[\n" + b",\n".join(map(orjson.dumps, REQUESTS)) + b"\n]\n",
    "an array after a blank line": b"\xef\xbb\xbf\n" + orjson.dumps(REQUESTS),
    "an array in gzip": gzip.compress(orjson.dumps(REQUESTS), mtime=0),
    "Azure's paths": b"\n".join(map(orjson.dumps, AZURE)),
    "Azure's paths in an array": orjson.dumps(AZURE),
}


@pytest.mark.parametrize("content", WORKING_JOBS.values(), ids=WORKING_JOBS)
def test_a_job_as_it_is_works(content: bytes, openrouter_at: Emulator, tmp_path: Path) -> None:
    job = tmp_path / "job.jsonl"
    job.write_bytes(content)
    assert batch.dry_run(job).requests == 3
    summary = batch.run(job, tmp_path / "out")
    assert (summary.done, summary.failed) == (3, 0)
    assert len(openrouter_at.bill()) == 3
    assert batch.resume(tmp_path / "out").done == 3


def test_a_part_of_an_array_is_a_job_too(openrouter_at: Emulator, tmp_path: Path) -> None:
    job = tmp_path / "job.json"
    job.write_bytes(orjson.dumps([chat(number) for number in range(10)]))
    for part in (1, 2, 3):
        batch.run(job, tmp_path / f"out-{part}", shard=(part, 3))
    assert len(openrouter_at.bill()) == 10


OPENAI_OUTPUT = {
    "id": "batch_req_123",
    "custom_id": "request-2",
    "response": {"status_code": 200, "request_id": "req_123", "body": {"choices": []}},
    "error": None,
}


@pytest.mark.usefixtures("openrouter_at")
@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("j.jsonl", orjson.dumps(OPENAI_OUTPUT), "line 1: is a result of a batch, not a request"),
        ("j.jsonl", orjson.dumps(REQUESTS[0]["body"]), "line 1: is the body of a request; put it"),
        (
            "j.json",
            b"[\n{},\n{}\n",
            r"begins as a JSON array, and is not valid JSON.*jq -c '\.\[\]'",
        ),
        ("j.xlsx", XLSX, "is an Excel workbook"),
        ("j.zip", zipped("j.jsonl"), "is a zip archive"),
        ("j.csv", b"id,text\n1,x\n", "is a table. Give --prompt and --model"),
        (
            "j.csv.gz",
            gzip.compress(b"id,text\n1,x\n", mtime=0),
            "is a table. Give --prompt and --model",
        ),
        ("j.bin", b"PAR1....", "is a table. Give --prompt and --model"),
    ],
)
def test_what_is_no_job_is_named_with_what_to_do(
    name: str, content: bytes, said: str, tmp_path: Path
) -> None:
    job = tmp_path / name
    job.write_bytes(content)
    for call in (batch.dry_run, lambda path: batch.run(path, tmp_path / "out")):
        with pytest.raises(batch.BatchError, match=said):
            call(job)


def test_our_own_results_are_results(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    openrouter_at.faults.add("status=400", times=1)
    batch.run(job(3), tmp_path / "out")
    for name in ("results.jsonl", "failures.jsonl"):
        with pytest.raises(batch.FaultyInput, match=r"is a result .* with `batch retry DIR`"):
            batch.run(tmp_path / "out" / name, tmp_path / "again")


def test_an_array_that_is_too_long_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "_LONGEST_VALUE", 2 * 1024**2)
    path = tmp_path / "job.json"
    path.write_bytes(b"[\n" + b",\n".join([orjson.dumps(chat(1))] * 20_000) + b"]")
    with pytest.raises(batch.BatchError, match=r"a JSON array, and is longer than 2 MB\. Write"):
        validation.check(path)
