"""The program's side: what happens in a process right after it has imported LiteLLM."""

from __future__ import annotations

import contextlib
import functools
import os
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import registration

if TYPE_CHECKING:
    from collections.abc import Callable

STRICT_VARIABLE: Final = "OPENROUTER_ADAPTER_STRICT"

_LAST_SECONDS: Final = 5.0
# What ends a process, or the program in it, without Python's own clearing up.
_LAST_CALLS: Final = ("_exit", "execv", "execve")


def attach() -> None:
    """Registers, and writes a ledger where OPENROUTER_ADAPTER_LEDGER names one.

    Raises:
        RegistrationError: LiteLLM lacks a place that the adapter needs.
        LedgerError: the ledger's URL is of no database that one can be; under
            OPENROUTER_ADAPTER_STRICT also where it can't be opened.
    """
    registration.register()
    if not os.environ.get("OPENROUTER_ADAPTER_LEDGER"):
        return
    from openrouter_adapter import ledger

    ledger.enable(must_open=bool(os.environ.get(STRICT_VARIABLE)))
    for name in _LAST_CALLS:
        if hasattr(os, name):
            setattr(os, name, _after_writing(getattr(os, name)))


def _after_writing(original: Callable[..., Any]) -> Callable[..., Any]:
    """One of the functions that end a process, with the ledger's rows written first.

    The children that `multiprocessing` forks all end by `os._exit`.
    """
    from openrouter_adapter import ledger

    @functools.wraps(original)
    def last(*arguments: Any, **keywords: Any) -> Any:
        with contextlib.suppress(Exception):
            if ledger.is_enabled():
                ledger.flush(_LAST_SECONDS)
        return original(*arguments, **keywords)

    return last
