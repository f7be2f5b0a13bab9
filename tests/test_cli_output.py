"""What the command line shows: help, completion, tables on narrow terminals, JSON, dead ends."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import subprocess
import sys
import time
import webbrowser
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import httpx
import pytest
import typer
from rich.cells import cell_len
from typer.testing import CliRunner

from openrouter_adapter import account, batch, ledger
from openrouter_adapter.cli import _tables as tables
from openrouter_adapter.cli import app
from openrouter_adapter.emulator import Emulator
from openrouter_adapter.ledger import Row, to_pico
from tests.report import ledgers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

NARROW = 60
NOBODY = "http://127.0.0.1:9/api/v1"
MODEL = "openai/gpt-4o-mini"
runner = CliRunner()


def commands(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group, with its path."""
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, *path, name)


ALL = dict(commands(typer.main.get_command(app)))


def run(*arguments: str, **environment: str) -> Result:
    return runner.invoke(app, list(arguments), env=environment)


def test_the_walk_finds_the_commands() -> None:
    assert {("spend",), ("spend", "check"), ("batch", "run"), ("keys", "update")} <= set(ALL)


@pytest.mark.parametrize("path", ALL, ids=" ".join)
@pytest.mark.parametrize("columns", ["60", "100"])
def test_a_flag_has_no_type_in_help(path: tuple[str, ...], columns: str) -> None:
    result = run(*path, "--help", COLUMNS=columns)

    assert result.exit_code == 0
    assert not re.search(r"<bool|BOOLEAN", result.output)
    assert "--help" in result.output


def test_help_shows_both_forms_of_a_flag() -> None:
    shown = run("keys", "update", "--help", COLUMNS="100").output

    assert re.search(r"--byok +--no-byok +Count BYOK", shown)
    assert re.search(r"--disable +--enable +Disable or enable", shown)


def sentences() -> Iterator[tuple[str, str]]:
    """Each sentence of every help text, and whose it is."""
    for path, command in ALL.items():
        texts = [(" ".join(path), command.help or "")]
        texts += [(f"{' '.join(path)} {one.opts[0]}", one.help or "") for one in command.params]
        for where, text in texts:
            for sentence in re.split(r"(?<=[.:;])\s+|\n\n", text.strip()):
                yield where, sentence


def test_help_uses_the_imperative_as_its_only_verb_form() -> None:
    verbs = {
        (command.help or "").split()[0].lower().strip(",") for path, command in ALL.items() if path
    }
    verbs |= {"need", "change", "print", "serve", "return", "do"}
    others = {f"{verb}{end}" for verb in verbs for end in ("s", "es")}
    found = [
        (where, sentence)
        for where, sentence in sentences()
        if sentence and sentence.split()[0].lower().strip(",") in others - verbs
    ]
    assert not found
    # The summaries begin with a verb, not with a noun.
    assert not verbs & {"the", "a", "an", "openrouter"}


def test_the_help_of_a_flag_says_what_it_does() -> None:
    for path, command in ALL.items():
        for one in command.params:
            if getattr(one, "is_flag", False):
                assert not re.match(r"(whether|if|the|a)\b", one.help, re.IGNORECASE), (path, one)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_commands(shell: str) -> None:
    script = {"bash": "complete -o", "zsh": "#compdef", "fish": "complete --command"}[shell]
    name = "_OPENROUTER_ADAPTER_COMPLETE"
    typed = {
        "COMP_WORDS": "openrouter-adapter bud",
        "COMP_CWORD": "1",
        "_TYPER_COMPLETE_ARGS": "openrouter-adapter bud",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }

    assert script in python(**{name: f"source_{shell}"})
    assert "budget" in python(**{name: f"complete_{shell}", **typed})


def python(*arguments: str, **environment: str) -> str:
    """What the command line prints, started as a module."""
    finished = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "openrouter_adapter", *arguments],
        cwd=Path(__file__).parents[1],
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return finished.stdout


@pytest.mark.skipif(not shutil.which("bash") or os.name == "nt", reason="needs bash")
def test_bash_completes_a_command_with_the_script(tmp_path: Path) -> None:
    script = tmp_path / "openrouter-adapter"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m openrouter_adapter "$@"\n')
    script.chmod(0o755)
    (tmp_path / "completion").write_text(python(_OPENROUTER_ADAPTER_COMPLETE="source_bash"))
    typed = (
        f". {tmp_path}/completion; COMP_WORDS=(openrouter-adapter spend rec); COMP_CWORD=2; "
        "_openrouter_adapter_completion openrouter-adapter; printf '%s\\n' \"${COMPREPLY[@]}\""
    )

    finished = subprocess.run(  # noqa: S603
        ["bash", "--norc", "-c", typed],  # noqa: S607
        env={
            **os.environ,
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "PYTHONPATH": str(Path(__file__).parents[1]),
        },
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    assert finished.stdout.split() == ["reconcile"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The emulator in the environment, and a folder with ledgers and a job."""
    folder = tmp_path_factory.mktemp("world")
    with Emulator() as em, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENROUTER_API_KEY", em.api_key)
        patch.setenv("OPENROUTER_API_BASE", em.base_url)
        patch.setenv("OPENROUTER_PROVISIONING_KEY", em.provisioning_key)
        patch.setenv("OPENROUTER_ADAPTER_CACHE", str(folder / "cache"))
        (folder / "bill").write_text(fill(folder, em))
        found = {name: os.environ[name] for name in os.environ if name.startswith("OPENROUTER_")}
        (folder / "environment").write_text(json.dumps(found))
        yield folder


def fill(folder: Path, em: Emulator) -> str:
    """Writes two ledgers and a job, makes a key; the id of a generation."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
    line = {"custom_id": "one", "method": "POST", "url": "/v1/chat/completions", "body": body}
    broken = {**line, "custom_id": "two", "body": {**body, "model": "@preset/nowhere"}}
    (folder / "job.jsonl").write_text(json.dumps(line) + "\n")
    (folder / "odd.jsonl").write_text(f"{json.dumps(line)}\n{json.dumps(broken)}\nno request\n")
    batch.run(folder / "job.jsonl", folder / "out")
    book = ledger.open(folder / "spend.db")
    book.store.write(ledgers.rows(count=300))
    book.budget("all", 25)
    book.budget("team research", "10.5", per="month", each="user", tag="a long tag for it")
    book.close()
    headers = {"Authorization": f"Bearer {em.api_key}"}
    httpx.post(f"{em.base_url}/chat/completions", headers=headers, json=body).raise_for_status()
    bill = em.bill()[-1]
    em.advance(days=1)
    book = ledger.open(folder / "check.db")
    book.store.write(
        [
            Row(
                call_id="call-1",
                attempt=1,
                started_at=round(bill.created_at * 1e6),
                generation_id=bill.generation_id,
                model=MODEL,
                served_model=bill.model,
                outcome="ok",
                cost_status="billed",
                cost=to_pico(bill.cost * 3),
            )
        ]
    )
    book.close()
    return bill.generation_id


@pytest.fixture
def env(world: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder; the emulator is in the environment, and the check thinks it's a day later."""
    for name, value in json.loads((world / "environment").read_text()).items():
        monkeypatch.setenv(name, value)
    today = dt.datetime.fromtimestamp(time.time() + 86_400, dt.timezone.utc).date()
    check = account.check
    monkeypatch.setattr(
        account, "check", lambda book, **options: check(book, today=today, **options)
    )
    return world


TABLES = {
    "spend": "spend --ledger HERE/spend.db",
    "spend by day": "spend --by day --ledger HERE/spend.db",
    "spend by tag": "spend --by tag --ledger HERE/spend.db",
    "spend check": "spend check --tolerance 0 --ledger HERE/check.db",
    "budget show": "budget show --ledger HERE/spend.db",
    "budget show one": "budget show all --ledger HERE/spend.db",
    "models": "models",
    "models show": f"models show {MODEL}",
    "estimate": "estimate HERE/odd.jsonl",
    "key": "key",
    "credits": "credits",
    "keys list": "keys list",
    "generation": "generation BILL --ledger HERE/check.db",
    "doctor": "doctor --offline --places --ledger HERE/spend.db",
}


def test_every_command_that_prints_a_table_is_among_them() -> None:
    folder = Path(tables.__file__).parent
    tested = {words.split()[0].replace("keys", "key") for words in TABLES.values()}
    for file in folder.glob("[a-z]*.py"):
        if "print_table" in file.read_text("utf-8"):
            name = file.stem.partition("_")[0].replace("account", "generation")
            assert name.removesuffix("s") in {one.removesuffix("s") for one in tested}, name


def filled(words: str, folder: Path) -> list[str]:
    bill = (folder / "bill").read_text()
    return words.replace("HERE", str(folder)).replace("BILL", bill).split()


@pytest.mark.parametrize("name", TABLES)
def test_a_table_on_a_narrow_terminal_breaks_no_word(
    name: str, env: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells: list[str] = []
    layout = tables.layout

    def look(titles: Any, rows: Any, **options: Any) -> Any:
        cells.extend(cell for row in rows for cell in row)
        return layout(titles, rows, **options)

    arguments = filled(TABLES[name], env)
    piped = run(*arguments)
    monkeypatch.setattr(tables, "layout", look)
    # Rich then takes the standard output for a terminal.
    narrow = run(*arguments, FORCE_COLOR="1", COLUMNS=str(NARROW))

    found = Counter(click.unstyle(narrow.stdout).split())
    assert cells, piped.output
    assert not Counter(" ".join(cells).split()) - found
    # Titles may be repeated in each row; nothing else is new.
    assert not found.keys() - set(piped.stdout.split())


@pytest.mark.parametrize("name", [name for name in TABLES if name != "doctor"])
def test_a_table_on_a_narrow_terminal_fits(name: str, env: Path) -> None:
    arguments = filled(TABLES[name], env)
    narrow = click.unstyle(run(*arguments, FORCE_COLOR="1", COLUMNS=str(NARROW)).stdout)
    piped = set(run(*arguments).stdout.splitlines())

    wide = [line for line in narrow.splitlines() if cell_len(line) > NARROW]
    # Sentences below a table are the terminal's to wrap.
    assert not [line for line in wide if line not in piped]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals of this kind")
def test_a_real_terminal_of_60_columns_shows_whole_words(env: Path) -> None:
    import fcntl
    import pty
    import struct
    import termios

    arguments = filled(TABLES["spend"], env)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, NARROW, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "openrouter_adapter", *arguments],
        cwd=Path(__file__).parents[1],
        env={**environment, "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
    ):
        os.close(theirs)
        shown = b""
        while chunk := read(ours):
            shown += chunk
    os.close(ours)
    lines = click.unstyle(shown.decode()).splitlines()
    assert any("anthropic/claude-sonnet-4.5" in line for line in lines)
    assert any(
        re.fullmatch(r"\s*total USD\s+[\d.,]+", line) and len(line) <= NARROW for line in lines
    )


def read(terminal: int) -> bytes:
    """What comes from a pseudo-terminal; nothing at its end, which Linux reports as an error."""
    try:
        return os.read(terminal, 65_536)
    except OSError:
        return b""


@pytest.mark.parametrize("width", [None, *range(20, 90, 3)])
def test_no_width_breaks_a_word(width: int | None) -> None:
    titles = ["model", "what it reads", "max output", "mean latency"]
    rows = [
        ["an/unusually-long-name", "text image \u65e5\u672c\u8a9e", "1,048,576", "2.41 s"],
        ["short", "", "1", "850 ms"],
    ]
    head, body = tables.layout(titles, rows, texts=2, width=width)

    words = Counter(" ".join([*head, *body]).split())
    assert not Counter(" ".join(rows[0] + rows[1]).split()) - words
    if width is not None:
        for line in (*head, *body):
            assert cell_len(line) <= width or len(line.split()) <= 2
    if head:
        assert all("2.41 s" in line for line in body if "1,048,576" in line)


JSON = {
    "spend": "spend --format json --ledger HERE/spend.db",
    "spend check": "spend check --tolerance 0 --json --ledger HERE/check.db",
    "budget show": "budget show --json --ledger HERE/spend.db",
    "models": "models --format json",
    "models show": f"models show {MODEL} --format json",
    "estimate": "estimate HERE/odd.jsonl --json",
    "key": "key --json",
    "credits": "credits --json",
    "keys list": "keys list --json",
    "generation": "generation BILL --json --ledger HERE/check.db",
    "doctor": "doctor --offline --json --ledger HERE/spend.db",
    "batch status": "batch status HERE/out --json",
    "batch cost": "batch cost HERE/out --json",
    "batch run": "batch run HERE/job.jsonl --dry-run --json",
}
# Objects whose keys are names of models, providers and exceptions.
BY_NAME = {"models", "providers", "failures"}


def keys(found: Any, *, are_names: bool = False) -> Iterator[str]:
    """The keys of every object, except names."""
    if isinstance(found, list):
        for one in found:
            yield from keys(one)
    elif isinstance(found, dict):
        for name, inner in found.items():
            if not are_names:
                yield name
            yield from keys(inner, are_names=not are_names and name in BY_NAME)


@pytest.mark.parametrize("name", JSON)
def test_json_has_plain_keys(name: str, env: Path) -> None:
    result = run(*filled(JSON[name], env))
    found = json.loads(result.stdout)

    assert found
    assert {key for key in keys(found) if not re.fullmatch(r"[a-z][a-z0-9_]*", key)} == set()


def test_lists_in_json_are_lists(env: Path) -> None:
    rows = json.loads(run(*filled(JSON["models"], env)).stdout)
    assert all(isinstance(row["reads"], list) for row in rows)
    assert any(len(row["reads"]) > 1 for row in rows)
    assert all(isinstance(row["writes"], list) for row in rows)
    found = json.loads(run(*filled(JSON["estimate"], env)).stdout)
    assert [one["requests"] for one in found["reasons"]] == [1]


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ("key", "key"),
        ("credits", "credits"),
        ("generation gen-1", "generation"),
        ("models", "models"),
        ("keys list", "keys"),
    ],
)
def test_a_connection_error_says_which_address_was_tried(
    command: str, path: str, tmp_path: Path
) -> None:
    settings = {
        "OPENROUTER_API_BASE": NOBODY.replace("//", "//me:secret@"),
        "OPENROUTER_API_KEY": "sk-or-v1-x",
        "OPENROUTER_PROVISIONING_KEY": "sk-or-v1-x",
        "OPENROUTER_ADAPTER_CACHE": str(tmp_path),
        "OPENROUTER_ADAPTER_LEDGER": str(tmp_path / "none.db"),
    }
    result = run(*command.split(), **settings)

    assert result.exit_code == 1
    assert f"was not reached at {NOBODY}/{path}: " in result.output
    assert "secret" not in result.output


@pytest.mark.parametrize("error", [httpx.ConnectTimeout, httpx.ReadTimeout])
def test_a_timeout_says_which_address_was_tried(
    error: type[httpx.TimeoutException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(_: Any, request: httpx.Request) -> httpx.Response:
        raise error("", request=request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", late)
    result = run("key", OPENROUTER_API_BASE=NOBODY, OPENROUTER_API_KEY="sk-or-v1-x")

    assert f"no answer in time from {NOBODY}/key: {error.__name__}" in result.output


@pytest.mark.parametrize(
    ("base", "said"),
    [(NOBODY, "can't be reached"), ("EMULATOR/elsewhere/api/v1", "There is no login page at")],
)
def test_login_shows_no_dead_link(
    base: str, said: str, env: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del env
    monkeypatch.setattr(webbrowser, "open", lambda url: pytest.fail(f"{url} was opened"))
    base = base.replace("EMULATOR", os.environ["OPENROUTER_API_BASE"].removesuffix("/api/v1"))
    result = run("login", "--timeout", "5", OPENROUTER_API_BASE=base)

    assert result.exit_code == 1
    shown = " ".join(result.output.split())
    assert said in shown
    assert f"{base.removesuffix('/api/v1')}/auth" in shown
    assert "Approve the login" not in shown
    assert "create a key at https://openrouter.ai/keys" in shown
    assert "OPENROUTER_API_KEY" in shown


@pytest.mark.usefixtures("env")
def test_login_without_a_browser_and_without_an_answer_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    result = run("login", "--timeout", "1")

    shown = " ".join(result.output.split())
    assert "No browser could be opened: copy the address" in shown
    assert "not approved within 1 seconds. Run it again, or create a key at https://" in shown


def test_the_documentation_says_how_to_complete() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    (line,) = [one for one in readme.splitlines() if "--install-completion" in one]
    assert all(shell in line for shell in ("bash", "zsh", "fish"))
