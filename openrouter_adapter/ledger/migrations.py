"""The schema, as numbered steps of SQL that SQLite and PostgreSQL both read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from openrouter_adapter.ledger.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SUMS: Final = """
        requests BIGINT NOT NULL,
        failures BIGINT NOT NULL,
        cache_hits BIGINT NOT NULL,
        unknown BIGINT NOT NULL,
        prompt_tokens BIGINT NOT NULL,
        completion_tokens BIGINT NOT NULL,
        reasoning_tokens BIGINT NOT NULL,
        cached_tokens BIGINT NOT NULL,
        cache_write_tokens BIGINT NOT NULL,
        image_tokens BIGINT NOT NULL,
        latency_ms BIGINT NOT NULL,
        timed BIGINT NOT NULL,
        billed_high BIGINT NOT NULL,
        billed_low BIGINT NOT NULL,
        estimate_high BIGINT NOT NULL,
        estimate_low BIGINT NOT NULL,
        upstream_high BIGINT NOT NULL,
        upstream_low BIGINT NOT NULL,
        saved_high BIGINT NOT NULL,
        saved_low BIGINT NOT NULL,
"""

STEPS: Final[Mapping[int, Sequence[str]]] = {
    1: (
        """
        CREATE TABLE ledger_attempts (
            call_id TEXT NOT NULL,
            attempt INTEGER NOT NULL,
            started_at BIGINT NOT NULL,
            generation_id TEXT,
            latency_ms BIGINT,
            endpoint TEXT NOT NULL,
            via TEXT NOT NULL,
            model TEXT NOT NULL,
            served_model TEXT,
            provider TEXT,
            user_id TEXT,
            key_name TEXT,
            job TEXT,
            tags TEXT NOT NULL,
            streamed BOOLEAN NOT NULL,
            cache_hit BOOLEAN NOT NULL,
            is_byok BOOLEAN NOT NULL,
            outcome TEXT NOT NULL,
            finish_reason TEXT,
            error_class TEXT,
            error_code TEXT,
            prompt_tokens BIGINT NOT NULL,
            completion_tokens BIGINT NOT NULL,
            reasoning_tokens BIGINT NOT NULL,
            cached_tokens BIGINT NOT NULL,
            cache_write_tokens BIGINT NOT NULL,
            image_tokens BIGINT NOT NULL,
            cost_status TEXT NOT NULL,
            cost BIGINT,
            upstream BIGINT NOT NULL,
            saved BIGINT NOT NULL,
            hold_id TEXT,
            asks INTEGER NOT NULL,
            ask_after BIGINT,
            PRIMARY KEY (call_id, attempt),
            CHECK ((cost IS NULL) = (cost_status = 'unknown'))
        )
        """,
        "CREATE INDEX ledger_attempts_started ON ledger_attempts (started_at)",
        "CREATE INDEX ledger_attempts_generation ON ledger_attempts (generation_id)",
        """
        CREATE INDEX ledger_attempts_ask ON ledger_attempts (ask_after)
        WHERE ask_after IS NOT NULL
        """,
        """
        CREATE INDEX ledger_attempts_hold ON ledger_attempts (hold_id)
        WHERE hold_id IS NOT NULL AND cost IS NULL
        """,
        f"""
        CREATE TABLE ledger_hours (
            hour BIGINT NOT NULL,
            via TEXT NOT NULL,
            endpoint TEXT NOT NULL,
            model TEXT NOT NULL,
            provider TEXT NOT NULL,
            {_SUMS}
            PRIMARY KEY (hour, via, endpoint, model, provider)
        )
        """,
        f"""
        CREATE TABLE ledger_labels (
            hour BIGINT NOT NULL,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            {_SUMS}
            PRIMARY KEY (kind, hour, name)
        )
        """,
    ),
    2: (
        """
        CREATE TABLE ledger_budgets (
            name TEXT PRIMARY KEY,
            most BIGINT NOT NULL,
            per TEXT NOT NULL,
            job TEXT,
            key_name TEXT,
            tag TEXT,
            user_id TEXT,
            most_per_request BIGINT,
            wait_ms BIGINT NOT NULL,
            lets_through BOOLEAN NOT NULL
        )
        """,
        """
        CREATE TABLE ledger_accounts (
            budget TEXT NOT NULL,
            period TEXT NOT NULL,
            spent BIGINT NOT NULL,
            held BIGINT NOT NULL,
            PRIMARY KEY (budget, period)
        )
        """,
        """
        CREATE TABLE ledger_workers (
            id TEXT PRIMARY KEY,
            host TEXT NOT NULL,
            pid BIGINT NOT NULL,
            seen_at BIGINT NOT NULL,
            lease_ms BIGINT NOT NULL,
            is_dead BOOLEAN NOT NULL
        )
        """,
        """
        CREATE TABLE ledger_leases (
            worker TEXT NOT NULL,
            budget TEXT NOT NULL,
            period TEXT NOT NULL,
            granted BIGINT NOT NULL,
            PRIMARY KEY (worker, budget, period)
        )
        """,
        """
        CREATE TABLE ledger_holds (
            id TEXT NOT NULL,
            budget TEXT NOT NULL,
            period TEXT NOT NULL,
            worker TEXT NOT NULL,
            amount BIGINT NOT NULL,
            made_at BIGINT NOT NULL,
            call_id TEXT NOT NULL,
            attempt INTEGER NOT NULL,
            model TEXT NOT NULL,
            PRIMARY KEY (id, budget)
        )
        """,
        "CREATE INDEX ledger_holds_worker ON ledger_holds (worker)",
        "CREATE INDEX ledger_holds_account ON ledger_holds (budget, period)",
    ),
    # Labels that distinguish who authenticated from whom a client names, and budgets on them. A
    # budget on a user applied to either before, and still does.
    3: (
        "ALTER TABLE ledger_attempts ADD COLUMN end_user_id TEXT",
        "ALTER TABLE ledger_attempts ADD COLUMN team TEXT",
        "ALTER TABLE ledger_attempts ADD COLUMN organization TEXT",
        "ALTER TABLE ledger_attempts ADD COLUMN session_id TEXT",
        "ALTER TABLE ledger_budgets ADD COLUMN end_user_id TEXT",
        "ALTER TABLE ledger_budgets ADD COLUMN team TEXT",
        "ALTER TABLE ledger_budgets ADD COLUMN organization TEXT",
        "ALTER TABLE ledger_budgets ADD COLUMN session_id TEXT",
        "ALTER TABLE ledger_budgets ADD COLUMN each_label TEXT",
        "ALTER TABLE ledger_budgets ADD COLUMN or_end_user BOOLEAN NOT NULL DEFAULT FALSE",
        "UPDATE ledger_budgets SET or_end_user = TRUE WHERE user_id IS NOT NULL",
        # A request with two tags has two reservations under a budget on each tag.
        """
        CREATE TABLE ledger_holds_by_account (
            id TEXT NOT NULL,
            budget TEXT NOT NULL,
            period TEXT NOT NULL,
            worker TEXT NOT NULL,
            amount BIGINT NOT NULL,
            made_at BIGINT NOT NULL,
            call_id TEXT NOT NULL,
            attempt INTEGER NOT NULL,
            model TEXT NOT NULL,
            PRIMARY KEY (id, budget, period)
        )
        """,
        """
        INSERT INTO ledger_holds_by_account
        SELECT id, budget, period, worker, amount, made_at, call_id, attempt, model
        FROM ledger_holds
        """,
        "DROP TABLE ledger_holds",
        "ALTER TABLE ledger_holds_by_account RENAME TO ledger_holds",
        "CREATE INDEX ledger_holds_worker ON ledger_holds (worker)",
        "CREATE INDEX ledger_holds_account ON ledger_holds (budget, period)",
    ),
    # Hits of OpenRouter's cache of responses, by the generation that they repeat.
    4: ("ALTER TABLE ledger_attempts ADD COLUMN source_id TEXT",),
    # Attempts that can't be asked for by an id are found by their key and their time.
    5: (
        "ALTER TABLE ledger_attempts ADD COLUMN paid_by TEXT",
        """
        CREATE INDEX ledger_attempts_unknown ON ledger_attempts (started_at)
        WHERE cost IS NULL AND generation_id IS NULL
        """,
    ),
    # Processes used to take allowances in advance, on leases. Now only requests reserve amounts.
    6: (
        """
        UPDATE ledger_accounts SET held = COALESCE((
            SELECT SUM(amount) FROM ledger_holds AS hold
            WHERE hold.budget = ledger_accounts.budget AND hold.period = ledger_accounts.period
        ), 0)
        """,
        "DROP TABLE ledger_leases",
    ),
}

# Any number that no other program's advisory lock is likely to have: "orledger" in ASCII.
_LOCK: Final = 0x6F726C6564676572


def is_current(connection: sa.Connection) -> bool:
    """Whether the schema is this version's, so that a reader need not be allowed to write."""
    if not sa.inspect(connection).has_table("ledger_version"):
        return False
    version = connection.scalar(sa.text("SELECT MAX(version) FROM ledger_version"))
    return bool(version == max(STEPS))


def migrate(connection: sa.Connection) -> None:
    """Brings the schema to this version's, in the caller's transaction.

    Raises:
        LedgerError: a newer version of this package has written it.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    connection.execute(
        sa.text("CREATE TABLE IF NOT EXISTS ledger_version (version INTEGER NOT NULL)")
    )
    version = connection.scalar(sa.text("SELECT MAX(version) FROM ledger_version")) or 0
    newest = max(STEPS)
    if version > newest:
        raise LedgerError(
            f"the ledger has schema {version}, and this version of openrouter-adapter knows "
            f"those up to {newest}: upgrade it"
        )
    for number in range(version + 1, newest + 1):
        for statement in STEPS[number]:
            connection.execute(sa.text(statement))
        connection.execute(
            sa.text("INSERT INTO ledger_version (version) VALUES (:number)"), {"number": number}
        )
