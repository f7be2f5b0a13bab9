"""Enforces budgets: finds those that apply to a request, its worst case, and whether it fits.

The catalogue's estimate is a bound only where all providers that may serve the request are known.
They are asked for once per model, kept on disk, and read again every hour.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Protocol

from openrouter_adapter.ledger import balances
from openrouter_adapter.ledger.errors import LedgerError
from openrouter_adapter.ledger.rows import BATCHES, JOBS
from openrouter_adapter.money import plain, to_usd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from openrouter_adapter.catalog import Catalog
    from openrouter_adapter.catalog.lazy import LazyCatalog
    from openrouter_adapter.ledger.budgets import Budget
    from openrouter_adapter.ledger.reservations import Refusal, Reservations
    from openrouter_adapter.ledger.rows import Row

logger = logging.getLogger("openrouter_adapter")

_BOUNDS: Final = ("max_tokens", "max_completion_tokens", "max_output_tokens")
# Endpoints where the length of the answer does not follow from the length of the request.
_OPEN_ENDED: Final = frozenset({"/chat/completions", "/completions", "/messages", "/responses"})
_LOST: Final = (
    "its file was deleted or replaced, so what was spent is not known: set the budget again, or "
    "remove it"
)
_FIRST_WAIT: Final = 0.02
_LONGEST_WAIT: Final = 0.25
# Seconds until the catalogue is read again, from disk if it is not too old there.
_AGE: Final = 3600.0
# The same after a model's providers could not be read.
_PAUSE: Final = 10.0


class Enforcement:
    """The budgets of one ledger, as this process knows them."""

    def __init__(
        self,
        reservations: Reservations,
        estimate: Callable[[Mapping[str, Any], str], Estimate] | None = None,
    ) -> None:
        """Takes the reservations, and what calculates a worst case (None: the catalog)."""
        self._reservations = reservations
        self._estimate = estimate or WorstCase()
        self._lock = threading.Lock()
        self._has_warned = False
        self._lost: frozenset[str] = frozenset()
        self.budgets: Sequence[Budget] = ()
        reservations.database.when_moved = self._lose

    def after_fork(self) -> None:
        """Makes new locks: a thread of the parent may hold the old ones."""
        self._lock = threading.Lock()
        if isinstance(self._estimate, WorstCase):
            self._estimate = WorstCase()

    def refresh(self) -> None:
        """Reads the budgets again: another process may have set one.

        Raises:
            LedgerError: the ledger can't be read; those known so far stay.
        """
        with self._lock, self._reservations.database.read() as connection:
            there = tuple(balances.load(connection))
            self._lost -= {budget.name for budget in there}
            gone = [budget for budget in self.budgets if budget.name in self._lost]
            self.budgets = (*there, *gone)

    def forget(self, name: str) -> bool:
        """Stops refusing requests because of a lost budget; returns whether there was one."""
        was_lost = name in self._lost
        self._lost -= {name}
        return was_lost

    def _lose(self) -> None:
        """Marks the budgets as lost: with the ledger's file, what was spent under them is gone."""
        self._lost = frozenset(budget.name for budget in self.budgets)

    def reserve(self, row: Row, body: Mapping[str, Any], endpoint: str) -> Exception | None:
        """Reserves a request's worst case under the budgets that apply; returns any refusal."""
        found = [budget for budget in self.budgets if budget.applies_to(row)]
        if not found:
            return None
        worst = self._worst(found, body, endpoint)
        if isinstance(worst, Exception):
            return worst
        try:
            # This may find that the ledger's file is gone.
            refusal = self._reserve(row, worst, found)
        except LedgerError as failure:
            return self._cannot_ask(found, failure)
        if self._lost and any(budget.name in self._lost for budget in found):
            return self._cannot_ask(found, LedgerError(_LOST))
        return refusal

    def _reserve(self, row: Row, worst: Decimal, found: Sequence[Budget]) -> Exception | None:
        longest = 0.0 if _runs_a_loop() else max(budget.wait_seconds for budget in found)
        deadline = time.monotonic() + longest
        pause = _FIRST_WAIT
        while True:
            refusal = self._reservations.reserve(row, worst, found)
            if refusal is None:
                return None
            left = deadline - time.monotonic()
            if left <= 0 or not refusal.is_for_now:
                return _exceeded(str(refusal), refusal.budget, refusal)
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_WAIT)

    def _worst(
        self, found: Sequence[Budget], body: Mapping[str, Any], endpoint: str
    ) -> Decimal | Exception:
        caps = [
            (budget.max_request_usd, budget)
            for budget in found
            if budget.max_request_usd is not None
        ]
        cap, tightest = min(caps, key=lambda one: one[0]) if caps else (None, found[0])
        if cap is not None and endpoint == BATCHES:
            cap *= len(body["requests"])
        if cap is None and endpoint in _OPEN_ENDED and not _is_bounded(body):
            return _exceeded(
                f"budget {tightest.name}: a request under it needs a bound on its cost, and this "
                "one has none: give max_tokens, or provider.max_price, or give the budget "
                "max_request_usd",
                tightest,
            )
        worst, reason = self._bound(body, endpoint)
        if worst is None:
            if cap is not None:
                return cap
            return _exceeded(
                f"budget {tightest.name}: what this request could cost is not known ({reason}): "
                "give provider.max_price with max_tokens, or give the budget max_request_usd",
                tightest,
            )
        if cap is not None and worst > cap:
            return _exceeded(
                f"budget {tightest.name}: this request could cost {plain(worst)} USD, and "
                f"one request may cost {plain(cap)} USD: give a lower max_tokens",
                tightest,
            )
        return worst

    def _bound(self, body: Mapping[str, Any], endpoint: str) -> tuple[Decimal | None, str]:
        try:
            estimate = self._estimate(body, endpoint)
        except Exception as failure:  # noqa: BLE001 - no estimate is an answer, too
            return None, f"it can't be estimated: {failure}"
        return estimate.worst, str(estimate.unknown_because or "no reason given")

    def _cannot_ask(self, found: Sequence[Budget], failure: LedgerError) -> Exception | None:
        strict = next((budget for budget in found if not budget.lets_through), None)
        if strict is not None:
            return _exceeded(
                f"budget {strict.name}: nothing is sent while the ledger can't be written "
                f"({failure})",
                strict,
            )
        if not self._has_warned:
            self._has_warned = True
            logger.warning("requests are sent without checking their budgets: %s", failure)
        return None


def _runs_a_loop() -> bool:
    """Whether waiting here would block an event loop, and with it what is waited for.

    LiteLLM prepares chats and embeddings in a thread, but some other calls on the event loop.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _is_bounded(body: Mapping[str, Any]) -> bool:
    if any(body.get(name) is not None for name in _BOUNDS):
        return True
    preferences = body.get("provider")
    return isinstance(preferences, dict) and bool(preferences.get("max_price"))


def _exceeded(message: str, budget: Budget, refusal: Refusal | None = None) -> Exception:
    from litellm.exceptions import BudgetExceededError

    spent = 0.0 if refusal is None else float(to_usd(refusal.spent))
    exception: Exception = BudgetExceededError(
        current_cost=spent, max_budget=float(budget.usd), message=message
    )
    exception.__dict__["openrouter"] = {"budget": budget.name}
    return exception


class Estimate(Protocol):
    """What `catalog.estimate` returns."""

    @property
    def worst(self) -> Decimal | None:
        """The most that the request can cost, in USD; None if that is not known."""

    @property
    def unknown_because(self) -> str | None:
        """Why it is not known."""


# No reranker at OpenRouter costs half as much: they are billed by the search, 0.001 to 0.0025 USD
# for a hundred documents of 500 tokens, or by the token, 0.05 USD a million. A token has a byte or
# more.
_SEARCH: Final = Decimal("0.01")
_DOCUMENTS_A_SEARCH: Final = 100
_BYTES_A_DOCUMENT: Final = 500


@dataclass(frozen=True, slots=True)
class _OfRerank:
    """The worst case of a reranker without a price in the catalogue."""

    worst: Decimal
    unknown_because: str | None = None


def _worst_rerank(body: Mapping[str, Any]) -> Decimal:
    documents = body.get("documents") or ()
    query = len(str(body.get("query") or "").encode())
    pieces = sum(-(-(query + len(str(one).encode())) // _BYTES_A_DOCUMENT) for one in documents)
    return _SEARCH * max(1, -(-pieces // _DOCUMENTS_A_SEARCH))


@dataclass(frozen=True, slots=True)
class _OfBatch:
    """The worst case of a whole batch."""

    worst: Decimal | None
    unknown_because: str | None = None


def _worst_batch(body: Mapping[str, Any], known: Catalog) -> Estimate:
    """The sum of the worst cases of a batch's requests, at the model's batch prices."""
    from openrouter_adapter import catalog

    path = str(body["endpoint"]).removeprefix("/v1")
    total = Decimal(0)
    for request in body["requests"]:
        asked = {**request["body"], "model": body["model"]}
        found = catalog.batch_bound(asked, path, known)
        if found.worst is None:
            return _OfBatch(None, f"request {request['custom_id']!r}: {found.unknown_because}")
        total += found.worst
    return _OfBatch(total)


class WorstCase:
    """Calculates worst cases. Safe from any thread."""

    def __init__(self) -> None:
        """Knows no model's providers yet."""
        self._lock = threading.Lock()
        self._catalog: LazyCatalog | None = None
        self._old_at = 0.0

    def __call__(self, body: Mapping[str, Any], endpoint: str) -> Estimate:
        """The estimate of a request, from its body and its endpoint.

        Raises:
            One of LiteLLM's exceptions (see errors.py): there is no catalogue.
        """
        from openrouter_adapter import catalog

        if endpoint == BATCHES:
            return _worst_batch(body, self._with_providers(body))
        if endpoint in JOBS:
            # Their prices are in a list of their own.
            return catalog.bound(body, endpoint)
        found: Estimate = catalog.bound(body, endpoint, self._with_providers(body))
        if endpoint == "/rerank" and found.worst is None:
            return _OfRerank(_worst_rerank(body))
        return found

    def _with_providers(self, body: Mapping[str, Any]) -> Catalog:
        from openrouter_adapter import catalog
        from openrouter_adapter.catalog.lazy import LazyCatalog

        with self._lock:
            if self._catalog is None or time.monotonic() > self._old_at:
                self._old_at = time.monotonic() + _AGE
                self._catalog = LazyCatalog(catalog.load(), self._load_endpoints)
            return self._catalog.of_request(body)

    def _load_endpoints(self, known: Catalog, models: list[str]) -> Catalog:
        from openrouter_adapter import catalog

        try:
            return catalog.load_endpoints(known, models)
        except Exception:  # noqa: BLE001 - the estimate reports it
            self._old_at = min(self._old_at, time.monotonic() + _PAUSE)
            return known
