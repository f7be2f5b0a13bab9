"""A misspelled model costs one line of an error, not a job of failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from openrouter_adapter import batch, catalog
from openrouter_adapter.batch.display import lines_of_summary
from openrouter_adapter.catalog.near_names import near
from openrouter_adapter.cli import app
from tests.batch.conftest import MODEL, QUICK, chat, read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openrouter_adapter.emulator import Emulator

WRONG = "openai/gpt-4o-minni"
QUESTION = "Did you mean openai/gpt-4o-mini"


def chats(em: Emulator) -> int:
    return sum(1 for one in em.requests if one.path == "/chat/completions")


def command(*words: Any) -> Any:
    return CliRunner().invoke(app, ["batch", *map(str, words)])


@pytest.mark.parametrize("with_budget", [False, True])
def test_a_thousand_equal_faults_are_one_line_with_the_near_names(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path, with_budget: bool
) -> None:
    lines = [chat(number, model=WRONG) for number in range(1200)]
    lines[7] = chat(7)
    lines.append({**chat(2000), "url": "/v1/x"})
    with pytest.raises(batch.FaultyInput) as raised:
        batch.run(job(lines), tmp_path / "out", budget=1 if with_budget else None)
    first, wrong, other = str(raised.value).splitlines()
    assert first.endswith("has 1,200 faults; nothing was sent:")
    said = f"1,199 lines (1, 2, 3, …): model is '{WRONG}', which OpenRouter doesn't have. "
    assert wrong.strip().startswith(f"{said}{QUESTION}")
    assert other.strip().startswith("line 1201: url is '/v1/x'")
    assert raised.value.count == 1200
    assert not chats(openrouter_at)
    # OpenRouter is asked about a name once, not for each line.
    assert len(openrouter_at.requests) < 10


def test_many_different_faults_are_cut_and_counted(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    lines = [{**chat(number), "url": f"/v1/x{number}"} for number in range(1500)]
    with pytest.raises(batch.FaultyInput, match=r"\n  … and 1,480 more$") as raised:
        batch.run(job(lines), tmp_path / "out")
    assert len(raised.value.faults) == 1000
    assert not openrouter_at.requests


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        (WRONG, "openai/gpt-4o-mini"),
        ("gpt-4o-mini", "openai/gpt-4o-mini"),
        ("openrouter/gpt-4o-mini", "openai/gpt-4o-mini"),
        ("OpenAI/GPT-4o-mini", "openai/gpt-4o-mini"),
        ("azure/gpt-4o-mini", "openai/gpt-4o-mini"),
        ("openai/gpt-4o-mini:fre", "openai/gpt-4o-mini"),
        ("something/else-entirely", None),
    ],
)
@pytest.mark.usefixtures("openrouter_at")
def test_names_are_near_for_the_usual_reasons(name: str, nearest: str | None) -> None:
    found = near(name, catalog.load())
    assert found[:1] == ([nearest] if nearest else [])


@pytest.mark.usefixtures("openrouter_at")
@pytest.mark.parametrize(
    "name",
    [
        "openrouter/auto",
        "@preset/kind",
        f"{MODEL}@preset/kind",
        f"{MODEL}:nitro",
        "openrouter/openai/gpt-4o-mini",
    ],
)
def test_a_name_that_openrouter_has_is_no_fault(name: str, job: Callable[..., Path]) -> None:
    assert batch.dry_run(job([chat(1, model=name)])).requests == 1


def test_fallbacks_are_names_too(job: Callable[..., Path], openrouter_at: Emulator) -> None:
    with pytest.raises(batch.FaultyInput, match=WRONG):
        batch.dry_run(job([chat(1, models=[MODEL, WRONG])]))
    assert not chats(openrouter_at)


def test_a_model_that_is_newer_than_the_list_is_sent(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    """The list of models may be a day old, so OpenRouter itself is asked."""
    known = catalog.load()
    catalog_rows = [model.wire for model in known if model.id != MODEL]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "load", lambda **_: catalog.Catalog(catalog_rows))
        assert batch.run(job(2), tmp_path / "out").done == 2
    assert chats(openrouter_at) == 2


def test_a_job_begins_where_there_is_no_list_of_models(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    def unavailable(**_: Any) -> Any:
        raise catalog.CatalogUnavailableError("none")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "load", unavailable)
        assert batch.run(job([chat(0), chat(1, model=WRONG)]), tmp_path / "out").failed == 1
    assert chats(openrouter_at) == 2


def test_going_on_sends_the_name_all_the_same(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    path = job([chat(number, model=WRONG) for number in range(30)])
    assert command("run", path, "--dry-run").exit_code == 2
    assert command("run", path, "--dry-run", "--keep-going").exit_code == 0
    found = command("run", path, "--out", tmp_path / "out", "--keep-going")
    assert found.exit_code == 1
    assert chats(openrouter_at) == 30
    # OpenRouter's words are in the summary.
    assert f"30 x NotFoundError: OpenRouter: No endpoints found for {WRONG}." in found.output
    shown = command("status", tmp_path / "out").output
    assert f"30 x NotFoundError: OpenRouter: No endpoints found for {WRONG}." in shown


def test_a_hopeless_run_stops_and_says_how_to_go_on(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    openrouter_at.faults.add("status=400; path=/chat/completions")
    out = tmp_path / "out"
    found = command("run", job(500), "--out", out)
    assert found.exit_code == 3
    output = found.output.replace("\n", " ")
    assert "It stopped early. 20 requests in a row failed with the same error: " in output
    assert f"To continue: openrouter-adapter batch resume {out} --keep-going" in output
    # Those in flight finish; nothing else was sent.
    assert 20 <= chats(openrouter_at) < 60
    assert command("resume", out, "--keep-going").exit_code == 1
    assert chats(openrouter_at) == 500
    openrouter_at.faults.clear()
    assert command("retry", out).exit_code == 0
    assert batch.status(out).done == 500


def test_an_answer_in_between_is_hope(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    path = job([chat(n, model=WRONG if n % 10 else MODEL) for n in range(200)])
    pace = batch.Pace(concurrency=1, backoff=0.02, first_pause=0.02, equal_failures=20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("openrouter_adapter.batch.model_check.ModelCheck.look", lambda *_: None)
        summary = batch.run(path, tmp_path / "out", pace=pace)
    assert (summary.done, summary.failed, summary.stopped) == (20, 180, None)
    assert chats(openrouter_at) == 200


def test_different_errors_do_not_stop_a_run_and_are_listed(
    openrouter_at: Emulator, job: Callable[..., Path], tmp_path: Path
) -> None:
    lines = [chat(n, model=f"nobody/model-{n % 5}") for n in range(100)]
    summary = batch.run(
        job(lines),
        tmp_path / "out",
        keep_going=True,
        pace=QUICK,
    )
    assert (summary.failed, summary.stopped) == (100, None)
    assert [one["requests"] for one in summary.errors] == [20] * 5
    shown = "\n".join(lines_of_summary(summary))
    assert "  100 x NotFoundError\n    20 x OpenRouter: No endpoints found for nobody/" in shown
    assert len(read(tmp_path / "out" / "failures.jsonl")) == 100
    assert batch.status(tmp_path / "out").errors == summary.errors
    (tmp_path / "out" / "status.json").unlink()
    assert batch.status(tmp_path / "out").errors == summary.errors
    assert not openrouter_at.bill()


@pytest.mark.usefixtures("openrouter_at")
def test_models_show_asks_what_was_meant() -> None:
    found = CliRunner().invoke(app, ["models", "show", WRONG])
    assert found.exit_code == 1
    assert f"The catalogue has no model {WRONG}. {QUESTION}" in found.output
