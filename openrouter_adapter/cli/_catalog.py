"""The catalogue for a command: loaded, or the reason on standard error and exit code 1.

And the options by which commands choose among its models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openrouter_adapter.catalog import Catalog

MinContext = Annotated[int | None, typer.Option(help="Tokens of prompt and completion, at least.")]
MaxPrompt = Annotated[float | None, typer.Option(help="USD per million prompt tokens, at most.")]
MaxCompletion = Annotated[
    float | None, typer.Option(help="USD per million completion tokens, at most.")
]


def load_catalog(refresh: bool) -> Catalog:
    """OpenRouter's models; says on standard error where they are older than they should be."""
    from openrouter_adapter import catalog
    from openrouter_adapter.catalog import cache

    try:
        found = catalog.load(refresh=refresh or None)
    except Exception as error:
        typer.echo(
            f"There is no list of models in {cache.folder()}, and none was fetched:", err=True
        )
        raise _failed(error) from error
    if found.refresh_error is not None:
        hours = found.age / 3600
        typer.echo(f"Not refreshed; this is {hours:.1f} hours old: {found.refresh_error}", err=True)
    return found


def load_endpoints(catalog: Catalog, models: Iterable[str], refresh: bool = False) -> Catalog:
    """The catalogue with the providers of some models."""
    from openrouter_adapter import catalog as package

    try:
        return package.load_endpoints(catalog, models, refresh=refresh or None)
    except Exception as error:
        raise _failed(error) from error


def _failed(error: Exception) -> typer.Exit:
    typer.echo(str(error), err=True)
    return typer.Exit(1)
