"""`openrouter-adapter models` and `estimate`, and what they stand on."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from openrouter_adapter import catalog as package
from openrouter_adapter.catalog import selection, totals
from openrouter_adapter.cli import app
from openrouter_adapter.cli.printing import _harmless

from .test_loading import grow_old, start_anew

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import ModelServer

runner = CliRunner()


def ids(catalog: package.Catalog, order: str = "id", **filters: Any) -> list[str]:
    chosen = selection.select(catalog, selection.Filters(**filters), order)
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
    assert printed[0]["latency ms"] == 250
    assert "no model x/y" in run("models", "show", "x/y", code=1)
    assert "nothing here" in run("models", "show", "openai/gpt-4o", code=1)


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


def test_no_list_at_all(server: ModelServer) -> None:
    server.status = 500
    assert "broken on purpose" in run("models", code=1)


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
    assert "3 lines are no requests" in shown
    printed = json.loads(run("estimate", str(file), "--json"))
    one = printed["models"]["openai/gpt-4o-mini"]
    assert Decimal(one["likely"]) == 3 * (11 * Decimal("0.00000015") + 100 * Decimal("0.0000006"))
    assert printed["models"]["@preset/x"]["worst"] is None
    assert printed["total"]["requests"] == 5
    assert printed["total"]["without_worst"] == 2
    assert sum(printed["reasons"].values()) == 2
    assert printed["broken"] == 3


def test_the_estimate_with_every_provider(server: ModelServer, tmp_path: Path) -> None:
    model = "meta-llama/llama-3.3-70b-instruct"
    dear = {"tag": "dear", "pricing": {"prompt": "1", "completion": "1"}, "context_length": 1000}
    server.answers[f"/models/{model}/endpoints"] = {"data": {"endpoints": [dear]}}
    file = batch(tmp_path, model, "no/model")
    printed = json.loads(run("estimate", str(file), "--json", "--endpoints"))
    assert Decimal(printed["models"][model]["worst"]) > 100


def test_a_file_s_models_fallbacks_among_them(tmp_path: Path) -> None:
    file = tmp_path / "bodies.jsonl"
    file.write_text('{"model": "a/b", "models": ["c/d", "a/b"]}\n{"model": 1}\n')
    assert totals.models_in(file) == ["a/b", "c/d"]
