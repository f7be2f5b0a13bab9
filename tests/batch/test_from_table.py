"""A table and a prompt become a job, or a sentence says why not."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from openrouter_adapter import batch
from openrouter_adapter.batch.folder import Folder
from openrouter_adapter.cli import app
from tests.batch.conftest import MODEL, read

if TYPE_CHECKING:
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator


def prompts(table: Path, prompt: str, **requests: Any) -> list[str]:
    """What a job of the table asks, row by row."""
    job = table.with_name("made.jsonl")
    batch.make(table, job, model=MODEL, prompt=prompt, **requests)
    return [one["body"]["messages"][-1]["content"] for one in read(job)]


@pytest.fixture
def csv(tmp_path: Path) -> Any:
    def write(content: str | bytes) -> Path:
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_what_stands_in_a_cell_stays_as_it_is(csv: Any) -> None:
    table = csv(
        '\ufeffid,text\r\n1,"He said ""hi"", {id} {{x}} é 😀\r\non two lines"\r\n\r\n2,\r\n'
    )
    assert prompts(table, "{{{ text }}} of {id}") == [
        '{He said "hi", {id} {{x}} é 😀\r\non two lines} of 1',
        "{} of 2",
    ]


def test_a_path_may_be_a_text_as_for_every_other_function(csv: Any, tmp_path: Path) -> None:
    table, job = str(csv("a\n1\n")), str(tmp_path / "job.jsonl")
    assert batch.make(table, job, model=MODEL, prompt="{a}") == 1


@pytest.mark.parametrize(
    ("content", "prompt", "said"),
    [
        ("id,text\n1,one, two\n", "{text}", r"line 2: 3 values where the header names 2 columns\."),
        ("id,text\n1,one\n2\n", "{text}", r"line 3: 1 values .* need quotes"),
        ("id,text,text\n1,a,b\n", "{text}", r"has 2 columns 'text'"),
        ("id,text\n1,a\n", "Be kind.", r"names no column, so all .*as in \{id\}\."),
        ("id,text\n1,a\n", "", r"names no column"),
        ("id,text\n1,a\n", "{txt}", r"no column 'txt'; it has 'id', 'text'\. Did you mean"),
        ("id,text\n1,caf\xe9\n".encode("latin-1"), "{text}", r"is not UTF-8: .* Save it as UTF-8"),
        (
            'id,text\n1,"never ends\n',
            "{text}",
            r"can't be read as CSV, near line 2: unexpected end",
        ),
        ("id,text\n", "{text}", r"has no rows"),
        ("", "{text}", r"has no rows"),
    ],
)
def test_a_table_that_is_no_good_is_named_with_the_reason(
    csv: Any, content: str | bytes, prompt: str, said: str
) -> None:
    table = csv(content)
    with pytest.raises(batch.BatchError, match=said):
        prompts(table, prompt)
    assert [file.name for file in table.parent.iterdir() if file.name != "cache"] == ["table.csv"]


def test_a_system_prompt_may_be_what_names_the_columns(csv: Any) -> None:
    assert prompts(csv("a\nx\n"), "Say hello.", system="You are {a}.") == ["Say hello."]


def test_a_table_is_not_written_over_by_its_own_job(csv: Any) -> None:
    table = csv("a\n1\n")
    with pytest.raises(batch.BatchError, match="is the table itself"):
        batch.make(table, table, model=MODEL, prompt="{a}")
    assert table.read_text() == "a\n1\n"


def test_structures_of_parquet_are_json_and_bytes_are_text(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    pyarrow = pytest.importorskip("pyarrow")
    table = tmp_path / "rows.parquet"
    columns: dict[str, list[Any]] = {
        "list": [["x", "é"], None],
        "record": [{"a": [1], "b": None, "at": datetime(2026, 1, 2)}, None],  # noqa: DTZ001
        "amount": [Decimal("1.50"), None],
        "raw": [b"words", None],
        "other": [b"\xff", b"\xff"],
        "dotted.name": [1, None],
        "number": [1, 2],
    }
    parquet.write_table(pyarrow.table(columns), table)
    assert prompts(table, "{list}|{record}|{amount}|{raw}|{dotted.name}") == [
        '["x","é"]|{"a":[1],"b":null,"at":"2026-01-02T00:00:00"}|1.50|words|1',
    ]
    assert prompts(table, "{list}|{record}|{amount}|{raw}|{number}")[1] == "||||2"
    with pytest.raises(batch.BatchError, match=r"has bytes that are not UTF-8: b'\\xff'"):
        prompts(table, "{other}")
    table.write_bytes(b"PAR1 and then nothing of the kind")
    with pytest.raises(batch.BatchError, match=r"rows\.parquet can't be read as Parquet: "):
        prompts(table, "{list}")


def command(*words: Any) -> Any:
    return CliRunner().invoke(app, ["batch", *map(str, words)])


@pytest.mark.parametrize("change", ["prompt", "model", "table"])
def test_another_question_in_the_same_folder_is_refused(
    openrouter_at: Emulator, csv: Any, tmp_path: Path, change: str
) -> None:
    """The same command with another prompt would otherwise end with the first one's answers."""
    table, out = csv("id,text\n1,one\n2,two\n"), tmp_path / "out"
    words = {"--prompt": "Say {text}", "--model": MODEL}
    first = command("run", table, "--out", out, *(one for pair in words.items() for one in pair))
    assert first.exit_code == 0, first.output
    job = (out / "job.jsonl").read_bytes()
    if change == "prompt":
        words["--prompt"] = "Shout {text}"
    elif change == "model":
        words["--model"] = "openai/gpt-4o"
    else:
        csv("id,text\n1,one\n2,two\n3,three\n")
    again = command("run", table, "--out", out, *(one for pair in words.items() for one in pair))
    assert again.exit_code == 2
    assert "has answers to another table, prompt or model" in again.output
    assert (out / "job.jsonl").read_bytes() == job
    assert not (out / "job.made.jsonl").exists()
    assert command("resume", out).exit_code == 0
    assert len(openrouter_at.bill()) == 2


def test_a_table_that_was_mended_is_made_anew(
    openrouter_at: Emulator, csv: Any, tmp_path: Path
) -> None:
    """Nothing was sent of the first one, so the folder is nobody's yet."""
    table, out = csv("id,text\n1,one\n1,two\n"), tmp_path / "out"
    words = ("run", table, "--out", out, "--prompt", "{text}", "--model", MODEL)
    words += ("--id-column", "id")
    first = command(*words)
    assert first.exit_code == 2
    assert "line 2: custom_id is already used in line 1" in first.output
    csv("id,text\n1,one\n2,two\n")
    assert command(*words).exit_code == 0
    assert len(openrouter_at.bill()) == 2


def test_a_job_is_not_made_under_a_run_that_reads_it(csv: Any, tmp_path: Path) -> None:
    table, out = csv("text\none\n"), tmp_path / "out"
    with Folder(out).locked():
        found = command("run", table, "--out", out, "--prompt", "{text}", "--model", MODEL)
    assert found.exit_code == 2
    assert "Another run is working in" in found.output


@pytest.mark.parametrize("option", ["--system", "--id-column", "--max-tokens"])
def test_an_option_for_tables_is_not_dropped_where_there_is_none(
    tmp_path: Path, option: str
) -> None:
    found = command("run", tmp_path / "job.jsonl", "--out", tmp_path / "out", option, "10")
    assert found.exit_code == 2
    assert f"{option}: is only for a table, with --prompt" in re.sub(r"[\s│]+", " ", found.output)
