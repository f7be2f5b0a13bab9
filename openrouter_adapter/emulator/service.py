"""What one emulator remembers between requests."""

from __future__ import annotations

import random
import string
from typing import TYPE_CHECKING

from .billing import Bill
from .caching import PromptCache
from .faults import Faults
from .journal import Journal

if TYPE_CHECKING:
    from decimal import Decimal

    from .catalog import Endpoint
    from .settings import Settings

_ALPHABET = string.ascii_letters + string.digits
# The prefixes that upstreams give to the ids of tool calls.
_CALL_PREFIXES = {
    "Amazon Bedrock": "toolu_bdrk_01",
    "Anthropic": "toolu_01",
    "Google": "toolu_vrtx_01",
}


class Service:
    """The settings, the bill, the log and the source of ids."""

    def __init__(self, settings: Settings) -> None:
        """Start with an empty bill."""
        self.settings = settings
        self.bill = Bill()
        self.journal = Journal(settings.log_size)
        self.faults = Faults()
        self.cache = PromptCache()
        self._random = random.Random(settings.seed)  # noqa: S311  (ids, not secrets)

    def now(self) -> float:
        """Return seconds since 1970."""
        return self.settings.clock()

    def new_id(self, prefix: str = "gen") -> str:
        """Return the next generation id."""
        return f"{prefix}-{int(self.now())}-{self._characters(20)}"

    def call_ids(self, number: int, provider: str) -> tuple[str, ...]:
        """Return ids for the tool calls of one answer."""
        prefix = _CALL_PREFIXES.get(provider, "call_")
        return tuple(prefix + self._characters(22) for _ in range(number))

    def is_byok(self, endpoint: Endpoint) -> bool:
        """Tell whether the account has its own key for an endpoint's provider."""
        return endpoint.slug in self.settings.byok or endpoint.tag in self.settings.byok

    def remaining_credits(self) -> Decimal | None:
        """Return the USD left, None for no end of them."""
        bought = self.settings.credits
        return None if bought is None else bought - self.bill.total

    def _characters(self, number: int) -> str:
        return "".join(self._random.choices(_ALPHABET, k=number))
