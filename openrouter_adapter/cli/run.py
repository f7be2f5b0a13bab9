"""`openrouter-adapter run`: an unchanged Python program with the adapter registered."""

from __future__ import annotations

from typing import Annotated

import typer

from openrouter_adapter.cli._errors import fail


def run(
    program: Annotated[
        list[str],
        typer.Argument(
            metavar="PROGRAM [ARGUMENTS]…",
            help="The program: python, a console script such as aider or pytest, or a .py file.",
            show_default=False,
        ),
    ],
    where: Annotated[
        str | None,
        typer.Option(
            "--ledger",
            metavar="PATH|URL",
            help="The ledger to write costs to. Default: OPENROUTER_ADAPTER_LEDGER, if set.",
        ),
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="A tag for each row in the ledger; may be repeated.")
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Let `import litellm` fail if the adapter can't be registered or the ledger can't "
            "be opened. Default: continue without.",
        ),
    ] = False,
) -> None:
    """Run a program and its child processes with the adapter registered.

    Signals are passed on to the program, and its exit code is returned.
    """
    from openrouter_adapter import launcher

    try:
        code = launcher.run(program, ledger=where, tags=tag or (), is_strict=strict)
    except launcher.ProgramError as failure:
        raise fail(f"openrouter-adapter run: {failure}.", failure.exit_code) from None
    launcher.end_like(code)
