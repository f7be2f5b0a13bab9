"""cookbook/claude_code: its commands run, with Anthropic's client in place of the agent."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.documents import blocks
from tests.support.versions import UNINSTALLED_PROXY

from .conftest import AGENT, RECIPE, patiently

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator

    from .conftest import Caller, Proxy

anthropic = pytest.importorskip("anthropic", reason=UNINSTALLED_PROXY)

pytestmark = pytest.mark.timeout(600)  # a proxy starts slowly on a busy machine
EXPORT = re.compile(r'^export (\w+)="?(.*?)"?$', re.MULTILINE)


def variables() -> dict[str, str]:
    """Return what agent.env exports."""
    return dict(EXPORT.findall((AGENT / "agent.env").read_text("utf-8")))


def commands(word: str) -> list[list[str]]:
    """Return the page's lines that call openrouter-adapter with a word."""
    lines = "\n".join(blocks(AGENT / "README.md", "sh")).splitlines()
    return [shlex.split(line) for line in lines if line.startswith(f"openrouter-adapter {word}")]


def run(command: list[str], proxy: Proxy, *more: str) -> str:
    """Return what a command prints about the proxy's ledger."""
    module = [sys.executable, "-m", "openrouter_adapter", *command[1:]]
    done = subprocess.run(  # noqa: S603
        [*module, "--ledger", proxy.ledger, *more],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return done.stdout


@pytest.fixture
def agent(proxy: Proxy, caller: Caller) -> Any:
    """Return Anthropic's client, with the agent's variables."""
    given = variables()
    name, _, tag = given["ANTHROPIC_CUSTOM_HEADERS"].partition(": ")
    return anthropic.Anthropic(
        base_url=given["ANTHROPIC_BASE_URL"].replace("http://localhost:4000", proxy.url),
        auth_token=caller.key,
        default_headers={name: tag},
        max_retries=0,
    )


def test_an_agent_works_within_its_budget(
    agent: Any, proxy: Proxy, caller: Caller, emulator: Emulator
) -> None:
    @anthropic.beta_tool
    def read_file(path: str) -> str:
        """Read a file of the project."""
        return f"{path}: wrens are small."

    given = variables()
    (budget,) = commands("budget set")
    run(budget, proxy)
    before = len(emulator.bill())
    work = {"max_tokens": 2000, "tools": [read_file], "thread": False}
    for name, prompt in (
        ("ANTHROPIC_MODEL", "Read the file wrens.txt"),
        ("ANTHROPIC_DEFAULT_HAIKU_MODEL", "Read the file titles.txt"),
    ):
        runner = agent.beta.messages.tool_runner(
            model=given[name], messages=[{"role": "user", "content": prompt}], **work
        )
        assert runner.until_done().stop_reason == "end_turn"
    rows = proxy.rows(caller, 4)
    assert {row.tags for row in rows} == {'["claude-code"]'}
    billed = sum((row.cost for row in emulator.bill()[before:]), Decimal(0))
    assert {row.model_id for row in emulator.bill()[before:]} == {
        "z-ai/glm-4.6",
        "openai/gpt-5-nano",
    }

    spend = {
        command[3]: json.loads(run(command, proxy, "-f", "json")) for command in commands("spend")
    }
    totals = {row["tag"]: Decimal(row["total"]) for row in spend["tag"]}
    assert totals["claude-code"] == billed > 0
    assert {"z-ai/glm-4.6", "openai/gpt-5-nano"} <= {row["model"] for row in spend["model"]}

    limit = budget.index("--limit") + 1
    run([*budget[:limit], "0.0000001", *budget[limit + 1 :]], proxy)
    try:
        with pytest.raises(anthropic.APIStatusError, match="claude-code"):
            until_refused(agent, given["ANTHROPIC_MODEL"])
    finally:
        run([*budget[:2], "rm", "claude-code"], proxy)


def until_refused(agent: Any, model: str) -> None:
    """Ask until an error: the proxy reads budgets now and then."""
    for _ in patiently():
        agent.messages.create(
            model=model, max_tokens=2000, messages=[{"role": "user", "content": "Go on"}]
        )


def test_the_recipe_has_the_names_of_its_variables() -> None:
    recipe, other = (
        yaml.safe_load((folder / "config.yaml").read_text()) for folder in (AGENT, RECIPE)
    )
    names = {row["model_name"] for row in recipe["model_list"]}
    given = variables()
    assert {given["ANTHROPIC_MODEL"], given["ANTHROPIC_DEFAULT_HAIKU_MODEL"]} < names
    assert {**recipe, "model_list": other["model_list"]} == other
