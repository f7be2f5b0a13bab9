"""Where tables go: the terminal, or a pipe that has no width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console

# Wide enough for any row: a table cut in a pipe would lose what it is read for.
_PIPE_WIDTH: Final = 400


def console() -> Console:
    """A console on standard output that cuts nothing where there is no terminal."""
    from rich.console import Console

    found = Console()
    return found if found.is_terminal else Console(width=_PIPE_WIDTH)
