"""The command line: a file for each group of commands, none of which has logic of its own.

A module with an underscore is shared by several commands. Slow imports, above all LiteLLM, happen
in the command that needs them.
"""

from __future__ import annotations

import os
from typing import Annotated

import typer

from openrouter_adapter._version import __version__
from openrouter_adapter.cli import (
    _streams,
    account,
    batch,
    budget,
    demo,
    doctor,
    emulator,
    estimate,
    keys,
    login,
    models,
    router_config,
    run,
    spend,
    video,
)
from openrouter_adapter.cli._app import App

__all__ = ["app", "main"]

app = App(
    name="openrouter-adapter",
    help="OpenRouter through LiteLLM's own calls, with the exact price of every request.",
    no_args_is_help=True,
    # Rich tracebacks print local variables, and an API key may be one of them.
    pretty_exceptions_enable=False,
)
app.add_typer(batch.app, name="batch")
app.add_typer(budget.app, name="budget")
app.command("credits")(account.credits_)
app.command("demo")(demo.run)
app.command("doctor")(doctor.run)
app.command("emulator")(emulator.run)
app.command("estimate")(estimate.run)
app.command("generation")(account.generation)
app.command("key")(account.key)
app.add_typer(keys.app, name="keys")
app.command("login")(login.login)
app.command("logout")(login.logout)
app.add_typer(models.app, name="models")
app.command("router-config")(router_config.run)
# Arguments after the program belong to the program.
app.command("run", context_settings={"allow_interspersed_args": False})(run.run)
app.add_typer(spend.app, name="spend")
app.command("video")(video.run)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"openrouter-adapter {__version__} (litellm {_litellm_version()})")
        raise typer.Exit


def _litellm_version() -> str:
    # From the installed metadata: importing LiteLLM takes two seconds.
    from importlib.metadata import version

    return version("litellm")


@app.callback()
def _root(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the versions of this package and of LiteLLM.",
        ),
    ] = False,
) -> None:
    """OpenRouter through LiteLLM's own calls, with the exact price of every request."""
    # LiteLLM would fetch its price list when it is imported, which no command needs. The
    # program of `run` inherits the environment, and decides for itself.
    if context.invoked_subcommand != "run":
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")


def main() -> None:
    """Runs the command line; the entry point of `openrouter-adapter`."""
    _streams.make_safe()
    # Completion is for the script, however the command line was started.
    app(prog_name=app.info.name)
