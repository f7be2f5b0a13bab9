"""`openrouter-adapter demo`: the main job end to end, on the emulator or on OpenRouter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def run(
    folder: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Where the image is written; else a new temp folder."),
    ] = None,
    live: Annotated[
        bool,
        typer.Option("--live", help="Call OpenRouter itself, with the key in OPENROUTER_API_KEY."),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="With --live: spend without asking.")
    ] = False,
) -> None:
    """Chat, stream, call a tool, embed and draw through LiteLLM, each with its exact cost.

    Without options everything runs on the emulator: no key, no network, no cost.
    """
    from openrouter_adapter import demo

    if live:
        _agree(demo.LIVE_NOTICE, yes)
    raise typer.Exit(demo.run_live(folder) if live else demo.run_emulated(folder))


def _agree(notice: str, yes: bool) -> None:
    import os

    if not os.environ.get("OPENROUTER_API_KEY"):
        typer.echo(
            "--live needs a key in OPENROUTER_API_KEY; they are made at "
            "https://openrouter.ai/keys.",
            err=True,
        )
        raise typer.Exit(2)
    typer.echo(notice)
    if not yes:
        typer.confirm("Go on?", abort=True)
