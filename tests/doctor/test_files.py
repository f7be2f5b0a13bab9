"""`openrouter-adapter doctor` on what is kept: the catalogue and the ledger."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from openrouter_adapter import ledger
from openrouter_adapter.catalog import cache
from tests.doctor.asking import one, report
from tests.support.postgres import server

if TYPE_CHECKING:
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator


@pytest.mark.parametrize(("hours", "state"), [(1, "ok"), (30, "note")])
def test_the_catalogues_age(emulator: Emulator, hours: int, state: str) -> None:
    file = cache.path("models", emulator.base_url)
    cache.write(file, cache.CachedList([{"id": "a/b"}], time.time() - hours * 3600))

    _, found = report("--offline")

    assert one(found, "catalogue", f"1 models, {hours}.0 hours old")["state"] == state


@pytest.mark.usefixtures("emulator")
def test_a_ledger_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    _, found = report()

    assert one(found, "ledger", "it is created when the ledger is enabled")["state"] == "note"
    assert not (tmp_path / "ledger.db").exists()


@pytest.mark.usefixtures("emulator")
def test_a_ledgers_place_and_schema(tmp_path: Path) -> None:
    book = ledger.open(tmp_path / "other.db")
    book.store.rows()
    book.close()

    code, found = report("--ledger", str(tmp_path / "other.db"))

    assert code == 0
    assert "other.db (given), schema " in one(found, "ledger", "other.db")["text"]


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize(("version", "state"), [(1, "note"), (999, "wrong")])
def test_a_ledger_of_another_version_stays_as_it_is(
    tmp_path: Path, version: int, state: str
) -> None:
    with sqlite3.connect(tmp_path / "ledger.db") as database:
        database.execute("CREATE TABLE ledger_version (version INTEGER)")
        database.execute("INSERT INTO ledger_version VALUES (?)", (version,))
    before = (tmp_path / "ledger.db").read_bytes()

    _, found = report()

    assert one(found, "ledger", f"schema {version}")["state"] == state
    assert (tmp_path / "ledger.db").read_bytes() == before


@pytest.mark.usefixtures("emulator")
def test_holds_of_a_process_that_died(tmp_path: Path) -> None:
    book = ledger.open(tmp_path / "ledger.db")
    book.store.rows()
    with sqlite3.connect(tmp_path / "ledger.db") as database:
        database.execute("INSERT INTO ledger_workers VALUES ('w', 'here', 1, 1, 1, 1)")
        database.execute(
            "INSERT INTO ledger_holds VALUES ('h', 'b', '', 'w', 5, 1, 'call', 1, 'a/b')"
        )
    book.close()

    _, found = report()

    advice = one(found, "ledger", "1 reservations of processes that died")["advice"]
    assert "openrouter-adapter spend reconcile" in advice


def make_no_folder(file: Path) -> None:
    file.parent.touch()


def make_folder(file: Path) -> None:
    file.mkdir(parents=True)


def make_no_database(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("This is not a database. " * 100)


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize("make", [make_no_folder, make_folder, make_no_database])
def test_a_ledger_that_cant_be_written(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "folder" / "ledger.db"
    make(file)
    monkeypatch.setenv("OPENROUTER_ADAPTER_LEDGER", str(file))

    code, found = report()

    assert code == 1
    assert one(found, "ledger", str(file))["state"] == "wrong"


@pytest.mark.usefixtures("emulator")
def test_a_ledger_on_postgresql_up_and_down(monkeypatch: pytest.MonkeyPatch) -> None:
    with server() as running:
        url = sa.make_url(running.get_uri()).set(password="secret")
        where = url.render_as_string(hide_password=False)
        monkeypatch.setenv("OPENROUTER_ADAPTER_LEDGER", where)
        _, empty = report()
        book = ledger.open()
        book.store.rows()
        book.close()
        up, filled = report()
    down, gone = report()
    _, offline = report("--offline")

    assert (up, down) == (0, 1)
    assert one(empty, "ledger", "it is created when the ledger is enabled")["state"] == "note"
    assert one(filled, "ledger", "schema ")["state"] == "ok"
    assert one(gone, "ledger", "postgresql")["state"] == "wrong"
    assert "not checked" in one(offline, "ledger", "postgresql")["text"]


@pytest.mark.usefixtures("emulator")
def test_a_ledger_on_another_kind_of_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_ADAPTER_LEDGER", "mysql://me:secret@host/spend")

    code, found = report("--offline")

    assert code == 1
    assert one(found, "ledger", "mysql")["advice"] == "Give a file or a PostgreSQL URL."
