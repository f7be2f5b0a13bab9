"""`openrouter-adapter router-config`: what it writes, and what it says when it can't."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from typer.testing import CliRunner

from openrouter_adapter.catalog.cache import FOLDER_VARIABLE
from openrouter_adapter.cli import app
from tests.routing.sites import CHEAP, DEAR, LONG

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

    from openrouter_adapter.emulator import Emulator

runner = CliRunner()


pytestmark = pytest.mark.usefixtures("emulated")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator's models, in a cache of the test's own."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))


def run(*arguments: str) -> Result:
    return runner.invoke(app, ["router-config", *arguments])


def test_a_router_is_printed_with_all_that_was_asked() -> None:
    result = run(
        *("openai/gpt-4o*", "--need", "vision", "--max-prompt", "5", "--min-context", "100000"),
        *("--fallback", f"{DEAR}>{LONG}", "--context-fallbacks", "--similar-fallbacks", "1"),
        *("--provider", '{"sort": "price"}', "--parameters", f'{LONG}={{"rpm": 5}}'),
        *("--rpm", "60", "--tpm", "9000", "--retries", "1", "--budget", "10/1d", "--wildcard"),
    )
    assert result.exit_code == 0, result.stderr
    assert "models: 3, deployments: 4; litellm.Router accepts it" in result.stderr
    found = yaml.safe_load(result.stdout)
    names = [row["model_name"] for row in found["model_list"]]
    assert names == [DEAR, CHEAP, LONG, "openrouter/*"]
    rpm = {row["model_name"]: row["litellm_params"]["rpm"] for row in found["model_list"]}
    assert rpm == {DEAR: 60, CHEAP: 60, LONG: 5, "openrouter/*": 60}
    assert {DEAR: [LONG]} in found["fallbacks"]
    assert {CHEAP: [LONG]} in found["context_window_fallbacks"]
    assert found["num_retries"] == 1
    assert found["provider_budget_config"] == {
        "openrouter": {"budget_limit": 10.0, "time_period": "1d"}
    }


def test_a_proxys_file_has_the_callback_and_references_to_its_keys(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    result = run(
        *(CHEAP, DEAR, "--group", "fast", "--strategy", "cost-based-routing", "--proxy"),
        *("--key-env", "KEY_ONE", "--key-env", "KEY_TWO", "--output", str(file)),
    )
    assert result.exit_code == 0, result.stderr
    found = yaml.safe_load(file.read_text("utf-8"))
    assert found["litellm_settings"] == {"callbacks": "openrouter_adapter.proxy.handler"}
    assert found["general_settings"] == {"master_key": "os.environ/LITELLM_MASTER_KEY"}
    assert found["router_settings"] == {"routing_strategy": "cost-based-routing"}
    assert {row["model_name"] for row in found["model_list"]} == {"fast"}
    parameters = [row["litellm_params"] for row in found["model_list"]]
    assert {one["api_key"] for one in parameters} == {
        "os.environ/KEY_ONE",
        "os.environ/KEY_TWO",
    }
    # USD per token, from the catalogue.
    assert sorted({one["input_cost_per_token"] for one in parameters}) == [1.5e-07, 2.5e-06]


def test_a_wildcard_alone_needs_no_catalogue(emulated: Emulator) -> None:
    found = yaml.safe_load(run("--wildcard").stdout)
    assert [row["model_name"] for row in found["model_list"]] == ["openrouter/*"]
    assert emulated.requests == []


def test_a_file_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    result = run("--wildcard", "-o", str(tmp_path / "missing" / "config.yaml"))
    assert result.exit_code == 1
    assert "config.yaml can't be written: No such file or directory." in result.stderr


def test_a_file_is_written_over_only_by_force(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("mine")
    result = run(CHEAP, "-o", str(file))
    assert result.exit_code == 1
    assert "--force" in result.stderr
    assert file.read_text() == "mine"
    assert run(CHEAP, "-o", str(file), "--force").exit_code == 0
    assert CHEAP in file.read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("openai/gpt-4p",), "Nearest: openai/gpt-4o"),
        (("anthropic/*", "--max-prompt", "0.5"), "anthropic/claude-haiku-4.5 (prompt 1 USD)"),
        ((CHEAP, "--need", "smell"), "needs has 'smell'"),
        ((CHEAP, "--fallback", CHEAP), "A>B>C"),
        ((CHEAP, "--provider", "price"), "Invalid --provider 'price': it must be a JSON object"),
        ((CHEAP, "--parameters", "openai/*"), "--parameters"),
        ((CHEAP, "--budget", "ten"), "10/1d"),
        ((CHEAP, "--budget", "5"), "10/1d"),
        ((CHEAP, "--key-env", "sk-or-v1-secret"), "names of environment variables"),
        ((CHEAP, "--strategy", "cheapest"), "litellm.Router can't be built"),
        ((CHEAP, "--provider", '{"order": "azure"}'), "provider.order"),
    ],
)
def test_what_can_not_be_written_is_said_in_a_sentence(
    arguments: tuple[str, ...], words: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert words in result.stderr
    assert result.stdout == ""
    assert "secret" not in result.stderr
    assert result.exception is None or isinstance(result.exception, SystemExit)
