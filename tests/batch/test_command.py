"""`openrouter-adapter batch`, as a new user meets it."""

from __future__ import annotations

import json
import re
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from openrouter_adapter import batch, installing, ledger
from openrouter_adapter.cli import app
from tests.batch.conftest import MODEL, read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from openrouter_adapter.emulator import Emulator

pytestmark = pytest.mark.usefixtures("openrouter_at")


def command(*words: Any) -> Result:
    return CliRunner().invoke(app, ["batch", *map(str, words)])


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "numbers.csv"
    rows = "".join(f'n{number},"{number}, exactly"\r\n' for number in range(100))
    path.write_bytes(b"\xef\xbb\xbf" + f"name,number\r\n{rows}".encode())
    return path


def test_a_table_to_answers_and_their_cost_in_one_command(
    em: Emulator, table: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers"
    words = ("run", table, "--out", out, "--model", "openai/gpt-4o-mini", "--max-tokens", 20)
    words += ("--prompt", "Say {{ and {number}", "--id-column", "name", "--budget", "0.50")
    done = command(*words)
    assert done.exit_code == 0, done.output
    cost = sum((row.cost for row in em.bill()), Decimal(0))
    assert "100 of 100 requests answered, 0 failed" in done.output
    assert f"USD {cost.normalize():f} of a budget of 0.5" in done.output
    assert {one["custom_id"] for one in read(out / "results.jsonl")} == {
        f"n{number}" for number in range(100)
    }
    (first, *_) = (one.body for one in em.requests if one.path == "/chat/completions")
    assert re.fullmatch(r"Say \{ and \d+, exactly", first["messages"][0]["content"])
    assert command(*words).exit_code == 0
    assert len(em.bill()) == 100


def test_make_then_dry_run_then_run(em: Emulator, table: Path, tmp_path: Path) -> None:
    job = tmp_path / "job.jsonl"
    made = command("make", table, job, "--model", "openai/gpt-4o-mini", "--prompt", "{number}")
    assert "100 requests in" in made.output
    assert re.search(
        r"100 requests, likely USD 0\.\d+, at worst USD \d", command("run", job, "--dry-run").output
    )
    assert not em.bill()
    found = json.loads(command("run", job, "--dry-run", "--json").output)
    assert found["requests"] == 100
    assert Decimal(found["likely_usd"]) > 0
    answered = command("run", job, "--out", tmp_path / "out", "--json", "--concurrency", 8)
    assert json.loads(answered.stdout)["done"] == 100
    quiet = command("run", job, "--out", tmp_path / "out", "--quiet")
    assert (quiet.exit_code, quiet.output) == (0, "")


def test_status_cost_resume_and_retry(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    em.faults.add("status=400", times=1)
    stopped = command("run", job(300), "--out", out, "--budget", "0.0008", "--concurrency", 4)
    assert stopped.exit_code == 3
    assert "The budget is used up" in stopped.output
    assert f"batch resume {out} --budget MORE" in stopped.output.replace("\n", "")
    assert "1 x BadRequestError" in command("status", out).output
    resumed = command("resume", out, "--budget", "1")
    assert resumed.exit_code == 1
    assert f"batch retry {out}" in resumed.output.replace("\n", "")
    assert command("retry", out).exit_code == 0
    costs = command("cost", out).output
    total = sum((row.cost for row in em.bill()), Decimal(0))
    assert costs.startswith(f"USD {total.normalize():f}\n")
    assert "openai/gpt-4o-mini: 300 requests, USD" in costs
    assert json.loads(command("cost", out, "--json").output)["models"]
    assert json.loads(command("status", out, "--json").output)["done"] == 300


def test_a_job_has_a_name_in_a_ledger(
    em: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    where = tmp_path / "ledger.db"
    words = ("run", job(5), "--out", tmp_path / "out", "--ledger", where, "--name", "night")
    assert command(*words).exit_code == 0
    (spend,) = ledger.open(where).spend("job")
    assert (spend.name, spend.requests) == ("night", 5)
    assert spend.total == sum(row.cost for row in em.bill())


def test_what_is_wrong_is_a_sentence_without_a_traceback(
    job: Callable[..., Path], table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = job(1), tmp_path / "out"
    (tmp_path / "bad.jsonl").write_text('{"custom_id": "a"}\n')
    for words, said in (
        (("run", tmp_path / "bad.jsonl", "--out", out), "line 1: url is missing"),
        (("run", path), "name a folder"),
        (("run", path, "--out", out, "--shard", "two"), "is not I/N"),
        (("run", path, "--out", out, "--concurrency", "many"), "a number from 1, or auto"),
        (("run", path, "--out", out, "--budget", "much"), "an amount in USD"),
        (("run", table, "--out", out, "--prompt", "{number}"), "name a model"),
        (
            ("run", table, "--out", out),
            "is a table. Give --prompt and --model to send a request for each row",
        ),
        (("resume", out), "has no job"),
        (
            ("make", table, path, "--model", "a/b", "--prompt", "{nmber}"),
            "has no column 'nmber'; it has 'name', 'number'",
        ),
    ):
        found = command(*words)
        assert found.exit_code == 2, words
        assert said in re.sub(r"[\s│]+", " ", found.output), found.output
    nobody = "http://127.0.0.1:9/api/v1"
    monkeypatch.setenv("OPENROUTER_API_BASE", nobody)
    for words in (("--dry-run",), ("--out", out, "--budget", 1)):
        found = command("run", path, *words)
        assert found.exit_code == 2
        assert found.output.startswith(f"OpenRouter was not reached at {nobody}/"), found.output
    monkeypatch.delenv("OPENROUTER_API_KEY")
    found = command("run", path, "--out", out)
    assert found.exit_code == 2
    assert "Keys are made at https://openrouter.ai/keys" in found.output


def test_parquet_is_a_table_too(em: Emulator, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    pyarrow = pytest.importorskip("pyarrow")
    table = tmp_path / "rows.parquet"
    # More rows than are read at a time; numbers and an empty cell among texts.
    numbers = list(range(2500))
    texts = [None if number == 7 else f"text {number} é" for number in numbers]
    parquet.write_table(pyarrow.table({"number": numbers, "text": texts}), table)
    job = tmp_path / "job.jsonl"
    count = batch.make(
        table, job, model=MODEL, prompt="{number}: {text}", id_column="number", system="Be {text}"
    )
    lines = read(job)
    assert count == len(lines) == 2500
    assert [one["custom_id"] for one in lines] == [str(number) for number in numbers]
    said = [[part["content"] for part in one["body"]["messages"]] for one in lines]
    assert said[2400] == ["Be text 2400 é", "2400: text 2400 é"]
    assert said[7] == ["Be ", "7: "]
    out = tmp_path / "out"
    few = tmp_path / "few.parquet"
    parquet.write_table(pyarrow.table({"number": numbers[:20]}), few)
    words = ("run", few, "--out", out, "--model", MODEL, "--prompt", "{number}")
    assert command(*words).exit_code == 0
    assert len(em.bill()) == len(read(out / "results.jsonl")) == 20


def test_parquet_without_pyarrow_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    table = tmp_path / "rows.parquet"
    table.write_bytes(b"PAR1 and what follows")
    with pytest.raises(batch.BatchError, match=re.escape(installing.command("parquet"))):
        batch.make(table, tmp_path / "job.jsonl", model="a/b", prompt="{x}")


def test_an_empty_table(tmp_path: Path) -> None:
    table = tmp_path / "empty.csv"
    table.write_text("name\n")
    with pytest.raises(batch.BatchError, match="has no rows"):
        batch.make(table, tmp_path / "job.jsonl", model="a/b", prompt="{name}")
    assert not (tmp_path / "job.jsonl").exists()
