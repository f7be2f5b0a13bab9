"""Errors of a command: a sentence on standard error, and an exit code."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

# LiteLLM's exceptions are OpenAI's, but for a few.
_PACKAGES: Final = {"openrouter_adapter", "litellm", "openai"}
# LiteLLM's messages begin with the class of the exception.
_CLASS: Final = re.compile(r"^(litellm\.\w+: )+")


@contextlib.contextmanager
def friendly_errors(
    *also: type[Exception], exit_code: int = 1, is_verbatim: bool = False
) -> Iterator[None]:
    """Ends the command with a sentence instead of a traceback if the user can fix the error.

    Those are the exceptions of this package, of LiteLLM and of OpenAI, and a missing extra. They
    are recognized by the package that defines their class: importing it would take seconds.

    Args:
        *also: More exceptions of this kind, such as OSError.
        exit_code: The exit code of the command.
        is_verbatim: Whether messages are printed as they are. If not, they are made sentences: a
            capital at the beginning, a full stop at the end.
    """
    try:
        yield
    except Exception as error:
        homes = {base.__module__.partition(".")[0] for base in type(error).__mro__}
        if not homes & _PACKAGES and not isinstance(error, (ImportError, *also)):
            raise
        message = _CLASS.sub("", str(error)).strip() or type(error).__name__
        raise fail(message if is_verbatim else sentence(message), exit_code) from error


def fail(message: str, exit_code: int = 1) -> typer.Exit:
    """Prints on standard error why the command ends; returns the exception to raise."""
    typer.echo(message, err=True)
    return typer.Exit(exit_code)


def sentence(message: str) -> str:
    """A message as a sentence."""
    end = "" if message.endswith((".", "!", "?")) else "."
    return message[0].upper() + message[1:] + end
