"""`openrouter-adapter models` and `estimate`, and what they are made of."""

from __future__ import annotations

import csv
import gzip
import io
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from openrouter_adapter import catalog as package
from openrouter_adapter.catalog.filters import Filters, select
from openrouter_adapter.cli import _printing as printing
from openrouter_adapter.cli import app
from openrouter_adapter.cli._printing import _harmless

from .test_loading import grow_old, start_anew

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import ModelServer

runner = CliRunner()


def ids(catalog: package.Catalog, order: str = "id", **filters: Any) -> list[str]:
    chosen = select(catalog, Filters(**filters), order)
    return [model.id for model in chosen]


def test_filters(catalog: package.Catalog) -> None:
    assert ids(catalog, words=("CLAUDE", "haiku")) == ["anthropic/claude-haiku-4.5"]
    assert "openai/gpt-5-nano" in ids(catalog, max_prompt=Decimal("0.05"))
    assert "openai/gpt-5-mini" not in ids(catalog, max_prompt=Decimal("0.05"))
    assert ids(catalog, max_completion=Decimal(0), words=("oss",)) == ["openai/gpt-oss-20b:free"]
    assert ids(catalog, min_context=1_040_000) == [
        "google/gemini-2.5-flash",
        "google/gemini-2.5-pro",
        "openai/gpt-4.1-mini",
    ]
    assert "google/gemini-2.5-flash" in ids(catalog, inputs=("audio", "video"))
    assert ids(catalog, outputs=("image",), words=("flux",)) == ["black-forest-labs/flux.2-pro"]
    assert "openai/gpt-4o-mini" in ids(catalog, parameters=("tools", "structured_outputs"))


def test_orders(catalog: package.Catalog) -> None:
    def first(order: str, **filters: Any) -> package.Model:
        return catalog[ids(catalog, order, **filters)[0]]

    assert first("prompt").pricing.is_free
    assert first("completion", words=("claude",)).id == "anthropic/claude-haiku-4.5"
    assert first("context").id == "google/gemini-2.5-flash"
    newest = max(int(model.wire["created"]) for model in catalog)
    assert first("newest").wire["created"] == newest
    with pytest.raises(KeyError):
        ids(catalog, "beauty")


def test_a_model_without_a_price_fits_no_limit_and_is_last() -> None:
    rows = [
        {"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "-1"}},
        {"id": "z/z", "pricing": {"prompt": "1", "completion": "1"}},
    ]
    catalog = package.Catalog(rows)
    assert ids(catalog, "prompt") == ["z/z", "openrouter/auto"]
    assert ids(catalog, max_prompt=Decimal(10_000_000)) == ["z/z"]


def run(*arguments: str, code: int = 0) -> str:
    result = runner.invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.output


@pytest.mark.usefixtures("server")
def test_models_as_table_json_and_csv() -> None:
    table = run("models", "--search", "gpt-4o", "--sort", "prompt")
    assert "openai/gpt-4o-mini" in table
    assert "0.15" in table
    rows = json.loads(run("models", "-s", "claude", "--max-prompt", "1", "-f", "json"))
    assert [row["id"] for row in rows] == ["anthropic/claude-haiku-4.5"]
    assert rows[0]["completion"] == "5"
    lines = list(csv.DictReader(io.StringIO(run("models", "-f", "csv", "--output", "embeddings"))))
    assert {"openai/text-embedding-3-small", "qwen/qwen3-embedding-8b"} <= {
        line["id"] for line in lines
    }


def test_a_model_s_providers(server: ModelServer) -> None:
    model = "meta-llama/llama-3.3-70b-instruct"
    row = {
        "provider_name": "Groq",
        "tag": "groq",
        "pricing": {"prompt": "0.00000059", "completion": "0.00000079"},
        "latency_last_30m": {"p50": 250},
        "throughput_last_30m": {"p50": 300.5},
        "uptime_last_30m": 99.7,
    }
    server.answers[f"/models/{model}/endpoints"] = {"data": {"endpoints": [row, {}]}}
    shown = run("models", "show", f"{model}:nitro")
    for words in (model, "Groq", "0.59", "0.79", "250", "300.5", "99.7"):
        assert words in shown
    printed = json.loads(run("models", "show", model, "-f", "json"))
    assert printed[0]["latency_ms"] == 250
    assert "no model x/y" in run("models", "show", "x/y", code=1)
    assert "nothing here" in run("models", "show", "openai/gpt-4o", code=1)


def test_the_emulator_s_latency_is_in_milliseconds_as_on_the_wire(
    wide_catalog: package.Catalog,
) -> None:
    wire = wide_catalog.endpoints(wide_catalog["openai/gpt-4o-mini"])[0].wire
    assert 100 <= wire["latency_last_30m"]["p50"] <= 2000


def test_an_old_list_is_said(server: ModelServer, cache_folder: Path) -> None:
    run("models")
    grow_old(cache_folder, 30 * 3600)
    start_anew()
    server.status = 503
    result = runner.invoke(app, ["models", "-s", "haiku"])
    assert "30.0 hours old" in result.stderr
    assert "claude-haiku" in result.stdout
    asked = len(server.requests)
    run("models", "--refresh")
    assert len(server.requests) == asked + 1


def test_no_list_at_all(server: ModelServer, cache_folder: Path) -> None:
    server.status = 500
    shown = run("models", code=1)
    assert f"There is no list of models in {cache_folder}" in shown
    assert "broken on purpose" in shown


@pytest.mark.usefixtures("server")
def test_no_model_that_fits_is_said() -> None:
    result = runner.invoke(app, ["models", "--search", "no such model"])
    assert result.stderr == "No model matches.\n"
    assert json.loads(run("models", "--search", "no such model", "-f", "json")) == []


@pytest.mark.usefixtures("server")
def test_every_filter_at_once() -> None:
    filters = "--search claude --max-prompt 5 --max-completion 25 --min-context 200000 "
    filters += "--input image --output text --parameter tools --parameter reasoning"
    rows = json.loads(run("models", *filters.split(), "--sort", "completion", "-f", "json"))
    assert rows[0]["id"] == "anthropic/claude-haiku-4.5"
    assert [Decimal(row["completion"]) for row in rows] == sorted(
        Decimal(row["completion"]) for row in rows
    )


def test_a_number_is_never_folded_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    terminal = Console(file=written, width=30, force_terminal=True, color_system=None)
    monkeypatch.setattr(printing, "console", lambda: terminal)
    titles = ("id", "context", "max output", "prompt")
    printing.print_table(titles, [("an/unusually-long-name", "1048576", "65536", "0.15")], texts=1)
    assert {"1048576", "65536", "0.15"} <= set(written.getvalue().split())


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@x", "\tx"])
def test_a_name_is_no_formula(text: str) -> None:
    assert _harmless(text) == f"'{text}"
    assert _harmless("plain") == "plain"
    assert _harmless(-1) == -1


def batch(folder: Path, *models: str) -> Path:
    file = folder / "batch.jsonl"
    lines = []
    for model in models:
        messages = [{"role": "user", "content": "Name three birds."}]
        asked = {"model": model, "messages": messages, "max_tokens": 100}
        line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": asked}
        lines.append(json.dumps(line))
    file.write_text("\n".join([*lines, "", "not json", "[]", '{"body": 1}']) + "\n")
    return file


@pytest.mark.usefixtures("server")
def test_the_estimate_of_a_file(tmp_path: Path) -> None:
    file = batch(tmp_path, *["openai/gpt-4o-mini"] * 3, "openrouter/auto", "@preset/x")
    shown = run("estimate", str(file))
    assert "0.000185" in shown
    assert shown.count("unknown    unknown") == 2, "what is not known is not zero"
    assert "1 unknown: a preset" in shown
    assert "3 lines are not requests; the first is line 7" in shown
    printed = json.loads(run("estimate", str(file), "--json"))
    one = printed["models"]["openai/gpt-4o-mini"]
    assert Decimal(one["likely"]) == 3 * (11 * Decimal("0.00000015") + 100 * Decimal("0.0000006"))
    assert printed["models"]["@preset/x"]["worst"] is None
    assert printed["total"]["requests"] == 5
    assert printed["total"]["without_worst"] == printed["total"]["without_likely"] == 2
    assert Decimal(printed["total"]["worst"]) == Decimal(one["worst"])
    assert sum(one["requests"] for one in printed["reasons"]) == 2
    assert (printed["broken"], printed["first_broken"]) == (3, 7)


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("form", ["gzip", "mark", "windows", "standard input"])
def test_a_file_of_another_form_has_the_same_estimate(tmp_path: Path, form: str) -> None:
    file = batch(tmp_path, "openai/gpt-4o-mini", "anthropic/claude-sonnet-4")
    plain = run("estimate", str(file), "--json")
    content, given, source = file.read_bytes(), None, str(file)
    if form == "gzip":
        file.write_bytes(gzip.compress(content))
    elif form == "mark":
        file.write_bytes(b"\xef\xbb\xbf" + content)
    elif form == "windows":
        file.write_bytes(content.replace(b"\n", b"\r\n"))
    else:
        given, source = content, "-"
    result = runner.invoke(app, ["estimate", source, "--json"], input=given)
    assert result.exit_code == 0, result.output
    assert result.stdout == plain


@pytest.mark.usefixtures("server")
def test_a_file_that_can_t_be_read_is_said(tmp_path: Path) -> None:
    file = batch(tmp_path, "openai/gpt-4o-mini")
    file.write_bytes(gzip.compress(file.read_bytes())[:-20])
    for unfit in (file, tmp_path, tmp_path / "nothing"):
        assert f"{unfit} can't be read" in run("estimate", str(unfit), code=1)


@pytest.mark.usefixtures("server")
def test_what_a_body_builder_answered_has_an_estimate(tmp_path: Path) -> None:
    file = tmp_path / "built.json"
    chat = {"model": "openai/gpt-4o-mini", "messages": [], "max_tokens": 100}
    file.write_text(json.dumps({"requests": [chat, chat]}))
    printed = json.loads(run("estimate", str(file), "--json"))
    assert printed["total"]["requests"] == 2
    assert printed["broken"] == 0


def test_the_estimate_with_every_provider(server: ModelServer, tmp_path: Path) -> None:
    first, second = "meta-llama/llama-3.3-70b-instruct", "openai/gpt-4o-mini"
    dear = {"tag": "dear", "pricing": {"prompt": "1", "completion": "1"}, "context_length": 1000}
    router = {"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "-1"}}
    server.rows = [*server.rows, router]
    for model in (first, second):
        server.answers[f"/models/{model}/endpoints"] = {"data": {"endpoints": [dear]}}
    file = batch(tmp_path, first, "no/model", "openrouter/auto")
    fallback = {"model": first, "models": [second], "messages": [], "max_tokens": 100}
    file.write_text(f"{file.read_text()}{json.dumps(fallback)}\n")
    printed = json.loads(run("estimate", str(file), "--json", "--endpoints"))
    assert Decimal(printed["models"][first]["worst"]) > 200
    asked = [path for path, _ in server.requests if path.endswith("/endpoints")]
    assert len(asked) == 2, "each model's providers once, and none of a router"


@pytest.mark.usefixtures("server")
def test_requests_without_a_model_go_by_their_first_fallback(tmp_path: Path) -> None:
    file = tmp_path / "bodies.jsonl"
    file.write_text('{"models": ["openai/gpt-4o-mini", "a/b"], "messages": []}\n{"model": 1}\n')
    printed = json.loads(run("estimate", str(file), "--json"))
    assert list(printed["models"]) == ["openai/gpt-4o-mini", "(none)"]
