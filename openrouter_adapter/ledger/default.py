"""The default ledger, which LiteLLM's calls in this process are written to."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from openrouter_adapter import admission
from openrouter_adapter.ledger import shutdown
from openrouter_adapter.ledger.errors import LedgerError
from openrouter_adapter.ledger.ledger import Ledger

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from openrouter_adapter.ledger.budgets import Budget
    from openrouter_adapter.ledger.callback import Handler
    from openrouter_adapter.ledger.enforcement import Estimate
    from openrouter_adapter.ledger.queries import Spend
    from openrouter_adapter.ledger.reconcile import Reconciled

_lock = threading.Lock()
_current: Ledger | None = None


def open(where: str | os.PathLike[str] | None = None, **options: Any) -> Ledger:  # noqa: A001
    """A ledger to read, to reconcile or to write to, without LiteLLM's calls going there.

    Args:
        where: A path, a URL of SQLite or PostgreSQL, or None for OPENROUTER_ADAPTER_LEDGER, else
            the default file.
        **options: Those of `Ledger`.

    Raises:
        LedgerError: it is neither SQLite's nor PostgreSQL's URL.
    """
    return Ledger(where, **options)


def enable(
    where: str | os.PathLike[str] | None = None,
    *,
    estimate: Callable[[Mapping[str, Any], str], Estimate] | None = None,
    must_open: bool = False,
    **options: Any,
) -> Ledger:
    """Writes every call through LiteLLM to a ledger from now on, and enforces its budgets.

    Enabling again with another place moves there; with the same it changes nothing.

    Args:
        where: A path, a URL of SQLite or PostgreSQL, or None for OPENROUTER_ADAPTER_LEDGER, else
            the default file.
        estimate: Calculates a request's worst case; None for the catalogue's.
        must_open: Raises if the database can't be opened now. Otherwise that is a warning: rows
            wait on local disk, and budgets that were never read are not enforced.
        **options: More of `Ledger`'s.

    Raises:
        LedgerError: it is neither SQLite's nor PostgreSQL's URL; or `must_open`.
    """
    global _current
    import litellm

    from openrouter_adapter.ledger.callback import handler

    with _lock:
        made = Ledger(where, estimate=estimate, **options)
        if must_open:
            made.enforcement.refresh()
        if _current is not None and _current.store.database.url == made.store.database.url:
            return _current
        made.start()
        before, _current = _current, made
        handler.connect(made.writer, made.gate)
        admission.guard(made.gate)
        if not any(one is handler for one in litellm.callbacks):
            litellm.callbacks.append(handler)
        shutdown.close_on_signals()
    if before is not None:
        before.close()
    return made


def disable() -> bool:
    """Stops writing, after waiting rows are written; returns whether all of them were."""
    global _current
    from openrouter_adapter.ledger.callback import handler

    with _lock:
        before, _current = _current, None
        admission.guard(None)
        handler.connect(None, None)
        _forget(handler)
    return before is None or before.close()


def _forget(handler: Handler) -> None:
    """Removes the handler from every list that LiteLLM copied it to."""
    import litellm

    for name in ("callbacks", "success_callback", "failure_callback"):
        for prefix in ("", "_async_"):
            callbacks = getattr(litellm, prefix + name, None)
            if isinstance(callbacks, list):
                callbacks[:] = [one for one in callbacks if one is not handler]


def is_enabled() -> bool:
    """Whether LiteLLM's calls are written to a ledger at the moment."""
    return _current is not None


def current() -> Ledger:
    """The ledger that is enabled.

    Raises:
        LedgerError: no ledger is enabled.
    """
    if _current is None:
        raise LedgerError("no ledger is enabled: call ledger.enable() first")
    return _current


def flush(timeout: float = 10.0) -> bool:
    """Writes waiting rows; returns whether all are written within `timeout` seconds.

    Raises:
        LedgerError: no ledger is enabled.
    """
    return current().flush(timeout)


def reconcile(**options: Any) -> Reconciled:
    """`Ledger.reconcile` of the enabled ledger.

    Raises:
        LedgerError: no ledger is enabled, or it can't be read or written.
    """
    return current().reconcile(**options)


def spend(by: str = "model", **options: Any) -> list[Spend]:
    """Sums of the enabled ledger, after writing waiting rows; see `queries.spend`.

    Raises:
        LedgerError: no ledger is enabled, or it can't be read.
    """
    return current().spend(by, **options)


def budget(name: str, usd: Any, **options: Any) -> Budget:
    """`Ledger.budget` of the enabled ledger.

    Raises:
        ValueError: an argument is invalid.
        LedgerError: no ledger is enabled, or it can't be written.
    """
    return current().budget(name, usd, **options)
