"""What a request can cost at worst, by the catalogue, for budgets that must never be passed.

The catalogue's estimate is a bound only where all providers that may serve the request are known.
They are asked for once per model, kept on disk, and read anew every hour.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from openrouter_adapter.catalog import Catalog

_AGE: Final = 3600.0


class Estimate(Protocol):
    """What `catalog.estimate` gives."""

    @property
    def worst(self) -> Decimal | None:
        """The most that the request can cost, in USD; None where that is not known."""

    @property
    def unknown_because(self) -> str | None:
        """Why it is not known."""


@dataclass(frozen=True, slots=True)
class NoBound:
    """An estimate that bounds nothing, and why."""

    unknown_because: str | None
    worst: Decimal | None = None


class Worst:
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

        found = catalog.estimate(body, endpoint=endpoint, catalog=self._with_providers(body))
        knows = found.details is not None and found.details.knows_endpoints
        if found.worst and not knows and not _has_ceiling(body):
            return NoBound("the providers that may serve it, and their prices, could not be read")
        return found

    def _with_providers(self, body: Mapping[str, Any]) -> Catalog:
        from openrouter_adapter import catalog

        names = {name for name in (body.get("model"), *_list(body.get("models"))) if name}
        with self._lock:
            is_old = time.monotonic() - self._read_at > _AGE
            if self._catalog is None or is_old or not names <= self._known:
                wanted = names if is_old else names | self._known
                book = catalog.load()
                for name in sorted(wanted):
                    # A model that the catalogue lacks, or whose providers can't be read now:
                    # the estimate says so.
                    try:
                        book = catalog.load_endpoints(book, [name])
                    except Exception:  # noqa: BLE001, S112, PERF203
                        continue
                self._catalog, self._known = book, frozenset(wanted)
                self._read_at = time.monotonic()
            return self._catalog


def _list(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _has_ceiling(body: Mapping[str, Any]) -> bool:
    preferences = body.get("provider")
    return isinstance(preferences, dict) and bool(preferences.get("max_price"))
