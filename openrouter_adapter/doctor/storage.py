"""What is stored on disk or in a database: the catalogue of models, and the ledger."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from openrouter_adapter.catalog import MAX_AGE, cache
from openrouter_adapter.doctor.findings import Finding, note, ok, wrong
from openrouter_adapter.wire import connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

_VARIABLE: Final = "OPENROUTER_ADAPTER_LEDGER"


def catalog() -> Iterator[Finding]:
    """The age of the models and prices that estimates and budgets use."""
    file = cache.path("models", connection.base_url())
    entry = cache.read(file)
    if entry is None:
        text = f"none in {file.parent} yet; it will be fetched when first needed"
        yield note("catalogue", text)
    else:
        hours = (time.time() - entry.fetched_at) / 3600
        text = f"{len(entry.rows)} models, {hours:.1f} hours old, in {file.parent}"
        if hours * 3600 <= MAX_AGE:
            yield ok("catalogue", text)
        else:
            advice = (
                "It is refreshed when needed. To refresh it now: openrouter-adapter models -f json"
            )
            yield note("catalogue", text, f"{advice} --refresh")
    obstacle = _obstacle(file)
    if obstacle:
        text = f"{file.parent} can't be written ({obstacle}), so every program fetches its own copy"
        yield note("catalogue", text, f"Set {cache.FOLDER_VARIABLE} to another folder.")


def ledger(where: str | None, *, is_offline: bool) -> Iterator[Finding]:
    """The ledger's place, whether it can be written, its schema, and unsettled reservations."""
    from openrouter_adapter.ledger import LedgerError
    from openrouter_adapter.ledger.database import Database, url_of

    is_named = bool(where or os.environ.get(_VARIABLE))
    named = "given" if where else _VARIABLE if is_named else "the default"
    try:
        database = Database(url_of(where))
    except LedgerError as failure:
        yield wrong("ledger", f"{failure} ({named})", "Give a file or a PostgreSQL URL.")
        return
    if database.is_sqlite:
        file = Path(database.url.database or "")
        obstacle = _obstacle(file)
        if obstacle:
            text = f"{file} ({named}) can't be written: {obstacle}"
            yield wrong("ledger", text, f"Set {_VARIABLE} to another place.")
            return
        if not file.exists():
            yield note(
                "ledger", f"none at {file} ({named}) yet; it is created when the ledger is enabled"
            )
            return
    elif is_offline:
        yield note("ledger", f"{database.name} ({named}), not checked, because of --offline")
        return
    try:
        yield from _schema(database.url, database.name, named)
    finally:
        database.close()


def _schema(url: sa.URL, name: str, named: str) -> Iterator[Finding]:
    """Checks the schema without upgrading it, which opening the ledger would do."""
    import sqlalchemy as sa
    from sqlalchemy.exc import SQLAlchemyError

    from openrouter_adapter.ledger.migrations import STEPS

    is_sqlite = url.get_backend_name() == "sqlite"
    engine = sa.create_engine(url, connect_args={"timeout" if is_sqlite else "connect_timeout": 5})
    try:
        with engine.connect() as connected:
            if is_sqlite:
                # Takes the lock that a writer needs, and releases it.
                connected.exec_driver_sql("BEGIN IMMEDIATE")
            version = None
            if sa.inspect(connected).has_table("ledger_version"):
                version = connected.scalar(sa.text("SELECT MAX(version) FROM ledger_version"))
            held = _unsettled(connected) if version else 0
            connected.rollback()
    except (SQLAlchemyError, OSError) as failure:
        reason = str(getattr(failure, "orig", None) or failure).partition("\n")[0][:300]
        advice = f"Start the database, or set {_VARIABLE} to another; until then rows wait on "
        yield wrong("ledger", f"{name} ({named}): {reason}", f"{advice}local disk.")
        return
    finally:
        engine.dispose()
    newest = max(STEPS)
    if version is None:
        yield note(
            "ledger", f"none in {name} ({named}) yet; it is created when the ledger is enabled"
        )
    elif version > newest:
        text = f"{name} ({named}) has schema {version}; this version supports up to {newest}"
        yield wrong("ledger", text, "Upgrade openrouter-adapter.")
    elif version < newest:
        text = f"{name} ({named}) has schema {version}; opening it upgrades it to {newest}"
        yield note("ledger", text)
    else:
        yield ok("ledger", f"{name} ({named}), schema {version}")
    if held:
        text = f"{held} reservations of processes that died still count against their budgets"
        yield note("ledger", text, "openrouter-adapter spend reconcile looks up their cost.")


def _unsettled(connected: sa.Connection) -> int:
    import sqlalchemy as sa

    if not sa.inspect(connected).has_table("ledger_holds"):
        return 0
    query = (
        "SELECT COUNT(*) FROM ledger_holds AS hold "
        "JOIN ledger_workers AS worker ON worker.id = hold.worker WHERE worker.is_dead"
    )
    return int(connected.scalar(sa.text(query)) or 0)


def _obstacle(file: Path) -> str:
    """Why a file can't be written; empty if it can."""
    if file.is_dir():
        return "it is a folder"
    if file.exists():
        return "" if os.access(file, os.W_OK) else "permission denied"
    folder = next((one for one in file.parents if one.exists()), file.parent)
    if not folder.is_dir():
        return f"{folder} is not a folder"
    return "" if os.access(folder, os.W_OK) else f"no permission to write in {folder}"
