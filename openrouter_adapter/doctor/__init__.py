"""The setup, its problems, and how to fix them: `openrouter-adapter doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openrouter_adapter.doctor import installation, openrouter, storage
from openrouter_adapter.doctor.findings import Finding, State

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Finding", "State", "examine", "has_litellm", "places"]

has_litellm = installation.has_litellm
places = installation.places


def examine(*, is_offline: bool = False, ledger: str | None = None) -> Iterator[Finding]:
    """Checks one thing after the other; changes nothing and spends nothing.

    Args:
        is_offline: Connects neither to OpenRouter nor to a database server.
        ledger: A path or a URL; None for OPENROUTER_ADAPTER_LEDGER, or the default file.
    """
    yield from installation.versions()
    if installation.has_litellm():
        yield from installation.registration_places()
        yield from installation.internal_names()
        yield from installation.undeclared_packages()
        yield from openrouter.key()
        yield from openrouter.base_url()
        yield from openrouter.proxy_and_certificates()
        if not is_offline:
            yield from openrouter.reachability()
        yield from storage.catalog()
        yield from storage.ledger(ledger, is_offline=is_offline)
