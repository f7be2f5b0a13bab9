"""The program's side: what happens in a process right after it has imported LiteLLM."""

from __future__ import annotations

import contextlib
import functools
import os
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import counting, registration

if TYPE_CHECKING:
    from collections.abc import Callable

STRICT_VARIABLE: Final = "OPENROUTER_ADAPTER_STRICT"

_LAST_SECONDS: Final = 5.0
# These end a process, or the program in it, without Python's own cleanup.
_LAST_CALLS: Final = ("_exit", "execv", "execve")


def attach() -> None:
    """Registers the adapter, and enables the ledger that OPENROUTER_ADAPTER_LEDGER names, if set.

    Raises:
        RegistrationError: LiteLLM lacks a place that the adapter needs.
        LedgerError: the ledger's URL is not supported; with OPENROUTER_ADAPTER_STRICT also: it
            can't be opened.
    """
    counting.attach()
    registration.register()
    if not os.environ.get("OPENROUTER_ADAPTER_LEDGER"):
        return
    from openrouter_adapter import ledger

    ledger.enable(must_open=bool(os.environ.get(STRICT_VARIABLE)))
    for name in _LAST_CALLS:
        if hasattr(os, name):
            setattr(os, name, _after_writing(getattr(os, name)))


def _after_writing(original: Callable[..., Any]) -> Callable[..., Any]:
    """A function that ends the process, wrapped to write the ledger's rows first.

    All children that `multiprocessing` forks end with `os._exit`.
    """
    from openrouter_adapter import ledger

    @functools.wraps(original)
    def last(*arguments: Any, **keywords: Any) -> Any:
        with contextlib.suppress(Exception):
            if ledger.is_enabled():
                ledger.flush(_LAST_SECONDS)
        return original(*arguments, **keywords)

    return last
