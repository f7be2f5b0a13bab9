"""A budget that was set holds in a program that only calls register()."""

from __future__ import annotations

import builtins
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import litellm
import pytest

import openrouter_adapter
from openrouter_adapter import installing, ledger
from openrouter_adapter.emulator import Emulator
from openrouter_adapter.registration import RegistrationError, is_registered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VARIABLE = "OPENROUTER_ADAPTER_LEDGER"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A ledger that the environment names."""
    found = tmp_path / "ledger.db"
    monkeypatch.setenv(VARIABLE, str(found))
    yield found
    ledger.disable()
    openrouter_adapter.unregister()


def test_a_budget_holds_after_register_alone(path: Path) -> None:
    book = ledger.open(path)
    book.budget("nothing", "0.0000001", max_request_usd=1)
    book.close()
    with Emulator() as emulator, openrouter_adapter.registered():
        with pytest.raises(litellm.BudgetExceededError, match="budget nothing"):
            litellm.completion(
                "openrouter/openai/gpt-4o-mini",
                [{"role": "user", "content": "Hi"}],
                api_base=emulator.base_url,
                api_key=emulator.api_key,
            )
        assert emulator.bill() == []
    assert not ledger.is_enabled()


@pytest.mark.usefixtures("path")
def test_register_twice_keeps_its_ledger_and_unregister_ends_it() -> None:
    openrouter_adapter.register()
    book = ledger.current()
    openrouter_adapter.register(app_title="again")
    assert ledger.current() is book
    with openrouter_adapter.registered():
        pass
    assert ledger.current() is book
    openrouter_adapter.unregister()
    assert not ledger.is_enabled()
    assert ledger.handler not in litellm.callbacks


def test_a_ledger_that_the_program_has_chosen_stays(path: Path, tmp_path: Path) -> None:
    book = ledger.enable(tmp_path / "other.db")
    with openrouter_adapter.registered():
        assert ledger.current() is book
    assert ledger.current() is book
    assert not path.exists()


def test_a_ledger_that_cannot_be_is_an_error_and_nothing_is_registered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "mysql://nowhere/spend")
    with pytest.raises(RegistrationError, match=f"{VARIABLE} is set, but a ledger is a path"):
        openrouter_adapter.register()
    assert not is_registered()


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def without_psycopg(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name.partition(".")[0] == "psycopg":
            raise ModuleNotFoundError("No module named 'psycopg'", name="psycopg")
        return imported(name, *arguments, **keywords)

    monkeypatch.setenv(VARIABLE, "postgresql://nowhere/spend")
    monkeypatch.setattr(builtins, "__import__", without_psycopg)
    with pytest.raises(RegistrationError, match=re.escape(installing.command("postgres"))):
        openrouter_adapter.register()
    assert not is_registered()


def test_without_the_variable_no_ledger_is_imported() -> None:
    program = (
        "import sys, openrouter_adapter\n"
        "openrouter_adapter.register()\n"
        "print([name for name in sys.modules if name.startswith('openrouter_adapter.ledger')])"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout.strip() == "[]"
