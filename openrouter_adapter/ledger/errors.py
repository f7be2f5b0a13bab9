"""Errors of the ledger itself."""

from __future__ import annotations


class LedgerError(RuntimeError):
    """The ledger can't be opened, read or written; the message has the reason."""


class RefusedError(LedgerError):
    """The database refused the values that it was sent, so trying again won't help."""
