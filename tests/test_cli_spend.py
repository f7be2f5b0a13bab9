"""`openrouter-adapter spend` and `budget`: what they print, write and refuse."""

from __future__ import annotations

import csv
import io
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING

import litellm
import pytest
from typer.testing import CliRunner

from openrouter_adapter import ledger
from openrouter_adapter.cli import _printing as printing
from openrouter_adapter.cli import app
from openrouter_adapter.ledger.rows import Row
from tests.ledger.rows import billed
from tests.report import ledgers

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from openrouter_adapter.emulator import Emulator

runner = CliRunner()


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the commands look for a ledger; there is none yet."""
    path = str(tmp_path / "ledger.db")
    monkeypatch.setenv("OPENROUTER_ADAPTER_LEDGER", path)
    monkeypatch.setenv("OPENROUTER_ADAPTER_CACHE", str(tmp_path / "cache"))
    return path


@pytest.fixture
def filled(where: str) -> str:
    book = ledger.open(where)
    book.store.write(ledgers.rows(count=300))
    book.close()
    return where


def run(*arguments: str, answer: str | None = None) -> Result:
    return runner.invoke(app, arguments, input=answer)


def said(result: Result) -> str:
    """Everything it printed, as one line."""
    return " ".join(result.output.split())


@pytest.mark.parametrize("command", [["spend"], ["spend", "report"], ["budget", "show"]])
def test_without_a_ledger_it_says_how_to_switch_it_on(where: str, command: list[str]) -> None:
    result = run(*command)

    assert result.exit_code == 1
    assert f"There is no ledger at {where}." in said(result)
    assert "ledger.enable()" in result.output


@pytest.mark.parametrize("by", ledger.DIMENSIONS)
def test_sums_by_anything_are_the_ledger_s(filled: str, by: str) -> None:
    result = run("spend", "--by", by, "--format", "json")

    book = ledger.open(filled)
    sums = book.spend(by)
    book.close()
    assert result.exit_code == 0
    printed = json.loads(result.output)
    if by != "total":
        assert [one[by] for one in printed] == [one.name for one in sums]
    assert [Decimal(one["total"]) for one in printed] == [one.total for one in sums]
    assert [one["unknown"] for one in printed] == [one.unknown for one in sums]


def test_the_table_ends_with_the_grand_total(filled: str) -> None:
    result = run("spend")

    book = ledger.open(filled)
    [total] = book.spend("total")
    book.close()
    [last] = [line for line in result.output.splitlines() if line.startswith("all ")]
    assert last.split()[1].replace(",", "") == f"{total.total:f}"
    unknown = "1 request has" if total.unknown == 1 else f"{total.unknown} requests have"
    assert f"{unknown} a cost that is not known, and no sum counts" in said(result)
    assert ledgers.SCRIPT in result.output


@pytest.mark.usefixtures("filled")
def test_csv_has_no_formula() -> None:
    result = run("spend", "--by", "tag", "-f", "csv")

    lines = list(csv.DictReader(io.StringIO(result.output)))
    assert f"'{ledgers.FORMULA}" in {line["tag"] for line in lines}
    assert not any(
        cell.startswith(("=", "+", "-", "@")) for line in lines for cell in line.values()
    )
    users = run("spend", "--by", "user", "-f", "csv").output
    assert "'@alan" in users
    assert run("spend", "--since", "2001-01-01", "--until", "2001-01-02", "-f", "csv").output == (
        users.splitlines()[0].replace("user", "model") + "\n"
    )


@pytest.mark.parametrize("sign", "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
def test_no_sign_that_begins_a_formula_begins_a_cell(
    sign: str, capsys: pytest.CaptureFixture[str]
) -> None:
    printing.print_csv([[f"{sign}cmd()", 1]])
    assert capsys.readouterr().out.lstrip('"').startswith(f"'{sign}cmd()")


def test_tags_that_steer_a_terminal_do_not(where: str) -> None:
    book = ledger.open(where)
    row = Row("call", 1, 0, model="\x1b[31mred", tags='["[bold]x"]', outcome="ok")
    book.store.write([row])
    book.close()

    assert "\x1b" not in run("spend").output
    assert "[bold]x" in run("spend", "--by", "tag").output


@pytest.mark.usefixtures("filled")
def test_since_and_until_cut_the_sums() -> None:
    cut = ["--since", "2026-11-10", "--until", "2026-11-12", "-f", "json"]
    days = json.loads(run("spend", "--by", "day", *cut).output)
    users = json.loads(run("spend", "--by", "user", *cut).output)

    assert [one["day"] for one in days] == ["2026-11-10", "2026-11-11"]
    assert sum(Decimal(one["total"]) for one in users) == sum(Decimal(one["total"]) for one in days)
    assert "has no requests in this period" in run("spend", "--until", "2001-01").output


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["spend", "--by", "colour"], "Invalid by='colour': use model, provider,"),
        (["spend", "--since", "soon"], "Invalid moment 'soon': use 2026-11-20"),
        (["spend", "--ledger", "mysql://x"], "A ledger is a path, sqlite:///PATH or postgresql"),
        (["spend", "report", "-o", "/nowhere/at/all.html", "--no-prices"], "can't be written"),
        (["budget", "set", "b", "--limit", "much"], "'much' is not an amount in USD."),
        (["budget", "set", "b", "--limit", "-1"], "'-1' is not an amount in USD."),
        (
            ["budget", "set", "b", "--limit", "1", "--scope", "colour=red"],
            "Invalid scope 'colour=red': use job=",
        ),
        (["budget", "show", "b"], "There is no budget 'b'."),
        (["budget", "release", "b"], "There is no budget 'b'."),
        (["budget", "rm", "b"], "There is no budget 'b'."),
    ],
)
@pytest.mark.usefixtures("filled")
def test_what_is_wrong_is_said_in_a_sentence(arguments: list[str], reason: str) -> None:
    result = run(*arguments)

    assert result.exit_code == 1
    assert reason.lower() in said(result).lower()
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("filled")
def test_the_report_is_written(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    result = run("spend", "report", "-o", str(target), "--since", "2026-11-10", "--no-prices")

    assert result.exit_code == 0
    assert re.search(r"page\.html: \d+ kB", said(result).replace("\n", ""))
    assert "from <time>10 Nov 2026 00:00</time>" in target.read_text(encoding="utf-8")


@pytest.mark.usefixtures("filled", "emulated")
def test_the_report_takes_prices_from_the_catalogue(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    result = run("spend", "report", "-o", str(target))

    assert result.exit_code == 0
    assert "at list prices of today" in target.read_text(encoding="utf-8")


@pytest.mark.usefixtures("filled")
def test_the_report_does_without_prices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_BASE", "http://127.0.0.1:9")
    target = tmp_path / "page.html"
    result = run("spend", "report", "-o", str(target))

    assert result.exit_code == 0
    assert "Cache savings are in tokens only, for lack of prices" in result.output
    assert "list prices, which were not available" in target.read_text(encoding="utf-8")


def test_reconcile_asks_for_costs_that_lack(where: str, emulated: Emulator) -> None:
    litellm.completion("openrouter/openai/gpt-4o-mini", [{"role": "user", "content": "Hi"}])
    [bill] = emulated.bill()
    book = ledger.open(where)
    rows = [
        Row("left", 1, 1, generation_id=bill.generation_id, outcome="left", ask_after=0),
        Row("lost", 1, 1, generation_id="gen-of-nobody", outcome="left", ask_after=0),
    ]
    book.store.write(rows)
    book.close()

    result = run("spend", "reconcile")

    assert result.exit_code == 0
    assert "1 settled; 1 that OpenRouter does not know yet; 0 that it could not" in said(result)
    [total] = json.loads(run("spend", "--by", "total", "-f", "json").output)
    assert Decimal(total["billed"]) == bill.cost
    assert total["unknown"] == 1


@pytest.mark.usefixtures("emulated")
def test_reconcile_needs_a_key_that_is_right(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-wrong")
    book = ledger.open(where)
    book.store.write([Row("left", 1, 1, generation_id="gen-1", outcome="left", ask_after=0)])
    book.close()

    result = run("spend", "reconcile")

    assert result.exit_code == 1
    assert "sk-or-v1-wrong" not in result.output
    assert "Traceback" not in result.output


def test_a_budget_for_each_user_is_one_rule_that_shows_who_used_it(where: str) -> None:
    result = run("budget", "set", "person", "--limit", "1", "--each", "user")

    assert result.exit_code == 0
    assert re.search(r"person +each user +total +1\.00 +0\.00", result.output)
    assert f"writes to {ledger.open(where).store.database.name}" in result.output
    assert "register() with OPENROUTER_ADAPTER_LEDGER set to it" in result.output
    users = {f"user-{number:02}": number for number in range(30)}
    ledger.open(where).store.write(
        [billed(cost, user_id=user) for user, cost in users.items()] + [billed(7)]
    )
    shown = run("budget", "show").output
    assert "each user: user-29" in shown
    assert "each user: user-01" not in shown
    assert "person: the 20 closest to the limit" in shown
    alone = run("budget", "show", "person").output
    assert "each user: requests without a user" in alone
    assert "each user: user-01" in alone
    [most, *_] = json.loads(run("budget", "show", "person", "--json").output)
    assert (most["each"], most["value"]) == ("user", "user-29")


def test_a_budget_is_set_shown_and_removed(where: str) -> None:
    options = ["--limit", "25", "--scope", "tag=batch", "--scope", "user=ada", "--period", "month"]
    result = run("budget", "set", "team", *options, "--max-request", "0.5", "--wait", "2")

    assert result.exit_code == 0
    assert re.search(r"team +tag=batch, user=ada +month \d{4}-\d{2} +25\.00 +0\.00", result.output)
    [shown] = json.loads(run("budget", "show", "--json").output)
    assert shown["limit"] == "25"
    assert (shown["tag"], shown["user"], shown["job"], shown["per"]) == (
        *("batch", "ada", None),
        "month",
    )
    assert (shown["max_request"], shown["wait_seconds"]) == ("0.5", 2.0)
    assert shown["left"] == "25"
    assert (
        run("budget", "set", "team", *["30" if one == "25" else one for one in options]).exit_code
        == 0
    )
    other = run("budget", "set", "team", "--limit", "30")
    assert other.exit_code == 1
    assert "There is a budget 'team' on other requests or another period" in said(other)
    assert run("budget", "rm", "team").exit_code == 0
    assert "There are no budgets" in run("budget", "show").output
    assert ledger.open(where).budgets() == []


def hold(where: str, call_id: str) -> ledger.Ledger:
    """A program with a request in flight, under every budget; it dies when it is closed."""
    book = ledger.open(where)
    book.enforcement.refresh()
    row = Row(call_id, 1, round(ledgers.NOW.timestamp() * 1e6), model="a/b")
    assert book.reservations.reserve(row, Decimal("0.75"), book.enforcement.budgets) is None
    return book


def test_what_dead_programs_held_is_released(where: str) -> None:
    assert run("budget", "set", "team", "--limit", "25").exit_code == 0
    lives, dies = hold(where, "lives"), hold(where, "dies")
    dies.close()

    [before] = json.loads(run("budget", "show", "--json").output)
    assert before["unsettled"] == "0.75"
    shown = run("budget", "show", "team").output
    assert len(re.findall(r"a/b +2026-11-27 15:20:00 +(?:unsettled|in flight) +0\.75", shown)) == 2
    assert run("budget", "release", "team", answer="n\n").exit_code == 1
    released = run("budget", "release", "team", answer="y\n")

    assert "Released 1." in released.output
    [after] = json.loads(run("budget", "show", "--json").output)
    assert after["unsettled"] == "0"
    assert Decimal(before["held"]) - Decimal(after["held"]) == Decimal("0.75")
    assert "There is nothing to release." in run("budget", "release", "team").output
    [held] = lives.held("team")
    assert "Released 1." in run("budget", "release", "team", "--hold", held.hold_id, "-y").output
    missing = run("budget", "release", "team", "--hold", held.hold_id)
    assert (missing.exit_code, "has no reservation" in missing.output) == (1, True)
    lives.close()
