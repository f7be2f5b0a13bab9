"""`openrouter-adapter login`, `key`, `credits`, `generation`, `keys` and `spend check`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import webbrowser
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from typer.testing import CliRunner

from openrouter_adapter import account, ledger
from openrouter_adapter.cli import app
from openrouter_adapter.ledger import Row, metadata, to_pico
from openrouter_adapter.wire import usage
from tests.account.test_login import agree

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from openrouter_adapter.emulator import BillRow, Emulator

MODEL = "openai/gpt-4o-mini"


@pytest.fixture(autouse=True)
def book_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the commands look for a ledger; there is none yet."""
    path = str(tmp_path / "ledger.db")
    monkeypatch.setenv("OPENROUTER_ADAPTER_LEDGER", path)
    return path


def run(*arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=answer)


def said(result: Result) -> str:
    return " ".join(result.output.split())


def printed(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def ask(emulator: Emulator) -> BillRow:
    httpx.post(
        f"{emulator.base_url}/chat/completions",
        headers={"Authorization": f"Bearer {emulator.api_key}"},
        json={"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]},
    ).raise_for_status()
    return emulator.bill()[-1]


def make_ledger(path: str) -> None:
    book = ledger.open(path)
    book.spend()
    book.close()


def write(path: str, bill: BillRow, **changes: Any) -> None:
    book = ledger.open(path)
    row: dict[str, Any] = {
        "call_id": "call-1",
        "attempt": 1,
        "started_at": round(bill.created_at * 1e6),
        "generation_id": bill.generation_id,
        "model": MODEL,
        "served_model": bill.model,
        "outcome": "ok",
        "cost_status": "billed",
        "cost": to_pico(bill.cost),
        "job": "nightly",
        "key_name": metadata.key_name("sk-or-v1-emulator"),
        **changes,
    }
    book.store.write([Row(**row)])
    book.close()


@pytest.mark.usefixtures("emulator")
def test_login_keeps_a_key_that_the_next_command_uses(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY")
    monkeypatch.setattr(webbrowser, "open", agree)
    before = run("key")
    assert (before.exit_code, "openrouter-adapter login" in before.output) == (1, True)

    result = run("login")

    assert result.exit_code == 0, result.output
    key = json.loads(key_file.read_text())["key"]
    assert f"is stored in {key_file}" in said(result)
    assert key not in result.output
    assert "/auth?callback_url=" in result.output
    assert printed("key")["usage"] == "0"
    assert "You are logged out." in run("logout").output
    assert not key_file.exists()
    assert "You are not logged in." in run("logout").output
    assert run("key").exit_code == 1


@pytest.mark.usefixtures("emulator", "key_file")
def test_login_without_a_browser_prints_the_address_and_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda _: pytest.fail("a browser was opened"))
    result = run("login", "--no-browser", "--timeout", "1")
    assert result.exit_code == 1
    assert "/auth?callback_url=" in result.output
    assert "The login was not approved within 1 seconds." in said(result)


@pytest.mark.usefixtures("key_file")
def test_login_says_that_openrouter_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_BASE", "http://127.0.0.1:9/api/v1")

    def browse(page: str) -> None:
        from tests.account.test_login import callback_of

        httpx.get(callback_of(page), params={"code": "c"})

    monkeypatch.setattr(webbrowser, "open", browse)
    result = run("login")
    assert result.exit_code == 1
    assert "Traceback" not in result.output


def test_key_shows_limit_and_usage(emulator: Emulator) -> None:
    bill = ask(emulator)
    found = printed("key")
    assert Decimal(found["usage"]) == bill.cost
    assert found["limit"] is None
    table = said(run("key"))
    assert f"usage today, USD {found['usage']}" in table
    assert "limit, USD none" in table
    assert "left, USD no limit" in table


@pytest.mark.usefixtures("emulator")
def test_key_shows_what_is_left_of_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    made = printed("keys", "create", "limited", "--limit", "2.5", "--reset", "weekly", "--byok")
    monkeypatch.setenv("OPENROUTER_API_KEY", made["key"])
    table = said(run("key"))
    assert "limit, USD 2.5 limit resets weekly left, USD 2.5 BYOK in the limit counts" in table


def test_credits_are_exact(emulator: Emulator) -> None:
    bill = ask(emulator)
    found = printed("credits")
    assert Decimal(found["total_usage"]) == bill.cost
    assert Decimal(found["left"]) == Decimal(found["total_credits"]) - bill.cost
    assert f"left {found['left']}" in said(run("credits"))


@pytest.mark.parametrize(
    "command", [["credits"], ["keys", "list"], ["keys", "rm", "0" * 64, "-y"], ["spend", "check"]]
)
def test_what_manages_needs_the_key_that_may(
    emulator: Emulator, book_path: str, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_ledger(book_path)
    monkeypatch.delenv("OPENROUTER_PROVISIONING_KEY")
    result = run(*command)
    assert result.exit_code == 1
    assert result.output.startswith("No OpenRouter provisioning key.")
    monkeypatch.setenv("OPENROUTER_PROVISIONING_KEY", emulator.api_key)
    wrong = run(*command)
    assert wrong.exit_code == 1
    assert "This takes a provisioning key, in OPENROUTER_PROVISIONING_KEY" in said(wrong)
    assert emulator.api_key not in wrong.output.replace("sk-or-v1-emulator-provisioning", "")


def test_a_generation_by_either_id(emulator: Emulator, book_path: str) -> None:
    bill = ask(emulator)
    alone = printed("generation", bill.generation_id)
    assert alone["ledger"] == []
    assert Decimal(alone["total_cost"]) == bill.cost
    write(book_path, bill)
    for name in (bill.generation_id, "call-1"):
        found = printed("generation", name)
        assert found["id"] == bill.generation_id
        [row] = found["ledger"]
        assert (row["call_id"], row["job"], Decimal(row["cost"])) == (
            "call-1",
            "nightly",
            bill.cost,
        )
    table = said(run("generation", "call-1"))
    assert f"cost, USD {usage.usd(float(bill.cost)):f}" in table
    assert "LiteLLM call id, attempt call-1, 1" in table
    assert "latency, ms 250" in table
    assert f"prompt tokens {bill.tokens_prompt}" in table
    assert "provider OpenAI" in table


@pytest.mark.usefixtures("emulator")
def test_a_generation_that_nobody_knows() -> None:
    result = run("generation", "gen-of-nobody")
    assert (result.exit_code, "Traceback" in result.output) == (1, False)
    assert not result.output.startswith("Litellm")


@pytest.mark.usefixtures("emulator")
def test_keys_from_birth_to_death() -> None:
    made = run("keys", "create", "team [bold]", "--limit", "25", "--reset", "monthly")
    [secret] = re.findall(r"sk-or-v1-[0-9a-f]{64}", made.output)
    [found] = [one for one in printed("keys", "list") if one["name"] == "team [bold]"]
    assert (found["limit"], found["limit_reset"], found["usage"]) == ("25", "monthly", "0")
    assert secret not in run("keys", "list", "--json").output
    short = found["hash"][:12]
    assert f"{short} team [bold]" in said(run("keys", "list"))

    changed = printed("keys", "update", short, "--limit", "none", "--name", "old", "--disable")
    assert (changed["limit"], changed["name"], changed["disabled"]) == (None, "old", True)
    assert changed["hash"] not in {one["hash"] for one in printed("keys", "list")}
    assert changed["hash"] in {one["hash"] for one in printed("keys", "list", "--disabled")}
    assert printed("keys", "update", short, "--enable", "--reset", "never")["limit_reset"] is None
    assert printed("keys", "get", found["hash"])["name"] == "old"

    assert run("keys", "rm", short, answer="n\n").exit_code == 1
    gone = run("keys", "rm", short, answer="y\n")
    assert f"Deleted {found['hash']}." in gone.output
    missing = run("keys", "get", short)
    assert (missing.exit_code, "No key has a hash" in missing.output) == (1, True)


@pytest.mark.usefixtures("emulator")
def test_keys_are_listed_to_the_last_page() -> None:
    with account.client(provisioning=True) as client:
        for number in range(104):
            client.api_keys.create(name=f"key {number}")
    listed = {one["name"] for one in printed("keys", "list")}
    assert {f"key {number}" for number in range(104)} <= listed
    ended = printed("keys", "create", "short", "--expires", "2100-01-31")
    assert ended["expires_at"].startswith("2100-01-31T00:00:00")


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["create", "a", "--limit", "much"], "--limit 'much' is not an amount in USD"),
        (["create", "a", "--limit", "-1"], "--limit '-1' is not an amount in USD"),
        (["create", "a", "--limit", "NaN"], "--limit 'NaN' is not an amount in USD"),
        (["update", "0" * 64], "There is nothing to change"),
        (["get", "abc"], "'abc' is too short"),
        (["get", "0" * 64], "key not found"),
    ],
)
def test_what_is_wrong_with_a_key_is_a_sentence(arguments: list[str], words: str) -> None:
    result = run("keys", *arguments)
    assert result.exit_code == 1
    assert words in said(result)
    assert "Traceback" not in result.output


@pytest.fixture
def yesterday(emulator: Emulator) -> BillRow:
    """A request that was billed on a day that is complete by now."""
    bill = ask(emulator)
    emulator.advance(days=1)
    return bill


def test_check_agrees_and_says_so(
    yesterday: BillRow, book_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(book_path, yesterday)
    tomorrow(monkeypatch)
    result = run("spend", "check", "--tolerance", "0")
    assert result.exit_code == 0, result.output
    assert "the ledger and OpenRouter agree; they differ by 0 USD" in said(result)
    assert MODEL not in result.output
    assert MODEL in run("spend", "check", "--all", "--this-key").output


def test_check_differs_with_exit_code_and_reasons(
    yesterday: BillRow, book_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(book_path, yesterday, cost=None, cost_status="unknown")
    tomorrow(monkeypatch)
    assert run("spend", "check").exit_code == 0
    result = run("spend", "check", "--tolerance", "0")
    assert result.exit_code == 1
    assert "difference, USD" in result.output
    assert "1 request in the ledger without a known cost" in said(result)
    assert "do not agree" in said(result)
    as_json = run("spend", "check", "--tolerance", "0", "--json")
    found = json.loads(as_json.output)
    assert (as_json.exit_code, found["agrees"]) == (1, False)
    [one] = found["comparisons"]
    assert Decimal(one["difference"]) == Decimal(found["difference"]) == yesterday.cost
    assert Decimal(one["openrouter"]["credits"]) == yesterday.cost
    assert (one["ledger"], one["unknown"]) == ({"requests": 1, "credits": "0", "byok": "0"}, 1)


@pytest.mark.usefixtures("emulator")
def test_check_needs_a_ledger_and_an_amount(book_path: str) -> None:
    missing = run("spend", "check")
    assert (missing.exit_code, "There is no ledger" in missing.output) == (1, True)
    make_ledger(book_path)
    wrong = run("spend", "check", "--tolerance", "little")
    assert (wrong.exit_code, "'little' is not an amount" in wrong.output) == (1, True)


def tomorrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the check think that it is a day later, as the emulator does."""
    import datetime as dt

    today = dt.datetime.fromtimestamp(time.time() + 86_400, dt.timezone.utc).date()
    check = account.check
    monkeypatch.setattr(
        account, "check", lambda book, **options: check(book, today=today, **options)
    )


def test_the_help_imports_neither_litellm_nor_sdk() -> None:
    program = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from openrouter_adapter.cli import app\n"
        "for command in (['--help'], ['keys', '--help'], ['login', '--help']):\n"
        "    assert CliRunner().invoke(app, command).exit_code == 0\n"
        "assert not {'litellm', 'openrouter', 'keyring'} & set(sys.modules)\n"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
