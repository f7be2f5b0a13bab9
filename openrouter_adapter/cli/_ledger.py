"""The ledger for a command; if it can't be opened, an error message and exit code 1."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from openrouter_adapter.cli._errors import fail, friendly_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openrouter_adapter.ledger import Ledger

_NO_LEDGER = """There is no ledger at {path}.

A ledger is written if your program enables it:

    import openrouter_adapter
    from openrouter_adapter import ledger

    openrouter_adapter.register()
    ledger.enable()

If OPENROUTER_ADAPTER_LEDGER is set (to a path or a PostgreSQL URL), register() is enough, and
LiteLLM's proxy writes one too."""


@contextlib.contextmanager
def open_ledger(where: str | None, *, may_make: bool = False) -> Iterator[Ledger]:
    """The ledger, closed at the end; its errors are printed as a sentence.

    Args:
        where: A path or a URL; None for the default one.
        may_make: Whether a missing file is created; otherwise it ends the command.
    """
    with friendly_errors(ValueError, OSError):
        from openrouter_adapter import ledger

        book = ledger.open(where)
        url = book.store.database.url
        if not may_make and book.store.database.is_sqlite and not Path(url.database or "").exists():
            raise fail(_NO_LEDGER.format(path=url.database))
        with contextlib.closing(book):
            yield book


@contextlib.contextmanager
def find_ledger(where: str | None) -> Iterator[Ledger | None]:
    """The ledger, closed at the end; None if there is none."""
    with friendly_errors():
        from openrouter_adapter.ledger.database import url_of

        url = url_of(where)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        yield None
        return
    with open_ledger(where) as book:
        yield book
