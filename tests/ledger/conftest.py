"""A ledger on SQLite or on a real PostgreSQL, enabled for one test, and an emulator to call."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import litellm
import pytest
import sqlalchemy as sa

import openrouter_adapter
from openrouter_adapter import ledger
from openrouter_adapter.emulator import Emulator
from tests.support.postgres import server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from openrouter_adapter.ledger import Ledger


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """A PostgreSQL server for the session, to be stopped and started."""
    with server() as running:
        yield running


@pytest.fixture(scope="session")
def postgres(postgres_server: Any) -> str:
    """The URL of the PostgreSQL server."""
    url: str = postgres_server.get_uri()
    return url


@pytest.fixture
def new_postgres(postgres: str) -> str:
    """The URL of an empty database."""
    name = f"ledger_{uuid.uuid4().hex}"
    url = sa.make_url(postgres).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return url.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a ledger can be: each test runs on both databases."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.db")
    url: str = request.getfixturevalue("new_postgres")
    return url


@pytest.fixture
def book(where: str) -> Iterator[Ledger]:
    """A ledger that is not enabled."""
    opened = ledger.open(where)
    yield opened
    opened.close()


@pytest.fixture
def enable() -> Iterator[Callable[..., Ledger]]:
    """Enable a ledger with LiteLLM on this package; both are undone."""
    litellm.suppress_debug_info = True
    with openrouter_adapter.registered():
        yield ledger.enable
        ledger.disable()


@pytest.fixture
def enabled(enable: Callable[..., Ledger], where: str) -> Ledger:
    """A ledger that LiteLLM's calls are written to."""
    return enable(where)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def to(emulator: Emulator) -> dict[str, Any]:
    """The keywords that send a call to the emulator."""
    return {"api_base": emulator.base_url, "api_key": emulator.api_key}
