"""What one emulator remembers between requests."""

from __future__ import annotations

import copy
import hashlib
import random
import string
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .billing import Bill
from .caching import PromptCache
from .clock import Clock
from .faults import Faults
from .guardrails import Guardrails
from .journal import Journal
from .keys import Key, Keys
from .management import presets
from .rates import Rates
from .response_cache import ResponseCache

if TYPE_CHECKING:
    from typing_extensions import Self

    from .billing import BillRow
    from .catalog import Endpoint, Model
    from .management.byok import ProviderKey
    from .management.oauth import Grant
    from .management.presets import Preset
    from .settings import Settings

_ALPHABET = string.ascii_letters + string.digits
# The prefixes that upstreams give to the ids of tool calls.
_CALL_PREFIXES = {
    "Amazon Bedrock": "toolu_bdrk_01",
    "Anthropic": "toolu_01",
    "Google": "toolu_vrtx_01",
}
# What stands for the caller where the emulator takes any key.
ANY_KEY = "sk-or-v1-any"


class State:
    """The settings, the bill, the log, the account and the source of ids.

    Attributes:
        key: Whose request this is, in the copy that a request gets.
    """

    def __init__(self, settings: Settings) -> None:
        """Start with an empty bill."""
        self.settings = settings
        self.clock = Clock(settings.clock)
        self.bill = Bill()
        self.journal = Journal(settings.log_size)
        self.faults = Faults()
        self.cache = PromptCache()
        self.response_cache = ResponseCache()
        self.rates = Rates(settings)
        self.guardrails = Guardrails()
        self._random = random.Random(settings.seed)  # noqa: S311  (ids, not secrets)
        self._counts = {"secrets": 0}
        open_to_all = ANY_KEY if settings.api_key is None else None
        self.keys = Keys(open_to_all=open_to_all)
        self.key = Key(settings.api_key or ANY_KEY, "Emulator", self.now())
        self.keys.add(self.key)
        self.keys.add(Key(settings.provisioning_key, "Provisioning", self.now(), manages=True))
        self.provider_keys: dict[str, ProviderKey] = {}
        self.destinations: dict[str, dict[str, Any]] = {}
        self.organization: dict[str, Any] = {"is_filtered_model_catalog_enabled": False}
        self.presets: dict[str, Preset] = {}
        for slug, parameters in settings.presets.items():
            presets.keep(self, slug, parameters)
        self.codes: dict[str, Grant] = {}
        self.purchases: list[Decimal] = [] if settings.credits is None else [settings.credits]

    def of(self, key: Key) -> Self:
        """Return the same state as one key sees it; whatever it bills is on that key."""
        mine = copy.copy(self)
        mine.key = key
        return mine

    def now(self) -> float:
        """Return seconds since 1970."""
        return self.clock.now()

    def charge(self, row: BillRow) -> BillRow:
        """Put a row on the bill and on the caller's key, and return it."""
        row = replace(row, key_hash=self.key.hash)
        self.bill.add(row)
        self.key.spend.add(row)
        self.key.last_used_at = row.created_at
        return row

    def new_id(self, prefix: str = "gen") -> str:
        """Return the next generation id."""
        return f"{prefix}-{int(self.now())}-{self._characters(20)}"

    def new_secret(self, purpose: str) -> str:
        """Return 64 hexadecimal digits, others each time, the same in every run."""
        self._counts["secrets"] += 1
        seed = f"{self.settings.seed}/{purpose}/{self._counts['secrets']}"
        return hashlib.sha256(seed.encode()).hexdigest()

    def call_ids(self, number: int, provider: str) -> tuple[str, ...]:
        """Return ids for the tool calls of one answer."""
        prefix = _CALL_PREFIXES.get(provider, "call_")
        return tuple(prefix + self._characters(22) for _ in range(number))

    def is_byok(self, model: Model, endpoint: Endpoint) -> bool:
        """Tell whether the account has its own key for what an endpoint's provider serves."""
        if endpoint.slug in self.settings.byok or endpoint.tag in self.settings.byok:
            return True
        return any(one.serves(self.key, model, endpoint) for one in self.provider_keys.values())

    def bought(self) -> Decimal | None:
        """Return the USD bought so far, None for no end of them."""
        return sum(self.purchases, Decimal(0)) if self.purchases else None

    def remaining_credits(self) -> Decimal | None:
        """Return the USD left, None for no end of them."""
        bought = self.bought()
        return None if bought is None else bought - self.bill.total

    def _characters(self, number: int) -> str:
        return "".join(self._random.choices(_ALPHABET, k=number))
