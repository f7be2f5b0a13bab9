"""`openrouter-adapter run`: a program of Python on this package, without a change in it."""

from __future__ import annotations

from typing import Annotated

import typer


def run(
    program: Annotated[
        list[str],
        typer.Argument(
            metavar="PROGRAM [ARGUMENTS]…",
            help="What to run: python, a console script such as aider or pytest, or a .py file.",
            show_default=False,
        ),
    ],
    where: Annotated[
        str | None,
        typer.Option(
            "--ledger",
            metavar="PATH|URL",
            help="Write what each call costs there; else to OPENROUTER_ADAPTER_LEDGER, if set.",
        ),
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="A tag for each of its rows; may be repeated.")
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Let `import litellm` fail where the adapter or the ledger can't be set up, "
            "rather than go on without.",
        ),
    ] = False,
) -> None:
    """Runs a program with the adapter registered, and its child processes too.

    Signals and the exit code are the program's own.
    """
    from openrouter_adapter import launcher

    try:
        code = launcher.run(program, ledger=where, tags=tag or (), is_strict=strict)
    except launcher.ProgramError as failure:
        typer.echo(f"openrouter-adapter run: {failure}.", err=True)
        raise typer.Exit(failure.exit_code) from None
    launcher.end_like(code)
