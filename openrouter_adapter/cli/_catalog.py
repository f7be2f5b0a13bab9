"""The catalogue for a command; if it can't be loaded, an error message and exit code 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from openrouter_adapter.cli._errors import fail

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openrouter_adapter.catalog import Catalog


def load_catalog(refresh: bool) -> Catalog:
    """OpenRouter's models, with a warning on standard error if they could not be refreshed."""
    from openrouter_adapter import catalog
    from openrouter_adapter.catalog import cache

    try:
        found = catalog.load(refresh=refresh or None)
    except Exception as error:
        folder = cache.folder()
        raise fail(
            f"There is no list of models in {folder}, and none was fetched:\n{error}"
        ) from error
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
        raise fail(str(error)) from error
