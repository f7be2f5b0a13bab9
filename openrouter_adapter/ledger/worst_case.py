"""What a request can cost at worst, by the catalogue, for budgets that must never be passed.

The catalogue's estimate is a bound only where all providers that may serve the request are known.
They are asked for once per model, kept on disk, and read again every hour.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openrouter_adapter.catalog import Catalog

# Seconds until the catalogue is read again, from disk if it is not too old there.
_AGE: Final = 3600.0
# The same after a model's providers could not be read.
_PAUSE: Final = 10.0


class Estimate(Protocol):
    """What `catalog.estimate` gives."""

    @property
    def worst(self) -> Decimal | None:
        """The most that the request can cost, in USD; None where that is not known."""

    @property
    def unknown_because(self) -> str | None:
        """Why it is not known."""


# No reranker at OpenRouter costs half as much: they are sold by the search, 0.001 to 0.0025 USD
# for a hundred documents of 500 tokens, or by the token, 0.05 USD a million. A token has a byte or
# more.
_SEARCH: Final = Decimal("0.01")
_DOCUMENTS_A_SEARCH: Final = 100
_BYTES_A_DOCUMENT: Final = 500


@dataclass(frozen=True, slots=True)
class _OfRerank:
    """The worst case of a model that the catalogue doesn't list, or has no price of."""

    worst: Decimal
    unknown_because: str | None = None


def _worst_rerank(body: Mapping[str, Any]) -> Decimal:
    documents = body.get("documents") or ()
    query = len(str(body.get("query") or "").encode())
    pieces = sum(-(-(query + len(str(one).encode())) // _BYTES_A_DOCUMENT) for one in documents)
    return _SEARCH * max(1, -(-pieces // _DOCUMENTS_A_SEARCH))


class WorstCase:
    """Calculates worst cases. Safe from any thread."""

    def __init__(self) -> None:
        """Knows no model's providers yet."""
        self._lock = threading.Lock()
        self._catalog: Catalog | None = None
        # By id: however many names requests make up, these are as many as the catalogue's models.
        self._with_endpoints: set[str] = set()
        self._old_at = 0.0

    def __call__(self, body: Mapping[str, Any], endpoint: str) -> Estimate:
        """The estimate of a request, from its body and its endpoint.

        Raises:
            One of LiteLLM's exceptions (see errors.py): there is no catalogue.
        """
        from openrouter_adapter import catalog

        found: Estimate = catalog.bound(body, endpoint, self._with_providers(body))
        if endpoint == "/rerank" and found.worst is None:
            return _OfRerank(_worst_rerank(body))
        return found

    def _with_providers(self, body: Mapping[str, Any]) -> Catalog:
        from openrouter_adapter import catalog

        with self._lock:
            if self._catalog is None or time.monotonic() > self._old_at:
                self._old_at = time.monotonic() + _AGE
                self._catalog, self._with_endpoints = catalog.load(), set()
            for name in catalog.names_of(body):
                found = self._catalog.find(name)
                if found is not None and found.model.id not in self._with_endpoints:
                    self._with_endpoints.add(found.model.id)
                    try:
                        self._catalog = catalog.load_endpoints(self._catalog, [found.model.id])
                    except Exception:  # noqa: BLE001 - the estimate says so; soon, perhaps, it works
                        self._old_at = min(self._old_at, time.monotonic() + _PAUSE)
            return self._catalog
