"""What goes wrong with a ledger itself."""

from __future__ import annotations


class LedgerError(RuntimeError):
    """The ledger can't be opened, read or written; the message says why."""


class RefusedError(LedgerError):
    """The database took the request and refused what it said: trying again won't help."""
