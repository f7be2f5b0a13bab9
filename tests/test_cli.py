"""The command line: what it prints, how it ends, and that it starts without LiteLLM."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from openrouter_adapter import __version__, batch, demo, ledger
from openrouter_adapter.cli import app
from openrouter_adapter.emulator import Emulator

if TYPE_CHECKING:
    from typing import Any

ROOT = Path(__file__).parents[1]
runner = CliRunner()


def test_version_names_both_packages() -> None:
    result = runner.invoke(app, ["--version"])

    assert result.exit_code == 0
    assert re.fullmatch(
        rf"openrouter-adapter {re.escape(__version__)} \(litellm \d+\.\d+\S*\)\n", result.output
    )


def test_help_lists_every_command() -> None:
    result = runner.invoke(app, ["--help"])

    assert result.exit_code == 0
    assert {"demo", "emulator"} <= set(re.findall(r"\w+", result.output))


@pytest.mark.parametrize("command", ["demo", "emulator"])
def test_each_command_has_help(command: str) -> None:
    result = runner.invoke(app, [command, "--help"], env={"COLUMNS": "80"})

    assert result.exit_code == 0
    assert f"{command} [OPTIONS]" in result.output


def run_python(code: str, *words: str) -> str:
    finished = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code, *words],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    return finished.stdout.strip()


@pytest.fixture(scope="module")
def spent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a job's output and a ledger of it."""
    folder = tmp_path_factory.mktemp("spent")
    body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}
    line = {"custom_id": "one", "method": "POST", "url": "/v1/chat/completions", "body": body}
    (folder / "job.jsonl").write_text(json.dumps(line) + "\n")
    with Emulator() as emulator, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENROUTER_API_KEY", emulator.api_key)
        patch.setenv("OPENROUTER_API_BASE", emulator.base_url)
        patch.setenv("OPENROUTER_ADAPTER_CACHE", str(folder / "cache"))
        batch.run(folder / "job.jsonl", folder / "out", ledger=str(folder / "spend.db"))
    with contextlib.closing(ledger.open(folder / "spend.db")) as book:
        book.budget("all", 25)
    return folder


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["--help"], "Usage"),
        (["spend", "--ledger", "HERE/spend.db"], "openai/gpt-4o-mini"),
        (["budget", "show", "all", "--ledger", "HERE/spend.db"], "everything"),
        (["batch", "status", "HERE/out"], "1 of 1"),
    ],
)
def test_commands_that_only_read_import_nothing_slow(
    spent: Path, words: list[str], printed: str
) -> None:
    code = """
import sys
from openrouter_adapter.cli import main
try:
    main()
finally:
    print({"litellm", "aiohttp", "openai", "tiktoken"} & sys.modules.keys())
"""
    found = run_python(code, *(word.replace("HERE", str(spent)) for word in words))

    assert printed in found
    assert found.endswith("set()")


def test_the_demo_says_where_prices_come_from_before_litellm_is_imported() -> None:
    # LiteLLM would fetch its table of prices from the network.
    code = """
import os
os.environ.pop("LITELLM_LOCAL_MODEL_COST_MAP", None)
import sys, openrouter_adapter.cli
assert "litellm" not in sys.modules
import openrouter_adapter.demo
print(os.environ["LITELLM_LOCAL_MODEL_COST_MAP"])
"""
    assert run_python(code) == "True"


def test_the_module_can_be_run() -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "openrouter_adapter", "--version"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    assert finished.stdout.startswith(f"openrouter-adapter {__version__}")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for single processes")
def test_the_emulator_says_when_it_is_ready_and_stops_at_ctrl_c() -> None:
    command = [sys.executable, "-m", "openrouter_adapter", "emulator", "--api-key", "sk-or-v1-mine"]
    with subprocess.Popen(  # noqa: S603
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    ) as process:
        try:
            exports = _exports_of(process)
            answer = _ask(exports["OPENROUTER_API_BASE"], exports["OPENROUTER_API_KEY"])
            process.send_signal(signal.SIGINT)
            rest, errors = process.communicate(timeout=20)
        finally:
            process.kill()

    assert exports["OPENROUTER_API_KEY"] == "sk-or-v1-mine"
    assert answer["choices"][0]["message"]["content"] == "The capital of France is Paris."
    assert answer["usage"]["cost"] > 0
    assert process.returncode == 0
    assert rest.endswith("Stopped.\n")
    assert "Traceback" not in errors


def _exports_of(process: subprocess.Popen[str]) -> dict[str, str]:
    """Read the lines that a shell would be given, until the last line of the announcement."""
    assert process.stdout is not None
    found: dict[str, str] = {}
    for line in process.stdout:
        if match := re.fullmatch(r"  export (\w+)=(\S+)\n", line):
            found[match[1]] = match[2]
        if line.startswith("Ctrl-C"):
            break
    return found


def _ask(base_url: str, key: str) -> dict[str, Any]:
    question = {"role": "user", "content": "What is the capital of France?"}
    request = urllib.request.Request(  # noqa: S310
        f"{base_url}/chat/completions",
        data=json.dumps({"model": "openai/gpt-4o-mini", "messages": [question]}).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
        answer: dict[str, Any] = json.load(response)
        return answer


def test_the_emulator_says_that_a_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = runner.invoke(app, ["emulator", "--port", str(port)])

    assert result.exit_code == 1
    assert f"can't listen on 127.0.0.1:{port}" in result.output


def test_the_emulator_has_the_credits_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(
        "openrouter_adapter.emulator.serve",
        lambda host, port, ready, **options: given.update(options),  # noqa: ARG005
    )

    result = runner.invoke(app, ["emulator", "--credits", "0.1", "--chunk-delay", "0.5"])

    assert result.exit_code == 0
    assert str(given["credits"]) == "0.1"
    assert given["chunk_delay"] == 0.5


def test_the_live_demo_needs_a_key() -> None:
    result = runner.invoke(app, ["demo", "--live", "--yes"])

    assert result.exit_code == 2
    assert "OPENROUTER_API_KEY" in result.output


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_the_live_demo_asks_before_it_spends(answer: str, tmp_path: Path) -> None:
    with Emulator() as emulator:
        variables = {
            "OPENROUTER_API_KEY": emulator.api_key,
            "OPENROUTER_API_BASE": emulator.base_url,
        }
        command = ["demo", "--live", "--folder", str(tmp_path)]
        result = runner.invoke(app, command, input=answer, env=variables)

        assert result.exit_code == 1
        assert demo.LIVE_NOTICE in result.output
        assert emulator.requests == []


def test_the_live_demo_calls_the_address_of_the_environment(tmp_path: Path) -> None:
    with Emulator() as emulator:
        variables = {
            "OPENROUTER_API_KEY": emulator.api_key,
            "OPENROUTER_API_BASE": emulator.base_url,
        }
        command = ["demo", "--live", "--yes", "--folder", str(tmp_path)]
        result = runner.invoke(app, command, env=variables)

        assert result.exit_code == 0, result.output
        assert demo.LIVE_NOTICE in result.output
        assert len(emulator.bill()) == 6


def test_the_demo_command_ends_with_the_bill(tmp_path: Path) -> None:
    result = runner.invoke(app, ["demo", "--folder", str(tmp_path)])

    assert result.exit_code == 0, result.output
    assert "the emulator's bill to the last digit: 6 requests" in result.output
    assert "openrouter-adapter demo --live" in result.output
