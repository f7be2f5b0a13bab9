"""`openrouter-adapter models`: search the catalogue, or show the providers of one model."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openrouter_adapter import money
from openrouter_adapter.cli._app import App
from openrouter_adapter.cli._errors import fail
from openrouter_adapter.cli._options import (
    Format,
    FormatOption,
    MaxCompletion,
    MaxPrompt,
    MinContext,
    RefreshOption,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from openrouter_adapter.catalog import Endpoint, Model

app = App(
    help="Search OpenRouter's models, or show the providers of one.", invoke_without_command=True
)


class Order(str, Enum):
    """Order of a list of models."""

    id = "id"
    prompt = "prompt"
    completion = "completion"
    context = "context"
    newest = "newest"


_BOTH = ("prompt", "completion")
_TEXTS = 3  # The number of text columns at the start of both tables.
# The names in JSON, and the titles in tables and CSV.
_MODEL = {
    **{name: name for name in ("id", "reads", "writes", "context")},
    "max_output": "max output",
    **{name: name for name in _BOTH},
    **{f"batch_{name}": f"batch {name}" for name in _BOTH},
}
_ENDPOINT = {
    **{name: name for name in ("provider", "tag", "quantization", "context")},
    "max_output": "max output",
    **{name: name for name in _BOTH},
    "latency_ms": "latency ms",
    "tokens_per_second": "tokens/s",
    "uptime_percent": "uptime %",
}


@app.callback(invoke_without_command=True)
def find(
    context: typer.Context,
    search: Annotated[
        list[str] | None,
        typer.Option(
            "--search", "-s", help="A word in the id or name. If repeated, all must occur."
        ),
    ] = None,
    max_prompt: MaxPrompt = None,
    max_completion: MaxCompletion = None,
    min_context: MinContext = None,
    reads: Annotated[
        list[str] | None,
        typer.Option("--input", help="An input modality: image, file, audio, video."),
    ] = None,
    writes: Annotated[
        list[str] | None,
        typer.Option("--output", help="An output modality: text, image, embeddings, rerank, …."),
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option(help="A supported parameter: tools, reasoning, ….")
    ] = None,
    sort: Annotated[Order, typer.Option(help="How to sort.")] = Order.id,
    output: FormatOption = Format.table,
    refresh: RefreshOption = False,
) -> None:
    """List matching models, with prices in USD per million tokens.

    The last two columns are the prices of OpenRouter's Batch API, if it offers the model.
    """
    if context.invoked_subcommand is not None:
        return
    from openrouter_adapter.catalog.filters import Filters, select
    from openrouter_adapter.cli._catalog import load_catalog

    filters = Filters(
        words=tuple(search or ()),
        max_prompt=_decimal(max_prompt),
        max_completion=_decimal(max_completion),
        min_context=min_context,
        inputs=tuple(reads or ()),
        outputs=tuple(writes or ()),
        parameters=tuple(parameter or ()),
    )
    catalog = load_catalog(refresh)
    found = select(catalog, filters, sort.value)
    rows = [_row(model, catalog.in_batches(model)) for model in found]
    _print(rows, _MODEL, output)
    if not rows:
        typer.echo("No model matches.", err=True)


@app.command("show")
def show(
    model: Annotated[str, typer.Argument(help="An id, a dated slug or an alias.")],
    output: FormatOption = Format.table,
    refresh: RefreshOption = False,
) -> None:
    """Show the providers of a model: prices, limits, latency, throughput, uptime."""
    from openrouter_adapter.catalog.filters import per_million
    from openrouter_adapter.catalog.near_names import did_you_mean
    from openrouter_adapter.cli._catalog import load_catalog, load_endpoints
    from openrouter_adapter.wire import model_names

    catalog = load_catalog(refresh)
    # The batch-only variant is shown as a price of its model.
    found = catalog.find(model_names.without_batch(model))
    if found is None:
        hint = did_you_mean(model, catalog)
        raise fail(f"The catalogue has no model {model}.{hint and ' '}{hint}")
    catalog = load_endpoints(catalog, [found.model.id], refresh)
    rows = [_endpoint_row(endpoint) for endpoint in catalog.endpoints(found.model)]
    if output is Format.table:
        typer.echo(f"{found.model.id}  ({found.model.name}, {found.model.canonical_slug})")
        in_batches = catalog.in_batches(found.model)
        if in_batches is not None:
            prices = [f"{item} {_usd(per_million(in_batches, item))}" for item in _BOTH]
            typer.echo(f"In OpenRouter's Batch API: {', '.join(prices)}")
    _print(rows, _ENDPOINT, output)


def _row(model: Model, in_batches: Model | None) -> dict[str, Any]:
    from openrouter_adapter.catalog.filters import per_million

    prices = {
        f"{kind}{item}": None if row is None else _usd(per_million(row, item))
        for kind, row in (("", model), ("batch_", in_batches))
        for item in _BOTH
    }
    return {
        "id": model.id,
        "reads": list(model.input_modalities),
        "writes": list(model.output_modalities),
        "context": model.window,
        "max_output": model.max_completion_tokens,
        **prices,
    }


def _endpoint_row(endpoint: Endpoint) -> dict[str, Any]:
    from openrouter_adapter.catalog.filters import MILLION

    base, wire = endpoint.pricing.base, endpoint.wire
    return {
        "provider": endpoint.provider,
        "tag": endpoint.tag,
        "quantization": endpoint.quantization,
        "context": endpoint.context_length,
        "max_output": endpoint.max_completion_tokens,
        "prompt": _usd(base["prompt"] * MILLION if "prompt" in base else None),
        "completion": _usd(base["completion"] * MILLION if "completion" in base else None),
        "latency_ms": _median(wire.get("latency_last_30m")),
        "tokens_per_second": _median(wire.get("throughput_last_30m")),
        "uptime_percent": wire.get("uptime_last_30m"),
    }


def _median(percentiles: Any) -> float | None:
    median = percentiles.get("p50") if isinstance(percentiles, dict) else None
    return median if isinstance(median, int | float) else None


def _usd(amount: Decimal | None) -> str | None:
    return None if amount is None else money.plain(amount)


def _decimal(number: float | None) -> Decimal | None:
    from openrouter_adapter.wire.usage import usd

    return usd(number)


def _print(rows: Sequence[dict[str, Any]], titles: dict[str, str], output: Format) -> None:
    from openrouter_adapter.cli import _printing as printing

    if output is Format.json:
        printing.print_json(list(rows))
        return
    cells = [[_cell(row[name]) for name in titles] for row in rows]
    if output is Format.csv:
        printing.print_csv([titles.values(), *cells])
    else:
        texts = [["" if cell is None else str(cell) for cell in row] for row in cells]
        printing.print_table(list(titles.values()), texts, texts=_TEXTS)


def _cell(value: Any) -> Any:
    return " ".join(value) if isinstance(value, list) else value
