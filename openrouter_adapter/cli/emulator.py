"""`openrouter-adapter emulator`: OpenRouter on localhost, in the foreground."""

from __future__ import annotations

from typing import Annotated

import typer

from openrouter_adapter.cli._errors import fail

_KEY = "sk-or-v1-emulator"
_PROVISIONING_KEY = "sk-or-v1-emulator-provisioning"


def run(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port to listen on; 0 picks a free one.")
    ] = 0,
    api_key: Annotated[str, typer.Option(help="The API key that calls models.")] = _KEY,
    provisioning_key: Annotated[
        str, typer.Option(help="The API key that manages the account.")
    ] = _PROVISIONING_KEY,
    chunk_delay: Annotated[
        float, typer.Option(min=0, help="Seconds between the chunks of a stream.")
    ] = 0.0,
    limit: Annotated[
        float | None,
        typer.Option("--credits", min=0, help="The account's credits in USD. Default: unlimited."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The seed of generation ids.")] = 0,
) -> None:
    """Run OpenRouter on localhost: real models and prices, made-up answers, no cost.

    The address is printed, and the environment variables that point LiteLLM or any other client
    of OpenRouter at it. End it with Ctrl-C.
    """
    from decimal import Decimal

    from openrouter_adapter.emulator import serve

    def announce(base_url: str) -> None:
        typer.echo(f"OpenRouter emulator, ready at {base_url} with the key {api_key}")
        typer.echo("To use it, in another shell:\n")
        typer.echo(f"  export OPENROUTER_API_BASE={base_url}")
        typer.echo(f"  export OPENROUTER_API_KEY={api_key}")
        typer.echo(f"  export OPENROUTER_PROVISIONING_KEY={provisioning_key}\n")
        typer.echo("Ctrl-C stops it.")

    options = {
        "api_key": api_key,
        "provisioning_key": provisioning_key,
        "chunk_delay": chunk_delay,
        "credits": None if limit is None else Decimal(str(limit)),
        "seed": seed,
    }
    try:
        serve(host, port, announce, **options)
    except OSError as failure:
        raise fail(f"The emulator can't listen on {host}:{port}: {failure.strerror}") from None
    typer.echo("\nStopped.")
