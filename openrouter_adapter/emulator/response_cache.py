"""OpenRouter's response cache: `X-OpenRouter-Cache`.

See https://openrouter.ai/docs/guides/features/response-caching. An entry belongs to one API key,
endpoint and body. The order of the body's fields counts, and streams have their own entries.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from . import billing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .clock import Clock
    from .completion import Completion

_LONGEST = 86_400
_USUAL = 300


@dataclass(frozen=True, slots=True)
class _Entry:
    """A cached answer: a completion, or None for an answer that can be made again."""

    source_id: str
    completion: Completion | None
    stored_at: float
    ttl: int


class ResponseCache:
    """The entries of all keys."""

    def __init__(self) -> None:
        """Start empty."""
        self._entries: dict[bytes, _Entry] = {}

    def look(
        self, clock: Clock, key_hash: str, headers: Mapping[str, str], path: str, body: Any
    ) -> Lookup | None:
        """Return the lookup of a request, None if it does not ask for one."""
        if headers.get("X-OpenRouter-Cache", "").lower() != "true":
            return None
        parts = [key_hash, path, body]
        key = hashlib.sha256(orjson.dumps(parts)).digest()
        if headers.get("X-OpenRouter-Cache-Clear", "").lower() == "true":
            self._entries.pop(key, None)
        entry = self._entries.get(key)
        if entry is not None and clock.now() >= entry.stored_at + entry.ttl:
            entry = None
        return Lookup(self, clock, key, entry, _ttl(headers.get("X-OpenRouter-Cache-TTL")))

    def put(self, key: bytes, entry: _Entry) -> None:
        """Add an entry, in place of an older one."""
        self._entries[key] = entry


@dataclass(frozen=True, slots=True)
class Lookup:
    """The lookup of one request: a hit, or a miss whose answer is kept."""

    cache: ResponseCache
    clock: Clock
    key: bytes
    entry: _Entry | None
    ttl: int

    @property
    def is_hit(self) -> bool:
        """Whether it is a hit."""
        return self.entry is not None

    def headers(self) -> dict[str, str]:
        """Return the response's headers about the cache."""
        if self.entry is None:
            return {"X-OpenRouter-Cache-Status": "MISS", "X-OpenRouter-Cache-TTL": str(self.ttl)}
        age = int(self.clock.now() - self.entry.stored_at)
        return {
            "X-OpenRouter-Cache-Status": "HIT",
            "X-OpenRouter-Cache-Age": str(age),
            "X-OpenRouter-Cache-TTL": str(self.entry.ttl - age),
            "X-OpenRouter-Cache-Source-Id": self.entry.source_id,
        }

    def completion(self, new_id: Callable[[], str]) -> Completion | None:
        """Return the cached completion as a new generation without cost."""
        kept = self.entry.completion if self.entry else None
        if kept is None:
            return None
        return replace(
            kept,
            id=new_id(),
            created=int(self.clock.now()),
            usage=billing.Usage(prompt=0),
            cost=billing.Cost(),
        )

    def keep(self, source_id: str, completion: Completion | None = None) -> None:
        """Add the answer of a miss to the cache."""
        if self.entry is None:
            now = self.clock.now()
            self.cache.put(self.key, _Entry(source_id, completion, now, self.ttl))


def _ttl(given: str | None) -> int:
    """Return the seconds in a header: its leading digits, within the limits."""
    digits = re.match(r"\s*(\d+)", given or "")
    return _USUAL if digits is None else min(max(int(digits[1]), 1), _LONGEST)
