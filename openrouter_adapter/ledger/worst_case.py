"""What a request can cost at worst, by the catalogue, for budgets that must never be passed.

The catalogue's estimate is a bound only where all providers that may serve the request are known.
They are asked for once per model, kept on disk, and read anew every hour.
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

_AGE: Final = 3600.0
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
    """Reckons worst cases. Safe from any thread."""

    def __init__(self) -> None:
        """Knows no model's providers yet."""
        self._lock = threading.Lock()
        self._catalog: Catalog | None = None
        self._known: frozenset[str] = frozenset()
        self._read_at = 0.0

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

        names = set(catalog.names_of(body))
        with self._lock:
            is_old = time.monotonic() - self._read_at > _AGE
            if self._catalog is None or is_old or not names <= self._known:
                wanted = names if is_old else names | self._known
                self._read_at = time.monotonic()
                book = catalog.load()
                for name in sorted(wanted):
                    # Whatever is wrong, the estimate says so.
                    try:
                        book = catalog.load_endpoints(book, [name])
                    except KeyError:  # noqa: PERF203 - the catalogue has no such model
                        continue
                    except Exception:  # noqa: BLE001 - they can't be read now; soon, perhaps
                        self._read_at = time.monotonic() - _AGE + _PAUSE
                self._catalog, self._known = book, frozenset(wanted)
            return self._catalog
