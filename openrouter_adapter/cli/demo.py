"""`openrouter-adapter demo`: the main features end to end, on the emulator or on OpenRouter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openrouter_adapter.cli._errors import fail


def run(
    folder: Annotated[
        Path | None,
        typer.Option(
            file_okay=False, help="Where to write the image. Default: a new temporary folder."
        ),
    ] = None,
    live: Annotated[
        bool,
        typer.Option("--live", help="Call OpenRouter itself, with OPENROUTER_API_KEY."),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="With --live: don't ask for confirmation.")
    ] = False,
) -> None:
    """Chat, stream, call a tool, embed and draw through LiteLLM, each with its exact cost.

    By default, everything runs on the emulator: no key, no network, no cost.
    """
    from openrouter_adapter import demo

    if live:
        _agree(demo.LIVE_NOTICE, yes)
    raise typer.Exit(demo.run_live(folder) if live else demo.run_emulated(folder))


def _agree(notice: str, yes: bool) -> None:
    import os

    if not os.environ.get("OPENROUTER_API_KEY"):
        raise fail(
            "--live needs a key in OPENROUTER_API_KEY. Create one at https://openrouter.ai/keys.", 2
        )
    typer.echo(notice)
    if not yes:
        typer.confirm("Continue?", abort=True)
