"""Rows are written once however often they come, and the sums are those of the rows."""

from __future__ import annotations

import copy
import random
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from openrouter_adapter import ledger
from openrouter_adapter.ledger import LedgerError, Store, database, queries, tables, to_pico
from openrouter_adapter.ledger.migrations import STEPS
from openrouter_adapter.ledger.rows import COLUMNS
from openrouter_adapter.money import PART

from .rows import HOUR, NOON, billed, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from openrouter_adapter.ledger import Row


@pytest.fixture
def store(where: str) -> Iterator[Store]:
    made = Store(where)
    yield made
    made.close()


def sums(store: Store, by: str = "model") -> dict[str | None, tuple[int, object, int]]:
    return {
        one.name: (one.requests, one.billed, one.unknown)
        for one in queries.spend(store.database, by)
    }


def sums_of_rows(store: Store) -> dict[str | None, tuple[int, object, int]]:
    """The same from the rows themselves, without the rollups."""
    found: dict[str | None, list[Row]] = {}
    for row in store.rows():
        found.setdefault(row.model, []).append(row)
    return {
        model: (
            len(rows),
            ledger.to_usd(sum(row.cost or 0 for row in rows if row.cost_status == "billed")),
            sum(row.cost is None and row.outcome != "open" for row in rows),
        )
        for model, rows in found.items()
    }


def test_columns_that_most_rows_leave_unset_are_written_where_a_row_sets_them(
    store: Store,
) -> None:
    seldom: dict[str, object] = {
        **dict.fromkeys(("cache_hit", "is_byok", "streamed"), True),
        **dict.fromkeys(("ask_after", "asks"), 7),
        **dict.fromkeys(("error_class", "error_code", "source_id", "hold_id", "job"), "text"),
        **dict.fromkeys(("user_id", "end_user_id", "team", "organization"), "text"),
        **dict.fromkeys(("session_id", "paid_by"), "text"),
    }
    # In one statement: a row that leaves the column unset, and one that sets it.
    for number, (name, value) in enumerate(seldom.items()):
        written = [
            billed(call_id=f"{number}-0"),
            billed(call_id=f"{number}-1", **{name: value}),
        ]
        store.write(copy.deepcopy(written))
        assert store.rows("call_id LIKE :some", some=f"{number}-%") == written, name
    plain = [billed(call_id=f"plain-{number:03}") for number in range(70)]
    store.write(copy.deepcopy(plain))
    assert store.rows("call_id LIKE 'plain-%'") == plain


def test_a_transaction_that_many_raced_goes_through_when_they_are_done(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(connection: sa.Connection) -> int:
        tries.append(connection)
        if len(tries) < 30:
            raise database.RacedError
        return len(tries)

    tries: list[sa.Connection] = []
    monkeypatch.setattr(database, "_LONGEST_PAUSE", 0.01)
    assert store.database.write(work) == 30


def test_a_transaction_that_is_always_raced_is_an_error_in_the_end(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(_: sa.Connection) -> None:
        raise database.RacedError

    monkeypatch.setattr(database, "_PATIENCE", 0.1)
    with pytest.raises(LedgerError, match="other writers interfered"):
        store.database.write(work)


def test_writing_twice_changes_nothing(store: Store) -> None:
    rows = [billed(cost) for cost in range(1, 2000)]
    store.write(copy.deepcopy(rows))
    before = (store.rows(), sums(store), sums(store, "day"))
    store.write(copy.deepcopy(rows))
    store.write(copy.deepcopy(rows[::-1]))
    assert (store.rows(), sums(store), sums(store, "day")) == before


def test_sums_are_right_whatever_the_order_of_rows_and_corrections(store: Store) -> None:
    chance = random.Random(0)  # noqa: S311
    stories = []
    for number in range(200):
        call_id = f"call-{number}"
        model = f"model-{number % 3}"
        fields = {
            "call_id": call_id,
            "generation_id": f"gen-{number}",
            "model": model,
            "started_at": NOON + chance.randrange(48) * HOUR,
            "tags": '["a", "b"]' if number % 2 else "[]",
        }
        stories += [
            unknown(outcome="open", provider=None, **fields),
            unknown(outcome="left", **fields),
            billed(chance.randrange(10**12), **fields),
        ]
    chance.shuffle(stories)
    for start in range(0, len(stories), 7):
        store.write(stories[start : start + 7])
    assert sums(store) == sums_of_rows(store)
    assert len(store.rows()) == 200
    assert all(row.cost_status == "billed" and row.outcome != "open" for row in store.rows())
    by_tag = {one.name: one for one in queries.spend(store.database, "tag")}
    assert by_tag["a"].requests == by_tag["b"].requests == 100
    tagged = sum(row.cost or 0 for row in store.rows() if row.tags != "[]")
    assert by_tag["a"].billed == ledger.to_usd(tagged)


def test_a_later_bill_corrects_an_earlier_one(store: Store) -> None:
    store.write([billed(5, call_id="one")])
    store.write([billed(7, call_id="one")])
    assert sums(store) == sums_of_rows(store)
    assert [row.cost for row in store.rows()] == [7]


def test_an_end_that_somebody_saw_outweighs_one_that_was_asked_for(store: Store) -> None:
    row = unknown("gen-1", call_id="one", outcome="open")
    store.write([copy.copy(row)])
    store.write([billed(5, call_id="one", generation_id="gen-1", outcome="ok")])
    # Reconcile has asked meanwhile, and does not know that the call has ended.
    store.write([billed(5, call_id="one", generation_id="gen-1", outcome="left", asks=1)])
    [row] = store.rows()
    assert (row.outcome, row.cost, row.asks) == ("ok", 5, 1)


def test_a_call_id_that_is_used_again_does_not_write_over_the_first(store: Store) -> None:
    store.write([billed(5, call_id="same", generation_id="gen-1")])
    store.write([billed(7, call_id="same", generation_id="gen-2")])
    store.write([billed(7, call_id="same", generation_id="gen-2")])
    assert [(row.attempt, row.cost) for row in store.rows()] == [(1, 5), (2, 7)]


def test_sums_can_pass_what_64_bits_hold(store: Store) -> None:
    most = 2**63 - 1
    store.write([billed(most, user_id="rich") for _ in range(20)])
    [whole] = queries.spend(store.database, "total")
    [by_user] = queries.spend(store.database, "user")
    assert whole.billed == by_user.billed == ledger.to_usd(20 * most)


def test_threads_that_write_the_same_rows_agree(where: str) -> None:
    rows = [billed(cost, call_id=f"call-{cost}") for cost in range(300)]
    stores = [Store(where) for _ in range(4)]
    failures: list[BaseException] = []

    def write(store: Store, seed: int) -> None:
        mine = copy.deepcopy(rows)
        random.Random(seed).shuffle(mine)  # noqa: S311
        try:
            for start in range(0, len(mine), 20):
                store.write(mine[start : start + 20])
        except BaseException as failure:  # noqa: BLE001
            failures.append(failure)

    threads = [
        threading.Thread(target=write, args=(store, seed)) for seed, store in enumerate(stores)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert sums(stores[0]) == sums_of_rows(stores[0])
    assert len(stores[0].rows()) == 300
    for store in stores:
        store.close()


def test_a_new_file_that_many_open_at_once_is_locked_for_none(tmp_path: Path) -> None:
    for attempt in range(30):
        stores = [Store(tmp_path / f"{attempt}.db") for _ in range(4)]
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda store: store.write([billed(5)]), stores))
        assert len(stores[0].rows()) == 4
        for store in stores:
            store.close()


def test_sums_by_user_and_time(store: Store) -> None:
    store.write(
        [
            billed(PART, user_id="a"),
            billed(2 * PART, user_id="b", started_at=NOON + 30 * HOUR, outcome="error"),
            unknown(user_id="b", started_at=NOON + 30 * HOUR, latency_ms=None),
        ]
    )
    by_user = {one.name: one for one in queries.spend(store.database, "user")}
    assert (by_user["b"].requests, by_user["b"].failures, by_user["b"].unknown) == (2, 1, 1)
    assert by_user["a"].mean_latency_ms == 500
    days = queries.spend(store.database, "day")
    assert [one.name for one in days] == ["2026-11-01", "2026-11-02"]
    hours = queries.spend(store.database, "hour")
    assert [one.name for one in hours] == ["2026-11-01 12:00", "2026-11-02 18:00"]
    assert queries.spend(store.database, "total")[0].requests == 3
    with pytest.raises(LedgerError, match="Invalid by"):
        queries.spend(store.database, "colour")


def test_the_schema_has_the_columns_of_a_row_in_their_order(store: Store) -> None:
    with store.database.read() as connection:
        columns = sa.inspect(connection).get_columns("ledger_attempts")
        version = connection.scalar(sa.text("SELECT MAX(version) FROM ledger_version"))
    assert tuple(column["name"] for column in columns) == COLUMNS
    assert version == max(STEPS)


def test_the_tables_of_expressions_are_those_of_the_schema(store: Store) -> None:
    named = [one for one in vars(tables).values() if isinstance(one, sa.TableClause)]
    with store.database.read() as connection:
        inspector = sa.inspect(connection)
        there = {name: inspector.get_columns(name) for name in inspector.get_table_names()}
    assert {one.name for one in named} | {"ledger_version"} == set(there)
    for table in named:
        columns = {one["name"]: one["type"] for one in there[table.name]}
        assert set(columns) == set(table.c.keys())
        for name, kind in columns.items():
            assert table.c[name].type.python_type is kind.python_type


def test_a_ledger_of_a_newer_version_is_left_alone(where: str) -> None:
    first = Store(where)
    first.database.write(
        lambda connection: connection.execute(sa.text("INSERT INTO ledger_version VALUES (999)"))
    )
    first.close()
    with pytest.raises(LedgerError, match="upgrade"):
        Store(where).rows()


def make_version(connection: sa.Connection, version: int) -> None:
    """Make the tables of an older version."""
    connection.execute(sa.text("CREATE TABLE ledger_version (version INTEGER NOT NULL)"))
    for number in range(1, version + 1):
        for statement in STEPS[number]:
            connection.execute(sa.text(statement))
        new = sa.text("INSERT INTO ledger_version VALUES (:number)")
        connection.execute(new, {"number": number})


def insert_old(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Write rows as an older version did, with the columns that it had."""
    names = [one["name"] for one in sa.inspect(connection).get_columns("ledger_attempts")]
    connection.execute(
        sa.text(
            f"INSERT INTO ledger_attempts ({', '.join(names)}) "  # noqa: S608
            f"VALUES ({', '.join(f':{name}' for name in names)})"
        ),
        [{name: getattr(row, name) for name in names} for row in rows],
    )


@pytest.mark.parametrize("version", range(1, max(STEPS)))
def test_a_ledger_of_each_older_version_is_brought_up_to_date(store: Store, version: int) -> None:
    old = [billed(5, user_id="ann"), unknown("gen-1")]
    with store.database._engine.begin() as connection:
        make_version(connection, version)
        insert_old(connection, old)
    assert sorted(store.rows(), key=str) == sorted(old, key=str)
    book = ledger.open(store.database.url.render_as_string(hide_password=False))
    book.budget("new", 1)
    assert [to_pico(state.spent) for state in book.budgets()] == [5]
    book.close()


def test_what_older_versions_took_in_advance_is_given_back(store: Store) -> None:
    with store.database._engine.begin() as connection:
        make_version(connection, 5)
        for statement in (
            """
            INSERT INTO ledger_budgets (name, most, per, wait_ms, lets_through)
            VALUES ('old', 1000, 'total', 0, FALSE), ('idle', 1000, 'total', 0, FALSE)
            """,
            "INSERT INTO ledger_accounts VALUES ('old', '', 100, 500), ('idle', '', 0, 40)",
            "INSERT INTO ledger_leases VALUES ('w', 'old', '', 500), ('w', 'idle', '', 40)",
            "INSERT INTO ledger_holds VALUES ('1', 'old', '', 'w', 200, 0, 'call', 1, 'm')",
        ):
            connection.execute(sa.text(statement))
    book = ledger.open(store.database.url.render_as_string(hide_password=False))
    states = {one.budget.name: (one.spent, one.held, one.unsettled) for one in book.budgets()}
    assert {name: tuple(map(to_pico, one)) for name, one in states.items()} == {
        "old": (100, 200, 200),
        "idle": (0, 0, 0),
    }
    book.close()


def test_an_old_budget_on_a_user_still_holds_for_the_name_that_a_client_sends(
    store: Store,
) -> None:
    with store.database._engine.begin() as connection:
        make_version(connection, 2)
        connection.execute(
            sa.text(
                "INSERT INTO ledger_budgets (name, most, per, user_id, wait_ms, lets_through) "
                "VALUES ('old', 1000000000000, 'total', 'ann', 0, FALSE)"
            )
        )
        insert_old(connection, [billed(5, user_id="ann")])
    book = ledger.open(store.database.url.render_as_string(hide_password=False))
    book.store.write(
        [
            billed(10, user_id="owner", end_user_id="ann"),
            billed(20, user_id="ann", end_user_id="bob"),
            billed(40, user_id="bob", end_user_id="bob"),
        ]
    )
    book.budget("old", 2, user="ann")  # a new limit changes nothing of whom it is on
    [state] = book.budgets()
    assert state.budget.or_end_user
    assert (state.budget.usd, to_pico(state.spent)) == (2, 35)
    book.budget("new", 2, user="ann")
    assert [to_pico(one.spent) for one in book.budgets()] == [25, 35]
    book.close()


def test_who_may_only_read_a_ledger_reads_it(store: Store) -> None:
    store.write([billed(5)])
    url = store.database.url
    if store.database.is_sqlite:
        url = url.set(database=f"file:{url.database}", query={"mode": "ro", "uri": "true"})
    else:
        role = f"reader_{uuid.uuid4().hex}"
        grants = [
            f"CREATE ROLE {role} LOGIN",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
        ]
        with store.database._engine.begin() as connection:
            for grant in grants:
                connection.execute(sa.text(grant))
        url = url.set(username=role)
    reader = ledger.open(url.render_as_string(hide_password=False))
    assert [one.requests for one in reader.spend("model")] == [1]
    with pytest.raises(LedgerError):
        reader.store.write([billed(6)])
    reader.close()


def test_a_server_that_is_gone_is_not_waited_for_long(new_postgres: str) -> None:
    store = Store(f"{new_postgres}&connect_timeout=3")
    with store.database._engine.connect() as connection:
        found = connection.connection.dbapi_connection.info.get_parameters()  # type: ignore[union-attr]
    assert found["connect_timeout"] == "3"
    assert found["tcp_user_timeout"] == "15000"
    assert found["keepalives_idle"] == "10"
    store.close()


def test_where_a_ledger_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENROUTER_ADAPTER_LEDGER", str(tmp_path / "named.db"))
    assert Store().database.name.endswith("named.db")
    monkeypatch.delenv("OPENROUTER_ADAPTER_LEDGER")
    assert Store().database.name.endswith("ledger.db")
    url = Store("postgresql://me:secret@host/spend").database
    assert url.url.drivername == "postgresql+psycopg"
    assert "secret" not in url.name
    for wrong in ("mysql://host/spend", "sqlite://", "://"):
        with pytest.raises(LedgerError):
            Store(wrong)


def test_importing_the_package_does_not_import_sqlalchemy() -> None:
    import subprocess
    import sys

    code = "import sys, openrouter_adapter; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603


@pytest.mark.parametrize("count", range(131))
def test_few_lengths_of_lists_are_sent_to_the_database(count: int) -> None:
    items = list(range(count))
    pieces = list(database.split(items, 64))
    assert [item for piece in pieces for item in piece] == items
    assert {len(piece) for piece in pieces} <= {1, 2, 4, 8, 16, 32, 64}
    queries = list(database.padded(items, 64))
    assert {key for keys in queries for key in keys} == set(items)
    assert {len(keys) for keys in queries} <= {1, 2, 4, 8, 16, 32, 64}
    assert len(queries) == -(-count // 64)


def test_batches_of_all_sizes_leave_few_statements_prepared(store: Store) -> None:
    sent: set[str] = set()
    store.write([billed(1)])

    @sa.event.listens_for(store.database._engine, "before_cursor_execute")
    def _note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.add(statement)

    for count in range(1, 130):
        rows = [
            billed(1, hold_id=uuid.uuid4().hex, source_id=uuid.uuid4().hex) for _ in range(count)
        ]
        store.write(rows)
        store.write([replace(row, cost=2) for row in rows])
    # Queries for rows, for hits and for reservations have nine lengths each, and inserts seven.
    assert len(sent) < 50
