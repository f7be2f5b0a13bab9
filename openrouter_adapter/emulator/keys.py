"""The account's keys: access, spend and budgets."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from . import clock
from .billing import ZERO, wire_number
from .errors import USER_ID, ApiError

if TYPE_CHECKING:
    from decimal import Decimal

    from .billing import BillRow
    from .catalog import Endpoint, Model

WORKSPACE = "00000000-0000-4000-8000-000000000001"
WINDOWS = {"": None, "_daily": "daily", "_weekly": "weekly", "_monthly": "monthly"}


@lru_cache(maxsize=1024)
def hash_of(secret: str) -> str:
    """Return the hash by which `/keys` names a key."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Spend:
    """USD by UTC day, of credits and of the caller's own provider keys."""

    def __init__(self) -> None:
        """Start empty."""
        self._days: dict[int, tuple[Decimal, Decimal]] = {}

    def add(self, row: BillRow) -> None:
        """Count a row of the bill."""
        day = clock.day_of(row.created_at)
        credits_used, byok = self._days.get(day, (ZERO, ZERO))
        own = row.upstream_cost if row.is_byok else ZERO
        self._days[day] = (credits_used + row.cost, byok + own)

    def of_window(self, reset: str | None, now: float) -> tuple[Decimal, Decimal]:
        """Return USD of credits and of own provider keys in a window; no reset means all time."""
        first = 0 if reset is None else clock.first_day(reset, now)
        days = [used for day, used in self._days.items() if day >= first]
        return sum((used[0] for used in days), ZERO), sum((used[1] for used in days), ZERO)

    def counted(self, reset: str | None, now: float, *, byok: bool) -> Decimal:
        """Return the USD of a window that count against a limit, with or without provider keys."""
        credits_used, own = self.of_window(reset, now)
        return credits_used + own if byok else credits_used


@dataclass(slots=True)
class Key:
    """A key of the account, with the fields that `/keys` shows."""

    secret: str
    name: str
    created_at: float
    manages: bool = False
    limit: Decimal | None = None
    limit_reset: str | None = None
    include_byok_in_limit: bool = False
    disabled: bool = False
    expires_at: float | None = None
    updated_at: float | None = None
    last_used_at: float | None = None
    creator: str | None = USER_ID
    external_user: str | None = None
    workspace: str = WORKSPACE
    spend: Spend = field(default_factory=Spend)
    removed: bool = False
    hash: str = ""

    def __post_init__(self) -> None:
        """Set its hash, by which `/keys` names it."""
        self.hash = hash_of(self.secret)

    @property
    def label(self) -> str:
        """The start and the end of the secret."""
        return f"{self.secret[:12]}...{self.secret[-3:]}"

    def expired(self, now: float) -> bool:
        """Return whether it has expired."""
        return self.expires_at is not None and self.expires_at <= now

    def budget(self, now: float) -> Budget | None:
        """Return its limit with its spend, None without a limit."""
        if self.limit is None:
            return None
        byok = self.include_byok_in_limit
        spent = self.spend.counted(self.limit_reset, now, byok=byok)
        return Budget("key_limit", self.limit, spent, self.limit_reset, byok)

    def usage(self, now: float) -> dict[str, float | int]:
        """Return the eight sums that `/key` and `/keys` show."""
        sums: dict[str, float | int] = {}
        for ending, reset in WINDOWS.items():
            credits_used, own = self.spend.of_window(reset, now)
            sums[f"usage{ending}"] = wire_number(credits_used)
            sums[f"byok_usage{ending}"] = wire_number(own)
        return sums

    def limits(self, now: float) -> dict[str, Any]:
        """Return its limit as `/key` and `/keys` show it."""
        budget = self.budget(now)
        return {
            "limit": None if budget is None else wire_number(budget.limit),
            "limit_remaining": None if budget is None else wire_number(budget.left),
            "limit_reset": self.limit_reset,
            "include_byok_in_limit": self.include_byok_in_limit,
            "expires_at": None if self.expires_at is None else clock.instant(self.expires_at),
        }


class Keys:
    """All keys by their hash, the oldest first. Deleted keys are kept for their spend."""

    def __init__(self, *, open_to_all: Key | None = None) -> None:
        """Start empty; with `open_to_all` any unknown secret is accepted as that key."""
        self._keys: dict[str, Key] = {}
        self._open_to_all = open_to_all

    def add(self, key: Key) -> None:
        """Add a key."""
        self._keys[key.hash] = key

    def of_secret(self, secret: str) -> Key:
        """Return the key of a caller's secret.

        Raises:
            ApiError: 401 if there is none.
        """
        key = self.of_hash(hash_of(secret)) or self._open_to_all
        if key is None:
            raise ApiError(401, "User not found.")
        return key

    def of_hash(self, digest: str) -> Key | None:
        """Return the key with a hash, None if there is none."""
        key = self._keys.get(digest)
        return None if key is None or key.removed else key

    def even_deleted(self, digest: str) -> Key | None:
        """Return the key with a hash, even if it was deleted; None if there never was one."""
        return self._keys.get(digest)

    def of_owner(self, user: str | None) -> list[Key]:
        """Return the keys that a user created, deleted ones included."""
        return [key for key in self._keys.values() if key.creator == user]

    def all(self) -> list[Key]:
        """Return the keys that call models, the newest first."""
        kept = reversed(self._keys.values())
        return [key for key in kept if not key.manages and not key.removed]


@dataclass(frozen=True, slots=True)
class Budget:
    """One limit on what a key may spend, as `/key` lists it.

    Attributes:
        scope: OpenRouter's name of the layer that sets it.
        limit: USD in a window.
        spent: USD spent in the current window.
        reset: The reset interval, None if it is never reset.
        byok: Whether spend of the caller's own provider keys counts.
        guardrail: The guardrail's id, None for the key's own limit.
    """

    scope: str
    limit: Decimal
    spent: Decimal
    reset: str | None
    byok: bool
    guardrail: str | None = None

    @property
    def left(self) -> Decimal:
        """USD left."""
        return self.limit - self.spent

    def wire(self, now: float) -> dict[str, Any]:
        """Return its JSON in `/key`."""
        return {
            "budget_id": None,
            "guardrail_id": self.guardrail,
            "include_byok": self.byok,
            "limit_usd": wire_number(self.limit),
            "remaining_usd": wire_number(self.left),
            "reset_interval": self.reset,
            "resets_at": self.resets_at(now),
            "scope": self.scope,
            "spend_usd": wire_number(self.spent),
        }

    def resets_at(self, now: float) -> str | None:
        """Return the end of its window."""
        return clock.instant(clock.resets_at(self.reset, now)) if self.reset else None


@dataclass(slots=True)
class ProviderKey:
    """A provider's key; only the start and the end of its secret are kept."""

    id: str
    provider: str
    label: str
    workspace: str
    created_at: float
    order: int
    fields: dict[str, Any] = field(default_factory=dict)

    def serves(self, key: Key, model: Model, endpoint: Endpoint) -> bool:
        """Return whether it serves a request of a key to an endpoint."""
        fields = self.fields
        return (
            self.provider == endpoint.slug
            and not fields.get("disabled")
            and _open_to(fields.get("allowed_models"), model.id, model.canonical_slug)
            and _open_to(fields.get("allowed_api_key_hashes"), key.hash)
            and _open_to(fields.get("allowed_user_ids"), key.creator or "")
        )


@dataclass(frozen=True, slots=True)
class Grant:
    """The key that an OAuth code is exchanged for, and the challenge to verify."""

    issued_at: float
    label: str
    challenge: str | None = None
    method: str | None = None
    limit: Decimal | None = None
    limit_reset: str | None = None
    key_expires_at: float | None = None
    workspace: str = WORKSPACE


def _open_to(allowed: list[str] | None, *names: str) -> bool:
    return allowed is None or any(name in allowed for name in names)
